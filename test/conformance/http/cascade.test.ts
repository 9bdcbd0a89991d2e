/** Cascading deletes on both stores: `_cascade=delete` on https://hl7.org/fhir/R4/http.html#delete */
import assert from 'node:assert/strict';
import type { AuditEvent, FhirResource, Observation, Patient } from 'fhir/r4.js';
import { it } from 'mocha';
import type { Store } from '../../../src/store/store.js';
import { onStoresInTurn } from '../../support/both-stores.js';
import { entry, send } from '../../support/bundles.js';
import { refusal, type Talk } from '../../support/talk.js';

const patient = (id: string, more: Partial<Patient> = {}): Patient => ({ resourceType: 'Patient', id, ...more });
const observation = (id: string, subject: string, more: Partial<Observation> = {}): Observation => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { text: 'weight' },
  subject: { reference: subject },
  ...more,
});
const statusOf = async (talk: Talk, paths: readonly string[]) =>
  Promise.all(paths.map(async path => (await talk.get(path)).status));

/** Patient/x ← Observation/x ← Observation/x-2 (by has-member), DiagnosticReport/x; and a bystander. */
async function plant(talk: Talk, x: string): Promise<readonly string[]> {
  const resources: FhirResource[] = [
    patient(x, { identifier: [{ system: 'urn:cascade', value: x }] }),
    observation(x, `Patient/${x}`),
    observation(`${x}-2`, 'Group/1', { hasMember: [{ reference: `Observation/${x}` }] }),
    {
      resourceType: 'DiagnosticReport',
      id: x,
      status: 'final',
      code: { text: 'x' },
      result: [{ reference: `Observation/${x}-2` }],
    },
    observation(`${x}-other`, 'Patient/somebody'),
  ];
  for (const resource of resources) assert.equal((await talk.update(resource)).status, 201);
  return [`Patient/${x}`, `Observation/${x}`, `Observation/${x}-2`, `DiagnosticReport/${x}`];
}

onStoresInTurn(
  'a cascading delete',
  stage => {
    it('without the word deletes one resource alone', async () => {
      const { talk } = stage();
      const paths = await plant(talk, 'c0');
      for (const query of ['', '?_cascade=none']) await talk.delete(`Patient/c0${query}`);
      assert.deepEqual(await statusOf(talk, paths), [410, 200, 200, 200]);
    });

    it('deletes what refers to the resource, and what refers to that, and nothing else', async () => {
      const { talk } = stage();
      const paths = await plant(talk, 'c1');
      const reply = await talk.delete('Patient/c1?_cascade=delete', { prefer: 'return=OperationOutcome' });
      assert.equal(reply.status, 200);
      const { issue } = reply.body;
      assert.match(issue[1]?.details?.text ?? '', /: 3\.$/);
      assert.deepEqual(await statusOf(talk, [...paths, 'Observation/c1-other']), [410, 410, 410, 410, 200]);
      assert.equal((await talk.search('Observation?subject=Patient/c1')).total, 0);
    });

    it('is recorded by an event for each resource', async () => {
      const { talk } = stage();
      const paths = await plant(talk, 'c2');
      assert.equal((await talk.delete('Patient/c2', { 'x-cascade': 'delete' })).status, 204);
      for (const path of paths) {
        const found = await talk.search<AuditEvent>(`AuditEvent?entity=${path}&action=D`);
        // What an Observation is about stands in its event, too.
        const own = found.entry?.filter(
          ({ resource }) => resource?.entity?.[0]?.what?.reference === `${path}/_history/2`,
        );
        assert.equal(own?.length, 1, path);
      }
      // The events are there still: the trail refers to everything and never goes.
      assert.ok(((await talk.search('AuditEvent?entity=Patient/c2')).total ?? 0) >= 2);
    });

    it('ends where references go round', async () => {
      const { talk } = stage();
      const link = (id: string, other: string) =>
        patient(id, { link: [{ type: 'seealso', other: { reference: `Patient/${other}` } }] });
      for (const [id, other] of [
        ['r1', 'r2'],
        ['r2', 'r3'],
        ['r3', 'r1'],
        ['r4', 'r4'],
      ] as const)
        await talk.update(link(id, other));
      for (const id of ['r1', 'r4']) assert.equal((await talk.delete(`Patient/${id}?_cascade=delete`)).status, 204);
      assert.deepEqual(
        await statusOf(
          talk,
          ['r1', 'r2', 'r3', 'r4'].map(id => `Patient/${id}`),
        ),
        [410, 410, 410, 410],
      );
    });

    it('goes with criteria', async () => {
      const { talk } = stage();
      const paths = await plant(talk, 'c3');
      assert.equal((await talk.delete('Patient?identifier=urn:cascade|c3&_cascade=delete')).status, 204);
      assert.deepEqual(await statusOf(talk, paths), [410, 410, 410, 410]);
    });

    it('judges If-Match by the resource that is named, before anything goes', async () => {
      const { talk } = stage();
      const paths = await plant(talk, 'c4');
      await talk.update(observation('c4', 'Patient/c4', { status: 'amended' }));
      assert.equal((await talk.delete('Patient/c4?_cascade=delete', { 'if-match': 'W/"2"' })).status, 412);
      assert.deepEqual(await statusOf(talk, paths), [200, 200, 200, 200]);
      assert.equal((await talk.delete('Patient/c4?_cascade=delete', { 'if-match': 'W/"1"' })).status, 204);
      assert.deepEqual(await statusOf(talk, paths), [410, 410, 410, 410]);
    });

    it('deletes nothing where too many would go', async () => {
      const { talk } = stage();
      await talk.update(patient('many'));
      for (let i = 0; i < 6; i++) await talk.update(observation(`many${i}`, 'Patient/many'));
      const reply = await talk.delete('Patient/many?_cascade=delete');
      assert.deepEqual(refusal(reply), { status: 409, detail: 'cascade-too-large' });
      assert.match(reply.text, /More than 5 /);
      assert.deepEqual(await statusOf(talk, ['Patient/many', 'Observation/many0']), [200, 200]);
      await talk.delete('Observation/many5');
      assert.equal((await talk.delete('Patient/many?_cascade=delete')).status, 204);
    });

    it('deletes nothing of the audit trail, and changes nothing where nothing is', async () => {
      const { talk } = stage();
      const event = (await talk.search<AuditEvent>('AuditEvent?_count=1')).entry?.[0]?.resource?.id;
      for (const path of [`AuditEvent/${event}?_cascade=delete`, `AuditEvent?_id=${event}&_cascade=delete`])
        assert.equal((await talk.delete(path)).status, 405, path);
      assert.equal((await talk.delete('Patient/never-was?_cascade=delete')).status, 204);
      assert.equal((await talk.delete('Patient/never-was?_cascade=maybe')).status, 400);
    });
  },
  { config: { maxCascade: '5' } },
);

