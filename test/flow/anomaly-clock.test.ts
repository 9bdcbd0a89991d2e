/** The server looks for anomalies by itself, from time to time: what happened meanwhile becomes one Task each, and what follows from the look none. */
import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import type { Bundle, FhirResource, Task } from 'fhir/r4.js';
import { after, it } from 'mocha';
import { onStoresInTurn } from '../support/both-stores.js';
import { as, identifyAs } from '../support/consents.js';
import { steppedTime } from '../support/stepped-time.js';
import { commitTrail } from '../support/trail.js';

const PRINCIPALS = {
  officer: { name: 'officer', role: 'privacy-officer' },
  owner: { name: 'owner', role: 'admin' },
} as const;
const START = Date.UTC(2026, 0, 14, 12);
const [HOUR, DAY] = [3_600_000, 86_400_000];
const time = steppedTime(START);

const star: FhirResource & { id: string } = {
  resourceType: 'Patient',
  id: 'star',
  meta: { security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'CEL' }] },
};

onStoresInTurn(
  'anomalies that are looked for from time to time',
  stage => {
    after(() => time.set(START));
    const state = () =>
      stage()
        .server.engine.jobs.known()
        .find(({ kind }) => kind === 'anomalies')?.state as { readonly until?: number } | undefined;
    const lookedUntil = async (ms: number): Promise<void> => {
      while (state()?.until !== ms) await turn();
    };
    const tasks = async (): Promise<Task[]> => {
      const { body } = await stage().talk.get<Bundle<Task>>(
        'Task?code=privacy-review&_sort=_lastUpdated',
        as('officer'),
      );
      return (body.entry ?? []).map(({ resource }) => resource!);
    };
    const whom = (hits: readonly Task[]) =>
      hits
        .map(({ description }) => String(/^remarkable-patient: on \S+ (\S+) with/.exec(description!)?.[1]))
        .toSorted();
    const looks = (name: string, at: number) =>
      commitTrail(stage().server.engine, [
        {
          ...{ at, principal: { role: 'clinician', name }, patients: ['star'] },
          data: { type: 'Observation', id: 'o' },
        },
      ]);

    it('become a Task each, once, after the period, and never by what follows from the look', async () => {
      await lookedUntil(START);
      await looks('before', START - 3 * DAY);
      await looks('dr-a', START + HOUR);
      time.step(DAY - 1);
      assert.deepEqual(await tasks(), []);
      time.step(1);
      await lookedUntil(START + DAY);
      const hit = await tasks();
      // Whoever has entered the patient came to them, too.
      assert.deepEqual(whom(hit), ['dr-a', 'owner']);
      // The officer asks who it was, and reads the Task; the server has named the patient itself.
      for (const path of [
        'Patient/star/$who-saw',
        `Task/${hit[0]!.id}`,
        'AuditEvent?patient=star',
        'Task?patient=star',
      ])
        assert.equal((await stage().talk.get(path, as('officer'))).status, 200);
      time.step(DAY);
      await lookedUntil(START + 2 * DAY);
      assert.equal((await tasks()).length, 2);
      await looks('dr-b', time.now() + HOUR);
      assert.equal((await stage().talk.get('Patient/star', as('officer'))).status, 200);
      time.step(DAY);
      await lookedUntil(START + 3 * DAY);
      assert.deepEqual(whom(await tasks()), ['dr-a', 'dr-b', 'officer', 'owner']);
    });

    it('are looked for on every day of a long time in which no server ran', async () => {
      const until = state()!.until!;
      const days = [2, 40, 75];
      for (const day of days) await looks(`dr-${day}`, until + day * DAY);
      time.step(80 * DAY);
      await lookedUntil(until + 80 * DAY);
      const found = whom(await tasks());
      for (const day of days) assert.ok(found.includes(`dr-${day}`), found.join());
    });

    it('are told as what the server did, in the name of the feature', async () => {
      const { body } = await stage().talk.get<Bundle>(
        'AuditEvent?subtype=urn:chartroom:operation|audit-anomalies&_count=50',
        as('officer'),
      );
      const events = (body.entry ?? []).map(({ resource }) => JSON.stringify(resource));
      assert.equal(
        events.length > 0 && events.every(event => event.includes('"chartroom"') && event.includes('"privacy"')),
        true,
      );
    });
  },
  {
    time,
    config: { anomaliesEvery: '24' },
    set: async ({ server, talk }) => {
      Object.assign(server.engine, { identify: identifyAs(PRINCIPALS) });
      const reply = await talk.update(star, as('owner'));
      assert.ok(reply.status < 300, reply.text);
    },
  },
);
