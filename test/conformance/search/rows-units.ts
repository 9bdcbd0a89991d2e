/**
 * Quantities in units of UCUM are found by every unit of the same kind, with the precision of the digits asked for.
 * https://hl7.org/fhir/R4/search.html#quantity
 */
import { LOCAL, UCUM } from './population.js';
import type { Row } from './row.js';

const search = (name: string, parameter: string, value: string, ids: readonly string[]): Row => ({
  name: `unit ${name}`,
  query: `Observation?code=units&${parameter}=${value}`,
  expect: ids.map(id => `uc-${id}`),
});
const unit = (name: string, value: string, ...ids: string[]): Row => search(name, 'value-quantity', value, ids);
/** In UCUM. */
const ucum = (name: string, value: string, code: string, ...ids: string[]): Row =>
  unit(name, `${value}|${UCUM}|${code}`, ...ids);

const DOSES = ['mg', 'g', 'ug'];
const NEAR = [...DOSES, 'mg-least', 'mg-most'];
const BODIES = ['kg', 'pound'];
const WARM = ['cel', 'degf', 'kelvin'];

const CONVERSIONS: readonly Row[] = [
  ucum('1: mg finds g and ug', '5.400', 'mg', ...DOSES),
  ucum('2: g finds mg and ug', '0.005400', 'g', ...DOSES),
  ucum('3: ug', '5400.0', 'ug', ...DOSES),
  ucum('4: kg, with an exponent', '5.4000e-6', 'kg', ...DOSES),
  ucum('5: two digits: 5.35 mg ≤ x < 5.45 mg', '0.0054', 'g', ...NEAR),
  ucum('6: three digits: 5.395 mg ≤ x < 5.405 mg', '0.00540', 'g', ...DOSES, 'mg-least'),
  ucum('7: three digits in the unit of the value', '5.40', 'mg', ...DOSES, 'mg-least'),
  ucum('8: digits count in the unit asked for: 5399.5 ug ≤ x < 5400.5 ug', '5400', 'ug', ...DOSES),
  ucum('9: one digit: 4.5 mg ≤ x < 5.5 mg', '5', 'mg', ...NEAR),
  ucum('10: pounds find kilograms', '11.90', '[lb_av]', ...BODIES),
  ucum('11: kilograms find pounds', '5.4', 'kg', ...BODIES),
  ucum('12: grams', '5400', 'g', ...BODIES),
  ucum('13: umol/L', '5100', 'umol/L', 'mmol', 'umol'),
  ucum('14: mmol/L', '5.10', 'mmol/L', 'mmol', 'umol'),
  ucum('15: mmol/dL', '0.510', 'mmol/dL', 'mmol', 'umol'),
  ucum('16: an amount of substance is no count', '5.1', '/L', 'litre'),
  ucum('17: kPa finds mm[Hg]', '16.0', 'kPa', 'mmhg', 'kpa'),
  ucum('18: mm[Hg] finds kPa', '120', 'mm[Hg]', 'mmhg', 'kpa'),
  ucum('19: mm[Hg] with more digits', '120.00', 'mm[Hg]', 'mmhg'),
  ucum('20: cm[Hg]', '12.0', 'cm[Hg]', 'mmhg', 'kpa'),
  ucum('21: Cel finds [degF] and K', '37.0', 'Cel', ...WARM),
  ucum('22: [degF] finds Cel and K', '98.60', '[degF]', ...WARM),
  ucum('23: K finds Cel and [degF]', '310.15', 'K', ...WARM),
  ucum('24: above 100 [degF]', 'gt100', '[degF]', 'fever'),
  ucum('25: from 37 Cel: the same amount in [degF] is not below', 'ge37', 'Cel', ...WARM, 'fever'),
  ucum('26: not above 98.6 [degF]', 'le98.6', '[degF]', ...WARM),
  ucum('27: inches', '70', '[in_i]', 'inch', 'cm'),
  ucum('28: centimetres', '177.8', 'cm', 'inch', 'cm'),
  ucum('29: metres', '1.778', 'm', 'inch', 'cm'),
  ucum('30: hours', '1.5', 'h', 'hour', 'minute'),
  ucum('31: minutes', '90', 'min', 'hour', 'minute'),
  ucum('32: seconds', '5400', 's', 'hour', 'minute'),
  ucum('33: percent', '40', '%25', 'percent', 'one'),
  ucum('34: a plain number', '0.40', '1', 'percent', 'one'),
  ucum('35: parts per thousand', '400', '[ppth]', 'percent', 'one'),
  ucum('36: powers of ten', '7.0', '10*9/L', 'thousands', 'billions', 'cells'),
  ucum('37: annotations', '7000', '{leukocytes}/uL', 'thousands', 'billions', 'cells'),
  ucum('38: arbitrary units by their prefixes', '3', 'k[iU]/L', 'iu'),
  ucum('39: arbitrary units are no others', '3', "[arb'U]/mL", 'arb'),
  ucum('40: two spellings of one unit', '3', '[IU]/mL', 'iu'),
  ucum('41: pH by the concentration', '100', 'nmol/L', 'acid'),
  ucum('42: a higher pH is a lower concentration', 'gt6.9', '[pH]', 'acid'),
  ucum('43: pH, the other way', 'lt6.9', '[pH]', 'mmol', 'umol'),
];

