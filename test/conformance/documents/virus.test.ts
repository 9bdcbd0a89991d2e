/** Nothing is stored that the virus scanner finds something in, whichever way it comes; src/interactions/write/screen.ts */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Bundle, DocumentReference, FhirResource, OperationOutcome, Patient } from 'fhir/r4.js';
import { after, before, describe, it } from 'mocha';
import { type Clamd, EICAR, startClamd } from '../../support/clamd.js';
import { aBinary, aDocument, base64, sha1 } from '../../support/document-reference.js';
import { storesInTurn } from '../../support/both-stores.js';
import { newStore, type RunningServer, startServer } from '../../support/server.js';
import { aSubmission, MHD, PATIENT } from '../../support/submission.js';
import { refusal, type Reply, type Talk, talkTo } from '../../support/talk.js';

const JSON_BODY = { 'content-type': 'application/fhir+json' };
const OCTETS = { 'content-type': 'application/octet-stream' };
const subject = { reference: `Patient/${PATIENT}` };
/** Base64 that is not what the bytes encode to, and that readers decode to them. */
const OTHERWISE: readonly ((text: string) => string)[] = [
  text => text.replaceAll(/.{76}/g, '$&\n'),
  text => ` ${text.replaceAll(/.{4}/g, '$& ')}`,
  text => text.replaceAll(/.{8}/g, '$&\r\n\t'),
  text => text.replace(/(.)==$/, (_, last: string) => `${String.fromCharCode(last.charCodeAt(0) + 1)}==`),
];
const large = (text: string): string => `${'x'.repeat(2 * 1024 * 1024)}${text}`;

/** Every way in, with some bytes. */
const WAYS: Readonly<Record<string, (talk: Talk, bytes: string) => Promise<Reply<unknown>>>> = {
  'a raw upload': (talk, body) => talk.send('POST', 'Binary', { headers: OCTETS, body: Buffer.from(body) }),
  'a large raw upload': (talk, body) =>
    talk.send('POST', 'Binary', { headers: OCTETS, body: Buffer.from(large(body)) }),
  'a Binary as a resource': (talk, bytes) => talk.create(aBinary('application/octet-stream', bytes)),
  'a large Binary as a resource': (talk, bytes) => talk.create(aBinary('application/octet-stream', large(bytes))),
  'an inline document': (talk, bytes) =>
    talk.create(aDocument({ contentType: 'application/octet-stream', data: base64(bytes) }, { subject })),
  'a picture of a patient': (talk, bytes) =>
    talk.create<Patient>({ resourceType: 'Patient', photo: [{ contentType: 'image/png', data: base64(bytes) }] }),
  'a patch': (talk, bytes) =>
    talk.send('PATCH', `Patient/${PATIENT}`, {
      headers: { 'content-type': 'application/json-patch+json' },
      body: JSON.stringify([{ op: 'add', path: '/photo', value: [{ contentType: 'image/png', data: base64(bytes) }] }]),
    }),
  'ITI-65': (talk, bytes) => {
    const { bundle, binary, attachment } = aSubmission('minimal');
    Object.assign(binary, { data: base64(bytes) });
    Object.assign(attachment, { size: bytes.length, hash: sha1(bytes) });
    return talk.send('POST', '', { headers: JSON_BODY, body: JSON.stringify(bundle) });
  },
  'ITI-105': (talk, bytes) =>
    talk.create<DocumentReference>(
      aDocument(
        { contentType: 'application/octet-stream', data: base64(bytes) },
        {
          ...{ subject, meta: { profile: [`${MHD}/StructureDefinition/IHE.MHD.SimplifiedPublish.DocumentReference`] } },
          masterIdentifier: { system: 'urn:ietf:rfc:3986', value: `urn:uuid:${randomUUID()}` },
        },
      ),
    ),
};

