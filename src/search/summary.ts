/**
 * `_summary` and `_elements` on one resource. https://hl7.org/fhir/R4/search.html#summary, #elements
 *
 * Choices: `true` keeps what the definitions mark as summary, at every depth, so that `Attachment.data` goes and
 * `Attachment.url` stays; whatever is mandatory or a modifier stays with its parent. Types without any summary
 * element (Extension) are kept whole. `_elements` takes top-level names and keeps those elements whole. Every result
 * is tagged SUBSETTED. The input is not changed; parts that are kept whole are shared with it.
 */
import type { Definitions, ElementDefinition } from '../fhir/definitions.js';
import type { Decimals, Json, JsonObject, Resource } from '../fhir/resource.js';
import { withSubsetted } from '../fhir/subsetted.js';

export type SummaryForm = 'true' | 'text' | 'data' | { readonly elements: readonly string[] };

export interface Summarised {
  readonly resource: Resource;
  /** With the digits of copied objects; the table that was given, where none was copied. */
  readonly decimals: Decimals | undefined;
}

/** `form` `count` and `false` are not for single resources. */
export function summarise(
  resource: Resource,
  form: SummaryForm,
  definitions: Definitions,
  decimals?: Decimals,
): Summarised {
  const copied = decimals && new Map(decimals);
  const context: SummaryContext = { definitions, copied };
  const kept = pick(resource, resource.resourceType, keepers(form), form === 'true', context);
  kept['meta'] = withSubsetted(resource['meta']);
  // The order of the standard: resourceType, id, meta, the rest.
  const { resourceType: _, id, meta, ...rest } = kept;
  const result: Resource = { resourceType: resource.resourceType, ...(id === undefined ? {} : { id }), meta, ...rest };
  const digits = copied?.get(kept);
  if (digits) copied?.set(result, digits);
  return { resource: result, decimals: copied };
}

interface SummaryContext {
  readonly definitions: Definitions;
  readonly copied: Decimals | undefined;
}

type Keep = (element: ElementDefinition) => boolean;

const ALWAYS: ReadonlySet<string> = new Set(['id', 'meta']);
const inSummary: Keep = ({ summary, min, modifier }) => summary === true || modifier === true || min > 0;

function keepers(form: SummaryForm): Keep {
  if (form === 'true') return element => ALWAYS.has(element.name) || inSummary(element);
  if (form === 'text') return ({ name, min }) => ALWAYS.has(name) || name === 'text' || min > 0;
  if (form === 'data') return ({ name }) => name !== 'text';
  const wanted = new Set(form.elements);
  return ({ name, min, modifier }) => ALWAYS.has(name) || wanted.has(name) || min > 0 || modifier === true;
}

/** A copy with the members that `keep` wants; `deep`: their own members are picked the same way. */
function pick(value: JsonObject, type: string, keep: Keep, deep: boolean, context: SummaryContext): JsonObject {
  const result: JsonObject = {};
  for (const [key, member] of Object.entries(value)) {
    const property = context.definitions.property(type, key.startsWith('_') ? key.slice(1) : key);
    if (key !== 'resourceType' && !(property && keep(property.element))) continue;
    const child = property && (property.element.children ?? (property.type ?? property.element.types[0])?.code);
    result[key] = deep && child !== undefined && !key.startsWith('_') ? shorten(member, child, context) : member;
  }
  const digits = context.copied?.get(value);
  if (digits) context.copied?.set(result, digits);
  return result;
}

function shorten(value: Json, type: string, context: SummaryContext): Json {
  if (Array.isArray(value)) {
    if (!value.some(item => typeof item === 'object')) return value;
    return value.map(item => shorten(item, type, context));
  }
  if (typeof value !== 'object' || value === null) return value;
  if (type === 'Resource' && typeof value['resourceType'] === 'string')
    return pick(value, value['resourceType'], inSummary, true, context);
  const elements = context.definitions.types.get(type)?.elements ?? [];
  if (!elements.some(element => element.summary)) return value;
  return pick(value, type, element => element.name === 'id' || inSummary(element), true, context);
}