const PREFIXES: readonly Row[] = [
  ucum('44: eq', 'eq0.00540', 'g', ...DOSES, 'mg-least'),
  ucum('45: ne: others of its kind, no other kind', 'ne0.00540', 'g', 'mg-most', ...BODIES),
  ucum('46: gt is exact', 'gt0.0054', 'g', 'mg-most', ...BODIES),
  ucum('47: lt is exact', 'lt0.0054', 'g', 'mg-least'),
  ucum('48: ge', 'ge0.0054', 'g', ...DOSES, 'mg-most', ...BODIES),
  ucum('49: le', 'le0.0054', 'g', ...DOSES, 'mg-least'),
  ucum('50: sa', 'sa5400', 'ug', 'mg-most', ...BODIES),
  ucum('51: eb', 'eb5400', 'ug', 'mg-least'),
  ucum('52: ap, ten percent', 'ap5000', 'ug', ...NEAR),
  ucum('53: ap, more than ten percent', 'ap4900', 'ug'),
  unit('54: or, each with its own unit', `5400.0|${UCUM}|ug,1.5|${UCUM}|h`, ...DOSES, 'hour', 'minute'),
  unit('55: or with the same unit', `5.395|${UCUM}|mg,5.405|${UCUM}|mg`, 'mg-least', 'mg-most'),
  {
    name: 'unit 56: and: two bounds in two units',
    query: `Observation?code=units&value-quantity=gt5.3|${UCUM}|mg&value-quantity=lt1|${UCUM}|[lb_av]`,
    expect: NEAR.map(id => `uc-${id}`),
  },
  { name: 'unit 57: Age', query: `Condition?onset-age=480|${UCUM}|mo`, expect: ['q-age'] },
  { name: 'unit 58: a Range reaches above', query: `Condition?onset-age=gt540|${UCUM}|mo`, expect: ['q-ages'] },
  { name: 'unit 59: a Range lies above', query: `Condition?onset-age=sa300|${UCUM}|mo`, expect: ['q-age', 'q-ages'] },
  { name: 'unit 60: a Range lies below', query: `Condition?onset-age=eb601|${UCUM}|mo`, expect: ['q-age', 'q-ages'] },
];

const ITSELF: readonly Row[] = [
  ucum('61: a code that UCUM has not finds itself', '5.4', 'milligram', 'no-code'),
  ucum('62: and nothing else', '0.0054', 'gram'),
  unit('63: another system finds itself', `5.4|${LOCAL}|mg`, 'local'),
  unit('64: another system is not converted', `0.0054|${LOCAL}|g`),
  unit('65: a unit without a system is not converted', '5.4||mg', 'mg', 'local', 'text', 'mg-least', 'mg-most'),
  unit('66: nor found by another', '5400||ug', 'ug'),
  unit('67: a number alone', '0.0054', 'g'),
  unit('68: a system alone', `5.40|${UCUM}|`, 'mg', 'mg-least', 'kg', 'no-code'),
  ucum('69: nothing of that kind', '5.4', 'V'),
  ucum('70: ne of a kind that nothing has', 'ne5.4', 'V'),
];

const COMPOSITES: readonly Row[] = [
  search('71: code and value', 'code-value-quantity', `${LOCAL}|units$5400.0|${UCUM}|ug`, DOSES),
  search('72: another code and value', 'code-value-quantity', `${LOCAL}|dose$5400.0|${UCUM}|ug`, []),
  search('73: code and value with a prefix', 'code-value-quantity', `units$gt38|${UCUM}|Cel`, ['fever']),
  search('74: a component', 'component-value-quantity', `150|${UCUM}|mm[Hg]`, ['bp', 'bp-odd']),
  search('75: a component by its code', 'component-code-value-quantity', `upper$150|${UCUM}|mm[Hg]`, ['bp']),
  search('76: code and value of one component', 'component-code-value-quantity', `upper$lt100|${UCUM}|mm[Hg]`, [
    'bp-odd',
  ]),
  search('77: value or component', 'combo-value-quantity', `gt118|${UCUM}|mm[Hg]`, ['mmhg', 'kpa', 'bp', 'bp-odd']),
  search('78: code and value, of either', 'combo-code-value-quantity', `lower$ge140|${UCUM}|mm[Hg]`, ['bp-odd']),
  search('79: code and value, of the whole', 'combo-code-value-quantity', `units$ge16|${UCUM}|kPa`, ['kpa']),
  search('80: a component in its own unit', 'component-value-quantity', `12||kPa`, ['bp', 'bp-odd']),
];

export const UNITS: readonly Row[] = [...CONVERSIONS, ...PREFIXES, ...ITSELF, ...COMPOSITES];
