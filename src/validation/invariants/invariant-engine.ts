/**
 * Evaluates invariants by the complete FHIRPath engine (fhirpath.js), which is loaded when the first of them is evaluated.
 * http://hl7.org/fhirpath/N1/, https://hl7.org/fhir/R4/fhirpath.html
 *
 * The resource is not copied and not changed, except that numbers whose digits matter (1.0) are put into a copy as they are written.
 * Expressions are parsed once, whatever the number of elements and profiles that have them. Every step is counted
 * (invariant-budget.ts); what the engine throws holds parts of the resource, so it is never told to anybody.
 */
import type * as fhirpath from 'fhirpath';
import { loadFhirPath, withoutConsole } from '../../fhir/fhirpath.js';
import type { Decimals, Resource } from '../../fhir/resource.js';
import type { Origin } from '../../fhir/structure-definition.js';
import { createMeter, type SyntaxNode } from './invariant-budget.js';
import { refuseCalls } from './invariant-calls.js';
import {
  type Copies,
  EVALUATION,
  type EngineContext,
  type Evaluation,
  evaluationOf,
  type MakeNode,
} from './invariant-evaluation.js';
import { invariantFunctions } from './invariant-functions.js';
import { createParses } from './invariant-parses.js';
import type { CheckedElement, CheckRun, ResourceSite } from '../run.js';

/** What an invariant says of an element; `unknown`: it does not hold, and that rests on what is not known. */
export type InvariantVerdict = 'holds' | 'violated' | 'unknown';

/** Throws what the engine throws, and FhirError `too-costly`. */
export type Invariant = (element: CheckedElement, run: CheckRun, from: Origin) => InvariantVerdict;

/** A step of the engine takes as long as several of those that are compiled. */
const ENGINE_STEPS = 2;

type Evaluate = (focus: unknown, variables: Record<string | symbol, unknown>) => unknown[];

/** Throws where the expression is none, or calls what is not offered. */
function parse(expression: string): Evaluate {
  const { engine, model } = loadFhirPath();
  const tree = engine.parse(expression) as SyntaxNode;
  refuseCalls(tree);
  const meter = createMeter(tree);
  return engine.compile(expression, model, {
    resolveInternalTypes: false,
    async: false,
    preciseMath: true,
    traceFn: () => {},
    userInvocationTable: invariantFunctions(),
    debugger: (context: EngineContext, focus, result, node) =>
      evaluationOf(context).run.spend(ENGINE_STEPS * meter.stepsOf(focus, result, node)),
  });
}

const parsed = createParses(parse);
const readable = createParses(expression => {
  loadFhirPath().engine.parse(expression);
  return true as const;
});

/** Whether a text is FHIRPath, whatever functions it calls. Undefined: that is asked for. */
export function isFhirPath(expression: string, run: CheckRun): boolean | undefined {
  const found = readable(expression, run);
  return found === undefined ? undefined : found !== null;
}

export interface EngineResult {
  /** Nodes of the resource, or values of the engine's own. */
  readonly items: readonly unknown[];
  /** They rest on what is not known. */
  readonly unknown: boolean;
}

/** Until it is parsed nothing is wrong. */
const ASKED_FOR: EngineResult = { items: [true], unknown: true };

/** What an expression gives on an element. Nothing is parsed before the first is asked for. Throws as an Invariant does. */
export function engineExpression(
  expression: string,
): (element: CheckedElement, run: CheckRun, from: Origin) => EngineResult {
  const named = Object.fromEntries(namedVariables(expression));
  return (element, run, from) => {
    const evaluate = parsed(expression, run);
    if (evaluate === undefined) return ASKED_FOR;
    if (!evaluate) throw new SyntaxError('The invariant cannot be evaluated.');
    const copies = copiesOf(run.decimals, element.site);
    const evaluation: Evaluation = { run, element, from, copies, makeNode: nodeMaker(), unknown: false };
    const variables = {
      ...named,
      sct: 'http://snomed.info/sct',
      loinc: 'http://loinc.org',
      resource: copies.of(element.site.resource),
      rootResource: copies.of(containerOf(element.site)),
      [EVALUATION]: evaluation,
    };
    const items = withoutConsole(() => evaluate(focusOf(element, evaluation), variables));
    return { items, unknown: evaluation.unknown };
  };
}

