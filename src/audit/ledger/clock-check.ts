/** Whether times run forward along a stream, and from one stream to those that knew of it. */
import type { KnownHead } from './entry.js';
import type { TrailFindings } from './finding.js';
import type { StreamBook } from './stream-book.js';

/** A deed has the time at which it began, and is sealed when it is done: ms. */
const MOST_BEHIND = 600_000;

export class ClockCheck {
  readonly #findings: TrailFindings;
  #stream = '';
  #newest = -Infinity;

  constructor(findings: TrailFindings) {
    this.#findings = findings;
  }

  /** `at`: ms since 1970. */
  deed(stream: string, index: number, at: number): void {
    if (stream !== this.#stream) {
      this.#stream = stream;
      this.#newest = -Infinity;
    }
    if (at < this.#newest - MOST_BEHIND) {
      this.#tell(stream, index, this.#newest - at);
      this.#newest = at;
    }
    this.#newest = Math.max(this.#newest, at);
  }

  /** A stream began at this time, and knew of the others up to these heads. */
  opened(stream: string, at: number, heads: readonly KnownHead[], streams: StreamBook): void {
    for (const head of heads) {
      const known = streams.of(head.stream).check.lastAt(head.size);
      if (known !== undefined && at < known - MOST_BEHIND) return this.#tell(stream, 0, known - at);
    }
  }

  #tell(stream: string, index: number, behind: number): void {
    const minutes = Math.round(behind / 60_000);
    this.#findings.add(
      'clock-backwards',
      { stream, index },
      `The clock ran backwards before this deed, by ${minutes} minutes.`,
    );
  }
}
