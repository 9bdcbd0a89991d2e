import assert from 'node:assert/strict';
import fc from 'fast-check';
import { before, describe, it } from 'mocha';
import { loadDefinitions } from '../../src/fhir/definitions.js';
import type { Resource } from '../../src/fhir/resource.js';
import { isBase64 } from '../../src/validation/gate/checks.js';
import { explainFaults } from '../../src/validation/gate/explain.js';
import { isStructured } from '../../src/validation/gate/structure.js';
import { damage, randomFrom, sampleResource } from '../support/sample.js';
import { readArchive, skipWithout } from '../support/shared.js';
import { runsOf } from '../support/depth.js';

const definitions = loadDefinitions();

/** Says where the gate and the explaining walker differ. */
function assertAgreement(resource: Resource): boolean {
  const accepted = isStructured(resource);
  const issues = explainFaults(resource, definitions);
  if (accepted !== (issues.length === 0))
    assert.fail(`gate: ${accepted}, walker: ${JSON.stringify(issues)}\n${JSON.stringify(resource)}`);
  return accepted;
}

const anyResource = fc.tuple(fc.constantFrom(...definitions.resourceTypes), fc.integer());

describe('structural validation, by random resources', () => {
  it('accepts what is made along the definitions, for every type', () => {
    for (const type of definitions.resourceTypes)
      for (let seed = 0; seed < 5; seed++) {
        const resource = sampleResource(type, definitions, randomFrom(seed));
        assert.ok(assertAgreement(resource), JSON.stringify(explainFaults(resource, definitions)));
      }
  });

  it('explains exactly what the gate refuses', () => {
    let refused = 0;
    fc.assert(
      fc.property(anyResource, ([type, seed]) => {
        const random = randomFrom(seed);
        if (!assertAgreement(damage(sampleResource(type, definitions, random), random))) refused++;
      }),
      { numRuns: runsOf(2500) },
    );
    assert.ok(refused > runsOf(1200), String(refused));
  });

  it('takes base64 by the fast way exactly where the slow way does', () => {
    const letters = fc.constantFrom('A', 'z', '9', '+', '/', '=', '-', '_', '%', ' ', '\n', 'Ā', '\u4141');
    const slow = (text: string): boolean => {
      const packed = text.replace(/\s+/g, '');
      return packed.length > 0 && packed.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(packed);
    };
    let right = 0;
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 500, maxLength: 600 }),
        fc.array(fc.tuple(fc.nat(), letters), { maxLength: 2 }),
        (bytes, edits) => {
          const text = Buffer.from(bytes).toString('base64').split('');
          for (const [at, letter] of edits) text[at % text.length] = letter;
          const edited = text.join('');
          if (slow(edited)) right++;
          assert.equal(isBase64(edited), slow(edited));
        },
      ),
      { numRuns: runsOf(500) },
    );
    assert.ok(right > runsOf(50) && right < runsOf(480), String(right));
  });
});

describe('structural validation, by damaged examples of the standard', () => {
  let examples: Resource[] = [];

  before(function () {
    const archive = skipWithout(this, 'data', 'r4-examples', 'r4-examples-instances.tar.gz');
    examples = [...readArchive(archive)]
      .filter(({ name, text }) => name.endsWith('.json') && text.length < 50_000)
      .map(({ text }) => JSON.parse(text) as Resource);
  });

  it('explains exactly what the gate refuses', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer(), (index, seed) => {
        assertAgreement(damage(examples[index % examples.length]!, randomFrom(seed)));
      }),
      { numRuns: runsOf(1000) },
    );
  });
});
