/**
 * Compiles the expressions of search parameters to closures. Types are known from the definitions while compiling, so
 * that at run time a step is one property access and every value arrives at a function made for its element type.
 * https://hl7.org/fhir/R4/searchparameter-definitions.html#SearchParameter.expression
 *
 * What lies outside of the subset (expression.ts) is evaluated by fhirpath.js (path-engine.ts), loaded on first use.
 *
 * Choices: `resolve() is T` looks at the reference text, `Reference.type`, or the contained resource; nothing is
 * fetched. A branch of a union that belongs to another resource type is left out. Data of the wrong JSON shape is
 * passed over, because validation reports it.
 */
import type { Definitions, ElementDefinition } from '../fhir/definitions.js';
import { parseReference } from '../fhir/reference.js';
import { type Json, type JsonObject, isObject } from '../fhir/resource.js';
import { type Condition, type PathExpression, type Path, parseExpression, type PathStep } from './expression.js';
import { evaluateWith } from './path-engine.js';
import type { Ending, Leaf, PathFrame, PathWalk } from './path-walk.js';
import type { TextFunction } from './text-expression.js';

/**
 * Compiles `expression` for a focus of `type` (a resource type, or the type of a composite's element). Undefined: no
 * branch of it leads from this type to anything that `leaf` wants. Throws what fhirpath.js throws on a faulty text.
 */
export function compilePath<F extends PathFrame>(
  definitions: Definitions,
  expression: string,
  type: string,
  leaf: Leaf<F>,
): PathWalk<F> | undefined {
  let parsed: PathExpression;
  try {
    parsed = parseOnce(expression);
    return compileParsed(definitions, parsed, type, leaf);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return evaluateWith(expression, leaf);
  }
}

/** Most expressions of R4 are compiled for many types, and no text is parsed twice while there are not too many. */
const parsedTexts = new Map<string, PathExpression>();
const MOST_PARSED = 2000;

function parseOnce(text: string): PathExpression {
  let parsed = parsedTexts.get(text);
  if (!parsed) {
    parsed = parseExpression(text);
    if (parsedTexts.size >= MOST_PARSED) parsedTexts.clear();
    parsedTexts.set(text, parsed);
  }
  return parsed;
}

function compileParsed<F extends PathFrame>(
  definitions: Definitions,
  expression: PathExpression,
  type: string,
  leaf: Leaf<F>,
) {
  if (expression.is === 'paths') return runWalks(expression.paths.map(path => walkPath(definitions, path, type, leaf)));
  const take = leaf({ type: 'boolean', repeats: false });
  const test = compileCondition(definitions, expression.condition, type);
  if (!take) return undefined;
  return (value: Json, frame: F) => {
    const result = test(value, frame);
    if (result !== undefined) take(result, frame);
  };
}

function runWalks<F extends PathFrame>(walks: readonly (PathWalk<F> | undefined)[]): PathWalk<F> | undefined {
  const found = walks.filter(walk => walk !== undefined);
  if (found.length < 2) return found[0];
  return (value, frame) => {
    for (const walk of found) walk(value, frame);
  };
}

function walkPath<F extends PathFrame>(definitions: Definitions, path: Path, type: string, leaf: Leaf<F>) {
  const first = path.steps[0];
  const start = path.from === 'resource' ? rootType(type) : type;
  // A leading type name: of this type or of a base of it, or else the branch of another type.
  if (first?.is === 'property' && definitions.types.get(first.name)?.kind === 'resource') {
    if (!isA(definitions, start, first.name)) return undefined;
    return walkSteps(definitions, path.steps.slice(1), { type: start, repeats: false }, leaf);
  }
  const walk = walkSteps(definitions, path.steps, { type: start, repeats: false }, leaf);
  if (path.from === 'focus' || !walk) return walk;
  return (_: Json, frame: F) => walk(frame.root, frame);
}

/** `Patient.contact` is a part of `Patient`. */
const rootType = (type: string) => type.split('.')[0]!;

