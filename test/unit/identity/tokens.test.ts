import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'mocha';
import { openTokenFile } from '../../../src/identity/tokens.js';
import { createClock } from '../../../src/platform/clock.js';
import { ConfigError } from '../../../src/platform/config.js';
import { createLog } from '../../../src/platform/log.js';
import { steppedTime } from '../../support/stepped-time.js';

const folder = mkdtempSync(join(tmpdir(), 'chartroom-tokens-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const time = steppedTime();
const clock = createClock(createLog('silent'), time);
/** Lets a second pass, and others have their turn. */
async function look(): Promise<void> {
  time.step(1000);
  await new Promise(setImmediate);
}
const token = (letter: string): string => letter.repeat(24);
const line = (letter: string, more: object = {}): object => ({
  token: token(letter),
  name: `user ${letter}`,
  role: 'reader',
  ...more,
});

function fileOf(content: unknown, mode = 0o600): string {
  const path = join(mkdtempSync(join(folder, 'x-')), 'tokens.json');
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content), { mode });
  chmodSync(path, mode);
  return path;
}

const ROLES = ['admin', 'reader'];

describe('the file of tokens', () => {
  const refusals: readonly (readonly [what: string, content: unknown, says: RegExp])[] = [
    ['that is no JSON', '[{', /is no JSON/],
    ['that is no array', { token: token('a') }, /JSON array/],
    ['without tokens', [], /at least one/],
    ['with a short token', [line('a'), line('b', { token: 'short' })], /entry 2/],
    ['with an unknown role', [line('a', { role: 'owner' })], /role in entry 1 .* there are admin, reader/],
    ['with one name twice', [line('a'), line('b', { name: 'user a' })], /one user twice/],
    ['with one token twice', [line('a'), line('b', { token: token('a') })], /one token twice/],
    ['with a sample of the documentation', [line('a', { token: 'REPLACE-by-openssl-rand-hex-24' })], /openssl/],
    ['with an old sample', [line('a', { token: 'at-least-16-random-characters' })], /openssl/],
  ];
  for (const [what, content, says] of refusals)
    it(`is refused ${what}, named, without repeating a token`, () => {
      const file = fileOf(content);
      assert.throws(
        () => openTokenFile(file, ROLES, () => undefined, clock),
        (error: unknown) => {
          assert.ok(error instanceof ConfigError);
          assert.match(error.message, says);
          assert.ok(error.message.includes(file) && !error.message.includes(token('a')));
          return true;
        },
      );
    });

  it('draws a warning where others can read it', () => {
    const said: string[] = [];
    const [closed, open] = [fileOf([line('a')]), fileOf([line('a')], 0o644)];
    for (const file of [closed, open]) openTokenFile(file, ROLES, text => said.push(text), clock);
    assert.deepEqual([said.length, said[0]?.includes(open)], [1, true]);
  });

  it('is read again when it changes, and a bad one changes nothing', async () => {
    const file = fileOf([line('a')]);
    const said: string[] = [];
    const find = openTokenFile(file, ROLES, text => said.push(text), clock);
    const knows = (letter: string): boolean => find(token(letter))?.name === `user ${letter}`;
    assert.deepEqual([knows('a'), knows('b')], [true, false]);
    const next = fileOf([line('b'), line('c')]);
    renameSync(next, file);
    while (!knows('b')) await look();
    assert.deepEqual([knows('a'), knows('c'), said.length], [false, true, 1]);
    writeFileSync(file, '[{"token"');
    while (said.length < 2) await look();
    assert.match(said[1]!, /is no JSON.*stay in force/);
    assert.deepEqual([knows('a'), knows('b')], [false, true]);
    rmSync(file);
    while (said.length < 3) await look();
    assert.match(said[2]!, /does not exist.*stay in force/);
    assert.ok(knows('b'));
  });
});
