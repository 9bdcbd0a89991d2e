/** The steps through which a resource goes before it is taken. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { FhirError, type Issue } from '../../../src/fhir/error.js';
import { createValidation, refuseErrors, structureStep } from '../../../src/validation/gate/validate.js';
import { definitions } from '../../support/filters.js';

const issue = (severity: Issue['severity'], text: string): Issue => ({ severity, code: 'invalid', text });
const resource = { resource: { resourceType: 'Patient', nothing: true }, decimals: undefined };

describe('validation', () => {
  it('gives the issues of all steps, up to the first that finds an error', async () => {
    const asked: string[] = [];
    const step = (text: string, severity: Issue['severity']) => async () => {
      asked.push(text);
      return [issue(severity, text)];
    };
    const validate = createValidation([step('a', 'warning'), step('b', 'error'), step('c', 'error')]);
    assert.deepEqual(
      (await validate(resource)).map(({ text }) => text),
      ['a', 'b'],
    );
    assert.deepEqual(asked, ['a', 'b']);
  });

  it('begins with the structure of R4', async () => {
    const issues = await createValidation([structureStep(definitions)])(resource);
    assert.deepEqual(
      issues.map(({ expression }) => expression),
      ['Patient'],
    );
  });

  it('refuses errors with all issues, and no warnings', () => {
    refuseErrors([issue('warning', 'a'), issue('information', 'b')], 'No.');
    const all = [issue('warning', 'a'), issue('fatal', 'b')];
    assert.throws(
      () => refuseErrors(all, 'No.'),
      (error: unknown) => error instanceof FhirError && error.kind === 'invalid' && error.issues.length === 2,
    );
  });
});
