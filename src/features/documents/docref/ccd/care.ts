/** What was done: Procedures Section V2, Encounters Section V3. https://hl7.org/cda/us/ccda/ */
import { isObject, itemsOf, type Json, type JsonObject } from '../../../../fhir/resource.js';
import type { RecordItem } from '../record.js';
import {
  entryId,
  isInError,
  statusCode,
  type SummaryGround,
  type SummaryRow,
  type SummarySection,
  wordsAt,
} from '../section.js';
import { cda, templateIds } from './element.js';
import {
  type CdaInterval,
  codeElement,
  codingsIn,
  intervalElement,
  wordsOfConcept,
  stringAt,
  timeElement,
  whenOf,
} from './values.js';

/** https://hl7.org/fhir/R4/valueset-event-status.html → ActStatus of a procedure. */
const PROCEDURE_STATUSES: Readonly<Record<string, string>> = {
  completed: 'completed',
  preparation: 'active',
  'in-progress': 'active',
  'on-hold': 'active',
  stopped: 'aborted',
  'not-done': 'cancelled',
};

/** SNOMED CT, CPT, ICD-10-PCS, CDT, LOINC. */
const PROCEDURES_OF = [
  '2.16.840.1.113883.6.96',
  '2.16.840.1.113883.6.12',
  '2.16.840.1.113883.6.4',
  '2.16.840.1.113883.6.13',
  '2.16.840.1.113883.6.1',
];

function pointOrInterval({ low, high }: CdaInterval, ended: boolean): string {
  return low !== undefined && low === high
    ? timeElement('effectiveTime', low)
    : intervalElement('effectiveTime', { low, high }, { ended });
}

function procedureRow(ground: SummaryGround, item: RecordItem): SummaryRow {
  const { resource } = item;
  const when = whenOf(resource, 'performed');
  const status = stringAt(resource, 'status') ?? '';
  const known = PROCEDURE_STATUSES[status] ?? 'completed';
  return {
    items: [item],
    lines: [[wordsOfConcept(resource['code']), status, when.low, when.high]],
    entry: ([words]) =>
      cda(
        'procedure',
        { classCode: 'PROC', moodCode: 'EVN', ...(status === 'not-done' ? { negationInd: 'true' } : {}) },
        templateIds(['2.16.840.1.113883.10.20.22.4.14'], ['2.16.840.1.113883.10.20.22.4.14', '2014-06-09']),
        entryId(ground, item),
        codeElement('code', resource['code'], { systems: PROCEDURES_OF, words }),
        wordsAt(words),
        statusCode(known),
        pointOrInterval(when, known === 'completed'),
        ...itemsOf(resource['bodySite']).map(site =>
          codeElement('targetSiteCode', site, { systems: ['2.16.840.1.113883.6.96'] }),
        ),
      ),
  };
}

export const PROCEDURE_SECTION: SummarySection = {
  name: 'procedures',
  template: ['2.16.840.1.113883.10.20.22.2.7.1', '2014-06-09'],
  code: '47519-4',
  display: 'History of Procedures Document',
  title: 'Procedures',
  columns: ['Procedure', 'Status', 'Start', 'End'],
  required: false,
  *rows(ground) {
    for (const item of ground.record.of('Procedure'))
      yield isInError(item.resource) ? undefined : procedureRow(ground, item);
  },
};

/** The kind of an encounter, beside the class. */
function encounterType({ type, class: classed }: JsonObject): Json | undefined {
  const [first] = itemsOf(type);
  const codings = [...codingsIn(first), ...(isObject(classed) ? [classed] : [])];
  return codings.length === 0 ? first : { ...(isObject(first) ? first : {}), coding: codings };
}

/** CPT and ActCode: https://hl7.org/fhir/us/ccda/ValueSet of encounter types. */
const ENCOUNTERS_OF = ['2.16.840.1.113883.6.12', '2.16.840.1.113883.5.4'];

function encounterRow(ground: SummaryGround, item: RecordItem): SummaryRow {
  const { resource } = item;
  const when = whenOf(resource, 'period');
  const type = encounterType(resource);
  const place = stringAt(
    itemsOf(resource['location']).map(one => (isObject(one) ? one['location'] : null))[0],
    'display',
  );
  const provider = place ?? stringAt(resource['serviceProvider'], 'display');
  return {
    items: [item],
    lines: [[wordsOfConcept(type), stringAt(resource, 'status'), when.low, when.high, provider]],
    entry: ([words]) =>
      cda(
        'encounter',
        { classCode: 'ENC', moodCode: 'EVN' },
        templateIds(['2.16.840.1.113883.10.20.22.4.49'], ['2.16.840.1.113883.10.20.22.4.49', '2015-08-01']),
        entryId(ground, item),
        codeElement('code', type, { systems: ENCOUNTERS_OF, words }),
        wordsAt(words),
        pointOrInterval(when, resource['status'] === 'finished'),
      ),
  };
}

/** Of encounters that were, or are. */
const HAPPENED = new Set(['arrived', 'triaged', 'in-progress', 'onleave', 'finished']);

export const ENCOUNTER_SECTION: SummarySection = {
  name: 'encounters',
  template: ['2.16.840.1.113883.10.20.22.2.22.1', '2015-08-01'],
  code: '46240-8',
  display: 'History of Hospitalizations+Outpatient visits Narrative',
  title: 'Encounters',
  columns: ['Encounter', 'Status', 'Start', 'End', 'Place'],
  required: false,
  *rows(ground) {
    for (const item of ground.record.of('Encounter'))
      yield HAPPENED.has(stringAt(item.resource, 'status') ?? '') ? encounterRow(ground, item) : undefined;
  },
};
