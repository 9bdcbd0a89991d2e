/** Medications and immunizations: Medications Section V2, Immunizations Section V3. https://hl7.org/cda/us/ccda/ */
import { textOf } from '../../../../fhir/json/print.js';
import { isObject, itemsOf, type Decimals, type Json, type JsonObject } from '../../../../fhir/resource.js';
import type { PatientRecord, RecordItem } from '../record.js';
import {
  entryId,
  isInError,
  statusCode,
  type SummaryGround,
  type SummaryRow,
  type SummarySection,
  wordsAt,
} from '../section.js';
import { cda, cdaText, templateIds, type Template } from './element.js';
import {
  type CdaInterval,
  codeElement,
  intervalElement,
  wordsOfConcept,
  quantityElement,
  stringAt,
  timeElement,
  whenOf,
} from './values.js';

/** What is given, by its code; of a Medication elsewhere in the record, its code. */
export function medicationOf(
  record: PatientRecord,
  { medicationCodeableConcept, medicationReference }: JsonObject,
): Json | undefined {
  if (medicationCodeableConcept !== undefined) return medicationCodeableConcept;
  const medication = record.target(medicationReference)?.resource['code'];
  const display = stringAt(medicationReference, 'display');
  return medication ?? (display === undefined ? undefined : { text: display });
}

const product = (template: Template, code: string, lotNumber?: string): string =>
  cda(
    'consumable',
    {},
    cda(
      'manufacturedProduct',
      { classCode: 'MANU' },
      templateIds([template[0]], template),
      cda(
        'manufacturedMaterial',
        {},
        code,
        lotNumber === undefined ? undefined : cda('lotNumberText', {}, cdaText(lotNumber)),
      ),
    ),
  );

/** https://hl7.org/fhir/R4/valueset-medicationrequest-status.html and those of a statement → ActStatus. */
const STATUSES: Readonly<Record<string, string>> = {
  active: 'active',
  intended: 'active',
  'on-hold': 'suspended',
  completed: 'completed',
  stopped: 'aborted',
  cancelled: 'aborted',
  'not-taken': 'aborted',
};
/** Nothing was ordered, or nobody knows. */
const NO_MEDICATION = new Set(['draft', 'unknown', 'entered-in-error']);

const UNITS_OF_TIME = new Set(['s', 'min', 'h', 'd', 'wk', 'mo', 'a']);

/** How often: PIVL_TS, where it is so many times in a period. */
function frequency(timing: Json | undefined, decimals: Decimals | undefined): string | undefined {
  const repeat = isObject(timing) ? timing['repeat'] : undefined;
  if (!isObject(repeat)) return undefined;
  const { frequency: times = 1, period, periodUnit } = repeat;
  if (typeof times !== 'number' || typeof period !== 'number' || typeof periodUnit !== 'string') return undefined;
  if (times <= 0 || !UNITS_OF_TIME.has(periodUnit)) return undefined;
  const value = times === 1 ? textOf(repeat, 'period', decimals) : String(Number((period / times).toFixed(4)));
  return cda(
    'effectiveTime',
    { 'xsi:type': 'PIVL_TS', institutionSpecified: 'true', operator: 'A' },
    cda('period', { value, unit: periodUnit }),
  );
}

function takenWhen(resource: JsonObject, dosage: JsonObject): CdaInterval {
  if (resource['resourceType'] === 'MedicationStatement') return whenOf(resource, 'effective');
  const { timing } = dosage;
  const repeat = isObject(timing) ? timing['repeat'] : undefined;
  const bounds = isObject(repeat) ? repeat['boundsPeriod'] : undefined;
  return { low: stringAt(bounds, 'start') ?? stringAt(resource, 'authoredOn'), high: stringAt(bounds, 'end') };
}

