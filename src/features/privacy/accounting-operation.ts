/**
 * `Patient/[id]/$accounting-of-disclosures`: gives a patient the accounting of disclosures that 45 CFR 164.528 grants, and keeps a copy of it in the record (164.528(d)(2)),
 * in the same commit. Defined in profiles/privacy/operationdefinition-accounting-of-disclosures.json.
 *
 * Choices: it is an operation that changes, since each one that is given is kept; whoever only looks asks `$disclosures`. What is kept is the page for the patient.
 */
import { FhirError } from '../../fhir/error.js';
import type { JsonObject, Resource } from '../../fhir/resource.js';
import type { Context, OperationImplementation } from '../../interactions/engine.js';
import type { Of, Outcome } from '../../interactions/interaction.js';
import { linkTo, questionOf } from '../../interactions/response/paging.js';
import { newId } from '../../platform/ids.js';
import { all } from '../../search/query.js';
import { accountingEntries, type AccountingEntry, type AccountingSpan } from './accounting.js';
import { noTrail } from './answer.js';
import { bundleOfLines } from './answer-bundle.js';
import { TABLE_FORMS, type TableHead, type TableRow } from './answer-forms.js';
import { badQuestion, questionGiven } from './asked.js';
import { PRIVACY_FEATURE } from './told-event.js';
import { ofPatient, readsTrail } from './trail-reader.js';

const SIX_YEARS = 6;
const DOCUMENT_CODES = 'urn:chartroom:document';
export const ACCOUNTING = 'accounting-of-disclosures';
const TITLE = 'Accounting of disclosures';

const ACCOUNTING_COLUMNS = [
  { name: 'first', title: 'Date' },
  { name: 'recipient', title: 'To whom' },
  { name: 'address', title: 'Address' },
  { name: 'data', title: 'What' },
  { name: 'purpose', title: 'Why' },
  { name: 'basis', title: '45 CFR' },
  { name: 'number', title: 'Times' },
  { name: 'last', title: 'Last' },
  { name: 'note', title: 'Note' },
] as const;

/** An accounting that is given now. */
interface Accounting extends AccountingSpan {
  readonly patient: string;
  readonly name: string;
  readonly now: number;
  readonly entries: readonly AccountingEntry[];
  /** Day of the one before, where that was less than twelve months ago. */
  readonly previous: string | undefined;
}

export const accountingOperation: OperationImplementation = {
  alsoAs: [...TABLE_FORMS.keys()],
  needsNothing: true,
  run: giveAccounting,
};

async function giveAccounting(context: Context, ask: Of<'operation'>): Promise<Outcome> {
  const { engine } = context;
  const { id: patient = '' } = ask;
  if (!readsTrail(context)) throw noTrail();
  const row = await context.view.read('Patient', patient);
  if (!row?.text) throw new FhirError('not-found', 'There is no Patient with this id.');
  const now = engine.clock.now();
  const span = spanAsked(context, ask, now);
  const entries = await accountingEntries(context, patient, span, now);
  const name = nameOfPatient(JSON.parse(row.text.toString()) as Resource);
  const accounting: Accounting = {
    ...span,
    patient,
    name,
    now,
    entries,
    previous: await previousDay(context, patient, now),
  };
  const page = Buffer.from(accountingPage(accounting));
  const copy = newId(now);
  const resource = keptCopy(context, accounting, page);
  const ownCopy = {
    kind: 'create',
    own: true,
    type: 'DocumentReference',
    id: copy,
    body: { resource, decimals: undefined },
  } as const;
  return {
    result: {
      status: 200,
      ...accountingAnswer(context, ask, accounting, page, copy),
      location: `DocumentReference/${copy}/_history/1`,
      patients: [patient],
    },
    accompaniment: { companions: [{ owner: PRIVACY_FEATURE, ask: ownCopy }], messages: [], mustNotMatch: [] },
  };
}

/** Throws `invalid` for what is longer ago than 164.528(a)(1) reaches. */
function spanAsked({ engine }: Context, ask: Of<'operation'>, now: number): AccountingSpan {
  const { from, to = now } = questionGiven(engine, ask, questionOf(ask.parameters));
  const earliest = yearsBefore(now, SIX_YEARS);
  if (from !== undefined && from < earliest)
    throw badQuestion(
      `An accounting reaches six years back: start is ${dayOf(earliest)} at the earliest.`,
      ask.parameters.some(([name]) => name === 'start') ? 'http.start' : undefined,
    );
  const end = Math.min(to, now);
  const start = from ?? earliest;
  if (end < start) throw badQuestion(`There is nothing between ${dayOf(start)} and ${dayOf(end)}: end is before that.`);
  return { from: start, to: end };
}

const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

/** The beginning of the same day. */
function yearsBefore(now: number, years: number): number {
  const date = new Date(now);
  return Date.UTC(date.getUTCFullYear() - years, date.getUTCMonth(), date.getUTCDate());
}

/** 164.528(c)(2): the first in any twelve months is free. */
async function previousDay({ view }: Context, patient: string, now: number): Promise<string | undefined> {
  const page = await view.find({
    types: ['DocumentReference'],
    where: all(
      ofPatient(patient),
      { kind: 'param', code: 'type', test: { kind: 'token', any: [{ system: DOCUMENT_CODES, code: ACCOUNTING }] } },
      { kind: 'param', code: 'date', test: { kind: 'date', any: [{ lowMin: yearsBefore(now, 1), highMax: now }] } },
    ),
    sort: [{ code: 'date', descending: true }],
    limit: 1,
  });
  const [row] = page.rows;
  const date = row?.text && (JSON.parse(row.text.toString()) as Resource)['date'];
  return typeof date === 'string' ? date.slice(0, 10) : row && dayOf(row.updated);
}

