/**
 * What is to be indexed, by what is in force and what is stored: how the state of the job that indexes follows from that, and which
 * walk over a type comes next.
 *
 * - `parameter`: a custom parameter in force, and the types whose resources are not indexed by it yet. None: it is ready.
 * - `request`: the same for what somebody asked for by $reindex; it goes when it is done.
 * - `scan`: the walk over one type that is under way, and for which of the others it counts.
 */
import { ANY_RESOURCE, type Cursor } from '../search/query.js';
import { KNOWN_MS } from '../live/live-tables.js';
import type { Store } from '../store/store.js';
import type { CustomParameter } from './parameters-in-force.js';
import type { Registry } from './search-parameter-registry.js';

/** A total is worth a walk over an index up to here. */
const TOTAL_CAP = 10_000_000;

interface Due {
  /** Hash of a parameter, id of a request. */
  readonly key: string;
  /** Types that are not indexed yet. */
  readonly pending: readonly string[];
  /** Resources of the types that are. */
  readonly done: number;
  /** Resources of all types when the note was made. */
  readonly total: number;
}
export type DueNote =
  | (Due & { readonly is: 'parameter'; readonly url: string })
  /** `whole`: everything, so that afterwards the store is indexed by the layout in force. */
  | (Due & { readonly is: 'request'; readonly whole: boolean });
export interface ScanNote {
  readonly type: string;
  readonly covers: readonly string[];
  readonly after: Cursor | null;
  readonly done: number;
}

export interface IndexState {
  readonly due: readonly DueNote[];
  readonly scan?: ScanNote | undefined;
}

/** Nothing was ever in force, and nobody has asked. */
export const NOTHING_DUE: IndexState = { due: [] };

/**
 * What is missing so that every parameter in force has a note, and what stays; parameters whose url is in `redefined` start anew.
 * Undefined: nothing is missing, and everything stays.
 */
export function missingNotes({ due }: IndexState, custom: readonly CustomParameter[], redefined: ReadonlySet<string>) {
  const hashes = new Set(custom.map(({ hash }) => hash));
  const kept = due.filter(note => note.is === 'request' || (hashes.has(note.key) && !redefined.has(note.url)));
  const noted = new Set(kept.map(({ key }) => key));
  const missing = custom.filter(({ hash }) => !noted.has(hash));
  return missing.length === 0 && kept.length === due.length ? undefined : { missing, kept };
}

/** The type to walk over next: what most notes wait for. `isDue`: not those that must wait. */
export function nextScan({ due }: IndexState, isDue: (note: DueNote) => boolean): ScanNote | undefined {
  const covers = new Map<string, string[]>();
  for (const note of due)
    if (isDue(note)) for (const type of note.pending) covers.set(type, [...(covers.get(type) ?? []), note.key]);
  const [first] = [...covers].toSorted(([, a], [, b]) => b.length - a.length);
  return first && { type: first[0], covers: first[1], after: null, done: 0 };
}

/** What is left when the walk has reached its end. `finished`: requests that are done with it. */
export function endOfScan(state: IndexState): { readonly left: IndexState; readonly finished: readonly DueNote[] } {
  const { type, covers, done } = state.scan!;
  const due = state.due.map(
    (note): DueNote =>
      covers.includes(note.key) && note.pending.includes(type)
        ? { ...note, pending: note.pending.filter(each => each !== type), done: note.done + done }
        : note,
  );
  const finished = due.filter(note => note.is === 'request' && note.pending.length === 0);
  return { left: { due: due.filter(note => !finished.includes(note)) }, finished };
}

/** Resources done for a note, the walk under way included. */
export const doneOf = ({ scan }: IndexState, { key, done }: DueNote): number =>
  done + (scan?.covers.includes(key) ? scan.done : 0);

/** How far a parameter, or a request (no `custom`), is. */
export interface Progress {
  readonly custom?: CustomParameter;
  /** Types that are not indexed yet. */
  readonly pending: readonly string[];
  readonly done: number;
  readonly total: number;
}

type PlannedStore = Pick<Store, 'shared' | 'markReindexed'>;

export class ReindexPlan {
  readonly #store: PlannedStore;
  readonly #kept: Pick<Store, 'count'>;
  readonly #registry: Pick<Registry, 'custom' | 'takeRedefined'>;
  /** Hash of a parameter → when this process saw it in force first: performance.now(). */
  readonly #firstSeen = new Map<string, number>();
  /** Urls of parameters that have to be indexed anew, whatever their notes say. */
  readonly #redefined = new Set<string>();
  #reported: { state: IndexState; custom: readonly CustomParameter[]; list: readonly Progress[] } | undefined;

  constructor(store: PlannedStore, kept: Pick<Store, 'count'>, registry: Pick<Registry, 'custom' | 'takeRedefined'>) {
    this.#store = store;
    this.#kept = kept;
    this.#registry = registry;
  }

