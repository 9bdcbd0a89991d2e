import assert from 'node:assert/strict';
import { assert as check, double, integer, property } from 'fast-check';
import { describe, it } from 'mocha';
import { inverse, ONE, power, ratioOf, scale, times } from '../../../src/fhir/ratio.js';

describe('ratios', () => {
  const MINUTE = inverse(ratioOf('60'));

  it('keep decimals without rest and fractions in lowest terms', () => {
    assert.deepEqual(ratioOf('254e-2'), { over: 254n, under: 1n, exponent: -2 });
    assert.deepEqual(ratioOf('1e3'), { over: 1n, under: 1n, exponent: 3 });
    assert.deepEqual(inverse(ratioOf('8')), { over: 125n, under: 1n, exponent: -3 });
    assert.deepEqual(times(ratioOf('3'), MINUTE), { over: 5n, under: 1n, exponent: -2 });
    assert.deepEqual(power(ratioOf('12'), -1), { over: 25n, under: 3n, exponent: -2 });
    assert.deepEqual(power(ratioOf('2'), 0), ONE);
  });

  it('refuse what is not positive and what gets out of hand', () => {
    for (const text of ['0', '0.0', '-1', '', '1.', '.5', 'x', '1e9999'])
      assert.throws(() => ratioOf(text), RangeError);
    assert.throws(() => power(ratioOf('3.141592653589793238'), 99), RangeError);
    assert.throws(() => power(ratioOf('1e24'), 20), RangeError);
  });

  const products: readonly [value: number, ratio: string, divided: string, product: number][] = [
    [5.4, '0.001', '1', 0.0054],
    [5400, '0.000001', '1', 0.0054],
    [0.1, '3', '1', 0.3],
    [27, '1000', '3600', 7.5],
    [450, '1', '60', 7.5],
    [1, '1', '3', 0.333333333333333],
    [2, '1', '3', 0.666666666666667],
    [-2, '1', '3', -0.666666666666667],
    [5e-324, '1', '1', 5e-324],
    [1e21, '1', '1', 1e21],
    [1.5e300, '1e10', '1', Number.MAX_VALUE],
    [-1.5e300, '1e10', '1', -Number.MAX_VALUE],
    [-0, '7', '1', 0],
    [0.1 + 0.2, '1', '1', 0.3],
    [123456789012345680, '1', '1', 123456789012346000],
  ];
  for (const [value, over, under, product] of products)
    it(`${value} times ${over} / ${under} is ${product}`, () => {
      assert.ok(Object.is(scale(value, times(ratioOf(over), inverse(ratioOf(under)))), product));
    });

  it('change a double by half a unit of the fifteenth digit at most, and never its order', () => {
    const finite = double({ noNaN: true, noDefaultInfinity: true, min: -1e200, max: 1e200 });
    check(
      property(
        finite,
        finite,
        integer({ min: 1, max: 10_000 }),
        integer({ min: 1, max: 10_000 }),
        (a, b, over, under) => {
          const ratio = times(ratioOf(String(over)), inverse(ratioOf(String(under))));
          const [low, high] = a < b ? [a, b] : [b, a];
          assert.ok(scale(low, ratio) <= scale(high, ratio));
          const exact = (a * over) / under;
          if (Math.abs(exact) > 1e-290) assert.ok(Math.abs(scale(a, ratio) / exact - 1) < 6e-15);
        },
      ),
    );
  });
});
