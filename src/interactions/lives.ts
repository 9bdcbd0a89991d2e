/**
 * The lives of processes in the audit trail: each start and stop, a stop that was none, and settings that have changed since the start before. What is
 * known of a life stands in a record of the store while it lasts, so that whoever starts next finds the one that came to no end.
 *
 * Choices: a database has several processes, which say every 20 seconds that they live; one that was silent for two minutes has died, which each finds out at its start and while it
 * lives; the clocks of their machines must agree to less than that. An embedded
 * store has one, so that any other has. Of settings a keyed hash is kept, never a value. The test-harness mode records none of it: its trail
 * is what clients did.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { type SystemHappening, systemEvent } from '../audit/system-event.js';
import { deedOfEvent } from '../audit/trail/deed.js';
import { isObject } from '../fhir/resource.js';
import { newId, newUuid } from '../platform/ids.js';
import { realInterval, realNow } from '../platform/real-time.js';
import type { Records } from '../store/records.js';
import type { Engine } from './engine.js';
import { commitDeeds } from './recording.js';

const LIFE = 'life';
const SETTINGS_KEPT = 'settings';
const ID_OF_SETTINGS = 'server';
const BEAT_EVERY = 20_000;
const DEAD_AFTER = 120_000;
/** Lives that are looked at in one step. */
const LIVES_A_PAGE = 100;

/** The one of this process. */
export interface Life {
  /** Tells the stop, and forgets the life. Rejects where that cannot be kept: then the next start tells it. */
  end(): Promise<void>;
}

/** Tells those that have died, what has changed, and the start. `settings`: the value of each by its name. `every`: ms between two beats. */
export async function beginLife(
  engine: Engine,
  settings: Readonly<Record<string, string>>,
  every = BEAT_EVERY,
): Promise<Life> {
  const { records, name: store } = engine.store;
  const { version } = engine.settings.software;
  const process = newUuid();
  const started = realNow();
  const isAlone = store === 'embedded';
  await tellDead(engine, isAlone);
  await tellSettings(engine, settings);
  let revision: string | null = null;
  const say = async (): Promise<void> => {
    const record = { kind: LIFE, id: process, value: JSON.stringify({ started, seen: realNow() }) };
    // Whoever has taken this one for dead, because it was silent, has told so: it lives all the same.
    revision = (await records.put(record, revision)) ?? (await records.put(record)) ?? null;
  };
  await say();
  await tellSystem(engine, { what: 'started', process, version });
  if (isAlone) return { end };
  // Who cannot say it now does in a while. Those that were killed a moment before this start are found later.
  let beating: Promise<void> = Promise.resolve();
  const beatOnce = async (): Promise<void> => {
    await say();
    await tellDead(engine, isAlone);
  };
  const beat = realInterval(every, () => void (beating = beating.then(beatOnce).catch(() => undefined)));
  beat.unref();
  return {
    async end() {
      clearInterval(beat);
      // What is said after the life is forgotten would be a life that nobody ends.
      await beating;
      await end();
    },
  };

  async function end(): Promise<void> {
    await tellSystem(engine, { what: 'stopped', process, version });
    await records.take(LIFE, process);
  }
}

function tellSystem(engine: Engine, happening: SystemHappening): Promise<void> {
  return commitDeeds(engine, stamp => {
    const at = stamp.now();
    return [deedOfEvent(systemEvent(happening, at, engine.settings.base, newId(at)), at)];
  });
}

/** Of all who look at once one tells it; where it cannot, or dies meanwhile, others do after a while. */
async function tellDead(engine: Engine, isAlone: boolean): Promise<void> {
  const { records } = engine.store;
  for await (const { record, ...life } of lives(records)) {
    if (!isAlone && realNow() - Math.max(life.seen, life.telling) < DEAD_AFTER) continue;
    const { kind, id } = record;
    const { started, seen } = life;
    const told = { kind, id, value: JSON.stringify({ started, seen, telling: realNow() }) };
    const revision = await records.put(told, record.revision);
    // It has said just now that it lives, or another one tells it.
    if (revision === undefined) continue;
    await tellSystem(engine, { what: 'died', process: id, started, seen });
    await records.take(LIFE, id, revision);
  }
}

async function* lives(records: Records) {
  let after: string | undefined;
  for (;;) {
    const page = await records.list(LIFE, LIVES_A_PAGE, after === undefined ? {} : { after });
    for (const record of page) {
      const { started, seen, telling } = said(record.value);
      yield { record, started: Number(started ?? 0), seen: Number(seen ?? 0), telling: Number(telling ?? 0) };
    }
    after = page.at(-1)?.id;
    if (page.length < LIVES_A_PAGE) return;
  }
}

/** Settings that are new, or are no more, are those of another version: their names are not told. */
async function tellSettings(engine: Engine, settings: Readonly<Record<string, string>>): Promise<void> {
  const { records } = engine.store;
  const before = await records.get(SETTINGS_KEPT, ID_OF_SETTINGS);
  const { key = randomBytes(16).toString('base64url'), hashes } = before ? said(before.value) : {};
  const hashOf = (value: string): string => createHmac('sha256', String(key)).update(value).digest('base64url');
  const now = Object.fromEntries(Object.entries(settings).map(([name, value]) => [name, hashOf(value)]));
  const known = isObject(hashes) ? hashes : {};
  const names = Object.keys(now).filter(name => known[name] !== undefined && known[name] !== now[name]);
  const record = { kind: SETTINGS_KEPT, id: ID_OF_SETTINGS, value: JSON.stringify({ key, hashes: now }) };
  if (record.value === before?.value) return;
  // Of several that start at once with the same settings one tells it.
  const revision = await records.put(record, before?.revision ?? null);
  if (revision === undefined || names.length === 0) return;
  try {
    await tellSystem(engine, { what: 'settings-changed', names });
  } catch (error) {
    // So that the next start finds them changed.
    await records.put(before!, revision).catch(() => undefined);
    throw error;
  }
}

function said(value: string): Readonly<Record<string, unknown>> {
  const read: unknown = JSON.parse(value);
  return isObject(read) ? read : {};
}
