/** Places, visits and lists: what the rows about distances and about conditions on other resources need beside the rest. */
import type { JsonObject } from '../../../src/fhir/resource.js';
import { type Known, LOCAL } from './population.js';

/** Location.position: towns, the 180th meridian, the poles, the equator. */
const places: readonly Known[] = (
  [
    ['Amsterdam', 52.3731, 4.8922],
    ['Utrecht', 52.0908, 5.1222],
    ['Rotterdam', 51.9225, 4.4792],
    ['West of the date line', -16.8, 179.97],
    ['East of the date line', -16.8, -179.97],
    ['Near the pole', 89.95, 0],
    ['Beyond the pole', 89.95, 180],
    ['Null Island', 0, 0],
    ['A degree east', 0, 1],
    ['The south pole', -90, 0],
  ] as const
).map(([name, latitude, longitude], at) => ({
  resourceType: 'Location',
  id: `place-${at + 1}`,
  name,
  position: { latitude, longitude },
}));

const visit = (id: number, rest: JsonObject): Known => ({
  resourceType: 'Encounter',
  id: `visit-${id}`,
  status: 'finished',
  class: { system: LOCAL, code: 'visit' },
  ...rest,
});

export const LINKED: readonly Known[] = [
  ...places,
  { resourceType: 'Location', id: 'place-part', name: 'A ward', partOf: { reference: 'Location/place-1' } },
  { resourceType: 'Location', id: 'place-none', name: 'Nowhere' },
  visit(1, {
    subject: { reference: 'Patient/eve' },
    participant: [{ individual: { reference: 'Practitioner/family-1' } }],
    location: [{ location: { reference: 'Location/place-part' } }],
  }),
  visit(2, {
    subject: { reference: 'Patient/evelyn' },
    participant: [{ individual: { reference: 'Practitioner/family-15' } }],
    location: [{ location: { reference: 'Location/place-2' } }],
  }),
  visit(3, { subject: { reference: 'Group/eve' }, partOf: { reference: 'Encounter/visit-1' } }),
  visit(4, { subject: { reference: 'Patient/nobody' } }),
  {
    resourceType: 'List',
    id: 'list-1',
    status: 'current',
    mode: 'working',
    entry: [
      { item: { reference: 'Patient/eve' } },
      { item: { reference: 'Patient/bare' } },
      { item: { reference: 'Observation/r-other' } },
      { item: { reference: 'Patient/nobody' } },
    ],
  },
  {
    resourceType: 'List',
    id: 'list-2',
    status: 'current',
    mode: 'snapshot',
    entry: [{ item: { reference: 'Patient/odd' } }],
  },
];
