/**
 * `$who-saw` and the other questions: the audit trail is read as far as whoever asks may read it, put in lines (lines.ts), and told as a Bundle in pages, as CSV
 * or as a page to print, which are written while the trail is read. Whose data an answer is about is recorded before it is given out, lot by lot.
 */
import { FhirError } from '../../fhir/error.js';
import type { Context, OperationImplementation } from '../../interactions/engine.js';
import type { Of, Outcome, WrittenFile } from '../../interactions/interaction.js';
import { recordDone } from '../../interactions/perform.js';
import {
  clampCount,
  openPage,
  PAGE_PARAMETER,
  pageLink,
  questionOf,
  selfLink,
} from '../../interactions/response/paging.js';
import { trailOfPatient } from '../../interactions/trail-of-patient.js';
import { newId } from '../../platform/ids.js';
import { bundleOfLines } from './answer-bundle.js';
import { TABLE_FORMS, type TableForm, type TableRow } from './answer-forms.js';
import { type QuestionAsked, questionGiven } from './asked.js';
import { linesOfTrail, type TrailLine } from './lines.js';
import { isThemself, whoSawMe } from './masked.js';
import { type TrailQuestion, WHO_SAW } from './questions.js';
import type { ToldEvent } from './told-event.js';
import { eventsOfTrail, readsTrail, type TimeSpan, type TrailReading } from './trail-reader.js';

/** Lines of a file that are written, and recorded, together. */
const LOT = 1000;
const DAY_MS = 24 * 60 * 60 * 1000;

/** A question, and whose events answer it. */
interface Answering {
  readonly question: TrailQuestion;
  readonly trail: TrailReading;
}

export const questionOperation = (code: string, question: TrailQuestion): OperationImplementation => ({
  alsoAs: [...TABLE_FORMS.keys()],
  shows: 'Bundle',
  async run(context, ask) {
    const answering = await answeringTo(context, ask, code, question);
    const form = ask.form === undefined ? undefined : TABLE_FORMS.get(ask.form);
    return form ? answerAsFile(context, ask, answering, form) : answerAsBundle(context, ask, code, answering);
  },
});

/** Throws `forbidden`, and `not-found` to a patient who asks about somebody else. */
async function answeringTo(
  context: Context,
  { id = '' }: Of<'operation'>,
  code: string,
  question: TrailQuestion,
): Promise<Answering> {
  if (readsTrail(context)) return { question, trail: context };
  if (code !== WHO_SAW) throw noTrail();
  const { engine, view } = context;
  if (isThemself(context, id))
    return { question: whoSawMe(engine.clock.now()), trail: { engine, view: trailOfPatient(engine, id) } };
  const isHidden = context.principal.patient !== undefined && !(await view.read('Patient', id));
  throw isHidden ? new FhirError('not-found', 'There is no Patient with this id.') : noTrail();
}

export const noTrail = (): FhirError =>
  new FhirError('forbidden', 'The answer is in the audit trail, which this role or token does not read.', {
    detail: 'trail-not-read',
  });

/** Where a page ended: the day, and lines of it that were given already. */
type LinePlace = readonly [day: string, given: number];

async function answerAsBundle(
  context: Context,
  ask: Of<'operation'>,
  code: string,
  answering: Answering,
): Promise<Outcome> {
  const { question } = answering;
  const { engine } = context;
  const { type, id } = ask;
  const path = `${type === undefined ? '' : `${type}/`}${id === undefined ? '' : `${id}/`}$${code}`;
  const page = openPage(context, path, ask.parameters);
  const asked = questionGiven(engine, ask, page?.parameters ?? questionOf(ask.parameters));
  const horizon = page?.horizon ?? engine.clock.now();
  const place = page && (page.cursor as unknown as LinePlace);
  const count = clampCount(engine, asked.count);
  const { lines, end } = await pageOfLines(answering, asked, { id, count, place, horizon });
  const link = [selfLink(engine, path, ask.parameters, asked.parameters)];
  if (end)
    link.push({
      relation: 'next',
      url: pageLink(
        context,
        { path, parameters: asked.parameters, horizon, cursor: end, direction: 'after' },
        ask.parameters,
      ),
    });
  const { columns } = question;
  const text = bundleOfLines({
    id: newId(engine.clock.now()),
    made: engine.clock.now(),
    link,
    columns,
    lines: lines.map(line => ({ key: `${line.event.day} ${line.key}`, ...rowOfLine(question, line) })),
  });
  return { result: { status: 200, text, patients: patientsTold(id, lines) } };
}

