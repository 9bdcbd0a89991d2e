/**
 * Definitions without what only people read: narrative, texts, contacts, mappings. What is left has FHIR's own shapes, so that whoever
 * checks by it cannot tell it from what was published. https://hl7.org/fhir/R4/structuredefinition.html,
 * https://hl7.org/fhir/R4/elementdefinition.html
 *
 * A StructureDefinition with a snapshot loses its differential, which says nothing more. Flags that are false are left out: that is what
 * their absence means. Extensions stay unless they are known to tell nothing to a checker.
 */
import { isObject, itemsOf, type Json, type JsonObject, type Resource } from './resource.js';

/** The types that checking, terminology and searching read of a package. */
export const DEFINITION_TYPES: ReadonlySet<string> = new Set([
  'StructureDefinition',
  'ValueSet',
  'CodeSystem',
  'ConceptMap',
  'SearchParameter',
  'Questionnaire',
  'ImplementationGuide',
]);

/** Of any definition. */
const FOR_READERS: ReadonlySet<string> = new Set([
  ...['text', 'meta', 'implicitRules', 'publisher', 'contact', 'description', 'purpose', 'copyright', 'useContext'],
  ...['jurisdiction', 'identifier', 'keyword', 'mapping', 'approvalDate', 'lastReviewDate', 'effectivePeriod', 'topic'],
  ...['author', 'editor', 'reviewer', 'endorser', 'relatedArtifact', 'copyrightLabel', 'xpath'],
]);

const OF_ELEMENTS_FOR_READERS: ReadonlySet<string> = new Set([
  ...['short', 'definition', 'comment', 'requirements', 'alias', 'mapping', 'example', 'label', 'code'],
  ...['meaningWhenMissing', 'orderMeaning', 'isModifierReason'],
]);

const BASE = 'http://hl7.org/fhir/StructureDefinition/';

/** Extensions that tell a checker nothing. */
const SILENT_EXTENSIONS: ReadonlySet<string> = new Set([
  ...['wg', 'fmm', 'category', 'security-category', 'summary', 'normative-version', 'standards-status-reason'].map(
    name => `${BASE}structuredefinition-${name}`,
  ),
  ...['display-hint', 'explicit-type-name', 'hierarchy', 'json-type', 'xml-type', 'rdf-type'].map(
    name => `${BASE}structuredefinition-${name}`,
  ),
  ...['bindingName', 'bestpractice-explanation', 'isCommonBinding'].map(name => `${BASE}elementdefinition-${name}`),
  `${BASE}obligation`,
  `${BASE}cqf-shouldTraceDependency`,
  'http://hl7.org/fhir/build/StructureDefinition/copyright',
  'http://hl7.org/fhir/build/StructureDefinition/definition',
  'http://hl7.org/fhir/tools/StructureDefinition/binding-definition',
  'http://hl7.org/fhir/us/core/StructureDefinition/uscdi-requirement',
]);

/** A definition of one of DEFINITION_TYPES, compact. The given one is not changed. */
export function compactDefinition(resource: Resource): Resource {
  const { resourceType, id, url, version, ...rest } = resource;
  const head = { resourceType, id, url, version };
  if (resourceType === 'StructureDefinition') return compactStructure(head, rest);
  if (resourceType === 'ImplementationGuide') {
    const { name, title, status, packageId, fhirVersion, global } = rest;
    return present({ ...head, name, title, status, packageId, fhirVersion, global });
  }
  const compact = without(rest, FOR_READERS);
  // A SearchParameter must have one.
  const described = resourceType === 'SearchParameter' ? { description: rest['description'] } : {};
  return present({ ...head, ...compact, ...described });
}

function compactStructure(head: Partial<Resource>, rest: JsonObject): Resource {
  const { snapshot, differential, title: _title, date: _date, ...others } = without(rest, FOR_READERS);
  const view = isObject(snapshot) ? { snapshot } : isObject(differential) ? { differential } : {};
  return present({
    ...head,
    ...withExtensions(others),
    ...Object.fromEntries(
      Object.entries<JsonObject>(view).map(([name, { element }]) => [
        name,
        { element: itemsOf(element).filter(isObject).map(compactElement) },
      ]),
    ),
  });
}

function compactElement(element: JsonObject): JsonObject {
  const { isModifier, isSummary, mustSupport, ...rest } = without(element, OF_ELEMENTS_FOR_READERS);
  const compact: JsonObject = withExtensions(rest);
  for (const name of Object.keys(compact)) if (name.startsWith('defaultValue')) delete compact[name];
  const change = (name: string, to: (value: JsonObject) => JsonObject): void => {
    const value = compact[name];
    if (Array.isArray(value)) compact[name] = value.map(each => (isObject(each) ? to(each) : each));
    else if (isObject(value)) compact[name] = to(value);
  };
  change('type', compactType);
  change('constraint', ({ xpath: _xpath, requirements: _requirements, ...constraint }) => withExtensions(constraint));
  change('binding', ({ description: _description, ...binding }) => withExtensions(binding));
  change('slicing', ({ description: _description, ...slicing }) => withExtensions(slicing));
  return {
    ...compact,
    ...(mustSupport === true ? { mustSupport } : {}),
    ...(isModifier === true ? { isModifier } : {}),
    ...(isSummary === true ? { isSummary } : {}),
  };
}

/** The extensions of its code hold the pattern of a primitive in some packages. */
function compactType(type: JsonObject): JsonObject {
  const { _code: code, ...rest } = type;
  const sibling = isObject(code) ? withExtensions(code) : {};
  return { ...withExtensions(rest), ...(Object.keys(sibling).length > 0 ? { _code: sibling } : {}) };
}

/** With the siblings of what is left out. */
const without = (of: JsonObject, names: ReadonlySet<string>): JsonObject =>
  Object.fromEntries(Object.entries(of).filter(([name]) => !names.has(name.startsWith('_') ? name.slice(1) : name)));

function withExtensions({ extension, ...rest }: JsonObject): JsonObject {
  const kept = itemsOf(extension).filter(each => !(isObject(each) && SILENT_EXTENSIONS.has(each['url'] as string)));
  return kept.length > 0 ? { extension: kept, ...rest } : rest;
}

/** Without members that are undefined. */
const present = (resource: { readonly [name: string]: Json | undefined }): Resource =>
  Object.fromEntries(Object.entries(resource).filter(([, value]) => value !== undefined)) as Resource;
