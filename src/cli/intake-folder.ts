/**
 * The folder of `chartroom intake`: which files there are, their bytes, and how they are moved aside. Others write there at the same time, and not all of them
 * are friends: no link is followed, nothing is written over, and a file that has changed between two steps is left where it is.
 */
import { constants, existsSync } from 'node:fs';
import { lstat, open, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { extname, join } from 'node:path';

export const ASIDE = ['done', 'failed'] as const;

/** A plain file, as a look finds it. */
export interface FileSeen {
  /** Another one after each change: size, times, and which file it is. */
  readonly shape: string;
  /** ms since 1970. */
  readonly changed: number;
}

interface FileFacts {
  readonly size: number;
  readonly mtimeMs: number;
  readonly ino: number;
  readonly dev: number;
}

/** Without the time of the change of its name, which is another one after it was moved into the folder. */
const fileShape = ({ size, mtimeMs, ino, dev }: FileFacts): string => [size, mtimeMs, ino, dev].join(' ');

/** Files of a folder, without those that are hidden or no plain files, by name. */
export async function filesIn(folder: string): Promise<Map<string, FileSeen>> {
  const files = new Map<string, FileSeen>();
  for (const name of (await readdir(folder)).toSorted()) {
    if (name.startsWith('.')) continue;
    const found = await lstat(join(folder, name)).catch(absent);
    if (found?.isFile()) files.set(name, { shape: fileShape(found), changed: found.mtimeMs });
  }
  return files;
}

/** What a link, or a file that is gone, says to whoever opens it. */
const GONE: ReadonlySet<unknown> = new Set(['ENOENT', 'ELOOP', 'EMLINK', 'ENOTDIR', 'EISDIR', 'ENXIO']);

function absent(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && GONE.has(error.code)) return undefined;
  throw error;
}

const DENIED_CODES: ReadonlySet<unknown> = new Set(['EACCES', 'EPERM']);

function notOpened(error: unknown): 'changed' | 'unreadable' {
  if (error instanceof Error && 'code' in error && DENIED_CODES.has(error.code)) return 'unreadable';
  absent(error);
  return 'changed';
}

export interface WholeFile {
  readonly shape: string;
  /** Bytes. */
  readonly most: number;
}

/** The bytes of a file that looked like `shape` and still does when they are read. No link is followed, and nothing is waited for. */
export async function readUnchanged(
  folder: string,
  name: string,
  { shape, most }: WholeFile,
): Promise<Buffer | 'changed' | 'too-large' | 'unreadable'> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const file = await open(join(folder, name), flags).catch(notOpened);
  if (typeof file === 'string') return file;
  try {
    const before = await file.stat();
    if (!before.isFile() || fileShape(before) !== shape) return 'changed';
    if (before.size > most) return 'too-large';
    const bytes = await file.readFile();
    return fileShape(await file.stat()) === shape && bytes.length === before.size ? bytes : 'changed';
  } finally {
    await file.close();
  }
}

/** Bytes of a name that every usual file system takes, with a mark and `.reason.txt`. */
const LONGEST_NAME = 200;
const MARK = 12;

export interface AsideMove {
  readonly shape: string;
  readonly to: (typeof ASIDE)[number];
  /** Goes before the name where another file has it. */
  readonly mark: string;
  /** Is written beside the file, under its name with `.reason.txt`. */
  readonly reason?: string;
}

/** Moves a file that looks like `shape`, and gives its name there. Undefined: it has changed, or is gone, and stays. */
export async function moveAside(
  folder: string,
  name: string,
  { shape, to, mark, reason }: AsideMove,
): Promise<string | undefined> {
  const found = await lstat(join(folder, name)).catch(absent);
  if (!found?.isFile() || fileShape(found) !== shape) return undefined;
  const plain = shortName(name);
  const isTaken = [plain, reasonName(plain)].some(each => existsSync(join(folder, to, each)));
  const moved = isTaken || plain !== name ? `${mark.slice(0, MARK)}-${plain}` : plain;
  const beside = join(folder, to, reasonName(moved));
  if (reason !== undefined) await writeFile(beside, `${reason}\n`, { flag: 'wx' });
  const isMoved = await rename(join(folder, name), join(folder, to, moved)).then(() => true, absent);
  if (isMoved) return moved;
  if (reason !== undefined) await rm(beside, { force: true });
  return undefined;
}

const reasonName = (name: string): string => `${name}.reason.txt`;

/** A name that is too long is cut before its extension. */
function shortName(name: string): string {
  if (Buffer.byteLength(name) <= LONGEST_NAME) return name;
  const end = Buffer.byteLength(extname(name)) <= MARK ? extname(name) : '';
  const characters = Array.from(name.slice(0, name.length - end.length));
  while (Buffer.byteLength(characters.join('') + end) > LONGEST_NAME) characters.pop();
  return characters.join('') + end;
}
