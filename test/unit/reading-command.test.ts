/** The command that reads scans: how it is told, and what becomes of a run of it, whatever it does. docs/records-desk.md */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'mocha';
import {
  findReadingCommand,
  type ReadingCommand,
  readingCommandSetting,
} from '../../src/features/intake/machine-text/reading-command.js';
import { type RunLimits, runReadingCommand } from '../../src/features/intake/machine-text/run-command.js';
import { realPause } from '../../src/platform/real-time.js';

const folder = mkdtempSync(join(tmpdir(), 'chartroom-command-'));
const script = join(folder, 'reads.mjs');
writeFileSync(
  script,
  `
import { spawn } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
const [what, place] = process.argv.slice(2);
const print = text => process.stdout.write(text);
const acts = {
  input: () => print(readFileSync(0)),
  file: () => print(JSON.stringify([readFileSync(place, 'utf8'), (statSync(place).mode & 0o777).toString(8), place])),
  environment: () => print(JSON.stringify(process.env)),
  fail: () => { print('half'); process.exit(3); },
  unheard: () => print('never read'),
  flood: () => { for (;;) writeFileSync(1, 'x'.repeat(65536)); },
  latin: () => print(Buffer.from([0xe9, 0x20])),
  steer: () => print('a\\u0000\\u001b[2Jb\\r\\nc\\u202egnp\\fd\\u0085 '),
  hang: () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' });
    writeFileSync(place, String(child.pid));
    setInterval(() => {}, 1000);
  },
  leave: () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' });
    writeFileSync(place, String(child.pid));
    print('left');
    child.unref();
    process.exit(0);
  },
};
acts[what]();
`,
);
after(() => rmSync(folder, { recursive: true }));

const command = (...args: string[]): ReadingCommand => ({ program: process.execPath, args: [script, ...args] });
async function* bytesOf(...parts: (string | Error)[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) {
    await realPause(0);
    if (part instanceof Error) throw part;
    yield Buffer.from(part);
  }
}
const LIMITS: RunLimits = { time: 30_000, output: 100_000, signal: new AbortController().signal };
const run = (args: string[], limits: Partial<RunLimits> = {}, ...parts: (string | Error)[]) =>
  runReadingCommand(
    command(...args),
    { bytes: bytesOf(...(parts.length > 0 ? parts : ['the scan'])), ending: 'pdf' },
    { ...LIMITS, ...limits },
  );
const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    // What was ended and nobody has waited for yet is there by its number alone.
    return !/^State:\s*Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};