  /** What is under way, then what is ready. */
  progress(state: IndexState): readonly Progress[] {
    const { custom } = this.#registry;
    if (this.#reported?.state !== state || this.#reported.custom !== custom)
      this.#reported = { state, custom, list: progressOf(state, custom) };
    return this.#reported.list;
  }

  /** Whether parameters in force have no note, others have one, or some have been redefined. */
  isOutOfDate(state: IndexState): boolean {
    for (const url of this.#registry.takeRedefined()) this.#redefined.add(url);
    const inForce = this.#inForce();
    for (const hash of inForce) if (!this.#firstSeen.has(hash)) this.#firstSeen.set(hash, performance.now());
    for (const hash of this.#firstSeen.keys()) if (!inForce.has(hash)) this.#firstSeen.delete(hash);
    return missingNotes(state, this.#registry.custom, this.#redefined) !== undefined;
  }

  /** Whether anything is left for the job. */
  hasWork({ scan, due }: IndexState): boolean {
    return scan !== undefined || due.some(({ pending }) => pending.length > 0);
  }

  /** Redefined parameters are noted, or left to the process that holds the job: it has seen the same messages. */
  forgetRedefined(): void {
    this.#redefined.clear();
  }

  /** Every parameter in force gets a note, and others lose theirs. Undefined: nothing changes. */
  async reconcile(state: IndexState): Promise<IndexState | undefined> {
    const difference = missingNotes(state, this.#registry.custom, this.#redefined);
    if (!difference) return undefined;
    const due: DueNote[] = [...difference.kept];
    for (const custom of difference.missing) {
      this.#firstSeen.set(custom.hash, performance.now());
      due.push(await this.#noteOf(custom));
    }
    return { ...state, due };
  }

  /** The note of a request to index everything of these types, or of all; undefined: there is nothing, and so it is done. */
  async request(
    key: string,
    types: readonly string[] | undefined,
    allTypes: readonly string[],
  ): Promise<DueNote | undefined> {
    const { filled: pending, total } = await filledOf(this.#kept, types ?? allTypes);
    const whole = types === undefined;
    if (pending.length > 0) return { is: 'request', key, pending, done: 0, total, whole };
    if (whole) await this.#store.markReindexed();
    return undefined;
  }

  /** The walk that was under way if anything still waits for it, else the next one; none where none is due. */
  beginScan(state: IndexState): IndexState {
    const inForce = this.#inForce();
    const counts = (key: string) =>
      state.due.some(note => note.key === key && (note.is === 'request' || inForce.has(key)));
    if (state.scan?.covers.some(counts)) return state;
    return { ...state, scan: nextScan(state, note => this.#isDue(note)) };
  }

  /**
   * What is left when the walk is at its end. Where a request for everything is finished by it, the store is marked as indexed
   * by the layout in force before.
   */
  async finishScan(state: IndexState): Promise<IndexState> {
    const { left, finished } = endOfScan(state);
    if (finished.some(note => note.is === 'request' && note.whole)) await this.#store.markReindexed();
    return left;
  }

  /** Every parameter in force is ready, and no request is left. */
  allDone = (): IndexState => ({
    due: this.#registry.custom.map(({ hash: key, definition: { url } }) => ({
      ...{ is: 'parameter', key, url },
      ...{ pending: [], done: 0, total: 0 },
    })),
  });

  #inForce(): ReadonlySet<string> {
    return new Set(this.#registry.custom.map(({ hash }) => hash));
  }

  async #noteOf({ hash, types, definition }: CustomParameter): Promise<DueNote> {
    const { filled, total } = await filledOf(this.#kept, types);
    // Where others may be writing that do not know the parameter yet, a type that looks empty need not stay so.
    const pending = this.#store.shared ? types : filled;
    return { is: 'parameter', key: hash, url: definition.url, pending, done: 0, total };
  }

  /** A parameter waits until every process that shares the store indexes by it. */
  #isDue(note: DueNote): boolean {
    if (note.pending.length === 0) return false;
    if (note.is === 'request' || !this.#store.shared) return true;
    const since = this.#firstSeen.get(note.key);
    return since !== undefined && performance.now() - since >= KNOWN_MS;
  }
}

/** Those of the types that have a resource, and how many there are, as far as that is quickly known. */
async function filledOf(store: Pick<Store, 'count'>, types: readonly string[]) {
  const filled: string[] = [];
  let total = 0;
  for (const type of types) {
    const counted = await store.count({ types: [type], where: ANY_RESOURCE }, TOTAL_CAP).catch(() => undefined);
    if (counted?.count !== 0) filled.push(type);
    total += counted?.count ?? 0;
  }
  return { filled, total };
}

function progressOf(state: IndexState, custom: readonly CustomParameter[]): Progress[] {
  const shown = (note: DueNote) => ({ pending: note.pending, done: doneOf(state, note), total: note.total });
  const requests = state.due.filter(({ is }) => is === 'request').map(shown);
  const parameters = custom.map((each): Progress => {
    const note = state.due.find(({ key }) => key === each.hash);
    return { custom: each, ...(note ? shown(note) : { pending: each.types, done: 0, total: 0 }) };
  });
  return [...requests, ...parameters];
}