onStoresInTurn(
  'a cascading delete where integrity is enforced',
  stage => {
    it('deletes what a plain delete must leave', async () => {
      const { talk } = stage();
      await talk.update(patient('e1'));
      await talk.update(observation('e1', 'Patient/e1'));
      await talk.update(observation('e1-2', 'Patient/e1', { hasMember: [{ reference: 'Observation/e1' }] }));
      assert.deepEqual(refusal(await talk.delete('Patient/e1')), { status: 409, detail: 'still-referenced' });
      assert.equal((await talk.delete('Patient/e1?_cascade=delete')).status, 204);
      assert.deepEqual(await statusOf(talk, ['Patient/e1', 'Observation/e1', 'Observation/e1-2']), [410, 410, 410]);
    });

    for (const way of ['alone', 'in a transaction'])
      it(`takes what comes while it is under way, ${way}`, async () => {
        const { talk, server } = stage();
        const { store } = server.engine;
        const plain = { ...store };
        const collect: Store['findIds'] = (...asked) => plain.findIds(...asked);
        const id = way.replaceAll(' ', '-');
        await talk.update(patient(id));
        await talk.update(observation(id, `Patient/${id}`));
        let late = false;
        // After the look for what refers to the patient, before the one for what refers to that.
        (store as { findIds: Store['findIds'] }).findIds = async (...asked) => {
          const answer = await collect(...asked);
          if (late || !answer.found.some(named => named.id === id)) return answer;
          late = true;
          await talk.update(observation(`${id}-late`, `Patient/${id}`));
          return answer;
        };
        const path = `Patient/${id}?_cascade=delete`;
        try {
          const reply =
            way === 'alone' ? await talk.delete(path) : await send(talk, 'transaction', [entry('DELETE', path)]);
          assert.equal(reply.status, way === 'alone' ? 204 : 200, reply.text);
        } finally {
          (store as { findIds: Store['findIds'] }).findIds = collect;
        }
        assert.ok(late);
        const paths = [`Patient/${id}`, `Observation/${id}`, `Observation/${id}-late`];
        assert.deepEqual(await statusOf(talk, paths), [410, 410, 410]);
      });
  },
  { config: { integrity: 'enforce' } },
);
