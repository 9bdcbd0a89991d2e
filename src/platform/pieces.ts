/**
 * Long work in pieces: a generator that yields wherever others may have their turn. The same code runs at once for what
 * is small, or with turns of the event loop in between for what is large.
 */
export type Pieces<T> = Generator<void, T>;

/** Lets everything that waits for the event loop come first. */
export const turn = (): Promise<void> => new Promise(done => setImmediate(done));

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
