/** Whatever users see of time follows the server's clock, however that is set; and what has an order keeps it. */
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { it } from 'mocha';
import type { AuditEvent, Patient } from 'fhir/r4.js';
import { onStoresInTurn } from '../support/both-stores.js';
import { linkOf } from '../support/talk.js';
import { steppedTime } from '../support/stepped-time.js';

const MINUTE = 60_000;
const time = steppedTime();
/** A time above all that were shown: stamps never fall, whatever a clock does. */
let year = 2031;
const later = (): number => Date.UTC(year++, 4, 6, 7, 8, 9, 123);

onStoresInTurn(
  'a server whose clock is set',
  stage => {
    it('stamps versions, pages and audit events by it', async () => {
      const { talk } = stage();
      const start = later();
      const at = new Date(start).toISOString();
      time.set(start);
      const created = await talk.create<Patient>({ resourceType: 'Patient' });
      assert.equal(created.body.meta.lastUpdated, at);
      assert.equal(created.header('last-modified'), new Date(start).toUTCString());
      time.step(1000);
      const until = new Date(start + 1000).toISOString();
      // Up to when it is complete, on which several processes agree from time to time.
      while ((await talk.search(`Patient?_lastUpdated=${at}`)).meta?.lastUpdated !== until) await pause(10);
      time.step(1000);
      const events = await talk.search<AuditEvent>(`AuditEvent?entity=Patient/${created.body.id}&_sort=date`);
      assert.equal(events.entry?.[0]?.resource?.recorded, at);
    });

    it('measures by it how near ap is', async () => {
      const { talk } = stage();
      await talk.update<Patient>({ resourceType: 'Patient', id: 'near', birthDate: '2020-01-01' });
      const found = async () => (await talk.search('Patient?_id=near&birthdate=ap2020-06-01')).total;
      time.set(Date.UTC(2031, 0, 1));
      assert.equal(await found(), 1);
      time.set(Date.UTC(2020, 6, 1));
      assert.equal(await found(), 0);
    });

    it('lets page links work for their time, and no longer', async () => {
      const { talk } = stage();
      for (const id of ['a', 'b', 'c']) await talk.update<Patient>({ resourceType: 'Patient', id });
      const next = linkOf(await talk.search('Patient?_count=1'), 'next')!;
      time.step(5 * MINUTE - 1000);
      assert.equal((await talk.get(next)).status, 200);
      time.step(2 * 1000);
      assert.equal((await talk.get(next)).status, 410);
    });

    it('keeps the versions of a resource in order when it is set back', async () => {
      const { talk } = stage();
      const resource: Patient = { resourceType: 'Patient', id: 'kept' };
      const start = later();
      const shown = [start, start - 60 * MINUTE, start, start - 24 * 60 * MINUTE, start + MINUTE];
      for (const [i, at] of shown.entries()) {
        time.set(at);
        if (i === 3) await talk.delete('Patient/kept');
        else assert.ok((await talk.update({ ...resource, birthDate: `200${i}-01-01` })).status < 300);
      }
      const { body } = await talk.get('Patient/kept/_history');
      assert.ok(body.resourceType === 'Bundle');
      const stamps = (body.entry ?? []).map(({ response }) => Date.parse(response?.lastModified ?? ''));
      // A version later than the clock is a millisecond younger than the one before.
      assert.deepEqual(stamps, [start + MINUTE, start + 3, start + 2, start + 1, start]);
      const versions = (body.entry ?? []).map(({ response }) => response?.etag);
      assert.deepEqual(versions, ['W/"5"', 'W/"4"', 'W/"3"', 'W/"2"', 'W/"1"']);
    });
  },
  { time, config: { linkMinutes: '5' } },
);