interface PageAsked {
  readonly id: string | undefined;
  readonly count: number;
  readonly place: LinePlace | undefined;
  /** ms: what is recorded later belongs to no page. */
  readonly horizon: number;
}

/** `end`: where the next page goes on. */
async function pageOfLines(
  answering: Answering,
  asked: QuestionAsked,
  { id, count, place, horizon }: PageAsked,
): Promise<{ readonly lines: TrailLine[]; readonly end?: LinePlace }> {
  const lines: TrailLine[] = [];
  const [fromDay, already] = place ?? [];
  const isByDay = answering.question.key.within === 'day';
  const until = place && isByDay ? Math.min(horizon, Date.parse(fromDay!) + DAY_MS - 1) : horizon;
  for await (const lot of lotsOf(answering, asked, id, until)) {
    const given = place && (!isByDay || lot.day === fromDay) ? already! : 0;
    const rest = lot.lines.slice(given);
    const room = count - lines.length;
    lines.push(...rest.slice(0, room));
    if (rest.length > room) return { lines, end: [lot.day, given + room] };
  }
  return { lines };
}

/** `until`: ms, of the newest event that counts. */
function lotsOf({ question, trail }: Answering, asked: QuestionAsked, id: string | undefined, until: number) {
  const { from, to = Infinity } = question.wholeDays ? wholeDaysOf(asked) : asked;
  const span = { from, to: question.tellsOfEarlier ? until : Math.min(to, until) };
  return linesOfTrail(meant(eventsOfTrail(trail, question.where(asked, id), span), question, asked), question.key);
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

async function answerAsFile(
  context: Context,
  ask: Of<'operation'>,
  answering: Answering,
  form: TableForm,
): Promise<Outcome> {
  const { question } = answering;
  const { engine } = context;
  const { id } = ask;
  if (ask.parameters.some(([name]) => name === PAGE_PARAMETER))
    throw new FhirError('invalid', 'A file has all lines: ask for it without the link of a page.', {
      expression: `http.${PAGE_PARAMETER}`,
      detail: 'bad-parameter-value',
    });
  const asked = questionGiven(engine, ask, questionOf(ask.parameters));
  const until = engine.clock.now();
  const lots = someAtATime(lotsOf(answering, asked, id, until))[Symbol.asyncIterator]();
  // What is wrong with the question is known before the answer begins.
  const first = await lots.next();
  const patients = patientsTold(id, first.done ? [] : first.value);
  const { title, columns } = question;
  const about = [
    ...(id === undefined ? [] : [`Patient/${id}`]),
    ...asked.parameters.filter(([name]) => name !== '_count').map(([name, value]) => `${name}: ${value}`),
    `As of ${new Date(until).toISOString()}. Days and times are UTC.`,
  ];
  const bytes = async function* (): AsyncGenerator<Buffer> {
    yield Buffer.from(form.opening({ title, about, columns }));
    let count = 0;
    for (let lot = first; !lot.done; lot = await lots.next()) {
      if (count > 0) await recordDone(context, ask, { result: { status: 200, patients: patientsTold(id, lot.value) } });
      count += lot.value.length;
      yield Buffer.from(form.rows(lot.value.map(line => rowOfLine(question, line))));
    }
    yield Buffer.from(form.closing(count));
  };
  const file: WrittenFile = {
    contentType: form.contentType,
    fileName: `${ask.operation}.${form.extension}`,
    ...(form.policy === undefined ? {} : { policy: form.policy }),
    bytes: bytes(),
  };
  return { result: { status: 200, file, patients } };
}

async function* someAtATime(
  lots: AsyncIterable<{ readonly lines: readonly TrailLine[] }>,
): AsyncGenerator<readonly TrailLine[]> {
  let held: TrailLine[] = [];
  for await (const { lines } of lots)
    for (const line of lines) {
      held.push(line);
      if (held.length < LOT) continue;
      yield held;
      held = [];
    }
  if (held.length > 0) yield held;
}

const rowOfLine = ({ columns, sentence }: TrailQuestion, line: TrailLine): TableRow => ({
  sentence: sentence(line),
  cells: columns.map(({ of }) => of(line)),
});

/** Whose data the lines tell of: the patient of the question, or all whom they name. */
const patientsTold = (id: string | undefined, lines: readonly TrailLine[]): readonly string[] =>
  id === undefined ? [...new Set(lines.flatMap(({ event }) => event.patients))] : [id];
