/**
 * `chartroom serve`: opens the store, loads demo data into an empty embedded one, listens, and ends cleanly on SIGINT
 * and SIGTERM: what was accepted is answered, what was answered is stored.
 */
import { endGlasses } from '../interactions/under-glass.js';
import cluster from 'node:cluster';
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { availableParallelism } from 'node:os';
import { FhirError } from '../fhir/error.js';
import { keepTellingNotes } from '../interactions/told-later.js';
import { keepTrailYears } from '../interactions/trail-years.js';
import { sweepKept } from '../conformance/sweeper.js';
import { createHttpServer } from '../http/app.js';
import type { Limits } from '../http/source.js';
import type { Engine } from '../interactions/engine.js';
import { beginLife } from '../interactions/lives.js';
import { type Config, ConfigError, isMongo, SETTINGS } from '../platform/config.js';
import { envOf, type Setting } from '../platform/setting.js';
import { frames, type Log } from '../platform/log.js';
import { MAX_DEPTH } from '../fhir/json/json.js';
import { collectProcessMetrics } from '../platform/metrics.js';
import { realInterval, realTimeout } from '../platform/real-time.js';
import { createRoom } from '../platform/room.js';
import { warmFrames } from '../platform/source-frames.js';
import { warmValidators } from '../validation/gate/structure.js';
import { readTls, renewTls } from './tls.js';
import { MetricsSum, WorkerMetrics } from './worker-metrics.js';
import type { Invocation } from './invocation.js';
import { endDemo, loadDemo, takesDemo } from './seed.js';

/** ms that requests under way may still take after a signal. */
const GRACE = 10_000;

/** ms until what nobody has asked for yet is made ready: who asks at the start, or ends, does not wait for it. */
const WARM_AFTER = 3000;

const LACKS_BUCKET =
  'Bytes of documents lie in a bucket, and CHARTROOM_BLOBS names none: name it as before. To leave it, add CHARTROOM_BLOBS_MOVE=back until the log says that nothing is left there.';

/** What each machine and process of one database has for itself. */
const OF_MACHINE: ReadonlySet<string> = new Set<keyof Config>(['host', 'port', 'data', 'workers']);

/** The value of each setting by its name in the environment, secrets among them; of a database those that all its servers have. */
const settingValues = ({ ofFeatures, ...own }: Config): Record<string, string> =>
  Object.fromEntries(
    Object.entries<Setting<unknown>>({ ...SETTINGS, ...ofFeatures.table })
      .filter(([name]) => !isMongo(own) || !OF_MACHINE.has(name))
      .map(([name, setting]) => [envOf(setting), String({ ...own, ...ofFeatures.values }[name as 'port'])]),
  );

export async function serve(invocation: Invocation): Promise<number> {
  const { workers } = invocation.config;
  if (cluster.isPrimary) return workers > 1 ? supervise(workers) : serveHere(invocation);
  try {
    return await serveHere(invocation);
  } finally {
    // The channel to the supervisor would keep a worker alive that has nothing left to do.
    process.disconnect();
  }
}

async function serveHere(invocation: Invocation): Promise<number> {
  const { config } = invocation;
  const engine = await invocation.open();
  const endSweeping = sweepKept(engine);
  const endRemoving = keepTrailYears(engine);
  let endNotes = async (): Promise<void> => {};
  const endWork = async (): Promise<void> => {
    await engine.jobs.stop();
    await endSweeping();
    await endRemoving();
    await endNotes();
  };
  try {
    if (await engine.store.blobs.lackBucket()) throw new ConfigError(LACKS_BUCKET);
    if (wantsDemo(config) && (await takesDemo(engine))) {
      // A port that is taken is told before anything is written.
      await probe(config);
      const loaded = await loadDemo(engine);
      process.stdout.write(`Loaded ${loaded} demo resources (CHARTROOM_DEMO=off starts empty).\n`);
    }
    await endDemo(engine);
    if (await engine.store.needsReindex())
      process.stderr.write(
        'The search index was made by another version or other settings: run chartroom reindex, or POST [base]/$reindex.\n',
      );
    // Loads a tenth of a second's worth of code, for which nobody shall wait.
    warmValidators();
    const server = listen(engine, config);
    await listening(server, config);
    const life = config.harness === 'on' ? undefined : await beginLife(engine, settingValues(config));
    if (!isMongo(config)) endNotes = await keepTellingNotes(engine);
    realTimeout(WARM_AFTER, () => {
      warmFrames();
      void warmParameters(engine);
    }).unref();
    process.stdout.write(
      `Chartroom serves FHIR R4 at ${engine.settings.base} (store: ${engine.store.name}, authentication: ${config.auth}).\n`,
    );
    const code = await engine.authorization?.beginSetup();
    if (code !== undefined)
      process.stdout.write(
        `Nobody may sign in yet. Make the first administrator, within an hour: ${engine.authorization!.rules.url}/setup#${code}\n`,
      );
    if (config.harness === 'on')
      process.stdout.write('Test-harness mode: whoever is on this machine may change everything, at /harness.\n');
    await stopSignal(engine.log);
    await shut(server);
    // What work of the server itself has to tell it tells before the stop is told.
    await endWork();
    await life
      ?.end()
      .catch((error: unknown) => engine.log.warn({ at: frames(error) }, 'The stop could not be recorded.'));
    return 0;
  } finally {
    await endWork();
    engine.outgoing.close();
    await engine.feed.stop();
    await engine.forwarder?.stop();
    await engine.live.stop();
    engine.reindexer.stop();
    engine.authorization?.stop();
    await engine.forms.close();
    await engine.store.close();
    engine.log.flush();
  }
}