/** A backbone element's children, or those of the type. */
const childrenOf = (element: ElementDefinition, code: string) => element.children ?? code;

function isA(definitions: Definitions, type: string, wanted: string): boolean {
  for (let at: string | undefined = type; at !== undefined; at = definitions.types.get(at)?.base)
    if (at === wanted) return true;
  return false;
}

function walkSteps<F extends PathFrame>(
  definitions: Definitions,
  steps: readonly PathStep[],
  here: Ending,
  leaf: Leaf<F>,
): PathWalk<F> | undefined {
  const [step, ...rest] = steps;
  if (!step) return leaf(here);
  const next = (ending: Ending) => walkSteps(definitions, rest, ending, leaf);
  switch (step.is) {
    case 'property': {
      const [index, ...later] = rest;
      if (index?.is !== 'index') return walkProperty(definitions, step.name, here, next);
      // An index counts the whole collection; that is the property's own array where nothing before it repeats.
      if (here.repeats) throw new SyntaxError('An index after an element that repeats.');
      const after = (ending: Ending) => walkSteps(definitions, later, ending, leaf);
      return walkProperty(definitions, step.name, here, after, index.at);
    }
    case 'index':
      throw new SyntaxError('An index that follows no property.');
    case 'as':
      return matches(definitions, here.type, step.type) ? next(here) : undefined;
    case 'where': {
      const test = compileCondition(definitions, step.condition, here.type);
      const walk = next(step.condition.is === 'resolves' ? { ...here, only: step.condition.type } : here);
      return walk && ((value, frame) => (test(value, frame) === true ? walk(value, frame) : undefined));
    }
    case 'made': {
      // What is made of other types may have another one.
      if (here.type !== 'string') throw new SyntaxError('A text is made of a text.');
      const walk = next({ type: 'string', repeats: here.repeats });
      return walk && ((value, frame) => walkMade(step.make, walk, value, frame));
    }
    case 'extension': {
      const walk = walkProperty(definitions, 'extension', here, next);
      return walk && ((value, frame) => walk(withExtensions(value, step.url), frame));
    }
  }
}

function walkMade<F extends PathFrame>(make: TextFunction, walk: PathWalk<F>, value: Json, frame: F): void {
  const made = typeof value === 'string' ? make(value) : undefined;
  if (made !== undefined) walk(made, frame);
}

/** `as` for one static type, subtypes included (`canonical` is a `uri`); R4's own expressions write `DateTime` once. */
const matches = (definitions: Definitions, type: string, wanted: string) =>
  type.toLowerCase() === wanted.toLowerCase() || isA(definitions, type, wanted);

const withExtensions = (value: Json, url: string): Json =>
  isObject(value) && Array.isArray(value['extension'])
    ? { extension: value['extension'].filter(extension => isObject(extension) && extension['url'] === url) }
    : {};

function walkProperty<F extends PathFrame>(
  definitions: Definitions,
  name: string,
  here: Ending,
  next: (ending: Ending) => PathWalk<F> | undefined,
  index?: number,
): PathWalk<F> | undefined {
  const element = definitions.types.get(here.type)?.elements.find(candidate => candidate.name === name);
  // Guides write a choice as JSON has it (`valueDateTime`), which is no FHIRPath and is clear all the same.
  if (!element) return walkTyped(definitions, name, here, next);
  const repeats = here.repeats || (element.max !== 1 && index === undefined);
  const branches = new Map<string, PathWalk<F>>();
  for (const { code } of element.types) {
    const walk = next({ type: childrenOf(element, code), element, repeats });
    if (walk) branches.set(element.choice ? name + code[0]!.toUpperCase() + code.slice(1) : name, walk);
  }
  const [first, ...others] = branches;
  if (!first) return undefined;
  if (others.length > 0)
    return (value, frame) => {
      if (!isObject(value)) return;
      for (const key in value) {
        const walk = branches.get(key);
        if (walk) walk(value[key]!, frame);
      }
    };
  const [property, walk] = first;
  if (element.max === 1)
    return (value, frame) => {
      if (!isObject(value)) return;
      const found = value[property];
      if (found !== undefined && found !== null) walk(found, frame);
    };
  return (value, frame) => {
    if (!isObject(value)) return;
    const found = value[property];
    if (!Array.isArray(found)) return;
    if (index === undefined) {
      for (const item of found) if (item !== null) walk(item, frame);
    } else if (found[index] !== undefined && found[index] !== null) walk(found[index], frame);
  };
}

