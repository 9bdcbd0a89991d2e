/**
 * Units of the Unified Code for Units of Measure, read into what they are made of. https://ucum.org/ucum
 *
 * The table of units and the functions of special ones (Cel, [degF], [pH]) are those of @lhncbc/ucum-lhc. Expressions are
 * read here: its own reader computes with doubles (254e-2 cm is 0.025400000000000002 m), accepts `toString`, and prints
 * some of the texts that it refuses.
 *
 * Choices:
 * - mol and eq are kept apart from plain numbers and from each other, as the library does: 1 mmol is no count.
 * - Arbitrary units ([iU], [arb'U]) are dimensions of their own. Annotations mean nothing: `{cells}/uL` is `/uL`.
 * - A special unit stands alone, with a prefix at most. Some are left out: [m/s2/Hz^(1/2)] has no order, the library's
 *   functions of %[slope] (radians for degrees) and [degRe] (the offset of Cel) are not UCUM's, and of [p'diop] and
 *   [hp'_X], [hp'_C], [hp'_M], [hp'_Q] it has none.
 * - [diop], [mesh_i] and Bd are one per metre, inch, second, as UCUM defines them.
 */
import { ONE, power, type Ratio, ratioOf, scale, times } from '../fhir/ratio.js';
import { type Definition, unitDefinition } from './ucum-table.js';

/** A unit as a product of base units, times a factor; `special`: a value is brought to that product by a function. */
export interface Composition {
  readonly powers: ReadonlyMap<string, number>;
  readonly factor: Ratio;
  readonly special?: (value: number) => number;
}

const UNIT_PREFIXES: ReadonlyMap<string, Ratio> = new Map(
  Object.entries({
    ...{ Y: 24, Z: 21, E: 18, P: 15, T: 12, G: 9, M: 6, k: 3, h: 2, da: 1 },
    ...{ d: -1, c: -2, m: -3, u: -6, n: -9, p: -12, f: -15, a: -18, z: -21, y: -24 },
  })
    .map(([prefix, exponent]): [string, Ratio] => [prefix, { ...ONE, exponent }])
    .concat(['Ki', 'Mi', 'Gi', 'Ti'].map((prefix, i) => [prefix, power(ratioOf('1024'), i + 1)])),
);

/** Amounts of substance: defined by a number in UCUM, but no number of anything else. */
const AMOUNTS_OF_SUBSTANCE: ReadonlySet<string> = new Set(['mol', 'eq']);
const UNUSABLE: ReadonlySet<string> = new Set([
  ...['sqrt', '100tan', 'degRe'],
  // The library names functions for them that it does not have: prism diopters and homeopathic potencies.
  ...['tanTimes100', 'hpX', 'hpC', 'hpM', 'hpQ'],
]);
const NUMBER: Composition = { powers: new Map(), factor: ONE };
/** Visible ASCII, as UCUM has it. Codes are short; what is longer is a text. */
const UNIT_CODE = /^[!-~]{1,100}$/;
const SIMPLE_UNIT = /^(?<digits>\d{1,20})$|^(?<atom>.*?[^\d+-])(?<exponent>[+-]?\d{1,2})?$/;
const notAUnit = (): never => {
  throw new RangeError('Not a unit.');
};

