/**
 * Number and quantity parameters on numbered populations: every prefix with values of many forms and precisions.
 * https://hl7.org/fhir/R4/search.html#number, #quantity
 *
 * The ranges are half a unit of the last digit written, by the text of the paragraph: `1e2` has one significant figure.
 */
import { holdsNumber, PREFIXES, type Prefix, type Searched } from './intervals.js';
import { LOCAL, UCUM } from './population.js';
import { AGES, type Amount, AMOUNTS, CHANCES, FACTORS, type Numbered, SUMS } from './population-numbers.js';
import type { Group, Row } from './row.js';

const sought = (text: string, value: number, low: number, high: number, near: readonly [number, number]): Searched => ({
  text,
  value,
  low,
  high,
  near,
});

/** Of the population, those of RiskAssessment that were there before: `risk` ids are not theirs. */
const OLD: readonly (readonly [id: string, low: number, high: number])[] = [
  ['n-9.4', 9.4, 9.4],
  ['n-9.5', 9.5, 9.5],
  ['n-10', 10, 10],
  ['n-10.4', 10.4, 10.4],
  ['n-10.5', 10.5, 10.5],
  ['n-range', 9, 11],
];
const ALL_CHANCES = [
  ...CHANCES.map(({ resource, number }) => ({ id: resource.id, number })),
  ...OLD.map(([id, low, high]) => ({ id, number: { low, high } })),
];

const FIVE = sought('5', 5, 4.5, 5.5, [4.5, 5.5]);
const ZERO = sought('0', 0, -0.5, 0.5, [0, 0]);
const MINUS = sought('-1', -1, -1.5, -0.5, [-1.1, -0.9]);
const HUNDRED = sought('1e2', 100, 50, 150, [90, 110]);
const HUNDREDTH = sought('1.00e-2', 0.01, 0.00995, 0.01005, [0.009, 0.011]);

const NUMBERS: readonly Searched[] = [
  FIVE,
  sought('5.0', 5, 4.95, 5.05, [4.5, 5.5]),
  sought('5.00', 5, 4.995, 5.005, [4.5, 5.5]),
  ZERO,
  MINUS,
  HUNDRED,
  HUNDREDTH,
  sought('0.05', 0.05, 0.045, 0.055, [0.045, 0.055]),
];

const FACTOR_VALUES: readonly Searched[] = [
  HUNDRED,
  sought('100', 100, 99.5, 100.5, [90, 110]),
  sought('1.0e2', 100, 95, 105, [90, 110]),
  ZERO,
  MINUS,
  sought('-1.0', -1, -1.05, -0.95, [-1.1, -0.9]),
  HUNDREDTH,
  sought('1e-2', 0.01, 0.005, 0.015, [0.009, 0.011]),
];

function rowsOf(
  title: string,
  query: string,
  stored: readonly { readonly id: string; readonly number?: Numbered['number'] }[],
  values: readonly Searched[],
): Row[] {
  return values.flatMap(value =>
    PREFIXES.map(
      (prefix): Row => ({
        name: `${title}: ${prefix || 'no prefix'} ${value.text}`,
        query: `${query}=${prefix}${value.text}`,
        expect: stored.filter(({ number }) => number && holdsNumber(prefix, number, value)).map(({ id }) => id),
      }),
    ),
  );
}

/** What follows the number, and which units it wants. */
interface Unit {
  readonly text: string;
  readonly wants: (amount: Amount) => boolean;
  /** What one of the amount's units is in those searched; 1 where it is not said. */
  readonly times?: (amount: Amount) => number;
}

const ANY: Unit = { text: '', wants: () => true };
const coded = (system: string, code: string): Unit => ({
  text: `|${system}|${code}`,
  wants: amount => amount.system === system && amount.code === code,
});
const inSystem = (system: string): Unit => ({ text: `|${system}|`, wants: amount => amount.system === system });
const printed = (unit: string): Unit => ({
  text: `||${unit}`,
  wants: amount => amount.code === unit || amount.unit === unit,
});

const inUnit = (amount: Amount, { times = () => 1 }: Unit) => ({
  low: amount.number.low * times(amount),
  high: amount.number.high * times(amount),
});

function amountRows(
  title: string,
  query: string,
  stored: readonly Amount[],
  values: readonly Searched[],
  units: readonly Unit[],
  prefixes: readonly Prefix[] = PREFIXES,
): Row[] {
  return units.flatMap(unit =>
    values.flatMap(value =>
      prefixes.map(
        (prefix): Row => ({
          name: `${title}: ${prefix || 'no prefix'} ${value.text}${unit.text}`,
          query: `${query}=${prefix}${value.text}${unit.text}`,
          expect: stored
            .filter(amount => unit.wants(amount) && holdsNumber(prefix, inUnit(amount, unit), value))
            .map(({ resource }) => resource.id),
        }),
      ),
    ),
  );
}