function walkTyped<F extends PathFrame>(
  definitions: Definitions,
  name: string,
  here: Ending,
  next: (ending: Ending) => PathWalk<F> | undefined,
): PathWalk<F> | undefined {
  const found = definitions.property(here.type, name);
  if (!found?.type) return undefined;
  const { element, type } = found;
  const walk = next({ type: childrenOf(element, type.code), element, repeats: here.repeats });
  return (
    walk &&
    ((value, frame) => {
      const item = isObject(value) ? value[name] : undefined;
      if (item !== undefined && item !== null) walk(item, frame);
    })
  );
}

/** Three-valued, as FHIRPath is: undefined is the empty collection. */
type Predicate = (value: Json, frame: PathFrame) => boolean | undefined;

function compileCondition(definitions: Definitions, condition: Condition, type: string): Predicate {
  switch (condition.is) {
    case 'and':
    case 'or': {
      const left = compileCondition(definitions, condition.left, type);
      const right = compileCondition(definitions, condition.right, type);
      const decisive = condition.is === 'or';
      return (value, frame) => {
        const a = left(value, frame);
        const b = a === decisive ? a : right(value, frame);
        if (a === decisive || b === decisive) return decisive;
        return a === undefined || b === undefined ? undefined : !decisive;
      };
    }
    case 'not': {
      const test = compileCondition(definitions, condition.of, type);
      return (value, frame) => {
        const result = test(value, frame);
        return result === undefined ? undefined : !result;
      };
    }
    case 'resolves':
      return (value, frame) => referencedType(value, frame.root) === condition.type;
    case 'exists': {
      const values = compileValues(definitions, condition.paths, type);
      return (value, frame) => values(value, frame).length > 0;
    }
    case 'equal':
    case 'true': {
      const values = compileValues(definitions, condition.paths, type);
      const wanted = condition.is === 'true' ? true : condition.value;
      return (value, frame) => {
        const found = values(value, frame);
        return found.length === 0 ? undefined : found.length === 1 && found[0] === wanted;
      };
    }
  }
}

const keepValue: PathWalk<PathFrame & { found: Json[] }> = (value, { found }) => void found.push(value);

function compileValues(definitions: Definitions, paths: readonly Path[], type: string) {
  const walk = runWalks(paths.map(path => walkPath(definitions, path, type, () => keepValue)));
  return (value: Json, frame: PathFrame): Json[] => {
    const found: Json[] = [];
    walk?.(value, { root: frame.root, found });
    return found;
  };
}

/** The resource type that a Reference points at, as far as the reference itself names it. */
function referencedType(reference: Json, root: JsonObject): string | undefined {
  if (!isObject(reference)) return undefined;
  const text = reference['reference'];
  if (typeof text === 'string') {
    const target = parseReference(text, []);
    if (target?.kind === 'contained') {
      const contained = Array.isArray(root['contained']) ? root['contained'] : [];
      const resource = contained.find(item => isObject(item) && item['id'] === target.id);
      if (isObject(resource)) return stringOrNothing(resource['resourceType']);
    } else if ((target?.kind === 'local' || target?.kind === 'url') && target.type !== undefined) return target.type;
  }
  const type = stringOrNothing(reference['type']);
  return type?.slice(type.lastIndexOf('/') + 1);
}

const stringOrNothing = (value: Json | undefined) => (typeof value === 'string' ? value : undefined);
