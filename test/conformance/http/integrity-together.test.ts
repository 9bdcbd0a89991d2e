/**
 * Referential integrity of changes that are committed together, as a transaction commits them: each is judged by what is there
 * when all are. https://hl7.org/fhir/R4/http.html#transaction
 */
import assert from 'node:assert/strict';
import type { FhirResource, Observation, Patient } from 'fhir/r4.js';
import { it } from 'mocha';
import type { FhirError } from '../../../src/fhir/error.js';
import type { Resource } from '../../../src/fhir/resource.js';
import { tombstone } from '../../../src/interactions/delete.js';
import { checkIntegrity } from '../../../src/interactions/integrity.js';
import { prepare } from '../../../src/interactions/prepare.js';
import { next } from '../../../src/interactions/update.js';
import type { Change } from '../../../src/store/store.js';
import { onBothStores } from '../../support/both-stores.js';

const patient = (id: string): Patient => ({ resourceType: 'Patient', id });
const observation = (id: string, subject: string): Observation => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { text: 'weight' },
  subject: { reference: subject },
});

onBothStores(
  'integrity enforced: changes that are committed together',
  stage => {
    const written = async (resource: FhirResource) => {
      const { engine } = stage().server;
      const { resourceType: type, id = '' } = resource;
      const before = await engine.store.read(type, id);
      const body = { resource: resource as unknown as Resource, decimals: undefined };
      const identity = { ...next(engine, type, id, before), method: 'PUT' as const };
      return (await prepare(engine, identity, body)).change;
    };
    const gone = async (type: string, id: string) => {
      const { engine } = stage().server;
      return tombstone(engine, (await engine.store.read(type, id))!);
    };
    /** As `perform` does with what a transaction gives. */
    const commit = async (...changes: Change[]) => {
      const { engine } = stage().server;
      const result = { status: 200, patients: [] };
      const { absent = [], present = [] } = await checkIntegrity(engine, { changes, result });
      await engine.store.commit({ changes, absent, present });
    };
    const refused = (kind: string, detail: string) => (error: FhirError) => {
      assert.deepEqual([error.kind, error.issues[0]?.detail], [kind, detail]);
      return true;
    };

    it('may refer to each other, in any order', async () => {
      await commit(await written(observation('t1', 'Patient/t1')), await written(patient('t1')));
      assert.equal((await stage().talk.get('Observation/t1')).status, 200);
      await commit(await written(observation('t1', 'Patient/t1/_history/2')), await written(patient('t1')));
      await commit(await written(observation('t1', 'Patient/t1/_history/1')), await written(patient('t1')));
    });

    it('may not refer to what goes with them', async () => {
      await commit(await written(patient('t2')));
      const changes = [await written(observation('t2', 'Patient/t2')), await gone('Patient', 't2')];
      await assert.rejects(commit(...changes), refused('unprocessable', 'dangling-reference'));
    });

    it('may take away what only they refer to: by going along, or by referring to something else', async () => {
      for (const id of ['t3', 't3-else']) await commit(await written(patient(id)));
      for (const id of ['t3', 't3-also', 't3-more']) await commit(await written(observation(id, 'Patient/t3')));
      const changes = [
        await gone('Patient', 't3'),
        await gone('Observation', 't3'),
        await written(observation('t3-also', 'Patient/t3-else')),
      ];
      await assert.rejects(commit(...changes), refused('conflict', 'still-referenced'));
      await commit(...changes, await gone('Observation', 't3-more'));
      assert.equal((await stage().talk.get('Patient/t3')).status, 410);
      assert.equal((await stage().talk.delete('Patient/t3-else')).status, 409);
    });
  },
  { config: { integrity: 'enforce' } },
);
