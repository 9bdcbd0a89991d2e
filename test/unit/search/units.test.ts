/** Units of UCUM: what converts to what, exactly, and what stays itself. */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { assert as check, constantFrom, integer, property } from 'fast-check';
import { describe, it } from 'mocha';
import type { EntryValue } from '../../../src/search/entry.js';
import { passes } from '../../../src/search/match.js';
import { numberBounds } from '../../../src/search/bounds.js';
import { readUnit } from '../../../src/search/ucum.js';
import { baseBounds, baseOf, canonicalUnit, UCUM } from '../../../src/search/units.js';

const known = (code: string) => canonicalUnit(code) ?? assert.fail(`${code} should be a unit.`);

describe('units', () => {
  const equal: readonly (readonly [number, string])[][] = [
    [
      [5.4, 'mg'],
      [0.0054, 'g'],
      [5400, 'ug'],
      [0.0000054, 'kg'],
      [5.4e-9, 't'],
    ],
    [
      [5.1, 'mmol/L'],
      [5100, 'umol/L'],
      [0.51, 'mmol/dL'],
      [5.1, 'mol/m3'],
      [0.0051, 'mol/l'],
      [5.1, 'mmol{glucose}/L{plasma}'],
    ],
    [
      [120, 'mm[Hg]'],
      [15.99864, 'kPa'],
      [12, 'cm[Hg]'],
      [159.9864, 'mbar'],
    ],
    [
      [37, 'Cel'],
      [98.6, '[degF]'],
      [310.15, 'K'],
      [37000, 'mCel'],
    ],
    [
      [-40, 'Cel'],
      [-40, '[degF]'],
    ],
    [
      [1, '[lb_av]'],
      [0.45359237, 'kg'],
      [16, '[oz_av]'],
      [7000, '[gr]'],
    ],
    [
      [1, '[in_i]'],
      [2.54, 'cm'],
      [0.0254, 'm'],
    ],
    [
      [27, 'km/h'],
      [7.5, 'm/s'],
    ],
    [
      [450, '/min'],
      [7.5, 'Hz'],
      [7.5, '/s'],
      [450, 'min-1'],
      [450, '{beats}/min'],
      [450, '1/min'],
    ],
    [
      [1.5, 'h'],
      [90, 'min'],
      [5400, 's'],
      [0.0625, 'd'],
    ],
    [
      [40, '%'],
      [0.4, '1'],
      [400, '[ppth]'],
      [0.4, '{ratio}'],
      [400, 'mg/g'],
      [0.4, 'mol/mol'],
    ],
    [
      [7, '10*3/uL'],
      [7, '10*9/L'],
      [7000, '/uL'],
      [7000, '{cells}/uL'],
      [7, '10^9/L'],
    ],
    [
      [60, 'U/L'],
      [1, 'ukat/L'],
      [1000, 'nkat/L'],
      [60, 'umol/min/L'],
      [60, 'umol/(min.L)'],
    ],
    [
      [3, 'k[iU]/L'],
      [3, '[iU]/mL'],
      [3, '[IU]/mL'],
      [3000, 'm[IU]/mL'],
    ],
    [
      [7, '[pH]'],
      [1e-7, 'mol/L'],
      [100, 'nmol/L'],
    ],
    [
      [1, 'deg'],
      [60, "'"],
      [3600, "''"],
    ],
    [
      [2, '[diop]'],
      [2, '/m'],
      [2, 'm-1'],
    ],
    [
      [1, 'B'],
      [10, 'dB'],
      [10, '1'],
    ],
    [
      [1, 'a'],
      [12, 'mo'],
      [365.25, 'd'],
    ],
    [
      [25, 'kg/m2'],
      [2.5, 'g/cm2'],
    ],
    [
      [1, 'J'],
      [1, 'N.m'],
      [1, 'kg.m2/s2'],
      [1, 'kg.m2.s-2'],
      [1, 'W.s'],
    ],
    [
      [1, 'kcal'],
      [4184, 'J'],
      [1, '[Cal]'],
    ],
  ];
  for (const [first, ...others] of equal) {
    const [value, code] = first!;
    it(`${value} ${code} is ${others.map(([each, unit]) => `${each} ${unit}`).join(', ')}`, () => {
      for (const [each, other] of others) {
        assert.equal(known(other).unit, known(code).unit, other);
        assert.equal(known(other).convert(each), known(code).convert(value), other);
      }
    });
  }

  it('names base units in one order', () => {
    for (const code of ['g.m/s2', 'm.g/s2', '/s2.m.g', 'dyn', 'kN']) assert.equal(known(code).unit, 'g.m.s-2');
    assert.equal(known('m/m').unit, '1');
    assert.equal(known('mg').convert(5.4), 0.0054);
  });

  const apart: readonly [string, string][] = [
    ['mg', 'mL'],
    ['mmol/L', '/L'],
    ['mmol/L', 'meq/L'],
    ['mmol/L', 'mg/L'],
    ['[iU]/L', '/L'],
    ['[iU]/L', 'U/L'],
    ['[iU]/L', "[arb'U]/L"],
    ['[iU]', "[USP'U]"],
    ['Cel', 'm'],
    ['deg', '1'],
    ['m2', 'm'],
    ['/min', 'min'],
    ['[diop]', 'm'],
  ];
  for (const [one, other] of apart)
    it(`keeps ${one} and ${other} apart`, () => assert.notEqual(known(one).unit, known(other).unit));

  const wrong = [
    ...[
      '',
      ' ',
      'mmHg',
      'MG/DL',
      'mcg',
      'milligram',
      'Gauss',
      'degF',
      '[degRF]',
      'kmm',
      'dmin',
      'k[in_i]',
      ' mg',
      'mg ',
    ],
    ...[
      'mg/',
      'mg//dL',
      '.mg',
      'mg..g',
      '(mg',
      'mg)',
      '()',
      'mg{',
      '{x}mg',
      'mg{a}{b}',
      'mg{a b}',
      'mg{{a}}',
      '[iU',
      'mg-',
    ],
    ...[
      '2mg',
      'mg*g',
      '5,4',
      '0',
      '0.mg',
      'm999',
      'µg',
      'mg\u0000',
      'toString',
      '__proto__',
      'constructor',
      'x'.repeat(101),
    ],
    ...['Cel/min', '/Cel', 'Cel2', '2.Cel', '[pH].L', '[m/s2/Hz^(1/2)]', '[degRe]', '%[slope]', 'Ym99', '[pi]99'],
    ...["[p'diop]", "[hp'_X]", "[hp'_C]", "[hp'_M]", "[hp'_Q]", "m[hp'_X]"],
    ...['('.repeat(50) + 'm' + ')'.repeat(50), '[mi_us]9.'.repeat(11) + 'm'],
  ];
  it('does not know what UCUM has not, and does not print it', () => {
    const lines: unknown[] = [];
    const { stdout } = process;
    const write = stdout.write.bind(stdout);
    stdout.write = (text: unknown) => lines.push(text) > 0;
    try {
      for (const code of wrong) assert.equal(canonicalUnit(code), undefined, code);
    } finally {
      stdout.write = write;
    }
    assert.deepEqual(lines, []);
  });

  it('forgets nothing but time when more units are met than it remembers', () => {
    for (let i = 0; i < 10_000; i++) assert.equal(known(`mg{${i}}`).unit, 'g');
    assert.equal(known('mg').convert(5.4), 0.0054);
  });

  interface Unit {
    readonly csCode_: string;
    readonly magnitude_: number;
    readonly dim_: { readonly dimVec_: readonly number[] };
    readonly moleExp_: number;
    readonly equivalentExp_: number;
    readonly cnv_: string | null;
    readonly isArbitrary_: boolean;
  }

  it('agrees with the library on all units that it has', () => {
    const { UnitTables, UcumLhcUtils } = createRequire(import.meta.url)('@lhncbc/ucum-lhc') as {
      UcumLhcUtils: { getInstance(): unknown };
      UnitTables: { getInstance(): { allUnitsByDef(): readonly Unit[] } };
    };
    UcumLhcUtils.getInstance();
    const bases = ['m', 's', 'g', 'rad', 'K', 'C', 'cd'];
    const all = UnitTables.getInstance().allUnitsByDef();
    let compared = 0;
    for (const unit of all) {
      const { magnitude_: magnitude, dim_: dimension, cnv_: conversion, isArbitrary_: isArbitrary } = unit;
      const { dimVec_: dimensions } = dimension;
      const { csCode_: name, moleExp_: moles, equivalentExp_: equivalents } = unit;
      // Two codes of its list end in a blank.
      const code = name.trim();
      const read = readUnit(code);
      if (['sqrt', '100tan', 'degRe', 'tanTimes100', 'hpX', 'hpC', 'hpM', 'hpQ'].includes(conversion ?? '')) {
        assert.equal(read, undefined, code);
        assert.equal(canonicalUnit(code), undefined, code);
        continue;
      }
      assert.ok(read, code);
      assert.ok(canonicalUnit(code), code);
      assert.equal(read.special !== undefined, conversion !== null && conversion !== 'inv', code);
      if (conversion !== null) continue;
      const exponent = (base: string) => read.powers.get(base) ?? 0;
      assert.deepEqual([...bases.map(exponent)], [...dimensions], code);
      assert.deepEqual([exponent('mol'), exponent('eq')], [moles, equivalents], code);
      assert.equal(
        [...read.powers.keys()].some(base => ![...bases, 'mol', 'eq'].includes(base)),
        isArbitrary,
        code,
      );
      // It counts a low power field as one, and its own definition as 100 (as UCUM).
      if (code.includes('[LPF]')) continue;
      const { over, under, exponent: tens } = read.factor;
      const factor = (Number(over) / Number(under)) * 10 ** tens * 6.0221367e23 ** (moles + equivalents);
      assert.ok(Math.abs(factor / magnitude - 1) < 1e-12, `${code}: ${factor} is not ${magnitude}`);
      compared += 1;
    }
    assert.ok(compared > 700, String(compared));
  });
});