export function engineInvariant(expression: string): Invariant {
  const evaluate = engineExpression(expression);
  return (element, run, from) => {
    const { items, unknown } = evaluate(element, run, from);
    if (holds(items)) return 'holds';
    return unknown ? 'unknown' : 'violated';
  };
}

/** An invariant holds where its result is true, or is there and no boolean; nothing is not true. */
function holds(result: readonly unknown[]): boolean {
  if (result.length !== 1) return result.length > 0;
  const only = result[0];
  const value = typeof only === 'object' && only !== null && 'data' in only ? only.data : only;
  return value !== false;
}

/** The container of a contained resource, or the resource itself. https://hl7.org/fhir/R4/fhirpath.html#variables */
export function containerOf(site: ResourceSite): Resource {
  return site.as === 'contained' && site.outer ? site.outer.resource : site.resource;
}

/** `%vs-name` and `%ext-name`, as far as the expression uses them. */
function* namedVariables(expression: string): Generator<[string, string]> {
  for (const [, name = '', kind, rest] of expression.matchAll(/%[`'"]?((vs|ext)-([\w-]+))[`'"]?/g))
    yield [name, `http://hl7.org/fhir/${kind === 'vs' ? 'ValueSet' : 'StructureDefinition'}/${rest}`];
}

function focusOf(element: CheckedElement, { copies, makeNode, run }: Evaluation): fhirpath.ResourceNode {
  const literal = run.decimals?.get(element.holder)?.[String(element.key)];
  const value =
    literal !== undefined && typeof element.value === 'number'
      ? loadFhirPath().engine.FP_Decimal.getDecimal(literal)
      : copies.of(element.value);
  return makeNode(value, element.type, element.sibling);
}

type NodeClass = new (
  context: unknown,
  data: unknown,
  parent: null,
  path: string | null,
  sibling: unknown,
  type: string | null,
) => fhirpath.ResourceNode;

let makeEngineNode: MakeNode | undefined;

/** The engine exports no class of nodes: an evaluated one has it, and a context that nodes outside of evaluations may have. */
function nodeMaker(): MakeNode {
  if (makeEngineNode) return makeEngineNode;
  const { engine, model } = loadFhirPath();
  const options = { resolveInternalTypes: false, preciseMath: true } as const;
  const [sample] = engine.evaluate({ resourceType: 'Basic' }, '$this', {}, model, options) as [
    fhirpath.ResourceNode & { constructor: NodeClass; ctx: unknown },
  ];
  const { constructor: Node, ctx } = sample;
  makeEngineNode = (data, type, sibling) => {
    const name = type.replace('http://hl7.org/fhirpath/', '');
    return new Node(ctx, data, null, name, sibling ?? null, model.path2Type[name] ?? name);
  };
  return makeEngineNode;
}

const UNCHANGED: Copies = { of: original => original, originalOf: copy => copy };
const copiesByDecimals = new WeakMap<Decimals, Copies>();

function copiesOf(decimals: Decimals | undefined, site: ResourceSite): Copies {
  if (!decimals || decimals.size === 0) return UNCHANGED;
  const known = copiesByDecimals.get(decimals);
  if (known) return known;
  let outermost = site;
  while (outermost.outer) outermost = outermost.outer;
  const made = copyWithDecimals(outermost.resource, decimals);
  copiesByDecimals.set(decimals, made);
  return made;
}

/** Numbers that do not survive parsing stand in the copy as decimals of the engine, which print as they were written. */
function copyWithDecimals(resource: Resource, decimals: Decimals): Copies {
  const { FP_Decimal } = loadFhirPath().engine;
  const copies = new Map<unknown, unknown>();
  const originals = new Map<unknown, unknown>();
  const copy = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    const literals = decimals.get(value);
    const member = (key: string | number, each: unknown): unknown => {
      const literal = literals?.[String(key)];
      return literal === undefined ? copy(each) : FP_Decimal.getDecimal(literal);
    };
    const made = Array.isArray(value)
      ? value.map((each, index) => member(index, each))
      : Object.fromEntries(Object.entries(value).map(([key, each]) => [key, member(key, each)]));
    copies.set(value, made);
    originals.set(made, value);
    return made;
  };
  copy(resource);
  return {
    of: <T>(original: T) => (copies.get(original) ?? original) as T,
    originalOf: <T>(made: T) => (originals.get(made) ?? made) as T,
  };
}
