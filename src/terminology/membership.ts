/**
 * Value sets and code systems as checks of resources ask them: what is at hand is answered at once (a code costs one look-up), what is
 * not is asked for, made ready, and kept. https://hl7.org/fhir/R4/terminologies.html#4.1
 *
 * What is kept is bounded by the codes in it; what was not asked for lately is forgotten first, and everything when a CodeSystem or a
 * ValueSet was written. What had to be forgotten right away, because too much was asked for at a time, says so for a while instead of
 * being made again and again. Nothing is kept on disk: all 1,316 value sets of R4 are made ready in a quarter of a second, and most in less
 * than a tenth of a millisecond.
 */
import type { Origin } from '../fhir/structure-definition.js';
import { R4 } from '../fhir/structures.js';
import { type AskedCode, askCode, type CodeVerdict } from './ask-code.js';
import type { Sources } from './canonical-resources.js';
import { type KnownSystem, readKnownSystem, unknownSystemAt } from './known-system.js';
import { type PreparedSet, prepareMembers, troubledSet } from './prepare-members.js';
import type { RemoteTerminology } from './remote.js';

export interface Memberships {
  /** Undefined: it is to be prepared first. `valueSet`: a canonical, with its version or without. */
  setAt(valueSet: string, from: Origin): PreparedSet | undefined;
  /** Throws nothing: what cannot be had is kept as such. */
  prepareSet(valueSet: string, from: Origin): Promise<void>;
  systemAt(url: string, version: string | undefined, from: Origin): KnownSystem | undefined;
  prepareSystem(url: string, version: string | undefined, from: Origin): Promise<void>;
  /** What was found out about one code that a set cannot decide by itself; undefined: nobody has asked yet. */
  answerAt(asked: AskedCode, from: Origin): CodeVerdict | undefined;
  findAnswer(asked: AskedCode, from: Origin): Promise<void>;
  /** Another server, for codes of code systems that are not complete here. */
  readonly remote: RemoteTerminology | undefined;
  /** Another one when everything was forgotten: what was asked for before is to be asked for again. */
  readonly generation: number;
}

export interface MembershipsOptions {
  /** What is read from, for whoever is asked for from there. */
  readonly sources: (from: Origin) => Sources;
  /** What the value sets that R4 itself binds elements to are made of; absent: `sources`. */
  readonly ofStandard?: () => Sources;
  readonly remote?: RemoteTerminology | undefined;
  /** Another number when a CodeSystem or a ValueSet was written. */
  readonly generation?: () => number;
  /** Codes that are kept in all. */
  readonly most?: number;
  /** ms. */
  readonly now?: () => number;
}

const MOST_CODES = 400_000;
/** Answers about single codes that are kept, if they are short. */
const MOST_ANSWERS = 20_000;
/** ms for which that is kept which could not be had, or not be kept. */
const SHORTLY = 2000;

export function createMemberships(options: MembershipsOptions): Memberships {
  const {
    sources,
    ofStandard,
    remote,
    generation = () => 0,
    most = MOST_CODES,
    now = () => performance.now(),
  } = options;
  const around = { now, generation };
  const setSources = (from: Origin): Sources => (from === R4 && ofStandard ? ofStandard() : sources(from));
  const sets = createShelf<PreparedSet>({ ...around, most, lost: key => troubledSet(urlIn(key), 'unavailable') });
  const systems = createShelf<KnownSystem>({ ...around, most, lost: key => unknownSystemAt(urlIn(key), 'unknown') });
  const answers = createShelf<CodeVerdict>({ ...around, most: MOST_ANSWERS * ENTRY_WEIGHT, lost: () => NO_VERDICT });
  const answerKey = ({ valueSet, system, version = '', code }: AskedCode, from: Origin): string =>
    `${from} ${valueSet} ${system} ${version} ${code}`;
  const setKey = (valueSet: string, from: Origin): string => `${from} ${valueSet}`;
  const systemKey = (url: string, version: string | undefined, from: Origin): string =>
    version === undefined ? `${from} ${url}` : `${from} ${url}|${version}`;
  return {
    setAt: (valueSet, from) => sets.at(setKey(valueSet, from)),
    prepareSet: (valueSet, from) => sets.fill(setKey(valueSet, from), () => prepareMembers(valueSet, setSources(from))),
    systemAt: (url, version, from) => systems.at(systemKey(url, version, from)),
    prepareSystem: (url, version, from) =>
      systems.fill(systemKey(url, version, from), () => readKnownSystem(sources(from), url, version)),
    answerAt: (asked, from) => answers.at(answerKey(asked, from)),
    findAnswer: (asked, from) => answers.fill(answerKey(asked, from), () => askCode(setSources(from), asked)),
    remote,
    get generation() {
      return generation();
    },
  };
}

