/** All streams of an export, and what is said of them. */
import type { TreeHead } from '../../store/ledger.js';
import type { FindingPlace, TrailFindings } from './finding.js';
import { streamOfOrigin } from './note.js';
import type { OpenedNote, Signers } from './signers.js';
import { StreamCheck } from './stream-check.js';
import { type HeadSource, StreamHeads } from './stream-heads.js';

/** Which part of the trail an export tells of. */
export interface ExportExtent {
  readonly isFromStart: boolean;
  /** To the end. */
  readonly isWhole: boolean;
  /** An anchor that was kept elsewhere is younger. */
  readonly isOlder: boolean;
}

export class StreamBook {
  readonly #findings: TrailFindings;
  readonly #streams = new Map<string, StreamHeads>();

  constructor(findings: TrailFindings) {
    this.#findings = findings;
  }

  /** Those of which there are deeds. */
  get count(): number {
    return [...this.#streams.values()].filter(({ check }) => check.hasBegun).length;
  }

  of(stream: string): StreamHeads {
    let found = this.#streams.get(stream);
    if (!found) {
      found = new StreamHeads(new StreamCheck(stream, this.#findings), this.#findings);
      this.#streams.set(stream, found);
    }
    return found;
  }

  claim(stream: string, { size, root }: TreeHead, source: HeadSource): void {
    this.of(stream).claim(size, root, source);
  }

  signed({ checkpoint, signedBy }: OpenedNote, place: FindingPlace): void {
    const heads = this.of(streamOfOrigin(checkpoint.origin));
    if (!heads.signers.has(signedBy)) heads.signers.set(signedBy, place);
    heads.claim(checkpoint.size, checkpoint.root, 'checkpoint');
  }

  end(extent: ExportExtent, signers: Signers): void {
    for (const heads of this.#streams.values()) {
      for (const [key, place] of heads.signers)
        if (heads.keys.size > 0 && !signers.follows(heads.keys, key))
          this.#findings.add('unknown-key', place, 'Another key than that of the stream has signed this checkpoint.');
      if (heads.check.hasBegun) heads.end(extent.isWhole, extent.isOlder);
      else if (extent.isWhole && extent.isFromStart) heads.endAbsent(extent.isOlder);
    }
  }
}