const DOSE = sought('5.4', 5.4, 5.35, 5.45, [4.86, 5.94]);
const DOSES: readonly Searched[] = [
  sought('5.40', 5.4, 5.395, 5.405, [4.86, 5.94]),
  sought('54e-1', 5.4, 5.35, 5.45, [4.86, 5.94]),
  sought('5', 5, 4.5, 5.5, [4.5, 5.5]),
  sought('-5.4', -5.4, -5.45, -5.35, [-5.94, -4.86]),
  ZERO,
  HUNDRED,
];
/** Grams are converted. */
const MG: Unit = {
  text: `|${UCUM}|mg`,
  wants: ({ system, code }) => system === UCUM && (code === 'mg' || code === 'g'),
  times: ({ code }) => (code === 'g' ? 1000 : 1),
};
const FORTY = sought('40', 40, 39.5, 40.5, [36, 44]);
const EUROS = coded('urn:iso:std:iso:4217', 'EUR');
const AMOUNT_QUERY = 'Observation?code=amount&value-quantity';

const one = (name: string, query: string, ...expect: readonly string[]): Row => ({
  name: `amounts: ${name}`,
  query,
  expect,
});

export const NUMBER_GROUPS: readonly Group[] = [
  { title: 'probabilities', rows: rowsOf('probability', 'RiskAssessment?probability', ALL_CHANCES, NUMBERS) },
  {
    title: 'factors',
    rows: rowsOf(
      'factor',
      'ChargeItem?factor-override',
      FACTORS.map(({ resource, number }) => ({ id: resource.id, ...(number ? { number } : {}) })),
      FACTOR_VALUES,
    ),
  },
  {
    title: 'amounts by the form of their unit',
    rows: amountRows(
      'amount',
      AMOUNT_QUERY,
      AMOUNTS,
      [DOSE],
      [MG, ANY, printed('mg'), printed('milligram'), inSystem(UCUM), coded(LOCAL, 'mg')],
    ),
  },
  {
    title: 'amounts by the form of their number',
    rows: amountRows('amount', AMOUNT_QUERY, AMOUNTS, DOSES, [MG], ['', 'ne', 'gt', 'le', 'sa', 'eb', 'ap']),
  },
  {
    title: 'ages and ranges of ages',
    rows: amountRows('age', 'Condition?abatement-age', AGES, [FORTY], [coded(UCUM, 'a'), ANY]),
  },
  {
    title: 'sums of money',
    rows: amountRows(
      'money',
      'Invoice?totalgross',
      SUMS,
      [sought('12.5', 12.5, 12.45, 12.55, [11.25, 13.75])],
      [EUROS, ANY],
    ),
  },
  {
    title: 'amounts together',
    rows: [
      one(
        'each alternative has its own prefix',
        `${AMOUNT_QUERY}=gt50|${UCUM}|mg,lt-2|${UCUM}|mg`,
        'amount-10',
        'amount-14',
        'amount-17',
        'amount-18',
      ),
      one(
        'each alternative has its own unit',
        `${AMOUNT_QUERY}=0.0054|${UCUM}|g,-1|${UCUM}|mg`,
        ...[1, 2, 4, 5, 6, 16, 19].map(n => `amount-${n}`),
      ),
      one(
        'two conditions are a window',
        `${AMOUNT_QUERY}=gt5.4|${UCUM}|mg&value-quantity=lt5.9|${UCUM}|mg`,
        'amount-3',
        'amount-4',
        'amount-6',
      ),
      one('codes of units mind case', `${AMOUNT_QUERY}=5.4|${UCUM}|MG`, 'amount-20'),
      one('in another unit, far from the others', `${AMOUNT_QUERY}=5.4|${UCUM}|g`, 'amount-10', 'amount-14'),
      one('a unit that nothing has', `${AMOUNT_QUERY}=5.4|${UCUM}|kg`),
      one('sa of a number is above it', `${AMOUNT_QUERY}=sa6|${UCUM}|mg`, 'amount-10', 'amount-14', 'amount-18'),
      one('eb of a number is below it', `${AMOUNT_QUERY}=eb0|${UCUM}|mg`, 'amount-16', 'amount-17'),
      one('probabilities in a window', 'RiskAssessment?probability=sa5&probability=eb6', 'risk-3', 'risk-5'),
      one(
        'probabilities, each alternative with its prefix',
        'RiskAssessment?probability=sa50,eb0.04',
        'risk-7',
        'risk-11',
        'risk-12',
        'risk-13',
      ),
      one('a factor beyond whole numbers of 32 bits', 'ChargeItem?factor-override=2.5e12', 'factor-21'),
      one('a factor of ten digits after the point', 'ChargeItem?factor-override=1.0e-10', 'factor-20'),
    ],
  },
];
