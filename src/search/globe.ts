/**
 * Places on the globe for `near` (https://hl7.org/fhir/R4/location.html#positional): great circles on a sphere, which are
 * within half a per cent of the ellipsoid of WGS 84.
 */

/** Degrees. */
export interface Point {
  readonly latitude: number;
  readonly longitude: number;
}

/** Mean radius of the earth in metres. */
const RADIUS = 6_371_008.8;
const radians = (degrees: number): number => (degrees * Math.PI) / 180;

/** Metres between two points by the great circle (haversine). */
export function distance(a: Point, b: Point): number {
  const [p, q] = [radians(a.latitude), radians(b.latitude)];
  const across = Math.sin(radians(b.longitude - a.longitude) / 2) ** 2;
  const h = Math.sin((q - p) / 2) ** 2 + Math.cos(p) * Math.cos(q) * across;
  return 2 * RADIUS * Math.asin(Math.min(1, Math.sqrt(h)));
}

/** Inclusive bounds in degrees. */
export interface Box {
  readonly south: number;
  readonly north: number;
  readonly west: number;
  readonly east: number;
}

/** Boxes that hold every point within `metres` of `centre`: two where the circle crosses the 180th meridian. */
export function boxesAround(centre: Point, metres: number): Box[] {
  // A little more than exact, so that rounding loses nothing.
  const angle = (metres / RADIUS) * (1 + 1e-9) + 1e-12;
  const high = (angle * 180) / Math.PI;
  const south = Math.max(-90, centre.latitude - high);
  const north = Math.min(90, centre.latitude + high);
  const whole = [{ south, north, west: -180, east: 180 }];
  if (centre.latitude - high <= -90 || centre.latitude + high >= 90) return whole;
  const sine = Math.sin(angle) / Math.cos(radians(centre.latitude));
  if (angle >= Math.PI / 2 || sine >= 1) return whole;
  const wide = (Math.asin(sine) * 180) / Math.PI + 1e-9;
  const [west, east] = [centre.longitude - wide, centre.longitude + wide];
  if (west < -180)
    return [
      { south, north, west: -180, east },
      { south, north, west: west + 360, east: 180 },
    ];
  if (east > 180)
    return [
      { south, north, west, east: 180 },
      { south, north, west: -180, east: east - 360 },
    ];
  return [{ south, north, west, east }];
}

export const isInside = ({ latitude, longitude }: Point, { south, north, west, east }: Box): boolean =>
  latitude >= south && latitude <= north && longitude >= west && longitude <= east;
