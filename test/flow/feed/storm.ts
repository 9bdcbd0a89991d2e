/** Processes with listeners that are killed and stopped, and the writers who go on meanwhile. */
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { FULL } from '../../support/depth.js';
import { exchange } from '../../support/exchange.js';
import type { Random } from '../../support/random.js';
import { type SpawnedServer, spawnServer } from '../../support/spawn.js';

const PROGRAM = fileURLToPath(new URL('../../../programs/listening-program.js', import.meta.url));
const FHIR = { 'content-type': 'application/fhir+json' };
/** What may become of a write: others were faster, or the store is away. Anything else ends the storm. */
const EXPECTED: ReadonlySet<number> = new Set([200, 201, 204, 404, 409, 410, 412, 429, 503, 504]);

export interface StormSizes {
  readonly writers: number;
  /** Entries of the largest transactions, and of the largest among all others. */
  readonly large: number;
  readonly usual: number;
}

/** What /heard tells of a process. */
export interface Heard {
  /** Whether every process knows its listeners. */
  readonly counting: boolean;
  /** Changes that somebody has still to be told of, in the whole store. */
  readonly left: number;
  /** The last number that a listener of everything was given. */
  readonly last: number;
  /** It is the one that dispatches. */
  readonly dispatches: boolean;
}

/** A server that is killed and stopped. */
export class Place {
  readonly #env: Readonly<Record<string, string>>;
  readonly #port: number;
  #server: SpawnedServer | undefined;
  #asleep = false;
  /** Whoever waits for an answer of a process that is stopped waits no longer. */
  #giveUp: () => void = () => undefined;
  #given = new Promise<undefined>(() => undefined);

  constructor(env: Readonly<Record<string, string>>, port: number) {
    this.#env = { ...env, CHARTROOM_PORT: String(port), CHARTROOM_LOG: 'error' };
    this.#port = port;
  }

  get isAwake(): boolean {
    return !this.#asleep;
  }