/** Compiles the search parameters of every type, a type a turn: whoever asks first for /metadata needs all of them. */
async function warmParameters({ definitions, parameters }: Engine): Promise<void> {
  for (const type of definitions.resourceTypes) {
    parameters.of(type);
    await new Promise(setImmediate);
  }
}

/** Made-up patients beside a site's own would be a fault, so they come by themselves only where nobody signs in. */
const wantsDemo = ({ demo, auth, store }: Config): boolean =>
  !isMongo({ store }) && (demo === 'on' || (demo === 'auto' && auth === 'none'));

/** Throws FhirError `unavailable` where the address cannot be had. */
async function probe(config: Config): Promise<void> {
  const server = createServer().listen(config.port, config.host);
  await listening(server, config);
  await new Promise(done => server.close(done));
}

/**
 * Serves, and behind it does jobs and tells those who listen: end that with `engine.jobs.stop()`, `engine.feed.stop()`,
 * `engine.forwarder?.stop()` and `engine.reindexer.stop()`, then close the store.
 */
export function listen(engine: Engine, config: Config): Server {
  engine.live.start();
  engine.reindexer.start();
  engine.jobs.run();
  engine.feed.start();
  engine.ledger.start();
  engine.forwarder?.start();
  collectProcessMetrics(engine.metrics);
  const server = createHttpServer({
    engine,
    limits: limitsOf(config),
    tls: readTls(config),
    metricsSum: cluster.isWorker ? sumOfWorkers(engine) : undefined,
  });
  if (config.tlsCert !== '') renewTls(server, engine, config);
  server.on('close', endGlasses(engine));
  return server.listen(config.port, config.host);
}

/** How a worker tells the numbers of all of them. */
function sumOfWorkers({ metrics }: Engine): () => Promise<string> {
  // A supervisor that is gone takes the worker with it.
  const channel = { send: (message: object) => void process.send?.(message, undefined, undefined, () => undefined) };
  const own = new WorkerMetrics(channel, metrics.registry);
  process.on('message', message => void own.take(message));
  return () => own.sum();
}

/** What a body may be, however it comes. */
export const limitsOf = (config: Config): Limits => ({
  maxBody: config.maxBody,
  maxBundle: Math.max(config.maxBody, config.maxBundle),
  maxBinary: config.maxBinary,
  maxDepth: MAX_DEPTH,
  portable: true,
  maxArray: config.maxArray,
  maxValues: config.maxValues,
  room: createRoom(config.bodyMemory),
  patience: config.requestTimeout / 2,
});

/** Throws FhirError `unavailable` where the address cannot be had. */
async function listening(server: Server, { host, port }: Config): Promise<void> {
  try {
    await once(server, 'listening');
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    const why = code === 'EADDRINUSE' ? 'another program listens there' : code;
    throw new FhirError(
      'unavailable',
      `Cannot listen on ${host}:${port} (${why}). Choose another address with CHARTROOM_HOST and CHARTROOM_PORT.`,
      { cause: error },
    );
  }
}

/** Resolves at the first signal to end. SIGHUP of a terminal that closes is one; to a service it means "read again". */
function stopSignal(log?: Log): Promise<void> {
  return new Promise(done => {
    process.on('SIGHUP', () => {
      if (process.stdout.isTTY) return done();
      log?.warn('SIGHUP: a changed file of tokens is read again by itself; other settings need a restart.');
    });
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => done());
    // A worker whose supervisor is gone has nobody to restart it.
    process.once('disconnect', () => done());
  });
}

async function shut(server: Server): Promise<void> {
  const closed = new Promise(done => server.close(done));
  // Who goes on asking on an open connection is answered once more, and told to go.
  server.prependListener('request', (_request, response: ServerResponse) => response.setHeader('Connection', 'close'));
  const idle = realInterval(50, () => server.closeIdleConnections());
  const late = realTimeout(GRACE, () => server.closeAllConnections());
  await closed;
  clearInterval(idle);
  clearTimeout(late);
}

/** Starts the workers, starts anew one that died, and ends them all on a signal. */
async function supervise(workers: number): Promise<number> {
  if (workers > availableParallelism())
    process.stderr.write(
      `${workers} workers on ${availableParallelism()} cores: more workers than cores gain nothing.\n`,
    );
  let stopping = false;
  let deaths = 0;
  let served = false;
  cluster.once('listening', () => (served = true));
  const sum = new MetricsSum();
  cluster.on('listening', worker =>
    sum.join(worker.id, {
      send: message => void (worker.isConnected() && worker.send(message, () => undefined)),
    }),
  );
  cluster.on('message', (worker, message) => sum.take(worker.id, message));
  cluster.on('exit', worker => sum.leave(worker.id));
  const gaveUp = new Promise<number>(giveUp => {
    cluster.on('exit', (_worker, code: number) => {
      if (stopping) return;
      // Workers that never come up (store away, port taken) must not be started for ever.
      if (!served || ++deaths > workers * 10) giveUp(code || 1);
      else realTimeout(500, () => !stopping && cluster.fork());
    });
  });
  // Deaths far apart are accidents, not a pattern.
  const forget = realInterval(60_000, () => (deaths = 0));
  for (let started = 0; started < workers; started++) cluster.fork();
  const status = await Promise.race([stopSignal().then(() => 0), gaveUp]);
  stopping = true;
  clearInterval(forget);
  const alive = Object.values(cluster.workers ?? {}).filter(worker => worker !== undefined);
  for (const worker of alive) worker.process.kill('SIGTERM');
  await Promise.all(alive.filter(worker => !worker.isDead()).map(worker => once(worker, 'exit')));
  return status;
}
