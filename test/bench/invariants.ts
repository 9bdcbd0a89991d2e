/**
 * What the base invariants of R4 cost on one resource, without anything around them: compiled, and by the FHIRPath engine, against reading
 * the same resource's text by JSON.parse. Needs the reference data of `../shared`.
 */
import { loadDefinitions } from '../../src/fhir/definitions.js';
import type { Resource } from '../../src/fhir/resource.js';
import type { Constraint } from '../../src/fhir/structure-definition.js';
import { createConstraintCompiler } from '../../src/validation/invariants/invariant.js';
import { correctedExpression } from '../../src/validation/invariants/invariant-corrections.js';
import { engineInvariant } from '../../src/validation/invariants/invariant-engine.js';
import type { CheckedElement, ElementCheck } from '../../src/validation/run.js';
import { elementsOf, keptRun } from '../support/check-run.js';
import { constraintsOf } from '../support/constraints.js';
import { readNdjson } from '../support/examples.js';
import { shared } from '../support/shared.js';
import { table } from './report.js';

const TYPES = ['Patient', 'Observation', 'DocumentReference', 'ExplanationOfBenefit'];
const RESOURCES = 30;
const ROUNDS = 40;

type Work = readonly (readonly [CheckedElement, readonly ElementCheck[]])[];

/** The quickest of several rounds, in µs: what else the machine does only adds. */
function quickest(rounds: number, work: () => void): number {
  let best = Infinity;
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    work();
    best = Math.min(best, performance.now() - start);
  }
  return best * 1000;
}

const runAll = (works: readonly Work[]): void => {
  for (const work of works) {
    const run = keptRun({ budget: Infinity });
    for (const [element, checks] of work) for (const check of checks) check(element, run);
  }
};

/** Undefined where the reference data is missing. */
export function invariantTable(): string | undefined {
  const archive = shared('data', 'r4-packages', 'hl7.fhir.r4.core-4.0.1.tgz');
  const records = shared('data', 'synthea-seed', 'ndjson');
  if (!archive || !records) return undefined;
  const compile = createConstraintCompiler(loadDefinitions());
  const byPath = new Map<string, Map<string, Constraint>>();
  for (const { path, constraint } of constraintsOf(archive, true)) {
    if (!byPath.has(path)) byPath.set(path, new Map());
    byPath.get(path)!.set(`${constraint.key} ${constraint.expression}`, constraint);
  }
  const constraintsAt = (path: string, type: string): Constraint[] => [
    ...new Map([...(byPath.get(path) ?? []), ...(byPath.get(type) ?? [])]).values(),
  ];
  const byEngine = (constraint: Constraint): ElementCheck[] => {
    const invariant = engineInvariant(correctedExpression(constraint)!);
    return [
      (element, run) => {
        try {
          invariant(element, run, 'r4');
        } catch {
          // Some of R4's are more than the engine can evaluate.
        }
      },
    ];
  };
  const workOf = (resource: Resource, make: (constraint: Constraint, type: string) => ElementCheck[]): Work =>
    [...elementsOf(resource)].map(({ element, path }) => [
      element,
      constraintsAt(path, element.type).flatMap(each => make(each, element.type)),
    ]);
  const everything = readNdjson(records);
  const rows = TYPES.map(type => {
    const resources = everything.filter(({ resourceType }) => resourceType === type).slice(0, RESOURCES);
    const texts = resources.map(resource => JSON.stringify(resource));
    const compiled = resources.map(each =>
      workOf(each, (constraint, name) => [compile(constraint, name, 'r4')].flatMap(check => check ?? [])),
    );
    const engines = resources.map(each => workOf(each, byEngine));
    const parse = quickest(ROUNDS, () => texts.forEach(text => void JSON.parse(text))) / resources.length;
    const own = quickest(ROUNDS, () => runAll(compiled)) / resources.length;
    const engine = quickest(2, () => runAll(engines)) / resources.length;
    const elements = compiled.reduce((sum, work) => sum + work.length, 0) / resources.length;
    const checks = compiled.flat().reduce((sum, [, each]) => sum + each.length, 0) / resources.length;
    const figures = [elements, checks, parse, own, own / parse, engine / own].map(figure => figure.toFixed(1));
    return [type, `${(texts.join('').length / texts.length / 1024).toFixed(1)} KB`, ...figures];
  });
  const head = ['invariants', 'size', 'elements', 'checks', 'parse µs', 'check µs', 'check ÷ parse', 'engine ÷ check'];
  return table(head, rows);
}
