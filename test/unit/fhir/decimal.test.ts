import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { parseDecimal } from '../../../src/fhir/decimal.js';

describe('parseDecimal', () => {
  const rows: readonly [text: string, value: number, low: number, high: number][] = [
    ['100', 100, 99.5, 100.5],
    ['100.00', 100, 99.995, 100.005],
    ['1e2', 100, 50, 150],
    ['1.0e2', 100, 95, 105],
    ['5.4', 5.4, 5.35, 5.45],
    ['5.40e-3', 0.0054, 0.005395, 0.005405],
    ['0.05', 0.05, 0.045, 0.055],
    ['0.1', 0.1, 0.05, 0.15],
    ['0', 0, -0.5, 0.5],
    ['-5.4', -5.4, -5.45, -5.35],
    ['+7', 7, 6.5, 7.5],
    ['1E+3', 1000, 500, 1500],
    ['9007199254740993', 9007199254740992, 9007199254740992, 9007199254740994],
  ];
  for (const [text, value, low, high] of rows)
    it(`reads ${text} with the precision of its digits`, () => {
      const decimal = parseDecimal(text);
      assert.deepEqual([decimal?.value, decimal?.low, decimal?.high], [value, low, high]);
    });

  it('gives ten percent on both sides, low below high for negative numbers too', () => {
    assert.deepEqual([parseDecimal('5.4')?.approximateLow, parseDecimal('5.4')?.approximateHigh], [4.86, 5.94]);
    assert.deepEqual([parseDecimal('-10')?.approximateLow, parseDecimal('-10')?.approximateHigh], [-11, -9]);
  });

  for (const text of [
    '',
    '-',
    '.5',
    '5.',
    '1,5',
    '0x10',
    '1e',
    '1e1000',
    '1e999',
    'NaN',
    'Infinity',
    ' 1',
    '1 ',
    '9'.repeat(70),
  ])
    it(`refuses ${JSON.stringify(text.slice(0, 12))}`, () => assert.equal(parseDecimal(text), undefined));
});
