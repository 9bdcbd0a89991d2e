/** Whether a store takes writes. A write that it refused is remembered until it takes one again, so that readiness is told truly. */
import { asFhirError } from '../fhir/error.js';

const REFUSALS: ReadonlySet<string> = new Set(['unavailable', 'no-space', 'timeout']);

export interface Writable {
  /** Every write passes here. */
  watch<T>(write: Promise<T>): Promise<T>;
  /** Rejects with the reason where the store takes no writes. */
  check(): Promise<void>;
}

/** `touch`: a small write that changes nothing; asked for only after one was refused. */
export function createWritable(touch: () => Promise<unknown>): Writable {
  let refused = false;
  const watch = async <T>(write: Promise<T>): Promise<T> => {
    try {
      const done = await write;
      refused = false;
      return done;
    } catch (error) {
      const { kind } = asFhirError(error);
      if (kind !== 'conflict') refused = REFUSALS.has(kind);
      throw error;
    }
  };
  return {
    watch,
    async check() {
      if (refused) await watch(touch());
    },
  };
}
