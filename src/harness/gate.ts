/**
 * What stands before the store while its content is exchanged: requests that begin meanwhile wait, and those under way are
 * waited for. One that is not done by then, because its client is slow or has gone, is refused at its next call of the store, so
 * that nothing of it is in the content that follows.
 */
import { AsyncResource } from 'node:async_hooks';
import type { ServerResponse } from 'node:http';
import { FhirError } from '../fhir/error.js';
import { realTimeout } from '../platform/real-time.js';
import { type RequestContext, requestContext } from './request-context.js';

export interface StoreGate {
  /** Another number after each exchange. */
  readonly epoch: number;
  /** Lets a request in, as soon as there is no exchange; `begin` gives what belongs to it. */
  admit(response: ServerResponse, begin: () => RequestContext, answer: () => void): void;
  /** Every call of the store passes here. */
  call<T>(work: () => Promise<T>): Promise<T>;
  /** Does the work while no call of the store is under way. Throws `unavailable` where calls do not end. */
  readonly hold: Hold;
  /**
   * Does the work when the requests under way are done, or `patience` (ms) is over; those that begin meanwhile wait for it. What
   * it does with the content itself it does by `hold`. One after the other, and those who hold as well.
   */
  exchange<T>(patience: number, work: (hold: Hold) => Promise<T>): Promise<T>;
}

export type Hold = <T>(work: () => Promise<T>) => Promise<T>;

/** ms for calls of the store to end: a query has ten seconds. */
const CALL_PATIENCE = 30_000;

export function createGate(): StoreGate {
  let epoch = 0;
  const requests = createCount();
  /** Those that are not answered: their clients may have gone before. */
  const unanswered = new Set<RequestContext>();
  const calls = createCount();
  const door = createDoor();
  const store = createDoor();
  let turn: Promise<unknown> = Promise.resolve();

  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const done = turn.then(work, work);
    turn = done.catch(() => undefined);
    return done;
  };
  const hold: Hold = async work => {
    const open = store.shut();
    try {
      if (!(await calls.none(CALL_PATIENCE)))
        throw new FhirError('unavailable', 'Calls of the store do not end: the content stays as it is.');
      return await work();
    } finally {
      open();
    }
  };
  return {
    get epoch() {
      return epoch;
    },
    admit: (response, begin, answer) =>
      door.pass(() => {
        if (response.destroyed) return;
        const context = begin();
        unanswered.add(context);
        const end = requests.begin();
        response.once('close', () => {
          if (response.writableFinished) unanswered.delete(context);
          end();
        });
        requestContext.run(context, answer);
      }),
    call: work =>
      new Promise((resolve, reject) =>
        store.pass(() => {
          if (requestContext.getStore()?.overtaken === true) return reject(exchangedMeanwhile());
          const end = calls.begin();
          work().finally(end).then(resolve, reject);
        }),
      ),
    hold: work => inTurn(() => hold(work)),
    exchange: (patience, work) =>
      inTurn(async () => {
        const open = door.shut();
        try {
          await requests.none(patience);
          epoch += 1;
          for (const context of unanswered) context.overtaken = true;
          unanswered.clear();
          return await work(hold);
        } finally {
          open();
        }
      }),
  };
}

const exchangedMeanwhile = (): FhirError =>
  new FhirError('unavailable', 'A test has reset this server while the request was under way. Send it again.');

/** Passed at once where it is open, in the order of arrival where it was shut. */
function createDoor(): { pass(go: () => void): void; shut(): () => void } {
  let waiting: (() => void)[] | undefined;
  return {
    pass(go) {
      // Whoever opens is somebody else.
      if (waiting) waiting.push(AsyncResource.bind(go));
      else go();
    },
    shut() {
      waiting = [];
      return () => {
        const all = waiting ?? [];
        waiting = undefined;
        for (const go of all) go();
      };
    },
  };
}

/** Counts what is under way. */
function createCount(): { begin(): () => void; none(patience: number): Promise<boolean> } {
  let count = 0;
  let ended: (() => void) | undefined;
  return {
    begin() {
      count += 1;
      return () => {
        count -= 1;
        if (count === 0) ended?.();
      };
    },
    /** False: the time is over before nothing is. */
    async none(patience) {
      if (count === 0) return true;
      return new Promise(resolve => {
        const timer = realTimeout(patience, () => resolve(false));
        ended = () => {
          clearTimeout(timer);
          resolve(true);
        };
      });
    },
  };
}
