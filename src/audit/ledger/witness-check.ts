/** What a witness has signed (witness.ts): that it is over the anchors of an export, each of which is there. */
import { hashesIn, treeRoot } from '../../store/ledger.js';
import type { TrailFindings } from './finding.js';
import { cosignedAt, leafOfNote, type NoteKey } from './note.js';
import { bytesInBase64 } from './shape-book.js';
import type { Signers } from './signers.js';

/** Who has seen so many anchors, and when: ms since 1970. */
export interface SeenByWitness {
  readonly by: string;
  readonly at: number;
  readonly anchors: number;
}

export class WitnessCheck {
  readonly #findings: TrailFindings;
  readonly #signers: Signers;
  readonly #witnesses: readonly NoteKey[];
  readonly #wanted = new Set<string>();
  #isThere = false;
  seen: SeenByWitness | undefined;

  /** `witnesses`: those that are trusted. */
  constructor(findings: TrailFindings, signers: Signers, witnesses: readonly NoteKey[]) {
    this.#findings = findings;
    this.#signers = signers;
    this.#witnesses = witnesses;
  }

  /** Before the anchors of the export. */
  witnessed(note: string, hashes: string, line: number): void {
    const place = { line };
    this.#isThere = true;
    const checkpoint = this.#signers.open(note, () => place)?.checkpoint;
    if (!checkpoint) return;
    const bytes = bytesInBase64(hashes);
    const leaves = bytes && hashesIn(bytes);
    if (leaves?.length !== checkpoint.size || !treeRoot(leaves).equals(checkpoint.root)) {
      this.#findings.add('altered', place, 'The anchors that were shown to a witness are not those that were signed.');
      return;
    }
    for (const leaf of leaves) this.#wanted.add(leaf.toString('base64'));
    for (const key of this.#witnesses) {
      const at = cosignedAt(note, key);
      if (at !== undefined && at >= (this.seen?.at ?? 0)) this.seen = { by: key.name, at, anchors: leaves.length };
    }
    if (this.#witnesses.length > 0 && !this.seen)
      this.#findings.add('bad-signature', place, 'No witness that you trust has signed this checkpoint.');
  }

  /** Of the export. */
  anchor(note: string): void {
    if (this.#wanted.size > 0) this.#wanted.delete(leafOfNote(note).toString('base64'));
  }

  /** `isWhole`: the export is not of some time alone. */
  end(isWhole: boolean): void {
    const place = { id: 'witness' };
    if (!this.#isThere && this.#witnesses.length > 0)
      this.#findings.add('missing', place, 'Nothing in this export was signed by a witness.');
    if (isWhole && this.#wanted.size > 0)
      this.#findings.add('missing', place, `${this.#wanted.size} anchors that a witness has seen are not here.`);
  }
}
