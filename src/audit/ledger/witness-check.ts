/**
 * What a witness has signed (witness.ts): that it is over the anchors of an export. Those that it has seen of the time of the export must be there, and what is
 * younger than the last of them nobody has seen.
 */
import { treeRoot } from '../../store/ledger.js';
import { timeOfAnchor } from './anchor-check.js';
import type { ExportLine } from './export-line.js';
import type { TrailFindings } from './finding.js';
import { type Checkpoint, cosignedAt, leafOfNote, logOfOrigin, type NoteKey, openCheckpoint } from './note.js';
import type { Signers } from './signers.js';

/** Who has seen anchors of this export: how many, and the time of the newest; ms since 1970. */
export interface SeenByWitness {
  readonly by: string;
  readonly anchors: number;
  readonly until: number;
}

type WitnessedLine = Pick<Extract<ExportLine, { readonly kind: 'witnessed' }>, 'witnessed' | 'shown' | 'begun'>;

/** The time of which an export tells, in ms since 1970. */
interface ExportTime {
  readonly from: number;
  readonly to: number;
}

/** A witness is shown one an hour; what is missed by more is told. */
const SEEN_WITHIN = 2 * 3_600_000;

export class WitnessCheck {
  readonly #findings: TrailFindings;
  readonly #signers: Signers;
  readonly #witnesses: readonly NoteKey[];
  /** Notes of anchors that were seen and did not come yet, with their times. */
  readonly #wanted = new Map<string, number>();
  #isThere = false;
  #by: string | undefined;
  #anchors = 0;
  #until = -Infinity;

  /** `witnesses`: those that are trusted. */
  constructor(findings: TrailFindings, signers: Signers, witnesses: readonly NoteKey[]) {
    this.#findings = findings;
    this.#signers = signers;
    this.#witnesses = witnesses;
  }

  /** Undefined: none that is trusted has seen anything of it. */
  get seen(): SeenByWitness | undefined {
    if (this.#by === undefined || this.#anchors === 0) return undefined;
    return { by: this.#by, anchors: this.#anchors, until: this.#until };
  }

  /** Before the anchors of the export. `shown`: their notes, in the order of the log. */
  witnessed({ witnessed: note, shown, begun }: WitnessedLine, line: number): void {
    const place = { line };
    this.#isThere = true;
    const opened = this.#signers.open(note, () => place);
    if (!opened) return;
    const { checkpoint, signedBy } = opened;
    const log = logOfOrigin(checkpoint.origin, signedBy.split('+')[0]!);
    if (!isOver(checkpoint, shown) || log === undefined) {
      this.#findings.add('altered', place, 'The anchors that were shown to a witness are not those that were signed.');
      return;
    }
    if (log !== '')
      this.#findings.warn(
        'restored',
        place,
        `The log that a witness is shown was begun anew as ${log}: it has refused the one before. Ask it what that was.`,
      );
    if (begun !== undefined)
      this.#findings.warn(
        'restored',
        place,
        `The log that a witness is shown was begun anew as ${begun}, which it has not signed yet: it has refused the one before. Ask it what that was.`,
      );
    this.#by = this.#witnesses.find(key => cosignedAt(note, key) !== undefined)?.name;
    if (this.#witnesses.length > 0 && this.#by === undefined)
      this.#findings.add('bad-signature', place, 'No witness that you trust has signed this checkpoint.');
    for (const one of shown) this.#wanted.set(one, timeOfShown(one));
  }

  /** Of the export. */
  anchor(note: string): void {
    const at = this.#wanted.get(note);
    if (at === undefined) return;
    this.#wanted.delete(note);
    this.#anchors += 1;
    this.#until = Math.max(this.#until, at);
  }

  end({ from, to }: ExportTime): void {
    const place = { id: 'witness' };
    const isAsked = this.#witnesses.length > 0;
    if (!this.#isThere && isAsked)
      this.#findings.add('missing', place, 'Nothing in this export was signed by a witness.');
    const missing = [...this.#wanted.values()].filter(at => at >= from && at <= to).length;
    if (missing > 0)
      this.#findings.add('missing', place, `${missing} anchors of this time that a witness has seen are not here.`);
    if (!isAsked || this.#by === undefined || this.#until >= to - SEEN_WITHIN) return;
    const since = this.#anchors === 0 ? 'No anchor of this export' : `Nothing younger than ${isoOf(this.#until)}`;
    this.#findings.warn('not-anchored', place, `${since} was seen by ${this.#by}.`);
  }
}

const isOver = ({ size, root }: Checkpoint, shown: readonly string[]): boolean =>
  size > 0 && shown.length === size && treeRoot(shown.map(leafOfNote)).equals(root);

/** One that does not say its time is of any. */
function timeOfShown(note: string): number {
  try {
    return timeOfAnchor(openCheckpoint(note, []).checkpoint) ?? Infinity;
  } catch {
    return Infinity;
  }
}

const isoOf = (ms: number): string => new Date(ms).toISOString();
