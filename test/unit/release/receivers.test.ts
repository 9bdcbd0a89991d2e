/** The file of systems that released records may be sent to: what is wrong with it is said at start, by the name of what is wrong. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'mocha';
import { readReceivers } from '../../../src/features/release/delivery/ehr-way.js';
import { ConfigError } from '../../../src/platform/config.js';

const folder = mkdtempSync(join(tmpdir(), 'chartroom-receivers-'));
const file = join(folder, 'receivers.json');
const written = (text: string): string => {
  writeFileSync(file, text);
  return file;
};

describe('the file of receivers', () => {
  after(() => rmSync(folder, { recursive: true }));

  it('names them', () => {
    const county = { base: 'https://county.example.org/fhir', authorization: 'Bearer x', network: '10.1.0.0/16' };
    assert.deepEqual([...readReceivers(written(JSON.stringify({ county })))], [['county', county]]);
    assert.equal(readReceivers('').size, 0);
  });

  const rows: [what: string, text: string, told: RegExp][] = [
    ['no JSON', '{bad', /no JSON .* line 1/],
    ['a list', '[1]', /by their names/],
    ['a receiver without an address', '{"county":{}}', /receiver county .* base/],
    ['an address that is none', '{"county":{"base":"county"}}', /receiver county .* base/],
    ['an address of another kind', '{"county":{"base":"file:///etc"}}', /receiver county .* base/],
    ['authorization that is no text', '{"county":{"base":"https://a.example.org","authorization":5}}', /authorization/],
    ['a network that is no text', '{"county":{"base":"https://a.example.org","network":[]}}', /network/],
  ];
  for (const [what, text, told] of rows)
    it(`is refused: ${what}`, () =>
      assert.throws(
        () => readReceivers(written(text)),
        (error: unknown) => error instanceof ConfigError && told.test(error.message),
      ));

  it('is refused: one that is not there', () =>
    assert.throws(() => readReceivers(join(folder, 'none.json')), /does not exist/));
});
