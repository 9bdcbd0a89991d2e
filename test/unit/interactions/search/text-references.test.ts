/** References read from texts: those that a plain search for the same characters finds, wherever they stand. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { addReferences } from '../../../../src/interactions/search/text-references.js';
import { createRandom } from '../../../support/random.js';

const found = (text: string): string[] => {
  const targets = new Set<string>();
  addReferences(Buffer.from(text), targets);
  return [...targets];
};

/** The same, as slowly as one likes. */
const plainly = (text: string): string[] => [
  ...new Set(
    [
      ...Buffer.from(text)
        .toString('latin1')
        .matchAll(/"reference":"([^"]*)/g),
    ].map(([, target]) => target!),
  ),
];

describe('references in texts', () => {
  it('finds each once, in order', () => {
    const text = JSON.stringify({
      subject: { reference: 'Patient/1' },
      encounter: { reference: 'Encounter/2', display: 'reference' },
      extension: [{ url: 'x', valueReference: { reference: 'Patient/1' } }, { valueString: '"reference":"No/1"' }],
      note: 'reference:',
    });
    assert.deepEqual(found(text), ['Patient/1', 'Encounter/2']);
  });

  it('finds the first and the last characters, and what is cut off', () => {
    assert.deepEqual(found('"reference":"A/1"'), ['A/1']);
    assert.deepEqual(found('"reference":"'), ['']);
    assert.deepEqual(found('"reference":"A/'), ['A/']);
    assert.deepEqual(found('"reference":'), []);
    assert.deepEqual(found(''), []);
  });

  it('finds what a plain search finds in texts of its own characters', () => {
    const random = createRandom(11);
    const parts = ['"reference":"', '"reference":', 'reference', '"', ':', 'e', 'ference":"', 'Patient/1', 'ü', 'r'];
    for (let round = 0; round < 5000; round++) {
      const text = Array.from({ length: random.below(12) }, () => random.pick(parts)).join('');
      assert.deepEqual(found(text), plainly(text), text);
    }
  });
});
