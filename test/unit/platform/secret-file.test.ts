/** Secrets of the first start, made by several processes at once. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { after, describe, it } from 'mocha';
import { makeSecretFile } from '../../../src/platform/secret-file.js';

describe('a file with a secret', () => {
  const folder = mkdtempSync(join(tmpdir(), 'chartroom-secret-'));
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('is of one of those who make it at the same time, whole whenever it is there, and leaves nothing beside it', async () => {
    const file = join(folder, 'one');
    const module = new URL('../../../src/platform/secret-file.js', import.meta.url).href;
    // Each makes it, and says what is there as soon as anything is.
    const program = `
      import { readFileSync } from 'node:fs';
      import { makeSecretFile } from '${module}';
      const [file, letter] = process.argv.slice(1);
      
      makeSecretFile(file, letter.repeat(1_000_000));
      console.log(readFileSync(file, "utf8").length, readFileSync(file, 'utf8')[0]);`;
    const run = promisify(execFile);
    const said = await Promise.all(
      ['a', 'b', 'c'].map(letter => run(process.execPath, ['--input-type=module', '-e', program, file, letter])),
    );
    const texts = said.map(({ stdout }) => stdout.trim());
    assert.equal(new Set(texts).size, 1);
    assert.equal(texts[0], `1000000 ${readFileSync(file, 'utf8')[0]}`);
    assert.deepEqual(readdirSync(folder), ['one']);
    assert.equal(statSync(file).mode & 0o777, 0o600);
  });

  it('is left as it is where there is one, and refused where there can be none', () => {
    const file = join(folder, 'kept');
    makeSecretFile(file, 'first');
    makeSecretFile(file, 'second');
    assert.equal(readFileSync(file, 'utf8'), 'first');
    assert.throws(() => makeSecretFile(join(folder, 'no', 'folder'), 'x'), { code: 'ENOENT' });
  });
});
