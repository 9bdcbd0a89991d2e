/**
 * The units that UCUM defines, from the table of @lhncbc/ucum-lhc, loaded when the first unit is looked up.
 * https://ucum.org/ucum
 */
import { createRequire } from 'node:module';

/** One unit of the table: so much of a product of others, or a function of it. */
export interface Definition {
  readonly code: string;
  /** The expression it is defined by; null for base units. */
  readonly reference: string | null;
  /** How much of it, as a decimal; null for base and special units. */
  readonly amount: string | null;
  /** The name of a special unit's function. */
  readonly conversion: string | null;
  readonly isBase: boolean;
  /** It takes prefixes. */
  readonly isMetric: boolean;
  readonly isSpecial: boolean;
  readonly isArbitrary: boolean;
  /** For a special unit: a value in the unit of `reference`. */
  readonly convert: ((value: number) => number) | undefined;
}

interface Unit {
  readonly csCode_: string;
  readonly csUnitString_: string | null;
  readonly baseFactor_: number | null;
  readonly baseFactorStr_: string | null;
  readonly source_: string | null;
  readonly cnv_: string | null;
  readonly isBase_: boolean;
  readonly isMetric_: boolean;
  readonly isSpecial_: boolean;
  readonly isArbitrary_: boolean;
  convertFrom(value: number, from: Unit): number;
}

interface Library {
  readonly UcumLhcUtils: { getInstance(): { getSpecifiedUnit(code: string): { readonly unit: Unit | null } } };
  readonly UnitTables: { getInstance(): { getUnitByCode(code: string): Unit | undefined } };
}

type Find = (code: string) => Definition | undefined;
let findUnit: Find | undefined;

/** The unit that UCUM itself defines by this code: no prefix, no combination. */
export function unitDefinition(code: string): Definition | undefined {
  findUnit ??= openTable();
  return findUnit(code);
}

function openTable(): Find {
  const library = createRequire(import.meta.url)('@lhncbc/ucum-lhc') as Library;
  // The first of them fills the second.
  const utilities = library.UcumLhcUtils.getInstance();
  const units = library.UnitTables.getInstance();
  // One for each unit of the table at most, and always the same.
  const made = new Map<Unit, Definition>();
  return code => {
    const unit = units.getUnitByCode(code);
    const known = unit && made.get(unit);
    if (!unit || known) return known;
    // A member that every object has is no unit; combinations are not as well defined as their parts.
    const { csCode_: own, source_: source } = unit;
    if (own !== code || source !== 'UCUM') return undefined;
    const definition = describe(unit, reference => utilities.getSpecifiedUnit(reference).unit);
    made.set(unit, definition);
    return definition;
  };
}

function describe(unit: Unit, read: (code: string) => Unit | null): Definition {
  const { csCode_: code, csUnitString_: reference, cnv_: conversion } = unit;
  const { isBase_: isBase, isMetric_: isMetric, isSpecial_: isSpecial, isArbitrary_: isArbitrary } = unit;
  const base = isSpecial && reference !== null ? read(reference) : null;
  return {
    code,
    reference,
    amount: amountOf(unit),
    conversion,
    isBase,
    isMetric: isMetric || isBase,
    isSpecial,
    isArbitrary,
    convert: base ? value => base.convertFrom(value, unit) : undefined,
  };
}

/** As UCUM writes it; where the text is not the number (multiples of pi), the number. */
function amountOf({ baseFactor_: number, baseFactorStr_: text }: Unit): string | null {
  if (text !== null && Number(text) === number) return text;
  return number === null ? null : String(number);
}
