/** Searches at their limits, and beyond, by every kind of value. https://hl7.org/fhir/R4/search.html */
import { type Attack, FORM, times } from './attack.js';

/** How many parameters of how many alternatives. */
const SIZES: readonly (readonly [parameters: number, alternatives: number])[] = [
  [100, 300],
  [100, 100],
  [30, 500],
  [101, 1],
  [1, 501],
];
const VALUES: readonly (readonly [parameter: string, value: (n: number) => string])[] = [
  ['Observation?subject', n => `Patient/a${n}`],
  ['Observation?subject', n => `a${n}`],
  ['Observation?code', n => `http://loinc.org|${n}-1`],
  ['Observation?code:not', n => `http://loinc.org|${n}-1`],
  ['Observation?code:text', n => `words${n}`],
  ['Observation?value-quantity', n => `ge${n}.5|http://unitsofmeasure.org|mg`],
  ['Observation?value-quantity', n => `${n}`],
  ['Observation?date', n => `ge20${String(n % 90).padStart(2, '0')}-01-01`],
  ['Observation?code-value-quantity', n => `http://loinc.org|${n}-1$gt${n}`],
  ['Observation?subject:Patient.name', n => `name${n}`],
  ['Observation?subject.name', n => `name${n}`],
  ['Patient?name', n => `name${n}`],
  ['Patient?name:contains', n => `ame${n}`],
  ['Patient?name:exact', n => `Name${n}`],
  ['Patient?_id', n => `id${n}`],
  ['Patient?_tag', n => `http://tags.example|t${n}`],
  ['Patient?identifier', n => `urn:s${n}|v${n}`],
  ['Patient?_has:Observation:patient:code', n => `http://loinc.org|${n}-1`],
  ['Patient?_content', n => `word${n}`],
  ['ValueSet?url:below', n => `http://sets.example/${n}`],
  ['Location?near', n => `${n % 90}.5|${n % 180}.5|5|km`],
];

const form = (name: string, path: string, body: () => string, more: Partial<Attack> = {}): Attack => ({
  name,
  method: 'POST',
  path,
  headers: FORM,
  body,
  answered: 'either',
  ...more,
});

const sized = VALUES.flatMap(([parameter, value]) =>
  SIZES.map(([parameters, alternatives]) => {
    const [type, code] = parameter.split('?') as [string, string];
    return form(`${parameters} × ${alternatives} of ${parameter}=${value(1)}`, `/fhir/${type}/_search`, () =>
      times(
        parameters,
        p =>
          `${encodeURIComponent(code)}=${encodeURIComponent(times(alternatives, a => value(p * alternatives + a)).join(','))}`,
      ).join('&'),
    );
  }),
);

const deep = (open: string, inner: string, close: string, levels: number) =>
  open.repeat(levels) + inner + close.repeat(levels);
const shapes: readonly (readonly [name: string, query: () => string])[] = [
  ['a filter of 10,000 brackets', () => `_filter=${deep('(', 'name eq "a"', ')', 10_000)}`],
  ['a filter of 5,000 conditions', () => `_filter=${times(5000, i => `name co "a${i}"`).join(' or ')}`],
  ['a filter of negations', () => `_filter=${deep('not (', 'name co "a"', ')', 500)}`],
  ['chains of 40 links', () => `${deep('link.', 'name', '', 40)}=a`],
  ['reverse chains of 40 links', () => `${deep('_has:Observation:patient:', 'code', '', 40)}=a`],
  ['60 includes of everything', () => times(60, i => `_include${i % 2 ? ':iterate' : ''}=*`).join('&')],
  ['60 reverse includes of everything', () => times(60, i => `_revinclude${i % 2 ? ':iterate' : ''}=*`).join('&')],
  ['1,000 keys of order', () => `_sort=${times(1000, i => (i % 2 ? 'birthdate' : '-family')).join(',')}`],
  ['10,000 parameters', () => times(10_000, i => `p${i}=1`).join('&')],
  ['10,000 elements', () => `_elements=${times(10_000, i => `e${i}`).join(',')}`],
  ['a value of a megabyte', () => `name=${'a'.repeat(1_000_000)}`],
  ['a name of a megabyte', () => `${'a'.repeat(1_000_000)}=1`],
  ['a page of a thousand million', () => '_count=1000000000'],
  ['a negative page', () => '_count=-1'],
  ['a forged page', () => '_page=AAAA.BBBB.CCCC'],
  ['a long forged page', () => `_page=${'A'.repeat(100_000)}`],
  ['a broken escape', () => 'name=%zz'],
  ['half a character', () => 'name=%c3'],
  ['NUL', () => 'name=%00'],
  ['operators of a database', () => `name=${encodeURIComponent('{"$gt":""}')}&name[$ne]=x`],
  ['a statement of a database', () => `name=${encodeURIComponent("'; DROP TABLE resource; --")}`],
  ['a pattern that takes for ever', () => `name:contains=${encodeURIComponent('(a+)+$'.repeat(100))}`],
  ['a prototype', () => '__proto__=1&constructor=2&toString=3'],
  ['a date of another world', () => 'birthdate=ge99999-99-99'],
  ['a number of 10,000 digits', () => `_lastUpdated=${'9'.repeat(10_000)}`],
  ['all types with all', () => `_type=${times(500, () => 'Patient,Observation').join(',')}`],
  ['words that nest', () => `_content=${deep('(', 'a', ')', 5000)}`],
  ['a list of nothing', () => `_list=${times(400, i => `l${i}`).join(',')}`],
];

export const searches: readonly Attack[] = [
  ...sized,
  ...shapes.map(([name, query]) => form(name, '/fhir/Patient/_search', query)),
  ...shapes.map(([name, query]) => form(`${name}, over all types`, '/fhir/_search', query)),
];
