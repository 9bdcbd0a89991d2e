/**
 * The stamps of a process: times that versions carry as `updated`, taken before the commit that writes them. Whoever takes one
 * keeps it open until the commit is settled, and the horizon of the process, the oldest open stamp or else the time, does not pass it
 * meanwhile: what is stamped below the horizon is visible, and no stamp is ever taken below a horizon that was given.
 *
 * Stamps do not fall when the clock does: they stay where they were until it has caught up.
 */
import { FhirError } from '../fhir/error.js';
import type { OpenStamp } from './store.js';

export interface Stamps {
  /** One for an attempt at a commit. It is open from the first time that it gives. */
  open(): OpenStamp;
  /** ms. */
  horizon(): number;
  /** Nothing is stamped below from now on, and what is stamped below already is outdated. */
  raise(floor: number): void;
  /** A horizon at or below the time of the stamp, until this is called: whether its commit was kept is not known yet. */
  keep(stamp: OpenStamp): () => void;
}

/** What was stamped later than so long from now, in ms, was stamped by a clock that was wrong, and is no measure at a start. */
const DAY = 86_400_000;

/** Where stamps begin at a start: not below the newest that there is, as horizons have been given up to it. */
export const firstStamp = (now: number, newest: number): number => (newest <= now + DAY ? Math.max(now, newest) : now);

/**
 * `now`: the clock of what users see. `falling`: stamps, and with them the horizon, follow it where it is set back, as tests
 * of clients do.
 */
export function createStamps(now: () => number, falling = false): Stamps {
  let last = -Infinity;
  /** Those that are open, oldest first unless times fall. */
  const opened = new Set<AttemptStamp>();
  const kept = new Set<Pick<AttemptStamp, 'first'>>();
  const line: StampLine = {
    opened,
    next() {
      const time = now();
      if (time > last || falling) last = time;
      return last;
    },
  };
  return {
    open: () => new AttemptStamp(line),
    horizon() {
      let horizon = line.next();
      for (const { first } of opened) {
        if (first < horizon) horizon = first;
        if (!falling) break;
      }
      for (const { first } of kept) if (first < horizon) horizon = first;
      return horizon;
    },
    raise(floor) {
      last = Math.max(last, floor);
      for (const stamp of opened) {
        if (stamp.first >= floor) break;
        stamp.outdated = true;
        opened.delete(stamp);
      }
    },
    keep(stamp) {
      const { first } = stamp as AttemptStamp;
      const one = { first };
      kept.add(one);
      return () => void kept.delete(one);
    },
  };
}

interface StampLine {
  readonly opened: Set<AttemptStamp>;
  /** The time, or the latest that was given where the clock is behind it. */
  next(): number;
}

/** A class, because every request has one. */
class AttemptStamp implements OpenStamp {
  readonly #line: StampLine;
  #state: 'unused' | 'open' | 'closed' = 'unused';
  first = Infinity;
  outdated = false;

  constructor(line: StampLine) {
    this.#line = line;
  }

  now(): number {
    if (this.#state === 'closed') throw new FhirError('fault', 'A stamp was taken after its commit.');
    const time = this.#line.next();
    if (this.#state === 'unused') {
      this.#state = 'open';
      this.first = time;
      this.#line.opened.add(this);
    }
    return time;
  }

  release(): void {
    if (this.#state !== 'open') return;
    this.#line.opened.delete(this);
    this.#state = 'unused';
    this.first = Infinity;
    this.outdated = false;
  }

  close(): void {
    if (this.#state === 'open') this.#line.opened.delete(this);
    this.#state = 'closed';
  }
}
