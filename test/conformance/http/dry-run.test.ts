/**
 * What is only prepared, and what is refused after it was prepared, leaves nothing behind: no resource, no version, no message,
 * and no bytes of attachments, which are stored before the commit that refers to them.
 */
import assert from 'node:assert/strict';
import { it } from 'mocha';
import type { Bundle, BundleEntry, FhirResource } from 'fhir/r4.js';
import { permissionSeeing } from '../../support/restricted.js';
import { UNRESTRICTED } from '../../../src/access/permission.js';
import { createView } from '../../../src/access/view.js';
import { SYSTEM } from '../../../src/identity/principal.js';
import { parseJson, STORED_JSON } from '../../../src/fhir/json/json.js';
import { prepare, storeAttachments, storeUpload } from '../../../src/interactions/write/prepare.js';
import { onStoresInTurn, type Stage } from '../../support/both-stores.js';

/** Base64 of so many bytes that no other test, and no other document, has. */
const attachment = (name: string): string =>
  Buffer.from(`${name} is a scanned page. `.repeat(20_000)).toString('base64');

const document = (name: string, changes: Partial<FhirResource> = {}): FhirResource =>
  ({
    resourceType: 'DocumentReference',
    status: 'current',
    description: name,
    content: [{ attachment: { contentType: 'text/plain', data: attachment(name) } }],
    ...changes,
  }) as FhirResource;

/** Of these a store that is shared keeps a message. */
const parameter: FhirResource = {
  resourceType: 'SearchParameter',
  url: 'http://example.org/SearchParameter/dry',
  name: 'dry',
  status: 'active',
  description: 'One that never comes into force.',
  code: 'dry',
  base: ['Patient'],
  type: 'string',
  expression: 'Patient.name.text',
};

const posted = (resource: FhirResource): BundleEntry => ({
  resource,
  request: { method: 'POST', url: resource.resourceType },
});

const transaction = (...entry: BundleEntry[]): Bundle => ({ resourceType: 'Bundle', type: 'transaction', entry });

/** All that a store holds but the audit trail, to which a refusal belongs. */
async function held({ server: { engine } }: Stage) {
  const { store, definitions } = engine;
  const blobs: string[] = [];
  for await (const hash of store.blobs.all()) blobs.push(hash);
  const types = definitions.resourceTypes.filter(type => type !== 'AuditEvent');
  const sizes = new Map(await store.sizes());
  sizes.delete('AuditEvent');
  const messages = await Promise.all(['search-parameter', 'reindex'].map(topic => store.pendingMessages(topic, 100)));
  return {
    blobs: blobs.toSorted(),
    versions: await store.countHistory({ types }),
    sizes: [...sizes].toSorted(([a], [b]) => (a < b ? -1 : 1)),
    messages: messages.flat().map(({ topic, body }) => ({ topic, body })),
  };
}

/** What is refused, after every document in it was prepared, and by which status. */
const REFUSED: readonly { readonly because: string; readonly with: BundleEntry; readonly status: number }[] = [
  { because: 'another entry is invalid', with: posted({ resourceType: 'Patient', gender: 'x' } as never), status: 400 },
  { because: 'what it reads is not there', with: { request: { method: 'GET', url: 'Patient/none' } }, status: 404 },
  {
    because: 'another entry is of an old version',
    with: {
      resource: { resourceType: 'Patient', id: 'old' },
      request: { method: 'PUT', url: 'Patient/old', ifMatch: 'W/"7"' },
    },
    status: 412,
  },
  {
    because: 'what it refers to is not there',
    with: posted({
      resourceType: 'Basic',
      code: { text: 'dry' },
      subject: { reference: 'Patient/none' },
    }),
    status: 422,
  },
];

onStoresInTurn(
  'what is not written',
  stage => {
    it('is seen by all that is asked here, if it is written', async () => {
      const before = await held(stage());
      const { talk, server } = stage();
      assert.equal((await talk.create(document('written'))).status, 201);
      await server.engine.store.commit({ changes: [], messages: [{ topic: 'search-parameter', body: 'written' }] });
      const after = await held(stage());
      assert.equal(after.blobs.length, before.blobs.length + 1);
      // The document, the Binary that its bytes have an address by, and the Provenance that says where they came from.
      assert.equal(after.versions, before.versions + 3);
      assert.notDeepEqual(after.sizes, before.sizes);
      assert.equal(after.messages.length, before.messages.length + 1);
    });

    it('leaves nothing if it was only prepared', async () => {
      const { engine } = stage().server;
      const before = await held(stage());
      const identity = {
        type: 'DocumentReference',
        id: 'dry',
        version: 1,
        method: 'PUT',
      } as const;
      const body = parseJson(Buffer.from(JSON.stringify(document('prepared', { id: 'dry' }))), STORED_JSON);
      const view = createView(engine, UNRESTRICTED, undefined);
      const permission = permissionSeeing(UNRESTRICTED);
      const stamp = engine.store.openStamp();
      const context = {
        engine,
        principal: SYSTEM,
        requestId: 'dry',
        address: 'here',
        request: 'none',
        permission,
        view,
        stamp,
      };
      const prepared = await prepare(context, 'update', { updated: stamp.now(), ...identity }, body);
      assert.deepEqual(await held(stage()), before);
      // It was large enough to be stored beside the text.
      const { change } = await storeUpload(context, prepared);
      assert.deepEqual(await held(stage()), before);
      await storeAttachments(engine.store, [change]);
      stamp.close();
      assert.equal((await held(stage())).blobs.length, before.blobs.length + 1);
    });

    for (const { because, with: other, status } of REFUSED)
      it(`leaves nothing of a transaction that is refused because ${because}`, async () => {
        const { talk } = stage();
        const before = await held(stage());
        const body = JSON.stringify(transaction(posted(document(because)), posted(parameter), other));
        const reply = await talk.send('POST', '', { headers: { 'content-type': 'application/fhir+json' }, body });
        assert.equal(reply.status, status, reply.text);
        assert.deepEqual(await held(stage()), before);
      });

    it('leaves nothing of a single resource that is refused', async () => {
      const { talk } = stage();
      const before = await held(stage());
      const absent = { subject: { reference: 'Patient/none' } } as Partial<FhirResource>;
      assert.equal((await talk.create(document('refers to nobody', absent))).status, 422);
      assert.equal((await talk.create(document('invalid', { status: 'x' } as never))).status, 400);
      const stale = document('of an old version', { id: 'stale' });
      assert.equal((await talk.update(stale, { 'if-match': 'W/"3"' })).status, 412);
      assert.deepEqual(await held(stage()), before);
    });
  },
  { config: { integrity: 'enforce' } },
);
