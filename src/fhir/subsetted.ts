/** The tag of a resource that is only a part of what is known. https://hl7.org/fhir/R4/resource.html#simple-tags */
import { isObject, itemsOf, type Json, type JsonObject } from './resource.js';

export const SUBSETTED = {
  system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue',
  code: 'SUBSETTED',
} as const;

/** meta with the tag, once. */
export function withSubsetted(meta: Json | undefined): JsonObject {
  const whole: JsonObject = isObject(meta) ? meta : {};
  const tags = itemsOf(whole['tag']);
  const already = tags.some(
    tag => isObject(tag) && tag['system'] === SUBSETTED.system && tag['code'] === SUBSETTED.code,
  );
  return already ? whole : { ...whole, tag: [...tags, { ...SUBSETTED }] };
}
