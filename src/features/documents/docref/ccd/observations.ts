/**
 * Results, vital signs and smoking status: Results Section V3, Vital Signs Section V3, Social History Section V3. https://hl7.org/cda/us/ccda/
 *
 * An Observation is told by its category (https://hl7.org/fhir/R4/valueset-observation-category.html); without one it is a result, but for
 * the codes of vital signs and of smoking. Surveys, activities and therapies are in no section.
 */
import {
  isObject,
  itemsOf,
  type Decimals,
  type Json,
  type JsonObject,
  type Resource,
} from '../../../../fhir/resource.js';
import type { RecordItem } from '../record.js';
import {
  entryId,
  isInError,
  loinc,
  snomedCode,
  statusCode,
  type SummaryGround,
  type SummaryRow,
  type SummarySection,
  wordsAt,
} from '../section.js';
import { cda, cdaText, templateIds, type Template } from './element.js';
import {
  codeElement,
  hasCodeAmong,
  intervalElement,
  wordsOfConcept,
  quantityElement,
  quantityWords,
  stringAt,
  timeElement,
  valueElement,
  valueWords,
  whenOf,
} from './values.js';

const LOINC_OID = ['2.16.840.1.113883.6.1'];
const SMOKING = new Set(['72166-2']);
/** https://hl7.org/fhir/R4/observation-vitalsigns.html */
const VITAL_SIGNS = new Set([
  '85353-1',
  '9279-1',
  '8867-4',
  '2708-6',
  '59408-5',
  '8310-5',
  '8302-2',
  '9843-4',
  '29463-7',
  '39156-5',
  '85354-9',
  '8480-6',
  '8462-4',
]);
const ELSEWHERE = new Set(['vital-signs', 'social-history', 'survey', 'activity', 'therapy']);

type ObservationKind = 'result' | 'vital' | 'smoking' | undefined;

export function kindOfObservation({ category, code }: JsonObject): ObservationKind {
  const categories = itemsOf(category);
  const named = (name: string): boolean => categories.some(one => hasCodeAmong(one, new Set([name])));
  if (hasCodeAmong(code, SMOKING)) return 'smoking';
  if (named('vital-signs') || (categories.length === 0 && hasCodeAmong(code, VITAL_SIGNS))) return 'vital';
  return categories.some(one => hasCodeAmong(one, ELSEWHERE)) ? undefined : 'result';
}

/** https://hl7.org/fhir/R4/valueset-observation-status.html → ActStatus. */
const STATUSES: Readonly<Record<string, string>> = {
  registered: 'active',
  preliminary: 'active',
  final: 'completed',
  amended: 'completed',
  corrected: 'completed',
  cancelled: 'cancelled',
};
const actStatus = (status: Json | undefined): string =>
  (typeof status === 'string' ? STATUSES[status] : undefined) ?? 'completed';

/** One value: an Observation, or a component of one. */
interface Measured {
  readonly item: RecordItem;
  readonly part: JsonObject;
  /** Behind the id of the Observation. */
  readonly suffix: string;
  readonly time: string | undefined;
}

/** Values of an Observation: its own and those of its components. */
function measuredIn(item: RecordItem): readonly Measured[] {
  const { resource } = item;
  const time = whenOf(resource, 'effective').low ?? stringAt(resource, 'issued');
  const components = itemsOf(resource['component']).filter(isObject);
  const hasValue = Object.keys(resource).some(key => /^value[A-Z]/.test(key));
  return [
    ...(hasValue || components.length === 0 ? [{ item, part: resource, suffix: '', time }] : []),
    ...components.map((part, at) => ({ item, part, suffix: `#${at}`, time })),
  ];
}

const lineOf = ({ item, part, time }: Measured): readonly (string | undefined)[] => [
  wordsOfConcept(part['code']),
  valueWords(part, item.decimals),
  itemsOf(part['interpretation'])
    .flatMap(one => wordsOfConcept(one) ?? [])
    .join(', '),
  itemsOf(part['referenceRange'])
    .flatMap(range => rangeWords(range, item.decimals) || [])
    .join('; '),
  time,
  stringAt(item.resource, 'status'),
];
const MEASURED_COLUMNS = ['Name', 'Value', 'Interpretation', 'Reference range', 'Date', 'Status'];

