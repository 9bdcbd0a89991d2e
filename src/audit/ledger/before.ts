/**
 * What there was before the ledger (rows of deeds without a seal, events that are resources), sealed once as one tree: from then on nobody
 * can change it, add to it or take from it unseen. It is done behind the traffic, in pieces, and goes on where it was after a stop.
 *
 * Leaves are the deeds of rows in the order of their time and sequence, then the texts of events in the order of their ids.
 */
import { breathe } from '../../platform/pieces.js';
import { ANY_RESOURCE, type Cursor } from '../../search/query.js';
import { type DeedPlace, deedsIn } from '../../store/deeds.js';
import { Frontier, leafHash } from '../../store/ledger.js';
import type { Store } from '../../store/store.js';
import { type LedgerEntry, readRoot } from './entry.js';
import { lastNote, textNote } from './kept-notes.js';
import { readReceivedEvent } from './received-check.js';
import { ShapeBook } from './shape-book.js';

type Before = Extract<LedgerEntry, { what: 'before' }>;

const DONE = 'before/entry';
const UNDER_WAY = 'before/work';
const ROWS_A_STEP = 64;
const EVENTS_A_STEP = 100;
/** Rows and events after which it is noted how far it is. */
const STEPS_A_NOTE = 2000;

/** How far it is; plain data. */
interface BeforeWork {
  /** Events that are older were there before, and rows: ms since 1970. */
  readonly until: number;
  rowsUntil: number;
  rows: number;
  events: number;
  after?: DeedPlace | undefined;
  /** Undefined: rows are not done yet. */
  cursor?: Cursor | 'start' | undefined;
  through?: string | undefined;
  size: number;
  perfect: readonly string[];
}

export interface BeforeOptions {
  readonly store: Pick<Store, 'deeds' | 'find' | 'horizon'>;
  readonly say: (entries: readonly LedgerEntry[]) => Promise<void>;
  /** ms since 1970. */
  readonly now: number;
  /** Whether to go on: asked from time to time. */
  readonly goesOn: () => Promise<boolean>;
}

/** Gives whether it is done, and was perhaps done already. */
export async function sealBefore({ store, say, now, goesOn }: BeforeOptions): Promise<boolean> {
  const { deeds } = store;
  if ((await lastNote(deeds.notes, DONE)) !== undefined) return true;
  const begun = await lastNote(deeds.notes, UNDER_WAY);
  // What is written and not seen yet is not counted.
  const until = Math.min(now, store.horizon());
  const work: BeforeWork = begun
    ? (JSON.parse(begun) as BeforeWork)
    : { until, rowsUntil: until, rows: 0, events: 0, size: 0, perfect: [] };
  const tree = new Frontier(
    work.size,
    work.perfect.map(hash => readRoot(hash)!),
  );
  const note = async (): Promise<boolean> => {
    work.size = tree.size;
    work.perfect = tree.perfect.map(hash => hash.toString('base64'));
    await deeds.notes.keep([textNote(UNDER_WAY, JSON.stringify(work))]);
    return goesOn();
  };
  if (!(await note())) return false;
  if (work.cursor === undefined && !(await addRows(store, work, tree, note))) return false;
  if (!(await addEvents(store, work, tree, note))) return false;
  const { rows, events, through } = work;
  const entry: Before = {
    ...{ what: 'before', rows, events, root: tree.root().toString('base64') },
    ...(through === undefined ? {} : { through }),
    until: new Date(work.until).toISOString(),
    ...(work.rowsUntil > work.until ? { rowsUntil: new Date(work.rowsUntil).toISOString() } : {}),
  };
  await say([entry]);
  await deeds.notes.keep([textNote(DONE, JSON.stringify(entry))]);
  await deeds.notes.drop([UNDER_WAY]);
  return true;
}

type Note = () => Promise<boolean>;

async function addRows(
  { deeds }: BeforeOptions['store'],
  work: BeforeWork,
  tree: Frontier,
  note: Note,
): Promise<boolean> {
  const shapes = new ShapeBook();
  for (const { text } of await deeds.shapes()) shapes.add(text);
  for (;;) {
    const rows = await deeds.unsealed({ after: work.after, limit: ROWS_A_STEP });
    for (const { last, sequence, bytes } of rows) {
      await breathe();
      // As the verifier does: of what cannot be read the leaf is another one, and it says so itself.
      for (const deed of leavesOf(bytes, shapes)) tree.add(deed);
      work.rows += 1;
      work.after = [last, sequence];
      // A clock was set back since. Of events this says nothing: what is received from now on is none of them.
      if (last >= work.rowsUntil) work.rowsUntil = last + 1;
    }
    const isLast = rows.length < ROWS_A_STEP;
    if (isLast) work.cursor = 'start';
    if ((isLast || work.rows % STEPS_A_NOTE < ROWS_A_STEP) && !(await note())) return false;
    if (isLast) return true;
  }
}

const leavesOf = (bytes: Uint8Array, shapes: ShapeBook): Buffer[] => {
  try {
    return deedsIn(bytes).map(deed => shapes.leafOf(deed) ?? leafHash(deed));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return [leafHash(bytes)];
  }
};

async function addEvents(
  store: BeforeOptions['store'],
  work: BeforeWork,
  tree: Frontier,
  note: Note,
): Promise<boolean> {
  const query = { types: ['AuditEvent'], where: ANY_RESOURCE, sort: [{ code: '_id', descending: false }] };
  for (let pages = 1; ; pages++) {
    const after = work.cursor === 'start' ? {} : { after: work.cursor! };
    const page = await store.find({ ...query, limit: EVENTS_A_STEP, ...after });
    for (const { text } of page.rows) {
      if (!text) continue;
      const { id, at } = readReceivedEvent(text.toString());
      if (at === undefined || at >= work.until) continue;
      tree.add(leafHash(text));
      work.events += 1;
      if (id !== undefined) work.through = id;
    }
    const next = page.cursors.at(-1);
    if (!page.more || !next) return true;
    work.cursor = next;
    if (pages % (STEPS_A_NOTE / EVENTS_A_STEP) === 0 && !(await note())) return false;
  }
}
