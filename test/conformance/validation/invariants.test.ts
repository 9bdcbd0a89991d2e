/** The invariants of R4 and of guides, as they are published: all can be evaluated, and resources that are right keep them. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { loadDefinitions } from '../../../src/fhir/definitions.js';
import type { Resource } from '../../../src/fhir/resource.js';
import { createConstraintCompiler } from '../../../src/validation/invariants/invariant.js';
import {
  correctedExpression,
  INVARIANT_CORRECTIONS,
} from '../../../src/validation/invariants/invariant-corrections.js';
import { engineExpression } from '../../../src/validation/invariants/invariant-engine.js';
import { compileNative } from '../../../src/validation/invariants/native.js';
import { ruleFor } from '../../../src/validation/invariants/native-rules.js';
import { createNativeTypes } from '../../../src/validation/invariants/native-types.js';
import type { ElementCheck } from '../../../src/validation/run.js';
import { elementsOf, keptRun } from '../../support/check-run.js';
import { constraintsOf, type PublishedConstraint } from '../../support/constraints.js';
import { FULL, sampleOf } from '../../support/depth.js';
import { readExamples, readNdjson } from '../../support/examples.js';
import { shared, skipWithout } from '../../support/shared.js';

const definitions = loadDefinitions();
const types = createNativeTypes(definitions);
const typeOf = ({ resourceType }: Resource) => resourceType;

/** Rules that only the engine can evaluate, on some type that has them. */
const BY_ENGINE = ['cnt-3', 'ras-2', 'provenance-1', 'sdcqr-2', 'uab-1'];

const isCompiled = ({ constraint, path, types: names }: PublishedConstraint, expression: string): boolean =>
  ruleFor(expression) !== undefined ||
  names.every(name => {
    const element = name.startsWith('http://') ? 'string' : name;
    const root = path.split('.')[0]!;
    const place = { element, resource: root, root };
    // What is said of resources in a Bundle is said of them alone, too.
    return !definitions.types.has(element) || constraint.key === 'obs-7' || compileNative(expression, types, place);
  });

describe('published invariants', () => {
  const packages = ['r4-packages', 'ig-packages', 'ig-built'].flatMap(folder => {
    const at = shared('data', folder);
    return at ? readdirSync(at).map(file => join(at, file)) : [];
  });

  let read: readonly PublishedConstraint[] | undefined;
  const publishedOnes = () => (read ??= packages.flatMap(archive => constraintsOf(archive)));

  it('can all be evaluated, nearly all without the engine', function () {
    skipWithout(this, 'data', 'ig-packages');
    const [{ element } = assert.fail()] = elementsOf({ resourceType: 'Basic', id: 'a' });
    const seen = new Set<string>();
    const byEngine = new Set<string>();
    const unparsed: string[] = [];
    for (const each of publishedOnes()) {
      const expression = correctedExpression(each.constraint);
      const { key, expression: published = '' } = each.constraint;
      if (expression === undefined) {
        unparsed.push(`${key} has no expression`);
        continue;
      }
      if (!isCompiled(each, expression)) byEngine.add(key);
      if (seen.has(published)) continue;
      seen.add(published);
      try {
        engineExpression(expression)(element, keptRun({ budget: Infinity }), 'r4');
      } catch (error) {
        // On an element that it is not meant for it may fail; it is parsed before.
        if (error instanceof SyntaxError) unparsed.push(`${key}: ${expression}`);
      }
    }
    assert.deepEqual(unparsed, []);
    assert.ok(seen.size >= 265, `${seen.size} expressions`);
    assert.deepEqual([...byEngine].toSorted(), BY_ENGINE.toSorted());
  });

  it('mean the types of FHIR where they cast to those of FHIRPath', () => {
    const of = (expression: string) => correctedExpression({ key: 'a', severity: 'error', human: 'a', expression });
    assert.equal(of("(value as String) = 'as String'"), "(value as string) = 'as String'");
    assert.equal(of('value.ofType(DateTime) is Date'), 'value.ofType(dateTime) is date');
    assert.equal(of('value as System.String'), 'value as System.String');
    assert.equal(of('value.ofType(Quantity).as(Stringy)'), 'value.ofType(Quantity).as(Stringy)');
  });

  it('are corrected where they are published as the table says', function () {
    skipWithout(this, 'data', 'ig-packages');
    const expressions = new Set(publishedOnes().map(({ constraint }) => constraint.expression));
    const unknown = INVARIANT_CORRECTIONS.filter(correction => !expressions.has(correction.published));
    assert.deepEqual(
      unknown.map(({ because }) => because),
      [],
    );
  });

  /** The errors of resources, by the invariants of their types. */
  const errorsOf = (
    resources: readonly Resource[],
    archive: string,
  ): { readonly errors: string[]; readonly checks: number } => {
    const compile = createConstraintCompiler(definitions);
    const byPath = new Map<string, PublishedConstraint[]>();
    for (const each of constraintsOf(archive, true)) byPath.set(each.path, [...(byPath.get(each.path) ?? []), each]);
    const checks = new Map<string, readonly ElementCheck[]>();
    const checksAt = (path: string, type: string): readonly ElementCheck[] => {
      const key = `${path} ${type}`;
      const known = checks.get(key);
      if (known) return known;
      const constraints = [path, type].flatMap(each => byPath.get(each) ?? []).map(({ constraint }) => constraint);
      const unique = new Map(constraints.map(each => [`${each.key} ${each.expression}`, each]));
      const made = [...unique.values()].flatMap(each => compile(each, type, 'r4') ?? []);
      checks.set(key, made);
      return made;
    };
    let count = 0;
    const errors = resources.flatMap(resource => {
      const run = keptRun();
      for (const { element, path } of elementsOf(resource))
        for (const check of checksAt(path, element.type)) {
          count += 1;
          check(element, run);
        }
      return run.found
        .filter(({ severity, detail }) => severity === 'error' || detail !== 'invariant')
        .map(({ diagnostics, expression }) => `${resource['id'] as string}: ${expression} ${diagnostics}`);
    });
    return { errors, checks: count };
  };

  it('hold in the examples of R4', function () {
    const archive = skipWithout(this, 'data', 'r4-packages', 'hl7.fhir.r4.core-4.0.1.tgz');
    const examples = readExamples(skipWithout(this, 'data', 'r4-examples', 'r4-examples-instances.tar.gz'));
    const { errors, checks } = errorsOf(sampleOf(examples, 16, typeOf), archive);
    assert.deepEqual(errors, []);
    assert.ok(checks > (FULL ? 300_000 : 5000), `${checks} checks`);
  });

  it('hold in synthetic records', function () {
    const archive = skipWithout(this, 'data', 'r4-packages', 'hl7.fhir.r4.core-4.0.1.tgz');
    const records = readNdjson(skipWithout(this, 'data', 'synthea-seed', 'ndjson'));
    const { errors, checks } = errorsOf(sampleOf(records, 16, typeOf), archive);
    assert.deepEqual(errors, []);
    assert.ok(checks > (FULL ? 100_000 : 10_000), `${checks} checks`);
  });
});
