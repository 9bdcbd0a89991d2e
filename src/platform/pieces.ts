/**
 * Long work in pieces: a generator that yields wherever others may have their turn. The same code runs at once for what
 * is small, or with turns of the event loop in between for what is large.
 */
export type Pieces<T> = Generator<void, T>;

const waiting: (() => void)[] = [];

/** One of those who wait: others than they come between two of them. */
function next(): void {
  begin();
  waiting.shift()!();
  if (waiting.length > 0) setImmediate(next);
}

/** Lets everything that waits for the event loop come first. */
export const turn = (): Promise<void> =>
  new Promise(done => {
    waiting.push(done);
    if (waiting.length === 1) setImmediate(next);
  });

/** ms of work in one turn, after which `breathe` ends it. */
const LONG = 10;

/** When the work of this turn of the event loop was first seen; undefined: nobody has asked in this turn. */
let begun: number | undefined;

/**
 * For work that comes in many small pieces at the same time: goes on at once until all of it together has taken long, and then
 * when others have had their turn.
 */
export async function breathe(): Promise<void> {
  if (begun === undefined) begin();
  else if (performance.now() - begun > LONG) await turn();
}

/** Bytes that are copied in one turn: a page of memory that was never used costs more than its copy. */
const COPIED = 1024 * 1024;

/** A copy with a buffer of its own, as threads take it over. */
export async function copyInPieces(bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const copy = new Uint8Array(bytes.length);
  for (let at = 0; at < bytes.length; at += COPIED) {
    copy.set(bytes.subarray(at, at + COPIED), at);
    await breathe();
  }
  return copy;
}

function begin(): void {
  begun = performance.now();
  setImmediate(() => (begun = undefined));
}

/** Counts small steps, and says at every `steps`th of them that others may have their turn. */
export function paced(steps: number): () => boolean {
  let done = 0;
  return () => ++done % steps === 0;
}

export function atOnce<T>(work: Pieces<T>): T {
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
  }
}

export async function inPieces<T>(work: Pieces<T>): Promise<T> {
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
    await turn();
  }
}
