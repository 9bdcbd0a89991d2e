/**
 * Random resources that are valid by construction, made along the definitions, and random damage to any resource.
 * Everything follows from the seed.
 */
import type { Definitions, ElementDefinition, TypeDefinition } from '../../src/fhir/definitions.js';
import type { Json, JsonObject, Resource } from '../../src/fhir/resource.js';
import { codeListOf, hasSibling, isRepeating, propertyName } from '../../src/validation/gate/shape.js';

export type Random = () => number;

/** Numbers from 0 to 1 (mulberry32). */
export function randomFrom(seed: number): Random {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const pick = <T>(random: Random, list: readonly T[]): T => list[Math.floor(random() * list.length)]!;

const VALUES: Readonly<Record<string, readonly Json[]>> = {
  base64Binary: ['QUJD', 'QQ==', 'QUJD QUJD'],
  boolean: [true, false],
  canonical: ['http://example.org/a|1'],
  code: ['a', 'b c'],
  date: ['2024', '2024-02', '2024-02-29'],
  dateTime: ['2024', '2024-02-29', '2024-12-31T23:59:60+14:00', '2024-12-31T23:59:59.123Z'],
  decimal: [0, -1.5, 1e10],
  id: ['a', 'A-1.b'],
  instant: ['2024-02-29T00:00:00Z'],
  integer: [0, -2_147_483_648, 2_147_483_647],
  markdown: ['*a*\n'],
  oid: ['urn:oid:1.2.3'],
  positiveInt: [1, 2_147_483_647],
  string: ['a', 'ä€\u00a0', ' '],
  time: ['12:00:00', '23:59:59.9'],
  unsignedInt: [0, 7],
  uri: ['x:y', 'a'],
  url: ['http://example.org'],
  uuid: ['urn:uuid:c757873d-ec9a-4326-a141-556f43239520'],
  xhtml: ['<div xmlns="http://www.w3.org/1999/xhtml"><p>a</p></div>'],
};

/** A valid resource of a type. */
export function sampleResource(type: string, definitions: Definitions, random: Random): Resource {
  return { resourceType: type, ...fill(typeOf(type), 0) };

  function typeOf(name: string): TypeDefinition {
    const found = definitions.types.get(name);
    if (!found) throw new Error(`No type ${name}.`);
    return found;
  }

  function fill(of: TypeDefinition, depth: number): JsonObject {
    const object: JsonObject = {};
    // Deeper, only what is required, and one element so that nothing is empty.
    const chance = [0.5, 0.25, 0.1, 0.03][depth] ?? 0;
    for (const element of of.elements) {
      if (element.min === 0 && (random() >= chance || element.name === 'contained')) continue;
      if (of.name === 'Extension' && element.name !== 'url') continue;
      set(object, of, element, depth);
    }
    if (of.name === 'Extension') object['valueCode'] = 'a';
    else if (Object.keys(object).length === 0) object['id'] = 'a';
    return object;
  }

  function set(object: JsonObject, owner: TypeDefinition, element: ElementDefinition, depth: number): void {
    const { code } = pick(random, element.types);
    const name = propertyName(element, code);
    const sibling = hasSibling(owner.name, element, typeOf(element.children ?? code));
    const extensions: JsonObject = { extension: [{ url: 'x:y', valueBoolean: true }] };
    if (!isRepeating(element)) {
      if (sibling && random() < 0.1) object[`_${name}`] = extensions;
      if (!sibling || object[`_${name}`] === undefined || random() < 0.5) object[name] = value(element, code, depth);
      return;
    }
    const list = Array.from({ length: random() < 0.7 ? 1 : 3 }, () => value(element, code, depth));
    object[name] = list;
    if (!sibling || random() < 0.8) return;
    const absent = list.map(() => random() < 0.5);
    absent[0] = true;
    object[name] = list.map((each, index) => (absent[index] ? null : each));
    object[`_${name}`] = absent.map(each => (each ? extensions : null));
  }

  function value(element: ElementDefinition, code: string, depth: number): Json {
    if (code === 'Resource') return { resourceType: 'Basic', id: 'b', code: { text: 'a' } };
    const own = typeOf(element.children ?? code);
    if (own.kind !== 'primitive') return fill(own, depth + 1);
    const list = definitions.codeLists.get(codeListOf(element, code) ?? '');
    return list ? pick(random, list.codes) : pick(random, VALUES[code] ?? []);
  }
}

const JUNK: readonly Json[] = [
  [null, '', ' ', 'x', 'a_b', '2023-02-30', '%%%%', 0, -1, 1.5, 1e12, true, {}, []],
  [[null], [{}], ['x'], { id: 'a' }, { extension: [] }, { resourceType: 'Patient' }, { resourceType: 'Patiens' }],
].flat();

/** The resource with a few random places damaged (perhaps harmlessly). The given one stays as it is. */
export function damage(resource: Resource, random: Random): Resource {
  const copy = structuredClone(resource);
  for (let count = 1 + Math.floor(random() * 3); count > 0; count--) damageOnce(copy, random);
  return copy;
}

function damageOnce(root: Resource, random: Random): void {
  const places: (JsonObject | Json[])[] = [];
  const collect = (value: Json): void => {
    if (typeof value !== 'object' || value === null) return;
    places.push(value);
    for (const each of Object.values(value)) collect(each);
  };
  collect(root);
  const place = pick(random, places);
  if (Array.isArray(place)) {
    const index = Math.floor(random() * (place.length + 1));
    if (random() < 0.3) place.splice(index, 1);
    else if (random() < 0.5) place.push(structuredClone(place[0] ?? null));
    else place[index] = structuredClone(pick(random, JUNK));
    return;
  }
  const keys = Object.keys(place);
  const key = pick(random, keys) ?? 'x';
  const value = structuredClone(place[key] ?? null);
  const actions = [
    () => delete place[key],
    () => (place[key] = structuredClone(pick(random, JUNK))),
    () => (place[`_${key}`] = structuredClone(pick(random, JUNK))),
    () => (place[`_${key}`] = { extension: [{ url: 'x:y', valueCode: 'a' }] }),
    () => (place[`${key}x`] = value),
    () => (place[key.replace(/[A-Z].*/, 'String')] = 'a'),
    () => (place[key] = Array.isArray(value) ? (value[0] ?? null) : [value]),
    () => (place['contained'] = [{ resourceType: 'Basic', id: pick(random, ['a', 'b']), code: { text: 'a' } }]),
    () => (place['extension'] = structuredClone(pick(random, JUNK))),
    () => (place[key] = typeof value === 'string' ? `${value} ` : typeof value === 'number' ? value + 0.5 : value),
  ];
  pick(random, actions)();
}
