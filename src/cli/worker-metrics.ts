/**
 * One sum of the numbers of all workers (`CHARTROOM_WORKERS`), whichever of them is asked for /metrics: it asks the supervisor, which asks
 * all, itself among them, and adds up what they give by the aggregators of prom-client.
 *
 * A worker that gives nothing in time, because it hangs, is there with its last numbers. Of one that is gone its counters stay: a
 * sum that falls would look like a restart of everything, and what is left would be counted again
 * (https://prometheus.io/docs/concepts/metric_types/#counter).
 */
import { AggregatorRegistry, Gauge, Registry } from 'prom-client';
import { FhirError } from '../fhir/error.js';
import { realTimeout } from '../platform/real-time.js';

/** Of one process, as prom-client gives them. */
type Numbers = readonly object[];

type Message =
  /** Of a worker: it wants the sum. */
  | { readonly about: 'metrics'; readonly kind: 'want'; readonly id: number }
  /** Of the supervisor: the worker shall give its numbers; the sum. */
  | { readonly about: 'metrics'; readonly kind: 'ask'; readonly id: number }
  | { readonly about: 'metrics'; readonly kind: 'sum'; readonly id: number; readonly text: string }
  /** Of a worker: its numbers. */
  | { readonly about: 'metrics'; readonly kind: 'give'; readonly id: number; readonly numbers: Numbers };

const isMessage = (message: unknown): message is Message =>
  typeof message === 'object' && message !== null && 'about' in message && message.about === 'metrics';

/** The other end of a channel between processes. Sending never throws: who is gone gets nothing. */
export interface Channel {
  readonly send: (message: object) => void;
}

/** ms that workers have to give their numbers, and a worker waits for the sum. */
const TO_GIVE = 1000;
const TO_SUM = 4000;

/** Workers that are gone whose numbers are kept apart. */
const MANY_GONE = 8;

interface Round {
  readonly id: number;
  /** Those that have given nothing yet. */
  readonly waiting: Set<number>;
  readonly over: () => void;
  readonly text: Promise<string>;
}

/** The supervisor's part. */
export class MetricsSum {
  readonly #toGive: number;
  readonly #workers = new Map<number, Channel>();
  readonly #last = new Map<number, Numbers>();
  /** Counters of workers that are gone. */
  readonly #gone: Numbers[] = [];
  #round: Round | undefined;
  #rounds = 0;

  constructor(toGive = TO_GIVE) {
    this.#toGive = toGive;
  }

  /** A worker that serves. */
  join(worker: number, channel: Channel): void {
    this.#workers.set(worker, channel);
  }

  /** A worker that is gone. */
  leave(worker: number): void {
    const last = this.#last.get(worker);
    // In one turn, so that no sum is without them.
    if (last) this.#gone.push(last.filter(onlyGrows));
    this.#last.delete(worker);
    this.#workers.delete(worker);
    this.#heard(worker);
  }

  /** A message of a worker. Others than its own are none of its business. */
  take(worker: number, message: unknown): void {
    if (!isMessage(message)) return;
    const { id } = message;
    if (message.kind === 'want') {
      const told = (text: string) => this.#workers.get(worker)?.send({ about: 'metrics', kind: 'sum', id, text });
      // Without a sum the worker waits, and says so.
      this.sum().then(told, () => undefined);
    } else if (message.kind === 'give' && this.#workers.has(worker)) {
      this.#last.set(worker, message.numbers);
      if (id === this.#round?.id) this.#heard(worker);
    }
  }

  /** As Prometheus reads it. Those who ask at the same time get the same. */
  sum(): Promise<string> {
    this.#round ??= this.#begin();
    return this.#round.text;
  }

  #begin(): Round {
    const id = ++this.#rounds;
    const waiting = new Set(this.#workers.keys());
    let over = (): void => undefined;
    const given = new Promise<void>(resolve => (over = resolve));
    const timer = realTimeout(this.#toGive, over);
    if (waiting.size === 0) over();
    for (const channel of this.#workers.values()) channel.send({ about: 'metrics', kind: 'ask', id });
    const text = given
      .then(() => this.#add(waiting.size))
      .finally(() => {
        clearTimeout(timer);
        this.#round = undefined;
      });
    return { id, waiting, over, text };
  }

  #heard(worker: number): void {
    if (this.#round?.waiting.delete(worker) && this.#round.waiting.size === 0) this.#round.over();
  }

  async #add(silent: number): Promise<string> {
    const own = new Registry();
    const workers = new Gauge({
      name: 'chartroom_workers',
      help: 'Server processes, by whether they gave their numbers in time; of others these are the last.',
      labelNames: ['state'],
      registers: [own],
    });
    workers.set({ state: 'silent' }, silent);
    workers.set({ state: 'heard' }, this.#workers.size - silent);
    const of = await own.getMetricsAsJSON();
    await this.#joinGone();
    return summed([...this.#last.values(), ...this.#gone, of]).metrics();
  }

  /** Workers may die for years. */
  async #joinGone(): Promise<void> {
    const count = this.#gone.length;
    if (count < MANY_GONE) return;
    const one = await summed(this.#gone).getMetricsAsJSON();
    // Those that went meanwhile stand behind them. One round at a time comes here.
    this.#gone.splice(0, count, one);
  }
}

const summed = (all: readonly Numbers[]) => AggregatorRegistry.aggregate(all.map(numbers => [...numbers]));

/** Gauges tell what is now. */
const onlyGrows = (numbers: object): boolean =>
  'type' in numbers &&
  (numbers.type === 'counter' || numbers.type === 'histogram') &&
  'aggregator' in numbers &&
  numbers.aggregator === 'sum';

/** The worker's part. */
export class WorkerMetrics {
  readonly #supervisor: Channel;
  readonly #registry: Registry;
  readonly #toSum: number;
  readonly #wanted = new Map<number, (text: string) => void>();
  #asked = 0;

  constructor(supervisor: Channel, registry: Registry, toSum = TO_SUM) {
    this.#supervisor = supervisor;
    this.#registry = registry;
    this.#toSum = toSum;
  }

  /** A message of the supervisor. */
  async take(message: unknown): Promise<void> {
    if (!isMessage(message)) return;
    const { id } = message;
    if (message.kind === 'ask') {
      const numbers = await this.#registry.getMetricsAsJSON();
      this.#supervisor.send({ about: 'metrics', kind: 'give', id, numbers });
    } else if (message.kind === 'sum') this.#wanted.get(id)?.(message.text);
  }

  /** The sum of all. Throws `unavailable` where the supervisor says nothing in time. */
  async sum(): Promise<string> {
    const id = ++this.#asked;
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<string>((told, late) => {
        this.#wanted.set(id, told);
        timer = realTimeout(this.#toSum, () =>
          late(new FhirError('unavailable', 'The numbers of all server processes could not be had in time.')),
        );
        this.#supervisor.send({ about: 'metrics', kind: 'want', id });
      });
    } finally {
      clearTimeout(timer);
      this.#wanted.delete(id);
    }
  }
}
