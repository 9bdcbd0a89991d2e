/**
 * FHIR's data types as those of HL7 v3, the way back of read/cda-types.ts: https://hl7.org/fhir/us/ccda/mappingGuidance.html
 *
 * A value that has no form in CDA is a null flavor with its words; nothing is made more exact than it was.
 */
import { textOf } from '../../../../fhir/json/print.js';
import { isObject, itemsOf, type Decimals, type Json, type JsonObject } from '../../../../fhir/resource.js';
import { UCUM } from '../../../../search/units.js';
import { CODE_SYSTEMS } from '../../read/cda-types.js';
import { cda, cdaText, type CdaAttributes, type NullFlavor } from './element.js';

const OIDS: ReadonlyMap<string, string> = new Map(Object.entries(CODE_SYSTEMS).map(([oid, url]) => [url, oid]));

/** The OID of a code system; undefined: it has none. */
export function oidOf(system: Json | undefined): string | undefined {
  if (typeof system !== 'string') return undefined;
  return OIDS.get(system) ?? /^urn:oid:([0-2](?:\.\d+)+)$/.exec(system)?.[1];
}

export const stringAt = (value: Json | undefined, name: string): string | undefined => {
  const text = isObject(value) ? value[name] : undefined;
  return typeof text === 'string' ? text : undefined;
};

/** The words of a CodeableConcept. */
export function wordsOfConcept(concept: Json | undefined): string | undefined {
  const [first] = codingsIn(concept);
  return stringAt(concept, 'text') ?? stringAt(first, 'display') ?? stringAt(first, 'code');
}

export const codingsIn = (concept: Json | undefined): readonly JsonObject[] =>
  isObject(concept) ? itemsOf(concept['coding']).filter(isObject) : [];

/** Whether one of its codings is one of these codes. */
export const hasCodeAmong = (concept: Json | undefined, codes: ReadonlySet<string>): boolean =>
  codingsIn(concept).some(coding => codes.has(stringAt(coding, 'code') ?? ''));

/** dateTime → TS, as exact as it is: `2026-01-02T03:04:05+01:00` → `20260102030405+0100`. */
export function timeValue(dateTime: string | undefined): string | undefined {
  if (dateTime === undefined || !/^\d{4}/.test(dateTime)) return undefined;
  return dateTime
    .replace(/Z$/, '+0000')
    .replace(/([+-]\d\d):(\d\d)$/, '$1$2')
    .replace(/^(\d{4})-?(\d\d)?-?(\d\d)?T?(\d\d)?:?(\d\d)?:?/, '$1$2$3$4$5');
}

/** TS, or a null flavor. */
export function timeElement(name: string, dateTime: string | undefined, otherwise: NullFlavor = 'UNK'): string {
  const value = timeValue(dateTime);
  return cda(name, value === undefined ? { nullFlavor: otherwise } : { value });
}

export interface CdaInterval {
  readonly low?: string | undefined;
  readonly high?: string | undefined;
}

/** IVL_TS. `high`: only where it is known, or has ended. */
export function intervalElement(
  name: string,
  { low, high }: CdaInterval,
  { ended = false, attributes = {} }: { readonly ended?: boolean; readonly attributes?: CdaAttributes } = {},
): string {
  const end = high !== undefined || ended ? timeElement('high', high) : undefined;
  return cda(name, attributes, timeElement('low', low), end);
}

/** Period, dateTime, instant or Age → when it was. */
export function whenOf(resource: JsonObject, base: string): CdaInterval {
  const point = stringAt(resource, `${base}DateTime`) ?? stringAt(resource, `${base}Instant`);
  if (point !== undefined) return { low: point, high: point };
  const period = resource[`${base}Period`] ?? resource[base];
  return { low: stringAt(period, 'start'), high: stringAt(period, 'end') };
}

export interface CodeElement {
  /** OIDs of the code systems that the element asks for; the coding of one of them is the code, others are translations. */
  readonly systems?: readonly string[];
  /** `xsi:type` where the element has none of its own. */
  readonly type?: string;
  /** Id of the narrative that says it in words. */
  readonly words?: string | undefined;
}

/** CodeableConcept → CD. */
export function codeElement(
  name: string,
  concept: Json | undefined,
  { systems, type, words }: CodeElement = {},
): string {
  const codings = codingsIn(concept).flatMap(coding => {
    const codeSystem = oidOf(coding['system']);
    const code = stringAt(coding, 'code');
    return codeSystem === undefined || code === undefined
      ? []
      : [{ code, codeSystem, displayName: stringAt(coding, 'display') }];
  });
  const main = systems ? codings.find(({ codeSystem }) => systems.includes(codeSystem)) : codings[0];
  const label = wordsOfConcept(concept);
  const original =
    words !== undefined
      ? cda('originalText', {}, cda('reference', { value: `#${words}` }))
      : label === undefined
        ? undefined
        : cda('originalText', {}, cdaText(label));
  const translations = codings.filter(coding => coding !== main).map(coding => cda('translation', coding));
  const nullFlavor: NullFlavor | undefined = main ? undefined : codings.length > 0 ? 'OTH' : 'UNK';
  return cda(name, { 'xsi:type': type, nullFlavor, ...main }, original, ...translations);
}

