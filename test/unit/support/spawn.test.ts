import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { isServedApart, spawnServer } from '../../support/spawn.js';

describe('servers apart', () => {
  it('have their store until they are gone', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'chartroom-spawn-'));
    const program = join(folder, 'served.mjs');
    writeFileSync(program, "setInterval(() => {}, 1000); process.stdout.write('Chartroom serves');");
    const store = 'mongodb://127.0.0.1/of-one';
    const server = await spawnServer({ CHARTROOM_STORE: store }, [], program);
    try {
      assert.deepEqual([isServedApart(store), isServedApart(`${store}-else`)], [true, false]);
    } finally {
      await server.kill('SIGKILL');
      rmSync(folder, { recursive: true });
    }
    assert.equal(isServedApart(store), false);
  });
});
