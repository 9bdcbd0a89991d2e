/**
 * Lets others in between pieces of work that one request does on the event loop. A piece must be short itself; many pieces
 * that follow one another without waiting for anything would hold the loop together.
 */

/** Milliseconds that pieces may take together before the loop turns. */
const HELD = 10;

export interface Breather {
  /** Before a piece. Undefined: go on; else others are let in first. */
  before(): Promise<void> | undefined;
  /** Does a piece and notes how long it took until it waited for something itself. */
  piece<T>(work: () => T): T;
}

export function createBreather(): Breather {
  const turn = { held: 0, marked: false };
  const isUsed = (): boolean => turn.held > HELD;
  const turned = (): void => void Object.assign(turn, { held: 0, marked: false });
  const others = async (): Promise<void> => {
    // Whoever waits here as well may have used up the turn by now.
    while (isUsed()) await new Promise(setImmediate);
  };
  return {
    before: () => (isUsed() ? others() : undefined),
    piece: work => {
      if (!turn.marked) setImmediate(turned);
      turn.marked = true;
      const began = performance.now();
      try {
        return work();
      } finally {
        turn.held += performance.now() - began;
      }
    },
  };
}
