/**
 * Parses `near`: latitude|longitude|distance|unit. The unit defaults to kilometres, the distance to 50 of them.
 * https://hl7.org/fhir/R4/location.html#positional
 */
import type { SearchParameter } from './parameters.js';
import type { Test } from './query.js';
import { reject } from './scope.js';
import { splitValue, unescapeValue } from './split.js';

/** Metres. */
const UNITS: ReadonlyMap<string, number> = new Map([
  ['km', 1000],
  ['m', 1],
  ['[mi_i]', 1609.344],
  ['[mi_us]', 1609.347_218_694_4],
  ['[nmi_i]', 1852],
  ['[yd_i]', 0.9144],
  ['[ft_i]', 0.3048],
]);
const DEFAULT_KILOMETRES = '50';

export function parseNear(parameter: SearchParameter, text: string): Test {
  const [latitude, longitude, distance = '', unit = '', ...more] = splitValue(text, '|').map(unescapeValue);
  const [y, x, far] = [latitude, longitude, distance || DEFAULT_KILOMETRES].map(part =>
    part !== undefined && /^-?\d{1,9}(\.\d{1,20})?$/.test(part) ? Number(part) : Number.NaN,
  );
  const metres = far! * (UNITS.get(unit || 'km') ?? Number.NaN);
  if (more.length > 0 || !(Math.abs(y!) <= 90) || !(Math.abs(x!) <= 180) || !(metres >= 0))
    return reject(
      parameter,
      `latitude|longitude|distance|unit in degrees, the unit one of ${[...UNITS.keys()].join(', ')}`,
    );
  return { kind: 'near', latitude: y!, longitude: x!, metres };
}