describe('a run of the command that reads scans', () => {
  it('gives what it prints, of bytes from its standard input or a file that nobody else reads', async () => {
    assert.deepEqual(await run(['input'], {}, 'the ', 'scan\n'), { text: 'the scan' });
    const told = await run(['file', '{file}']);
    assert.ok('text' in told);
    const [bytes, mode, place] = JSON.parse(told.text) as [string, string, string];
    assert.deepEqual([bytes, mode, place.endsWith('.pdf'), existsSync(place)], ['the scan', '600', true, false]);
  });
  it('knows nothing of what the environment of the server says', async () => {
    process.env['CHARTROOM_SECRET_OF_TEST'] = 'a secret';
    const told = await run(['environment']);
    delete process.env['CHARTROOM_SECRET_OF_TEST'];
    assert.ok('text' in told);
    const allowed = ['HOME', 'LANG', 'OMP_THREAD_LIMIT', 'PATH', 'TMPDIR'];
    assert.deepEqual(
      Object.keys(JSON.parse(told.text) as object)
        .filter(name => !name.startsWith('__'))
        .toSorted(),
      allowed,
    );
  });
  it('is no text where the program fails, prints too much or no UTF-8, and what steers is left out', async () => {
    assert.deepEqual(await run(['fail']), { failed: 'exit' });
    assert.deepEqual(await run(['flood']), { failed: 'output' });
    assert.deepEqual(await run(['latin']), { failed: 'no-text' });
    assert.deepEqual(await run(['steer']), { text: 'a[2Jb\ncgnp\fd' });
    assert.deepEqual(await run(['unheard'], {}, 'x'.repeat(1_000_000)), { text: 'never read' });
    const away = { program: join(folder, 'none'), args: [] };
    assert.deepEqual(await runReadingCommand(away, { bytes: bytesOf('x'), ending: 'pdf' }, LIMITS), { failed: 'away' });
  });
  it('passes on that the bytes cannot be read', async () => {
    await assert.rejects(run(['input'], {}, 'the ', new Error('damaged')), /damaged/);
    await assert.rejects(run(['file', '{file}'], {}, new Error('damaged')), /damaged/);
  });
  it('ends with all that it has started, at its time and when nobody waits', async () => {
    const place = join(folder, 'pid');
    for (const [what, ending] of [
      ['hang', { time: 600 }],
      ['hang', { signal: AbortSignal.timeout(600) }],
      ['leave', {}],
    ] as const) {
      rmSync(place, { force: true });
      const result = await run([what, place], ending);
      const expected = what === 'leave' ? { text: 'left' } : { failed: 'time' in ending ? 'time' : 'stopped' };
      assert.deepEqual(result, expected);
      // A slow machine may end it before it has started anybody.
      if (!existsSync(place)) continue;
      const pid = Number(readFileSync(place, 'utf8'));
      for (let looks = 0; isAlive(pid) && looks < 6000; looks++) await realPause(10);
      assert.equal(isAlive(pid), false, what);
    }
  });
});

describe('what a server that was killed has left of a run', () => {
  it('is ended and removed by the next one; that of one that lives stays', async () => {
    const dead = spawnSync(process.execPath, ['-e', '']).pid;
    const [left, other, living] = [dead, dead, process.ppid].map(pid =>
      mkdtempSync(join(tmpdir(), `chartroom-reading-${pid}-`)),
    ) as [string, string, string];
    const started = (home: string) => {
      const options = { detached: true, stdio: 'ignore', env: { HOME: home } } as const;
      return spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], options);
    };
    // The number that the second one says has somebody else by now.
    const [hangs, stranger] = [started(left), started(folder)];
    for (const [place, { pid }] of [
      [left, hangs],
      [other, stranger],
    ] as const) {
      writeFileSync(join(place, 'scan.pdf'), 'words of a patient');
      writeFileSync(join(place, '.started'), String(pid));
    }
    const ended = once(hangs, 'exit');
    try {
      assert.deepEqual(await run(['input'], {}, 'the scan'), { text: 'the scan' });
      assert.deepEqual(
        [left, other, living].map(place => existsSync(place)),
        [false, false, true],
      );
      await ended;
      assert.ok(isAlive(stranger.pid!));
    } finally {
      for (const child of [hangs, stranger]) child.kill('SIGKILL');
      rmSync(living, { recursive: true });
    }
  });
});

describe('the setting of the command', () => {
  it('is words, or a list of them, and a program that is there', () => {
    const path = `/nowhere:${join(process.execPath, '..')}`;
    const node = process.execPath;
    assert.equal(findReadingCommand(' ', path), undefined);
    assert.deepEqual(findReadingCommand('node  a {file}', path), { program: node, args: ['a', '{file}'] });
    assert.deepEqual(findReadingCommand(JSON.stringify([node, 'a b', '$(x)']), ''), {
      program: node,
      args: ['a b', '$(x)'],
    });
    for (const wrong of ['[', '[]', '["node", 1]', '[""]'])
      assert.throws(() => readingCommandSetting.parse(wrong), /no shell/);
    for (const wrong of ['/nowhere/at-all', 'there-is-no-such-program', script, folder])
      assert.throws(() => findReadingCommand(wrong, path), { name: 'ConfigError', message: /no executable/ });
    assert.throws(() => findReadingCommand('./here', path), { name: 'ConfigError', message: /absolute/ });
  });
});