function rangeWords(range: Json, decimals: Decimals | undefined): string {
  if (!isObject(range)) return '';
  const edges = ['low', 'high'].map(edge => quantityWords(range[edge], decimals));
  return stringAt(range, 'text') ?? (edges.some(edge => edge !== '') ? edges.join(' – ') : '');
}

function rangeElement(range: Json, decimals: Decimals | undefined): string {
  const words = rangeWords(range, decimals);
  const edges = (['low', 'high'] as const).flatMap(edge =>
    isObject(range) && range[edge] !== undefined ? [quantityElement(edge, range[edge], decimals)] : [],
  );
  return cda(
    'referenceRange',
    {},
    cda(
      'observationRange',
      {},
      words === '' ? undefined : cda('text', {}, cdaText(words)),
      edges.length > 0 ? cda('value', { 'xsi:type': 'IVL_PQ' }, ...edges) : undefined,
    ),
  );
}

const INTERPRETATIONS = 'http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation';

/** `vital`: the value can only be a quantity. */
function observationElement(
  ground: SummaryGround,
  { item, part, suffix, time }: Measured,
  {
    template,
    words,
    vital,
  }: { readonly template: Template; readonly words: string | undefined; readonly vital: boolean },
): string {
  const { decimals, resource } = item;
  const value = vital
    ? quantityElement('value', part['valueQuantity'], decimals, 'PQ')
    : (valueElement(part, decimals) ?? cda('value', { 'xsi:type': 'ST', nullFlavor: 'UNK' }));
  const interpretations = itemsOf(part['interpretation']).flatMap(concept => {
    const codings = isObject(concept) ? itemsOf(concept['coding']).filter(isObject) : [];
    const coding = codings.find(one => one['system'] === INTERPRETATIONS);
    return coding ? [codeElement('interpretationCode', { coding: [coding] })] : [];
  });
  return cda(
    'component',
    {},
    cda(
      'observation',
      { classCode: 'OBS', moodCode: 'EVN' },
      templateIds([template[0]], template),
      entryId(ground, item, suffix),
      codeElement('code', part['code'], { systems: LOINC_OID, words }),
      wordsAt(words),
      statusCode(vital ? 'completed' : actStatus(resource['status'])),
      timeElement('effectiveTime', time),
      value,
      ...interpretations,
      ...itemsOf(part['referenceRange']).map(range => rangeElement(range, decimals)),
    ),
  );
}

const RESULT: Template = ['2.16.840.1.113883.10.20.22.4.2', '2015-08-01'];

/** A report with its Observations, or one Observation: Result Organizer V3. */
function resultRow(ground: SummaryGround, main: RecordItem, observations: readonly RecordItem[]): SummaryRow {
  const measured = observations.flatMap(measuredIn);
  const { resource } = main;
  const { low, high } = whenOf(resource, 'effective');
  const from = low ?? stringAt(resource, 'issued');
  return {
    items: [...new Set([main, ...observations])],
    lines: measured.map(lineOf),
    entry: words =>
      cda(
        'organizer',
        { classCode: 'BATTERY', moodCode: 'EVN' },
        templateIds(['2.16.840.1.113883.10.20.22.4.1'], ['2.16.840.1.113883.10.20.22.4.1', '2015-08-01']),
        entryId(ground, main, '#organizer'),
        codeElement('code', resource['code'], { systems: LOINC_OID }),
        statusCode(actStatus(resource['status'])),
        intervalElement('effectiveTime', { low: from, high: high ?? from }, { ended: true }),
        ...measured.map((each, at) =>
          observationElement(ground, each, { template: RESULT, words: words[at], vital: false }),
        ),
      ),
  };
}