describe('quantities in base units', () => {
  it('are those of UCUM codes alone', () => {
    assert.deepEqual(baseOf(UCUM, 'mg', 5.4, 5.4), { unit: 'g', low: 0.0054, high: 0.0054 });
    assert.equal(baseOf('', 'mg', 5.4, 5.4), undefined);
    assert.equal(baseOf('urn:oid:2.16.840.1.113883.6.8', 'mg', 5.4, 5.4), undefined);
    assert.equal(baseOf(UCUM, '', 5.4, 5.4), undefined);
    assert.equal(baseOf(UCUM, 'mmHg', 5.4, 5.4), undefined);
    assert.equal(baseBounds('', 'mg', []), undefined);
  });

  it('have both ends of a range, open ones as they are', () => {
    assert.deepEqual(baseOf(UCUM, 'mg', 1, 2000), { unit: 'g', low: 0.001, high: 2 });
    assert.deepEqual(baseOf(UCUM, 'kg', 1, Number.MAX_VALUE), { unit: 'g', low: 1000, high: Number.MAX_VALUE });
    assert.deepEqual(baseOf(UCUM, 'mg', -Number.MAX_VALUE, 2), { unit: 'g', low: -Number.MAX_VALUE, high: 0.002 });
  });

  it('exchange the ends where the unit falls', () => {
    assert.deepEqual(baseOf(UCUM, '[pH]', 6, 7), { unit: 'm-3.mol', low: 0.0001, high: 0.001 });
    assert.deepEqual(baseOf(UCUM, '[pH]', 7, Number.MAX_VALUE), {
      unit: 'm-3.mol',
      low: -Number.MAX_VALUE,
      high: 0.0001,
    });
    assert.deepEqual(baseBounds(UCUM, '[pH]', [{ lowMin: 6, highMax: 7, open: { highMax: true } }]), {
      unit: 'm-3.mol',
      any: [{ highMax: 0.001, lowMin: 0.0001, open: { lowMin: true } }],
    });
  });

  it('keep the open ends of bounds', () => {
    assert.deepEqual(baseBounds(UCUM, 'mg', numberBounds('5.40')!)?.any, [
      { lowMin: 0.005395, highMax: 0.005405, open: { highMax: true } },
    ]);
    assert.deepEqual(baseBounds(UCUM, 'mg', numberBounds('gt5.4')!)?.any, [
      { highMin: 0.0054, open: { highMin: true } },
    ]);
  });

  it('compare as in a unit of their own, whatever the prefix', () => {
    const unit = constantFrom(
      'mg',
      '[lb_av]',
      'mm[Hg]',
      '/min',
      'Cel',
      '[degF]',
      '[pH]',
      'km/h',
      '%',
      'k[iU]/L',
      '[in_i]',
    );
    const prefix = constantFrom('', 'eq', 'ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb', 'ap');
    const tenths = integer({ min: -200, max: 200 });
    check(
      property(unit, prefix, tenths, tenths, integer({ min: 0, max: 5 }), (code, before, value, low, length) => {
        const text = `${before}${value / 10}`;
        const ends = { low: low / 10, high: (low + length) / 10 };
        const any = numberBounds(text)!;
        const own = { system: UCUM, code, unit: '' };
        const plain: EntryValue = { kind: 'quantity', ...ends, ...own };
        const converted: EntryValue = { ...plain, base: baseOf(UCUM, code, ends.low, ends.high)! };
        assert.equal(
          passes({ kind: 'quantity', any, system: UCUM, unit: code, base: baseBounds(UCUM, code, any)! }, converted),
          passes({ kind: 'quantity', any, system: UCUM, unit: code }, plain),
        );
      }),
    );
  });
});
