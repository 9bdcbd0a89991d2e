/** Numbers, ranges, quantities and money for the rows of their parameters. https://hl7.org/fhir/R4/search.html#number, #quantity */
import type { JsonObject } from '../../../src/fhir/resource.js';
import type { Stored } from './intervals.js';
import { type Known, LOCAL, UCUM } from './population.js';

/** The server's largest and smallest number stand for the open end of a Range; any number searched lies between. */
const OPEN = Number.MAX_VALUE;

export interface Numbered {
  readonly resource: Known;
  readonly number?: Stored;
}

const risk = (id: number, prediction: JsonObject, number?: Stored): Numbered => ({
  resource: {
    resourceType: 'RiskAssessment',
    id: `risk-${id}`,
    status: 'final',
    subject: { reference: 'Patient/evelyn' },
    prediction: [{ outcome: { text: 'a fall' }, ...prediction }],
  },
  ...(number ? { number } : {}),
});

const chance = (id: number, value: number) => risk(id, { probabilityDecimal: value }, { low: value, high: value });

const chances = (id: number, low: number | undefined, high: number | undefined) =>
  risk(
    id,
    {
      probabilityRange: {
        ...(low === undefined ? {} : { low: { value: low } }),
        ...(high === undefined ? {} : { high: { value: high } }),
      },
    },
    { low: low ?? -OPEN, high: high ?? OPEN },
  );

/** RiskAssessment.prediction.probability[x]. */
export const CHANCES: readonly Numbered[] = [
  chance(1, 5),
  chance(2, 4.5),
  chance(3, 5.5),
  chance(4, 4.95),
  chance(5, 5.05),
  chance(6, 4.996),
  chance(7, 0),
  chance(8, 0.05),
  chance(9, 0.045),
  chance(10, 0.055),
  chance(11, 0.01),
  chance(12, 0.0101),
  chance(13, 100),
  chance(14, 49.9),
  chance(15, 0.4),
  chances(16, 4.9, 5.1),
  chances(17, 0, 100),
  chances(18, 5, undefined),
  chances(19, undefined, 0.05),
  risk(20, { qualitativeRisk: { text: 'low' } }),
];

/** ChargeItem.factorOverride: a plain decimal that may be negative. */
export const FACTORS: readonly Numbered[] = [
  1, -1, -1.4, -1.5, -0.5, -0.51, 0, -0.4, 0.49, 0.5, 100, 95, 104.9, 50, 149.9, 150, 0.01, 0.0099, 0.01005, 1e-10,
  2.5e12,
]
  .map(
    (value, at): Numbered => ({
      resource: {
        resourceType: 'ChargeItem',
        id: `factor-${at + 1}`,
        status: 'billable',
        code: { text: 'a visit' },
        subject: { reference: 'Patient/eve' },
        factorOverride: value,
      },
      number: { low: value, high: value },
    }),
  )
  .concat({
    resource: {
      resourceType: 'ChargeItem',
      id: 'factor-none',
      status: 'billable',
      code: { text: 'a visit' },
      subject: { reference: 'Patient/eve' },
    },
  });

/** A number with the three texts of its unit; '' where there is none. */
export interface Amount {
  readonly resource: Known;
  readonly number: Stored;
  readonly system: string;
  readonly code: string;
  readonly unit: string;
}

function unitOf(system: string, code: string, unit: string): JsonObject {
  return { ...(system ? { system } : {}), ...(code ? { code } : {}), ...(unit ? { unit } : {}) };
}

/** Observation.valueQuantity. */
export const AMOUNTS: readonly Amount[] = (
  [
    [5.4, UCUM, 'mg', 'milligram'],
    [5.35, UCUM, 'mg', 'milligram'],
    [5.45, UCUM, 'mg', 'milligram'],
    [5.44, UCUM, 'mg', 'milligram'],
    [5.395, UCUM, 'mg', 'mg'],
    [5.405, UCUM, 'mg', 'mg'],
    [5.9, UCUM, 'mg', ''],
    [6, UCUM, 'mg', ''],
    [4.8, UCUM, 'mg', ''],
    [5.4, UCUM, 'g', 'gram'],
    [5.4, LOCAL, 'mg', 'mg'],
    [5.4, '', '', 'mg'],
    [5.4, '', '', ''],
    [5.4, UCUM, 'g', 'mg'],
    [0, UCUM, 'mg', 'mg'],
    [-1, UCUM, 'mg', 'mg'],
    [-5.4, UCUM, 'mg', 'mg'],
    [100, UCUM, 'mg', 'mg'],
    [0.0054, UCUM, 'g', 'g'],
    [5.4, UCUM, 'MG', 'MG'],
  ] as const
).map(([value, system, code, unit], at) => ({
  resource: {
    resourceType: 'Observation',
    id: `amount-${at + 1}`,
    status: 'final',
    code: { coding: [{ system: LOCAL, code: 'amount' }] },
    valueQuantity: { value, ...unitOf(system, code, unit) },
  },
  number: { low: value, high: value },
  system,
  code,
  unit,
}));

const ending = (id: number, abatement: JsonObject, low: number, high: number): Amount => ({
  resource: { resourceType: 'Condition', id: `age-${id}`, subject: { reference: 'Patient/evelyn' }, ...abatement },
  number: { low, high },
  system: UCUM,
  code: 'a',
  unit: '',
});
const years = (value: number) => ({ value, system: UCUM, code: 'a' });

/** Condition.abatement[x]: Age and Range. */
export const AGES: readonly Amount[] = [
  ending(1, { abatementAge: years(40) }, 40, 40),
  ending(2, { abatementAge: years(39.5) }, 39.5, 39.5),
  ending(3, { abatementAge: years(40.5) }, 40.5, 40.5),
  ending(4, { abatementRange: { low: years(30), high: years(50) } }, 30, 50),
  ending(5, { abatementRange: { low: years(39.8), high: years(40.2) } }, 39.8, 40.2),
  ending(6, { abatementRange: { low: years(40), high: years(45) } }, 40, 45),
  ending(7, { abatementRange: { low: years(35), high: years(40) } }, 35, 40),
  ending(8, { abatementRange: { low: years(41) } }, 41, OPEN),
  ending(9, { abatementRange: { high: years(39) } }, -OPEN, 39),
  ending(10, { abatementAge: years(80) }, 80, 80),
];

/** Invoice.totalGross: the currency is the code. */
export const SUMS: readonly Amount[] = (
  [
    [12.5, 'EUR'],
    [12.5, 'USD'],
    [12.45, 'EUR'],
    [12.55, 'EUR'],
    [13, 'EUR'],
    [11, 'EUR'],
    [-12.5, 'EUR'],
    [0, 'EUR'],
    [12.5, ''],
  ] as const
).map(([value, currency], at) => ({
  resource: {
    resourceType: 'Invoice',
    id: `sum-${at + 1}`,
    status: 'issued',
    totalGross: { value, ...(currency ? { currency } : {}) },
  },
  number: { low: value, high: value },
  system: currency ? 'urn:iso:std:iso:4217' : '',
  code: currency,
  unit: '',
}));
