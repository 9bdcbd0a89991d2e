/**
 * Exact positive rational numbers, and doubles multiplied by them. What a unit is worth in another is such a number
 * (1/60, 2.54/100): it is never rounded, so that two ways to the same amount end at the same double.
 *
 * Choice: a product has at most 15 significant digits, as many as every double keeps; half is rounded away from zero.
 */

/** over / under × 10^exponent, both positive, without common factors and without tens. */
export interface Ratio {
  readonly over: bigint;
  readonly under: bigint;
  readonly exponent: number;
}

const DIGITS = 15;
/** Longer numbers than any unit needs: [pi] has 65 digits. */
const LIMIT = 10n ** 200n;
const FARTHEST = 300;
const POSITIVE_DECIMAL = /^(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,3}))?$/;

function gcd(a: bigint, b: bigint): bigint {
  let [x, y] = [a, b];
  while (y > 0n) [x, y] = [y, x % y];
  return x;
}

/** How often 10 divides a positive number, and what is left. */
function withoutTens(number: bigint): { rest: bigint; tens: number } {
  let rest = number;
  let tens = 0;
  for (; rest % 10n === 0n; rest /= 10n) tens += 1;
  return { rest, tens };
}

/** Throws RangeError where a number is not positive, has more than 200 digits or is far beyond the range of doubles. */
function reduce(over: bigint, under: bigint, exponent: number): Ratio {
  if (over <= 0n || under <= 0n || over > LIMIT || under > LIMIT) throw new RangeError('Not a ratio of a usable size.');
  const common = gcd(over, under);
  const top = withoutTens(over / common);
  const bottom = withoutTens(under / common);
  let [number, divisor, tens] = [top.rest, bottom.rest, exponent + top.tens - bottom.tens];
  // 1/8 is 125 thousandths: without twos and fives a divisor of 1 says that the decimal ends.
  for (const [prime, other] of [
    [2n, 5n],
    [5n, 2n],
  ] as const)
    while (divisor % prime === 0n) {
      divisor /= prime;
      number *= other;
      tens -= 1;
    }
  const last = withoutTens(number);
  tens += last.tens;
  if (Math.abs(tens) > FARTHEST) throw new RangeError('Not a ratio of a usable size.');
  return { over: last.rest, under: divisor, exponent: tens };
}

export const ONE: Ratio = { over: 1n, under: 1n, exponent: 0 };

/** A positive decimal text. Throws RangeError on any other. */
export function ratioOf(text: string): Ratio {
  const parts = POSITIVE_DECIMAL.exec(text);
  if (!parts) throw new RangeError('Not a positive decimal.');
  const fraction = parts[2] ?? '';
  return reduce(BigInt(`${parts[1]}${fraction}`), 1n, Number(parts[3] ?? 0) - fraction.length);
}

export const times = (a: Ratio, b: Ratio): Ratio => reduce(a.over * b.over, a.under * b.under, a.exponent + b.exponent);

export const inverse = ({ over, under, exponent }: Ratio): Ratio => reduce(under, over, -exponent);

/** A whole power, negative ones too. Throws RangeError where it gets too long. */
export function power(base: Ratio, exponent: number): Ratio {
  let result = ONE;
  for (let i = Math.abs(exponent); i > 0; i--) result = times(result, base);
  return exponent < 0 ? inverse(result) : result;
}

/** A number beyond the range of doubles is the largest with its sign. */
const inRange = (value: number): number =>
  Number.isFinite(value) ? value : value > 0 ? Number.MAX_VALUE : -Number.MAX_VALUE;

/** A finite double (as the shortest decimal that means it) times a ratio. Monotonic. */
export function scale(value: number, { over, under, exponent }: Ratio): number {
  if (value === 0) return 0;
  const sign = value < 0 ? '-' : '';
  const text = String(Math.abs(value));
  const e = text.indexOf('e');
  const mantissa = e < 0 ? text : text.slice(0, e);
  let tens = exponent + (e < 0 ? 0 : Number(text.slice(e + 1)));
  const point = mantissa.indexOf('.');
  let digits = mantissa;
  if (point >= 0) {
    digits = mantissa.slice(0, point) + mantissa.slice(point + 1);
    tens -= digits.length - point;
  }
  if (over === 1n && under === 1n && digits.length <= DIGITS) return inRange(Number(`${sign}${digits}e${tens}`));
  let product = BigInt(digits) * over;
  if (under > 1n) {
    // Two digits more than are kept: rounding down here does not change the rounding below.
    const places = DIGITS + 2 + String(under).length - String(product).length;
    if (places > 0) {
      product *= 10n ** BigInt(places);
      tens -= places;
    }
    product /= under;
  }
  const surplus = String(product).length - DIGITS;
  if (surplus > 0) {
    const unit = 10n ** BigInt(surplus);
    product = (product + unit / 2n) / unit;
    tens += surplus;
  }
  return inRange(Number(`${sign}${product}e${tens}`));
}
