/**
 * Events in lines: those with the same key (a person, a day and a purpose, for instance) are one line with their number, first and last. Events come the newest
 * first, so that the lines of a day are complete with the first event of another day, and no more than one day of them is held.
 */
import { FhirError } from '../../fhir/error.js';
import type { ToldEvent } from './told-event.js';

/** What is said of some events together. */
export interface TrailLine {
  readonly key: string;
  /** The newest of them. */
  readonly event: ToldEvent;
  count: number;
  /** ms since 1970. */
  first: number;
  readonly last: number;
  denied: number;
  /** Failed for another reason. */
  failed: number;
  throughGlass: number;
  /** How often each thing was done. */
  readonly actions: Map<string, number>;
  readonly types: Set<string>;
}

/** Lines that are made together: of a day, or of the whole answer. */
export interface LineKey {
  /** `day`: the lines of one day are together, the newest day first; `period`: all of them, in the order of their keys. */
  readonly within: 'day' | 'period';
  /** Those of a day, too: the order of events is not told. */
  readonly inOrderOfKeys?: true;
  /** Which lines an event belongs to. */
  readonly keys: (event: ToldEvent) => readonly string[];
}

/** Lines that are held: some hundred bytes each. */
const MAX_LINES = 200_000;
/** Different things that a line names. */
const MAX_KINDS = 50;

/** Lots of lines that are complete, in their order. Throws `too-costly` where too many would be held. */
export async function* linesOfTrail(
  events: AsyncIterable<ToldEvent>,
  { within, inOrderOfKeys = within === 'period' ? true : undefined, keys }: LineKey,
): AsyncGenerator<{ readonly day: string; readonly lines: readonly TrailLine[] }> {
  let lines = new Map<string, TrailLine>();
  let day: string | undefined;
  for await (const event of events) {
    if (within === 'day' && event.day !== day) {
      if (day !== undefined && lines.size > 0) yield { day, lines: inOrder(lines, inOrderOfKeys) };
      lines = new Map();
      ({ day } = event);
    }
    for (const key of keys(event)) addTo(lines, key, event);
    if (lines.size > MAX_LINES) throw tooManyLines(within);
  }
  if (lines.size > 0) yield { day: day ?? '', lines: inOrder(lines, inOrderOfKeys) };
}

const inOrder = (lines: ReadonlyMap<string, TrailLine>, ofKeys: true | undefined): readonly TrailLine[] => {
  const made = [...lines.values()];
  return ofKeys ? made.toSorted((a, b) => (a.key < b.key ? -1 : 1)) : made;
};

function addTo(lines: Map<string, TrailLine>, key: string, event: ToldEvent): void {
  let line = lines.get(key);
  if (!line) {
    const { at } = event;
    line = {
      ...{ key, event, count: 0, first: at, last: at, denied: 0, failed: 0, throughGlass: 0 },
      ...{ actions: new Map<string, number>(), types: new Set<string>() },
    };
    lines.set(key, line);
  }
  line.count += 1;
  line.first = event.at;
  if (event.isDenied) line.denied += 1;
  else if (event.outcome !== '0') line.failed += 1;
  if (event.isThroughGlass) line.throughGlass += 1;
  if (line.actions.size < MAX_KINDS || line.actions.has(event.action))
    line.actions.set(event.action, (line.actions.get(event.action) ?? 0) + 1);
  for (const type of event.types) if (line.types.size < MAX_KINDS) line.types.add(type);
}

const tooManyLines = (within: LineKey['within']): FhirError =>
  new FhirError(
    'too-costly',
    `The answer has more than ${MAX_LINES} lines of one ${within}: ask for a shorter time between start and end.`,
    { expression: 'http.start' },
  );
