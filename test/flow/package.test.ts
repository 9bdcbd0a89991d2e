/**
 * The package as a user of npm gets it: packed, installed into an empty folder without development tools, started there. At every
 * change it is unpacked there and sees the packages that it names and no others, where they are; in a full run npm installs it,
 * which is skipped, with the reason, where npm cannot have the dependencies (no registry and nothing cached).
 */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { after, describe, it } from 'mocha';
import { FULL } from '../support/depth.js';
import { freePort } from '../support/mongod.js';
import { talkTo } from '../support/talk.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'chartroom-package-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const npm = (cwd: string, ...words: string[]) =>
  promisify(execFile)('npm', words, { cwd, maxBuffer: 64 * 1024 * 1024 });

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly bin: Readonly<Record<string, string>>;
}

/** As npm does, but for the dependencies of dependencies. Gives the path of the command. */
async function unpack(tarball: string, home: string): Promise<string> {
  const modules = join(home, 'node_modules');
  mkdirSync(modules);
  await promisify(execFile)('tar', ['-xzf', tarball, '-C', modules]);
  const inside = join(modules, 'chartroom');
  renameSync(join(modules, 'package'), inside);
  const { dependencies, bin } = JSON.parse(readFileSync(join(inside, 'package.json'), 'utf8')) as Manifest;
  for (const name of Object.keys(dependencies)) {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules', name), join(modules, name), 'junction');
  }
  return join(inside, bin['chartroom']!);
}

/** Gives the path of the command; undefined where npm cannot have the dependencies. */
async function install(tarball: string, home: string): Promise<string | undefined> {
  writeFileSync(join(home, 'package.json'), '{"private":true}');
  try {
    await npm(home, 'install', '--prefer-offline', '--no-audit', '--no-fund', tarball);
  } catch (error) {
    const { stderr = '' } = error as { stderr?: string };
    if (!/ENOTFOUND|ECONNREFUSED|EAI_AGAIN|ENOTCACHED|ETIMEDOUT|EAI_FAIL/.test(stderr)) throw error;
    return undefined;
  }
  return join(home, 'node_modules', '.bin', 'chartroom');
}

describe('the package', () => {
  it('runs where it was installed: server, command line, demo data, and nothing of the tests', async function () {
    await npm(ROOT, 'pack', '--ignore-scripts', '--pack-destination', folder);
    const tarball = readdirSync(folder).find(name => name.endsWith('.tgz'));
    const home = mkdtempSync(join(folder, 'home-'));
    const program = await (FULL ? install : unpack)(join(folder, tarball!), home);
    if (program === undefined) {
      process.stderr.write('      skipped: npm has no registry and not all dependencies in its cache\n');
      return this.skip();
    }
    const inside = join(home, 'node_modules', 'chartroom');
    for (const name of ['LICENSE', 'README.md', 'docs/running.md', 'dist/r4/definitions.json', 'dist/app/main.js.map'])
      assert.ok(existsSync(join(inside, name)), name);
    for (const name of ['dist/test', 'dist/programs', 'dist/build', 'src', 'test', 'node_modules/mocha'])
      assert.ok(!existsSync(join(inside, name)), name);
    const { stdout } = await promisify(execFile)(program, ['--version'], { cwd: home });
    assert.match(stdout, /^chartroom \d/);
    const port = await freePort();
    const env = { PATH: process.env['PATH'] ?? '', CHARTROOM_PORT: String(port), CHARTROOM_LOG: 'warn' };
    const child = spawn(program, ['serve'], { cwd: home, env, stdio: ['ignore', 'pipe', 'inherit'] });
    const gone = once(child, 'exit');
    try {
      let said = '';
      for await (const text of child.stdout) if ((said += String(text)).includes('Chartroom serves')) break;
      assert.match(said, /Loaded \d+ demo resources/);
      const talk = talkTo(`http://127.0.0.1:${port}/fhir`);
      assert.equal((await talk.get('metadata')).status, 200);
      assert.equal((await talk.search('Patient?family=lindqvist')).total, 1);
    } finally {
      child.kill();
      await gone;
    }
  });
});
