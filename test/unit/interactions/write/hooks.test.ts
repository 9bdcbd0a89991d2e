import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { composeHooks, type Hook } from '../../../../src/interactions/write/hooks.js';

const TYPES = ['Basic', 'Group', 'Patient'];
const nothing = () => undefined;
const compose = (...hooks: readonly Hook[]) =>
  composeHooks(
    hooks.map((hook, at) => ({ owner: String(at), hook })),
    TYPES,
  );
const ownersOf = (hooks: ReturnType<typeof compose>, type: string) => hooks.byType.get(type)?.map(({ owner }) => owner);

describe('the hooks of an engine', () => {
  it('are those of a type and those of all types, in the order given', () => {
    const hooks = compose(
      { types: ['Patient'], check: nothing },
      { check: nothing },
      { types: ['Group', 'Patient'], prepare: nothing },
    );
    assert.deepEqual(
      TYPES.map(type => ownersOf(hooks, type)),
      [['1'], ['1', '2'], ['0', '1', '2']],
    );
  });

  it('leave types alone that have none: they cost a write nothing', () => {
    const hooks = compose({ types: ['Patient'], committed: nothing }, { bundle: nothing });
    assert.deepEqual([...hooks.byType.keys()], ['Patient']);
    assert.deepEqual(
      hooks.bundle.map(({ owner }) => owner),
      ['1'],
    );
  });
});
