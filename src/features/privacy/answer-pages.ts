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
/** Events of one answer that are held, of 1 KB each. */
const MOST_READ = 2000;

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
  if (now === undefined) return pageKnown(answering, reading, { to: known, known });
  const read = new ReadEvents(eventsAsked(answering, reading, { to: now, known: now }));
  try {
    const first = await pageKnown(answering, reading, { to: now, known: now, read });
    if (!first.end || read.newest <= known) return first;
    return await pageKnown(answering, reading, { to: known, known, ...(read.isWhole ? { read } : {}) });
  } finally {
    await read.close();
  }
}

/** What counts beyond the time that is asked about: up to when (ms), and where the events have been read already. */
interface Until {
  readonly to: number;
  /** What was recorded or received later is left out. */
  readonly known: number;
  readonly read?: ReadEvents;
}

const pageKnown = (answering: Answering, reading: PageReading, until: Until): Promise<LinePage> =>
  answering.question.key.within === 'day'
    ? pageOfDays(answering, reading, until)
    : pageOfPeriod(answering, reading, until);

async function pageOfDays(answering: Answering, reading: PageReading, until: Until): Promise<LinePage> {
  const lines: ToldLine[] = [];
  const { count, place } = reading;
  const [fromDay, already] = place ?? FIRST_PLACE;
  const to = place ? Math.min(until.to, Date.parse(fromDay) + DAY_MS - 1) : until.to;
  for await (const lot of lotsOf(answering, reading, { ...until, to })) {
    const given = lot.day === fromDay ? already : 0;
    const rest = lot.lines.slice(given);
    const room = count - lines.length;
    for (const line of rest.slice(0, room)) lines.push(lineTold(answering.question, line));
    if (rest.length > room) return { lines, end: [lot.day, given + room, ''] };
  }
  return { lines };
}

async function pageOfPeriod(answering: Answering, reading: PageReading, until: Until): Promise<LinePage> {
  const { count, place, kept, digest } = reading;
  const [, from, before] = place ?? FIRST_PLACE;
  let name = before;
  let all = kept.get(name, digest);
  if (!all) {
    const counted: ToldLine[] = [];
    for await (const lot of lotsOf(answering, reading, until))
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

/** Lines of what is asked, lot by lot. */
export function lotsOf(answering: Answering, reading: Pick<PageReading, 'id' | 'asked'>, until: Until) {
  const { question } = answering;
  const events = until.read?.until(until.known) ?? eventsAsked(answering, reading, until);
  return linesOfTrail(meant(events, question, reading.asked), question.key);
}

function eventsAsked(
  { question, trail }: Answering,
  { id, asked }: Pick<PageReading, 'id' | 'asked'>,
  until: Until,
): AsyncGenerator<ToldEvent> {
  const { from, to = Infinity } = question.wholeDays ? wholeDaysOf(asked) : asked;
  const span: SpanOfTrail = {
    ...{ from, known: until.known },
    to: question.tellsOfEarlier ? until.to : Math.min(to, until.to),
  };
  return eventsOfTrail(trail, question.where(asked, id), span);
}

/** Events that may be gone through twice, and are read once unless they are many. */
class ReadEvents {
  readonly #more: AsyncGenerator<ToldEvent>;
  readonly #read: ToldEvent[] = [];
  #isWhole = true;
  /** ms: when the youngest of them was recorded, or received. */
  newest = -Infinity;

  constructor(events: AsyncGenerator<ToldEvent>) {
    this.#more = events;
  }

  /** Whether all that were read are held. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** From the beginning, without those that are younger. */
  async *until(known: number): AsyncGenerator<ToldEvent> {
    for (let at = 0; ; at++) {
      const event = this.#read[at] ?? (await this.#next());
      if (!event) return;
      if (event.kept <= known && event.at <= known) yield event;
    }
  }

  async #next(): Promise<ToldEvent | undefined> {
    const next = await this.#more.next();
    if (next.done) return undefined;
    const { value: event } = next;
    this.newest = Math.max(this.newest, event.kept, event.at);
    if (this.#read.length < MOST_READ) this.#read.push(event);
    else this.#isWhole = false;
    return event;
  }

  async close(): Promise<void> {
    await this.#more.return(undefined);
  }
}

const wholeDaysOf = ({ from, to }: TimeSpan): TimeSpan => ({
  from: from === undefined ? undefined : Math.floor(from / DAY_MS) * DAY_MS,
  to: to === undefined ? undefined : Math.floor(to / DAY_MS) * DAY_MS + DAY_MS - 1,
});

async function* meant(
  events: AsyncIterable<ToldEvent>,
  { mask, isMeant }: TrailQuestion,
  asked: QuestionAsked,
): AsyncGenerator<ToldEvent> {
  for await (const event of events) {
    const told = mask ? mask(event) : event;
    if (told && isMeant(told, asked)) yield told;
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
