/** `_summary` and `_elements` of everything but searches: https://hl7.org/fhir/R4/search.html#summary, #elements */
import { FhirError } from '../../fhir/error.js';
import type { Engine } from '../engine.js';
import type { Parameters, View } from '../interaction.js';

/** What shows a part of a single resource. */
export const VIEW = ['_summary', '_elements'] as const;

const SUMMARIES = ['true', 'text', 'data', 'count', 'false'] as const;
export type Summary = (typeof SUMMARIES)[number];

/** Throws `invalid`. */
export function readSummary(value: string): Summary {
  const found = SUMMARIES.find(known => known === value);
  if (!found) throw bad('_summary', `_summary must be one of ${SUMMARIES.join(', ')}.`);
  return found;
}

/** How a single resource of this type is to be shown; undefined: whole. Throws `invalid`. */
export function readView(engine: Engine, type: string, parameters: Parameters): View | undefined {
  const valueOf = (name: string) => parameters.findLast(([key]) => key === name)?.[1];
  const [summary, elements] = VIEW.map(valueOf);
  if (summary !== undefined && readSummary(summary) === 'count')
    throw bad('_summary', '_summary=count is for searches and histories: here it must be true, text, data or false.');
  if (summary === undefined && elements === undefined) return undefined;
  return {
    ...(summary === undefined ? {} : { summary }),
    ...(elements === undefined ? {} : { elements: readElements(engine, [type], elements) }),
  };
}

/** Names of top-level elements, each once. Throws `invalid` where one is an element of none of the types. */
export function readElements({ definitions }: Engine, types: readonly string[], value: string): readonly string[] {
  const names = [...new Set(value.split(','))];
  const isElement = (name: string): boolean =>
    types.some(type => definitions.types.get(type)?.elements.some(element => element.name === name));
  if (!names.every(isElement))
    throw bad('_elements', '_elements must name elements of the types that are asked for, separated by commas.');
  return names;
}

const bad = (name: string, message: string): FhirError =>
  new FhirError('invalid', message, { expression: `http.${name}`, detail: 'bad-parameter-value' });