for (const store of storesInTurn(1))
  describe(`a virus scanner (${store})`, () => {
    let clamd: Clamd | undefined;
    let server: RunningServer;
    let talk: Talk;
    before(async function () {
      clamd = await startClamd();
      server = await startServer({ store: await newStore(this, store), config: { scan: clamd.address } });
      talk = talkTo(server.base);
      await talk.update<Patient>({ resourceType: 'Patient', id: PATIENT });
    });
    after(async () => {
      await server?.stop();
      await clamd?.stop();
    });
    const held = async (): Promise<unknown> => {
      const blobs: string[] = [];
      for await (const hash of server.engine.store.blobs.all()) blobs.push(hash);
      const sizes = new Map(await server.engine.store.sizes());
      sizes.delete('AuditEvent');
      return { blobs: blobs.toSorted(), sizes: [...sizes].toSorted(([a], [b]) => (a < b ? -1 : 1)) };
    };

    for (const [way, send] of Object.entries(WAYS)) {
      it(`takes ${way} that is clean, and refuses one that is not`, async () => {
        const count = clamd!.judged();
        const clean = await send(talk, `clean ${randomUUID()}`);
        assert.ok(clean.status < 300, clean.text.slice(0, 500));
        assert.ok(clamd!.judged() > count, 'it was asked');
        const earlier = await held();
        const found = await send(talk, EICAR);
        assert.deepEqual(refusal(found as Reply<OperationOutcome>), { status: 422, detail: 'virus-found' });
        assert.deepEqual(await held(), earlier);
      });

      it(`takes no ${way} while it is away`, async () => {
        const earlier = await held();
        clamd!.say = 'no words of clamd\0';
        const away = await send(talk, `clean ${randomUUID()}`);
        clamd!.say = undefined;
        assert.deepEqual(refusal(away as Reply<OperationOutcome>), { status: 503, detail: 'scan-unavailable' });
        assert.ok(away.header('retry-after'));
        assert.deepEqual(await held(), earlier);
      });
    }

    it('looks into base64 that is written otherwise', async () => {
      // A length that leaves bits over, and a line break after 76 characters.
      const bytes = `${EICAR}${' '.repeat(3 - ((EICAR.length + 2) % 3))}`;
      assert.equal(Buffer.byteLength(bytes) % 3, 1);
      const clean = ' '.repeat(bytes.length);
      const as = (given: string, otherwise: (text: string) => string): FhirResource[] => {
        const data = otherwise(base64(given));
        return [
          { resourceType: 'Binary', contentType: 'text/plain', data },
          aDocument({ contentType: 'text/plain', data }, { subject }),
          { resourceType: 'Patient', photo: [{ contentType: 'image/png', data }] },
          { resourceType: 'Patient', extension: [{ url: 'http://a.org/b', valueBase64Binary: data }] },
        ];
      };
      for (const [way, otherwise] of OTHERWISE.entries()) {
        assert.notEqual(otherwise(base64(bytes)), base64(bytes));
        for (const resource of as(clean, otherwise)) {
          const taken = await talk.create(resource);
          assert.equal(taken.status, 201, taken.text.slice(0, 500));
        }
        for (const resource of as(bytes, otherwise)) {
          const reply = await talk.create(resource);
          const refused = refusal(reply);
          assert.deepEqual(refused, { status: 422, detail: 'virus-found' }, `${way} ${resource.resourceType}`);
        }
      }
    });

    it('$import leaves out the line, and loads the others', async () => {
      const line = (id: string, bytes: string): FhirResource => ({
        ...aDocument({ contentType: 'application/octet-stream', data: base64(bytes) }),
        id,
        subject,
      });
      const body = [line('virus-1', `clean ${randomUUID()}`), line('virus-2', EICAR)].map(one => JSON.stringify(one));
      const headers = { 'content-type': 'application/fhir+ndjson' };
      const begun = await talk.send('POST', '$import', { headers, body: body.join('\n') });
      assert.equal(begun.status, 202, begun.text);
      let done: Reply<Bundle>;
      while ((done = await talk.get<Bundle>(begun.header('content-location')!)).status === 202) await pause(50);
      assert.match(done.text, /virus-found/);
      assert.equal((await talk.get('DocumentReference/virus-1')).status, 200);
      assert.equal((await talk.get('DocumentReference/virus-2')).status, 404);
    });
  });
