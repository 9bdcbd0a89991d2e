/** What a resource is about and when, whatever its type. */
import type { CodeableConcept, FhirResource, Period } from 'fhir/r4';
import { shownConcept } from '../../fhir/show.js';
import type { TagColour } from '../../ui/parts.js';

export const codeOf = (concept: CodeableConcept | undefined): string =>
  concept?.coding?.[0]?.code ?? concept?.text ?? '';

const COLOURS: Readonly<Record<string, TagColour>> = {
  ...{
    active: 'green',
    final: 'green',
    current: 'green',
    completed: 'blue',
    finished: 'blue',
    'in-progress': 'yellow',
  },
  ...{ preliminary: 'yellow', planned: 'yellow', requested: 'yellow', stopped: 'grey', superseded: 'orange' },
  ...{ refuted: 'red', unconfirmed: 'yellow', provisional: 'yellow', differential: 'yellow' },
  ...{ 'entered-in-error': 'red', cancelled: 'grey', failed: 'red', rejected: 'red', amended: 'purple' },
};
export const statusColour = (status: string): TagColour => COLOURS[status] ?? 'grey';

type Anything = Readonly<Record<string, unknown>>;
const CONCEPTS = ['code', 'vaccineCode', 'type', 'medicationCodeableConcept', 'class', 'category', 'description'];

/** In a few words. */
export function aboutOf(resource: FhirResource): string {
  const said = resource as unknown as Anything;
  for (const name of CONCEPTS) {
    const value = Array.isArray(said[name]) ? (said[name] as readonly unknown[])[0] : said[name];
    const text =
      typeof value === 'string' ? value : shownConcept(value as CodeableConcept | undefined) || displayOf(value);
    if (text !== '') return text;
  }
  return resource.resourceType;
}

const displayOf = (value: unknown): string =>
  typeof value === 'object' && value !== null && 'display' in value && typeof value.display === 'string'
    ? value.display
    : '';

const DATES = [
  ...['effectiveDateTime', 'performedDateTime', 'occurrenceDateTime', 'date', 'issued', 'authoredOn', 'onsetDateTime'],
  'recordedDate',
];
const PERIODS = ['period', 'effectivePeriod', 'performedPeriod'];

/** When it was, as FHIR says it. */
export function dateOf(resource: FhirResource): string | undefined {
  const said = resource as unknown as Anything;
  for (const name of DATES) if (typeof said[name] === 'string') return said[name];
  for (const name of PERIODS) {
    const { start, end } = (said[name] ?? {}) as Period;
    if (start !== undefined || end !== undefined) return start ?? end;
  }
  return undefined;
}

export const statusOf = (resource: FhirResource): string => {
  const { status } = resource as unknown as Anything;
  return typeof status === 'string' ? status : '';
};
