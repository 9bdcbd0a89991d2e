/** What the ledger says of itself, held against the rest of an export. */
import type { BeforeCheck } from './before-check.js';
import type { ClockCheck } from './clock-check.js';
import { type LedgerEntry, readRoot, type KnownHead } from './entry.js';
import type { TrailFindings } from './finding.js';
import type { ReceivedCheck } from './received-check.js';
import type { Signers } from './signers.js';
import type { StreamBook } from './stream-book.js';

/** Of an entry that was sealed. */
export interface EntryPlace {
  readonly stream: string;
  readonly index: number;
}

/** From a leaf up to, not with, another one. */
interface Range {
  readonly from: number;
  to: number;
}

interface Checks {
  readonly findings: TrailFindings;
  readonly streams: StreamBook;
  readonly signers: Signers;
  readonly clock: ClockCheck;
  readonly before: BeforeCheck;
  readonly received: ReceivedCheck;
}

export class EntryCheck {
  readonly #checks: Checks;
  /** Whose deeds are not here, and of which the ledger says so: by stream. */
  readonly #without = new Map<string, Range[]>();
  readonly #removed = new Map<string, Range[]>();

  constructor(checks: Checks) {
    this.#checks = checks;
  }

  /** A sealed entry, or else the first deed of a stream, which must be one. `at`: ms since 1970. */
  entry(entry: LedgerEntry | undefined, place: EntryPlace, at: number): void {
    const { findings, streams, signers, clock, before, received } = this.#checks;
    const { stream, index } = place;
    const heads = streams.of(stream);
    if (index === 0 && (entry?.what !== 'opened' || entry.stream !== stream))
      findings.add('altered', place, 'The stream does not begin as streams do.');
    switch (entry?.what) {
      case 'opened':
        signers.learn(entry.key);
        signers.use(entry.key, place);
        heads.keys.add(entry.key);
        this.#claim(entry.heads);
        return clock.opened(stream, at, entry.heads, streams);
      case 'closed':
        return heads.endAt(index + 1);
      case 'recovered':
        // A process that was only stopped may go on with it.
        return this.#claim([entry]);
      case 'key':
        return signers.follow(entry, place);
      case 'removed': {
        const ranges = this.#removed.get(entry.stream) ?? [];
        this.#removed.set(entry.stream, ranges);
        ranges.push({ from: entry.from, to: entry.to });
        return undefined;
      }
      case 'before':
        return before.tell(entry);
      case 'received':
        return received.tell(entry.events);
      case 'restored':
        for (const lost of entry.heads) streams.of(lost.stream).acceptLoss(lost.size);
        return undefined;
      case undefined:
    }
  }

  /** Of the deeds of a stream from `from` up to, not with, `to` there are hashes alone. */
  without(stream: string, from: number, to: number): void {
    const ranges = this.#without.get(stream) ?? [];
    this.#without.set(stream, ranges);
    const last = ranges.at(-1);
    if (last?.to === from) last.to = to;
    else ranges.push({ from, to });
  }

  end(): void {
    for (const [stream, ranges] of this.#without) {
      const removed = (this.#removed.get(stream) ?? []).toSorted((a, b) => a.from - b.from);
      for (const { from, to } of ranges) {
        let covered = from;
        for (const range of removed) if (range.from <= covered) covered = Math.max(covered, range.to);
        if (covered < to)
          this.#checks.findings.add(
            'missing',
            { stream, index: covered, to: to - 1 },
            'Of these deeds there are hashes alone, and the ledger does not say that they were removed.',
          );
      }
    }
  }

  #claim(heads: readonly KnownHead[]): void {
    for (const { stream, size, root } of heads)
      this.#checks.streams.claim(stream, { size, root: readRoot(root)! }, 'entry');
  }
}
