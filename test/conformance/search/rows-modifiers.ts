/**
 * `:missing` for every type of parameter, and what is refused: modifiers that a type of parameter does not have, values
 * that it cannot mean. https://hl7.org/fhir/R4/search.html#modifiers, https://hl7.org/fhir/R4/search.html#errors
 */
import { LOCAL, UCUM } from './population.js';
import { AMOUNTS, CHANCES, FACTORS } from './population-numbers.js';
import { BIRTHS, STAYS, TIMES } from './population-dates.js';
import { FAMILIES } from './population-strings.js';
import { SHAPES } from './population-tokens.js';
import type { Group, Row } from './row.js';

const row = (name: string, query: string, ...expect: readonly string[]): Row => ({
  name: `missing: ${name}`,
  query,
  expect,
});

const ids = (of: readonly { readonly resource: { readonly id: string } }[]) => of.map(({ resource }) => resource.id);
const shaped = (id: string, there: boolean) =>
  SHAPES.flatMap((codes, at) => (codes.length > 0 === there ? [`${id}-${at + 1}`] : []));

const MISSING: readonly Row[] = [
  row('string, there', 'RelatedPerson?address-city:missing=false', 'parts-1', 'parts-3'),
  row('string, not there', 'RelatedPerson?address-city:missing=true', 'parts-2', 'parts-none'),
  row('names without a given name', 'Practitioner?given:missing=true', ...ids(FAMILIES)),
  row('concept, there', 'Medication?code:missing=false', ...shaped('concept', true)),
  row('concept, not there', 'Medication?code:missing=true', ...shaped('concept', false)),
  row('identifier, there', 'Device?identifier:missing=false', ...shaped('identifier', true)),
  row('identifier, not there', 'Device?identifier:missing=true', ...shaped('identifier', false)),
  row('tag, not there', 'MedicationKnowledge?_tag:missing=true', ...shaped('coding', false)),
  row('concept and texts, not there', 'Specimen?type:missing=true', 'label-6'),
  row('flag, there', 'PractitionerRole?active:missing=false', 'plain-1', 'plain-2'),
  row('flag, not there', 'PractitionerRole?active:missing=true', 'plain-3'),
  row('code, not there', 'AllergyIntolerance?category:missing=true', 'allergy-3'),
  row('date, there', 'Person?birthdate:missing=false', ...ids(BIRTHS.filter(({ time }) => time))),
  row('date, not there', 'Person?birthdate:missing=true', ...ids(BIRTHS.filter(({ time }) => !time))),
  row(
    'date of several types, not there',
    'Observation?code=time&date:missing=true',
    ...ids(TIMES.filter(({ time }) => !time)),
  ),
  row('period, not there', 'Encounter?class=stay&date:missing=true', ...ids(STAYS.filter(({ time }) => !time))),
  row(
    'number, there',
    'RiskAssessment?subject=Patient/evelyn&probability:missing=false',
    ...ids(CHANCES.filter(({ number }) => number)),
  ),
  row('number, not there', 'RiskAssessment?subject=Patient/evelyn&probability:missing=true', 'risk-20'),
  row('factor, not there', 'ChargeItem?factor-override:missing=true', ...ids(FACTORS.filter(({ number }) => !number))),
  row('quantity, there', 'Observation?code=amount&value-quantity:missing=false', ...ids(AMOUNTS)),
  row('quantity, not there', 'Observation?code=pair-q&value-quantity:missing=true', 'pair-15'),
  row('reference, there', 'DiagnosticReport?result:missing=false', 'report-1', 'report-2'),
  row('reference, not there', 'DiagnosticReport?result:missing=true', 'report-3', 'report-4'),
  row('uri, there', 'CarePlan?instantiates-uri:missing=false&_id=care-1,care-5', 'care-5'),
  row('uri, not there', 'CarePlan?instantiates-uri:missing=true&_id=care-1,care-5', 'care-1'),
  row('composite, there', 'DocumentReference?relationship:missing=false', 'doc-2', 'related-1', 'related-2'),
  row('composite, not there', 'DocumentReference?relationship:missing=true', 'doc-1'),
  row('special, there', 'Location?near:missing=false&_id=place-1,place-none', 'place-1'),
  row('special, not there', 'Location?near:missing=true', 'place-none', 'place-part'),
  row('_profile, not there', 'Patient?_profile:missing=true&_id=eve,plain', 'plain'),
  row('_security, there', 'Patient?_security:missing=false', 'eve'),
  row('_source, there', 'Patient?_source:missing=false', 'eve'),
  row('two things missing', 'RelatedPerson?address:missing=true&name:missing=true', 'parts-none'),
  row('one missing, one there', 'RelatedPerson?address-city:missing=true&address:missing=false', 'parts-2'),
];

type Refused = Extract<Row, { status: 400 }>;

const refused = (name: string, query: string, detail: string): Refused => ({
  name: `refused: ${name}`,
  query,
  status: 400,
  detail,
});

const MODIFIERS = [
  'exact',
  'contains',
  'not',
  'text',
  'in',
  'not-in',
  'of-type',
  'above',
  'below',
  'identifier',
  'Patient',
  'Practitioner',
  'starts',
] as const;

