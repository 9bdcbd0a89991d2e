/**
 * What slices are told apart by, in a StructureDefinition: the path of a discriminator leads from the sliced element to something that
 * its types have. https://hl7.org/fhir/R4/profiling.html#discriminator, https://hl7.org/fhir/R4/elementdefinition-definitions.html#ElementDefinition.slicing.discriminator.path
 *
 * Where a type is not known, or may be any, nothing is said.
 */
import type { Definitions, ElementDefinition } from '../../fhir/definitions.js';
import { isObject, itemsOf, type JsonObject } from '../../fhir/resource.js';
import type { ElementCheck } from '../run.js';
import { placeBelow, eachObject, reportRule } from './definition-rule.js';

export const createSlicingCheck =
  (definitions: Definitions): ElementCheck =>
  ({ value, place }, run) => {
    if (!isObject(value) || value['kind'] === 'logical') return;
    for (const name of ['snapshot', 'differential'])
      if (isObject(value[name]))
        for (const { item, place: at } of eachObject(value[name], 'element', placeBelow(place, name))) {
          run.spend(1);
          const { slicing } = item;
          if (!isObject(slicing)) continue;
          const types = typesOfElement(item, definitions);
          for (const { item: discriminator, place: inDiscriminator } of eachObject(
            slicing,
            'discriminator',
            placeBelow(at, 'slicing'),
          )) {
            run.spend(1);
            const { path } = discriminator;
            if (typeof path === 'string' && types && leadsNowhere(path, types, definitions))
              reportRule(inDiscriminator, 'discriminator-path', NOWHERE, run);
          }
        }
  };

const NOWHERE = 'The path of the discriminator leads to nothing that the sliced element has.';

/** Names of types; undefined: they are not known, or may be any. */
type TypeNames = readonly string[] | undefined;

/** Longer paths are none. */
const MAX_STEPS_IN_PATH = 50;

/** The types of an element's values: those that it says, else those of R4. */
function typesOfElement({ path, type }: JsonObject, definitions: Definitions): TypeNames {
  const base = typeof path === 'string' ? typesAt(path.split('.'), definitions) : undefined;
  const said = itemsOf(type).flatMap(each => (isObject(each) && typeof each['code'] === 'string' ? each['code'] : []));
  if (said.length === 0) return base;
  // A backbone element says only that it is one.
  return said.some(isOpen) ? base : said;
}

function typesAt([root = '', ...names]: readonly string[], definitions: Definitions): TypeNames {
  if (names.length > MAX_STEPS_IN_PATH) return undefined;
  let types: TypeNames = [root];
  for (const name of names) types = types && typesBelow(types, name, definitions);
  return types;
}

/** Undefined where one of the types is not known; none: none of them has such an element. */
function typesBelow(types: readonly string[], given: string, definitions: Definitions): TypeNames {
  const name = given.replace(/\[x\]$/, '');
  const found = new Set<string>();
  for (const type of types) {
    const definition = definitions.types.get(type);
    if (!definition || isOpen(type)) return undefined;
    const element = definition.elements.find(each => each.name === name);
    const chosen = element ? undefined : definitions.property(type, name);
    for (const each of element ? typesOf(element) : []) found.add(each);
    if (chosen) found.add(chosen.type?.code ?? typesOf(chosen.element)[0] ?? '');
    // Primitives are no types of their own in the tables, and have what every element has.
    if (!element && definition.kind === 'primitive' && /^(?:id|extension|value)$/.test(name)) return undefined;
  }
  return [...found];
}

const typesOf = ({ children, types }: ElementDefinition): readonly string[] =>
  children === undefined ? types.map(({ code }) => code) : [children];

const OPEN_TYPES: ReadonlySet<string> = new Set(['Resource', 'DomainResource', 'Element', 'BackboneElement', '*']);
const isOpen = (type: string): boolean => OPEN_TYPES.has(type) || type.includes(':');

const PATH_STEP =
  /^(?:\$this|(extension)\([^)]*\)|(ofType|as)\((?:FHIR\.)?(\w+)\)|(resolve)\(\)|(\w+(?:\[x\])?))(?:\.|$)/;

function leadsNowhere(path: string, from: readonly string[], definitions: Definitions): boolean {
  let types: TypeNames = from;
  let rest = path;
  for (let steps = 0; rest !== '' && steps < MAX_STEPS_IN_PATH; steps++) {
    const step = PATH_STEP.exec(rest);
    if (!step || types === undefined) return false;
    const [all, extension, cast, type, resolve, name] = step;
    rest = rest.slice(all.length);
    if (resolve) return false;
    if (extension) types = ['Extension'];
    else if (cast) types = type === undefined ? undefined : [type];
    else if (name !== undefined) types = typesBelow(types, name, definitions);
    if (types?.length === 0) return true;
  }
  return false;
}
