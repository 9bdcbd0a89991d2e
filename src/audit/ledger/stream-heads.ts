/** What is said of a stream elsewhere, in checkpoints, anchors and entries of other streams, against its rows. */
import type { Hash } from '../../store/ledger.js';
import type { FindingPlace, TrailFindings } from './finding.js';
import type { StreamCheck } from './stream-check.js';

/** Who says it. `outside`: an anchor that was kept elsewhere. */
export type HeadSource = 'checkpoint' | 'anchor' | 'entry' | 'outside';

interface Claim {
  readonly size: number;
  readonly root: Hash;
  readonly source: HeadSource;
}

/** A stream is signed every second, and every thousand deeds. */
const MOST_UNSIGNED = 4096;

export class StreamHeads {
  readonly check: StreamCheck;
  readonly #findings: TrailFindings;
  /** So many deeds are as somebody has signed them. */
  #bound = 0;
  #disagrees = false;
  /** Told once. */
  #isForked = false;
  readonly #later: Claim[] = [];
  /** Keys that may sign it. Empty: its beginning is not here. */
  readonly keys = new Set<string>();
  /** Keys that have signed it, and where first. */
  readonly signers = new Map<string, FindingPlace>();
  /** It says that it ended at this size. */
  #ended: number | undefined;
  /** The ledger says that an older copy was accepted, and that it is lost up to this size. */
  #accepted = 0;

  constructor(check: StreamCheck, findings: TrailFindings) {
    this.check = check;
    this.#findings = findings;
  }

  claim(size: number, root: Hash, source: HeadSource): void {
    const answer = this.check.compare(size, root);
    if (answer === 'beyond') this.#later.push({ size, root, source });
    else if (answer === 'agrees') this.#bound = Math.max(this.#bound, size);
    else if (answer === 'differs') this.#differ(size, source);
  }

  /** Its deeds up to this size were accepted to be lost. */
  acceptLoss(size: number): void {
    this.#accepted = Math.max(this.#accepted, size);
  }

  /** Of a stream that is not here, when everything is read. `isOlder`: as in `end`. */
  endAbsent(isOlder: boolean): void {
    const known = this.#later.filter(({ source }) => source !== 'outside' || !isOlder);
    if (known.length === 0) return;
    const { stream } = this.check;
    if (known.every(claim => this.#isAccepted(claim))) return this.#tellAccepted(0);
    this.#findings.add('missing', { stream }, 'This stream is not here, and others know of it.');
  }

  endAt(size: number): void {
    this.#ended ??= size;
  }

  /** When everything is read. `isWhole`: the export goes to the end of the trail. `isOlder`: an anchor from outside is younger than the export. */
  end(isWhole: boolean, isOlder: boolean): void {
    const { check } = this;
    let lacking: Claim | undefined;
    for (const claim of this.#later.toSorted((a, b) => a.size - b.size))
      if (claim.size <= check.size) this.claim(claim.size, claim.root, claim.source);
      else if ((claim.source !== 'outside' || !isOlder) && !(lacking && this.#isAccepted(claim))) lacking = claim;
    check.end();
    if (lacking && isWhole && this.#isAccepted(lacking)) this.#tellAccepted(check.size);
    else if (lacking && isWhole) this.#cutShort(lacking.size);
    const ended = this.#ended;
    if (ended !== undefined && check.size > ended)
      check.blame('inserted', ended, check.size - 1, 'The stream had ended before these deeds.');
    if (!lacking && !this.#disagrees) this.#tellUnsigned();
  }

  /** What the server has accepted whoever keeps anchors elsewhere has not. */
  #isAccepted({ size, source }: Claim): boolean {
    return source !== 'outside' && size <= this.#accepted;
  }

  #tellAccepted(from: number): void {
    this.#findings.warn(
      'restored',
      { stream: this.check.stream, index: from, to: this.#accepted - 1 },
      'These deeds are lost: an older copy of the store was put in its place, and the ledger says that this was accepted.',
    );
  }

  #cutShort(size: number): void {
    const { stream, size: from } = this.check;
    this.#findings.add(
      'truncated',
      { stream, index: from, ...(size - 1 > from ? { to: size - 1 } : {}) },
      'The end of the stream is missing: it is known to have been longer.',
    );
  }

  #tellUnsigned(): void {
    const { check } = this;
    const from = Math.max(this.#bound, check.start);
    const left = check.size - from;
    if (left <= 0 || check.isBlamed(from, check.size)) return;
    const place = { stream: check.stream, index: from, to: check.size - 1 };
    if (left > MOST_UNSIGNED || this.#ended === check.size)
      this.#findings.add('missing', place, `No checkpoint says anything of the last ${left} deeds.`);
    else
      this.#findings.warn(
        'not-anchored',
        place,
        `The last ${left} deeds are not signed yet: they may have been others.`,
      );
  }

  #differ(size: number, source: HeadSource): void {
    const { check } = this;
    const from = Math.min(this.#bound, size - 1);
    const isTold = this.#disagrees || check.isBlamed(from, size);
    this.#disagrees = true;
    if (this.#isForked) return;
    if (size <= this.#bound || (source === 'outside' && !isTold)) {
      this.#isForked = true;
      check.blame('fork', size - 1, size - 1, FORKS[source]);
    } else if (!isTold)
      check.blame('altered', from, size - 1, 'The seals of these deeds are not those that were signed.');
  }
}

const FORKS: Readonly<Record<HeadSource, string>> = {
  checkpoint: 'Two histories of the stream up to here are signed.',
  anchor: 'An anchor says otherwise of the stream up to here: it has two histories.',
  entry: 'Another stream says otherwise of this one up to here: it has two histories.',
  outside:
    'The anchor that was kept elsewhere says otherwise of the stream up to here: what is older was written anew.',
};
