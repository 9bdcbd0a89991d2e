/**
 * The lives of processes in the audit trail: each start and stop, a stop that was none, and settings that have changed since the start before. What is
 * known of a life stands in a record of the store while it lasts, so that whoever starts next finds the one that came to no end.
 *
 * Choices: a database has several processes, which say every 20 seconds that they live; one that was silent for two minutes has died. An embedded
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
import { commitDeeds } from './perform.js';

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

/** Tells those that have died, what has changed, and the start. `settings`: the value of each by its name. */
export async function beginLife(engine: Engine, settings: Readonly<Record<string, string>>): Promise<Life> {
  const { records, name: store } = engine.store;
  const { version } = engine.settings.software;
  const process = newUuid();
  const started = realNow();
  const isAlone = store === 'embedded';
  await tellDead(engine, isAlone);
  await tellSettings(engine, settings);
  const say = async (): Promise<void> =>
    void (await records.put({ kind: LIFE, id: process, value: JSON.stringify({ started, seen: realNow() }) }));
  await say();
  await tellSystem(engine, { what: 'started', process, version });
  // Who cannot say it now does in a while.
  const beat = isAlone ? undefined : realInterval(BEAT_EVERY, () => void say().catch(() => undefined));
  beat?.unref();
  return {
    async end() {
      clearInterval(beat);
      await tellSystem(engine, { what: 'stopped', process, version });
      await records.take(LIFE, process);
    },
  };
}

export function tellSystem(engine: Engine, happening: SystemHappening): Promise<void> {
  return commitDeeds(engine, stamp => {
    const at = stamp.now();
    return [deedOfEvent(systemEvent(happening, at, engine.settings.base, newId(at)), at)];
  });
}

async function tellDead(engine: Engine, isAlone: boolean): Promise<void> {
  for await (const life of lives(engine.store.records)) {
    if (!isAlone && realNow() - life.seen < DEAD_AFTER) continue;
    // Of all who start at once one tells it; where it cannot, the record is back for the next.
    const taken = await engine.store.records.take(LIFE, life.process);
    if (!taken) continue;
    try {
      await tellSystem(engine, { what: 'died', ...life });
    } catch (error) {
      await engine.store.records.put(taken);
      throw error;
    }
  }
}

async function* lives(records: Records) {
  let after: string | undefined;
  for (;;) {
    const page = await records.list(LIFE, LIVES_A_PAGE, after === undefined ? {} : { after });
    for (const { id, value } of page) {
      const { started, seen } = said(value);
      yield { process: id, started: Number(started ?? 0), seen: Number(seen ?? 0) };
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
  if (names.length > 0) await tellSystem(engine, { what: 'settings-changed', names });
  const value = JSON.stringify({ key, hashes: now });
  if (value !== before?.value) await records.put({ kind: SETTINGS_KEPT, id: ID_OF_SETTINGS, value });
}

function said(value: string): Readonly<Record<string, unknown>> {
  const read: unknown = JSON.parse(value);
  return isObject(read) ? read : {};
}
