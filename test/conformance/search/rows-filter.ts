/** `_filter`: https://hl7.org/fhir/R4/search_filter.html. FILTER_CHAINS look at the resources behind references. */
import { ELSEWHERE, LOCAL, MRN, OTHER, UCUM } from './population.js';
import type { Row } from './row.js';

const GENDERS = 'http://hl7.org/fhir/administrative-gender';

/** `from`: the type, or the type with a condition that keeps other populations out. */
const rows = (group: string, from: string, cases: readonly (readonly [filter: string, ...expect: string[]])[]) =>
  cases.map(
    ([filter, ...expect], at): Row => ({
      name: `filter ${group} ${at + 1}: ${filter}`,
      query: `${from}${from.includes('?') ? '&' : '?'}_filter=${filter}`,
      expect,
    }),
  );

const strings = rows('string', 'Patient', [
  ['given eq "eve"', 'eve'],
  ['given eq EVE', 'eve'],
  ['given eq ev'],
  ['given eq "anne"', 'eve'],
  ['family eq "Müller"', 'muller', 'plain'],
  ['family eq muller', 'muller', 'plain'],
  ['given eq "jo ann"', 'plain'],
  ['family eq "smith, jr"', 'odd'],
  ['family eq "M\\u00fcller"', 'muller', 'plain'],
  ['given ne eve', 'evelyn', 'severin', 'muller', 'plain'],
  ['given co eve', 'eve', 'evelyn', 'severin'],
  ['given co "VER"', 'severin'],
  ['name co "pet"'],
  ['given sw eve', 'eve', 'evelyn'],
  ['given sw velyn'],
  ['name sw "eve anne"', 'eve'],
  ['given ew eve', 'eve'],
  ['given ew RIN', 'severin'],
  ['given ew ann', 'plain'],
  ['family pr true', 'eve', 'evelyn', 'severin', 'muller', 'plain', 'odd'],
  ['family pr false', 'bare'],
  ['family pr "FALSE"', 'bare'],
]);

const tokens = rows('token', 'Patient', [
  ['identifier eq 12345', 'eve', 'evelyn', 'severin'],
  [`identifier eq ${MRN}|12345`, 'eve'],
  [`identifier eq "${MRN}|12345"`, 'eve'],
  ['identifier eq |12345', 'severin'],
  [`identifier eq ${MRN}|`, 'eve', 'muller', 'plain', 'odd'],
  ['identifier eq a-1', 'plain'],
  ['identifier eq x,y', 'odd'],
  ['identifier eq p\\|q', 'odd'],
  ['identifier eq "p\\\\|q"', 'odd'],
  ['identifier eq "b\\\\\\\\s"', 'odd'],
  ['identifier ne 12345', 'muller', 'plain', 'odd'],
  ['gender eq female', 'eve', 'evelyn'],
  ['gender eq FeMale', 'eve', 'evelyn'],
  [`gender eq ${GENDERS}|Male`, 'severin'],
  [`gender eq ${OTHER}|male`],
  ['gender ne female', 'severin', 'muller'],
  ['gender pr true', 'eve', 'evelyn', 'severin', 'muller'],
  ['gender pr false', 'plain', 'odd', 'bare'],
  ['active eq true', 'eve'],
  ['active eq "TRUE"', 'eve'],
  ['active ne true', 'evelyn'],
  ['telecom eq 555-0100', 'eve'],
  ['_id eq eve', 'eve'],
  ['_id ne eve and gender pr true', 'evelyn', 'severin', 'muller'],
  [`_tag eq ${LOCAL}|first`, 'eve'],
]);

/** Only the observations that are there for dates. */
const dated = (cases: Parameters<typeof rows>[2]) =>
  rows(
    'date',
    'Observation',
    cases.map(([filter, ...expect]) => [`code eq ${LOCAL}|date and date ${filter}`, ...expect] as const),
  );

const dates = [
  ...dated([
    ['eq 2013-01-14', 'd-day', 'd-second', 'd-instant'],
    ['eq "2013-01-14T10:00:00Z"', 'd-second', 'd-instant'],
    ['gt 2013-02-01', 'd-year', 'd-since', 'd-timing', 'd-later'],
    ['sa 2013-01-31', 'd-later'],
    ['lt 1960', 'd-until', 'd-old'],
    ['eb 1960', 'd-old'],
    ['ge 2013-02-02', 'd-year', 'd-since', 'd-timing', 'd-later'],
    ['le 1950', 'd-until', 'd-old'],
    [
      'po 2013-01-14',
      'd-year',
      'd-month',
      'd-day',
      'd-second',
      'd-instant',
      'd-period',
      'd-until',
      'd-since',
      'd-timing',
    ],
    ['po 1950', 'd-until', 'd-old'],
    ['co 2013-01-14', 'd-year', 'd-month', 'd-day', 'd-period', 'd-until', 'd-since', 'd-timing'],
    ['co 1950-01-01', 'd-until', 'd-old'],
    ['pr false', 'd-none'],
  ]),
  ...rows('birthday', 'Patient', [
    ['birthdate ge 1980', 'eve', 'evelyn', 'severin'],
    ['birthdate ne 1980-05', 'severin'],
    ['given eq "Eve" and birthdate ge 1980-05-17', 'eve'],
    ['birthdate ap 1900'],
    ['_lastUpdated gt 2000-01-01 and gender eq male', 'severin'],
  ]),
];

