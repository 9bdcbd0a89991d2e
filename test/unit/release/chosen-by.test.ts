/** Who has chosen is the same person by whichever of their tokens they come. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { isChosenBy, withChosen } from '../../../src/features/release/chosen.js';

const task = { resourceType: 'Task' };
const at = '2026-03-10T12:00:00Z';
const [both, byName, byResource, nobody] = [
  { name: 'ada', fhirUser: 'Practitioner/1', role: 'writer' },
  { name: 'ada', role: 'writer' },
  { name: 'ada-of-the-portal', fhirUser: 'Practitioner/1', role: 'writer' },
  { role: 'writer' },
];

describe('who has chosen', () => {
  it('is known by their resource and by their name', () => {
    const chosen = withChosen(task, [], { principal: both, at });
    for (const principal of [both, byName, byResource]) assert.ok(isChosenBy(chosen, principal));
    assert.ok(isChosenBy(withChosen(task, [], { principal: byName, at }), both));
    assert.ok(isChosenBy(withChosen(task, [], { principal: byResource, at }), both));
  });

  it('is nobody else, and nobody without a name', () => {
    const chosen = withChosen(task, [], { principal: both, at });
    for (const principal of [nobody, { name: 'bea', fhirUser: 'Practitioner/2', role: 'writer' }])
      assert.ok(!isChosenBy(chosen, principal));
    assert.ok(!isChosenBy(withChosen(task, [], { principal: nobody, at }), nobody));
  });
});
