/** No outcome depends on how fast the machine is: tests wait for conditions, and mocha's one timeout is a backstop. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'mocha';

const FOLDER = fileURLToPath(new URL('../../../../test', import.meta.url));

describe('the tests', () => {
  it('have no deadlines of their own: wait for the condition, .mocharc.json ends what hangs', () => {
    const files = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.ts'));
    const own = files.filter(name => /this\.timeout\(|\}\)\.timeout\(/.test(readFileSync(join(FOLDER, name), 'utf8')));
    assert.deepEqual(
      own.filter(name => !name.endsWith('clocks.test.ts')),
      [],
    );
  });
});
