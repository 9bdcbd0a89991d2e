import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { FhirError } from '../../../src/fhir/error.js';
import { match, type Resolver, type Subject } from '../../../src/search/match.js';
import { all, any, ANY_RESOURCE, NO_RESOURCE, type Where } from '../../../src/search/query.js';

const patient: Subject = {
  type: 'Patient',
  id: 'p',
  updated: 1000,
  entries: [{ parameter: 'family', kind: 'string', raw: 'Brown', norm: 'brown' }],
};
const observation: Subject = {
  type: 'Observation',
  id: 'o',
  updated: 2000,
  entries: [{ parameter: 'subject', kind: 'reference', type: 'Patient', id: 'p' }],
};
const brown: Where = { kind: 'param', code: 'family', test: { kind: 'string', mode: 'starts', value: 'br' } };
const green: Where = { kind: 'param', code: 'family', test: { kind: 'string', mode: 'starts', value: 'gr' } };

const resolver: Resolver = {
  follow: (subject, code, to) => (subject === observation && code === 'subject' && to === 'Patient' ? [patient] : []),
  referring: (subject, from, code) =>
    subject === patient && from === 'Observation' && code === 'subject' ? [observation] : [],
  hasWords: () => false,
};

describe('match', () => {
  it('takes all of nothing as true, any of nothing as false', () => {
    assert.equal(match(ANY_RESOURCE, patient), true);
    assert.equal(match(NO_RESOURCE, patient), false);
    assert.equal(match({ kind: 'not', of: NO_RESOURCE }, patient), true);
  });

  it('combines conditions', () => {
    assert.equal(match(all(brown, green), patient), false);
    assert.equal(match(any(brown, green), patient), true);
    assert.equal(match(all(brown, { kind: 'not', of: green }), patient), true);
  });

  it('is false for a test of another kind than the entry', () => {
    assert.equal(match({ kind: 'param', code: 'family', test: { kind: 'token', any: [{}] } }, patient), false);
  });

  it('reads _id and _lastUpdated off the subject', () => {
    const id: Where = { kind: 'param', code: '_id', test: { kind: 'token', any: [{ code: 'p' }] } };
    const updated: Where = {
      kind: 'param',
      code: '_lastUpdated',
      test: { kind: 'date', any: [{ lowMin: 1000, highMax: 1000 }] },
    };
    assert.deepEqual([match(id, patient), match(id, observation)], [true, false]);
    assert.deepEqual([match(updated, patient), match(updated, observation)], [true, false]);
    assert.equal(match({ kind: 'present', code: '_lastUpdated' }, patient), true);
  });

  it('follows references in both directions with a resolver', () => {
    assert.equal(match({ kind: 'chain', code: 'subject', to: 'Patient', where: brown }, observation, resolver), true);
    assert.equal(match({ kind: 'chain', code: 'subject', to: 'Patient', where: green }, observation, resolver), false);
    assert.equal(
      match({ kind: 'has', from: 'Observation', code: 'subject', where: ANY_RESOURCE }, patient, resolver),
      true,
    );
    assert.equal(
      match({ kind: 'has', from: 'Observation', code: 'focus', where: ANY_RESOURCE }, patient, resolver),
      false,
    );
  });

  it('refuses to guess without one', () => {
    assert.throws(
      () => match({ kind: 'chain', code: 'subject', to: 'Patient', where: brown }, observation),
      (error: unknown) => error instanceof FhirError && error.kind === 'not-supported',
    );
  });
});
