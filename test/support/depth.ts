import { type Context, describe, it, type Suite } from 'mocha';

/**
 * How deep the suites go that can go as deep as one likes: less at every change (`npm test`), more in a full run
 * (`npm run test:full`, or CHARTROOM_TEST_DEPTH=full for a single file). CHARTROOM_TEST_<NAME>=<number> sets one of them.
 */
const DEPTHS = {
  /** Kills amid single writes, and amid transactions, over both stores. */
  KILLS: { change: 2, full: 100 },
  TRANSACTION_KILLS: { change: 2, full: 40 },
  /** Kills amid uploads, over both stores. */
  UPLOAD_KILLS: { change: 2, full: 50 },
  /** Kills amid writes that listeners are told of, a store. */
  FEED_KILLS: { change: 1, full: 24 },
  /** Signals and kills that stop one import, a store. */
  STOPS: { change: 2, full: 20 },
  /** Resources that 64 callers want to exist, each. */
  STORM: { change: 2, full: 100 },
  /** Who do the same at once. */
  CROWD: { change: 12, full: 64 },
  /** Rounds of a race between two or three, of each kind. */
  RACES: { change: 3, full: 12 },
  /** Random queries a store, by its usual plans; and by the plans that it takes more rarely. */
  QUERIES: { change: 80, full: 10_000 },
  RARE_QUERIES: { change: 25, full: 2000 },
  /** Random searches for words a store. */
  WORDS: { change: 80, full: 400 },
  /** Random chains and reverse chains a store. */
  LINKED: { change: 35, full: 1000 },
  /** Random searches over HTTP a store. */
  SEARCHES: { change: 40, full: 5000 },
  /** Damaged packages of guides. */
  GUIDES: { change: 50, full: 10_000 },
  /** Damaged profiles, value sets and resources; over HTTP a twentieth of them a store. */
  PROFILES: { change: 40, full: 10_000 },
  /** Damaged requests a store. */
  MUTATIONS: { change: 80, full: 100_000 },
  /** Random histories of writes a store. */
  HISTORIES: { change: 6, full: 150 },
  /** Restrictions of what may be seen, with a request each, a store. */
  VIEWS: { change: 96, full: 2400 },
  /** Kills amid a file that is loaded over HTTP, a store. */
  IMPORT_KILLS: { change: 1, full: 20 },
  /** Permissions of made-up roles and scopes, with a request each, a store. */
  PERMISSIONS: { change: 60, full: 10_000 },
  /** Random searches of the audit trail, a store. */
  TRAIL: { change: 2, full: 400 },
  /** Events that are sent in one batch, a store. */
  SENT_EVENTS: { change: 60, full: 10_000 },
  /** Deeds that questions to the audit trail are about, a store. */
  QUESTIONED: { change: 150, full: 5000 },
  /** Walks of a scan through its process, by several people. */
  SCAN_WALKS: { change: 10, full: 400 },
  /** Kills of what takes a folder in. */
  INTAKE_KILLS: { change: 2, full: 20 },
  /** Made-up texts whose scans are looked at, level and in seven other ways each. */
  SCANS: { change: 1, full: 12 },
  /** Walks through the table of each process of work, by operation and by plain FHIR. */
  WORK_WALKS: { change: 2, full: 1000 },
  /** Files with separator sheets that are taken apart. */
  SHEETS: { change: 0, full: 60 },
  /** Tamperings with exports of the audit trail. */
  TAMPERINGS: { change: 80, full: 10_000 },
  /** Tamperings with the trail of a store, a store. */
  STORE_TAMPERINGS: { change: 12, full: 1250 },
  /** Requests for records that are led to their release, a store. */
  RELEASED: { change: 12, full: 200 },
  /** Kills amid releases, over both stores. */
  RELEASE_KILLS: { change: 2, full: 50 },
  /** Kills of processes whose trail is verified afterwards, over both stores. */
  LEDGER_KILLS: { change: 2, full: 104 },
  /** Kills and pauses amid the steps of jobs, on MongoDB; a third of them on an embedded store. */
  JOB_KILLS: { change: 2, full: 100 },
  /** Seconds for which clients follow changes at least, over both stores; two rounds of kills are always awaited. */
  HORIZON_SECONDS: { change: 0, full: 300 },
  /** Entries of the largest transaction that they meet. */
  HORIZON_LARGEST: { change: 100, full: 10_000 },
  /** Jobs that wait and are cancelled, a store. */
  CANCELLED_JOBS: { change: 10, full: 1000 },
  /** Resets and snapshots of one server in a row, a store. */
  RESETS: { change: 10, full: 1000 },
  SNAPSHOTS: { change: 4, full: 200 },
  /** Places at which each document is cut off, and changed. */
  DOCUMENTS: { change: 6, full: 400 },
  /** Who take one code at once from two servers. */
  TAKERS: { change: 20, full: 1000 },
  /** Requests for records whose documents are selected, of random classes, authorizations and documents. */
  RELEASES: { change: 70, full: 3000 },
  /** Random elements for each invariant and type. */
  INVARIANTS: { change: 3, full: 1000 },
} as const;

/** Everything that takes long for what it adds is done in a full run only. */
export const FULL = process.env['CHARTROOM_TEST_DEPTH'] === 'full';

/** A test of full depth, whose kind has another one at every change: there it is not declared, and not counted. */
export const fullIt: (title: string, test: (this: Context) => Promise<void> | void) => void = FULL
  ? it
  : () => undefined;
/** The same of tests that stand together. */
export const fullDescribe: (title: string, tell: (this: Suite) => void) => void = FULL ? describe : () => undefined;

export function depthOf(name: keyof typeof DEPTHS): number {
  const set = process.env[`CHARTROOM_TEST_${name}`];
  return set === undefined ? DEPTHS[name][FULL ? 'full' : 'change'] : Number(set);
}

/** Random values that a property is held against: all in a full run, else an eighth. */
export const runsOf = (full: number): number => (FULL ? full : Math.ceil(full / 8));

const SEED = Number(process.env['CHARTROOM_TEST_SEED'] ?? 20_261_123);

/** Whose turn number `at` is among so many that take turns; CHARTROOM_TEST_SEED begins with another one. */
export const turnAmong = (at: number, among: number): number => (at + SEED) % among;

/**
 * What a run looks at of a large set: everything in a full run, else one in `every` of each kind and one at least. Which
 * ones is up to CHARTROOM_TEST_SEED: another seed looks at others.
 */
export function sampleOf<T>(items: readonly T[], every: number, kindOf: (item: T) => string): readonly T[] {
  if (FULL) return items;
  const kinds = new Map<string, T[]>();
  for (const item of items) {
    const kind = kindOf(item);
    const alike = kinds.get(kind);
    if (alike) alike.push(item);
    else kinds.set(kind, [item]);
  }
  const kept = new Set<T>();
  for (const alike of kinds.values()) {
    const step = Math.min(every, alike.length);
    alike.forEach((item, at) => at % step === SEED % step && kept.add(item));
  }
  return items.filter(item => kept.has(item));
}
