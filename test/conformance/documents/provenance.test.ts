/** Who sent a document: US Core "Basic Provenance", https://hl7.org/fhir/R4/provenance.html; src/features/documents/intake/provenance.ts */
import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import type { AuditEvent, Bundle, DocumentReference, FhirResource, Provenance } from 'fhir/r4.js';
import { before, describe, it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';
import { aBinary, aDocument, base64 } from '../../support/document-reference.js';
import { newStore, startServer } from '../../support/server.js';
import { aSubmission, MHD, PATIENT } from '../../support/submission.js';
import { type Talk, talkTo } from '../../support/talk.js';

const subject = { reference: `Patient/${PATIENT}` };
const inline = (text: string, more: Partial<DocumentReference> = {}): DocumentReference =>
  aDocument({ contentType: 'text/plain', data: base64(text) }, { subject, ...more });
const nameOf = (text: string): string => `ni:///sha-256;${createHash('sha256').update(text).digest('base64url')}`;
const receipts = async (talk: Talk, id: string): Promise<Provenance[]> =>
  ((await talk.search<Provenance>(`Provenance?target=DocumentReference/${id}`)).entry ?? []).map(
    ({ resource }) => resource!,
  );
const sourcesOf = ({ entity = [] }: Provenance) => entity.map(({ what }) => what.identifier!.value);
const namesOf = ({ activity }: Provenance) => activity!.coding!.map(({ code }) => code);

onStoresInTurn('received documents', stage => {
  before('stores a patient', async () => {
    await stage().talk.update({ resourceType: 'Patient', id: PATIENT });
  });

  it('have a Provenance: who, from where, and the hash of the bytes', async () => {
    const { talk } = stage();
    const author = [{ reference: 'https://source.example.org/fhir/Practitioner/1' }, { reference: '#a' }];
    const contained: FhirResource[] = [{ resourceType: 'Practitioner', id: 'a' }];
    const sent = await talk.create(inline('one', { author, contained }), { 'x-request-id': 'receipt-1' });
    const [found, ...others] = await receipts(talk, sent.body.id);
    assert.equal(others.length, 0);
    assert.equal(found!.target[0]!.reference, `DocumentReference/${sent.body.id}/_history/1`);
    assert.deepEqual(sourcesOf(found!), [nameOf('one'), sent.header('x-request-id')]);
    assert.deepEqual(namesOf(found!), ['receive']);
    assert.deepEqual(
      found!.agent.map(({ type, who }) => [type!.coding![0]!.code, who.reference ?? who.identifier?.value]),
      [
        ['author', author[0]!.reference],
        ['transmitter', '127.0.0.1'],
        ['110153', '127.0.0.1'],
        ['110152', talk.base],
      ],
    );
    const together = await talk.search(`DocumentReference?_id=${sent.body.id}&_revinclude=Provenance:target`);
    assert.equal(together.entry?.length, 2);
    const same = `Provenance?entity:identifier=urn:ietf:rfc:3986|${encodeURIComponent(nameOf('one'))}`;
    assert.ok((await talk.search<Provenance>(same)).entry!.some(({ resource }) => resource!.id === found!.id));
  });

  it('have one more for each version that brings other bytes, and none for one that does not', async () => {
    const { talk } = stage();
    const { body } = await talk.create(inline('first'));
    assert.equal((await talk.update({ ...body, description: 'the same bytes' })).status, 200);
    assert.equal((await receipts(talk, body.id)).length, 1);
    const { body: bytes } = await talk.create(aBinary('text/plain', 'second'));
    const content = [{ attachment: { url: `Binary/${bytes.id}` } }];
    assert.equal((await talk.update({ ...body, content })).status, 200);
    const versions = (await receipts(talk, body.id)).map(({ target }) => target[0]!.reference!.split('/').at(-1)!);
    assert.deepEqual(versions.toSorted(), ['1', '3']);
  });

  it('name their transaction: ITI-65, ITI-105, ITI-106', async () => {
    const { talk } = stage();
    const submitted = await talk.send<Bundle>('POST', '', {
      headers: { 'content-type': 'application/fhir+json' },
      body: JSON.stringify(aSubmission('minimal').bundle),
    });
    const id = submitted.body.entry![1]!.response!.location!.split('/')[1]!;
    assert.deepEqual((await receipts(talk, id)).map(namesOf), [['receive', 'ITI-65']]);
    const meta = { profile: [`${MHD}/StructureDefinition/IHE.MHD.SimplifiedPublish.DocumentReference`] };
    const masterIdentifier = { system: 'urn:ietf:rfc:3986', value: `urn:uuid:${randomUUID()}` };
    const published = await talk.create(inline('scan', { meta, masterIdentifier }));
    assert.deepEqual((await receipts(talk, published.body.id)).map(namesOf), [['receive', 'ITI-105']]);
  });

  it('are neither there nor told of where they are refused', async () => {
    const { talk } = stage();
    const total = async () => (await talk.search('Provenance?_summary=count')).total;
    const count = await total();
    const wrong = aDocument({ contentType: 'text/plain', data: base64('x'), size: 7 }, { subject });
    assert.equal((await talk.create(wrong)).status, 422);
    const { bundle, attachment } = aSubmission('minimal');
    attachment.size = 3;
    const headers = { 'content-type': 'application/fhir+json' };
    assert.equal((await talk.send('POST', '', { headers, body: JSON.stringify(bundle) })).status, 422);
    assert.equal(await total(), count);
  });

  it('take it with them when they go', async () => {
    const { talk } = stage();
    const { body } = await talk.create(inline('gone'));
    const [found] = await receipts(talk, body.id);
    assert.equal((await talk.delete(`DocumentReference/${body.id}`)).status, 204);
    assert.equal((await talk.get(`Provenance/${found!.id}`)).status, 410);
  });

  it('are accounted for by whoever sent them', async () => {
    const { talk } = stage();
    const { body } = await talk.create(inline('audited'), { 'x-request-id': 'receipt-2' });
    const [found] = await receipts(talk, body.id);
    const events = await talk.search<AuditEvent>(`AuditEvent?entity=Provenance/${found!.id}`);
    assert.deepEqual(events.entry![0]!.resource!.agent.at(-1)!.name, 'documents');
  });
});

describe('received documents, where integrity is enforced', () => {
  it('can be deleted all the same', async function () {
    const store = await newStore(this, 'embedded');
    const server = await startServer({ store, config: { integrity: 'enforce' } });
    try {
      const talk = talkTo(server.base);
      await talk.update({ resourceType: 'Patient', id: PATIENT });
      const { body } = await talk.create(inline('one'));
      assert.equal((await receipts(talk, body.id)).length, 1);
      assert.equal((await talk.delete(`DocumentReference/${body.id}`)).status, 204);
    } finally {
      await server.stop();
    }
  });
});

describe('received documents, where the operator wants no Provenance', () => {
  it('have none', async function () {
    const server = await startServer({ store: await newStore(this, 'embedded'), config: { provenance: 'off' } });
    try {
      const talk = talkTo(server.base);
      assert.deepEqual(await receipts(talk, (await talk.create(inline('one'))).body.id), []);
    } finally {
      await server.stop();
    }
  });
});