/** The composition of a UCUM code, case sensitive; undefined where it is none. */
export function readUnit(code: string): Composition | undefined {
  if (!UNIT_CODE.test(code)) return undefined;
  try {
    const { unit, end } = readUnitTerm(code, 0, 0);
    return end === code.length ? unit : undefined;
  } catch (error) {
    // Not a unit, or a number that is out of all proportion.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

interface UnitReading {
  readonly unit: Composition;
  readonly end: number;
}

/** Components joined by `.` and `/`, from left to right, up to a closing parenthesis or the end. */
function readUnitTerm(code: string, start: number, depth: number): UnitReading {
  let at = start;
  let unit: Composition | undefined;
  do {
    const operator = code[at];
    const joined = operator === '/' || (operator === '.' && unit !== undefined);
    const { unit: next, end } = readComponent(code, joined ? at + 1 : at, depth);
    const part = operator === '/' ? raise(next, -1) : next;
    unit = unit ? multiply(unit, part) : part;
    at = end;
  } while (code[at] === '.' || code[at] === '/');
  return { unit, end: at };
}

function readComponent(code: string, start: number, depth: number): UnitReading {
  if (code[start] === '(') {
    if (depth > 9) return notAUnit();
    const { unit, end } = readUnitTerm(code, start + 1, depth + 1);
    return code[end] === ')' ? { unit, end: afterAnnotation(code, end + 1) } : notAUnit();
  }
  let end = start;
  // What is between brackets may look like operators: [m/s2/Hz^(1/2)].
  for (let open = false; end < code.length && (open || !'./(){}'.includes(code[end]!)); end++)
    open = code[end] === '[' || (open && code[end] !== ']');
  const last = afterAnnotation(code, end);
  if (last === start) return notAUnit();
  return { unit: end === start ? NUMBER : readSimple(code.slice(start, end)), end: last };
}

function afterAnnotation(code: string, at: number): number {
  if (code[at] !== '{') return at;
  const end = code.indexOf('}', at);
  return end < 0 || code.slice(at + 1, end).includes('{') ? notAUnit() : end + 1;
}

/** A whole number, or a unit with a prefix and an exponent where it has them. */
function readSimple(text: string): Composition {
  const { digits, atom, exponent } = SIMPLE_UNIT.exec(text)?.groups ?? {};
  if (digits !== undefined) return { ...NUMBER, factor: ratioOf(digits) };
  if (atom === undefined) return notAUnit();
  const unit = readAtom(atom);
  return exponent === undefined ? unit : raise(unit, Number(exponent));
}

function readAtom(text: string): Composition {
  const whole = unitDefinition(text);
  if (whole) return compositionOf(whole);
  for (const length of [2, 1]) {
    const factor = UNIT_PREFIXES.get(text.slice(0, length));
    const unit = factor && unitDefinition(text.slice(length));
    if (factor && unit?.isMetric) return prefixed(factor, compositionOf(unit));
  }
  return notAUnit();
}

/** Of the table's units alone, so that there are no more than it has. */
const compositions = new Map<Definition, Composition>();

function compositionOf(definition: Definition): Composition {
  const known = compositions.get(definition);
  if (known) return known;
  const made = compose(definition);
  compositions.set(definition, made);
  return made;
}

/** A prefix counts special units before their function is applied: 1 mCel is a thousandth of a Cel. */
function prefixed(prefix: Ratio, unit: Composition): Composition {
  const { special } = unit;
  return special
    ? { ...unit, special: value => special(scale(value, prefix)) }
    : { ...unit, factor: times(prefix, unit.factor) };
}

function compose({ code, reference, amount, conversion, ...unit }: Definition): Composition {
  if (unit.isBase || AMOUNTS_OF_SUBSTANCE.has(code) || (unit.isArbitrary && reference === '1'))
    return { powers: new Map([[code, 1]]), factor: ONE };
  if (reference === null) return notAUnit();
  const base = readUnitTerm(reference, 0, 0).unit;
  if (unit.isSpecial) {
    if (!unit.convert || conversion === null || UNUSABLE.has(conversion)) return notAUnit();
    return { ...base, special: unit.convert };
  }
  const factor = times(ratioOf(amount ?? notAUnit()), base.factor);
  return conversion === 'inv' ? raise({ ...base, factor }, -1) : { ...base, factor };
}

function multiply(a: Composition, b: Composition): Composition {
  if (a.special || b.special) return notAUnit();
  const powers = new Map(a.powers);
  for (const [base, exponent] of b.powers) powers.set(base, (powers.get(base) ?? 0) + exponent);
  return { powers, factor: times(a.factor, b.factor) };
}

function raise(unit: Composition, exponent: number): Composition {
  if (unit.special) return notAUnit();
  return {
    powers: new Map([...unit.powers].map(([base, own]) => [base, own * exponent])),
    factor: power(unit.factor, exponent),
  };
}
