/** Which exports are outside of working hours, by the clock of the organisation. 45 CFR 164.308(a)(1)(ii)(D) */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { type Judging, RULES_OF_ANOMALIES } from '../../../src/features/privacy/anomaly-rules.js';

const HOURS = { fromHour: 6, toHour: 20 };

/** What the rule says of an export at this time. */
async function said(time: string, timeZone: string, hours = HOURS): Promise<string | undefined> {
  const event = { id: 'e', at: Date.parse(time), day: time.slice(0, 10), person: 'p', patient: undefined };
  const judging = { seen: { exports: [event] }, thresholds: hours, timeZone } as unknown as Judging;
  const { hits } = await RULES_OF_ANOMALIES['off-hours-export'](judging);
  return hits[0]?.why;
}

describe('an export outside of working hours (§3.10 g)', () => {
  it('is one by the time zone of the organisation, over daylight saving, and at its weekends', async () => {
    for (const [time, zone, why] of [
      ['2026-01-14T21:00:00Z', 'UTC', 'an export at 21:00 (UTC), outside of working hours'],
      ['2026-01-14T21:00:00Z', 'America/New_York', undefined],
      ['2026-01-15T01:30:00Z', 'America/New_York', 'an export at 20:30 (America/New_York), outside of working hours'],
      ['2026-01-14T10:30:00Z', 'America/New_York', 'an export at 05:30 (America/New_York), outside of working hours'],
      ['2026-07-15T10:30:00Z', 'America/New_York', undefined],
      ['2026-01-16T23:30:00Z', 'Asia/Tokyo', 'an export at 08:30 (Asia/Tokyo), outside of working hours'],
      ['2026-01-18T23:30:00Z', 'Asia/Tokyo', undefined],
    ] as const)
      assert.equal(await said(time, zone), why, `${time} ${zone}`);
  });

  it('is none of a house that works over midnight, nor of one that always works', async () => {
    const night = { fromHour: 20, toHour: 6 };
    for (const [hour, isHit] of [
      ['20', false],
      ['23', false],
      ['05', false],
      ['06', true],
      ['12', true],
      ['19', true],
    ] as const)
      assert.equal((await said(`2026-01-14T${hour}:30:00Z`, 'UTC', night)) !== undefined, isHit, hour);
    for (const hour of ['00', '12', '23'])
      assert.equal(await said(`2026-01-14T${hour}:00:00Z`, 'UTC', { fromHour: 0, toHour: 24 }), undefined);
  });
});
