/** What verification finds: what is wrong, where, in words for whoever has to act on it. No content of an event is told. */

/** docs/audit.md has a row of each. */
export type FindingCode =
  | 'altered'
  | 'missing'
  | 'inserted'
  | 'moved'
  | 'truncated'
  | 'bad-signature'
  | 'unknown-key'
  | 'fork'
  | 'clock-backwards'
  | 'unfounded-shape'
  | 'hidden-from-search'
  | 'cut'
  | 'malformed'
  | 'not-anchored'
  | 'restored';

export interface FindingPlace {
  readonly stream?: string;
  /** Of a deed in its stream, from 0. */
  readonly index?: number;
  /** The last one, where it may be any of several. */
  readonly to?: number;
  /** Of a deed or an event. */
  readonly id?: string;
  /** Of the export, from 1. */
  readonly line?: number;
}

export interface TrailFinding {
  readonly where: FindingPlace;
  readonly what: FindingCode;
  readonly text: string;
  /** It is told, and blames nobody. */
  readonly isWarning: boolean;
}

/** TrailFindings of a kind that are named; the others are counted. */
const MOST_NAMED = 1000;

export class TrailFindings {
  readonly #named: TrailFinding[] = [];
  readonly #counts = new Map<FindingCode, number>();

  /** Gives it, so that it can be replaced when more is known. */
  add(what: FindingCode, where: FindingPlace, text: string): TrailFinding {
    const finding = { where, what, text, isWarning: false };
    this.#add(finding);
    return finding;
  }

  warn(what: FindingCode, where: FindingPlace, text: string): void {
    this.#add({ where, what, text, isWarning: true });
  }

  /** It turned out to be something else. */
  replace(finding: TrailFinding, what: FindingCode, text: string): void {
    const at = this.#named.indexOf(finding);
    if (at === -1) return;
    this.#count(finding.what, -1);
    this.#count(what, 1);
    this.#named[at] = { ...finding, what, text };
  }

  get named(): readonly TrailFinding[] {
    return this.#named;
  }

  /** Whether there is more than warnings. */
  get blames(): boolean {
    return this.#named.some(({ isWarning }) => !isWarning);
  }

  /** How many there are of each kind, of which not all may be named. */
  get counts(): ReadonlyMap<FindingCode, number> {
    return this.#counts;
  }

  #add(finding: TrailFinding): void {
    if ((this.#counts.get(finding.what) ?? 0) < MOST_NAMED) this.#named.push(finding);
    this.#count(finding.what, 1);
  }

  #count(what: FindingCode, more: number): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + more);
  }
}
