/**
 * Hands the audit trail on, event by event in the order of their times, to a receiver of syslog messages: at least once each, across
 * kills, restarts and processes. It follows the trail itself up to the horizon of the store, below which nothing comes any more, so that
 * nothing has to be noted when an event is recorded and nobody waits for the receiver.
 *
 * How far it has come is a record of the store, which moves on when the receiver has ended a connection in which all of it was sent.
 * What was sent since is sent again after an error. One process at a time does it, by a lease; the record is exchanged, so that of
 * two who believe to have the lease one goes on.
 */
import { Counter, Gauge } from 'prom-client';
import { asFhirError, FhirError } from '../fhir/error.js';
import type { Log } from '../platform/log.js';
import type { Metrics } from '../platform/metrics.js';
import { breathe } from '../platform/pieces.js';
import { realInterval, realPause, realTimeout } from '../platform/real-time.js';
import type { Cursor } from '../search/query.js';
import type { Page, Store } from '../store/store.js';
import { FEED_LEASE_MS, Loop } from './loop.js';

export interface ForwardingLine {
  send(frame: Uint8Array): Promise<void>;
  /** Resolves when all was received. */
  finish(): Promise<void>;
  destroy(): void;
}

export interface ForwarderOptions {
  readonly store: Pick<Store, 'records' | 'acquireLease' | 'horizon'>;
  /** Events behind a place and before the horizon, oldest first. */
  readonly follow: (place: ForwardPlace, size: { readonly limit: number; readonly bytes: number }) => Promise<Page>;
  /** The text of an event as it goes over the wire. */
  readonly frame: (event: Buffer) => Uint8Array;
  readonly open: () => Promise<ForwardingLine>;
  readonly now: () => number;
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'registry'>;
  /** For tests; ms and events. */
  readonly pace?: Partial<ForwardPace>;
}

export interface ForwardPace {
  /** Between two looks for new events. */
  readonly look: number;
  /** After an error, at first and at most. */
  readonly rest: number;
  readonly longestRest: number;
  /** Age and number of events of which it is not known whether they were received, from which on the connection is ended. */
  readonly unsure: number;
  readonly mostUnsure: number;
}

interface ForwardPlace {
  readonly since: number;
  readonly after?: Cursor | undefined;
}

/** `standby`: another process does it, or nobody yet. `away`: the receiver cannot be reached, or does not take what it is sent. */
export type ForwardingState = 'standby' | 'sending' | 'away';

const PACE: ForwardPace = { look: 1000, rest: 1000, longestRest: 60_000, unsure: 10_000, mostUnsure: 500 };
const RECORD = { kind: 'syslog', id: 'place' } as const;
const PAGE = { limit: 100, bytes: 4 * 1024 * 1024 };
const STANDBY_MS = 2000;
/** For the receiver, when the server ends. What it does not take by then is sent after the next start. */
const LAST_MS = 2000;

export class SyslogForwarder extends Loop {
  readonly #options: ForwarderOptions;
  readonly #pace: ForwardPace;
  readonly #sent: Counter;
  readonly #failed: Counter<'why'>;
  #state: ForwardingState = 'standby';
  #failures = 0;
  /** ms: of the oldest event that is known and of which it is not known whether it was received. */
  #oldest: number | undefined;

