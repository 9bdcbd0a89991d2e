/**
 * A few worker threads for work that would hold the event loop: large texts to parse, print, show otherwise. Each thread
 * has one task at a time and limits of memory and time; what breaks them ends with its thread, and nothing else does.
 * Threads are started when they are needed, end when they are idle for a while (their heap goes with them), and keep the
 * process alive while they have a task, and no longer.
 *
 * The main thread makes a pool with `createPool`; the file that its threads run calls `answerTasks`. Tasks and answers are
 * data that the structured clone knows; buffers in `transfer` move instead of being copied.
 */
import { availableParallelism } from 'node:os';
import { parentPort, Worker } from 'node:worker_threads';
import { realTimeout } from './real-time.js';

export interface Pool<Task, Answer> {
  /** Runs when a thread is free. Rejects with TaskStopped. `until`: nobody waits for it any more; what is under way then ends with its thread, and another one takes its place. */
  run(task: Task, transfer?: readonly ArrayBuffer[], until?: AbortSignal): Promise<Answer>;
  /** Ends all threads; what is under way is stopped. */
  close(): Promise<void>;
}

export interface PoolOptions {
  /** The module that calls `answerTasks`. */
  readonly module: URL;
  /** Default: one less than there are cores, 1 at least and 4 at most. */
  readonly threads?: number;
  /** MB of heap that a thread may have; buffers do not count. */
  readonly memory: number;
  /** ms that a task may take, without the start of its thread. */
  readonly time: number;
  /** ms after which a thread without a task ends. Default 20 s. */
  readonly idle?: number;
}

/** `memory`, `time`: the task broke that limit, or nobody waited any more; `fault`: it threw, or the pool was closed. */
export class TaskStopped extends Error {
  override readonly name = 'TaskStopped';
  readonly reason: 'memory' | 'time' | 'fault';
  constructor(reason: TaskStopped['reason'], cause?: unknown) {
    super(`A task in a worker thread was stopped (${reason}).`, { cause });
    this.reason = reason;
  }
}

interface QueuedTask<Task, Answer> {
  readonly task: Task;
  readonly transfer: readonly ArrayBuffer[];
  readonly until: AbortSignal | undefined;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: TaskStopped) => void;
}

type Message<Answer> = { readonly answer: Answer } | { readonly failed: Error };

/** ms for the start of a thread: it loads its modules, which a busy machine may take long for, whatever the task is. */
const STARTS_IN = 60_000;
/** What a thread says once it takes tasks. */
const THREAD_READY = 'ready';

/** What a thread has under way. */
interface RunningTask<Answer> {
  began(): void;
  ended(error: TaskStopped): void;
  answered(message: Message<Answer>): void;
}

export function createPool<Task, Answer>(options: PoolOptions): Pool<Task, Answer> {
  const running = new Map<Worker, RunningTask<Answer>>();
  let waiting: QueuedTask<Task, Answer>[] = [];
  let closed = false;

  const give = (worker: Worker, { task, transfer, until, resolve, reject }: QueuedTask<Task, Answer>): void => {
    const stop = (): void => {
      running.get(worker)?.ended(new TaskStopped('time'));
      void worker.terminate();
    };
    let timer = realTimeout(threads.isReady(worker) ? options.time : options.time + STARTS_IN, stop);
    until?.addEventListener('abort', stop);
    const done = (): void => {
      clearTimeout(timer);
      until?.removeEventListener('abort', stop);
      running.delete(worker);
    };
    running.set(worker, {
      began() {
        clearTimeout(timer);
        timer = realTimeout(options.time, stop);
      },
      ended(error) {
        done();
        reject(error);
      },
      answered(message) {
        done();
        if ('failed' in message) reject(new TaskStopped('fault', message.failed));
        else resolve(message.answer);
        threads.release(worker);
        next();
      },
    });
    worker.postMessage(task, transfer);
  };

  const next = (): void => {
    while (waiting.length > 0) {
      const worker = threads.take();
      if (!worker) return;
      give(worker, waiting.shift()!);
    }
  };

  const threads = openThreads<Answer>(options, {
    ready: worker => running.get(worker)?.began(),
    answered: (worker, message) => running.get(worker)?.answered(message),
    gone(worker, error) {
      running.get(worker)?.ended(error);
      next();
    },
  });
  return {
    run: (task, transfer = [], until) =>
      new Promise((resolve, reject) => {
        if (closed) return reject(new TaskStopped('fault'));
        if (until?.aborted) return reject(new TaskStopped('time'));
        const queued = { task, transfer, until, resolve, reject };
        waiting.push(queued);
        until?.addEventListener('abort', () => {
          if (!waiting.includes(queued)) return;
          waiting = waiting.filter(each => each !== queued);
          reject(new TaskStopped('time'));
        });
        next();
      }),
    async close() {
      closed = true;
      for (const { reject } of waiting) reject(new TaskStopped('fault'));
      waiting = [];
      await threads.terminate();
    },
  };
}

