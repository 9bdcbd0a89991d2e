/**
 * Properties and extensions that an expansion shows of its concepts. R4 has no properties in an expansion: they stand in the
 * extensions that carry those of R5. https://hl7.org/fhir/extensions/StructureDefinition-extension-ValueSet.expansion.contains.property.html
 *
 * Beside those that are asked for, an expansion tells the order, label and weight of a concept, and a status other than active.
 */
import type { Json, JsonObject } from '../fhir/resource.js';
import type { ExpansionRow } from './rows.js';
import { type Extension, extensionText, type Property } from './resources.js';

const SD = 'http://hl7.org/fhir/StructureDefinition';
const R5 = 'http://hl7.org/fhir/5.0/StructureDefinition/extension-ValueSet';
const STANDARD = 'http://hl7.org/fhir/concept-properties#';

/** What a concept is shown with, whoever says it. */
const SHOWN_OF_CONCEPT = new Set([`${SD}/rendering-style`, `${SD}/rendering-xhtml`]);
/** What a value set may add to that. */
const SHOWN_OF_LISTED = new Set([
  ...SHOWN_OF_CONCEPT,
  `${SD}/valueset-concept-definition`,
  `${SD}/valueset-deprecated`,
  `${SD}/structuredefinition-standards-status`,
]);

/** Extensions that are properties, by the name of the property and of its uri. */
const AS_PROPERTIES: readonly { code: string; uri: string; urls: readonly string[] }[] = [
  { code: 'order', uri: 'order', urls: [`${SD}/valueset-conceptOrder`, `${SD}/codesystem-conceptOrder`] },
  { code: 'label', uri: 'label', urls: [`${SD}/valueset-label`, `${SD}/codesystem-label`] },
  { code: 'weight', uri: 'itemWeight', urls: [`${SD}/itemWeight`] },
];

export interface ShownProperty {
  readonly code: string;
  readonly uri: string | undefined;
  /** `valueCode`, `valueString` … and its value. */
  readonly value: JsonObject;
}

/** `asked`: names of properties; `*` for all. */
export function shownProperties(
  { part: { concepts }, concept, listed }: ExpansionRow,
  asked: readonly string[],
): ShownProperty[] {
  const extensions = [
    ...(listed?.extension ?? []),
    ...(concepts && concept !== undefined ? concepts.extensions(concept) : []),
  ];
  const found = AS_PROPERTIES.flatMap(({ code, uri, urls }) => {
    const value = urls.map(url => extensions.find(each => each.url === url)).find(Boolean);
    return value ? [{ code, uri: STANDARD + uri, value: valueOfExtension(value) }] : [];
  });
  if (!concepts || concept === undefined) return found;
  const status = concepts.status(concept);
  if (status !== undefined && status !== 'active')
    found.push({ code: 'status', uri: `${STANDARD}status`, value: { valueCode: status } });
  const definition = asked.includes('definition') ? concepts.definition(concept) : undefined;
  if (definition !== undefined)
    found.push({ code: 'definition', uri: `${STANDARD}definition`, value: { valueString: definition } });
  const shown: ShownProperty[] = [...found];
  for (const property of concepts.properties(concept)) {
    const { code = '' } = property;
    if (!asked.includes(code) && !asked.includes('*')) continue;
    const said = code === 'status' && status !== 'active';
    if (!said)
      shown.push({
        code,
        uri: concepts.declared.find(each => each.code === code)?.uri,
        value: propertyValue(property),
      });
  }
  return shown.toSorted((a, b) => (a.code < b.code ? -1 : a.code > b.code ? 1 : 0));
}

function valueOfExtension({ valueInteger, valueDecimal, ...extension }: Extension): JsonObject {
  const number = valueDecimal ?? valueInteger;
  if (number !== undefined) return { valueDecimal: number };
  return { valueString: extensionText([extension], extension.url ?? '') ?? '' };
}

/** The `value[x]` of a property. */
export const propertyValue = (property: Property): JsonObject =>
  Object.fromEntries<Json>(Object.entries(property).filter(([name]) => name.startsWith('value')));

/** What the value set says comes before what the code system says. */
export function extensionsOf({ part: { concepts }, concept, listed }: ExpansionRow): Extension[] {
  const shown = new Map<string, Extension>();
  const own = concepts && concept !== undefined ? concepts.extensions(concept) : [];
  for (const each of own) if (SHOWN_OF_CONCEPT.has(each.url ?? '')) shown.set(each.url!, each);
  for (const each of listed?.extension ?? []) if (SHOWN_OF_LISTED.has(each.url ?? '')) shown.set(each.url!, each);
  return [...shown.values()].toSorted((a, b) => (a.url! < b.url! ? -1 : 1));
}

/** Of `expansion.contains`. */
export const propertyExtension = ({ code, value }: ShownProperty): JsonObject => ({
  url: `${R5}.expansion.contains.property`,
  extension: [
    { url: 'code', valueCode: code },
    { url: 'value', ...value },
  ],
});

/** Of `expansion`: what the properties in it mean. */
export const declarationExtension = ({ code, uri }: Pick<ShownProperty, 'code' | 'uri'>): JsonObject => ({
  url: `${R5}.expansion.property`,
  extension: [{ url: 'code', valueCode: code }, ...(uri === undefined ? [] : [{ url: 'uri', valueUri: uri }])],
});
