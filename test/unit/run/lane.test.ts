/** A lane of the test run tells what files came to, whatever they do to its process. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { Lane } from '../../run/lane.js';

describe('a lane of the test run', () => {
  let folder = '';
  let lane: Lane;
  let files = 0;

  before(() => void (folder = mkdtempSync(join(tmpdir(), 'chartroom-lane-'))));
  after(() => rmSync(folder, { recursive: true }));
  beforeEach(() => void (lane = new Lane(join(folder, 'output'), process.env)));
  afterEach(async () => {
    await lane.end();
    assert.ok(!readdirSync(folder).includes('output'), 'the output is gone when it has been read');
  });

  /** A test file that holds `text`. */
  const run = (text: string): ReturnType<Lane['run']> => {
    const file = join(folder, `${++files}.test.mjs`);
    writeFileSync(file, text);
    return lane.run(file);
  };

  it('fails a file that is abandoned, and takes the next', async () => {
    const running = run(`describe('a suite', () => void it('never ends', () => new Promise(() => {})));`);
    lane.abandon();
    assert.deepEqual((({ passing, failing }) => [passing, failing])(await running), [0, 1]);
    assert.equal((await run(`describe('a suite', () => void it('passes', () => {}));`)).passing, 1);
  });

  it('counts, and gives failures in full and output apart', async () => {
    const verdict = await run(`import assert from 'node:assert/strict';
      describe('a suite', () => {
        it('passes', () => process.stdout.write('from the test\\n'));
        it('passes, too', () => {});
        it('is left out');
        it('fails', () => assert.deepEqual({ a: 1 }, { a: 2 }));
      });`);
    assert.deepEqual([verdict.passing, verdict.pending, verdict.failing], [2, 1, 1]);
    assert.match(verdict.failures, /1\) a suite\n\s+fails:[\s\S]*a: 2/);
    assert.equal(verdict.output, 'from the test\n');
  });

  it('counts a failing hook as a failure', async () => {
    const verdict = await run(`before(() => { throw new Error('not ready'); }); it('is never run', () => {});`);
    assert.deepEqual([verdict.passing, verdict.failing], [0, 1]);
    assert.match(verdict.failures, /"before all" hook[\s\S]*not ready/);
  });

  it('counts what is rejected behind the back of a test as its failure, in every file', async () => {
    for (let n = 0; n < 2; n++) {
      const verdict = await run(`it('looks away', async () => {
        void Promise.reject(new Error('unseen'));
        await new Promise(() => {});
      });
      it('passes', () => {});`);
      assert.deepEqual([verdict.passing, verdict.failing], [1, 1]);
      assert.match(verdict.failures, /unseen/);
    }
  });

  for (const [what, text] of [
    ['cannot be loaded', `import './nowhere.mjs';`],
    ['ends its process', `it('ends', () => process.exit(0));`],
    ['kills its process', `it('kills', () => process.kill(process.pid, 'SIGKILL'));`],
  ] as const)
    it(`counts a file that ${what} as one failure, and runs the next`, async () => {
      const broken = await run(text);
      assert.deepEqual([broken.passing, broken.failing], [0, 1]);
      assert.match(broken.failures + broken.output, /could not be loaded|status 0|SIGKILL/);
      const next = await run(`it('passes', () => {});`);
      assert.deepEqual([next.passing, next.failing, next.failures], [1, 0, '']);
    });

  it('refuses a test that is the only one', async () => {
    const { passing, failing } = await run(`it.only('is alone', () => {}); it('is left', () => {});`);
    assert.deepEqual([passing, failing], [0, 1]);
  });
});
