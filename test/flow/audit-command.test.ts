/** `chartroom audit …` in a terminal: the same sentences as over HTTP, recorded like there. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'mocha';
import { manyCommands } from '../support/cli.js';
import { readCsv } from '../support/lines.js';

const folder = mkdtempSync(join(tmpdir(), 'chartroom-audit-command-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const many = manyCommands();
after(() => many.end());
const run = (...words: readonly string[]) => many.run(words, { CHARTROOM_DATA: folder });
const WHO_SAW = ['audit', 'who-saw', 'Patient/demo-ada-lindqvist'] as const;

describe('chartroom audit', () => {
  before('fills a store', async () => assert.equal((await run('seed')).status, 0));

  it('answers in sentences, a line each, and its own questions are among them', async () => {
    const first = await run(...WHO_SAW);
    assert.deepEqual([first.status, first.err], [0, '']);
    const { status, out } = await run(...WHO_SAW);
    assert.equal(status, 0);
    assert.match(out, /^On \d{4}-\d\d-\d\d chartroom \(admin\) came \d+ times? for no stated purpose, .*UTC: .+\.$/m);
    const asked = (text: string) => Number(/operation (\d+)|\$who-saw (\d+)/.exec(text)?.slice(1).find(Boolean) ?? 0);
    assert.equal(asked(out), asked(first.out) + 1);
  });

  it('answers each question, also as a table, and says when there is nothing', async () => {
    for (const [words, says] of [
      ['what-did --user chartroom', /^On .* chartroom did /],
      ['breach-affected --agent chartroom', /^Data of Patient\/demo-\S+ was touched /],
      ['denials', /^Nothing\.\n$/],
      ['disclosures --start 2020-01-01', /^Nothing\.\n$/],
      ['who-saw nobody', /^Nothing\.\n$/],
    ] as const) {
      const { status, out, err } = await run('audit', ...words.split(' '));
      assert.deepEqual([status, err], [0, ''], words);
      assert.match(out, says, words);
    }
    const table = await run(...WHO_SAW, '--csv');
    const [head, ...rows] = readCsv(table.out);
    assert.deepEqual([head![0], head!.at(-1)], ['day', 'sentence']);
    assert.ok(rows.length > 0);
  });

  it('says what is wrong in a sentence', async () => {
    for (const [words, status, says] of [
      ['', 2, /needs a word: .*\bwho-saw, /],
      ['who-sees', 2, /knows no who-sees: .*Did you mean who-saw\?/],
      ['who-saw', 2, /Name a patient/],
      ['who-saw Patient/1/2', 2, /Name a patient/],
      ['denials now', 2, /takes no further words/],
      ['what-did', 1, /needs the parameter user/],
      ['denials --user x', 1, /knows .*not this parameter/],
      ['denials --start yesterday', 1, /must be a dateTime/],
    ] as const) {
      const done = await run('audit', ...words.split(' ').filter(word => word !== ''));
      assert.equal(done.status, status, `${words}: ${done.err}`);
      assert.match(done.err, says, words);
      assert.doesNotMatch(done.err, /Error\b|node:/);
    }
  });
});
