/**
 * What a command does beside a store that it does not open, because a server may have it: it leaves a note in the folder of data, and the server, or
 * the next one, tells it in the audit trail. A note may be told twice, where the server dies over it; it does not go untold.
 */
import {
  closeSync,
  fchownSync,
  fsyncSync,
  lchownSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { FhirError } from '../fhir/error.js';
import type { DataMoved } from '../identity/happening.js';
import { SYSTEM } from '../identity/principal.js';
import { makeFolder, syncToDisk } from '../platform/folder.js';
import { newUuid } from '../platform/ids.js';
import { frames } from '../platform/log.js';
import type { Engine } from './engine.js';
import { tellHappening } from './tell.js';

const FOLDER = 'untold';
const NOTE = '.json';
/** A note of what is being done: told by the next start alone, where the server does not come to tell it itself. */
const HELD = '.held';
const UNREADABLE = '.unreadable';
const LOOK_MS = 2_000;

/**
 * Makes the folder for notes, so that what cannot be told is not done: it belongs to whom the store belongs, as whose server reads and removes
 * what is in it. Throws `unavailable` where it cannot be given to them, else the system's error.
 */
export function prepareNotes(data: string): void {
  const folder = join(data, FOLDER);
  makeFolder(folder);
  const stat = lstatSync(folder);
  const owner = ownerOf(data);
  if (!stat.isDirectory()) throw notAsOwner();
  if (!isOther(owner)) return;
  try {
    if (stat.uid !== owner.uid) lchownSync(folder, owner.uid, owner.gid);
  } catch (cause) {
    throw notAsOwner(cause);
  }
}

/** Leaves a note in the folder; it is durable, and whole, when it has its name. Throws the system's error. */
export function leaveNote(data: string, moved: DataMoved): void {
  writeNote(join(data, FOLDER), newUuid() + NOTE, moved, ownerOf(data));
}

/** A note of what the server itself is about to do, and tells in the end. */
export interface HeldNote {
  /** It was told. */
  drop(): void;
  /** It will not be told otherwise. */
  release(): void;
}

/** As `leaveNote`; it is told by the next start, unless it is dropped, or sooner where it is released. */
export function holdNote(data: string, moved: DataMoved): HeldNote {
  const folder = join(data, FOLDER);
  makeFolder(folder);
  const file = join(folder, newUuid() + NOTE);
  const held = file + HELD;
  writeNote(folder, basename(held), moved);
  return { drop: () => rmSync(held, { force: true }), release: () => renameSync(held, file) };
}

/** `owner`: of another process, which removes it. */
function writeNote(folder: string, name: string, moved: DataMoved, owner?: Owner): void {
  const file = join(folder, name);
  const part = `${file}.part`;
  const descriptor = openSync(part, 'wx', 0o600);
  try {
    if (owner && isOther(owner)) fchownSync(descriptor, owner.uid, owner.gid);
    writeSync(descriptor, JSON.stringify(moved));
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(part, file);
  syncToDisk(folder);
}

type Owner = Pick<Stats, 'uid' | 'gid'>;

const ownerOf = (data: string): Owner => statSync(join(data, 'chartroom.db'));
/** Windows has no such owners. */
const isOther = ({ uid }: Owner): boolean => process.geteuid !== undefined && process.geteuid() !== uid;

const notAsOwner = (cause?: unknown): FhirError =>
  new FhirError(
    'unavailable',
    `The server could not read what this command would leave for its audit trail in the folder ${FOLDER} of the data folder. Run it as the user to whom chartroom.db belongs, or as root.`,
    { cause },
  );

/** What is known from one look to the next; begin with empty ones. */
export interface NotesSeen {
  /** What failed, by note; nothing: the folder. It is logged once. */
  readonly failed: Set<string>;
  /** Notes that are told and could not be removed. */
  readonly told: Set<string>;
}

/** Tells what notes say, the oldest first. A note that cannot be read stays under another name; one that fails keeps no other one waiting. */
export async function tellNotes(engine: Engine, seen: NotesSeen): Promise<void> {
  const folder = join(engine.settings.data, FOLDER);
  const names = await logsOnce(engine, seen, '', () => namesIn(folder));
  for (const name of names ?? []) await logsOnce(engine, seen, name, () => tellNote(engine, seen, folder, name));
}

/** Undefined: it failed. */
async function logsOnce<T>(
  { log }: Engine,
  { failed }: NotesSeen,
  note: string,
  does: () => T | Promise<T>,
): Promise<T | undefined> {
  try {
    const done = await does();
    failed.delete(note);
    return done;
  } catch (error) {
    if (!failed.has(note)) log.warn({ note, at: frames(error) }, 'What a command has done could not be recorded yet');
    failed.add(note);
    return undefined;
  }
}

async function tellNote(engine: Engine, { told }: NotesSeen, folder: string, name: string): Promise<void> {
  const file = join(folder, name);
  if (!told.has(name)) {
    const moved = readNote(readFileSync(file, 'utf8'));
    if (!moved) {
      renameSync(file, file + UNREADABLE);
      engine.log.warn(
        { note: name },
        'A note of what a command has done could not be read, and is not in the audit trail',
      );
      return;
    }
    await tellHappening({ engine, principal: SYSTEM, address: 'local', requestId: newUuid() }, moved);
    told.add(name);
  }
  rmSync(file);
  told.delete(name);
}

/**
 * Tells them from now on, and makes the folder, which is the server's then. Call what this gives back to end it; it resolves when nothing is
 * under way any more.
 */
export async function keepTellingNotes(engine: Engine): Promise<() => Promise<void>> {
  const seen: NotesSeen = { failed: new Set(), told: new Set() };
  await logsOnce(engine, seen, '', () => {
    const folder = join(engine.settings.data, FOLDER);
    makeFolder(folder);
    // Of a life that came to its end in the middle: nobody else tells them.
    for (const name of readdirSync(folder))
      if (name.endsWith(NOTE + HELD)) renameSync(join(folder, name), join(folder, name.slice(0, -HELD.length)));
  });
  let underWay = tellNotes(engine, seen);
  await underWay;
  const end = engine.clock.every(LOOK_MS, () => (underWay = underWay.then(() => tellNotes(engine, seen))));
  return async () => {
    end();
    await underWay;
  };
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
      .filter(name => name.endsWith(NOTE))
      .toSorted();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** That this server gives to a copy: one that somebody else has given is not told. */
const OWN_NAME = /^chartroom-[\dTZ-]{1,40}-[a-z0-9-]{1,64}\.db$/;

/** What `leaveNote` has written; undefined: it is something else. */
function readNote(text: string): DataMoved | undefined {
  try {
    const { what, by, lifecycle, file, sha256, done, counts } = JSON.parse(text) as Partial<DataMoved>;
    const bytes = counts?.['bytes'];
    if (what !== 'data-exported' || by !== 'backup' || lifecycle !== 'archive') return undefined;
    if (!/^[0-9a-f]{64}$/.test(sha256 ?? '') || !Number.isSafeInteger(bytes)) return undefined;
    if (done === undefined || new Date(done).toISOString() !== done) return undefined;
    const named = file !== undefined && OWN_NAME.test(file) ? { file } : {};
    return { what, by, lifecycle, ...named, sha256: sha256!, done, counts: { bytes: bytes! } };
  } catch {
    return undefined;
  }
}
