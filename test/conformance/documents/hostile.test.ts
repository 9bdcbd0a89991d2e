/** What careless and hostile clients do with documents: nothing of another one is lost, and nothing stays that should be gone. */
import assert from 'node:assert/strict';
import type { Binary, DocumentReference, FhirResource, OperationOutcome } from 'fhir/r4.js';
import { before, it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';
import { post, put, send, uuid } from '../../support/bundles.js';
import { aBinary, aDocument, base64 } from '../../support/document-reference.js';
import { aSubmission, MHD, PATIENT } from '../../support/submission.js';
import { refusal, type Reply } from '../../support/talk.js';

const of = (patient: string) => ({ subject: { reference: `Patient/${patient}` } });
const inline = (text: string, more: Partial<DocumentReference> = {}): DocumentReference =>
  aDocument({ contentType: 'text/plain', data: base64(text) }, { ...of(PATIENT), ...more });

onStoresInTurn('documents in careless hands', stage => {
  before('stores patients', async () => {
    for (const id of [PATIENT, 'hostile-other']) await stage().talk.update({ resourceType: 'Patient', id });
  });
  const create = async (text: string, more: Partial<DocumentReference> = {}) =>
    (await stage().talk.create(inline(text, more))).body;
  const binaryOf = ({ content }: DocumentReference): string => /Binary\/[^/]+$/.exec(content[0]!.attachment.url!)![0];
  const statusOf = async (path: string) => (await stage().talk.get(path, { accept: '*/*' })).status;
  const purge = (path: string) =>
    stage().talk.send('POST', `${path}/$purge`, { headers: { 'content-type': 'application/fhir+json' } });
  const submit = (bundle: FhirResource): Promise<Reply<OperationOutcome>> =>
    stage().talk.send('POST', '', {
      headers: { 'content-type': 'application/fhir+json' },
      body: JSON.stringify(bundle),
    });

  it('a deletion takes the bytes of all versions, and a purge after it their history', async () => {
    const { talk } = stage();
    const one = await create('secret one');
    const two = (await talk.update({ ...inline('secret two'), id: one.id })).body;
    await talk.delete(`DocumentReference/${one.id}`);
    for (const version of [one, two]) assert.equal(await statusOf(binaryOf(version)), 410);
    assert.equal(await statusOf(`${binaryOf(one)}/_history/1`), 200, 'the positive control');
    assert.equal((await purge(`DocumentReference/${one.id}`)).status, 200);
    for (const version of [one, two]) assert.equal(await statusOf(`${binaryOf(version)}/_history/1`), 404);
  });

  it('bytes that another document names stay', async () => {
    const { talk } = stage();
    const one = await create('shared');
    const { url } = one.content[0]!.attachment;
    const other = await talk.create(aDocument({ url: url! }, of('hostile-other')));
    assert.equal(other.status, 201);
    await talk.delete(`DocumentReference/${one.id}`);
    assert.equal(await statusOf(binaryOf(one)), 200);
    await purge(`DocumentReference/${one.id}`);
    assert.equal(await statusOf(binaryOf(one)), 200);
  });

  it('a document whose Binary is gone or changed is retracted, patched, replaced, saved and brought back', async () => {
    const { talk } = stage();
    for (const spoil of [
      (path: string) => talk.delete(path),
      (path: string) => talk.update({ ...aBinary('text/plain', 'other'), id: path.split('/')[1]! }),
    ]) {
      const one = await create('spoilt');
      await spoil(binaryOf(one));
      assert.equal((await talk.update({ ...one, description: 'saved' })).status, 200);
      const part = { resourceType: 'DocumentReference', id: one.id, status: 'entered-in-error', ...of(PATIENT) };
      assert.equal((await talk.update(part as unknown as DocumentReference)).status, 200);
    }
    const gone = await create('back');
    await talk.delete(`DocumentReference/${gone.id}`);
    assert.equal((await talk.update(gone)).status, 201);
  });

  it('the same again makes no version and no Binary', async () => {
    const { talk } = stage();
    const sent = { ...inline('nightly feed'), id: 'hostile-feed' };
    const first = await talk.update(sent);
    assert.equal(first.status, 201);
    assert.equal((await talk.update(sent)).body.meta.versionId, '1');
  });

  it('size 0 beside bytes, a version of a Binary, and very many contents are refused', async () => {
    const { talk } = stage();
    const create422 = async (document: DocumentReference) => refusal(await talk.create(document));
    const lying = { contentType: 'text/plain', data: base64('x'), size: 0 };
    assert.deepEqual(await create422(aDocument(lying)), { status: 422, detail: 'size-mismatch' });
    const { body } = await talk.create<Binary>(aBinary('text/plain', 'x'));
    const current = await talk.create(aDocument({ url: `Binary/${body.id}/_history/1` }));
    assert.ok(current.body.content[0]!.attachment.url!.endsWith(`/Binary/${body.id}`), 'the version that is there');
    const versioned = aDocument({ url: `Binary/${body.id}/_history/2` });
    assert.deepEqual(await create422(versioned), { status: 422, detail: 'versioned-url' });
    const content = Array.from({ length: 1001 }, (_, at) => ({
      attachment: { contentType: 'text/plain', data: base64(String(at)) },
    }));
    const many: DocumentReference = { resourceType: 'DocumentReference', status: 'current', content };
    assert.deepEqual(await create422(many), { status: 422, detail: 'too-many-contents' });
  });

  it('patients are told apart however they are named, and what depends on a document with them', async () => {
    const { talk } = stage();
    const named = (value: string) => ({ subject: { identifier: { system: 'urn:mrn', value } } });
    const contained = {
      contained: [{ resourceType: 'Patient', id: 'p', active: true } as FhirResource],
      subject: { reference: '#p' },
    };
    const replacing = (id: string) => ({
      relatesTo: [{ code: 'replaces' as const, target: { reference: `DocumentReference/${id}` } }],
    });
    for (const [one, other] of [
      [named('1'), named('2')],
      [contained, contained],
    ] as const) {
      const { id } = await create('a', one);
      const reply = await talk.create(inline('b', { ...other, ...replacing(id) }));
      assert.deepEqual(refusal(reply), { status: 422, detail: 'other-patient' });
    }
    const { id } = await create('a');
    const relatesTo = [{ code: 'transforms' as const, target: { reference: `DocumentReference/${id}` } }];
    const foreign = await create('c', { ...of('hostile-other'), relatesTo });
    assert.equal((await talk.create(inline('b', replacing(id)))).status, 201);
    assert.equal((await talk.get<DocumentReference>(`DocumentReference/${foreign.id}`)).body.status, 'current');
  });

  it('a retraction is of the document that it names, with its subject', async () => {
    const { talk } = stage();
    const { id } = await create('kept');
    const part = { resourceType: 'DocumentReference', status: 'entered-in-error' };
    for (const body of [
      { ...part, id: 'other', ...of(PATIENT) },
      { ...part, id },
      { ...part, id, subject: 'abc' },
      { ...part, id, text: 5, ...of(PATIENT) },
    ]) {
      const headers = { 'content-type': 'application/fhir+json' };
      const reply = await talk.send('PUT', `DocumentReference/${id}`, { headers, body: JSON.stringify(body) });
      assert.equal(reply.status, 400, reply.text);
    }
    assert.equal((await talk.get<DocumentReference>(`DocumentReference/${id}`)).body.status, 'current');
  });

  it('a document about nobody is retracted by its id and status', async () => {
    const { talk } = stage();
    const { body: document } = await talk.create(
      aDocument({ contentType: 'text/plain', data: base64('about nobody') }),
    );
    const { id } = document;
    const headers = { 'content-type': 'application/fhir+json' };
    const body = JSON.stringify({ resourceType: 'DocumentReference', id, status: 'entered-in-error' });
    const reply = await talk.send<DocumentReference>('PUT', `DocumentReference/${id}`, { headers, body });
    assert.equal(reply.status, 200, reply.text);
    const { status, content } = (await talk.get<DocumentReference>(`DocumentReference/${id}`)).body;
    assert.deepEqual([status, content], ['entered-in-error', document.content]);
  });

  it('a history of replacements comes in one transaction', async () => {
    const { talk } = stage();
    const reference = 'DocumentReference/hostile-old';
    const relatesTo = [{ code: 'replaces' as const, target: { reference } }];
    const entries = (status: DocumentReference['status']) => [
      put({ ...inline('old'), id: 'hostile-old', status }),
      put({ ...inline('new', { relatesTo }), id: 'hostile-new' }),
    ];
    const current = await send(talk, 'transaction', entries('current'));
    assert.deepEqual(refusal(current), { status: 422, detail: 'target-written-current' });
    assert.equal((await send(talk, 'transaction', entries('superseded'))).status, 200);
  });

  it('a uniqueId is taken once: twice in one Bundle, and with other bytes whatever is said of them', async () => {
    const { talk } = stage();
    const profile = [`${MHD}/StructureDefinition/IHE.MHD.SimplifiedPublish.DocumentReference`];
    const masterIdentifier = { system: 'urn:ietf:rfc:3986', value: 'urn:oid:1.2.3.99' };
    const twice = inline('x', { meta: { profile }, masterIdentifier });
    const reply = await send(talk, 'transaction', [
      post(twice, { fullUrl: uuid(1) }),
      post(twice, { fullUrl: uuid(2) }),
    ]);
    assert.equal(reply.status, 409, reply.text);
    const { bundle, set, binary, attachment } = aSubmission('minimal');
    delete attachment.hash;
    delete attachment.size;
    assert.equal((await submit(bundle)).status, 200);
    binary.data = base64('zz other');
    set.identifier![0]!.value = 'urn:oid:1.2.3.98';
    assert.deepEqual(refusal(await submit(bundle)), { status: 422, detail: 'unique-id-of-other-content' });
    const unknown = inline('y', { meta: { profile }, masterIdentifier, subject: { reference: 'Patient/nobody' } });
    assert.deepEqual(refusal(await talk.create(unknown)), { status: 422, detail: 'unknown-patient' });
  });

  it('a submission changes no list and no patient but its own, and owns its bytes', async () => {
    const { talk } = stage();
    await talk.update({
      resourceType: 'List',
      id: 'problems',
      status: 'current',
      mode: 'working',
      ...of('hostile-other'),
    });
    const folder = aSubmission('minimal');
    const code = { coding: [{ system: `${MHD}/CodeSystem/MHDlistTypes`, code: 'folder' }] };
    folder.bundle.entry!.push(
      put({ resourceType: 'List', id: 'problems', status: 'current', mode: 'working', code, ...of(PATIENT) }),
    );
    assert.equal((await submit(folder.bundle)).status, 422);
    const person = aSubmission('minimal');
    person.bundle.entry!.push(put({ resourceType: 'Patient', id: 'hostile-other', active: true }));
    assert.deepEqual(refusal(await submit(person.bundle)), { status: 422, detail: 'other-patient' });
    const own = aSubmission('minimal');
    assert.equal((await submit(own.bundle)).status, 200);
    const found = await talk.search<DocumentReference>(
      `DocumentReference?identifier=${own.document.masterIdentifier!.value}`,
    );
    const document = found.entry![0]!.resource!;
    assert.equal((await purge(`DocumentReference/${document.id}`)).status, 200);
    assert.equal(await statusOf(binaryOf(document)), 410);
  });
});
