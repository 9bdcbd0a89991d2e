/**
 * A throw-away MongoDB replica set of one node (commits need transactions) for tests and benchmarks. It is started by
 * hand, on a free port, with its data in a temporary folder that goes when it stops.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { MongoClient, MongoError } from 'mongodb';
import { findMongod } from './mongod-binary.js';

export interface Mongo {
  /** Connection string without a database. */
  readonly url: string;
  /** What runs: version and where the binary came from. */
  readonly description: string;
  /** Of the process that runs now. */
  pid(): number | undefined;
  /** Connection string with the database `name`. */
  database(name: string): string;
  /** Ends the server but keeps its data; `resume` starts it again on the same port. */
  halt(signal?: NodeJS.Signals): Promise<void>;
  resume(): Promise<void>;
  /** Ends the server and removes its data. */
  stop(): Promise<void>;
}

/** Below the ports that systems give to outgoing connections: one of those may be taken before somebody listens at it. */
const [FIRST_PORT, LAST_PORT] = [20_000, 32_000];

/** A port that is free now. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST_PORT, LAST_PORT);
    const server = createServer().listen(port, '127.0.0.1');
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    if (!isFree) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}

/** Starts a one-node replica set, or says why it cannot. Rejects only if a found server does not come up. */
export async function startMongo(
  options: { cacheGigabytes?: number; parameters?: readonly string[] } = {},
): Promise<Mongo | { readonly skipped: string }> {
  const binary = await findMongod();
  if ('skipped' in binary) return binary;
  const folder = mkdtempSync(join(tmpdir(), 'chartroom-mongod-'));
  const logFile = join(folder, 'mongod.log');
  const port = await freePort();
  const direct = `mongodb://127.0.0.1:${port}/?directConnection=true&serverSelectionTimeoutMS=500`;
  let child: ChildProcess | undefined;
  let initiated = false;

  const launch = async () => {
    const log = openSync(logFile, 'a');
    // The engine is said aloud: only wiredTiger has transactions.
    const flags = `--replSet rs0 --port ${port} --bind_ip 127.0.0.1 --nounixsocket --storageEngine wiredTiger
      --wiredTigerCacheSizeGB ${options.cacheGigabytes ?? 0.5} --oplogSize 128
      --setParameter diagnosticDataCollectionEnabled=false`;
    const parameters = (options.parameters ?? []).flatMap(each => ['--setParameter', each]);
    const started = spawn(binary.path, [...flags.split(/\s+/), ...parameters, '--dbpath', folder], {
      stdio: ['ignore', log, log],
    });
    started.unref();
    child = started;
    for (;;) {
      if (started.exitCode !== null || started.signalCode !== null)
        throw new Error(`mongod did not come up:\n${readFileSync(logFile, 'utf8').slice(-2000)}`);
      // A client that has once failed to connect stays closed: each attempt takes a new one.
      const client = new MongoClient(direct);
      try {
        const admin = client.db('admin');
        const hello = await admin.command({ hello: 1 });
        if (hello['isWritablePrimary']) return;
        if (!initiated) {
          await admin.command({ replSetInitiate: { _id: 'rs0', members: [{ _id: 0, host: `127.0.0.1:${port}` }] } });
          initiated = true;
        }
      } catch (error) {
        if (!(error instanceof MongoError)) throw error;
      } finally {
        await client.close();
      }
      await pause(50);
    }
  };
  const halt = async (signal: NodeJS.Signals = 'SIGTERM') => {
    const running = child;
    child = undefined;
    if (!running || running.exitCode !== null || running.signalCode !== null) return;
    const ended = new Promise(resolve => running.once('exit', resolve));
    running.ref();
    running.kill(signal);
    await ended;
  };
  // One that is killed as the process ends may write for a moment more.
  const remove = () => rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  const killNow = () => {
    child?.kill('SIGKILL');
    remove();
  };
  process.once('exit', killNow);
  await launch();
  return {
    url: `mongodb://127.0.0.1:${port}/?replicaSet=rs0`,
    description: binary.from,
    pid: () => child?.pid,
    database: name => `mongodb://127.0.0.1:${port}/${name}?replicaSet=rs0`,
    halt,
    resume: launch,
    async stop() {
      process.off('exit', killNow);
      await halt('SIGKILL');
      remove();
    },
  };
}
