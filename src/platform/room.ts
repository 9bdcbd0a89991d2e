/**
 * Room for work that takes much memory: whoever needs some says how much beforehand, and waits until others have left. In
 * the order of arrival, so that what is large is not overtaken for ever by what is small.
 */
import { realTimeout } from './real-time.js';

export interface Room {
  /** Takes `units` (all there are, if it asks for more). Resolves with undefined where there was no room for `patience` ms. */
  enter(units: number, patience: number): Promise<Place | undefined>;
  /** Somebody waits. */
  readonly crowded: boolean;
}

export interface Place {
  /** Gives back all but `units`, once it is known that no more are needed. */
  keep(units: number): void;
}

interface Waiting {
  readonly units: number;
  enter(): void;
}

export function createRoom(size: number): Room {
  let free = size;
  const waiting: Waiting[] = [];
  const next = (): void => {
    while (waiting.length > 0 && waiting[0]!.units <= free) waiting.shift()!.enter();
  };
  const take = (units: number): Place => {
    let mine = units;
    free -= units;
    return {
      keep(wanted) {
        const left = Math.min(mine, wanted);
        free += mine - left;
        mine = left;
        next();
      },
    };
  };
  return {
    get crowded() {
      return waiting.length > 0;
    },
    async enter(asked, patience) {
      const units = Math.min(asked, size);
      if (waiting.length === 0 && units <= free) return take(units);
      return new Promise(resolve => {
        const one: Waiting = {
          units,
          enter() {
            clearTimeout(timer);
            resolve(take(units));
          },
        };
        const timer = realTimeout(patience, () => {
          waiting.splice(waiting.indexOf(one), 1);
          resolve(undefined);
          next();
        });
        waiting.push(one);
      });
    },
  };
}
