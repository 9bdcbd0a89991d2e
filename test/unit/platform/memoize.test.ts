import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { memoize } from '../../../src/platform/memoize.js';

describe('results that are kept', () => {
  const counting = (limits: { results: number; characters?: number }) => {
    const made: string[] = [];
    const get = memoize(limits, text => {
      made.push(text);
      return text === '' ? undefined : text.toUpperCase();
    });
    return { made, get };
  };

  it('are made once, undefined among them', () => {
    const { made, get } = counting({ results: 10 });
    for (const text of ['a', '', 'b', 'a', '', 'b'])
      assert.equal(get(text), text === '' ? undefined : text.toUpperCase());
    assert.deepEqual(made, ['a', '', 'b']);
  });

  it('are forgotten when there are too many', () => {
    const { made, get } = counting({ results: 2 });
    for (const text of ['a', 'b', 'a', 'b', 'c', 'c', 'a']) get(text);
    assert.deepEqual(made, ['a', 'b', 'c', 'a']);
  });

  it('are not those of long texts', () => {
    const { made, get } = counting({ results: 2, characters: 3 });
    for (const text of ['abc', 'abcd', 'abcd', 'abc']) get(text);
    assert.deepEqual(made, ['abc', 'abcd', 'abcd']);
  });

  it('stay when something fails to be made', () => {
    let calls = 0;
    const get = memoize({ results: 2 }, text => {
      calls++;
      if (text === 'x') throw new Error(text);
      return text;
    });
    get('a');
    assert.throws(() => get('x'));
    assert.throws(() => get('x'));
    get('a');
    assert.equal(calls, 3);
  });
});
