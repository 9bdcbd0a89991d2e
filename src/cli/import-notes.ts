/**
 * What the store knows of imports: messages of its outbox that are committed with the resources they tell of, so that they
 * are there exactly if those are, whatever ends the process. One topic per file, which is known by its content: a renamed
 * file is the same, a changed one is another.
 *
 * A message is JSON: `{"lines": [[1, 200], [202, 202]]}` for lines (or entries) that are loaded, `{"all": 340}` for a file of
 * that many of which none is left; the latter takes the place of the former.
 */
import { untilUncontested } from '../store/outbox.js';
import type { OutboxMessage, Store } from '../store/store.js';

/** First and last line of each piece. */
type Runs = readonly (readonly [from: number, to: number])[];

/** Notes of one file that are read: more than groups of an import will ever be under way. */
const MOST_NOTES = 10_000_000;

export interface FileNotes {
  /** Items of a file that is loaded to its end; undefined: it is not. */
  readonly all: number | undefined;
  readonly isDone: (line: number) => boolean;
  /** How many lines are done. */
  readonly done: number;
  /** Goes into the commit that loads these lines, in ascending order. */
  note(lines: readonly number[]): OutboxMessage;
  /** Every item is loaded. */
  finish(all: number): Promise<void>;
}

/** `hash`: of the content of the file; `fresh`: as if it had never been seen. */
export async function readNotes(store: Store, hash: string, fresh: boolean): Promise<FileNotes> {
  const topic = `import ${hash}`;
  const replaced = (messages: readonly OutboxMessage[]): Promise<void> =>
    untilUncontested(async () => {
      const acknowledges = (await store.pendingMessages(topic, MOST_NOTES)).map(({ sequence }) => sequence);
      if (acknowledges.length + messages.length > 0) await store.commit({ changes: [], acknowledges, messages });
    });
  if (fresh) await replaced([]);
  const done = new Set<number>();
  let all: number | undefined;
  for (const { body } of await store.pendingMessages(topic, MOST_NOTES)) {
    const note = JSON.parse(body) as { readonly lines?: Runs; readonly all?: number };
    all ??= note.all;
    for (const [from, to] of note.lines ?? []) for (let line = from; line <= to; line++) done.add(line);
  }
  return {
    all,
    isDone: line => done.has(line),
    done: done.size,
    note: lines => ({ topic, body: JSON.stringify({ lines: runsOf(lines) }) }),
    finish: number => replaced([{ topic, body: JSON.stringify({ all: number }) }]),
  };
}

function runsOf(lines: readonly number[]): Runs {
  const runs: [number, number][] = [];
  for (const line of lines) {
    const last = runs.at(-1);
    if (last && last[1] === line - 1) last[1] = line;
    else runs.push([line, line]);
  }
  return runs;
}
