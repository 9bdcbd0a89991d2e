/** Runs the expressions of search parameters that lie outside of the subset (expression.ts) by fhirpath.js. */
import { loadFhirPath } from '../fhir/fhirpath.js';
import type { Json } from '../fhir/resource.js';
import type { Leaf, PathFrame, PathWalk } from './path-walk.js';

/**
 * The complete engine, for expressions beyond the subset. It marks what it reads, so it gets a copy. Its `as` refuses
 * collections, on which search parameters use it all the time: `ofType` is what they mean.
 */
export function evaluateWith<F extends PathFrame>(expression: string, leaf: Leaf<F>): PathWalk<F> {
  const { engine, ...whole } = loadFhirPath();
  const text = expression.replaceAll(/\s+as\s+(\w+)/g, '.ofType($1)').replaceAll('.as(', '.ofType(');
  const run = whole.compile(text);
  const leaves = new Map<string, PathWalk<F> | undefined>();
  return (value, frame) => {
    const found = run(structuredClone(value), { resource: structuredClone(frame.root) });
    const plain = engine.resolveInternalTypes(found) as Json[];
    engine.types(found).forEach((name, index) => {
      const type = name
        .replace(/^(FHIR|System)\./, '')
        .replace(/^[A-Z][a-z]+$/, system => PRIMITIVES.get(system) ?? system);
      if (!leaves.has(type)) leaves.set(type, leaf({ type, repeats: true }));
      const item = plain[index];
      if (item !== undefined && item !== null) leaves.get(type)?.(item, frame);
    });
  };
}

/** Types of FHIRPath itself, as computed values have them. */
const PRIMITIVES: ReadonlyMap<string, string> = new Map([
  ['String', 'string'],
  ['Boolean', 'boolean'],
  ['Integer', 'integer'],
  ['Decimal', 'decimal'],
  ['Date', 'date'],
  ['Time', 'time'],
]);