/** Reports first, then the results that are in none. */
function* resultRows(ground: SummaryGround): Generator<SummaryRow | undefined> {
  const { record } = ground;
  const reported = new Set<string>();
  for (const report of record.of('DiagnosticReport')) {
    const { resource } = report;
    const members = itemsOf(resource['result']).flatMap(reference => record.target(reference) ?? []);
    const results = members.filter(({ resource: one }) => isResult(one));
    if (!isInError(resource)) for (const { name } of results) reported.add(name);
    yield results.length > 0 && !isInError(resource) ? resultRow(ground, report, results) : undefined;
  }
  for (const item of record.of('Observation'))
    yield isResult(item.resource) && !reported.has(item.name) ? resultRow(ground, item, [item]) : undefined;
}

const isResult = (resource: Resource): boolean =>
  resource.resourceType === 'Observation' && isOfKind(resource, 'result');

const isOfKind = (resource: Resource, kind: ObservationKind): boolean =>
  !isInError(resource) && kindOfObservation(resource) === kind;

export const RESULT_SECTION: SummarySection = {
  name: 'results',
  template: ['2.16.840.1.113883.10.20.22.2.3.1', '2015-08-01'],
  code: '30954-2',
  display: 'Relevant diagnostic tests/laboratory data note',
  title: 'Results',
  columns: MEASURED_COLUMNS,
  required: true,
  rows: resultRows,
};

function vitalRow(ground: SummaryGround, item: RecordItem): SummaryRow {
  const measured = measuredIn(item);
  return {
    items: [item],
    lines: measured.map(lineOf),
    entry: words =>
      cda(
        'organizer',
        { classCode: 'CLUSTER', moodCode: 'EVN' },
        templateIds(['2.16.840.1.113883.10.20.22.4.26'], ['2.16.840.1.113883.10.20.22.4.26', '2015-08-01']),
        entryId(ground, item, '#organizer'),
        cda('code', snomedCode('46680005', 'Vital signs'), loinc('translation', '74728-7', 'Vital signs panel')),
        statusCode('completed'),
        timeElement('effectiveTime', measured[0]?.time),
        ...measured.map((each, at) =>
          observationElement(ground, each, {
            template: ['2.16.840.1.113883.10.20.22.4.27', '2014-06-09'],
            words: words[at],
            vital: true,
          }),
        ),
      ),
  };
}

export const VITAL_SIGN_SECTION: SummarySection = {
  name: 'vitals',
  template: ['2.16.840.1.113883.10.20.22.2.4.1', '2015-08-01'],
  code: '8716-3',
  display: 'Vital signs',
  title: 'Vital signs',
  columns: MEASURED_COLUMNS,
  required: true,
  *rows(ground) {
    for (const item of ground.record.of('Observation'))
      yield isOfKind(item.resource, 'vital') ? vitalRow(ground, item) : undefined;
  },
};

function smokingRow(ground: SummaryGround, item: RecordItem): SummaryRow {
  const { resource, decimals } = item;
  const time = whenOf(resource, 'effective').low ?? stringAt(resource, 'issued');
  return {
    items: [item],
    lines: [[wordsOfConcept(resource['code']), valueWords(resource, decimals), time]],
    entry: ([words]) =>
      cda(
        'observation',
        { classCode: 'OBS', moodCode: 'EVN' },
        templateIds(['2.16.840.1.113883.10.20.22.4.78'], ['2.16.840.1.113883.10.20.22.4.78', '2014-06-09']),
        entryId(ground, item),
        loinc('code', '72166-2', 'Tobacco smoking status'),
        wordsAt(words),
        statusCode('completed'),
        timeElement('effectiveTime', time),
        codeElement('value', resource['valueCodeableConcept'], {
          systems: ['2.16.840.1.113883.6.96'],
          type: 'CD',
        }),
      ),
  };
}

export const SOCIAL_SECTION: SummarySection = {
  name: 'social',
  template: ['2.16.840.1.113883.10.20.22.2.17', '2015-08-01'],
  code: '29762-2',
  display: 'Social history note',
  title: 'Social history',
  columns: ['Name', 'Value', 'Date'],
  required: true,
  *rows(ground) {
    for (const item of ground.record.of('Observation'))
      yield isOfKind(item.resource, 'smoking') ? smokingRow(ground, item) : undefined;
  },
};
