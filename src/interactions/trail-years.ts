/**
 * What the audit trail says is removed after CHARTROOM_AUDIT_YEARS, but for hashes (audit/ledger/retention.ts), once a day, by one process of a
 * database. Patients under legal hold are those of current Lists with the code for it
 * (https://terminology.hl7.org/CodeSystem-iso-21089-lifecycle.html): what is told of them stays, however old.
 */
import { createHash } from 'node:crypto';
import { passedTime } from '../audit/ledger/passed-time.js';
import { type HeldKeys, type RemovedCount, removeOldDeeds } from '../audit/ledger/retention.js';
import { keyOfPatient } from '../audit/trail/keys.js';
import { parseReference } from '../fhir/reference.js';
import { isObject, type Json } from '../fhir/resource.js';
import { TaskLease } from '../jobs/task-lease.js';
import { newUuid } from '../platform/ids.js';
import { realNow } from '../platform/real-time.js';
import { all, type Cursor } from '../search/query.js';
import { deedOfHappening } from './deeds-beside.js';
import type { Engine } from './engine.js';

const EVERY_MS = 24 * 3_600_000;
const FIRST_MS = 10 * 60_000;
const LEASE_MS = 5 * 60_000;
/** The record of when it was last done: ms of the machine's clock. */
const DONE = { kind: 'audit-years', id: 'done' } as const;
const LISTS_A_STEP = 50;
const MARK_LENGTH = 32;
/** "Add Legal Hold" */
const HOLD = { system: 'http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle', code: 'hold' };
const HOLDS = all(
  { kind: 'param', code: 'code', test: { kind: 'token', any: [HOLD] } },
  { kind: 'param', code: 'status', test: { kind: 'token', any: [{ code: 'current' }] } },
);

/** Call what this gives back to end it; it resolves when nothing is under way any more. */
export function keepTrailYears(engine: Engine): () => Promise<void> {
  const { clock, settings, store } = engine;
  if (settings.auditYears === 0) return async () => {};
  const lease = new TaskLease(store, 'audit-years', LEASE_MS);
  let isEnding = false;
  let underWay: Promise<unknown> = Promise.resolve();
  const started = clock.now();
  let asked = performance.now();
  const goesOn = async (): Promise<boolean> => !isEnding && (await lease.acquire());
  const end = clock.every(FIRST_MS, () => {
    const working = (async () => {
      const at = performance.now();
      const ran = at - asked;
      asked = at;
      if (!(await goesOn())) return;
      const { time, isAhead } = await passedTime(engine.kept, { now: clock.now(), started, ran });
      if (await isDone(engine)) return;
      if (isAhead)
        engine.log.warn(
          { believed: new Date(time).toISOString() },
          'The clock is far ahead of the audit trail: CHARTROOM_AUDIT_YEARS is counted from a time that is believed, until both agree',
        );
      await removeOldTrail(engine, yearsAgo(time, settings.auditYears), goesOn);
      // Where it was to end it goes on in the next process.
      if (await goesOn()) await engine.store.records.put({ ...DONE, value: String(realNow()) });
    })();
    underWay = working.catch(() => {});
    return working;
  });
  return async () => {
    isEnding = true;
    end();
    await underWay;
    await lease.release().catch(() => {});
  };
}

/** Whether it was done within the day, by whatever process. What a clock that was ahead has noted does not count. */
async function isDone({ store }: Engine): Promise<boolean> {
  const noted = await store.records.get(DONE.kind, DONE.id);
  const passed = realNow() - Number(noted?.value ?? -Infinity);
  return passed >= 0 && passed < EVERY_MS;
}

/** ms since 1970, so many years of the calendar ago. */
export function yearsAgo(now: number, years: number): number {
  const time = new Date(now);
  return time.setUTCFullYear(time.getUTCFullYear() - years);
}

/** Removes what is older than `before` (ms since 1970), and tells of each step before it is done: where it breaks off, nothing goes untold. `goesOn`: asked from time to time. */
export async function removeOldTrail(
  engine: Engine,
  before: number,
  goesOn: () => Promise<boolean> = async () => true,
): Promise<RemovedCount> {
  const by = { engine, address: 'local', requestId: newUuid() };
  return removeOldDeeds({
    ...{ store: engine.kept, before, goesOn },
    say: (entries, going) => {
      const happening = { what: 'trail-removed', before: new Date(before).toISOString(), ...going } as const;
      return engine.ledger.say(entries, [deedOfHappening(by, happening, engine.clock.now())]);
    },
    held: () => heldKeys(engine),
  });
}

/** All patients under legal hold, now. */
async function heldKeys({ kept, settings }: Engine): Promise<HeldKeys> {
  const keys = new Set<number>();
  const query = { types: ['List'], where: HOLDS, sort: [{ code: '_id', descending: false }], limit: LISTS_A_STEP };
  for (let after: Cursor | undefined; ; ) {
    const page = await kept.find({ ...query, ...(after ? { after } : {}) });
    for (const { text } of page.rows)
      for (const reference of text ? listedIn(JSON.parse(text.toString()) as Json) : []) {
        const target = parseReference(reference, settings.bases);
        if (target?.kind === 'local' && target.type === 'Patient') keys.add(keyOfPatient(target.id));
      }
    after = page.cursors.at(-1);
    if (!page.more || !after) break;
  }
  const inOrder = Float64Array.from(keys).toSorted();
  const mark = createHash('sha256').update(inOrder).digest('hex').slice(0, MARK_LENGTH);
  return { has: some => some.some(key => keys.has(key)), mark };
}

function listedIn(list: Json): string[] {
  const entries = isObject(list) && Array.isArray(list['entry']) ? list['entry'] : [];
  return entries.flatMap(entry => {
    if (!isObject(entry) || entry['deleted'] === true || !isObject(entry['item'])) return [];
    const { reference } = entry['item'];
    return typeof reference === 'string' ? [reference] : [];
  });
}
