/**
 * Labels of single elements, as DS4P has them (http://hl7.org/fhir/uv/security-label-ds4p): an extension of the element says how confidential it is, and
 * the resource says PROCESSINLINELABEL, by which it is found.
 */
import { parseJson, STORED_JSON } from '../fhir/json/json.js';
import { isObject, itemsOf, type Json, type JsonObject, type Parsed } from '../fhir/resource.js';
import type { TokenValue, Where } from '../search/query.js';
import { type Sight } from './labels.js';
import { ACT_CODE, CONFIDENTIALITY_LEVELS, levelOf, placeOfLevel } from '../fhir/security-labels.js';

const INLINE_LABEL = 'http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label';
const PROCESS_INLINE = { system: ACT_CODE, code: 'PROCESSINLINELABEL' } as const satisfies TokenValue;
/** It stands in a text that has such a label, but for characters of it that are written as escapes. */
const IN_TEXT = 'extension-inline-sec-label';
const ESCAPE = String.raw`\u00`;
/** Of a character of it. */
const HIDING = /\\u00(?:2d|[67])/i;

/** Whether a text may have one. */
export const mayLabelElements = (text: Buffer | string): boolean =>
  text.includes(IN_TEXT) || (text.includes(ESCAPE) && HIDING.test(text.toString('latin1')));

/** Resources that say that they have one. */
export const LABELS_ELEMENTS: Where = {
  kind: 'param',
  code: '_security',
  test: { kind: 'token', any: [PROCESS_INLINE] },
};

/** The labels of an element itself: of a complex one, or of what stands beside a primitive one. */
export function labelsOfElement(element: Json | undefined): readonly JsonObject[] {
  if (!isObject(element) || element['extension'] === undefined) return [];
  return itemsOf(element['extension']).flatMap(each => {
    if (!isObject(each) || each['url'] !== INLINE_LABEL) return [];
    const { valueCoding, valueCodeableConcept } = each;
    const concept = isObject(valueCodeableConcept) ? itemsOf(valueCodeableConcept['coding']) : [];
    return [valueCoding, ...concept].filter(isObject);
  });
}

/** Whether somebody is not shown what has this label. */
export function isAboveSight(label: JsonObject, { most, asPatient }: Sight): boolean {
  const level = levelOf(label);
  if (level !== undefined) return placeOfLevel(level) > placeOfLevel(most);
  return asPatient && label['system'] === ACT_CODE && label['code'] === 'NOPAT';
}

/** All labels of elements in a resource, in no order. */
function inlineLabelsIn(resource: Json): readonly JsonObject[] {
  const found: JsonObject[] = [];
  const left: Json[] = [resource];
  for (let value = left.pop(); value !== undefined; value = left.pop()) {
    if (typeof value !== 'object' || value === null) continue;
    if (!Array.isArray(value)) found.push(...labelsOfElement(value));
    for (const each of Object.values(value)) if (typeof each === 'object') left.push(each);
  }
  return found;
}

/** Whether fewer elements are labelled at some level than before, or higher; or kept from patients. Texts of stored versions. */
export function hasFewerLabels(before: Buffer, after: Buffer): boolean {
  if (!mayLabelElements(before)) return false;
  const labelsOf = (text: Buffer) => inlineLabelsIn(parseJson(text, STORED_JSON).resource);
  const [old, own] = [labelsOf(before), labelsOf(after)];
  const sights = CONFIDENTIALITY_LEVELS.map((most): Sight => ({ most, asPatient: false }));
  const count = (labels: readonly JsonObject[], sight: Sight): number =>
    labels.filter(label => isAboveSight(label, sight)).length;
  return [...sights, { most: 'V', asPatient: true } as const].some(sight => count(own, sight) < count(old, sight));
}

/** The meta of a valid resource with the word that it has labels of elements; undefined: it has none. `text`: its JSON, where it came as such. */
export function withInlineFlag(
  meta: Json | undefined,
  { resource, text }: Pick<Parsed, 'resource' | 'text'>,
): JsonObject | undefined {
  const mayHave = text === undefined || mayLabelElements(text);
  if (!mayHave || inlineLabelsIn(resource).length === 0) return undefined;
  const own = isObject(meta) ? meta : {};
  const labels = itemsOf(own['security']);
  const isFlagged = labels.some(
    label => isObject(label) && label['system'] === PROCESS_INLINE.system && label['code'] === PROCESS_INLINE.code,
  );
  return isFlagged ? own : { ...own, security: [...labels, { ...PROCESS_INLINE }] };
}
