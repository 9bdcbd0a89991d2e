/**
 * The reindex job: when a custom search parameter comes into force, the resources that are there already are indexed by
 * it, in small batches behind the traffic. New versions need no job: their own write indexes them.
 *
 * - What is to be done and how far it is stands in the store's outbox (reindex-progress.ts), so a restart or a kill loses a
 *   second of work. Writing keys anew is harmless to repeat, and a version that has changed meanwhile is left alone.
 * - Of several processes one works: it holds the task `reindex` in the store and prolongs it; when it dies, another goes
 *   on after LEASE_MS. It begins only LEARNT_MS after it has met a parameter itself, when every other process indexes by
 *   it, too (search-parameter-registry.ts); so nothing is written unindexed behind the walk.
 * - One walk over a type counts for every parameter that waited for the type when the walk began.
 * - After each batch it rests as long as the batch took: half of one core at most, and no request waits for more than
 *   one batch of 50 resources.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { asFhirError, FhirError } from '../fhir/error.js';
import { newId } from '../platform/ids.js';
import { EVERYTHING } from '../search/query.js';
import type { Change, Store, Version } from '../store/store.js';
import type { Log } from '../platform/log.js';
import { indexAnew, type Indexing } from '../search/index-resource.js';
import {
  type Changes,
  type DueNote,
  doneOf,
  endOfScan,
  type Kept,
  message,
  missingNotes,
  nextScan,
  type Notes,
  readNotes,
  type ScanNote,
} from './reindex-progress.js';
import { type Custom, LEARNT_MS, POLL_MS, type Registry } from './search-parameter-registry.js';

const TASK = 'reindex';
const LEASE_MS = 15_000;
const BATCH = { rows: 50, bytes: 2_000_000 } as const;
/** Between two notes of how far the walk is. */
const NOTE_MS = 1000;
/** Until the next attempt after an error. */
const RETRY_MS = 3000;
/** A total is worth a walk over an index up to here. */
const TOTAL_CAP = 10_000_000;

/** How far a parameter, or a request (no `custom`), is. */
export interface Progress {
  readonly custom?: Custom;
  /** Types that are not indexed yet. */
  readonly pending: readonly string[];
  readonly done: number;
  readonly total: number;
}

export interface Reindexer {
  /** What is under way, then what is ready, as last read. */
  progress(): readonly Progress[];
  /** Something is not indexed yet. Costs nothing. */
  readonly busy: boolean;
  /** Reads how far other processes are. */
  refresh(): Promise<void>;
  /** What is in force has changed. Never rejects. */
  changed(): Promise<void>;
  /** Asks for everything of these types, or of all, to be indexed anew. */
  request(types: readonly string[] | undefined): Promise<void>;
  /** Indexes what was committed by keys that are out of date by now. */
  renew(changes: readonly Change[]): Promise<void>;
  /** Notes that everything is indexed by all that is in force: somebody has just done it. */
  allDone(): Promise<void>;
  start(): void;
  /** Ends after the batch under way; how far it is is kept. */
  stop(): Promise<void>;
}

export interface ReindexOptions extends Indexing {
  readonly store: Store;
  readonly registry: Registry;
  readonly log: Log;
}

