/** A run of checks without a driver: what is reported is kept, and the elements of a resource are found by the definitions. */
import { type Definitions, loadDefinitions } from '../../src/fhir/definitions.js';
import { FhirError } from '../../src/fhir/error.js';
import { isObject, type Json, type JsonObject, type Resource } from '../../src/fhir/resource.js';
import {
  type CheckedElement,
  type CheckRun,
  type ElementPlace,
  fhirPathOf,
  type Finding,
  type ProfileOptions,
  type ResourceSite,
} from '../../src/validation/run.js';

export interface Found extends Finding {
  readonly expression: string;
}

export interface KeptRun extends CheckRun {
  readonly found: Found[];
  /** Steps that were spent. */
  steps: number;
}

interface RunParts extends Partial<Pick<CheckRun, 'resolve' | 'conforms' | 'isMember' | 'decimals'>> {
  readonly options?: Partial<ProfileOptions>;
  readonly budget?: number;
}

/** As much as one resource may spend. */
export const RESOURCE_STEPS = 2_000_000;

export function keptRun(parts: RunParts = {}): KeptRun {
  const found: Found[] = [];
  const run: KeptRun = {
    decimals: parts.decimals,
    options: {
      unknownExtensions: 'ignore',
      bestPractice: 'ignore',
      htmlInStrings: 'ignore',
      exampleUrls: 'ignore',
      mustSupport: false,
      ...parts.options,
    },
    found,
    steps: 0,
    apart: false,
    report: (place, finding) => void found.push({ ...finding, expression: fhirPathOf(place) }),
    need: () => {},
    compilesNow: () => true,
    spend(steps) {
      run.steps += steps;
      if (run.steps > (parts.budget ?? RESOURCE_STEPS)) throw new FhirError('too-costly', 'It takes too long.');
    },
    resolve: parts.resolve ?? resolveInside,
    conforms: parts.conforms ?? (() => undefined),
    isMember: parts.isMember ?? (() => undefined),
  };
  return run;
}

/** Contained resources, and entries by their fullUrl. */
const resolveInside: CheckRun['resolve'] = (reference, from) => {
  const container = from.as === 'contained' && from.outer ? from.outer : from;
  if (reference === '#') return { kind: 'found', site: container };
  if (reference.startsWith('#')) {
    const contained = ((container.resource['contained'] ?? []) as Resource[]).find(
      each => `#${each['id'] as string}` === reference,
    );
    const { place } = container;
    return contained
      ? { kind: 'found', site: { resource: contained, place, outer: container, as: 'contained', fullUrl: undefined } }
      : { kind: 'missing' };
  }
  const entries = (container.outer?.resource['entry'] ?? []) as { fullUrl?: string; resource?: Resource }[];
  const entry = entries.find(each => each.fullUrl === reference);
  if (!entry?.resource) return { kind: 'outside' };
  const { place, outer } = container;
  return { kind: 'found', site: { resource: entry.resource, place, outer, as: 'entry', fullUrl: reference } };
};

let definitions: Definitions | undefined;

/** All elements of a resource, and of those in it, the resource first. `path`: of the ElementDefinition (`Patient.contact.name`). */
export function* elementsOf(resource: Resource): Generator<{ element: CheckedElement; path: string }> {
  definitions ??= loadDefinitions();
  const place: ElementPlace = { above: undefined, name: resource.resourceType, index: -1 };
  yield* elementsOfSite({ resource, place, outer: undefined, as: 'root', fullUrl: undefined }, [resource], 0);
}

function* elementsOfSite(
  site: ResourceSite,
  holder: object,
  key: string | number,
): Generator<{ element: CheckedElement; path: string }> {
  const { resource, place } = site;
  const type = resource.resourceType;
  yield { element: { value: resource, sibling: undefined, holder, key, type, place, site }, path: type };
  yield* elementsIn(resource, type, place, site);
}

/** A value of a property, or what stands beside it, or both. */
interface PropertyItem {
  readonly item: Json | undefined;
  readonly sibling: JsonObject | undefined;
  readonly index: number;
}

function itemsOfProperty(value: Json | undefined, siblings: Json | undefined): PropertyItem[] {
  const many = Array.isArray(value) || Array.isArray(siblings);
  const list = (each: Json | undefined): (Json | undefined)[] => (Array.isArray(each) ? each : [each]);
  const [values, beside] = [list(value), list(siblings)];
  return Array.from({ length: Math.max(values.length, beside.length) }, (_, at) => ({
    item: values[at] ?? undefined,
    sibling: isObject(beside[at]) ? beside[at] : undefined,
    index: many ? at : -1,
  }));
}

function* elementsIn(
  object: JsonObject,
  type: string,
  above: ElementPlace,
  site: ResourceSite,
): Generator<{ element: CheckedElement; path: string }> {
  for (const name of new Set(Object.keys(object).map(key => key.replace(/^_/, '')))) {
    const property = definitions!.property(type, name);
    if (!property) continue;
    const { element } = property;
    const code = (property.type ?? element.types[0])!.code;
    for (const { item, sibling, index } of itemsOfProperty(object[name], object[`_${name}`])) {
      const place: ElementPlace = { above, name: element.name, index };
      const value = object[name];
      const [holder, key] = index >= 0 && Array.isArray(value) ? [value, index] : [object, name];
      if (code === 'Resource') {
        if (!isResource(item)) continue;
        const as = name === 'contained' ? 'contained' : type === 'Bundle.entry' ? 'entry' : 'part';
        const fullUrl = as === 'entry' ? (object['fullUrl'] as string | undefined) : undefined;
        yield* elementsOfSite({ resource: item, place, outer: site, as, fullUrl }, holder, key);
        continue;
      }
      const childType = element.children ?? code;
      const path = `${type}.${element.name}${element.choice ? '[x]' : ''}`;
      yield { element: { value: item, sibling, holder, key, type: childType, place, site }, path };
      if (isObject(item)) yield* elementsIn(item, childType, place, site);
      if (sibling) yield* elementsIn(sibling, 'Element', place, site);
    }
  }
}

const isResource = (value: Json | undefined): value is Resource =>
  isObject(value) && typeof value['resourceType'] === 'string';