const NO_VERDICT: CodeVerdict = { verdict: undefined, weight: 1 };

/** No canonical, and no name of a guide, has a blank in it. */
const urlIn = (key: string): string => key.split(' ')[1] ?? '';

interface Shelved<V> {
  readonly value: V;
  readonly weight: number;
  /** ms, when it was made, and after which it counts no more; Infinity for what could be made. */
  readonly since: number;
  readonly until: number;
  used: boolean;
}

/** What an entry takes beside its codes. */
const ENTRY_WEIGHT = 20;
/** Names of what was forgotten right away. */
const MOST_FORGOTTEN = 1000;
/** Times that something is made again because what it is made of has changed meanwhile. */
const ATTEMPTS = 3;

interface ShelfOptions<V> {
  /** In weight. */
  readonly most: number;
  readonly now: () => number;
  readonly generation: () => number;
  /** What stands for something that could not be made, or not be kept. */
  readonly lost: (key: string) => V;
}

/** What is kept by key, bounded by weight, until the generation is another one. */
function createShelf<V extends { readonly weight: number }>({ most, now, generation, lost }: ShelfOptions<V>) {
  const kept = new Map<string, Shelved<V>>();
  const making = new Map<string, Promise<void>>();
  const forgotten = new Map<string, number>();
  let weight = 0;
  let current = generation();

  function forgetOld(): void {
    if (current === generation()) return;
    current = generation();
    kept.clear();
    making.clear();
    forgotten.clear();
    weight = 0;
  }

  function remove(key: string, entry: Shelved<V>): void {
    kept.delete(key);
    weight -= entry.weight;
  }

  function put(key: string, value: V, until: number): void {
    const before = kept.get(key);
    if (before) remove(key, before);
    const entry = { value, weight: value.weight + ENTRY_WEIGHT + (key.length >> 3), since: now(), until, used: false };
    kept.set(key, entry);
    weight += entry.weight;
    makeRoom(key);
  }

  /** Whoever was used since it was looked at last stays once more. */
  function makeRoom(newest: string): void {
    for (const [key, entry] of kept) {
      if (weight <= most) return;
      if (key === newest) continue;
      if (entry.used) {
        entry.used = false;
        kept.delete(key);
        kept.set(key, entry);
        continue;
      }
      remove(key, entry);
      if (now() - entry.since > SHORTLY) continue;
      forgotten.set(key, now() + SHORTLY);
      if (forgotten.size > MOST_FORGOTTEN) forgotten.delete(forgotten.keys().next().value!);
    }
  }

  async function make(key: string, read: () => Promise<V>): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const began = generation();
      try {
        const value = await read();
        forgetOld();
        if (began === current) return put(key, value, Infinity);
        if (attempt === ATTEMPTS) return put(key, value, now() + SHORTLY);
      } catch {
        // The store is away, or the like: whoever asks goes on, and says that it was not checked.
        return put(key, lost(key), now() + SHORTLY);
      }
    }
  }

  return {
    at(key: string): V | undefined {
      forgetOld();
      const found = kept.get(key);
      if (!found) return forgotten.size > 0 && (forgotten.get(key) ?? 0) > now() ? lost(key) : undefined;
      if (found.until !== Infinity && found.until <= now()) return undefined;
      found.used = true;
      return found.value;
    },
    fill(key: string, read: () => Promise<V>): Promise<void> {
      forgetOld();
      const known = making.get(key);
      if (known) return known;
      const made = make(key, read).finally(() => {
        if (making.get(key) === made) making.delete(key);
      });
      making.set(key, made);
      return made;
    },
  };
}
