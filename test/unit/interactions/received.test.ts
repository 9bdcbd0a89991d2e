/** The mark of events that clients have sent: whatever a token says of its bearer, it is a valid one. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { markReceived } from '../../../src/interactions/write/received.js';

const markOf = (said: Readonly<Record<string, string>>) => {
  const meta = markReceived(undefined, {
    ...{ principal: { role: 'writer', ...said }, address: '::1' },
  });
  const [{ extension }] = meta['extension'] as unknown as readonly [{ extension: readonly Record<string, string>[] }];
  return { source: meta['source'], parts: extension.map(({ url, ...value }) => [url, ...Object.values(value)]) };
};

describe('the mark of a received event', () => {
  it('names who sent it', () => {
    assert.deepEqual(markOf({ name: 'i|eva', issuer: 'i', subject: 'eva' }), {
      source: 'urn:chartroom:sender:i%7Ceva',
      parts: [
        ['name', 'i|eva'],
        ['subject', 'eva'],
        ['role', 'writer'],
        ['address', '::1'],
        ['issuer', 'i'],
      ],
    });
  });

  it('has no half of a character, and nothing that is empty', () => {
    assert.deepEqual(markOf({ name: 'a\uD800b\u{1F600}', client: '', subject: '' }), {
      source: 'urn:chartroom:sender:a%EF%BF%BDb%F0%9F%98%80',
      parts: [
        ['name', 'a\uFFFDb\u{1F600}'],
        ['role', 'writer'],
        ['address', '::1'],
      ],
    });
  });
});
