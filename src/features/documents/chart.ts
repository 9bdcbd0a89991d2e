/**
 * `List/$chart`: the documents of a patient, or those of a folder, as a List in the order of a chart. https://hl7.org/fhir/R4/list.html, with the orders of
 * http://terminology.hl7.org/CodeSystem/list-order and by encounter.
 *
 * What is in it is found by the parameters that a search for DocumentReferences has: the operation adds the order, and no language of its own. The List is
 * made for this answer (mode snapshot) and stored nowhere.
 */
import { FhirError } from '../../fhir/error.js';
import { parseJson, STORED_JSON } from '../../fhir/json/json.js';
import { isObject, itemsOf, type Json, type JsonObject, type Resource } from '../../fhir/resource.js';
import type { Context, OperationImplementation } from '../../interactions/engine.js';
import type { Of, Parameters } from '../../interactions/interaction.js';
import { jsonText } from '../../interactions/operations/operation.js';
import { badParameter, readGiven } from '../../interactions/operations/parameters.js';
import { readCurrent } from '../../interactions/read.js';
import { allowanceOf } from '../../interactions/response/allowance.js';
import { findSought, readCriteria } from '../../interactions/write/conditional.js';
import { breathe } from '../../platform/pieces.js';
import { attachmentsOf } from './attachments.js';

/** Documents of a chart, and bytes that are set aside for their texts. */
const MOST_OF_CHART = 2000;
const CHART_BYTES = 16 * 1024 * 1024;

/** What a chart shows of a document. */
interface ChartItem {
  readonly name: string;
  readonly title: string;
  /** When the care was that it is about, else when it was made: dateTime, and ms. */
  readonly date: string | undefined;
  readonly at: number;
  /** ms: when it was filed. */
  readonly filed: number;
  readonly category: Json | undefined;
  readonly encounter: string | undefined;
}

interface ChartOrder {
  readonly orderedBy: JsonObject;
  /** What stands first. */
  compare(one: ChartItem, other: ChartItem): number;
  /** What documents are put together by. */
  group?(item: ChartItem): Json | undefined;
}

const listOrder = (code: string, display: string): JsonObject => ({
  coding: [{ system: 'http://terminology.hl7.org/CodeSystem/list-order', code, display }],
});
const alphabet = new Intl.Collator('en', { numeric: true });
const latest = (one: ChartItem, other: ChartItem): number => other.at - one.at || other.filed - one.filed;

/** Words of a concept; what has none stands last. */
function conceptLabel(concept: Json | undefined): string {
  if (!isObject(concept)) return '\uFFFF';
  const [coding] = itemsOf(concept['coding']);
  const { display, code } = isObject(coding) ? coding : {};
  return [concept['text'], display, code].find(words => typeof words === 'string') ?? '\uFFFF';
}

const CHART_ORDERS: ReadonlyMap<string, ChartOrder> = new Map(
  Object.entries<ChartOrder>({
    'event-date': { orderedBy: listOrder('event-date', 'Sorted by Event Date'), compare: latest },
    'entry-date': {
      orderedBy: listOrder('entry-date', 'Sorted by Item Date'),
      compare: (one, other) => other.filed - one.filed,
    },
    alphabetic: {
      orderedBy: listOrder('alphabetic', 'Sorted Alphabetically'),
      compare: (one, other) => alphabet.compare(one.title, other.title) || latest(one, other),
    },
    category: {
      orderedBy: listOrder('category', 'Sorted by Category'),
      compare: (one, other) =>
        alphabet.compare(conceptLabel(one.category), conceptLabel(other.category)) || latest(one, other),
      group: ({ category }) => category,
    },
    encounter: {
      orderedBy: { text: 'Sorted by encounter' },
      compare: (one, other) =>
        alphabet.compare(one.encounter ?? '\uFFFF', other.encounter ?? '\uFFFF') || latest(one, other),
      group: ({ encounter }) => (encounter === undefined ? undefined : { text: encounter }),
    },
  }),
);

