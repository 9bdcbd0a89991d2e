/**
 * Leaves out of a resource what its inline labels (inline-labels.ts) keep from somebody. What is left has the elements that R4 wants, though perhaps not what its
 * constraints say of several: where an element must be there, it says that it is masked (http://terminology.hl7.org/CodeSystem/data-absent-reason). Narratives are left out with it, as nobody knows what they repeat.
 * The rest is marked REDACTED, and SUBSETTED, so that it is not taken for the whole. https://hl7.org/fhir/R4/security-labels.html
 */
import type { Definitions, ElementDefinition } from '../fhir/definitions.js';
import { parseJson, STORED_JSON } from '../fhir/json/json.js';
import { print } from '../fhir/json/print.js';
import { isObject, itemsOf, type Decimals, type Json, type JsonObject, type Resource } from '../fhir/resource.js';
import { SUBSETTED, withSubsetted } from '../fhir/subsetted.js';
import { filled, marked, type Text } from '../fhir/content/holes.js';
import { labelsOfElement } from './inline-labels.js';

const REDACTED = { system: SUBSETTED.system, code: 'REDACTED' } as const;
const MASKED: JsonObject = {
  extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason', valueCode: 'masked' }],
};
/** Of a resource that is labelled as a whole by an extension of its own. */
const STAYS: ReadonlySet<string> = new Set(['resourceType', 'id']);
/** What meta says of version and labels; the rest of it is looked at as any element is. */
const STAYS_IN_META: ReadonlySet<string> = new Set(['versionId', 'lastUpdated', 'security']);

/** A stored text as somebody sees it; undefined: they see all of it. `isHidden`: of an element with these labels. */
export function maskedText(
  definitions: Definitions,
  text: Text,
  isHidden: (labels: readonly JsonObject[]) => boolean,
): Text | undefined {
  const { resource, decimals } = parseJson(marked(text).text, STORED_JSON);
  const masking = new Masking(definitions, isHidden, decimals);
  masking.walkResource(resource);
  if (!masking.isMasked) return undefined;
  dropNarratives(resource);
  const meta = withSubsetted(resource['meta']);
  resource['meta'] = { ...meta, security: [...itemsOf(meta['security']), { ...REDACTED }] };
  return filled(text, Buffer.from(print(resource, decimals)));
}

class Masking {
  isMasked = false;
  readonly #definitions: Definitions;
  readonly #isHidden: (labels: readonly JsonObject[]) => boolean;
  readonly #decimals: Decimals | undefined;

  constructor(
    definitions: Definitions,
    isHidden: (labels: readonly JsonObject[]) => boolean,
    decimals: Decimals | undefined,
  ) {
    this.#definitions = definitions;
    this.#isHidden = isHidden;
    this.#decimals = decimals;
  }

  walkResource(resource: Resource): void {
    this.#walk(resource, resource.resourceType, this.#hides(resource));
  }

  #hides(element: Json | undefined): boolean {
    const labels = labelsOfElement(element);
    return labels.length > 0 && this.#isHidden(labels);
  }

  /** `whole`: all of its members are masked. */
  #walk(object: JsonObject, type: string, whole = false): void {
    const names = new Set(Object.keys(object).map(key => (key.startsWith('_') ? key.slice(1) : key)));
    for (const name of names) {
      if (STAYS.has(name) || (type === 'Meta' && STAYS_IN_META.has(name))) continue;
      if (name === 'meta') {
        if (!whole && isObject(object['meta'])) this.#walk(object['meta'], 'Meta');
        continue;
      }
      const property = this.#definitions.property(type, name);
      const element = property?.element;
      const child = element && (element.children ?? (property.type ?? element.types[0])?.code);
      this.#member(object, name, { element, child, whole });
    }
  }

  #member(
    object: JsonObject,
    name: string,
    {
      element,
      child = 'Element',
      whole,
    }: {
      readonly element: ElementDefinition | undefined;
      readonly child: string | undefined;
      readonly whole: boolean;
    },
  ): void {
    const [value, beside] = [object[name], object[`_${name}`]];
    const lists = Array.isArray(value) || Array.isArray(beside);
    const [values, besides] = [listOf(value), listOf(beside)];
    const kept: number[] = [];
    for (let i = 0; i < Math.max(values.length, besides.length); i++) {
      const isHidden = whole || this.#hides(values[i]) || this.#hides(besides[i]);
      if (isHidden) this.isMasked = true;
      else if (this.#inside(values[i], child) && this.#inside(besides[i], 'Element')) kept.push(i);
    }
    if (kept.length === Math.max(values.length, besides.length)) return;
    delete object[name];
    delete object[`_${name}`];
    if (kept.length === 0) {
      if (!element || element.min === 0) return;
      const isPrimitive = this.#definitions.types.get(child)?.kind === 'primitive';
      object[isPrimitive ? `_${name}` : name] = lists ? [MASKED] : MASKED;
      return;
    }
    if (values.length > 0) object[name] = this.#picked(values, kept);
    const beyond = this.#picked(besides, kept);
    if (beyond.some(each => each !== null)) object[`_${name}`] = beyond;
  }

  /** Whether anything is left of it. */
  #inside(value: Json | undefined, type: string): boolean {
    if (!isObject(value)) return true;
    const had = Object.keys(value).length;
    this.#walk(value, typeof value['resourceType'] === 'string' ? value['resourceType'] : type);
    return had === 0 || Object.keys(value).length > 0;
  }

  /** With the digits of its numbers. */
  #picked(list: readonly Json[], kept: readonly number[]): Json[] {
    const picked = kept.map(i => list[i] ?? null);
    const digits = this.#decimals?.get(list);
    if (digits)
      this.#decimals!.set(
        picked,
        Object.fromEntries(kept.flatMap((i, at) => (digits[i] === undefined ? [] : [[at, digits[i]]]))),
      );
    return picked;
  }
}

const listOf = (value: Json | undefined): readonly Json[] =>
  value === undefined ? [] : Array.isArray(value) ? value : [value];

/** Every member `text` that is a Narrative, at any depth. */
function dropNarratives(resource: JsonObject): void {
  const left: Json[] = [resource];
  for (let value = left.pop(); value !== undefined; value = left.pop()) {
    if (typeof value !== 'object' || value === null) continue;
    if (isObject(value) && isObject(value['text']) && value['text']['div'] !== undefined) delete value['text'];
    for (const each of Object.values(value)) if (typeof each === 'object') left.push(each);
  }
}
