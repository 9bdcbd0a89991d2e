/** What a DocumentReference says of its bytes, held against them. MHD-11, USC-2, USC-3; src/features/documents/attachments.ts */
import assert from 'node:assert/strict';
import type { Attachment, Binary, DocumentReference, OperationOutcome } from 'fhir/r4.js';
import { it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';
import { post, put, send, uuid } from '../../support/bundles.js';
import { aBinary, aDocument, base64, sha1 } from '../../support/document-reference.js';
import { DOCUMENTS, readPayloads } from '../../support/documents.js';
import { skipWithout } from '../../support/shared.js';
import { refusal, type Reply } from '../../support/talk.js';

const TEXT = 'Hello World';
/** The check value of the specification. */
const HASH = 'Ck1VqNd45QIvq3AZd8XYQLvEhtA=';
const HEX = Buffer.from(HASH, 'base64').toString('hex');

const attachmentOf = ({ body }: Reply<DocumentReference>): Attachment => body.content[0]!.attachment;

onStoresInTurn('the bytes of a DocumentReference', stage => {
  const create = (attachment: Attachment) => stage().talk.create(aDocument(attachment));
  const refused = async (attachment: Attachment) => {
    const reply = (await create(attachment)) as Reply<unknown>;
    const { expression } = (reply.body as OperationOutcome).issue[0]!;
    return { ...refusal(reply), expression: expression?.[0] };
  };
  const count = async (): Promise<unknown> =>
    Promise.all(
      ['DocumentReference', 'Binary'].map(async type => (await stage().talk.search(`${type}?_summary=count`)).total),
    );
  const bytesAt = async (url: string): Promise<Buffer> =>
    Buffer.from(await (await fetch(url, { headers: { accept: '*/*' } })).arrayBuffer());

  it('MHD-11: inline, get size, hash and an address of this server, and stay what they were', async () => {
    const created = await create({ contentType: 'text/plain', data: base64(TEXT) });
    assert.equal(created.status, 201);
    const { talk, server } = stage();
    const { url, ...said } = attachmentOf(await talk.get<DocumentReference>(`DocumentReference/${created.body.id}`));
    assert.deepEqual(said, { contentType: 'text/plain', data: base64(TEXT), size: 11, hash: HASH });
    assert.ok(url!.startsWith(`${server.base}/Binary/`) || url!.includes('/fhir/Binary/'), url);
    assert.equal(String(await bytesAt(url!)), TEXT);
  });

  it('come back from their Binary and inline as they were written, however long and however folded', async () => {
    const { talk } = stage();
    const lengths = [3069, 3070, 3071, 3072, 3073, 100_000, 786_432, 786_433];
    const bytes = lengths.map((length, at) => Buffer.alloc(length, `${at} of ${length}. `));
    const folded = (data: string) => data.replaceAll(/.{76}/g, '$&\n');
    // The last character holds bits that belong to no byte.
    const loose = `${base64(bytes[4]!).slice(0, -3)}B==`;
    const written = [...bytes.map(base64), ...bytes.slice(2, 7).map(each => folded(base64(each))), loose];
    for (const data of written) {
      const sent = JSON.stringify(aDocument({ contentType: 'text/plain', data }));
      for (const body of [sent, sent.replaceAll('/', '\\/')]) {
        const headers = { 'content-type': 'application/fhir+json' };
        const created = await talk.send<DocumentReference>('POST', 'DocumentReference', { body, headers });
        assert.equal(created.status, 201, created.text.slice(0, 500));
        const { body: stored } = await talk.get<DocumentReference>(`DocumentReference/${created.body.id}`);
        const { url, data: kept } = stored.content[0]!.attachment;
        assert.equal(kept, data);
        assert.deepEqual(await bytesAt(url!), Buffer.from(data, 'base64'));
        const { body: binary } = await talk.get<Binary>(new URL(url!).pathname.replace('/fhir/', ''));
        assert.deepEqual(Buffer.from(binary.data!, 'base64'), Buffer.from(data, 'base64'));
      }
    }
    const twice: Attachment = { contentType: 'text/plain', data: base64('x'.repeat(5000)) };
    const { body } = await talk.create({
      ...aDocument(twice),
      content: [{ attachment: twice }, { attachment: twice }],
    });
    for (const { attachment } of body.content) assert.equal(String(await bytesAt(attachment.url!)), 'x'.repeat(5000));
  });

  it('MHD-11: a hash is understood in three writings, and kept in that of R4', async () => {
    for (const hash of [HASH, HEX, HEX.toUpperCase(), base64(HEX)]) {
      const reply = await create({ contentType: 'text/plain', data: base64(TEXT), hash, size: 11 });
      assert.deepEqual([reply.status, attachmentOf(reply).hash], [201, HASH], hash);
    }
  });

  it('MHD-11: what contradicts them is refused, with both values and nothing stored', async () => {
    const before = await count();
    const wrong = sha1('Hello world');
    const hex = Buffer.from(wrong, 'base64').toString('hex');
    const at = 'DocumentReference.content[0].attachment';
    for (const hash of [wrong, hex, base64(hex), 'AAAA'])
      assert.deepEqual(await refused({ contentType: 'text/plain', data: base64(TEXT), hash }), {
        status: 422,
        detail: 'hash-mismatch',
        expression: `${at}.hash`,
      });
    assert.deepEqual(await refused({ contentType: 'text/plain', data: base64(TEXT), size: 12 }), {
      status: 422,
      detail: 'size-mismatch',
      expression: `${at}.size`,
    });
    const reply = (await create({
      contentType: 'text/plain',
      data: base64(TEXT),
      size: 10,
      hash: wrong,
    })) as Reply<unknown>;
    const { issue } = reply.body as OperationOutcome;
    assert.equal(issue.length, 2);
    assert.match(reply.text, new RegExp(`\\b10\\b.*\\b11\\b`));
    assert.ok(reply.text.includes(wrong) && reply.text.includes(HASH));
    assert.deepEqual(await count(), before);
  });

  it('of a Binary here, or in the same transaction, are compared and completed in the same way', async () => {
    const { talk } = stage();
    const { body } = await talk.create(aBinary('text/plain', TEXT));
    for (const url of [`Binary/${body.id}`, `${talk.base}/Binary/${body.id}`]) {
      const { size, hash, url: given } = attachmentOf(await create({ contentType: 'text/plain', url }));
      assert.deepEqual([size, hash], [11, HASH]);
      assert.match(given!, /^http:\/\/.*\/fhir\/Binary\//);
    }
    const mismatch = { status: 422, detail: 'hash-mismatch' };
    assert.deepEqual(refusal(await create({ url: `Binary/${body.id}`, hash: sha1('x') })), mismatch);
    const together = (attachment: Attachment, binaryFirst: boolean) => {
      const entries = [
        post(aDocument({ ...attachment, url: uuid(1) }), { fullUrl: uuid(2) }),
        post(aBinary('text/plain', TEXT), { fullUrl: uuid(1) }),
      ];
      return send(talk, 'transaction', binaryFirst ? entries.toReversed() : entries, {
        prefer: 'return=representation',
      });
    };
    for (const first of [true, false]) {
      const before = await count();
      assert.deepEqual(refusal(await together({ hash: sha1('x') }, first)), mismatch);
      assert.deepEqual(await count(), before);
      const reply = await together({}, first);
      assert.equal(reply.status, 200, reply.text);
      const document = reply.body.entry!.find(({ resource }) => resource?.resourceType === 'DocumentReference')!;
      const { size, hash, url } = (document.resource as DocumentReference).content[0]!.attachment;
      assert.deepEqual([size, hash, String(await bytesAt(url!))], [11, HASH, TEXT]);
    }
  });

  it('an address of nothing, of elsewhere and of no kind is refused (USC-3)', async () => {
    const missing = { status: 422, detail: 'url-not-found' };
    const foreign = { status: 422, detail: 'foreign-url' };
    assert.deepEqual(refusal(await create({ url: 'Binary/nobody' })), missing);
    for (const url of [
      'http://169.254.169.254/latest/meta-data',
      'https://docs.example.org/1.pdf',
      'file:///etc/passwd',
      'data:text/plain,x',
      'javascript:alert(1)',
      uuid(9),
      'urn:oid:1.2.3',
      'somewhere',
    ])
      assert.deepEqual(refusal(await create({ url })), foreign, url);
    const { body } = await stage().talk.create(aBinary('text/plain', 'something else'));
    const beside = await create({ contentType: 'text/plain', data: base64(TEXT), url: `Binary/${body.id}` });
    assert.deepEqual(refusal(beside), { status: 422, detail: 'data-url-mismatch' });
  });

  it('as their type: a contradiction is refused, a near miss is not, and what hides it is told', async () => {
    const pdf = base64('%PDF-1.4\n%âãÏÓ\n1 0 obj\n<<>>\nendobj\n');
    const mismatch = { status: 422, detail: 'content-type-mismatch' };
    assert.deepEqual(refusal(await create({ contentType: 'image/png', data: pdf })), mismatch);
    assert.equal((await create({ contentType: 'text/xml', data: base64('<?xml version="1.0"?><a/>') })).status, 201);
    const { body } = await stage().talk.create(aBinary('application/pdf', '%PDF-1.4\n1 0 obj'));
    assert.equal(attachmentOf(await create({ url: `Binary/${body.id}` })).contentType, 'application/pdf');
    const csv = await stage().talk.create(aBinary('text/csv', 'a,b'));
    assert.equal(
      attachmentOf(await create({ url: `Binary/${csv.body.id}` })).contentType,
      'text/csv',
      'as it is called',
    );
    const told = await stage().talk.create(aDocument({ contentType: 'application/octet-stream', data: pdf }), {
      prefer: 'return=OperationOutcome',
    });
    assert.equal(told.status, 201);
    assert.match(told.text, /content-type-hidden/);
  });

  it('an update of what was read makes nothing new; new bytes get a new address', async () => {
    const { talk } = stage();
    const { body } = await create({ contentType: 'text/plain', data: base64(TEXT) });
    const before = await count();
    assert.equal((await talk.update({ ...body, description: 'again' })).status, 200);
    assert.deepEqual(await count(), before);
    const attachment = { contentType: 'text/plain', data: base64('Hello again') };
    const changed = await talk.update({ ...body, content: [{ attachment }] });
    assert.equal(String(await bytesAt(attachmentOf(changed).url!)), 'Hello again');
    assert.notEqual(attachmentOf(changed).url, body.content[0]!.attachment.url);
    assert.equal(String(await bytesAt(body.content[0]!.attachment.url!)), TEXT);
  });

  it('put together later (size 0), and none at all, are no fault', async () => {
    const { talk } = stage();
    const { body } = await talk.create(aBinary('text/plain', TEXT));
    const later = await create({
      contentType: 'text/plain',
      url: `Binary/${body.id}`,
      size: 0,
      hash: '2jmj7l5rSw0yVb/vlWAYkK/YBwk=',
    });
    assert.deepEqual([later.status, attachmentOf(later).size], [201, 0]);
    assert.equal((await create({ contentType: 'application/pdf' })).status, 201);
    const absent = { url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason', valueCode: 'not-applicable' };
    assert.equal((await create({ extension: [absent] })).status, 201);
  });

  it('USC-7: a retraction may come with id, status and subject alone', async () => {
    const { talk } = stage();
    const patient = { resourceType: 'Patient', id: 'usc-7' } as const;
    await talk.update(patient);
    const subject = { reference: 'Patient/usc-7' };
    const { body } = await talk.create(aDocument({ contentType: 'text/plain', data: base64(TEXT) }, { subject }));
    const part = { resourceType: 'DocumentReference', id: body.id, status: 'entered-in-error' } as const;
    const sent = (more: object) => talk.update({ ...part, ...more } as unknown as DocumentReference);
    assert.equal((await sent({ subject: { reference: 'Patient/other' } })).status, 422);
    assert.equal((await sent({ subject: { reference: `${talk.base}/Patient/usc-7` } })).status, 200);
    const { status, content } = (await talk.get<DocumentReference>(`DocumentReference/${body.id}`)).body;
    assert.deepEqual([status, content[0]!.attachment.hash], ['entered-in-error', HASH]);
    const nothing = await talk.update({ ...part, id: 'nobody', subject } as unknown as DocumentReference);
    assert.equal(nothing.status, 404);
  });

  it('all payloads: inline and as a Binary, byte for byte; one bit of the hash, or another type, refuses each', async function () {
    const payloads = readPayloads(skipWithout(this, ...DOCUMENTS));
    assert.equal(payloads.length, 32);
    const { talk } = stage();
    for (const { file, contentType, bytes } of payloads) {
      const data = base64(bytes);
      const { url, size, hash } = attachmentOf(await create({ contentType, data }));
      assert.deepEqual([size, hash], [bytes.length, sha1(bytes)], file);
      assert.ok((await bytesAt(url!)).equals(bytes), file);
      const digest = Buffer.from(sha1(bytes), 'base64');
      digest[0]! ^= 1;
      const other = contentType === 'image/png' ? 'application/pdf' : 'image/png';
      const wrong = [{ contentType, hash: base64(digest) }, { contentType: other }];
      for (const attachment of wrong) {
        assert.equal((await create({ ...attachment, data })).status, 422, file);
        assert.equal((await create({ ...attachment, url: url! })).status, 422, file);
      }
    }
    assert.equal((await send(talk, 'transaction', [put({ resourceType: 'Patient', id: 'last' })])).status, 200);
  });
});