  constructor(options: ForwarderOptions) {
    super({ store: options.store, clock: { wait: realPause } }, 'syslog', 0);
    this.#options = options;
    this.#pace = { ...PACE, ...options.pace };
    const registers = [options.metrics.registry];
    this.#sent = new Counter({
      name: 'chartroom_syslog_sent_total',
      help: 'Audit events sent as syslog messages, those that were sent again among them.',
      registers,
    });
    this.#failed = new Counter({
      name: 'chartroom_syslog_failures_total',
      help: 'Times that the receiver of syslog messages was not reached, or broke off.',
      labelNames: ['why'],
      registers,
    });
    measureLag(options, () => this.behind);
  }

  get state(): ForwardingState {
    return this.#state;
  }

  /** ms by which the receiver is behind; 0 also where another process sends. */
  get behind(): number {
    return this.#oldest === undefined ? 0 : Math.max(0, this.#options.now() - this.#oldest);
  }

  protected async turn(signal: AbortSignal): Promise<number> {
    const { log } = this.#options;
    try {
      if (!(await this.lease.acquire())) {
        this.#be('standby');
        return STANDBY_MS;
      }
      await this.#send(signal);
      return this.lease.isHeld ? this.#pace.look : STANDBY_MS;
    } catch (error) {
      if (signal.aborted || !this.lease.isHeld) {
        this.#be('standby');
        return STANDBY_MS;
      }
      const { kind, issues } = asFhirError(error);
      const why = issues[0]?.detail ?? kind;
      this.#failed.inc({ why });
      if (this.#failures === 0)
        log.warn({ why }, 'Audit events wait: the receiver of syslog messages does not take them');
      this.#be('away');
      const rest = Math.min(this.#pace.rest * 2 ** this.#failures, this.#pace.longestRest);
      this.#failures = Math.min(this.#failures + 1, 20);
      return rest;
    }
  }

  #be(state: ForwardingState): void {
    if (state === 'standby') this.#oldest = undefined;
    this.#state = state;
  }

  /** Sends until there is nothing left, it is ended, or the lease is lost. */
  async #send(signal: AbortSignal): Promise<void> {
    // Nobody knows it yet.
    if (this.#options.store.horizon() === 0) return;
    const batch = new Batch(this.#options);
    // The receiver may be slow for longer than a lease lasts.
    const holding = realInterval(FEED_LEASE_MS / 4, () => {
      void this.lease.acquire().then(
        held => held || batch.destroy(),
        () => batch.destroy(),
      );
    });
    let late: NodeJS.Timeout | undefined;
    const giveUp = (): void => void (late = realTimeout(LAST_MS, () => batch.destroy()));
    signal.addEventListener('abort', giveUp);
    try {
      await batch.begin();
      while (!signal.aborted && this.lease.isHeld) {
        const rows = await batch.next();
        this.#oldest ??= rows[0]?.updated;
        for (const { text } of rows) {
          if (text === undefined) continue;
          await breathe();
          await batch.send(text);
          this.#sent.inc();
        }
        const isDue = batch.unsure >= this.#pace.mostUnsure || batch.age >= this.#pace.unsure;
        if (batch.unsure > 0 && isDue) await this.#confirm(batch);
        if (rows.length > 0) continue;
        if (batch.unsure === 0) break;
        await realPause(Math.min(this.#pace.look, Math.max(1, this.#pace.unsure - batch.age)), signal);
      }
      if (batch.unsure > 0) await this.#confirm(batch);
      this.#well();
    } finally {
      clearInterval(holding);
      clearTimeout(late);
      signal.removeEventListener('abort', giveUp);
      batch.destroy();
    }
  }

  async #confirm(batch: Batch): Promise<void> {
    await batch.confirm();
    this.#oldest = undefined;
    this.#well();
  }

  #well(): void {
    if (this.#failures > 0) this.#options.log.info({}, 'The receiver of syslog messages takes audit events again');
    this.#failures = 0;
    this.#be('sending');
  }
}

/** What is sent from one noted place to the next. */
class Batch {
  readonly #options: ForwarderOptions;
  #line: ForwardingLine | undefined;
  #place: ForwardPlace = { since: 0 };
  #revision: string | null = null;
  #since = 0;
  #gone = false;
  /** Events that were sent, of which it is not known whether they were received. */
  unsure = 0;

  constructor(options: ForwarderOptions) {
    this.#options = options;
  }

  /** ms since the first of them was sent. */
  get age(): number {
    return this.unsure === 0 ? 0 : performance.now() - this.#since;
  }

  /** From the noted place; where there is none from now on. */
  async begin(): Promise<void> {
    const { store } = this.#options;
    const noted = await store.records.get(RECORD.kind, RECORD.id);
    if (noted) {
      this.#place = JSON.parse(noted.value) as ForwardPlace;
      this.#revision = noted.revision;
    } else {
      this.#place = { since: store.horizon() };
      await this.#note();
    }
  }

  /** The next ones; none: there are none yet. */
  async next(): Promise<Page['rows']> {
    const { follow } = this.#options;
    let page = await follow(this.#place, PAGE);
    if (page.rows.length === 0 && page.next !== undefined)
      page = await follow(this.#place, { limit: 1, bytes: page.next });
    const after = page.cursors.at(-1);
    if (after) this.#place = { since: this.#place.since, after };
    return page.rows;
  }

  async send(text: Buffer): Promise<void> {
    const line = (this.#line ??= await this.#open());
    if (this.unsure === 0) this.#since = performance.now();
    this.unsure += 1;
    await line.send(this.#options.frame(text));
  }

  /** Notes the place when all was received. */
  async confirm(): Promise<void> {
    await this.#line?.finish();
    this.#line = undefined;
    await this.#note();
    this.unsure = 0;
  }

  destroy(): void {
    this.#gone = true;
    this.#line?.destroy();
  }

  async #open(): Promise<ForwardingLine> {
    const line = await this.#options.open();
    if (this.#gone) line.destroy();
    return line;
  }

  async #note(): Promise<void> {
    const record = { ...RECORD, value: JSON.stringify(this.#place) };
    const revision = await this.#options.store.records.put(record, this.#revision);
    if (revision === undefined) throw new FhirError('conflict', 'Another process sends audit events meanwhile.');
    this.#revision = revision;
  }
}

const measureLag = ({ metrics }: Pick<ForwarderOptions, 'metrics'>, behind: () => number): Gauge =>
  new Gauge({
    name: 'chartroom_syslog_lag_seconds',
    help: 'Age of the oldest audit event of which it is not known whether the receiver of syslog messages has it.',
    registers: [metrics.registry],
    aggregator: 'max',
    collect() {
      this.set(behind() / 1000);
    },
  });
