/** What is asked of resources of each type, by the settings and the file of rules; what is wrong with the file is told at start. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'mocha';
import type { Json } from '../../../src/fhir/resource.js';
import { ConfigError, loadConfig } from '../../../src/platform/config.js';
import { checkRequired, readPolicy } from '../../../src/validation/policy.js';

const folder = mkdtempSync(join(tmpdir(), 'chartroom-rules-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, 'rules.json');
const TYPES = ['Patient', 'Observation', 'AuditEvent'];
const PATIENT = 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient|6.1.0';

function policyOf(rules: Json | undefined, flags: Readonly<Record<string, string>> = {}) {
  if (rules !== undefined) writeFileSync(file, JSON.stringify(rules));
  const config = loadConfig({ flags: { ...flags, ...(rules === undefined ? {} : { validateRules: file }) }, env: {} });
  return readPolicy(config, TYPES);
}

describe('the policy of validation', () => {
  it('without rules is that of the settings', () => {
    const { base, rulesOf, options, required } = policyOf(undefined, { unknownExtensions: 'error' });
    assert.equal(base, 'enforce');
    assert.deepEqual(rulesOf('Patient'), { require: [], claims: 'warn', unknownProfile: 'warn' });
    assert.deepEqual(options, {
      unknownExtensions: 'error',
      bestPractice: 'ignore',
      htmlInStrings: 'warn',
      exampleUrls: 'ignore',
      mustSupport: false,
    });
    assert.deepEqual(required, []);
  });

  it('has for a type what its rules say, else what those of * say, else the settings', () => {
    const { rulesOf, required } = policyOf(
      { Patient: { require: [PATIENT], claims: 'enforce' }, '*': { claims: 'off', unknownProfile: 'refuse' } },
      { validateClaims: 'warn' },
    );
    assert.deepEqual(rulesOf('Patient'), { require: [PATIENT], claims: 'enforce', unknownProfile: 'refuse' });
    assert.deepEqual(rulesOf('Observation'), { require: [], claims: 'off', unknownProfile: 'refuse' });
    assert.deepEqual(required, [{ type: 'Patient', canonical: PATIENT, at: 'Patient.require[0]' }]);
    assert.equal(policyOf({ Patient: {} }).rulesOf('Observation').claims, 'warn');
  });

  it('AUD-4: is lenient with what others report, unless rules name it', () => {
    const strict = { validateClaims: 'enforce' };
    assert.equal(policyOf(undefined, strict).rulesOf('AuditEvent').isLenient, true);
    assert.equal(policyOf({ '*': { claims: 'enforce' } }).rulesOf('AuditEvent').isLenient, true);
    assert.equal(policyOf({ AuditEvent: { claims: 'enforce' } }).rulesOf('AuditEvent').isLenient, undefined);
    assert.equal(policyOf(undefined, strict).rulesOf('Patient').isLenient, undefined);
  });

  const rows: readonly (readonly [what: string, rules: Json, says: RegExp])[] = [
    ['what is no object', [], /at its top: it must be one object/],
    ['a type that is none', { Patinet: {} }, /"Patinet": there is no such .* Did you mean Patient\?/],
    ['rules that are none', { Patient: [] }, /Patient: rules are an object with require, claims, unknownProfile/],
    ['a member that is none', { Patient: { required: [] } }, /Patient\.required: .* Did you mean require\?/],
    ['profiles that are no list', { Patient: { require: PATIENT } }, /Patient\.require: this must be a list/],
    [
      'a profile that is no canonical',
      { '*': { require: ['us-core'] } },
      /\*\.require\[0\]: "us-core" is no canonical/,
    ],
    [
      'a strength that is none',
      { Patient: { claims: 'error' } },
      /Patient\.claims: "error" must be one of enforce, warn/,
    ],
    ['another one', { Patient: { unknownProfile: true } }, /Patient\.unknownProfile: true must be one of refuse, warn/],
  ];
  for (const [what, rules, says] of rows)
    it(`refuses ${what}`, () => {
      assert.throws(
        () => policyOf(rules),
        (error: unknown) => error instanceof ConfigError && says.test(error.message),
      );
    });

  it('tells all faults at once, and names the file', () => {
    assert.throws(
      () => policyOf({ A: {}, Patient: { claims: 1, require: [1] } }),
      (error: Error) => error.message.split('\n').length === 3 && error.message.includes(file),
    );
  });

  it('refuses a file that is not there', () => {
    assert.throws(
      () => policyOf(undefined, { validateRules: join(folder, 'none.json') }),
      /The file of validation rules, .*none\.json, does not exist/,
    );
  });
});

describe('profiles that are required', () => {
  const known = async (_type: string, canonical: string) => {
    const [, type] = /^urn:(\w+)$/.exec(canonical) ?? [];
    return type === undefined
      ? undefined
      : { origin: 'r4', resource: { resourceType: 'StructureDefinition', kind: 'resource', type } };
  };

  it('must be known, and of their type', async () => {
    await checkRequired(policyOf({ Patient: { require: ['urn:Patient'] }, '*': { require: ['urn:Resource'] } }), known);
    await assert.rejects(
      checkRequired(policyOf({ Patient: { require: ['urn:x:none', 'urn:Observation'] } }), known),
      (error: Error) =>
        error instanceof ConfigError &&
        /Patient\.require\[0\]: urn:x:none is not known/.test(error.message) &&
        /Patient\.require\[1\]: urn:Observation is no profile of Patient/.test(error.message),
    );
  });
});
