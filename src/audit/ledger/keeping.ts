/**
 * Hands anchors to their keepers, each in its own time (anchors.ts): one that is away is asked each minute, one that refuses for good ever more rarely.
 * What is wrong with a keeper is said once, not each minute, and stands in `states` for as long as it is so.
 */
import { FhirError } from '../../fhir/error.js';
import type { Clock } from '../../platform/clock.js';
import type { Log } from '../../platform/log.js';
import { realPause } from '../../platform/real-time.js';
import { type AnchorKeeper, type AnchorOptions, NotTaken, sendAnchors } from './anchors.js';

const MINUTE = 60_000;
/** ms between two attempts with one that refuses for good. */
const LONGEST = 60 * MINUTE;

export interface KeepingOptions extends Pick<AnchorOptions, 'store' | 'ledger' | 'key' | 'keepers'> {
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Pick<Log, 'warn'>;
}

/** How it stands with one keeper. */
export interface KeeperState {
  readonly way: string;
  /** `standby`: another process asks it, or nobody has yet; `kept`: it has all that it should have; else the code of what is wrong. */
  readonly state: string;
  /** When the oldest anchor that it has not taken was made, in ms since 1970; undefined: it lacks none that is known. */
  readonly lacks: number | undefined;
  /** Attempts that failed since the start. */
  readonly failures: number;
}

interface KeeperTurn {
  state: string;
  lacks: number | undefined;
  failures: number;
  /** Attempts that were refused for good, one after the other. */
  refusals: number;
  /** ms since 1970. */
  next: number;
  sending: Promise<void> | undefined;
}

export class AnchorKeeping {
  readonly #options: KeepingOptions;
  readonly #known: ReadonlyMap<AnchorKeeper, KeeperTurn>;
  readonly #ending = new AbortController();

  constructor(options: KeepingOptions) {
    this.#options = options;
    const fresh = (): KeeperTurn => ({
      ...{ state: 'standby', lacks: undefined, failures: 0, refusals: 0, next: -Infinity, sending: undefined },
    });
    this.#known = new Map(options.keepers.map(keeper => [keeper, fresh()]));
  }

  get states(): readonly KeeperState[] {
    return [...this.#known].map(([{ way }, { state, lacks, failures }]) => ({ way, state, lacks, failures }));
  }

  /** One that is slow keeps no other from what is its own. `isHolder`: of several processes one sends. */
  send(isHolder: () => Promise<boolean>): void {
    const now = this.#options.clock.now();
    for (const [keeper, known] of this.#known) {
      // Of a clock that was set back nothing is waited for.
      const isEarly = now < known.next && known.next - now <= LONGEST;
      if (known.sending || isEarly) continue;
      known.sending = this.#send(keeper, known, isHolder).finally(() => (known.sending = undefined));
    }
  }

  /** Another process sends now, and knows how it stands. */
  leave(): void {
    for (const known of this.#known.values()) if (!known.sending) this.#left(known);
  }

  /** Resolves when nothing is on its way. */
  async settled(): Promise<void> {
    await Promise.all([...this.#known.values()].flatMap(({ sending }) => sending ?? []));
  }

  /** What a keeper has not taken by then is given up, and waits for the next start. Who does not give up at once, as a mail relay, is left alone with it. */
  async end(within: number, afterwards: number): Promise<void> {
    await this.#settledWithin(within);
    this.#ending.abort();
    await this.#settledWithin(afterwards);
  }

  async #settledWithin(ms: number): Promise<void> {
    const over = new AbortController();
    await Promise.race([this.settled(), realPause(ms, over.signal)]);
    over.abort();
  }

  /** Never rejects. */
  async #send(keeper: AnchorKeeper, known: KeeperTurn, isHolder: () => Promise<boolean>): Promise<void> {
    const { log } = this.#options;
    const { way } = keeper;
    try {
      const waits = (made: number | undefined): void => void (known.lacks = made);
      const sending = { ...this.#options, log, isHolder, waits, ending: this.#ending.signal };
      if (!(await sendAnchors(sending, keeper))) return this.#left(known);
      if (known.state !== 'kept' && known.state !== 'standby') log.warn({ way }, 'A keeper takes anchors again');
      Object.assign(known, { state: 'kept', lacks: undefined, refusals: 0, next: -Infinity });
    } catch (error) {
      this.#failed(way, known, error);
    }
  }

  /** What waits is another process's now, or that of the next start. */
  #left(known: KeeperTurn): void {
    const lacks = this.#ending.signal.aborted ? known.lacks : undefined;
    Object.assign(known, { state: 'standby', lacks, refusals: 0, next: -Infinity });
  }

  #failed(way: string, known: KeeperTurn, error: unknown): void {
    const { clock, log } = this.#options;
    const cause = error instanceof NotTaken ? error.cause : error;
    const code = cause instanceof FhirError ? (cause.issues[0]?.detail ?? cause.kind) : 'failed';
    const isRefused = cause instanceof FhirError && cause.kind === 'unprocessable';
    known.failures += 1;
    known.refusals = isRefused ? known.refusals + 1 : 0;
    known.next = isRefused ? clock.now() + Math.min(MINUTE * 2 ** known.refusals, LONGEST) : -Infinity;
    known.lacks = error instanceof NotTaken ? error.made : known.lacks;
    if (known.state === code) return;
    known.state = code;
    log.warn(
      { way, code },
      isRefused
        ? 'A keeper of CHARTROOM_AUDIT_ANCHORS refuses an anchor, which waits: it is asked again ever more rarely, once an hour at last'
        : 'An anchor was not taken by a keeper of CHARTROOM_AUDIT_ANCHORS, and waits: it is asked again each minute',
    );
  }
}
