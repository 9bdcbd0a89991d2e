/** Searches that ask for more than a server should do, family by family: each within every limit on one parameter. */

export interface CostlySearch {
  readonly name: string;
  /** '' for all types. */
  readonly type: string;
  readonly parameters: readonly (readonly [name: string, value: string])[];
}

const list = (count: number, value: (at: number) => string): string =>
  Array.from({ length: count }, (_, at) => value(at)).join(',');

/** One parameter so many times, each with so many values. */
const times = (
  type: string,
  name: string,
  parameters: number,
  values: number,
  value: (parameter: number, at: number) => string,
): CostlySearch => ({
  name: `${parameters} × ${values} ${type === '' ? 'of all types' : type}?${name}`,
  type,
  parameters: Array.from({ length: parameters }, (_, i) => [name, list(values, at => value(i, at))] as const),
});

const word = (i: number, at: number) => `n${i}x${at}`;
const point = (i: number, at: number) => `${i}.${at}`;
const day = (i: number, at: number) => `${['ge', 'ne', 'le', 'sa', 'ap'][at % 5]!}${1900 + i}-01-1${at % 9}`;

/** The product is beyond the limit: refused at once. */
export const REFUSED: readonly CostlySearch[] = [
  times('Observation', 'subject', 100, 300, (i, at) => `Patient/a${i}b${at}`),
  times('Observation', 'subject', 100, 300, word),
  times('Observation', 'performer', 50, 300, word),
  times('Observation', 'subject:identifier', 100, 300, (i, at) => `urn:x|${word(i, at)}`),
  times('Observation', 'subject', 100, 150, (i, at) => `http://elsewhere.example/Patient/${word(i, at)}`),
  times('Patient', 'name', 30, 500, word),
  times('Patient', 'name:contains', 100, 100, word),
  times('Patient', 'family:exact', 100, 300, word),
  times('Observation', 'value-quantity', 100, 100, point),
  times('Observation', 'value-quantity', 100, 100, (i, at) => `gt${point(i, at)}||u${at}`),
  times('RiskAssessment', 'probability', 100, 100, (i, at) => `0.${i}${at}`),
  times('Observation', 'date', 100, 100, day),
  times('Observation', '_lastUpdated', 100, 100, day),
  times('Observation', 'code-value-quantity', 100, 100, (i, at) => `${word(i, at)}$gt${at}`),
  times('Observation', 'code', 100, 300, word),
  times('Observation', 'code:not', 100, 300, word),
  times('Observation', 'code:text', 100, 100, word),
  times('Observation', 'code:in', 100, 10, (i, at) => `http://a.example/vs/${word(i, at)}`),
  times('Observation', 'code:below', 100, 10, (i, at) => `http://a.example|${word(i, at)}`),
  times('Patient', 'identifier:of-type', 100, 200, (i, at) => `urn:t|MR|${word(i, at)}`),
  times('Patient', 'organization:below', 100, 10, word),
  times('ValueSet', 'url', 100, 200, (i, at) => `http://a.example/${word(i, at)}`),
  times('ValueSet', 'url:below', 100, 100, (i, at) => `http://a.example/${word(i, at)}`),
  times('ValueSet', 'url:above', 100, 10, (i, at) => `http://a.example/${'a/'.repeat(50)}${word(i, at)}`),
  times('Location', 'near', 100, 50, (i, at) => `${i / 2}|${at}|5000`),
  times('Observation', '_id', 100, 500, word),
  times('Observation', '_tag', 100, 500, word),
  times('Observation', '_profile', 100, 200, (i, at) => `http://a.example/${word(i, at)}`),
  times('Observation', '_list', 100, 300, word),
  times('Observation', 'subject:Patient.name', 100, 100, word),
  times('Observation', 'subject.name', 40, 100, word),
  times('Patient', '_has:Observation:patient:code', 100, 300, word),
  times('', '_tag', 10, 100, word),
  times('', '_id', 1, 500, word),
  times('', '_profile', 10, 100, (i, at) => `http://a.example/${word(i, at)}`),
  times('', '_security:not', 20, 100, word),
  times('', '_tag:missing', 100, 1, () => 'true'),
  {
    name: '100 filters of 200 comparisons',
    type: 'Patient',
    parameters: Array.from({ length: 100 }, () => [
      '_filter',
      Array.from({ length: 200 }, (_, at) => `name co n${at}`).join(' or '),
    ]),
  },
];

/** As much as the limits allow: answered, or refused once too much had to be looked at. */
export const ALLOWED: readonly CostlySearch[] = [
  times('Observation', 'subject', 33, 300, (i, at) => `Patient/a${at + i}`),
  times('Observation', 'performer', 20, 500, word),
  times('Observation', 'code', 20, 500, word),
  times('Patient', 'name', 4, 500, word),
  times('Patient', 'name:contains', 2, 500, word),
  times('Observation', 'value-quantity', 2, 500, point),
  times('Observation', 'value-quantity', 2, 500, (i, at) => `ne${point(i, at)}||mg`),
  times('Observation', 'date', 20, 100, day),
  times('Observation', 'code-value-quantity', 1, 500, (i, at) => `${word(i, at)}$gt${at}||mg`),
  times('Observation', 'code:text', 20, 100, word),
  times('Observation', 'code:not', 20, 500, word),
  times('Patient', 'identifier:of-type', 20, 500, (i, at) => `urn:t|MR|${word(i, at)}`),
  times('ValueSet', 'url:below', 20, 100, (i, at) => `http://a.example/${word(i, at)}`),
  times('Location', 'near', 1, 500, (_, at) => `${at % 90}|${at % 180}|5000`),
  times('Observation', '_profile', 40, 250, (i, at) => `http://a.example/${word(i, at)}`),
  times('Observation', 'subject:Patient.gender', 90, 1, i => (i % 2 ? 'male' : 'female')),
  times('', '_tag', 1, 60, word),
  {
    name: 'every include of every type, again and again',
    type: 'Patient',
    parameters: [
      ...Array.from({ length: 40 }, () => ['_revinclude', '*'] as const),
      ...Array.from({ length: 40 }, () => ['_include', '*'] as const),
      ['_include:iterate', '*'],
      ['_revinclude:iterate', '*'],
      ['_count', '1000'],
    ],
  },
];

/** What clients do ask for. */
export const SANE: readonly CostlySearch[] = [
  times('Observation', '_id', 1, 1000, (_, at) => `o${at}`),
  times('Observation', 'code', 1, 500, (_, at) => `http://loinc.org|${1000 + at}-1`),
  times('Observation', 'subject', 1, 300, (_, at) => `Patient/p${at}`),
  times('Observation', 'code', 50, 1, () => '1000-1'),
];
