/**
 * What the reindex job must remember, as messages of topic `reindex` in the store's outbox, and how they change. Pure but
 * for `readReindexNotes`: everything else says which messages a commit acknowledges and which it adds.
 *
 * - `parameter`: a custom parameter in force, and the types whose resources are not indexed by it yet. None: it is ready.
 * - `request`: the same for what somebody asked for by $reindex; it goes when it is done.
 * - `scan`: the walk over one type that is under way, and for which of the others it counts.
 */
import type { Cursor } from '../search/query.js';
import type { Commit, Store, PendingMessage } from '../store/store.js';
import type { CustomParameter } from './parameters-in-force.js';

const REINDEX_TOPIC = 'reindex';
const MAX_NOTES = 10_000;

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
  readonly is: 'scan';
  readonly type: string;
  readonly covers: readonly string[];
  readonly after: Cursor | null;
  readonly done: number;
}

export interface StoredNote<N> {
  readonly sequence: number;
  readonly note: N;
}

export interface Notes {
  readonly due: readonly StoredNote<DueNote>[];
  readonly scan: StoredNote<ScanNote> | undefined;
  /** Notes written twice, by two processes that both held the job for a moment. */
  readonly surplus: readonly number[];
}

export type Changes = Required<Pick<Commit, 'acknowledges' | 'messages'>>;

export const message = (note: DueNote | ScanNote) => ({ topic: REINDEX_TOPIC, body: JSON.stringify(note) });

export const readReindexNotes = async (store: Pick<Store, 'pendingMessages'>): Promise<Notes> =>
  sortNotes(await store.pendingMessages(REINDEX_TOPIC, MAX_NOTES));

export function sortNotes(messages: readonly PendingMessage[]): Notes {
  const due = new Map<string, StoredNote<DueNote>>();
  const surplus: number[] = [];
  let scan: StoredNote<ScanNote> | undefined;
  for (const { sequence, body } of messages) {
    const note = JSON.parse(body) as DueNote | ScanNote;
    if (note.is === 'scan') {
      if (scan) surplus.push(scan.sequence);
      scan = { sequence, note };
    } else {
      const before = due.get(note.key);
      if (before) surplus.push(before.sequence);
      due.set(note.key, { sequence, note });
    }
  }
  return { due: [...due.values()], scan, surplus };
}

/**
 * What is missing so that every parameter in force has a note, and nothing else has one; parameters whose url is in
 * `redefined` start anew. Undefined: nothing is missing.
 */
export function missingNotes(notes: Notes, custom: readonly CustomParameter[], redefined: ReadonlySet<string>) {
  const hashes = new Set(custom.map(({ hash }) => hash));
  const gone = notes.due.filter(
    ({ note }) => note.is === 'parameter' && (!hashes.has(note.key) || redefined.has(note.url)),
  );
  const kept = new Set(notes.due.filter(each => !gone.includes(each)).map(({ note }) => note.key));
  const missing = custom.filter(({ hash }) => !kept.has(hash));
  const acknowledges = [...gone.map(({ sequence }) => sequence), ...notes.surplus];
  return missing.length === 0 && acknowledges.length === 0 ? undefined : { missing, acknowledges };
}

/** The type to walk over next: what most notes wait for. `isDue`: not those that must wait. */
export function nextScan(notes: Notes, isDue: (note: DueNote) => boolean): ScanNote | undefined {
  const covers = new Map<string, string[]>();
  for (const { note } of notes.due)
    if (isDue(note)) for (const type of note.pending) covers.set(type, [...(covers.get(type) ?? []), note.key]);
  const [first] = [...covers].toSorted(([, a], [, b]) => b.length - a.length);
  return first && { is: 'scan', type: first[0], covers: first[1], after: null, done: 0 };
}

/** A walk has reached its end. `finished`: requests that are done with it. */
export function endOfScan(notes: Notes, scan: StoredNote<ScanNote>): Changes & { finished: readonly DueNote[] } {
  const { type, covers, done } = scan.note;
  const touched = notes.due.filter(({ note }) => covers.includes(note.key) && note.pending.includes(type));
  const after = touched.map(
    ({ note }): DueNote => ({ ...note, pending: note.pending.filter(each => each !== type), done: note.done + done }),
  );
  const finished = after.filter(note => note.is === 'request' && note.pending.length === 0);
  return {
    acknowledges: [scan.sequence, ...touched.map(({ sequence }) => sequence)],
    messages: after.filter(note => !finished.includes(note)).map(message),
    finished,
  };
}

/** Resources done for a note, the walk under way included. */
export const doneOf = ({ scan }: Notes, { key, done }: DueNote): number =>
  done + (scan?.note.covers.includes(key) ? scan.note.done : 0);
