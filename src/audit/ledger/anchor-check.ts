/** Anchors: one signed tree over the heads of all streams. Those of the export, and those that were kept elsewhere. */
import { leafHash, treeRoot } from '../../store/ledger.js';
import type { TrailFindings } from './finding.js';
import { type Checkpoint, openCheckpoint } from './note.js';
import type { Signers } from './signers.js';
import type { HeadSource } from './stream-heads.js';

/** An anchor that somebody has kept. Without its heads those of the export are taken. */
export interface KeptAnchor {
  readonly note: string;
  readonly heads?: readonly string[];
}

type TellHead = (head: Checkpoint, source: HeadSource) => void;

export const ANCHOR = 'anchor';

export class AnchorCheck {
  readonly #findings: TrailFindings;
  readonly #signers: Signers;
  readonly #tell: TellHead;
  readonly #outside: readonly KeptAnchor[];
  /** Those from outside whose heads are not known yet. */
  readonly #wanted: Checkpoint[] = [];
  readonly #made: number[] = [];
  #count = 0;

  /** `tell` is told what an anchor says of each stream; `outside`: anchors that were kept elsewhere. */
  constructor(findings: TrailFindings, signers: Signers, tell: TellHead, outside: readonly KeptAnchor[]) {
    this.#findings = findings;
    this.#signers = signers;
    this.#tell = tell;
    this.#outside = outside;
    for (const { note, heads } of outside) {
      const checkpoint = readNote(note);
      if (checkpoint) this.#made.push(timeOfAnchor(checkpoint) ?? Infinity);
      if (checkpoint && !heads) this.#wanted.push(checkpoint);
    }
  }

  get count(): number {
    return this.#count;
  }

  /** Of the export. */
  anchor(note: string, heads: readonly string[], line: number): void {
    const checkpoint = this.#signers.open(note, () => ({ line }))?.checkpoint;
    if (!checkpoint) return;
    this.#count += 1;
    if (!isOver(checkpoint, heads)) {
      this.#findings.add('altered', { line }, 'The heads of this anchor are not those that were signed.');
      return;
    }
    this.#claim(heads, 'anchor', undefined, line);
    const wanted = this.#wanted.findIndex(({ size, root }) => size === checkpoint.size && root.equals(checkpoint.root));
    if (wanted === -1) return;
    this.#wanted.splice(wanted, 1);
    this.#claim(heads, 'outside', undefined, line);
  }

  /** Whether an anchor from outside is younger than this time, in ms. */
  isYounger(than: number): boolean {
    return this.#made.some(made => made > than);
  }

  /** `from`, `to`: the time of which the export tells. */
  end(from: number, to: number): void {
    for (const [at, { note, heads }] of this.#outside.entries()) {
      const place = { id: `${ANCHOR} ${at + 1}` };
      // By keys of the export, too: those are known by now.
      const checkpoint = this.#signers.open(note, () => place)?.checkpoint;
      if (!checkpoint || !heads) continue;
      if (isOver(checkpoint, heads)) this.#claim(heads, 'outside', place.id);
      else this.#findings.add('altered', place, 'The heads of this anchor are not those that were signed.');
    }
    for (const checkpoint of this.#wanted) {
      const made = timeOfAnchor(checkpoint) ?? to;
      const place = { id: ANCHOR };
      const told = Number.isFinite(made) ? ` of ${new Date(made).toISOString()}` : '';
      if (made < from || made > to)
        this.#findings.warn('not-anchored', place, `The anchor${told} is of another time than this export.`);
      else
        this.#findings.add(
          'missing',
          place,
          `The anchor${told} that was kept elsewhere is not in this export: what it vouched for was taken out.`,
        );
    }
  }

  #claim(heads: readonly string[], source: HeadSource, id?: string, line?: number): void {
    for (const head of heads) {
      const read = readHeadText(head);
      if (read) this.#tell(read, source);
      else
        this.#findings.add('malformed', id === undefined ? { line: line! } : { id }, 'A head of this anchor is none.');
    }
  }
}

/** Undefined: it does not say when it was made. */
export function timeOfAnchor({ extensions }: Checkpoint): number | undefined {
  const made = Date.parse(extensions[0] ?? '');
  return Number.isNaN(made) ? undefined : made;
}

const isOver = ({ size, root }: Checkpoint, heads: readonly string[]): boolean =>
  heads.length === size && treeRoot(heads.map(head => leafHash(Buffer.from(head)))).equals(root);

const readHeadText = (text: string): Checkpoint | undefined => readNote(`${text}\n`);

/** Whoever has signed it. */
function readNote(note: string): Checkpoint | undefined {
  try {
    return openCheckpoint(note, []).checkpoint;
  } catch {
    return undefined;
  }
}
