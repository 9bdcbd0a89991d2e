/** What the reindex job remembers, and how it changes. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { SearchParameterDefinition } from '../../../src/fhir/definitions.js';
import type { CustomParameter } from '../../../src/conformance/parameters-in-force.js';
import {
  type DueNote,
  doneOf,
  endOfScan,
  type IndexState,
  missingNotes,
  nextScan,
  type ScanNote,
} from '../../../src/conformance/reindex-plan.js';

const parameter = (key: string, pending: string[], done = 0): DueNote => ({
  is: 'parameter',
  key,
  url: `http://a.example/${key}`,
  pending,
  done,
  total: 10,
});
const scanOf = (type: string, covers: string[], done = 0): ScanNote => ({ type, covers, after: [done], done });
const stateOf = (due: readonly DueNote[], scan?: ScanNote): IndexState => ({ due, scan });
const custom = (hash: string): CustomParameter => ({
  hash,
  types: ['Patient'],
  origin: 'x',
  definition: { url: `http://a.example/${hash}` } as SearchParameterDefinition,
});
const keys = (notes: readonly DueNote[] | undefined) => notes?.map(({ key }) => key);

describe('the state of the job that indexes', () => {
  it('lacks what has come into force, and loses what has gone', () => {
    const state = stateOf([parameter('old', []), parameter('same', [])]);
    const difference = missingNotes(state, [custom('same'), custom('new')], new Set());
    assert.deepEqual([difference?.missing.map(({ hash }) => hash), keys(difference?.kept)], [['new'], ['same']]);
    assert.equal(missingNotes(stateOf([parameter('same', [])]), [custom('same')], new Set()), undefined);
  });

  it('starts anew for a parameter that was out of force for a moment', () => {
    const state = stateOf([parameter('same', [])]);
    const difference = missingNotes(state, [custom('same')], new Set(['http://a.example/same']));
    assert.deepEqual([difference?.missing.map(({ hash }) => hash), keys(difference?.kept)], [['same'], []]);
  });

  it('never loses a request because nothing of its name is in force', () => {
    const request: DueNote = { is: 'request', key: 'r', pending: ['Patient'], done: 0, total: 1, whole: false };
    assert.equal(missingNotes(stateOf([request]), [], new Set()), undefined);
    assert.deepEqual(keys(missingNotes(stateOf([request, parameter('old', [])]), [], new Set())?.kept), ['r']);
  });

  it('chooses the type that most wait for, for those alone that may begin', () => {
    const state = stateOf([
      parameter('a', ['Group', 'Patient']),
      parameter('b', ['Patient']),
      parameter('c', ['Group']),
    ]);
    const scan = { after: null, done: 0 };
    assert.deepEqual(
      nextScan(state, ({ key }) => key !== 'c'),
      { ...scan, type: 'Patient', covers: ['a', 'b'] },
    );
    assert.deepEqual(
      nextScan(state, ({ key }) => key === 'c'),
      { ...scan, type: 'Group', covers: ['c'] },
    );
    assert.equal(
      nextScan(state, () => false),
      undefined,
    );
  });

  it('takes the type from those that the walk counted for, and from no others', () => {
    const late = parameter('late', ['Patient']);
    const { left, finished } = endOfScan(
      stateOf(
        [
          parameter('a', ['Group', 'Patient'], 5),
          late,
          { is: 'request', key: 'r', pending: ['Patient'], done: 0, total: 1, whole: true },
        ],
        scanOf('Patient', ['a', 'r'], 7),
      ),
    );
    assert.deepEqual(left, { due: [parameter('a', ['Group'], 12), late] });
    assert.deepEqual(keys(finished), ['r']);
  });

  it('counts the walk under way for those whom it covers', () => {
    const state = stateOf(
      [parameter('a', ['Patient'], 5), parameter('b', ['Patient'], 5)],
      scanOf('Patient', ['a'], 7),
    );
    assert.deepEqual(
      state.due.map(note => doneOf(state, note)),
      [12, 5],
    );
  });
});