const numbers = rows('number', 'RiskAssessment?subject=Patient/eve', [
  ['probability eq 10', 'n-9.5', 'n-10', 'n-10.4'],
  ['probability ne 10', 'n-9.4', 'n-10.5', 'n-range'],
  ['probability gt 10', 'n-10.4', 'n-10.5', 'n-range'],
  ['probability lt 10', 'n-9.4', 'n-9.5', 'n-range'],
  ['probability ge 10', 'n-10', 'n-10.4', 'n-10.5', 'n-range'],
  ['probability le 10', 'n-9.4', 'n-9.5', 'n-10', 'n-range'],
  ['probability sa 10', 'n-10.4', 'n-10.5'],
  ['probability eb 10', 'n-9.4', 'n-9.5'],
  ['probability ap 9', 'n-9.4', 'n-9.5', 'n-range'],
  ['probability pr false', 'n-none'],
]);

const quantities = rows('quantity', 'Observation?code=dose,pressure', [
  [`value-quantity eq 5.4|${UCUM}|mg`, 'q-5.4', 'q-5.35'],
  ['value-quantity eq 5.4|ucum|mg', 'q-5.4', 'q-5.35'],
  ['value-quantity ne 5.4|UCUM|mg', 'q-5.45', 'q-5.9', 'q-gram', 'q-negative'],
  ['value-quantity gt 5.4|ucum|mg', 'q-5.45', 'q-5.9', 'q-gram'],
  ['value-quantity lt 5.4|ucum|mg', 'q-5.35', 'q-negative'],
  ['value-quantity ge 5.4|ucum|mg', 'q-5.4', 'q-5.45', 'q-5.9', 'q-gram'],
  ['value-quantity le 5.4|ucum|mg', 'q-5.4', 'q-5.35', 'q-negative'],
  ['value-quantity sa 5.45|ucum|mg', 'q-5.9', 'q-gram'],
  ['value-quantity eb 5.35|ucum|mg', 'q-negative'],
  ['value-quantity ap 5.4|ucum|mg', 'q-5.4', 'q-5.35', 'q-5.45', 'q-5.9'],
  ['component-value-quantity ge "150||mm[Hg]"', 'bp-high', 'bp-odd'],
  [`value-quantity pr false and code eq ${LOCAL}|dose`, 'q-none'],
]);

const references = rows('reference', 'Observation', [
  ['subject re Patient/eve', 'r-relative', 'r-version'],
  ['subject eq Patient/eve', 'r-relative', 'r-version'],
  ['subject re {base}/Patient/eve', 'r-relative', 'r-version'],
  [`subject re "${ELSEWHERE}/Patient/eve"`, 'r-foreign'],
  ['subject re Patient/nobody'],
  ['subject ne Patient/eve', 'r-group', 'r-other', 'r-foreign', 'r-logical'],
  [`code eq ${LOCAL}|reference and subject pr false`, 'r-none'],
]);

const uris = rows('uri', 'ValueSet', [
  ['url eq http://acme.example/fhir/ValueSet', 'u-root'],
  ['url ne http://acme.example/fhir/ValueSet', 'u-child', 'u-grandchild', 'u-sibling', 'u-case', 'u-urn'],
  ['url ss http://acme.example/fhir/ValueSet', 'u-root', 'u-child', 'u-grandchild'],
  ['url sb http://acme.example/fhir/ValueSet/colours', 'u-root', 'u-child'],
]);

const elements = rows('element', 'DocumentReference?_id=doc-1,doc-2', [
  ['relatesTo[code eq replaces].target re DocumentReference/doc-1', 'doc-2'],
  ['relatesTo[code eq "appends"].target re DocumentReference/doc-1'],
  ['relatesTo[target re DocumentReference/doc-1].code eq Replaces', 'doc-2'],
  ['relationship pr true', 'doc-2'],
  ['relationship pr false', 'doc-1'],
]);

const logic: readonly Row[] = [
  ...rows('logic', 'Patient', [
    ['given eq "eve" and gender eq female', 'eve'],
    ['given eq eve or family eq green', 'eve', 'severin'],
    ['given eq eve or given eq evelyn and gender eq male'],
    ['given eq eve or (given eq evelyn and gender eq male)', 'eve'],
    ['gender eq male and family eq brown or given eq eve', 'eve'],
    ['gender eq male and (family eq brown or given eq severin)', 'severin'],
    ['not(gender pr true)', 'plain', 'odd', 'bare'],
    ['not (gender eq female or gender eq male)', 'muller', 'plain', 'odd', 'bare'],
    ['not(not(gender eq male))', 'severin'],
    ['((gender eq male))', 'severin'],
    ['  gender   eq  male  ', 'severin'],
    ['family eq "and" or family eq ")" or family eq brown', 'evelyn'],
  ]),
  {
    name: 'filter logic 13: two filters are joined by and',
    query: 'Patient?_filter=gender eq female&_filter=birthdate ge 1980-05-17',
    expect: ['eve', 'evelyn'],
  },
  {
    name: 'filter logic 14: beside another parameter',
    query: 'Patient?_filter=gender eq female or gender eq male&family:exact=Green',
    expect: ['severin'],
  },
];

