import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { parsingInParts, readStoredText } from '../../../../src/fhir/json/stored-text.js';
import { atOnce } from '../../../../src/platform/pieces.js';
import { runsOf } from '../../../support/depth.js';

const read = (text: string, part: number): unknown => atOnce(parsingInParts(Buffer.from(text), part));

describe('the text of a stored resource', () => {
  it('is read in parts as it is read at once', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 5 }), fc.integer({ min: 1, max: 40 }), fc.boolean(), (text, part, spaced) => {
        const written = spaced ? JSON.stringify(JSON.parse(text), null, 2) : text;
        assert.deepEqual(read(written, part), JSON.parse(text));
      }),
      { numRuns: runsOf(2000) },
    );
  });

  it('gives turns by its length, wherever in the tree it is long', () => {
    const turns = (value: unknown): number => {
      let count = 0;
      const work = parsingInParts(Buffer.from(JSON.stringify(value)), 1000);
      while (!work.next().done) count++;
      return count;
    };
    const items = Array.from({ length: 2000 }, (_, code) => ({ code }));
    const bytes = JSON.stringify(items).length;
    assert.ok(turns(items) > bytes / 2000);
    assert.ok(turns({ concept: [{ code: 'top', concept: items }] }) > bytes / 2000);
    assert.ok(turns(Object.fromEntries(items.map(({ code }) => [`name ${code}`, code]))) > bytes / 2000);
    assert.equal(turns(items.slice(0, 10)), 0);
  });

  it('keeps the name __proto__ and the order of members', async () => {
    const text = `{"a":[${'1,'.repeat(100_000)}1],"__proto__":{"b":1},"c":"d"}`;
    assert.equal(JSON.stringify(await readStoredText(Buffer.from(text))), text);
  });

  it('is refused where it is no JSON, as JSON.parse does', () => {
    for (const text of [
      '',
      '[1,2',
      '{"a":[1,2,',
      '{"a":[1,2}',
      '[1,2]]',
      '{"a":[1,2}]',
      '[1,2] x',
      '{"a"',
      '{"a":',
      '"abc',
      '[1 2]',
    ])
      for (const part of [1, 3, 100]) assert.throws(() => read(text, part), SyntaxError, `${text} ${part}`);
  });
});
