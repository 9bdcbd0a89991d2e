/** Date, number and quantity parameters: prefixes and precision. https://hl7.org/fhir/R4/search.html#prefix */
import { LOCAL, UCUM } from './population.js';
import type { Row } from './row.js';

const date = (name: string, value: string, ...ids: string[]): Row => ({
  name: `date ${name}`,
  query: `Observation?code=date&date=${value}`,
  expect: ids.map(id => `d-${id}`),
});

const IN_DAY = ['day', 'second', 'instant'];
const IN_MONTH = ['month', ...IN_DAY, 'zone', 'period', 'before', 'next'];
const IN_YEAR = ['year', ...IN_MONTH, 'timing', 'later'];
const ALL = [...IN_YEAR, 'until', 'since', 'old'];
const AFTER_DAY = ['year', 'month', 'zone', 'period', 'since', 'timing', 'next', 'later'];
const BEFORE_DAY = ['year', 'month', 'period', 'until', 'before', 'old'];

export const DATES: readonly Row[] = [
  date('1: day, no prefix: values within it', '2013-01-14', ...IN_DAY),
  date('2: day, eq', 'eq2013-01-14', ...IN_DAY),
  date('3: day, ne: all others with a value', 'ne2013-01-14', ...ALL.filter(id => !IN_DAY.includes(id))),
  date('4: day, gt: reaches beyond its end', 'gt2013-01-14', ...AFTER_DAY),
  date('5: day, lt: begins before it', 'lt2013-01-14', ...BEFORE_DAY),
  date('6: day, ge: gt or eq', 'ge2013-01-14', ...AFTER_DAY, ...IN_DAY),
  date('7: day, le: lt or eq', 'le2013-01-14', ...BEFORE_DAY, ...IN_DAY),
  date('8: day, sa: begins after it', 'sa2013-01-14', 'zone', 'next', 'later'),
  date('9: day, eb: ends before it', 'eb2013-01-14', 'before', 'old'),
  date('10: day, ap: near', 'ap2013-01-14', ...ALL.filter(id => id !== 'old')),
  date('11: month, eq', '2013-01', ...IN_MONTH),
  date('12: month, ne', 'ne2013-01', ...ALL.filter(id => !IN_MONTH.includes(id))),
  date('13: month, gt', 'gt2013-01', 'year', 'since', 'timing', 'later'),
  date('14: month, lt', 'lt2013-01', 'until', 'old'),
  date('15: month, ge', 'ge2013-01', 'year', 'since', 'timing', 'later', ...IN_MONTH),
  date('16: month, le', 'le2013-01', 'until', 'old', ...IN_MONTH),
  date('17: month, sa', 'sa2013-01', 'later'),
  date('18: month, eb', 'eb2013-01', 'old'),
  date('19: year, eq', '2013', ...IN_YEAR),
  date('20: year, ne', 'ne2013', 'until', 'since', 'old'),
  date('21: year, gt', 'gt2013', 'since'),
  date('22: year, lt', 'lt2013', 'until', 'old'),
  date('23: year, ge', 'ge2013', ...IN_YEAR, 'since'),
  date('24: year, le', 'le2013', ...IN_YEAR, 'until', 'old'),
  date('25: year, sa', 'sa2012', ...IN_YEAR, 'since'),
  date('26: year, eb', 'eb2013', 'old'),
  date('27: second, eq', '2013-01-14T10:00:00Z', 'second', 'instant'),
  date('28: second in another zone', '2013-01-14T12:00:00%2B02:00', 'second', 'instant'),
  date('29: second without a zone is UTC', '2013-01-14T10:00:00', 'second', 'instant'),
  date('30: second, ne', 'ne2013-01-14T10:00:00Z', ...ALL.filter(id => id !== 'second' && id !== 'instant')),
  date('31: minute, eq', '2013-01-14T10:00Z', 'second', 'instant'),
  date('32: minute, gt', 'gt2013-01-14T10:00Z', ...AFTER_DAY, 'day', 'until'),
  date('33: minute, lt', 'lt2013-01-14T10:00Z', ...BEFORE_DAY, 'day', 'since', 'timing'),
  date('34: millisecond, eq', '2013-01-14T10:00:00.500Z', 'instant'),
  date('35: millisecond, eq, zeros left out', '2013-01-14T10:00:00.5Z', 'instant'),
  date('36: millisecond, gt', 'gt2013-01-14T10:00:00.500Z', ...AFTER_DAY, 'day', 'until', 'second'),
  date('37: millisecond, sa', 'sa2013-01-14T10:00:00.500Z', 'zone', 'next', 'later'),
  date('38: second, eb', 'eb2013-01-14T10:00:01Z', 'second', 'instant', 'before', 'old'),
  date('39: the day of a time is that of UTC', '2013-01-15', 'zone', 'next'),
  date('40: or, each with its own prefix', 'eb2013-01-14,sa2013-02-01', 'before', 'old', 'later'),
  {
    name: 'date 41: and: two bounds',
    query: 'Observation?code=date&date=ge2013-01-15&date=le2013-02-02&date=sa2013-01-14',
    expect: ['d-zone', 'd-next', 'd-later'],
  },
  { name: 'date 42: birth date, day', query: 'Patient?birthdate=1980-05-17', expect: ['eve'] },
  { name: 'date 43: birth date, month', query: 'Patient?birthdate=1980-05', expect: ['eve', 'evelyn'] },
  { name: 'date 44: birth date, year', query: 'Patient?birthdate=1980', expect: ['eve', 'evelyn', 'severin'] },
  { name: 'date 45: one type of a choice', query: 'Patient?death-date=2020-02', expect: ['severin'] },
  { name: 'date 46: _lastUpdated', query: 'Organization?_lastUpdated=gt2000', expect: ['org-1'] },
  { name: 'date 47: _lastUpdated before all', query: 'Organization?_lastUpdated=lt2000', expect: [] },
];

