import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { FhirError } from '../../../src/fhir/error.js';
import { alternativeCost, COSTS, MAX_ALL_ALTERNATIVES, spend, zeroCost } from '../../../src/search/cost.js';
import { MODIFIERS } from '../../../src/search/modifier.js';
import type { SearchType } from '../../../src/search/parameters.js';

describe('the cost of a search', () => {
  it('adds up over parameters, once for each type', () => {
    const cost = zeroCost();
    spend({ cost, types: ['Patient'] }, 'name', 5);
    spend({ cost, types: ['Patient', 'Practitioner'] }, 'name', 5);
    assert.equal(cost.alternatives, 15);
  });

  it('counts the time of the last change once for all types', () => {
    const cost = zeroCost();
    spend({ cost, types: ['Patient', 'Practitioner'] }, '_lastUpdated', 5);
    assert.equal(cost.alternatives, 5);
  });

  it('ends a search that has spent it', () => {
    const cost = zeroCost();
    const scope = { cost, types: ['Patient'] };
    spend(scope, 'name', MAX_ALL_ALTERNATIVES);
    assert.throws(
      () => spend(scope, 'name', 1),
      (error: unknown) => error instanceof FhirError && error.kind === 'too-costly',
    );
  });

  it('is not counted where nobody counts', () => {
    spend({ types: ['Patient'] }, 'name', MAX_ALL_ALTERNATIVES * 2);
  });

  it('is that of the modifier where it has its own, else that of the type', () => {
    assert.equal(alternativeCost('string', 'contains'), 10);
    assert.equal(alternativeCost('string', 'exact'), 1);
    assert.equal(alternativeCost('token', 'not'), alternativeCost('token'));
  });

  it('is said for every modifier', () => {
    for (const [type, modifiers] of Object.entries(MODIFIERS))
      for (const modifier of modifiers) {
        const kind = modifier === '[type]' ? 'type' : modifier;
        if (kind !== 'missing') assert.ok(kind in COSTS[type as SearchType], `${type}:${kind}`);
      }
  });
});
