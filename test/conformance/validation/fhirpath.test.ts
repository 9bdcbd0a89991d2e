/**
 * HL7's tests of FHIRPath for R4 (FHIR/fhir-test-cases, r4/fhirpath/tests-fhir-r4.xml), by the engine as invariants use it. The cases in
 * which it differs are listed with what it says, so that one more, or one less, is seen.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, it } from 'mocha';
import { parseDateTime } from '../../../src/fhir/datetime.js';
import { loadDefinitions } from '../../../src/fhir/definitions.js';
import { loadFhirPath } from '../../../src/fhir/fhirpath.js';
import { parseJson, STORED_JSON } from '../../../src/fhir/json/json.js';
import type { Parsed } from '../../../src/fhir/resource.js';
import { parseXml } from '../../../src/fhir/xml/read.js';
import { engineExpression } from '../../../src/validation/invariants/invariant-engine.js';
import { elementsOf, keptRun } from '../../support/check-run.js';
import { skipWithout } from '../../support/shared.js';

interface Case {
  readonly name: string;
  readonly input: string;
  readonly expression: string;
  /** It must not give a result. */
  readonly invalid: boolean;
  readonly predicate: boolean;
  readonly outputs: readonly { readonly type: string; readonly value: string }[];
}

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };
const unescaped = (text: string): string =>
  text.replaceAll(/&(?:#(\d+)|#x([\da-f]+)|(\w+));/gi, (_, decimal: string, hex: string, name: string) =>
    name ? ENTITIES[name]! : String.fromCodePoint(Number.parseInt(decimal ?? hex, decimal ? 10 : 16)),
  );

function casesOf(xml: string): Case[] {
  const bare = xml.replaceAll(/<!--[\s\S]*?-->/g, '');
  return [...bare.matchAll(/<test ([^>]*)>([\s\S]*?)<\/test>/g)].map(([, head = '', body = '']) => {
    const attribute = (name: string): string => unescaped(new RegExp(`\\b${name}="([^"]*)"`).exec(head)?.[1] ?? '');
    const [, of = '', expression = ''] = /<expression([^>]*)>([\s\S]*?)<\/expression>/.exec(body) ?? [];
    return {
      name: attribute('name'),
      input: attribute('inputfile'),
      expression: unescaped(expression),
      invalid: of.includes('invalid='),
      predicate: attribute('predicate') === 'true',
      outputs: [...body.matchAll(/<output(?: type="([^"]*)")?(?:\/>|>([\s\S]*?)<\/output>)/g)].map(
        ([, type, value = '']) => ({
          type: type ?? '',
          value: unescaped(value),
        }),
      ),
    };
  });
}

/** Type names of FHIRPath and of FHIR are written alike in the tests. */
const plainType = (type: string): string => {
  const name = type.replace(/^(FHIR|System)\./, '');
  return name.charAt(0).toLowerCase() + name.slice(1);
};

/** What the engine gives, as the tests write it. */
function givenBy({ expression, predicate }: Case, { resource, decimals }: Parsed): string[] {
  const { engine } = loadFhirPath();
  const [{ element }] = elementsOf(resource) as Iterable<never> as [{ element: never }];
  const { items } = engineExpression(expression)(element, keptRun({ decimals }), 'r4');
  if (predicate) return [`boolean ${items.length > 0 && String(items[0]) !== 'false'}`];
  const types = engine.types(items);
  const values = engine.resolveInternalTypes(items) as unknown[];
  return values.map(
    (value, at) => `${plainType(types[at]!)} ${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
}

/** A time may be written in another zone. */
function isSameTime(a: string, b: string): boolean {
  const [x, y] = [parseDateTime(a), parseDateTime(b)];
  return x !== undefined && x.low === y?.low && a.includes(':') && b.includes(':');
}

/** A test may leave the type open; of numbers, digits that mean nothing are passed over, and whole numbers are decimals, too. */
function agrees(given: string, { type, value }: Case['outputs'][number]): boolean {
  const [givenType = '', ...words] = given.split(' ');
  const [mine, theirs] = [words.join(' '), value.replace(/^@T?/, '')];
  const numbers = /^-?[\d.]+$/.test(mine) && /^-?[\d.]+$/.test(theirs);
  const wanted = plainType(type);
  const fits = type === '' || givenType === wanted || (numbers && wanted === 'decimal');
  return fits && (numbers ? Number(mine) === Number(theirs) : mine === theirs || isSameTime(mine, theirs));
}

/** What is said of a case: nothing where it agrees. */
function differenceOf(test: Case, parsed: Parsed): string | undefined {
  let given: string[];
  try {
    given = givenBy(test, parsed);
  } catch {
    return test.invalid ? undefined : 'it fails';
  }
  if (test.invalid) return 'it should fail';
  const { outputs } = test;
  const same = given.length === outputs.length && given.every((each, at) => agrees(each, outputs[at]!));
  if (same) return undefined;
  // What time it is depends on the zone of the machine.
  return given.some(each => /\dT\d\d:/.test(each)) ? 'another time' : given.join(', ') || 'nothing';
}

const DIFFERENT: Readonly<Record<string, string>> = {
  // They want errors where an expression cannot have a meaning: the engine gives nothing.
  testSimpleFail: 'it should fail',
  testSimpleWithWrongContext: 'it should fail',
  testPolymorphismB: 'it should fail',
  testPolymorphismAsB: 'it should fail',
  testDollarOrderNotAllowed: 'it should fail',
  testPolymorphicsB: 'it should fail',
  testCollectionBoolean1: 'it should fail',
  testIif6: 'it should fail',
  testIif10: 'it should fail',
  // The run of this test knows no profiles.
  testConformsTo1: 'nothing',
  testConformsTo2: 'nothing',
  testConformsTo3: 'it should fail',
  // Functions and forms of later releases than R4.
  PrecisionDecimal: 'it fails',
  PrecisionYear: 'it fails',
  PrecisionDateTimeMilliseconds: 'it fails',
  PrecisionTimeMinutes: 'it fails',
  PrecisionTimeMilliseconds: 'it fails',
  testSort8: 'it fails',
  testSort10: 'it fails',
  LowBoundaryQuantity: 'it fails',
  HighBoundaryQuantity: 'it fails',
  // The engine decides otherwise: units, zones, types of identifiers.
  testQuantity4: 'boolean false',
  testEquality23: 'boolean false',
  testNEquality17: 'boolean true',
  testEquivalent21: 'boolean false',
  testEquivalent23: 'boolean false',
  testNotEquivalent21: 'boolean true',
  testPlusDate19: 'another time',
  testMinus5: 'it fails',
  testType22: 'it fails',
  LowBoundaryDecimal15: 'decimal -0.1',
  LowBoundaryDateTimeMillisecond1: 'another time',
  HighBoundaryDecimal15: 'decimal 0.1',
  HighBoundaryDecimal16: 'decimal -0.1',
  HighBoundaryDateTimeMillisecond1: 'another time',
  HighBoundaryDateTimeMillisecond3: 'another time',
  testFHIRPathAsFunction11: 'code male',
  testFHIRPathAsFunction16: 'code male',
  testContainedId: 'string 1',
};

describe('tests of FHIRPath', () => {
  it('agree but for those that are listed', function () {
    const archive = skipWithout(this, 'data', 'fhir-test-cases', 'r4.tar.xz');
    const read = (name: string): Buffer =>
      execFileSync('tar', ['-xJOf', archive, name], {
        maxBuffer: 64 * 1024 * 1024,
        stdio: ['ignore', 'pipe', 'ignore'],
      });
    const definitions = loadDefinitions();
    const inputs = new Map<string, Parsed>();
    const parsedOf = (name: string): Parsed => {
      const known = inputs.get(name);
      if (known) return known;
      const bytes = name === '' ? Buffer.from('{"resourceType":"Patient","id":"a"}') : read(`r4/${name}`);
      const made = name.endsWith('.xml') ? parseXml(bytes, definitions, STORED_JSON) : parseJson(bytes, STORED_JSON);
      inputs.set(name, made);
      return made;
    };
    const different: Record<string, string> = {};
    const cases = casesOf(read('r4/fhirpath/tests-fhir-r4.xml').toString('utf8'));
    for (const test of cases) {
      const difference = differenceOf(test, parsedOf(test.input));
      if (difference !== undefined) different[test.name] = difference;
    }
    assert.deepEqual(different, DIFFERENT);
    assert.ok(cases.length - Object.keys(different).length >= 895, `of ${cases.length} cases`);
  });
});