/** Value and unit of UCUM of a Quantity; undefined: its unit is none of UCUM. */
function measured(quantity: JsonObject, decimals: Decimals | undefined): CdaAttributes | undefined {
  if (typeof quantity['value'] !== 'number') return undefined;
  const { system, code, unit } = quantity;
  const value = textOf(quantity, 'value', decimals);
  if (system === UCUM && typeof code === 'string') return { value, unit: code };
  return unit === undefined && code === undefined ? { value } : undefined;
}

/** A Quantity → PQ, or a null flavor. */
export function quantityElement(
  name: string,
  quantity: Json | undefined,
  decimals: Decimals | undefined,
  type?: string,
): string {
  const found = isObject(quantity) ? measured(quantity, decimals) : undefined;
  return cda(name, { 'xsi:type': type, ...(found ?? { nullFlavor: 'UNK' }) });
}

/** The words of a Quantity: `< 5.0 mg/dL`. */
export function quantityWords(quantity: Json | undefined, decimals: Decimals | undefined): string {
  if (!isObject(quantity) || quantity['value'] === undefined) return '';
  const parts = [stringAt(quantity, 'comparator'), textOf(quantity, 'value', decimals)];
  return [...parts, stringAt(quantity, 'unit') ?? stringAt(quantity, 'code')]
    .filter(part => part !== undefined)
    .join(' ');
}

const BOUNDS: Readonly<Record<string, readonly [edge: 'low' | 'high', inclusive: boolean]>> = {
  '<': ['high', false],
  '<=': ['high', true],
  '>': ['low', false],
  '>=': ['low', true],
};

/** `value[x]` of an Observation → value of any type; undefined: it has none. */
export function valueElement(observation: JsonObject, decimals: Decimals | undefined): string | undefined {
  const key = Object.keys(observation).find(name => /^value[A-Z]/.test(name));
  const value = key === undefined ? undefined : observation[key];
  switch (key) {
    case 'valueQuantity':
      return quantityValue(value as JsonObject, decimals);
    case 'valueCodeableConcept':
      return codeElement('value', value, { type: 'CD' });
    case 'valueBoolean':
      return cda('value', { 'xsi:type': 'BL', value: textOf(observation, key, decimals) });
    case 'valueInteger':
      return cda('value', { 'xsi:type': 'INT', value: textOf(observation, key, decimals) });
    case 'valueDateTime':
      return cda('value', { 'xsi:type': 'TS', value: timeValue(value as string) });
    case 'valuePeriod':
      return intervalElement(
        'value',
        { low: stringAt(value, 'start'), high: stringAt(value, 'end') },
        { attributes: { 'xsi:type': 'IVL_TS' } },
      );
    case undefined:
      return undefined;
    default: {
      const words = valueWords(observation, decimals);
      return words === ''
        ? cda('value', { 'xsi:type': 'ST', nullFlavor: 'UNK' })
        : cda('value', { 'xsi:type': 'ST' }, cdaText(words));
    }
  }
}

function quantityValue(quantity: JsonObject, decimals: Decimals | undefined): string {
  const found = measured(quantity, decimals);
  if (!found) return cda('value', { 'xsi:type': 'ST' }, cdaText(quantityWords(quantity, decimals) || 'unknown'));
  const bound = BOUNDS[stringAt(quantity, 'comparator') ?? ''];
  if (!bound) return cda('value', { 'xsi:type': 'PQ', ...found });
  const [edge, inclusive] = bound;
  return cda('value', { 'xsi:type': 'IVL_PQ' }, cda(edge, { inclusive: String(inclusive), ...found }));
}

/** The same in words. */
export function valueWords(observation: JsonObject, decimals: Decimals | undefined): string {
  const key = Object.keys(observation).find(name => /^value[A-Z]/.test(name));
  const value = key === undefined ? undefined : observation[key];
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return textOf(observation, key!, decimals);
  if (!isObject(value)) return wordsOfConcept(observation['dataAbsentReason']) ?? '';
  if (key === 'valueCodeableConcept') return wordsOfConcept(value) ?? '';
  const edges = ['low', 'high', 'numerator', 'denominator', 'start', 'end'].filter(name => value[name] !== undefined);
  if (edges.length === 0) return quantityWords(value, decimals);
  const between = key === 'valueRatio' ? ' / ' : ' – ';
  return edges.map(name => stringAt(value, name) ?? quantityWords(value[name], decimals)).join(between);
}
