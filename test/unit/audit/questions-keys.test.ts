/** What questions ask the trail for is walked along its keys: none of them reads all of it. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { neededBy } from '../../../src/audit/trail/keys.js';
import { byAgent, DISCLOSURES, MAY_BE_DENIALS, ofPatient } from '../../../src/features/privacy/trail-reader.js';
import { all, ANY_RESOURCE } from '../../../src/search/query.js';

describe('conditions of questions to the trail', () => {
  it('have keys', () => {
    for (const where of [
      byAgent('dr-a'),
      byAgent('urn:users|dr-a'),
      byAgent('Practitioner/a'),
      DISCLOSURES,
      MAY_BE_DENIALS,
      ofPatient('p'),
    ])
      assert.equal(neededBy(where).keys.length, 1, JSON.stringify(where));
    assert.equal(neededBy(all(ofPatient('p'), DISCLOSURES)).keys.length, 2);
    assert.equal(neededBy(ANY_RESOURCE).keys.length, 0);
  });
});
