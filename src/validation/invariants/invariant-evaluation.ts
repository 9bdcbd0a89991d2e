/**
 * One evaluation of an invariant by the FHIRPath engine, as the functions that this server gives the engine see it.
 */
import type * as fhirpath from 'fhirpath';
import type { JsonObject } from '../../fhir/resource.js';
import type { Origin } from '../../fhir/structure-definition.js';
import type { CheckedElement, CheckRun } from '../run.js';

export interface Evaluation {
  readonly run: CheckRun;
  readonly element: CheckedElement;
  readonly from: Origin;
  readonly copies: Copies;
  readonly makeNode: MakeNode;
  /** Something was asked whose answer is not known (yet): what a reference leads to, what is in a value set. */
  unknown: boolean;
}

/** A resource, or an element of the given type, as the engine wants it. */
export type MakeNode = (data: unknown, type: string, sibling?: unknown) => fhirpath.ResourceNode;

/** The objects of a resource as the engine sees them, and back. */
export interface Copies {
  of<T>(original: T): T;
  originalOf<T>(copy: T): T;
}

/** Where an evaluation hides among the variables of the engine. */
export const EVALUATION = Symbol('evaluation');

/** The context of an evaluation, as the engine hands it to functions. */
export interface EngineContext {
  readonly vars: Record<symbol, Evaluation>;
}

export const evaluationOf = (context: EngineContext): Evaluation => context.vars[EVALUATION]!;

/** What an expression gives: nodes of the resource, or values of the engine's own. */
export type Items = readonly unknown[];

export const isNode = (item: unknown): item is fhirpath.ResourceNode =>
  typeof item === 'object' && item !== null && 'fhirNodeDataType' in item;

export const dataOf = (item: unknown): unknown => (isNode(item) ? item.data : item);

/** Id and extensions of a primitive. */
export const siblingOf = (item: unknown): JsonObject | undefined =>
  (isNode(item) ? (item['_data'] as JsonObject | null) : undefined) ?? undefined;

/** The one text of the input; undefined where there is none. Throws where there are several, or something else. */
export function oneText(input: Items): string | undefined {
  if (input.length > 1) throw new TypeError('One text is expected.');
  const text = dataOf(input[0]);
  if (text === undefined || text === null) return undefined;
  if (typeof text !== 'string') throw new TypeError('A text is expected.');
  return text;
}