function medicationRow(ground: SummaryGround, item: RecordItem): SummaryRow {
  const { resource, decimals } = item;
  const isRequest = resource.resourceType === 'MedicationRequest';
  const [first] = itemsOf(resource[isRequest ? 'dosageInstruction' : 'dosage']);
  const dosage = isObject(first) ? first : {};
  const medication = medicationOf(ground.record, resource);
  const when = takenWhen(resource, dosage);
  const status = STATUSES[stringAt(resource, 'status') ?? ''] ?? 'active';
  const [amount] = itemsOf(dosage['doseAndRate']);
  const dose = isObject(amount) ? amount['doseQuantity'] : undefined;
  return {
    items: [item],
    lines: [[wordsOfConcept(medication), stringAt(resource, 'status'), stringAt(dosage, 'text'), when.low, when.high]],
    entry: ([words]) =>
      cda(
        'substanceAdministration',
        { classCode: 'SBADM', moodCode: isRequest ? 'INT' : 'EVN' },
        templateIds(['2.16.840.1.113883.10.20.22.4.16'], ['2.16.840.1.113883.10.20.22.4.16', '2014-06-09']),
        entryId(ground, item),
        wordsAt(words),
        statusCode(status),
        intervalElement('effectiveTime', when, {
          ended: status === 'completed' || status === 'aborted',
          attributes: { 'xsi:type': 'IVL_TS' },
        }),
        frequency(dosage['timing'], decimals),
        dose === undefined ? undefined : quantityElement('doseQuantity', dose, decimals),
        product(
          ['2.16.840.1.113883.10.20.22.4.23', '2014-06-09'],
          codeElement('code', medication, { systems: ['2.16.840.1.113883.6.88'], words }),
        ),
      ),
  };
}

export const MEDICATION_SECTION: SummarySection = {
  name: 'medications',
  template: ['2.16.840.1.113883.10.20.22.2.1.1', '2014-06-09'],
  code: '10160-0',
  display: 'History of Medication use Narrative',
  title: 'Medications',
  columns: ['Medication', 'Status', 'Instructions', 'Start', 'End'],
  required: true,
  *rows(ground) {
    for (const type of ['MedicationRequest', 'MedicationStatement'])
      for (const item of ground.record.of(type))
        yield NO_MEDICATION.has(stringAt(item.resource, 'status') ?? '') ? undefined : medicationRow(ground, item);
  },
};

function immunizationRow(ground: SummaryGround, item: RecordItem): SummaryRow {
  const { resource, decimals } = item;
  const { vaccineCode, doseQuantity } = resource;
  const isGiven = resource['status'] === 'completed';
  const at = stringAt(resource, 'occurrenceDateTime');
  return {
    items: [item],
    lines: [
      [
        wordsOfConcept(vaccineCode),
        stringAt(resource, 'status'),
        at ?? stringAt(resource, 'occurrenceString'),
        stringAt(resource, 'lotNumber'),
      ],
    ],
    entry: ([words]) =>
      cda(
        'substanceAdministration',
        { classCode: 'SBADM', moodCode: 'EVN', negationInd: String(!isGiven) },
        templateIds(['2.16.840.1.113883.10.20.22.4.52'], ['2.16.840.1.113883.10.20.22.4.52', '2015-08-01']),
        entryId(ground, item),
        wordsAt(words),
        statusCode('completed'),
        timeElement('effectiveTime', at),
        doseQuantity === undefined ? undefined : quantityElement('doseQuantity', doseQuantity, decimals),
        product(
          ['2.16.840.1.113883.10.20.22.4.54', '2014-06-09'],
          codeElement('code', vaccineCode, { systems: ['2.16.840.1.113883.12.292'], words }),
          stringAt(resource, 'lotNumber'),
        ),
      ),
  };
}

export const IMMUNIZATION_SECTION: SummarySection = {
  name: 'immunizations',
  template: ['2.16.840.1.113883.10.20.22.2.2.1', '2015-08-01'],
  code: '11369-6',
  display: 'History of Immunization note',
  title: 'Immunizations',
  columns: ['Vaccine', 'Status', 'Date', 'Lot'],
  required: false,
  *rows(ground) {
    for (const item of ground.record.of('Immunization'))
      yield isInError(item.resource) ? undefined : immunizationRow(ground, item);
  },
};
