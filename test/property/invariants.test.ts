/**
 * Invariants that are compiled say what the FHIRPath engine says, of random elements of the types that have them. What the engine
 * cannot evaluate, or sees otherwise by choice, has rows of its own in test/unit/validation.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { loadDefinitions } from '../../src/fhir/definitions.js';
import type { Resource } from '../../src/fhir/resource.js';
import { correctedExpression } from '../../src/validation/invariants/invariant-corrections.js';
import { engineInvariant } from '../../src/validation/invariants/invariant-engine.js';
import { compileNative } from '../../src/validation/invariants/native.js';
import { ruleFor } from '../../src/validation/invariants/native-rules.js';
import { createNativeTypes } from '../../src/validation/invariants/native-types.js';
import type { NativeEnvironment } from '../../src/validation/invariants/native-values.js';
import type { CheckedElement } from '../../src/validation/run.js';
import { keptRun } from '../support/check-run.js';
import { constraintsOf, type PublishedConstraint } from '../support/constraints.js';
import { depthOf } from '../support/depth.js';
import { elementGenerator } from '../support/element-generator.js';
import { createRandom } from '../support/random.js';
import { skipWithout } from '../support/shared.js';

const SEED = 20_261_130;
/** The engine fails on collections (dom-3) and on quantities (rng-2), and knows no narrative to be a text (txt-1, txt-2). */
const NOT_COMPARED: ReadonlySet<string> = new Set(['dom-3', 'rng-2', 'txt-1', 'txt-2']);

describe('compiled invariants', () => {
  const definitions = loadDefinitions();
  const types = createNativeTypes(definitions);
  const count = depthOf('INVARIANTS');

  /** `engines`: what the engine is asked instead. */
  const compare = (
    { constraint, path, types: elementTypes }: PublishedConstraint,
    engines?: string,
  ): { native: number; differ: string[] } => {
    const expression = correctedExpression(constraint);
    const differ: string[] = [];
    let native = 0;
    if (expression === undefined || NOT_COMPARED.has(constraint.key)) return { native, differ };
    const byEngine = engineInvariant(engines ?? expression);
    const texts = [...expression.matchAll(/'([^']*)'/g)].map(([, text]) => text!).filter(text => text !== '');
    const random = createRandom(SEED);
    const generator = elementGenerator(definitions, random, [...texts, 'a', '#a', 'Patient/1', 'Abc']);
    const owner = path.split('.')[0]!;
    for (const type of new Set(elementTypes)) {
      if (!definitions.types.has(type) || definitions.types.get(type)!.abstract) continue;
      const isResource = definitions.types.get(type)!.kind === 'resource';
      const root =
        definitions.types.get(owner)?.kind === 'resource' && !definitions.types.get(owner)!.abstract ? owner : 'Basic';
      const place = { element: type, resource: root, root };
      const own = ruleFor(expression);
      const rule = own && (own.type ?? type) === type ? own.rule : compileNative(expression, types, place);
      if (!rule) continue;
      native += 1;
      for (let at = 0; at < count && differ.length < 3; at++) {
        const value = generator.value(type);
        const resource = (isResource ? value : generator.value(root)) as Resource;
        const element: CheckedElement = {
          value,
          sibling: undefined,
          holder: [value],
          key: 0,
          type,
          place: { above: undefined, name: type, index: -1 },
          site: {
            resource,
            place: { above: undefined, name: resource.resourceType, index: -1 },
            outer: undefined,
            as: 'root',
            fullUrl: undefined,
          },
        };
        const run = keptRun({ budget: Infinity, isMember: member => member !== 'a' });
        const said = (ask: () => string): string => {
          try {
            return ask();
          } catch {
            return 'failed';
          }
        };
        const env: NativeEnvironment = {
          run,
          element,
          from: 'r4',
          focus: value,
          rootResource: resource,
          unknown: false,
        };
        const mine = said(() => (rule(env, value) ? 'holds' : env.unknown ? 'unknown' : 'violated'));
        const theirs = said(() => byEngine(element, run, 'r4'));
        if (mine !== theirs)
          differ.push(`${constraint.key} on ${type}: ${mine}, not ${theirs}: ${JSON.stringify(value).slice(0, 2000)}`);
      }
    }
    return { native, differ };
  };

  const compareAll = (constraints: readonly PublishedConstraint[], least: number): void => {
    const compared = new Set<string>();
    const differ: string[] = [];
    let native = 0;
    for (const each of constraints) {
      // The same rule stands at thousands of elements.
      const key = `${each.constraint.expression} ${each.types.length > 3 ? each.types.slice(0, 3).join() : each.types.join()}`;
      if (compared.has(key) || (each.constraint.key === 'ele-1' && compared.size > 400)) continue;
      compared.add(key);
      const found = compare(each);
      native += found.native;
      differ.push(...found.differ);
    }
    assert.deepEqual(differ, []);
    assert.ok(native >= least, `${native} are compiled`);
  };

  it('of R4 say what the engine says', function () {
    compareAll(constraintsOf(skipWithout(this, 'data', 'r4-packages', 'hl7.fhir.r4.core-4.0.1.tgz'), true), 200);
  });

  it('are found to differ from another rule', () => {
    const constraint = { key: 'x', severity: 'error', human: '', expression: 'start.exists()' } as const;
    const period = { constraint, path: 'Period', types: ['Period'] };
    assert.deepEqual(compare(period), { native: 1, differ: [] });
    assert.notDeepEqual(compare(period, 'end.exists()').differ, []);
  });
});
