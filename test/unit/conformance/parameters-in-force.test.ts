/** Which custom search parameters are in force together. https://hl7.org/fhir/R4/searchparameter.html */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import {
  candidatesOf,
  checkBeside,
  decideInForce,
  standardParameters,
} from '../../../src/conformance/parameters-in-force.js';
import { loadDefinitions } from '../../../src/fhir/definitions.js';
import type { JsonObject, Resource } from '../../../src/fhir/resource.js';

const definitions = loadDefinitions();
const standard = standardParameters(definitions);
const parameter = (code: string, changes: JsonObject = {}): Resource => ({
  resourceType: 'SearchParameter',
  url: `http://a.example/${code}`,
  name: code,
  status: 'active',
  description: 'Names.',
  code,
  base: ['Patient'],
  type: 'string',
  expression: 'Patient.name.given',
  ...changes,
});
const composite = parameter('a-pair', {
  type: 'composite',
  expression: 'Patient.name',
  component: [
    { definition: 'http://a.example/nick', expression: 'given' },
    { definition: 'http://a.example/nick', expression: 'family' },
  ],
});

function decide(stored: Readonly<Record<string, Resource>>, files: readonly Resource[] = []) {
  const refused: string[] = [];
  const inForce = decideInForce(
    candidatesOf(
      new Map(Object.entries(stored)),
      files.map((resource, i) => ({ from: `${i}.json`, resource })),
    ),
    standard,
    ({ origin }, { detail }) => refused.push(`${origin} ${detail}`),
  );
  return { inForce, origins: inForce.map(({ origin }) => origin), refused };
}

describe('the custom search parameters in force', () => {
  it('are those stored by id, then those of files', () => {
    const { origins } = decide({ b: parameter('b'), a: parameter('a') }, [parameter('c')]);
    assert.deepEqual(origins, ['SearchParameter/a', 'SearchParameter/b', '0.json']);
  });

  it('leave a file out when a stored one has its url, whatever its status', () => {
    const { origins, refused } = decide({ a: parameter('nick', { status: 'retired' }) }, [parameter('nick')]);
    assert.deepEqual([origins, refused], [[], []]);
  });

  it('have each url once: the first id counts', () => {
    const { origins, refused } = decide({ a: parameter('nick'), b: parameter('nick') });
    assert.deepEqual(origins, ['SearchParameter/a']);
    assert.deepEqual(refused, ['SearchParameter/b parameter-taken']);
  });

  it('have composites last, whose hash changes with their components', () => {
    const before = decide({ a: composite, b: parameter('nick') });
    assert.deepEqual(before.origins, ['SearchParameter/b', 'SearchParameter/a']);
    const after = decide({ a: composite, b: parameter('nick', { expression: 'Patient.name.family' }) });
    assert.notEqual(before.inForce[1]!.hash, after.inForce[1]!.hash);
    const described = decide({ a: composite, b: parameter('nick', { description: 'Other words.' }) });
    assert.equal(before.inForce[1]!.hash, described.inForce[1]!.hash);
  });

  it('may be replaced by the resource of their id, or by a stored one instead of a file, and by nothing else', () => {
    const { inForce } = decide({ a: parameter('nick') }, [parameter('of-file')]);
    const check = (code: string, id: string) => checkBeside(inForce, standard, parameter(code), id).is;
    assert.equal(check('nick', 'a'), 'in-force');
    assert.equal(check('nick', 'b'), 'refused');
    assert.equal(check('of-file', 'b'), 'in-force');
    assert.equal(checkBeside(inForce, standard, parameter('nick', { status: 'draft' }), 'b').is, 'kept');
  });
});
