/**
 * Where in the JSON of a resource a FHIRPath leads: https://hl7.org/fhir/R4/fhirpatch.html ("The FHIRPath statement must
 * return a single element"), https://hl7.org/fhirpath/N1/
 *
 * fhirpath.js evaluates; its results know their parent, their property and their index.
 *
 * Choices: paths only choose among elements. Functions that compute, recurse, match regular expressions or follow
 * references are refused, and so are variables: what is left takes time in proportion to the resource. `div` after a dot
 * is the element of a narrative, not an operator that would need backticks. Paths have 500 characters at most.
 */
import type * as fhirpath from 'fhirpath';
import { FhirError } from '../error.js';
import { loadFhirPath } from '../fhirpath.js';
import type { JsonObject } from '../resource.js';
import { malformedPatch } from './operations.js';

/** From an element to a child: a JSON property, and the index where it is an array. */
export interface Step {
  readonly property: string;
  readonly index?: number;
}

/** What leads from the resource to an element; empty: the resource itself. */
export type Location = readonly Step[];

const MAX_PATH = 500;
const FUNCTIONS: ReadonlySet<string> = new Set([
  ...['where', 'first', 'last', 'tail', 'skip', 'take', 'single', 'ofType', 'as', 'is', 'extension'],
  ...['exists', 'empty', 'not', 'count', 'hasValue', 'startsWith', 'endsWith', 'contains', 'lower', 'upper'],
]);

/** A node of the syntax tree of fhirpath.js. */
interface Syntax {
  readonly type: string;
  readonly text?: string;
  readonly children?: readonly Syntax[];
}

/** The path as `locate` takes it. Throws `invalid` for what is no FHIRPath, or more than a path may be. */
export function readPath(given: string): string {
  if (given.length > MAX_PATH) throw malformedPatch(`Its path may have ${MAX_PATH} characters.`);
  const path = given.replaceAll(DIV, found => (found.startsWith('.') ? '.`div`' : found));
  let syntax: Syntax;
  try {
    syntax = loadFhirPath().engine.parse(path) as Syntax;
  } catch {
    throw malformedPatch('Its path is not FHIRPath.');
  }
  const visit = ({ type, text, children = [] }: Syntax): void => {
    if (type === 'ExternalConstant') throw malformedPatch('Its path may not use variables.');
    if (type === 'Functn' && !FUNCTIONS.has(text ?? ''))
      throw malformedPatch(
        'Its path uses a function that does not choose among elements: use where, first, ofType and the like.',
      );
    children.forEach(visit);
  };
  visit(syntax);
  return path;
}

/** Texts and quoted names, which stay as they are, and `.div`. */
const DIV = /'(?:[^'\\]|\\.)*'|`[^`]*`|\.\s*div\b/g;

/** Where the elements are that a path chooses. Throws `unprocessable` where it gives values instead. */
export function locate(resource: JsonObject, path: string): Location[] {
  let found: readonly unknown[];
  try {
    found = loadFhirPath().compile(path)(resource);
  } catch {
    throw new FhirError('unprocessable', 'Its path cannot be evaluated on this resource.', { detail: 'patch-path' });
  }
  return found.map(node => locationOf(node, resource));
}

function locationOf(found: unknown, resource: JsonObject): Location {
  const steps: Step[] = [];
  let node = found as fhirpath.ResourceNode;
  while (typeof node === 'object' && node?.parentResNode) {
    steps.unshift({ property: propertyOf(node), ...(typeof node.index === 'number' ? { index: node.index } : {}) });
    node = node.parentResNode;
  }
  if (typeof node !== 'object' || node?.data !== resource)
    throw new FhirError('unprocessable', 'Its path gives a value, not an element of this resource.', {
      detail: 'patch-path',
    });
  return steps;
}

/** The JSON property of a node. One that was reached by the name of a choice has its type apart. */
function propertyOf({ propName, fhirNodeDataType, parentResNode }: fhirpath.ResourceNode): string {
  const name = propName ?? '';
  const holder: unknown = parentResNode?.data;
  const has = (key: string) =>
    typeof holder === 'object' && holder !== null && (Object.hasOwn(holder, key) || Object.hasOwn(holder, `_${key}`));
  const typed = `${name}${(fhirNodeDataType ?? '').replace(/^[a-z]/, letter => letter.toUpperCase())}`;
  return !has(name) && has(typed) ? typed : name;
}