const number = (name: string, value: string, ...ids: string[]): Row => ({
  name: `number ${name}`,
  query: `RiskAssessment?subject=Patient/eve&probability=${value}`,
  expect: ids.map(id => `n-${id}`),
});

export const NUMBERS: readonly Row[] = [
  number('1: two digits: 9.5 ≤ x < 10.5', '10', '9.5', '10', '10.4'),
  number('2: three digits: 9.95 ≤ x < 10.05', '10.0', '10'),
  number('3: one digit with an exponent: 5 ≤ x < 15', '1e1', '9.4', '9.5', '10', '10.4', '10.5', 'range'),
  number('4: two digits with an exponent', '1.0e1', '9.5', '10', '10.4'),
  number('5: eq', 'eq10', '9.5', '10', '10.4'),
  number('6: ne', 'ne10', '9.4', '10.5', 'range'),
  number('7: gt is exact', 'gt10', '10.4', '10.5', 'range'),
  number('8: lt is exact', 'lt10', '9.4', '9.5', 'range'),
  number('9: ge', 'ge10', '10', '10.4', '10.5', 'range'),
  number('10: le', 'le10', '9.4', '9.5', '10', 'range'),
  number('11: sa', 'sa10', '10.4', '10.5'),
  number('12: eb', 'eb10', '9.4', '9.5'),
  number('13: ap, ten percent', 'ap9.4', '9.4', '9.5', '10', 'range'),
  number('14: or', '9.4,10.5', '9.4', '10.5'),
  number('15: gt with digits behind the point', 'gt10.40', '10.5', 'range'),
];

const dose = (name: string, value: string, ...ids: string[]): Row => ({
  name: `quantity ${name}`,
  query: `Observation?code=dose&value-quantity=${value}`,
  expect: ids.map(id => `q-${id}`),
});

export const QUANTITIES: readonly Row[] = [
  dose('1: number|system|code with implied precision', `5.4|${UCUM}|mg`, '5.4', '5.35'),
  dose('2: more digits', `5.40|${UCUM}|mg`, '5.4'),
  dose('3: the same in exponents', `54e-1|${UCUM}|mg`, '5.4', '5.35'),
  dose('4: number||unit: code or printed unit, any system', '5.4||mg', '5.4', '5.35', 'text', 'local'),
  dose('5: the printed unit', '5.4||milligram', '5.4', '5.35'),
  dose('6: a number alone', '5.4', '5.4', '5.35', 'gram', 'text', 'bare', 'local'),
  dose('7: with a system the code counts', `5.4|${UCUM}|milligram`),
  dose('8: number|system|', `5.4|${LOCAL}|`, 'local'),
  dose('9: gt is exact', `gt5.4|${UCUM}|mg`, '5.45', '5.9', 'gram'),
  dose('10: lt is exact', `lt5.4|${UCUM}|mg`, '5.35', 'negative'),
  dose('11: ge', `ge5.4|${UCUM}|mg`, '5.4', '5.45', '5.9', 'gram'),
  dose('12: le', `le5.4|${UCUM}|mg`, '5.4', '5.35', 'negative'),
  dose('13: sa', `sa5.4|${UCUM}|mg`, '5.45', '5.9', 'gram'),
  dose('14: eb', `eb5.4|${UCUM}|mg`, '5.35', 'negative'),
  dose('15: ne', `ne5.4|${UCUM}|mg`, '5.45', '5.9', 'gram', 'negative'),
  dose('16: ap, ten percent', `ap5.4|${UCUM}|mg`, '5.4', '5.35', '5.45', '5.9'),
  dose('17: hundred: 99.5 ≤ x < 100.5', `100|${UCUM}|%25`, '100', '99.5'),
  dose('18: 100.00', `100.00|${UCUM}|%25`, '100'),
  dose('19: negative', `-5.4|${UCUM}|mg`, 'negative'),
  dose('20: or with units of their own', `5.40|${UCUM}|mg,100.0|${UCUM}|%25`, '5.4', '100'),
  { name: 'quantity 21: Age', query: `Condition?onset-age=40|${UCUM}|a`, expect: ['q-age'] },
  { name: 'quantity 22: Range reaches above', query: `Condition?onset-age=gt45|${UCUM}|a`, expect: ['q-ages'] },
  { name: 'quantity 23: Range begins below', query: `Condition?onset-age=lt40|${UCUM}|a`, expect: ['q-ages'] },
  { name: 'quantity 24: Range lies above', query: `Condition?onset-age=sa29|${UCUM}|a`, expect: ['q-age', 'q-ages'] },
  { name: 'quantity 25: Range within', query: `Condition?onset-age=4e1|${UCUM}|a`, expect: ['q-age'] },
  {
    name: 'quantity 26: Money by currency',
    query: 'Invoice?totalnet=12.5|urn:iso:std:iso:4217|EUR',
    expect: ['q-money'],
  },
  {
    name: 'quantity 27: Money in another currency',
    query: 'Invoice?totalnet=12.5|urn:iso:std:iso:4217|USD',
    expect: [],
  },
];
