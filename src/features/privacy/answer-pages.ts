/**
 * Lines of an answer, page by page. The pages of one answer are of one state of the trail: that below the horizon of the first page, which no event
 * can join any more. A first page that has all lines says also what is younger.
 *
 * Lines of a whole time are counted to the end before the first is told. They are kept for the next page, where they are not too many, and counted again
 * where they are gone: by another process, too.
 */
import type { Clock } from '../../platform/clock.js';
import { newId } from '../../platform/ids.js';
import type { LineOfBundle } from './answer-bundle.js';
import type { QuestionAsked } from './asked.js';
import { linesOfTrail, type TrailLine } from './lines.js';
import type { TrailQuestion } from './questions.js';
import type { ToldEvent } from './told-event.js';
import { eventsOfTrail, type SpanOfTrail, type TimeSpan, type TrailReading } from './trail-reader.js';

const DAY_MS = 24 * 60 * 60 * 1000;
/** Lines of all answers that are kept, of half a KB each, and how long. */
const MOST_KEPT = 50_000;
const KEPT_MS = 10 * 60 * 1000;

/** A question, and whose events answer it. */
export interface Answering {
  readonly question: TrailQuestion;
  readonly trail: TrailReading;
}

/** A line in words, and whom it names. */
export interface ToldLine extends LineOfBundle {
  readonly patients: readonly string[];
}

/** Where a page ended: the day, lines of it that were given already, and under which name the lines are kept (empty: they are not). */
export type LinePlace = readonly [day: string, given: number, name: string];

const FIRST_PLACE: LinePlace = ['', 0, ''];

export interface PageReading {
  readonly id: string | undefined;
  readonly asked: QuestionAsked;
  /** Lines of a page. */
  readonly count: number;
  readonly kept: KeptAnswers;
  /** Of what whoever asks may do. */
  readonly digest: string;
  /** Absent: the first page. */
  readonly place?: LinePlace;
}

export interface LinePage {
  readonly lines: readonly ToldLine[];
  /** Where the next page goes on; absent: there is none. */
  readonly end?: LinePlace;
}

/** `now`: ms, of the first page. `horizon`: ms, that of the first page. */
export async function linesOfPage(
  answering: Answering,
  reading: PageReading,
  now: number | undefined,
  horizon: number,
): Promise<LinePage> {
  const known = horizon - 1;
  if (now === undefined) return pageKnown(answering, reading, known);
  const seen = { newest: -Infinity };
  const first = await pageKnown(answering, reading, now, seen);
  return first.end && seen.newest > known ? pageKnown(answering, reading, known) : first;
}

/** `known`: ms; what was recorded or received later is left out. */
function pageKnown(answering: Answering, reading: PageReading, known: number, seen?: Seen): Promise<LinePage> {
  return answering.question.key.within === 'day'
    ? pageOfDays(answering, reading, known, seen)
    : pageOfPeriod(answering, reading, known, seen);
}

async function pageOfDays(
  answering: Answering,
  { id, asked, count, place }: PageReading,
  known: number,
  seen?: Seen,
): Promise<LinePage> {
  const lines: ToldLine[] = [];
  const [fromDay, already] = place ?? FIRST_PLACE;
  const until = place ? Math.min(known, Date.parse(fromDay) + DAY_MS - 1) : known;
  for await (const lot of lotsOf(answering, asked, id, { to: until, known }, seen)) {
    const given = lot.day === fromDay ? already : 0;
    const rest = lot.lines.slice(given);
    const room = count - lines.length;
    for (const line of rest.slice(0, room)) lines.push(lineTold(answering.question, line));
    if (rest.length > room) return { lines, end: [lot.day, given + room, ''] };
  }
  return { lines };
}

async function pageOfPeriod(
  answering: Answering,
  { id, asked, count, place, kept, digest }: PageReading,
  known: number,
  seen?: Seen,
): Promise<LinePage> {
  const [, from, before] = place ?? FIRST_PLACE;
  let name = before;
  let all = kept.get(name, digest);
  if (!all) {
    const counted: ToldLine[] = [];
    for await (const lot of lotsOf(answering, asked, id, { to: known, known }, seen))
      for (const line of lot.lines) counted.push(lineTold(answering.question, line));
    all = counted;
    name = all.length > from + count ? kept.keep(all, digest) : '';
  }
  const to = from + count;
  const lines = all.slice(from, to);
  if (all.length <= to) return { lines };
  return { lines, end: ['', to, name] };
}

export const lineTold = (question: TrailQuestion, line: TrailLine): ToldLine => ({
  key: `${line.event.day} ${line.key}`,
  sentence: question.sentence(line),
  cells: question.columns.map(({ of }) => of(line)),
  patients: line.event.patients,
});

interface Seen {
  /** ms: when the youngest event that counts was recorded, or received. */
  newest: number;
}

/** `until`: what counts beyond the time that is asked about. */
export function lotsOf(
  { question, trail }: Answering,
  asked: QuestionAsked,
  id: string | undefined,
  until: { readonly to: number; readonly known: number },
  seen?: Seen,
) {
  const { from, to = Infinity } = question.wholeDays ? wholeDaysOf(asked) : asked;
  const span: SpanOfTrail = {
    ...{ from, known: until.known },
    to: question.tellsOfEarlier ? until.to : Math.min(to, until.to),
  };
  return linesOfTrail(
    meant(eventsOfTrail(trail, question.where(asked, id), span), question, asked, seen),
    question.key,
  );
}

const wholeDaysOf = ({ from, to }: TimeSpan): TimeSpan => ({
  from: from === undefined ? undefined : Math.floor(from / DAY_MS) * DAY_MS,
  to: to === undefined ? undefined : Math.floor(to / DAY_MS) * DAY_MS + DAY_MS - 1,
});

async function* meant(
  events: AsyncIterable<ToldEvent>,
  { mask, isMeant }: TrailQuestion,
  asked: QuestionAsked,
  seen?: Seen,
): AsyncGenerator<ToldEvent> {
  for await (const event of events) {
    const told = mask ? mask(event) : event;
    if (!told || !isMeant(told, asked)) continue;
    if (seen) seen.newest = Math.max(seen.newest, event.kept, event.at);
    yield told;
  }
}

/** Answers of which more pages may be asked for. */
export class KeptAnswers {
  readonly #now: Clock['now'];
  readonly #answers = new Map<
    string,
    { readonly digest: string; readonly lines: readonly ToldLine[]; readonly at: number }
  >();
  #lines = 0;

  constructor({ now }: Pick<Clock, 'now'>) {
    this.#now = now;
  }

  /** Gives the name that it has. Empty: it is too long to be kept. */
  keep(lines: readonly ToldLine[], digest: string): string {
    if (lines.length > MOST_KEPT) return '';
    const at = this.#now();
    const name = newId(at);
    this.#answers.set(name, { digest, lines, at });
    this.#lines += lines.length;
    for (const [oldest, answer] of this.#answers) {
      if (this.#lines <= MOST_KEPT && this.#isYoung(answer.at)) break;
      this.#answers.delete(oldest);
      this.#lines -= answer.lines.length;
    }
    return name;
  }

  /** To those alone who may do what they might when it was kept. */
  get(name: string, digest: string): readonly ToldLine[] | undefined {
    const answer = this.#answers.get(name);
    return answer?.digest === digest && this.#isYoung(answer.at) ? answer.lines : undefined;
  }

  #isYoung(at: number): boolean {
    return Math.abs(this.#now() - at) <= KEPT_MS;
  }
}
