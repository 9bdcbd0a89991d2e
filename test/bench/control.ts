/**
 * What there is to compare with, each in a process of its own: a plain Express 5 that answers 2 KB of JSON, and the bare
 * MongoDB driver that reads one document of 2 KB by its key, or inserts one (majority, journalled).
 *
 *     node control.js express <port>
 *     node control.js driver <connection string>      (runs what it is told by messages)
 */
import express, { type Request, type Response } from 'express';
import { Binary, MongoClient } from 'mongodb';
import { percentile } from './drive.js';
import { chart, person } from './population.js';

export interface DriverTask {
  readonly kind: 'read' | 'insert';
  readonly callers: number;
  readonly milliseconds: number;
}
export interface DriverResult {
  readonly requests: number;
  readonly milliseconds: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

const DOCUMENTS = 20_000;

/** A resource whose JSON has about 2 KB. */
function twoKilobytes() {
  const [first, ...others] = chart(person(0), 'a', ['b']);
  const contained = [];
  for (const other of others) {
    contained.push(other);
    if (JSON.stringify(contained).length > 1300) break;
  }
  return { ...first, contained };
}

function serve(port: number): void {
  const app = express();
  const resource = twoKilobytes();
  app.get('/', (_request: Request, response: Response) => void response.json(resource));
  app.listen(port, '127.0.0.1', () => process.send?.('ready'));
  process.on('disconnect', () => process.exit());
}

async function call(url: string): Promise<void> {
  const client = new MongoClient(url, { writeConcern: { w: 'majority', journal: true }, promoteBuffers: true });
  const collection = client.db().collection<{ _id: string; x: Binary }>('control');
  const x = new Binary(Buffer.from(JSON.stringify(twoKilobytes())));
  const idOf = (number: number) => `c${String(number).padStart(9, '0')}`;
  for (let at = 0; at < DOCUMENTS; at += 1000)
    await collection.insertMany(Array.from({ length: 1000 }, (_, index) => ({ _id: idOf(at + index), x })));
  let inserted = DOCUMENTS;
  let read = 0;
  const one = {
    read: () => collection.findOne({ _id: idOf((read += 7919) % DOCUMENTS) }),
    insert: () => collection.insertOne({ _id: idOf(inserted++), x }),
  };
  const run = async ({ kind, callers, milliseconds }: DriverTask): Promise<DriverResult> => {
    const started = performance.now();
    const latencies: number[] = [];
    const loop = async () => {
      for (let now = performance.now(); now < started + milliseconds; ) {
        await one[kind]();
        const then = performance.now();
        latencies.push(then - now);
        now = then;
      }
    };
    await Promise.all(Array.from({ length: callers }, loop));
    const sorted = Float64Array.from(latencies).toSorted();
    const [p50 = 0, p95 = 0, p99 = 0] = [0.5, 0.95, 0.99].map(part => percentile(sorted, part));
    return { requests: sorted.length, milliseconds: performance.now() - started, p50, p95, p99 };
  };
  process.on('message', (task: DriverTask) => void run(task).then(result => process.send?.(result)));
  process.on('disconnect', () => process.exit());
  process.send?.('ready');
}

const [mode, argument = ''] = process.argv.slice(2);
if (mode === 'express') serve(Number(argument));
if (mode === 'driver') await call(argument);
