/** What holds for all parameters: missing, and, or, composites, errors. https://hl7.org/fhir/R4/search.html#modifiers, #combining, #errors */
import { LOCAL, UCUM } from './population.js';
import type { Row } from './row.js';

export const RULES: readonly Row[] = [
  { name: 'missing 1: token', query: 'Patient?gender:missing=true', expect: ['plain', 'odd', 'bare'] },
  {
    name: 'missing 2: token there',
    query: 'Patient?gender:missing=false',
    expect: ['eve', 'evelyn', 'severin', 'muller'],
  },
  { name: 'missing 3: date', query: 'Observation?code=date&date:missing=true', expect: ['d-none'] },
  { name: 'missing 4: reference', query: 'Observation?code=reference&subject:missing=true', expect: ['r-none'] },
  { name: 'missing 5: quantity', query: 'Observation?code=dose&value-quantity:missing=true', expect: ['q-none'] },
  {
    name: 'missing 6: number',
    query: 'RiskAssessment?subject=Patient/eve&probability:missing=true',
    expect: ['n-none'],
  },
  { name: 'missing 7: string', query: 'Patient?family:missing=true', expect: ['bare'] },
  { name: 'missing 8: uri', query: 'Patient?_profile:missing=false', expect: ['eve', 'evelyn'] },
  { name: 'and 1: two parameters', query: 'Patient?family=everywoman&gender=female', expect: ['eve'] },
  { name: 'and 2: nothing has both', query: 'Patient?family=everywoman&gender=male', expect: [] },
  {
    name: 'and 3: the same parameter twice, two values of one resource',
    query: 'Patient?given=eve&given=anne',
    expect: ['eve'],
  },
  { name: 'and 4: no parameter is everything', query: 'Organization?', expect: ['org-1'] },
  {
    name: 'composite 1: both parts',
    query: `Observation?code-value-quantity=dose$5.4|${UCUM}|mg`,
    expect: ['q-5.4', 'q-5.35'],
  },
  {
    name: 'composite 2: prefix in a part',
    query: `Observation?code-value-quantity=${LOCAL}|dose$gt5.4|${UCUM}|mg`,
    expect: ['q-5.45', 'q-5.9', 'q-gram'],
  },
  { name: 'composite 3: the other code', query: `Observation?code-value-quantity=pressure$5.4|${UCUM}|mg`, expect: [] },
  {
    name: 'composite 4: parts of one component',
    query: `Observation?component-code-value-quantity=systolic$gt140|${UCUM}|mm[Hg]`,
    expect: ['bp-high'],
  },
  {
    name: 'composite 5: parts of the other component',
    query: `Observation?component-code-value-quantity=diastolic$gt140|${UCUM}|mm[Hg]`,
    expect: ['bp-odd'],
  },
  {
    name: 'composite 6: or',
    query: 'Observation?component-code-value-quantity=systolic$150,diastolic$150',
    expect: ['bp-high', 'bp-odd'],
  },
  {
    name: 'composite 7: combined with the resource itself',
    query: `Observation?combo-code-value-quantity=dose$100.0|${UCUM}|%25,systolic$150`,
    expect: ['q-100', 'bp-high'],
  },
  {
    name: 'composite 8: reference and code',
    query: 'DocumentReference?relationship=DocumentReference/doc-1$replaces',
    expect: ['doc-2'],
  },
  {
    name: 'composite 9: reference and another code',
    query: 'DocumentReference?relationship=DocumentReference/doc-1$appends',
    expect: [],
  },
];

const bad = (name: string, query: string, detail: string): Row => ({
  name: `refused ${name}`,
  query,
  status: 400,
  detail,
});

export const REFUSALS: readonly Row[] = [
  bad('1: unknown parameter', 'Patient?familly=x', 'unknown-parameter'),
  bad('2: parameter names mind case', 'Patient?Family=x', 'unknown-parameter'),
  bad('3: parameter of another type', 'Patient?code=x', 'unknown-parameter'),
  bad('4: unknown modifier', 'Patient?family:starts=x', 'unknown-modifier'),
  bad('5: modifier of another kind', 'Patient?birthdate:exact=1980', 'unknown-modifier'),
  bad('6: :not on a string', 'Patient?family:not=x', 'unknown-modifier'),
  bad('7: type that the reference cannot have', 'Observation?patient:Group=1', 'unknown-modifier'),
  bad('8: no date', 'Patient?birthdate=yesterday', 'invalid-value'),
  bad('9: no day of the calendar', 'Patient?birthdate=2023-02-29', 'invalid-value'),
  bad('10: unknown prefix', 'Patient?birthdate=xx2023-02-20', 'invalid-value'),
  bad('11: no number', 'RiskAssessment?probability=much', 'invalid-value'),
  bad('12: a quantity without its number', 'Observation?value-quantity=||mg', 'invalid-value'),
  bad('13: :missing without true or false', 'Patient?gender:missing=maybe', 'invalid-value'),
  bad('14: empty value', 'Patient?family=', 'invalid-value'),
  bad('15: empty alternative', 'Patient?family=a,,b', 'invalid-value'),
  bad('16: composite with one part', 'Observation?code-value-quantity=x', 'invalid-value'),
  bad('17: negative _count', 'Patient?_count=-1', 'invalid-value'),
  bad('18: _count that is no number', 'Patient?_count=ten', 'invalid-value'),
  bad('19: unknown sort', 'Patient?_sort=colour', 'unknown-sort'),
  bad('20: unknown total', 'Patient?_total=maybe', 'invalid-value'),
  bad('21: a reference that is none', 'Observation?subject=Patient%20eve', 'invalid-value'),
  bad('22: a string of blanks', 'Patient?family=%20', 'invalid-value'),
  bad('23: a bar alone', 'Patient?identifier=|', 'invalid-value'),
];
