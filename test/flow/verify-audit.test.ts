/** The program that verifies the trail on another machine: one file in a folder with nothing else. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, before, describe, it } from 'mocha';
import { type MemoryTrail, newLedgerKey, sampleTrail, textOfExport } from '../support/audit-trail.js';
import { createRandom } from '../support/random.js';

const TOOL = fileURLToPath(new URL('../../tools/verify-audit.mjs', import.meta.url));

describe('verify-audit.mjs', () => {
  const folder = mkdtempSync(join(tmpdir(), 'chartroom-verify-'));
  let trail: MemoryTrail;
  let text: string;
  const file = (name: string, content: string): string => {
    writeFileSync(join(folder, name), content);
    return name;
  };
  const run = (...words: string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ['verify-audit.mjs', ...words], {
      ...{ cwd: folder, encoding: 'utf8', env: {} },
    });
    return { status, stdout, stderr };
  };

  before(async () => {
    copyFileSync(TOOL, join(folder, 'verify-audit.mjs'));
    trail = sampleTrail(createRandom(5), 20);
    text = textOfExport(await trail.export({ texts: true }));
    file('export.ndjson', text);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('imports nothing but what Node has', () => {
    const imported = [...readFileSync(TOOL, 'utf8').matchAll(/^import .* from "(.*)";$/gm)].map(([, from]) => from!);
    assert.ok(imported.length > 3);
    assert.deepEqual(
      imported.filter(from => !from.startsWith('node:')),
      [],
    );
  });

  it('says that nothing is wrong, by the key and an anchor as it came by mail', () => {
    const key = trail.keys[0]!.text;
    const mail = file('mail.txt', `\r\n${trail.anchors.at(-1)!.note.replaceAll('\n', '\r\n')}\r\n`);
    const told = run('export.ndjson', '--key', key, '--anchor', mail);
    assert.deepEqual([told.status, told.stderr], [0, '']);
    assert.match(told.stdout, /3 streams/);
    assert.ok(told.stdout.includes(key));
    assert.match(told.stdout, /Nothing was altered, left out or put in\.\n$/);
    assert.match(run('export.ndjson').stdout, /No key was given/);
  });

  it('takes an anchor out of the text of the whole mail, passed on or not, and does not blame the trail for a file without one', () => {
    const { note, heads } = trail.anchors.at(-1)!;
    const noteAlone = `Dear Anna,\nthis came on Monday:\n\n${note}\nRegards\n`;
    const mails = {
      'note alone': noteAlone,
      'with its line': `The note:\n\n${note}\nThe same:\n\n${JSON.stringify({ note, heads })}\n`,
      'passed on': noteAlone.replaceAll(/^/gm, '> > ').replaceAll('\n', '\r\n'),
    };
    // The last row of a stream is not there: the anchor alone knows.
    const known = text.split('\n').filter(line => !line.startsWith('{"anchor"'));
    file('no-anchors.ndjson', known.join('\n'));
    for (const [name, mail] of Object.entries(mails)) {
      assert.equal(run('export.ndjson', '--anchor', file('mail', mail)).status, 0, name);
      const told = run('no-anchors.ndjson', '--anchor', 'mail');
      if (name !== 'with its line') assert.match(told.stdout, /^missing, anchor: The anchor of /m, name);
    }
    const other = note.replace(/^[^\n]+\n\d+\n\S/, head => `${head.slice(0, -1)}${head.endsWith('A') ? 'B' : 'A'}`);
    assert.notEqual(other, note);
    const told = run('export.ndjson', '--anchor', file('mail', `See:\n\n${other}`));
    assert.equal(told.status, 1, 'one that was changed is told');
    assert.match(told.stdout, /^bad-signature/m);
    for (const none of ['', 'Dear Anna, there is none.', trail.keys[0]!.text, note.slice(0, note.indexOf('\n\n'))]) {
      const { status, stdout, stderr } = run('export.ndjson', '--anchor', file('mail', none));
      assert.deepEqual([status, stdout], [2, '']);
      assert.match(stderr, /^mail has no anchor: /);
    }
  });

  it('names what is wrong, and ends with 1', () => {
    const line = text.split('\n').findLast(one => one.startsWith('{"row":{"stream"'))!;
    const { row } = JSON.parse(line) as { row: { stream: string; first: number } };
    file('without.ndjson', text.replace(`${line}\n`, ''));
    const kept = file('anchors', trail.anchors.map(anchor => `${JSON.stringify(anchor)}\n`).join(''));
    const keys = file('keys.json', JSON.stringify({ keys: [newLedgerKey().text, trail.keys[0]!.text] }));
    const told = run('without.ndjson', '--key', keys, '--anchor', kept);
    assert.equal(told.status, 1);
    assert.match(told.stdout, new RegExp(`^truncated, stream ${row.stream}, deeds? ${row.first}`, 'm'));
    assert.match(run('export.ndjson', '--key', newLedgerKey().text).stdout, /^unknown-key/m);
  });

  it('says what it cannot use, and ends with 2', () => {
    for (const [words, says] of [
      [[], /Usage/],
      [['nothing-here'], /cannot be read: ENOENT/],
      [['verify-audit.mjs'], /no export/],
      [['export.ndjson', '--key', 'nonsense'], /nonsense is no key/],
      [['export.ndjson', '--anchor', 'nonsense'], /nonsense is no anchor/],
      [['export.ndjson', '--other'], /other/],
    ] as const) {
      const { status, stdout, stderr } = run(...words);
      assert.equal(status, 2, words.join(' '));
      assert.match(stdout + stderr, says);
      assert.doesNotMatch(stderr, /at .*:\d+/);
    }
  });
});
