/**
 * `$who-saw` and the other questions: the audit trail is read as far as whoever asks may read it, put in lines (lines.ts), and told as a Bundle in pages, as CSV
 * or as a page to print, which are written while the trail is read. Whose data an answer is about is recorded before it is given out, lot by lot.
 */
import { FhirError } from '../../fhir/error.js';
import type { Context, OperationImplementation } from '../../interactions/engine.js';
import type { Of, Outcome, WrittenFile } from '../../interactions/interaction.js';
import { recordDone } from '../../interactions/recording.js';
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
import { TABLE_FORMS, type TableForm } from './answer-forms.js';
import { questionGiven } from './asked.js';
import {
  type Answering,
  type KeptAnswers,
  type LinePlace,
  linesOfPage,
  lineTold,
  lotsOf,
  type PageReading,
  type ToldLine,
} from './answer-pages.js';
import type { TrailLine } from './lines.js';
import { isThemself, whoSawMe } from './masked.js';
import { type TrailQuestion, WHO_SAW } from './questions.js';
import { readsTrail } from './trail-reader.js';

/** Lines of a file that are written, and recorded, together. */
const LOT = 1000;

export const questionOperation = (
  code: string,
  question: TrailQuestion,
  kept: KeptAnswers,
): OperationImplementation => ({
  alsoAs: [...TABLE_FORMS.keys()],
  shows: 'Bundle',
  async run(context, ask) {
    const answering = await answeringTo(context, ask, code, question);
    const form = ask.form === undefined ? undefined : TABLE_FORMS.get(ask.form);
    return form ? answerAsFile(context, ask, answering, form) : answerAsBundle(context, ask, code, answering, kept);
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

async function answerAsBundle(
  context: Context,
  ask: Of<'operation'>,
  code: string,
  answering: Answering,
  kept: KeptAnswers,
): Promise<Outcome> {
  const { columns } = answering.question;
  const { engine, permission, view } = context;
  const { type, id } = ask;
  const path = `${type === undefined ? '' : `${type}/`}${id === undefined ? '' : `${id}/`}$${code}`;
  const page = openPage(context, path, ask.parameters);
  const asked = questionGiven(engine, ask, page?.parameters ?? questionOf(ask.parameters));
  // Before anything is read.
  const horizon = page?.horizon ?? view.horizon();
  const reading: PageReading = {
    ...{ id, asked, count: clampCount(engine, asked.count), kept, digest: permission.digest },
    ...(page ? { place: page.cursor as unknown as LinePlace } : {}),
  };
  const { lines, end } = await linesOfPage(answering, reading, page ? undefined : engine.clock.now(), horizon);
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
  const made = engine.clock.now();
  const text = bundleOfLines({ id: newId(made), made, asOf: Math.min(horizon, made), link, columns, lines });
  return { result: { status: 200, text, patients: patientsTold(id, lines) } };
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
  const [now, horizon] = [engine.clock.now(), context.view.horizon()];
  const lots = someAtATime(question, lotsOf(answering, { id, asked }, { to: now, known: now }))[Symbol.asyncIterator]();
  // What is wrong with the question is known before the answer begins.
  const first = await lots.next();
  const patients = patientsTold(id, first.done ? [] : first.value);
  const { title, columns } = question;
  const about = [
    ...(id === undefined ? [] : [`Patient/${id}`]),
    ...asked.parameters.filter(([name]) => name !== '_count').map(([name, value]) => `${name}: ${value}`),
    `As of ${new Date(Math.min(now, horizon)).toISOString()}. Days and times are UTC.`,
  ];
  const bytes = async function* (): AsyncGenerator<Buffer> {
    yield Buffer.from(form.opening({ title, about, columns }));
    let count = 0;
    for (let lot = first; !lot.done; lot = await lots.next()) {
      if (count > 0) await recordDone(context, ask, { result: { status: 200, patients: patientsTold(id, lot.value) } });
      count += lot.value.length;
      yield Buffer.from(form.rows(lot.value));
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
  question: TrailQuestion,
  lots: AsyncIterable<{ readonly lines: readonly TrailLine[] }>,
): AsyncGenerator<readonly ToldLine[]> {
  let held: ToldLine[] = [];
  for await (const { lines } of lots)
    for (const line of lines) {
      held.push(lineTold(question, line));
      if (held.length < LOT) continue;
      yield held;
      held = [];
    }
  if (held.length > 0) yield held;
}

/** Whose data the lines tell of: the patient of the question, or all whom they name. */
const patientsTold = (id: string | undefined, lines: readonly Pick<ToldLine, 'patients'>[]): readonly string[] =>
  id === undefined ? [...new Set(lines.flatMap(({ patients }) => patients))] : [id];
