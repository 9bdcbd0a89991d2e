/** Random entries and conditions, by which stores are held against `match` (test/property/agreement.ts), are of every kind. */
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, it } from 'mocha';
import type { EntryValue } from '../../../src/search/entry.js';
import type { Test, Where } from '../../../src/search/query.js';
import { arbitraryEntries, SHAPES } from '../../support/entry-generator.js';
import { arbitraryWhere } from '../../support/where-generator.js';
import { runsOf } from '../../support/depth.js';

/** A new kind does not compile before it has its line here. `above`: no store gets it. */
const ENTRIES: Readonly<Record<EntryValue['kind'], 'drawn' | 'above'>> = {
  string: 'drawn',
  token: 'drawn',
  text: 'drawn',
  'media-type': 'drawn',
  'of-type': 'drawn',
  position: 'drawn',
  date: 'drawn',
  number: 'drawn',
  quantity: 'drawn',
  reference: 'drawn',
  url: 'drawn',
  identifier: 'drawn',
  held: 'above',
  uri: 'drawn',
  composite: 'drawn',
};
const TESTS: Readonly<Record<Test['kind'], 'drawn' | 'above'>> = {
  string: 'drawn',
  token: 'drawn',
  text: 'drawn',
  'of-type': 'drawn',
  concept: 'above',
  date: 'drawn',
  number: 'drawn',
  quantity: 'drawn',
  near: 'above',
  box: 'drawn',
  reference: 'drawn',
  hierarchy: 'above',
  uri: 'drawn',
  'media-type': 'drawn',
  composite: 'drawn',
};

const drawnOf = (kinds: Readonly<Record<string, 'drawn' | 'above'>>): string[] =>
  Object.keys(kinds)
    .filter(kind => kinds[kind] === 'drawn')
    .toSorted();

function testsIn(where: Where): Test[] {
  if (where.kind === 'all' || where.kind === 'any') return where.of.flatMap(testsIn);
  if (where.kind === 'not') return testsIn(where.of);
  return where.kind === 'param' ? [where.test] : [];
}

const options = { seed: 1, numRuns: runsOf(300) };
const types = Object.keys(SHAPES);

describe('what is generated', () => {
  it('has entries of every kind that has a key', () => {
    const entries = types.flatMap(type => fc.sample(arbitraryEntries(type), options).flat());
    assert.deepEqual([...new Set(entries.map(({ kind }) => kind))].toSorted(), drawnOf(ENTRIES));
  });

  it('asks by every kind of test that a store gets', () => {
    const tests = types.flatMap(type => fc.sample(arbitraryWhere([type]), options).flatMap(testsIn));
    assert.deepEqual([...new Set(tests.map(({ kind }) => kind))].toSorted(), drawnOf(TESTS));
  });
});
