/**
 * What is made of expressions takes long: it is made once, counted among the steps of the resource that needs it, and kept, so much at a
 * time. Where a pass needs much of it, it asks for it instead (`CheckRun.need`), and others have their turn while it is made.
 */
import { breathe } from '../../platform/pieces.js';
import type { CheckRun } from '../run.js';

/** Steps that parsing takes for each character: it takes as long. */
const STEPS_OF_A_CHARACTER = 25;
/** Characters of expressions of which something is kept: more than the steps of one resource pay for. */
const MOST_CHARACTERS = 200_000;

let last: Promise<void> = Promise.resolve();

/** One after the other, with turns for others in between. The work must not throw. */
export function inTurn(work: () => void): Promise<void> {
  last = last.then(async () => {
    await breathe();
    work();
  });
  return last;
}

let stores = 0;

/**
 * Gives what `make` makes of an expression; null: it throws, and is not tried again; undefined: it is asked for. What was made first is
 * forgotten first.
 */
export function createParses<T>(
  make: (expression: string) => T,
): (expression: string, run: CheckRun) => T | null | undefined {
  const kept = new Map<string, T | null>();
  const name = ++stores;
  let characters = 0;
  let forgotten = 0;

  function forgetOldest(): void {
    for (const [oldest] of kept) {
      if (characters <= MOST_CHARACTERS) break;
      kept.delete(oldest);
      characters -= oldest.length;
      forgotten++;
    }
  }

  function makeAndKeep(expression: string): T | null {
    const known = kept.get(expression);
    if (known !== undefined) return known;
    let made: T | null;
    try {
      made = make(expression);
    } catch {
      made = null;
    }
    kept.set(expression, made);
    characters += expression.length;
    forgetOldest();
    return made;
  }

  return (expression, run) => {
    const known = kept.get(expression);
    if (known !== undefined) return known;
    const steps = expression.length * STEPS_OF_A_CHARACTER;
    run.spend(steps);
    if (run.compilesNow(steps)) return makeAndKeep(expression);
    // What was forgotten after it had been loaded is asked for again.
    run.need(`invariant ${name} ${forgotten} ${expression}`, () => inTurn(() => void makeAndKeep(expression)));
    return undefined;
  };
}
