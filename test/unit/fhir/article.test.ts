/** Names of types in sentences. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { withArticle } from '../../../src/fhir/article.js';

describe('the article of a type', () => {
  it('goes by its sound', () => {
    for (const name of [
      'Account',
      'EpisodeOfCare',
      'Observation',
      'Immunization',
      'integer',
      'id',
      'oid',
      'unsignedInt',
    ])
      assert.equal(withArticle(name), `an ${name}`);
    for (const name of ['Patient', 'HealthcareService', 'UsageContext', 'uri', 'url', 'uuid', 'boolean', 'date'])
      assert.equal(withArticle(name), `a ${name}`);
  });
});
