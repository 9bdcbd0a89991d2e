/**
 * Anchors: one signed note over how far all streams are, so that what is kept elsewhere of them is little. The process that holds the lease makes
 * one each minute in which something was done: a tree whose leaves are the checkpoints, in the order of their origins, as a note with the
 * origin `<ledger>/anchor`, the number of checkpoints as its size, and its time in one more line.
 *
 * An anchor is a line of JSON, {"note", "heads"}: appended to a file that is never shortened, one of each hour in the store, and
 * given to keepers elsewhere from the outbox: to each in order, each until it was taken, and none waits for another.
 */
import { appendFileSync, closeSync, fsyncSync, openSync, readSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { isObject, type Json } from '../../fhir/resource.js';
import { makeFolder } from '../../platform/folder.js';
import type { Log } from '../../platform/log.js';
import { leafHash, treeRoot } from '../../store/ledger.js';
import type { LedgerNotes } from '../../store/seals.js';
import type { StreamHead } from '../../store/seals.js';
import type { Store } from '../../store/store.js';
import type { Checkpoints } from './checkpoints.js';
import type { LedgerKey } from './keys.js';
import { ANCHOR_NOTES, anchorName, GIVEN, LAST_ANCHOR, lastNote, textNote } from './kept-notes.js';
import {
  checkpointText,
  type NoteKey,
  openCheckpoint,
  readKeyText,
  signNote,
  streamOfOrigin,
  textSigned,
} from './note.js';
import type { LedgerStreams } from './streams.js';

export interface Anchor {
  readonly note: string;
  /** Texts of checkpoints, in the order of their origins. */
  readonly heads: readonly string[];
}

export interface AnchorOptions {
  readonly store: Pick<Store, 'deeds' | 'commit' | 'pendingMessages'>;
  readonly ledger: string;
  readonly key: () => LedgerKey;
  /** Texts of all keys that have signed. */
  readonly keyTexts: () => Promise<readonly string[]>;
  readonly streams: Pick<LedgerStreams, 'underWay' | 'noteFinal' | 'tidy'>;
  readonly checkpoints: Pick<Checkpoints, 'last'>;
  /** Path of the file. */
  readonly file: string;
  readonly keepers: readonly AnchorKeeper[];
}

/** Who keeps anchors elsewhere. */
export interface AnchorKeeper {
  /** What it is called in the log, and its queue by: one of each. */
  readonly way: string;
  /** ms from one that it gets to the next; 0: it gets each. */
  readonly every: number;
  /** Throws where it was not taken: `unprocessable` where another attempt will hardly do. */
  keep(anchor: MadeAnchor, ground: KeeperGround): Promise<void>;
}

/** What a keeper may need of the ledger that it keeps anchors of. */
export interface KeeperGround extends Pick<AnchorOptions, 'ledger' | 'key'> {
  readonly notes: LedgerNotes;
  readonly log: Pick<Log, 'warn'>;
  /** Aborted when the server ends: what is under way is given up. */
  readonly ending: AbortSignal;
}

/** `line`: as it is kept; `time`: an instant, as it says itself. */
export interface MadeAnchor extends Anchor {
  readonly line: string;
  readonly time: string;
}

const queueOf = ({ way }: AnchorKeeper): string => (way === 'url' ? 'audit-anchor' : `audit-anchor-${way}`);
const SENT_AT_ONCE = 100;

/** The one that was made last of those that the store has; undefined: none. */
export async function lastAnchor(notes: Pick<LedgerNotes, 'find'>): Promise<Anchor | undefined> {
  // A store of before that note was kept has those of the hours alone.
  const line = (await lastNote(notes, LAST_ANCHOR)) ?? (await lastNote(notes, ANCHOR_NOTES));
  return line === undefined ? undefined : readAnchor(line);
}

/** How far streams were when it was made, by what it says itself: whether it is signed is not asked. What is no checkpoint is left out. */
export const headsOfAnchor = ({ heads }: Anchor): StreamHead[] =>
  heads.flatMap(text => {
    try {
      const { origin, size, root } = openCheckpoint(`${text}\n`, []).checkpoint;
      return { stream: streamOfOrigin(origin), size, root };
    } catch {
      return [];
    }
  });

/** Undefined: it is none. */
export function readAnchor(line: string): Anchor | undefined {
  let said: unknown;
  try {
    said = JSON.parse(line);
  } catch {
    return undefined;
  }
  const { note, heads } = isObject(said) ? said : ({} as Readonly<Record<string, Json>>);
  const isText = (value: unknown): value is string => typeof value === 'string';
  return isText(note) && Array.isArray(heads) && heads.every(isText) ? { note, heads } : undefined;
}

function isSigned(note: string, signers: readonly NoteKey[]): boolean {
  try {
    return openCheckpoint(note, signers).signedBy !== undefined;
  } catch {
    return false;
  }
}

/** Makes an anchor where something was done since the last one. `now`: ms since 1970. Gives whether it did. */
export async function makeAnchor(options: AnchorOptions, now: number): Promise<boolean> {
  const { store, ledger, key, keyTexts, streams, checkpoints, file, keepers } = options;
  const underWay = await streams.underWay();
  const signers = (await keyTexts()).flatMap(each => readKeyText(each) ?? []);
  const kept = await Promise.all(underWay.map(({ stream }) => checkpoints.last(stream)));
  // What somebody else has written into the store is not vouched for.
  const notes = kept.map(note => (note !== undefined && isSigned(note, signers) ? note : undefined));
  const heads = notes.flatMap(note => (note === undefined ? [] : [textSigned(note)])).toSorted(compareTexts);
  const last = await lastAnchor(store.deeds.notes);
  if (heads.length === 0 || JSON.stringify(last?.heads) === JSON.stringify(heads)) return false;
  const time = new Date(now).toISOString();
  const root = treeRoot(heads.map(text => leafHash(Buffer.from(text))));
  const text = checkpointText({ origin: `${ledger}/anchor`, size: heads.length, root, extensions: [time] });
  const line = JSON.stringify({ note: signNote(text, ledger, key().secret), heads } satisfies Anchor);
  // Where the folder is full or may not be written, the others have it all the same.
  let failed: unknown;
  try {
    append(file, line);
  } catch (error) {
    failed = error;
  }
  // What the store has last is not made again: so it is on its way before.
  const due = await keepersDue(store, keepers, now);
  if (due.length > 0)
    await store.commit({ changes: [], messages: due.map(keeper => ({ topic: queueOf(keeper), body: line })) });
  const given = due.filter(({ every }) => every > 0).map(({ way }) => textNote(GIVEN + way, String(now)));
  await store.deeds.notes.keep([textNote(anchorName(time), line), textNote(LAST_ANCHOR, line), ...given]);
  // What ended is bound by this one: nothing more will come of it.
  const ended = underWay.filter(({ ended: isOver }, i) => isOver && notes[i] !== undefined);
  await streams.noteFinal(ended.map(({ stream }) => stream));
  await streams.tidy(now);
  if (failed !== undefined) throw failed;
  return true;
}

/** Those whose time has come. One that was given of a time ahead of the clock says nothing. */
async function keepersDue(
  { deeds: { notes } }: AnchorOptions['store'],
  keepers: readonly AnchorKeeper[],
  now: number,
): Promise<readonly AnchorKeeper[]> {
  const isDue = async ({ way, every }: AnchorKeeper): Promise<boolean> => {
    if (every === 0) return true;
    const given = Number(await lastNote(notes, GIVEN + way));
    return !(given <= now && now - given < every);
  };
  const due = await Promise.all(keepers.map(isDue));
  return keepers.filter((_, i) => due[i]);
}

/** An anchor was not taken, because of its cause. */
export class NotTaken extends Error {
  /** When it was made, in ms since 1970; undefined: it does not say. */
  readonly made: number | undefined;

  constructor(time: string, cause: unknown) {
    super('An anchor was not taken.', { cause });
    this.made = madeAt(time);
  }
}

function madeAt(time: string): number | undefined {
  const made = Date.parse(time);
  return Number.isNaN(made) ? undefined : made;
}

/** Of whoever hands on what waits. */
export interface SendingGround
  extends Pick<AnchorOptions, 'store' | 'ledger' | 'key'>,
    Pick<KeeperGround, 'log' | 'ending'> {
  readonly isHolder: () => Promise<boolean>;
  /** Hears of each anchor before it is offered when it was made, in ms since 1970; undefined: it does not say. */
  readonly waits: (made: number | undefined) => void;
}

/**
 * Gives a keeper all that waits for it, in order, while `isHolder`: of several processes one sends. Gives whether all was taken; throws NotTaken where one
 * was not: it waits on.
 */
export async function sendAnchors(sending: SendingGround, keeper: AnchorKeeper): Promise<boolean> {
  const { store, ending, isHolder } = sending;
  for (;;) {
    const waiting = await store.pendingMessages(queueOf(keeper), SENT_AT_ONCE);
    for (const { sequence, body } of waiting) {
      if (ending.aborted) return false;
      const anchor = readAnchor(body);
      if (anchor) sending.waits(madeAt(timeSaid(anchor)));
      if (!(await isHolder())) return false;
      // What is none has been written by somebody else: nobody waits for it.
      if (anchor) await offer(sending, keeper, { ...anchor, line: body, time: timeSaid(anchor) });
      await store.commit({ changes: [], acknowledges: [sequence] });
    }
    if (waiting.length < SENT_AT_ONCE) return true;
  }
}

async function offer(
  { store, ledger, key, log, ending }: SendingGround,
  keeper: AnchorKeeper,
  anchor: MadeAnchor,
): Promise<void> {
  try {
    await keeper.keep(anchor, { ledger, key, log, notes: store.deeds.notes, ending });
  } catch (cause) {
    throw new NotTaken(anchor.time, cause);
  }
}

function timeSaid({ note }: Anchor): string {
  try {
    return openCheckpoint(note, []).checkpoint.extensions[0] ?? '';
  } catch {
    return '';
  }
}

function append(file: string, line: string): void {
  makeFolder(dirname(file));
  // A line that was cut by a full disk or a loss of power spoils itself alone.
  appendFileSync(file, `${endsInLine(file) ? '' : '\n'}${line}\n`, { mode: 0o600 });
  const descriptor = openSync(file, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Whether a file ends as its last line does, or there is nothing in it. */
function endsInLine(file: string): boolean {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size === 0) return true;
  const descriptor = openSync(file, 'r');
  try {
    const last = Buffer.alloc(1);
    readSync(descriptor, last, 0, 1, size - 1);
    return last.toString() === '\n';
  } finally {
    closeSync(descriptor);
  }
}

const compareTexts = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