  async start(): Promise<void> {
    this.#server = await spawnServer(this.#env, [], PROGRAM);
  }

  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    await this.#server?.kill(signal);
    this.#server = undefined;
  }

  stop(): void {
    this.#asleep = true;
    process.kill(this.#server!.pid, 'SIGSTOP');
    this.#giveUp();
  }

  goOn(): void {
    if (this.#server) process.kill(this.#server.pid, 'SIGCONT');
    this.#asleep = false;
    this.#given = new Promise(resolve => (this.#giveUp = () => resolve(undefined)));
  }

  /** Undefined: there is no answer. */
  async ask(method: string, path: string, body?: string): Promise<Awaited<ReturnType<typeof exchange>> | undefined> {
    const asked = exchange(this.#port, { method, path, headers: FHIR, ...(body === undefined ? {} : { body }) });
    return Promise.race([asked.catch(() => undefined), this.#given]);
  }

  async heard(): Promise<Heard | undefined> {
    const reply = await this.ask('GET', '/heard');
    return reply?.status === 200 ? (JSON.parse(reply.body.toString()) as Heard) : undefined;
  }
}

/** What one writer does, again and again: the sizes of transactions are spread over all magnitudes, and most are small. */
function writeOf(
  random: Random,
  own: string,
  count: number,
  size: number | undefined,
  usual: number,
): { readonly method: string; readonly path: string; readonly body?: string } {
  const turn = size === undefined ? count % 8 : 8;
  const patient = {
    resourceType: 'Patient',
    id: own,
    gender: turn % 2 ? 'male' : 'female',
    multipleBirthInteger: count,
  };
  if (turn < 3) return { method: 'PUT', path: `/fhir/Patient/${own}`, body: JSON.stringify(patient) };
  if (turn === 3) return { method: 'DELETE', path: `/fhir/Patient/${own}` };
  if (turn < 6) {
    const group = { resourceType: 'Group', type: 'person', actual: true };
    return { method: 'POST', path: '/fhir/Group', body: JSON.stringify(group) };
  }
  const basics = Array.from({ length: size ?? Math.floor(usual ** (random.next() ** 2)) }, () => ({
    resource: { resourceType: 'Basic', code: { text: own } },
    request: { method: 'POST', url: 'Basic' },
  }));
  const update = { resource: patient, request: { method: 'PUT', url: `Patient/${own}` } };
  const entry = [...basics, ...(size === undefined ? [update] : [])];
  return {
    method: 'POST',
    path: '/fhir',
    body: JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry }),
  };
}

export class Storm {
  readonly #places: readonly Place[];
  readonly #sizes: StormSizes;
  readonly #writing: Promise<unknown>;
  #ending = false;
  #answered = 0;
  #large = 0;
  #refusal: string | undefined;

  constructor(places: readonly Place[], sizes: StormSizes, random: Random) {
    this.#places = places;
    this.#sizes = sizes;
    this.#writing = Promise.all(
      Array.from({ length: sizes.writers }, (_, at) => this.#write(`writer-${at}`, at, random)),
    );
  }

  /** Writes that were answered, and transactions of the largest size among them. */
  get answered(): number {
    return this.#answered;
  }
  get large(): number {
    return this.#large;
  }

  /** Throws where a write was refused that must not be: nothing would come of waiting. */
  async until(condition: () => boolean | Promise<boolean>): Promise<void> {
    for (;;) {
      if (this.#refusal !== undefined) throw new Error(this.#refusal);
      if (await condition()) return;
      await pause(40);
    }
  }

  awake(): Place[] {
    return this.#places.filter(({ isAwake }) => isAwake);
  }

  /** Of a process that is awake. Undefined: it does not answer. */
  async heard(): Promise<Heard | undefined> {
    return this.awake()[0]?.heard();
  }

  /** Resolves when somebody was told something. */
  async toldMore(): Promise<void> {
    let last = Infinity;
    await this.until(async () => {
      const heard = await this.heard();
      if (heard && last === Infinity) last = heard.last;
      return heard !== undefined && heard.last > last;
    });
  }

  /** Lets writers end what is under way. */
  async end(): Promise<void> {
    this.#ending = true;
    await this.#writing;
  }

  /** Ends it, whatever is waited for. */
  async abandon(): Promise<void> {
    this.#refusal ??= 'The storm was over before that.';
    await this.end();
  }

  async #write(name: string, at: number, random: Random): Promise<void> {
    const { large, usual } = this.#sizes;
    for (let count = 0; !this.#ending; count++) {
      const isLarge = at === 0 && count % 40 === 1;
      const { method, path, body } = writeOf(random, name, count, isLarge ? large : undefined, usual);
      const there = this.awake();
      // Whoever is cut off does not know what became of it; the store does.
      const reply = await there[(at + count) % there.length]!.ask(method, path, body);
      if (reply && !EXPECTED.has(reply.status))
        this.#refusal ??= `${method} ${path} gives ${reply.status}: ${reply.body.toString().slice(0, 500)}`;
      if (reply && reply.status < 300) {
        if (isLarge) this.#large += 1;
        else this.#answered += 1;
      }
      // At every change nobody hurries: what is written while processes start and take over shows nothing new.
      if (!FULL || !reply || reply.status >= 300) await pause(FULL ? 20 : 120);
    }
  }
}

/** Stops the process that dispatches. */
export async function stopDispatcher(storm: Storm): Promise<Place> {
  let stopped: Place | undefined;
  await storm.until(async () => {
    for (const place of storm.awake()) {
      if (!(await place.heard())?.dispatches) continue;
      place.stop();
      stopped = place;
      break;
    }
    return stopped !== undefined;
  });
  return stopped!;
}

/** Lets it go on when another one has taken over and told something, and after so many ms at the earliest. */
export async function goOnLater(storm: Storm, stopped: Place, ms: number): Promise<void> {
  const since = performance.now();
  try {
    await storm.until(async () => (await storm.heard())?.dispatches === true);
    await storm.toldMore();
    await storm.until(() => performance.now() - since >= ms);
  } finally {
    stopped.goOn();
  }
}
