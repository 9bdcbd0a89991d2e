/** What the reindex job remembers, and how it changes. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { SearchParameterDefinition } from '../../../src/fhir/definitions.js';
import type { CustomParameter } from '../../../src/conformance/parameters-in-force.js';
import {
  type DueNote,
  doneOf,
  endOfScan,
  message,
  missingNotes,
  nextScan,
  type ScanNote,
  sortNotes,
} from '../../../src/conformance/reindex-progress.js';

const parameter = (key: string, pending: string[], done = 0): DueNote => ({
  is: 'parameter',
  key,
  url: `http://a.example/${key}`,
  pending,
  done,
  total: 10,
});
const scanOf = (type: string, covers: string[], done = 0): ScanNote => ({
  is: 'scan',
  type,
  covers,
  after: [done],
  done,
});
const notesOf = (...notes: (DueNote | ScanNote)[]) =>
  sortNotes(notes.map((note, i) => ({ sequence: i + 1, ...message(note) })));
const custom = (hash: string): CustomParameter => ({
  hash,
  types: ['Patient'],
  origin: 'x',
  definition: { url: `http://a.example/${hash}` } as SearchParameterDefinition,
});
const bodies = (messages: readonly { body: string }[]) => messages.map(({ body }) => JSON.parse(body) as unknown);

describe('the notes of the reindex job', () => {
  it('are found again as they were written; what two processes wrote twice counts once', () => {
    const notes = notesOf(
      parameter('a', ['Patient']),
      scanOf('Patient', ['a']),
      parameter('a', []),
      scanOf('Group', []),
    );
    assert.deepEqual(
      notes.due.map(({ sequence, note }) => [sequence, note.pending]),
      [[3, []]],
    );
    assert.equal(notes.scan?.note.type, 'Group');
    assert.deepEqual(
      notes.surplus.toSorted((x, y) => x - y),
      [1, 2],
    );
  });

  it('lack what has come into force, and lose what has gone', () => {
    const notes = notesOf(parameter('old', []), parameter('same', []));
    const difference = missingNotes(notes, [custom('same'), custom('new')], new Set());
    assert.deepEqual([difference?.missing.map(({ hash }) => hash), difference?.acknowledges], [['new'], [1]]);
    assert.equal(missingNotes(notesOf(parameter('same', [])), [custom('same')], new Set()), undefined);
  });

  it('start anew for a parameter that was out of force for a moment', () => {
    const notes = notesOf(parameter('same', []));
    const difference = missingNotes(notes, [custom('same')], new Set(['http://a.example/same']));
    assert.deepEqual([difference?.missing.map(({ hash }) => hash), difference?.acknowledges], [['same'], [1]]);
  });

  it('never lose a request because nothing of its name is in force', () => {
    const request: DueNote = { is: 'request', key: 'r', pending: ['Patient'], done: 0, total: 1, whole: false };
    assert.equal(missingNotes(notesOf(request), [], new Set()), undefined);
  });

  it('choose the type that most wait for, for those alone that may begin', () => {
    const notes = notesOf(parameter('a', ['Group', 'Patient']), parameter('b', ['Patient']), parameter('c', ['Group']));
    const scan = { is: 'scan', after: null, done: 0 };
    assert.deepEqual(
      nextScan(notes, ({ key }) => key !== 'c'),
      { ...scan, type: 'Patient', covers: ['a', 'b'] },
    );
    assert.deepEqual(
      nextScan(notes, ({ key }) => key === 'c'),
      { ...scan, type: 'Group', covers: ['c'] },
    );
    assert.equal(
      nextScan(notes, () => false),
      undefined,
    );
  });

  it('take the type from those that the walk counted for, and from no others', () => {
    const notes = notesOf(
      parameter('a', ['Group', 'Patient'], 5),
      parameter('late', ['Patient']),
      { is: 'request', key: 'r', pending: ['Patient'], done: 0, total: 1, whole: true },
      scanOf('Patient', ['a', 'r'], 7),
    );
    const { acknowledges, messages, finished } = endOfScan(notes, notes.scan!);
    assert.deepEqual(acknowledges, [4, 1, 3]);
    assert.deepEqual(bodies(messages), [parameter('a', ['Group'], 12)]);
    assert.deepEqual(
      finished.map(({ key }) => key),
      ['r'],
    );
  });

  it('count the walk under way for those whom it covers', () => {
    const notes = notesOf(parameter('a', ['Patient'], 5), parameter('b', ['Patient'], 5), scanOf('Patient', ['a'], 7));
    assert.deepEqual(
      notes.due.map(({ note }) => doneOf(notes, note)),
      [12, 5],
    );
  });
});