interface ThreadEvents<Answer> {
  /** The worker takes tasks from now on. */
  ready(worker: Worker): void;
  answered(worker: Worker, message: Message<Answer>): void;
  /** The thread has ended, or is about to. */
  gone(worker: Worker, error: TaskStopped): void;
}

/** The threads of a pool: starts them when they are taken, ends them when nobody has taken them for a while. */
function openThreads<Answer>({ module, threads, memory, idle = 20_000 }: PoolOptions, events: ThreadEvents<Answer>) {
  const most = threads ?? Math.min(Math.max(availableParallelism() - 1, 1), 4);
  const all = new Set<Worker>();
  const ready = new WeakSet<Worker>();
  const free: Worker[] = [];
  const retiring = new Map<Worker, NodeJS.Timeout>();

  /** No task is given to it any more. */
  const forget = (worker: Worker): void => {
    all.delete(worker);
    clearTimeout(retiring.get(worker));
    retiring.delete(worker);
    if (free.includes(worker)) free.splice(free.indexOf(worker), 1);
  };

  const start = (): Worker => {
    const worker = new Worker(module, { resourceLimits: { maxOldGenerationSizeMb: memory } });
    all.add(worker);
    const gone = (error: TaskStopped): void => {
      forget(worker);
      events.gone(worker, error);
    };
    worker.on('message', (message: Message<Answer> | typeof THREAD_READY) => {
      if (message !== THREAD_READY) return events.answered(worker, message);
      ready.add(worker);
      events.ready(worker);
    });
    worker.on('error', error => {
      const code = (error as NodeJS.ErrnoException).code;
      gone(new TaskStopped(code === 'ERR_WORKER_OUT_OF_MEMORY' ? 'memory' : 'fault', error));
    });
    worker.on('exit', () => gone(new TaskStopped('fault')));
    return worker;
  };

  return {
    isReady: (worker: Worker): boolean => ready.has(worker),
    /** A thread without a task; undefined if all are at work. */
    take(): Worker | undefined {
      // The one that worked last works next: the others may become idle and end.
      const worker = free.pop();
      if (!worker) return all.size < most ? start() : undefined;
      clearTimeout(retiring.get(worker));
      worker.ref();
      return worker;
    },
    release(worker: Worker): void {
      free.push(worker);
      // Not before: whoever listens for messages of a thread keeps the process alive for it again.
      worker.unref();
      const retire = (): void => {
        forget(worker);
        void worker.terminate();
      };
      retiring.set(worker, realTimeout(idle, retire).unref());
    },
    terminate: () => Promise.all([...all].map(worker => worker.terminate())),
  };
}

/** `moving`: buffers of the answer that need not be copied. */
interface TaskAnswer<Answer> {
  readonly answer: Answer;
  readonly moving?: readonly ArrayBuffer[];
}

/** What a thread does with a task. */
export type AnswerTask<Task, Answer> = (task: Task) => TaskAnswer<Answer> | Promise<TaskAnswer<Answer>>;

/** In a thread of a pool: answers each task. */
export function answerTasks<Task, Answer>(answerTask: AnswerTask<Task, Answer>): void {
  const port = parentPort;
  const answerOne = async (task: Task): Promise<void> => {
    try {
      const { answer, moving = [] } = await answerTask(task);
      port?.postMessage({ answer }, moving);
    } catch (error) {
      port?.postMessage({ failed: error instanceof Error ? error : new Error(String(error)) });
    }
  };
  port?.on('message', (task: Task) => void answerOne(task));
  port?.postMessage(THREAD_READY);
}