const bad = (name: string, filter: string, detail: string, type = 'Patient'): Row => ({
  name: `filter refused ${name}`,
  query: `${type}?_filter=${filter}`,
  status: 400,
  detail,
});

const refusals: readonly Row[] = [
  bad('1: unknown name', 'familly eq x', 'unknown-parameter'),
  bad('2: name of another type', 'code eq x', 'unknown-parameter'),
  bad(
    '3: name that R4 does not have any more',
    'related[type eq a].target pr true',
    'unknown-parameter',
    'Observation',
  ),
  bad('4: what refers to nothing', 'name[use eq official].family eq x', 'unknown-parameter'),
  bad('5: operator of another kind', 'birthdate sw 1980', 'unknown-operator'),
  bad('6: order of strings', 'family gt a', 'unknown-operator'),
  bad('7: part of a token', 'gender co a', 'unknown-operator'),
  bad('8: composite', 'code-value-quantity eq a', 'unknown-operator', 'Observation'),
  bad('9: no operator', 'family', 'invalid-filter'),
  bad('10: unknown operator', 'family is x', 'invalid-filter'),
  bad('11: operator in capitals', 'family EQ x', 'invalid-filter'),
  bad('12: no value', 'family eq ', 'invalid-filter'),
  bad('13: empty value', 'family eq ""', 'invalid-filter'),
  bad('14: open string', 'family eq "x', 'invalid-filter'),
  bad('15: open parenthesis', '(family eq x', 'invalid-filter'),
  bad('16: closed too often', 'family eq x)', 'invalid-filter'),
  bad('17: nothing after and', 'family eq x and', 'invalid-filter'),
  bad('18: two beside each other', 'family eq x given eq y', 'invalid-filter'),
  bad('19: not without parentheses', 'not family eq x', 'invalid-filter'),
  bad('20: modifier', 'family:exact eq x', 'invalid-filter'),
  bad('21: no date', 'birthdate eq yesterday', 'invalid-filter'),
  bad('22: a prefix beside the operator', 'birthdate gt ge1980', 'invalid-filter'),
  bad('23: pr without true or false', 'gender pr maybe', 'invalid-filter'),
  bad('24: brackets at the end', 'organization[name eq a] eq b', 'invalid-filter'),
  bad('25: element without brackets', 'relatesTo.target re a', 'invalid-filter', 'DocumentReference'),
];

export const FILTERS: readonly Row[] = [
  ...strings,
  ...tokens,
  ...dates,
  ...numbers,
  ...quantities,
  ...references,
  ...uris,
  ...elements,
  ...logic,
  ...refusals,
];

/** A resource behind a reference decides them. */
export const FILTER_CHAINS: readonly Row[] = [
  ...rows('chain', 'Observation', [
    ['subject.name co "every"', 'r-relative', 'r-version'],
    ['subject:Patient.given eq evelyn', 'r-other'],
    ['patient.birthdate ge 1980-05', 'r-relative', 'r-version', 'r-other'],
    ['subject[gender eq female].family eq brown', 'r-other'],
    ['subject[gender eq male].family eq brown'],
    ['subject[active eq true or active eq false].name co e', 'r-relative', 'r-version', 'r-other'],
    ['subject[gender pr true and not(active eq true)].family eq brown', 'r-other'],
    ['subject.active ne true', 'r-other'],
    ['subject.active pr true', 'r-relative', 'r-version', 'r-other'],
    ['subject.active pr false and subject pr true', 'r-group', 'r-foreign', 'r-logical'],
    ['subject:Patient.organization.name eq "general hospital"', 'r-relative', 'r-version'],
    ['subject:Patient[given eq eve].organization[name sw gen].name ew hospital', 'r-relative', 'r-version'],
    ['subject.name co "every" or subject:Group.type eq person', 'r-relative', 'r-version', 'r-group'],
  ]),
  ...rows('chain to an organization', 'Patient', [
    ['organization.name eq "the general"', 'eve'],
    ['organization.name ne "the general"'],
    ['organization.name pr false', 'evelyn', 'severin', 'muller', 'plain', 'odd', 'bare'],
  ]),
  {
    name: 'filter chain in a chain',
    query: 'Observation?subject:Patient._filter=given eq evelyn or family eq green',
    expect: ['r-other'],
  },
  {
    name: 'filter chain in a reverse chain',
    query: 'Patient?_has:Observation:patient:_filter=code eq reference and status eq final',
    expect: ['eve', 'evelyn'],
  },
];
