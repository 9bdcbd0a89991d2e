/**
 * Time that everything that is done for one request shares, however deep inside it is spent: it runs from when somebody first asks
 * how much is left. Work outside of any request has a time of its own at every asking.
 */
import { AsyncLocalStorage } from 'node:async_hooks';

export interface SharedTime {
  /** Inside of other work that shares a time, that is the one. */
  within<T>(work: () => Promise<T>): Promise<T>;
  /** ms. */
  left(): number;
}

/** `most`: ms. */
export function createSharedTime(most: number, now: () => number = () => performance.now()): SharedTime {
  const requests = new AsyncLocalStorage<{ ends: number | undefined }>();
  return {
    within: work => (requests.getStore() ? work() : requests.run({ ends: undefined }, work)),
    left() {
      const request = requests.getStore();
      if (!request) return most;
      request.ends ??= now() + most;
      return Math.max(0, request.ends - now());
    },
  };
}
