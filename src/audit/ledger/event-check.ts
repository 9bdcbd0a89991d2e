/** The texts of events that stand in an export, against those that follow from the deeds. */
import type { KeptDeed } from '../trail/deed.js';
import { eventTextsOf } from '../trail/parts.js';
import type { FindingPlace, TrailFindings } from './finding.js';

export interface PlacedDeed {
  readonly kept: KeptDeed;
  readonly place: FindingPlace;
}

interface Expected extends PlacedDeed {
  readonly text: string;
}

export class EventCheck {
  readonly #findings: TrailFindings;
  #expected: Iterator<Expected> = [].values();
  #next: Expected | undefined;
  /** One event of a deed is told of: the others are at the same place. */
  #told: KeptDeed | undefined;

  constructor(findings: TrailFindings) {
    this.#findings = findings;
  }

  /** The events of these deeds come next. */
  expect(deeds: readonly PlacedDeed[]): void {
    this.finish();
    this.#expected = expectedOf(deeds);
    this.#advance();
  }

  event(of: string, text: string, line: number): void {
    const { kept } = this.#next ?? {};
    if (kept?.id !== of) {
      // Behind one that was left out the order is that of the deeds.
      if (!this.#passUpTo(of)) {
        this.#findings.add('inserted', { line, id: of }, 'There is no deed to this event.');
        return;
      }
    }
    if (this.#next!.text !== text) this.#tell('altered', 'This event says something else than its deed.');
    this.#advance();
  }

  /** No further event comes of the deeds before. */
  finish(): void {
    for (; this.#next; this.#advance()) this.#tell('missing', 'An event of this deed is left out.');
  }

  #passUpTo(of: string): boolean {
    if (!this.#next) return false;
    const passed: Expected[] = [this.#next];
    // Of a row, which is bounded.
    for (let step = this.#expected.next(); !step.done; step = this.#expected.next()) {
      passed.push(step.value);
      if (step.value.kept.id === of) break;
    }
    const found = passed.at(-1)!;
    if (found.kept.id === of && passed.length > 1) {
      for (const one of passed.slice(0, -1)) {
        this.#next = one;
        this.#tell('missing', 'An event of this deed is left out.');
      }
      this.#next = found;
      return true;
    }
    this.#expected = passed.slice(1).values();
    this.#next = passed[0];
    return false;
  }

  #advance(): void {
    const step = this.#expected.next();
    this.#next = step.done === true ? undefined : step.value;
  }

  #tell(what: 'altered' | 'missing', text: string): void {
    const { kept, place } = this.#next!;
    if (kept !== this.#told) this.#findings.add(what, place, text);
    this.#told = kept;
  }
}

function* expectedOf(deeds: readonly PlacedDeed[]): Generator<Expected> {
  for (const placed of deeds) {
    try {
      for (const text of eventTextsOf(placed.kept)) yield { ...placed, text };
    } catch {
      // What was sealed under a shape that makes no event is told of as malformed.
    }
  }
}
