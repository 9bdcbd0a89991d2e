/**
 * Whether the store is what it was: streams that an anchor beside it knows further than it does are lost. An older copy of the store was put in
 * its place then, or another store was named. Whoever goes on with it makes a second history, a fork, which must not happen unseen.
 *
 * A copy that lives on elsewhere with its own folder is not seen here: anchors of the one are held against the other (verify.ts).
 */
import { closeSync, createReadStream, existsSync, fstatSync, openSync, readSync } from 'node:fs';
import { headOfRow, type StreamHead } from '../../store/seals.js';
import type { Store } from '../../store/store.js';
import { type Anchor, headsOfAnchor, lastAnchor, readAnchor } from './anchors.js';
import type { KnownHead } from './entry.js';
import { lastNote, textNote } from './kept-notes.js';
import { fileLines } from './lines.js';

/** Bytes of the end of a file of anchors in which the last one is looked for. */
const FIRST_LOOK = 1 << 20;
const LAST_LOOK = 1 << 25;
/** `restored/STREAM`: the size up to which it is known to be lost. */
const ACCEPTED = 'restored/';

/** The last anchor in a file of them, a line each; undefined: there is none. Lines that are none are passed over. */
export function lastAnchorIn(file: string): Anchor | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const { size } = fstatSync(descriptor);
    for (let look = FIRST_LOOK; ; look *= 2) {
      const bytes = Buffer.alloc(Math.min(look, size));
      readSync(descriptor, bytes, 0, bytes.length, size - bytes.length);
      for (const line of bytes.toString().split('\n').toReversed()) {
        const anchor = readAnchor(line);
        if (anchor) return anchor;
      }
      if (look >= size || look >= LAST_LOOK) return undefined;
    }
  } finally {
    closeSync(descriptor);
  }
}

/**
 * How far streams are known of which the store has less, or another history. `file`: of anchors; what its last one says is held against the
 * rows, and what the last one in the store says. Where something is lost, all of the file is read, for streams that had ended before.
 */
export async function lostHeads({ deeds }: Pick<Store, 'deeds'>, file: string): Promise<readonly KnownHead[]> {
  const last = new KnownStreams();
  for (const anchor of [lastAnchorIn(file), await lastAnchor(deeds.notes)]) if (anchor) last.learn(anchor);
  if ((await lostOf(deeds, last.heads)).length === 0) return [];
  if (existsSync(file))
    for await (const { text = '' } of fileLines(createReadStream(file))) {
      const anchor = readAnchor(text);
      if (anchor) last.learn(anchor);
    }
  return lostOf(deeds, last.heads);
}

class KnownStreams {
  readonly #known = new Map<string, StreamHead>();

  learn(anchor: Anchor): void {
    for (const head of headsOfAnchor(anchor))
      if ((this.#known.get(head.stream)?.size ?? 0) < head.size) this.#known.set(head.stream, head);
  }

  get heads(): readonly StreamHead[] {
    return [...this.#known.values()];
  }
}

async function lostOf(deeds: Store['deeds'], heads: readonly StreamHead[]): Promise<readonly KnownHead[]> {
  const lost: KnownHead[] = [];
  for (const { stream, size, root } of heads)
    if (!(await isKept(deeds, { stream, size, root })) && (await acceptedUpTo(deeds, stream)) < size)
      lost.push({ stream, size, root: root.toString('base64') });
  return lost;
}

/** Somebody has accepted that they are lost. */
export const noteLost = ({ deeds }: Pick<Store, 'deeds'>, lost: readonly KnownHead[]): Promise<void> =>
  deeds.notes.keep(lost.map(({ stream, size }) => textNote(ACCEPTED + stream, String(size))));

async function acceptedUpTo({ notes }: Store['deeds'], stream: string): Promise<number> {
  return Number((await lastNote(notes, ACCEPTED + stream)) ?? 0);
}

/** Rows that somebody has altered are not looked into: that is what verification is for. */
async function isKept(deeds: Store['deeds'], { stream, size, root }: StreamHead): Promise<boolean> {
  const [row] = await deeds.sealed({ stream, upTo: size - 1, limit: 1 });
  if (!row) return false;
  let head: StreamHead;
  try {
    head = headOfRow(row);
  } catch (error) {
    if (error instanceof RangeError) return true;
    throw error;
  }
  return head.size > size || (head.size === size && head.root.equals(root));
}