function nameOfPatient({ name }: Resource): string {
  const [first] = Array.isArray(name) ? (name as { text?: string; given?: string[]; family?: string }[]) : [];
  return first?.text ?? [...(first?.given ?? []), first?.family ?? ''].join(' ').trim();
}

const accountingRow = (entry: AccountingEntry): TableRow => {
  const { first, last, number, recipient, address, what, purpose, basis, note } = entry;
  const times = number > 1 ? ` ${number} times, the last time on ${last},` : '';
  return {
    cells: [
      first,
      recipient,
      address,
      what,
      purpose,
      basis,
      number === 0 ? '' : number,
      number === 1 ? '' : last,
      note,
    ],
    sentence:
      number === 0
        ? `From ${first} to ${last} data was given for ${purpose}. ${note}`
        : `On ${first}${times} ${what} went to ${recipient}${address === '' ? '' : ` (${address})`}: ${purpose}.`,
  };
};

function headOf({ patient, name, from, to, now, previous, entries }: Accounting): TableHead {
  return {
    title: TITLE,
    about: [
      `For ${name === '' ? '' : `${name}, `}Patient/${patient}. Disclosures from ${dayOf(from)} to ${dayOf(to)}, as of ${dayOf(now)} (days are UTC).`,
      'By 45 CFR 164.528 it leaves out what was given for treatment, payment and health care operations, to you, by your authorization, and what else 164.528(a)(1) lists. Several to the same recipient for the same purpose are one line.',
      feeOf(previous),
      ...(entries.length === 0 ? ['There was no disclosure to tell of.'] : []),
    ],
    columns: ACCOUNTING_COLUMNS,
  };
}

const feeOf = (previous: string | undefined): string =>
  previous === undefined
    ? 'This is the first accounting in twelve months: it is free of charge.'
    : `An accounting was given on ${previous}, less than twelve months ago: a reasonable, cost-based fee may be charged for this one, if that was said before and it could be withdrawn or changed.`;

function accountingPage(accounting: Accounting): string {
  const form = TABLE_FORMS.get('text/html')!;
  return (
    form.opening(headOf(accounting)) +
    form.rows(accounting.entries.map(accountingRow)) +
    form.closing(accounting.entries.length)
  );
}

function accountingAnswer(context: Context, ask: Of<'operation'>, accounting: Accounting, page: Buffer, copy: string) {
  const { engine } = context;
  const { patient, from, to, now, entries, previous } = accounting;
  const form = ask.form === undefined ? undefined : TABLE_FORMS.get(ask.form);
  const rows = entries.map(accountingRow);
  if (form) {
    const { contentType, extension, policy } = form;
    const whole =
      extension === 'html'
        ? page
        : Buffer.from(form.opening(headOf(accounting)) + form.rows(rows) + form.closing(rows.length));
    const file = { contentType, fileName: `${ACCOUNTING}.${extension}`, bytes: once(whole) };
    return { file: policy === undefined ? file : { ...file, policy } };
  }
  const about = {
    key: 'about',
    sentence: `${entries.length === 0 ? 'There was no disclosure to tell of' : `Disclosures of the data of Patient/${patient}`} from ${dayOf(from)} to ${dayOf(to)}. ${feeOf(previous)}`,
    cells: [
      `DocumentReference/${copy}`,
      dayOf(from),
      dayOf(to),
      previous === undefined,
      ...ACCOUNTING_COLUMNS.map(() => ''),
    ],
  };
  const blank = ABOUT_COLUMNS.map(() => '');
  const lines = rows.map(({ cells, sentence }, at) => ({ key: String(at), sentence, cells: [...blank, ...cells] }));
  const self = linkTo(engine, `Patient/${patient}/$${ACCOUNTING}`, questionOf(ask.parameters));
  return {
    text: bundleOfLines({
      id: newId(now),
      made: now,
      link: [{ relation: 'self', url: self }],
      columns: [...ABOUT_COLUMNS, ...ACCOUNTING_COLUMNS],
      lines: [about, ...lines],
    }),
  };
}

/** Of the first entry, which is about the accounting as a whole. */
const ABOUT_COLUMNS = [{ name: 'document' }, { name: 'start' }, { name: 'end' }, { name: 'free' }] as const;

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}

function keptCopy({ engine }: Context, { patient, from, to, now }: Accounting, page: Buffer): Resource {
  const made = new Date(now).toISOString();
  const type: JsonObject = { coding: [{ system: DOCUMENT_CODES, code: ACCOUNTING, display: TITLE }], text: TITLE };
  return {
    resourceType: 'DocumentReference',
    status: 'current',
    docStatus: 'final',
    type,
    subject: { reference: `Patient/${patient}` },
    date: made,
    author: [{ display: engine.settings.software.name }],
    description: `${TITLE}, ${dayOf(from)} to ${dayOf(to)}`,
    content: [
      {
        attachment: {
          contentType: 'text/html',
          language: 'en',
          data: page.toString('base64'),
          title: TITLE,
          creation: made,
        },
      },
    ],
    context: { period: { start: dayOf(from), end: dayOf(to) } },
  };
}
