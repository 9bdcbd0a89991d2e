/**
 * Invariants that anybody could have written, on resources that anybody could have sent: each ends within the steps of one resource,
 * with memory that does not grow. A step takes about the same time everywhere, so that the steps bound the time.
 */
import assert from 'node:assert/strict';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, it } from 'mocha';
import { loadDefinitions } from '../../../src/fhir/definitions.js';
import { FhirError } from '../../../src/fhir/error.js';
import type { JsonObject, Resource } from '../../../src/fhir/resource.js';
import { createConstraintCompiler } from '../../../src/validation/invariants/invariant.js';
import { sampleOf } from '../../support/depth.js';
import { elementsOf, keptRun, RESOURCE_STEPS } from '../../support/check-run.js';

const compileConstraint = createConstraintCompiler(loadDefinitions());

function nested(depth: number): JsonObject {
  let extension: JsonObject = { url: 'x', valueString: 'a' };
  for (let at = 0; at < depth; at++)
    extension = { url: 'x', extension: [extension, { url: 'y', valueString: 'b'.repeat(20) }] };
  return extension;
}

const LONG = 1_000_000;
const large: Resource = {
  resourceType: 'Patient',
  name: Array.from({ length: 5000 }, (_, at) => ({ given: [`a${at}`, 'b'], family: `f${at % 7}` })),
  contact: Array.from({ length: 2000 }, (_, at) => ({ name: { family: `x${at}` } })),
  extension: [nested(50)],
  address: [{ text: `${'a'.repeat(LONG)}!` }],
};

type Ending = 'too-costly' | 'not checked' | 'holds' | 'violated';

function ask(expression: string, from = 'a.guide@1.0.0'): { readonly ending: Ending; readonly steps: number } {
  const run = keptRun();
  const [{ element } = assert.fail()] = elementsOf(large);
  try {
    const constraint = { key: 'x-1', severity: 'error', human: '', expression } as const;
    compileConstraint(constraint, 'Patient', from)!(element, run);
  } catch (error) {
    assert.ok(error instanceof FhirError && error.kind === 'too-costly', String(error));
    return { ending: 'too-costly', steps: run.steps };
  }
  const [found] = run.found;
  if (!found) return { ending: 'holds', steps: run.steps };
  return { ending: found.detail === 'invariant' ? 'violated' : 'not checked', steps: run.steps };
}

describe('hostile invariants', () => {
  const rows: [expression: string, ending: Ending][] = [
    ['descendants().count() > 1', 'holds'],
    ['descendants().where(%resource = %resource).exists()', 'too-costly'],
    ['descendants().where(%resource.descendants() = %resource.descendants()).exists()', 'too-costly'],
    ['(descendants() | descendants()).count() > 1', 'too-costly'],
    ['name.given.exclude(contact.name.family).count() > 1', 'too-costly'],
    ['name.given.subsetOf(name.given)', 'too-costly'],
    ['name.given.intersect(name.given).count() > 1', 'holds'],
    ['name.given.distinct().count() > 1', 'holds'],
    ['name.where(%resource.name.where(%resource.name.exists()).exists()).exists()', 'too-costly'],
    ['name.select(%resource.name).select(%resource.name).count() > 1', 'too-costly'],
    ['name.select(%resource.name.family).count() > 1', 'too-costly'],
    ['name.all(%resource.name.all(family.exists()))', 'too-costly'],
    ["'a'.repeat($this & 'a').exists()", 'too-costly'],
    ['repeat(extension).repeat(extension).repeat(extension).exists()', 'holds'],
    ['repeat(descendants()).repeat(descendants()).exists()', 'too-costly'],
    ["address.text.matches('(a+)+$')", 'violated'],
    ["address.text.matches('(a|a)*b')", 'violated'],
    ["address.text.matches('^(([a-z])+.)+[A-Z]([a-z])+$')", 'violated'],
    ["address.text.matches('(a?){400}a{400}!')", 'holds'],
    ["address.text.matches('(a|aa)+$')", 'violated'],
    ["address.text.replaceMatches('a', 'b').exists()", 'not checked'],
    ["address.text.replace('a', 'aaaa').length() > 1", 'not checked'],
    ["address.text.split('a').join('aa').length() > 1", 'too-costly'],
    ['address.text.toChars().count() > 1', 'too-costly'],
    [`('a')${'.select($this & $this)'.repeat(30)}.length() > 1`, 'too-costly'],
    ["name.aggregate(iif($total.empty(), 'a', $total & $total)).length() > 1", 'not checked'],
    [`(1|2|3)${'.select($this.combine(1|2|3|4|5|6|7|8|9))'.repeat(12)}.exists()`, 'too-costly'],
    [`${'('.repeat(3000)}1 = 1${')'.repeat(3000)}`, 'not checked'],
    [`1 + ${'-'.repeat(4000)}1 > 0`, 'not checked'],
    [`name.where(${'true or '.repeat(900)}true).exists()`, 'holds'],
    [`1 = 1${' and 1 = 1'.repeat(900)}`, 'holds'],
    ['1000000000.exp() > 1', 'holds'],
  ];
  for (const [expression, ending] of rows)
    it(`end: ${ending}, ${expression.slice(0, 90)}`, () => {
      const asked = ask(expression);
      assert.equal(asked.ending, ending);
      if (ending !== 'too-costly') assert.ok(asked.steps <= RESOURCE_STEPS);
    });

  it("are not checked, and refuse nothing, where R4's own take so many steps", () => {
    const expression = 'name.all(%resource.name.all(family.exists()))';
    assert.equal(ask(expression, 'r4').ending, 'not checked');
    assert.equal(ask(expression, 'stored').ending, 'too-costly');
  });

  it('leave no more memory behind than they found', () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const heap = (): number => {
      collect();
      return process.memoryUsage().heapUsed;
    };
    const short = rows.filter(([expression]) => expression.length < 90).map(([expression]) => expression);
    const light = sampleOf(short, 3, () => '');
    for (const expression of light) ask(expression);
    const before = heap();
    for (const expression of light) ask(`${expression} or 1 = 2`);
    const grown = heap() - before;
    assert.ok(grown < 32 * 1024 * 1024, `${grown} bytes`);
  });
});
