/** What is older than the ledger, and was sealed as one tree when the ledger began. */
import { Frontier, type Hash, leafHash } from '../../store/ledger.js';
import { type LedgerEntry, readRoot } from './entry.js';
import type { FindingPlace, TrailFindings } from './finding.js';

type Before = Extract<LedgerEntry, { what: 'before' }>;

/** What of an event tells when it was received. */
export interface ReceivedHead {
  readonly id: string | undefined;
  /** ms since 1970. */
  readonly at: number | undefined;
}

/** Names it in findings. */
const BEFORE = 'before';

export class BeforeCheck {
  readonly #findings: TrailFindings;
  readonly #tree = new Frontier();
  #rows = 0;
  #events = 0;
  #isComplete = true;
  #told: Before | undefined;
  /** ms since 1970. */
  #until = Infinity;
  #rowsUntil = Infinity;

  constructor(findings: TrailFindings) {
    this.#findings = findings;
  }

  /** The ledger says what there was. */
  tell(entry: Before): void {
    this.#told ??= entry;
    const until = Date.parse(this.#told.until ?? '');
    if (Number.isNaN(until)) return;
    this.#until = until;
    const rowsUntil = Date.parse(this.#told.rowsUntil ?? '');
    this.#rowsUntil = Number.isNaN(rowsUntil) ? until : Math.max(until, rowsUntil);
  }

  /** Whether the ledger says what there was: until then nobody knows of an event without a deed whether it is older. */
  get isTold(): boolean {
    return this.#told !== undefined;
  }

  /** A row without a seal. `last`: ms since 1970 of its newest deed. */
  row(leaves: readonly (Hash | undefined)[], last: number, place: FindingPlace): void {
    if (last >= this.#rowsUntil) {
      this.#findings.add('inserted', place, 'This row is younger than the ledger, and has no seal.');
      return;
    }
    this.#rows += 1;
    for (const leaf of leaves)
      if (leaf) this.#tree.add(leaf);
      else this.#isComplete = false;
  }

  /** An event that is a resource. True: it was there before the ledger. */
  received({ id, at }: ReceivedHead, text: string): boolean {
    const { events, through } = this.#told ?? { events: 0 };
    const isOlder = Number.isFinite(this.#until)
      ? at !== undefined && at < this.#until
      : through === undefined
        ? this.#events < events
        : id !== undefined && id <= through;
    if (!this.#told || !isOlder) return false;
    this.#events += 1;
    this.#tree.add(leafHash(Buffer.from(text)));
    return true;
  }

  /** `isWhole`: the export is of the whole trail. */
  end(isWhole: boolean): void {
    if (!isWhole) return;
    const place = { id: BEFORE };
    const told = this.#told;
    if (!told) {
      if (this.#rows > 0)
        this.#findings.warn('not-anchored', place, `${this.#rows} rows are older than the ledger, and are not sealed.`);
      return;
    }
    const differences = [
      ['rows', told.rows, this.#rows],
      ['events', told.events, this.#events],
    ] as const;
    for (const [what, said, found] of differences)
      if (said !== found)
        this.#findings.add(
          found < said ? 'missing' : 'inserted',
          place,
          `There were ${said} ${what} before the ledger began, and there are ${found}.`,
        );
    const isCounted = differences.every(([, said, found]) => said === found);
    if (isCounted && this.#isComplete && !this.#tree.root().equals(readRoot(told.root)!))
      this.#findings.add('altered', place, 'What is older than the ledger is not what was sealed when it began.');
  }
}
