/**
 * The writer thread. It takes what has gathered in its port, up to 64 jobs, writes them as one group and answers with
 * one message: the more is asked at once, the more share one fsync. No timer.
 */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { createApply } from './apply.js';
import { connect } from './connection.js';
import { toWire } from './errors.js';
import { type KnownFile, lost } from './files.js';
import type { Job, JobOutcome } from './job.js';
import { PRAGMAS } from './schema.js';
import type { WorkerAnswer, WorkerQuestion } from './thread.js';

const MAX_GROUP_JOBS = 64;
const port = parentPort!;
const {
  file: storeFile,
  durable,
  known,
} = workerData as { file: string; durable: boolean; known: readonly KnownFile[] };
const connection = connect(storeFile, durable ? PRAGMAS : [...PRAGMAS, 'synchronous=OFF']);
const write = createApply(connection);

/** What is written to a file that is not the store's any more is not kept. */
function applyIfKept(jobs: readonly Job[]): JobOutcome[] {
  let outcomes: JobOutcome[] = [];
  let gone = lost(known);
  if (!gone) {
    outcomes = write(jobs);
    gone = lost(known);
  }
  return gone ? jobs.map(() => ({ failed: toWire(gone) })) : outcomes;
}

port.postMessage([]);

type Incoming = readonly WorkerQuestion<Job>[] | 'close';

port.on('message', (first: Incoming) => {
  const queue: WorkerQuestion<Job>[] = [];
  let closing = takeJobs(first, queue);
  while (queue.length > 0 || !closing) {
    while (!closing && queue.length < MAX_GROUP_JOBS) {
      const more = receiveMessageOnPort(port);
      if (!more) break;
      closing = takeJobs(more.message as Incoming, queue);
    }
    const group = queue.splice(0, MAX_GROUP_JOBS);
    if (group.length === 0) break;
    const outcomes = applyIfKept(group.map(({ ask }) => ask));
    port.postMessage(
      outcomes.map((outcome, i): WorkerAnswer<number> => {
        const { ticket } = group[i]!;
        return 'ok' in outcome ? { ticket, answer: outcome.ok } : { ticket, failed: outcome.failed };
      }),
    );
  }
  if (!closing) return;
  connection.pragma('wal_checkpoint(TRUNCATE)');
  connection.close();
  port.close();
});

/** True: the main thread wants us to end. */
function takeJobs(message: Incoming, queue: WorkerQuestion<Job>[]): boolean {
  if (message === 'close') return true;
  queue.push(...message);
  return false;
}
