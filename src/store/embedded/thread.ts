/**
 * A worker thread that answers questions in order of arrival. Used twice: for the writer, which owns the only
 * writing connection, and for reads that a page does not bound.
 */
import { Worker } from 'node:worker_threads';
import { FhirError } from '../../fhir/error.js';
import { fromWire, type Wire } from './errors.js';

export interface WorkerQuestion<Q> {
  readonly ticket: number;
  readonly ask: Q;
}
export type WorkerAnswer<A> = { readonly ticket: number } & ({ readonly answer: A } | { readonly failed: Wire });

export interface Thread<Q, A> {
  /** `transfer`: buffers that move to the thread instead of being copied. */
  ask(question: Q, transfer?: readonly ArrayBuffer[]): Promise<A>;
  /** Resolves when the thread has opened what it works on: its first message is empty. Rejects where it cannot. */
  readonly opened: Promise<void>;
  /** Undefined while the thread lives. */
  readonly failure: FhirError | undefined;
  /** Resolves when everything asked is answered and the thread has released what it had. */
  close(): Promise<void>;
}

/**
 * `gathers`: what is asked while the thread has something to do travels when that is answered, all of it as one message. A thread
 * whose work has a cost for each message (the writer: a transaction, an fsync) does less for the same questions; one that
 * could begin the next question beside the last is given them at once.
 */
export function startThread<Q, A>(url: URL, data: unknown, gathers = false): Thread<Q, A> {
  const worker = new Worker(url, { workerData: data });
  const waiting = new Map<number, { resolve(answer: A): void; reject(error: FhirError): void }>();
  let outgoing: WorkerQuestion<Q>[] = [];
  let moving: ArrayBuffer[] = [];
  let ticket = 0;
  let failure: FhirError | undefined;
  let closing: Promise<void> | undefined;

  /** Questions that the thread has and has not answered. */
  let underWay = 0;
  // What one turn of the loop has gathered travels as one message.
  const send = (): void => {
    const questions = outgoing;
    if (questions.length === 0) return;
    underWay += questions.length;
    const transfer = moving;
    outgoing = [];
    moving = [];
    worker.postMessage(questions, transfer);
  };
  let open!: () => void;
  let failOpening!: (error: FhirError) => void;
  const opened = new Promise<void>((resolve, reject) => {
    open = resolve;
    failOpening = reject;
  });
  // Whoever does not wait for it hears of a failure with what is asked.
  opened.catch(() => {});
  const fail = (cause: unknown): void => {
    failure ??= new FhirError('unavailable', 'The store has stopped. Start the server again.', { cause });
    failOpening(failure);
    for (const asked of waiting.values()) asked.reject(failure);
    waiting.clear();
  };
  worker.on('message', (answers: readonly WorkerAnswer<A>[]) => {
    open();
    for (const answer of answers) {
      const asked = waiting.get(answer.ticket);
      waiting.delete(answer.ticket);
      if ('failed' in answer) asked?.reject(fromWire(answer.failed));
      else asked?.resolve(answer.answer);
    }
    underWay -= answers.length;
    // Whoever goes on with one of these answers may ask something that goes with what waits.
    if (gathers && underWay === 0 && outgoing.length > 0) setImmediate(send);
  });
  worker.on('error', fail);
  const ended = new Promise<void>(resolve => {
    worker.on('exit', code => {
      fail(new Error(`thread exit ${code}`));
      resolve();
    });
  });

  return {
    opened,
    ask: (question, transfer = []) => {
      if (failure) return Promise.reject(failure);
      if (closing) return Promise.reject(new FhirError('unavailable', 'The store is closing.'));
      return new Promise((resolve, reject) => {
        const ask = { ticket: ticket++, ask: question };
        waiting.set(ask.ticket, { resolve, reject });
        if (outgoing.push(ask) === 1 && !(gathers && underWay > 0)) setImmediate(send);
        moving.push(...transfer);
      });
    },
    get failure() {
      return failure;
    },
    close: () => {
      closing ??= (async () => {
        send();
        worker.postMessage('close', []);
        await ended;
      })();
      return closing;
    },
  };
}