const makeChart: OperationImplementation['run'] = async (context, ask) => {
  const { order, criteria, of } = await readChart(context, ask);
  const sought = await readCriteria(context, 'DocumentReference', criteria);
  await allowanceOf(context).admit(CHART_BYTES);
  const rows = await findSought(context, sought, MOST_OF_CHART + 1);
  if (rows.length > MOST_OF_CHART)
    throw new FhirError(
      'too-costly',
      `A chart has ${MOST_OF_CHART} documents at most: name an encounter, a category or a period.`,
      { detail: 'chart-too-large' },
    );
  const items: ChartItem[] = [];
  for (const { id, text } of rows) {
    await breathe();
    items.push(chartItem(`DocumentReference/${id}`, parseJson(text!, STORED_JSON).resource));
  }
  items.sort((one, other) => order.compare(one, other) || (one.name < other.name ? -1 : 1));
  const list: Resource = {
    resourceType: 'List',
    status: 'current',
    mode: 'snapshot',
    title: 'Documents',
    ...(of.subject === undefined ? {} : { subject: of.subject }),
    date: new Date(context.engine.clock.now()).toISOString(),
    orderedBy: order.orderedBy,
    ...(items.length === 0
      ? { emptyReason: { text: 'No document here fits.' } }
      : { entry: items.map(item => chartEntry(item, order)) }),
  };
  const patients = [...new Set([...of.patients, ...rows.flatMap(row => row.patients)])];
  return { result: { status: 200, text: Buffer.from(JSON.stringify(list)), patients } };
};

export const chartOperation: OperationImplementation = { shows: 'List', run: makeChart };

interface ChartAsked {
  readonly order: ChartOrder;
  readonly criteria: Parameters;
  readonly of: { readonly subject: Json | undefined; readonly patients: readonly string[] };
}

/** Throws `invalid`, and what a read of the patient or the folder throws. */
async function readChart(context: Context, ask: Of<'operation'>): Promise<ChartAsked> {
  const { given } = readGiven(context.engine, ask);
  const named = (name: string) => given.find(one => one.name === name);
  const [patient, sorted] = [named('patient'), named('order')];
  const order = CHART_ORDERS.get(sorted ? jsonText(sorted.value) : 'event-date');
  if (!order) throw badParameter(`order is one of ${[...CHART_ORDERS.keys()].join(', ')}.`, sorted!.at);
  const conditions = given
    .filter(({ name }) => name !== 'patient' && name !== 'order')
    .map(({ name, value }) => [name, jsonText(value)] as const);
  const criteria: Parameters = [['status', 'current'], ...conditions];
  if (ask.id === undefined) {
    if (!patient)
      throw badParameter('Whose chart? $chart needs the parameter patient, or the address of a List.', 'http.patient');
    const id = jsonText(patient.value);
    await readCurrent(context, 'Patient', id);
    const of = { subject: { reference: `Patient/${id}` }, patients: [id] };
    return { order, criteria: [['patient', id], ...criteria], of };
  }
  if (patient) throw badParameter('The address says which List is meant: leave the parameter patient out.', patient.at);
  const { text, patients } = await readCurrent(context, 'List', ask.id);
  const { subject } = parseJson(text!, STORED_JSON).resource;
  return { order, criteria: [['_list', ask.id], ...criteria], of: { subject, patients } };
}

const timeOf = (text: string | undefined): number => (text === undefined ? 0 : Date.parse(text) || 0);

function chartItem(name: string, document: Resource): ChartItem {
  const { date: filed, description, category, type, context } = document;
  const { period, encounter } = isObject(context) ? context : {};
  const { start, end } = isObject(period) ? period : {};
  const date = [start, end, filed].find(one => typeof one === 'string');
  const title = [description, ...attachmentsOf(document).map(one => one['title'])].find(one => typeof one === 'string');
  const [visit] = itemsOf(encounter);
  const words = conceptLabel(type);
  return {
    name,
    title: title ?? (words === '\uFFFF' ? name : words),
    date,
    at: timeOf(date),
    filed: timeOf(typeof filed === 'string' ? filed : undefined),
    category: itemsOf(category)[0],
    encounter: isObject(visit) && typeof visit['reference'] === 'string' ? visit['reference'] : undefined,
  };
}

function chartEntry(item: ChartItem, order: ChartOrder): JsonObject {
  const flag = order.group?.(item);
  const { name, title, date } = item;
  return {
    ...(flag === undefined ? {} : { flag }),
    // List.entry.date would be when it was added (lst-3).
    item: { reference: name, display: date === undefined ? title : `${title}, ${date.slice(0, 10)}` },
  };
}