export function createReindexer(options: ReindexOptions): Reindexer {
  const { store, registry, definitions, log } = options;
  let notes: Notes = { due: [], scan: undefined, surplus: [] };
  /** Hash → when this process met it: performance.now(). */
  const met = new Map<string, number>();
  const flipped = new Set<string>();
  let started = false;
  let ending = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let working: Promise<void> | undefined;
  let again = false;
  let heldUntil = -Infinity;
  let turn: Promise<unknown> = Promise.resolve();

  const inForce = () => new Set(registry.custom.map(({ hash }) => hash));
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = turn.then(work, work);
    turn = mine.catch(() => undefined);
    return mine;
  };
  const refresh = async (): Promise<void> => {
    notes = await readNotes(store);
    const now = performance.now();
    const hashes = inForce();
    for (const hash of hashes) if (!met.has(hash)) met.set(hash, now);
    for (const hash of met.keys()) if (!hashes.has(hash)) met.delete(hash);
  };
  /** Commits what `change` says of the notes as they are. */
  const update = (change: (now: Notes) => Changes | undefined | Promise<Changes | undefined>): Promise<void> =>
    inTurn(async () => {
      await refresh();
      const changes = await change(notes);
      if (!changes || (changes.messages.length === 0 && changes.acknowledges.length === 0)) return;
      await store.commit({ changes: [], ...changes });
      await refresh();
    });

  const learn = (): void => {
    for (const url of registry.takeFlipped()) flipped.add(url);
  };
  const hold = async (): Promise<boolean> => {
    const now = performance.now();
    if (heldUntil - now > LEASE_MS / 2) return true;
    heldUntil = (await store.acquireLease(TASK, LEASE_MS)) ? now + LEASE_MS : -Infinity;
    return heldUntil > now;
  };
  const release = async (): Promise<void> => {
    if (heldUntil > -Infinity) await store.acquireLease(TASK, 0);
    heldUntil = -Infinity;
  };

  const present = async (types: readonly string[]): Promise<string[]> => {
    const found: string[] = [];
    for (const type of types) {
      const { rows } = await store.find({ types: [type], where: EVERYTHING, sort: [], limit: 1 });
      if (rows.length > 0) found.push(type);
    }
    return found;
  };
  /** How many resources there are, as far as that is quickly known. */
  const totalOf = async (types: readonly string[]): Promise<number> => {
    let total = 0;
    for (const type of types)
      total += await store.count({ types: [type], where: EVERYTHING }, TOTAL_CAP).then(
        ({ count }) => count,
        () => 0,
      );
    return total;
  };

  const noteOf = async ({ hash, types, definition }: Custom): Promise<DueNote> => {
    const filled = await present(types);
    // Where others may be writing that do not know the parameter yet, a type that looks empty need not stay so.
    const pending = store.shared ? types : filled;
    return { is: 'parameter', key: hash, url: definition.url, pending, done: 0, total: await totalOf(filled) };
  };
  const reconcile = (): Promise<void> =>
    update(async now => {
      const difference = missingNotes(now, registry.custom, flipped);
      flipped.clear();
      if (!difference) return undefined;
      const messages = [];
      for (const custom of difference.missing) {
        met.set(custom.hash, performance.now());
        messages.push(message(await noteOf(custom)));
      }
      return { acknowledges: difference.settles, messages };
    });

  const isDue = (note: DueNote): boolean => {
    if (note.pending.length === 0) return false;
    if (note.is === 'request' || !store.shared) return true;
    const since = met.get(note.key);
    return since !== undefined && performance.now() - since >= LEARNT_MS;
  };
  let told:
    | { readonly notes: Notes; readonly custom: readonly Custom[]; readonly list: readonly Progress[] }
    | undefined;
  const progress = (): readonly Progress[] => {
    const { custom } = registry;
    if (told?.notes !== notes || told.custom !== custom) told = { notes, custom, list: progressOf(notes, custom) };
    return told.list;
  };
  const hasWork = (): boolean =>
    missingNotes(notes, registry.custom, flipped) !== undefined ||
    notes.scan !== undefined ||
    notes.due.some(({ note }) => note.pending.length > 0);

  /** Walks until the end of the type. False: another process has taken over, or we end. */
  const walk = async (scan: ScanNote): Promise<boolean> => {
    const { type } = scan;
    let { after, done } = scan;
    let saved = performance.now();
    let batch: Version[] = [];
    let bytes = 0;
    const save = (): Promise<void> =>
      update(now =>
        now.scan?.note.type === type
          ? { acknowledges: [now.scan.sequence], messages: [message({ ...now.scan.note, after, done })] }
          : undefined,
      );
    const write = async (): Promise<void> => {
      const begun = performance.now();
      await store.reindex(batch.map(row => indexAnew(options, row)));
      done += batch.length;
      batch = [];
      bytes = 0;
      await pause(performance.now() - begun, undefined, { ref: false, signal: ending.signal }).catch(() => undefined);
    };
    let last = after;
    for await (const { row, cursor } of store.scan({ type, ...(after ? { after } : {}) })) {
      batch.push(row);
      bytes += row.text?.length ?? 0;
      last = cursor;
      if (batch.length < BATCH.rows && bytes < BATCH.bytes) continue;
      await write();
      after = last;
      const ends = ending.signal.aborted;
      if (ends || performance.now() - saved > NOTE_MS) {
        await save();
        saved = performance.now();
      }
      if (ends || !(await hold())) return false;
    }
    await write();
    await finish({ type, done });
    return true;
  };

  const finish = async ({ type, done }: Pick<ScanNote, 'type' | 'done'>): Promise<void> => {
    const { scan } = notes;
    if (scan?.note.type !== type) return;
    const whole = endOfScan(notes, scan).finished.some(note => note.is === 'request' && note.whole);
    if (whole) await store.markReindexed();
    await update(now =>
      now.scan?.note.type === type ? endOfScan(now, { ...now.scan, note: { ...now.scan.note, done } }) : undefined,
    );
    log.info({ type, resources: done }, 'Reindexed');
  };

  /** One walk after the other, as long as this process may. */
  const work = async (): Promise<void> => {
    learn();
    while (!ending.signal.aborted && hasWork()) {
      if (!(await hold())) {
        // Who has the task has seen the same messages.
        flipped.clear();
        return;
      }
      await reconcile();
      const scan = await begin();
      if (!scan) break;
      log.info({ type: scan.note.type, parameters: scan.note.covers.length, resources: scan.note.done }, 'Reindexing');
      if (!(await walk(scan.note))) break;
    }
    if (ending.signal.aborted || !hasWork()) await release();
  };

  /** The walk that was under way, or the next one. */
  const begin = async (): Promise<Kept<ScanNote> | undefined> => {
    await update(now => {
      const hashes = inForce();
      const counts = (key: string) =>
        now.due.some(({ note }) => note.key === key && (note.is === 'request' || hashes.has(key)));
      if (now.scan?.note.covers.some(counts)) return undefined;
      const next = nextScan(now, isDue);
      return { acknowledges: now.scan ? [now.scan.sequence] : [], messages: next ? [message(next)] : [] };
    });
    return notes.scan;
  };

  const wake = (): void => {
    if (!started || ending.signal.aborted) return;
    if (working) {
      again = true;
      return;
    }
    working = work()
      .catch((error: unknown) => {
        log.warn({ kind: asFhirError(error).kind }, 'The reindex job stops for a moment');
        if (!store.shared) schedule(RETRY_MS);
      })
      .finally(() => {
        working = undefined;
        if (again) {
          again = false;
          wake();
        }
      });
  };

  const tick = async (): Promise<void> => {
    try {
      if (store.shared) {
        await registry.look();
        if (!working) await inTurn(refresh);
        if (await holdsForTidying()) await registry.tidy();
      }
      learn();
      if (hasWork()) wake();
    } catch (error) {
      log.warn({ kind: asFhirError(error).kind }, 'Changes of search parameters could not be read');
    } finally {
      if (store.shared) schedule(POLL_MS);
    }
  };
  /** Who works tidies up; where there is no work, whoever comes first. */
  const holdsForTidying = async (): Promise<boolean> => {
    if (heldUntil > performance.now()) return true;
    return !hasWork() && registry.hasOldMessages() && (await hold());
  };
  const schedule = (ms: number): void => {
    if (!started || ending.signal.aborted) return;
    clearTimeout(timer);
    timer = setTimeout(() => void tick(), ms).unref();
  };

  return {
    progress,
    get busy() {
      return progress().some(({ pending }) => pending.length > 0);
    },
    refresh: () => inTurn(refresh),
    async changed() {
      try {
        await inTurn(refresh);
        if (hasWork() && (await hold())) {
          await reconcile();
          if (!started && !working) await release();
        }
      } catch (error) {
        log.warn({ kind: asFhirError(error).kind }, 'The reindex job could not be noted yet');
      }
      wake();
    },
    async request(types) {
      const pending = await present(types ?? definitions.resourceTypes);
      const whole = types === undefined;
      const total = await totalOf(pending);
      if (pending.length > 0)
        await update(() => ({
          acknowledges: [],
          messages: [message({ is: 'request', key: newId(), pending, done: 0, total, whole })],
        }));
      else if (whole) await store.markReindexed();
      wake();
    },
    async renew(changes) {
      const rows = changes.filter(({ text }) => text !== undefined);
      await store.reindex(rows.map(row => indexAnew(options, row)));
    },
    async allDone() {
      if (!(await hold())) throw new FhirError('unavailable', 'A server works on the index just now.');
      await update(now => ({
        acknowledges: [
          ...now.due.map(({ sequence }) => sequence),
          ...now.surplus,
          ...(now.scan ? [now.scan.sequence] : []),
        ],
        messages: registry.custom.map(({ hash, definition }) =>
          message({ is: 'parameter', key: hash, url: definition.url, pending: [], done: 0, total: 0 }),
        ),
      }));
      await release();
    },
    start() {
      started = true;
      ending = new AbortController();
      void inTurn(refresh)
        .catch(() => undefined)
        .then(() => tick());
    },
    async stop() {
      started = false;
      clearTimeout(timer);
      ending.abort();
      await working;
      await release().catch(() => undefined);
    },
  };
}

function progressOf(notes: Notes, custom: readonly Custom[]): Progress[] {
  const byKey = new Map(notes.due.map(({ note }) => [note.key, note]));
  const parameters = custom.map((each): Progress => {
    const note = byKey.get(each.hash);
    if (!note) return { custom: each, pending: each.types, done: 0, total: 0 };
    return { custom: each, pending: note.pending, done: doneOf(notes, note), total: note.total };
  });
  const requests = notes.due.flatMap(({ note }): Progress[] =>
    note.is === 'request' ? [{ pending: note.pending, done: doneOf(notes, note), total: note.total }] : [],
  );
  return [...requests, ...parameters];
}