/** A parameter of each type, with the modifiers that the specification gives it there (beside `missing`), and a value. */
const ALLOWED: readonly (readonly [type: string, query: string, value: string, ...(typeof MODIFIERS)[number][]])[] = [
  ['string', 'Patient?family', 'x', 'exact', 'contains'],
  ['token', 'Patient?identifier', 'x', 'not', 'text', 'in', 'not-in', 'of-type', 'above', 'below'],
  ['token that is no identifier', 'Patient?gender', 'male', 'not', 'text', 'in', 'not-in', 'above', 'below'],
  ['date', 'Patient?birthdate', '1980'],
  ['number', 'RiskAssessment?probability', '1'],
  ['quantity', 'Observation?value-quantity', '1'],
  ['uri', 'ValueSet?url', 'http://acme.example', 'above', 'below'],
  ['composite', 'Observation?code-value-quantity', 'x$1'],
  ['reference to patients', 'AllergyIntolerance?patient', '1', 'identifier', 'Patient'],
  ['reference to practitioners', 'Encounter?practitioner', '1', 'identifier', 'Practitioner'],
  ['canonical', 'CarePlan?instantiates-canonical', 'http://acme.example', 'above', 'below'],
  ['name by its sound', 'Patient?phonetic', 'x'],
  ['special', 'Location?near', '0|0'],
  ['id', 'Patient?_id', 'x', 'not', 'text', 'in', 'not-in', 'above', 'below'],
];

const WRONG_MODIFIERS: readonly Row[] = ALLOWED.flatMap(([type, query, value, ...allowed]) =>
  MODIFIERS.filter(modifier => !allowed.includes(modifier)).map(modifier =>
    refused(`:${modifier} on a ${type}`, `${query}:${modifier}=${value}`, 'unknown-modifier'),
  ),
);

const value = (name: string, query: string) => refused(name, query, 'invalid-value');
const WRONG_VALUES: readonly Row[] = [
  ...[
    '13',
    '1980-13',
    '1980-00',
    '1980-02-30',
    '1980-1-1',
    '19800101',
    '1980-05-17T24:00Z',
    '1980-05-17T10',
    '1980-05-17T10:60Z',
    'ge',
    'ge 1980',
    'GE1980',
    'gte1980',
    '1980/05/17',
    '2013-01-14T10:00:00%2B15:00',
  ].map(text => value(`${text} is no date`, `Patient?birthdate=${text}`)),
  ...['x', '1,5x', '1.', '.5', '--1', '1e', '1e1.5', '0x10', 'NaN', 'Infinity', 'gt', 'gt1 0', '1|2'].map(text =>
    value(`${text} is no number`, `RiskAssessment?probability=${text}`),
  ),
  ...['x', '|mg', `|${UCUM}|mg`, 'gt|mg', `5.4|${UCUM}|mg|more`, 'mg'].map(text =>
    value(`${text} is no quantity`, `Observation?value-quantity=${text}`),
  ),
  ...['Patient/', 'Patient/a/b', 'patient eve', '/Patient/eve', 'a_b', 'Patient/a_b'].map(text =>
    value(`${text} is no reference`, `Observation?subject=${text}`),
  ),
  ...['x', 'x$', '$1', 'x$1$2', 'x$y', `x$|${UCUM}`].map(text =>
    value(`${text} is no pair`, `Observation?code-value-quantity=${text}`),
  ),
  ...['1$2', '1$2$', '1$x$3', '1$2$3$4'].map(text =>
    value(`${text} is no chromosome with a window`, `MolecularSequence?chromosome-window-coordinate=${text}`),
  ),
  ...[`${LOCAL}|x`, 'MR', 'a|b|c|d', '||x', 'a|b|'].map(text =>
    value(`${text} is no type with a value`, `Patient?identifier:of-type=${text}`),
  ),
  ...['', 'yes', 'True', '1', 'true,false'].map(text =>
    value(`:missing is not ${text || 'empty'}`, `Patient?gender:missing=${text}`),
  ),
  ...['91|0', '-91|0', '0|181', '0|-181', '0', 'x|y', '0|0|-1', '0|0|1|parsec', '0|0|1|km|x', '0|0|x|km', '1e1|0'].map(
    text => value(`${text} is no place`, `Location?near=${text}`),
  ),
  ...[',', 'a,', ',a', 'a,,b'].map(text => value(`an empty alternative in ${text}`, `Practitioner?family=${text}`)),
  value('a text of marks alone', 'Practitioner?family=%CC%88'),
  value(':text of blanks', 'Specimen?type:text=%20'),
  value('a token without system and code', `Device?identifier=|`),
  value(':not without a code', 'Device?identifier:not=x,|'),
  value('an identifier of a reference without its value', 'Task?focus:identifier=|'),
  value('an alternative that is no date', 'Patient?birthdate=1980,x'),
  value('a second condition that is no date', 'Patient?birthdate=1980&birthdate=x'),
];

const WRONG_NAMES: readonly Row[] = (
  [
    ['a parameter of another type', 'Practitioner?birthdate=1980'],
    ['a name in capitals', 'Patient?FAMILY=x'],
    ['an element that is no parameter', 'Patient?maritalStatus=M'],
    ['a name with blanks', 'Patient?family%20=x'],
    ['no name', 'Patient?=x'],
    ['a common name misspelt', 'Patient?_lastupdated=2020'],
    ['an unknown common name', 'Patient?_colour=red'],
    ['a result parameter in capitals', 'Patient?_SORT=family'],
    ['a parameter beside good ones', 'Patient?family=everywoman&colour=red'],
    ['a parameter with a modifier', 'Patient?colour:exact=red'],
    ['a parameter with :missing', 'Patient?colour:missing=true'],
    ['a parameter of R5', 'Patient?family=x&_language=en'],
  ] as const
).map(([name, query]) => refused(name, query, 'unknown-parameter'));

export const MODIFIER_GROUPS: readonly Group[] = [{ title: 'what is missing', rows: MISSING }];

/** Nothing is found here: every row is refused. */
export const REFUSED: readonly Row[] = [...WRONG_MODIFIERS, ...WRONG_VALUES, ...WRONG_NAMES];
