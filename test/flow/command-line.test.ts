/**
 * The command line as a person meets it: help, versions, what was mistyped, what cannot be opened. Of each kind one command is a
 * process of its own, the others share one. https://clig.dev
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, describe, it } from 'mocha';
import { endDemo, isUntouched, loadDemo, takesDemo } from '../../src/cli/seed.js';
import type { Engine } from '../../src/interactions/engine.js';
import { tellHappening } from '../../src/interactions/tell.js';
import { command, manyCommands } from '../support/cli.js';
import { fullIt, sampleOf } from '../support/depth.js';
import { fallingAway } from '../support/falling-away.js';
import { sharedMongo } from '../support/mongo.js';
import { freePort } from '../support/mongod.js';
import { newStore, startServer } from '../support/server.js';

const folder = mkdtempSync(join(tmpdir(), 'chartroom-cli-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const ROOT = new URL('../../../', import.meta.url);
const { version } = JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8')) as { version: string };
const many = manyCommands();
after(() => many.end());

const wordsOf = (words: string) => words.split(' ').filter(word => word !== '');
const settings = (env: Readonly<Record<string, string>>) => ({ CHARTROOM_DATA: join(folder, 'data'), ...env });
const run = (words: string, env: Readonly<Record<string, string>> = {}) => many.run(wordsOf(words), settings(env));
const runAlone = (words: string, env: Readonly<Record<string, string>> = {}) =>
  command(wordsOf(words), settings(env)).ended;
/** The first row of a kind is a process of its own. */
const runRow = (at: number, words: string) => (at === 0 ? runAlone(words) : run(words));

/** Sentences for a person: no stack, no name of a class. */
function isSentence(text: string): void {
  assert.match(text, /^(?:[A-Z/]|chartroom )[^\n]*[.?]\n$/);
  assert.doesNotMatch(text, /Error\b|node:/);
}

describe('the command line', () => {
  for (const [at, words] of sampleOf([...['--version', '-v', 'version'].entries()], 3, () => 'version'))
    it(`tells its version (${words})`, async () => {
      const { status, out } = await runRow(at, words);
      assert.deepEqual([status, out], [0, `chartroom ${version} (Node ${process.version})\n`]);
    });

  for (const [at, words] of sampleOf([...['', '--help', '-h', 'help'].entries()], 4, () => 'help'))
    it(`lists its commands (${words})`, async () => {
      const { status, out, err } = await runRow(at, words);
      assert.deepEqual([status, err], [0, '']);
      for (const name of [
        'serve',
        'seed',
        'import',
        'intake',
        'reindex',
        'backup',
        'verify',
        'ig',
        'explain',
        'decide',
        'config',
      ])
        assert.match(out, new RegExp(`^  chartroom ${name}\\b`, 'm'));
    });

  for (const words of ['import --help', 'import folder -h', 'help import'])
    it(`lists the flags of a command, its own and the settings (${words})`, async () => {
      const { status, out, err } = await run(words);
      assert.deepEqual([status, err], [0, '']);
      assert.match(out, /^Usage: chartroom import <file or folder>… \[flags\]$/m);
      assert.match(out, /^ {2}--report FILE /m);
      assert.match(out, /^ {2}--port VALUE .*\[8080\]$/m);
    });

  for (const words of ['verify', `backup ${join(folder, 'copy.db')}`])
    it(`makes no store where there is none (${words.split(' ')[0]})`, async () => {
      const data = join(folder, 'no-store');
      const { status, err } = await run(words, { CHARTROOM_DATA: data });
      assert.equal(status, 2);
      isSentence(err);
      assert.ok(err.startsWith(`There is no store in ${data}`), err);
      assert.ok(!existsSync(data) && !existsSync(join(folder, 'copy.db')));
    });

  it('shows a stack by its sources to whoever looks for errors', async () => {
    const { err } = await run('frobnicate', { CHARTROOM_LOG: 'debug' });
    assert.match(err, /\n {4}at \S+ \(file:\/\/\S+\/src\/cli\/index\.ts:\d+:\d+\)\n/);
  });

  const mistakes: readonly (readonly [words: string, says: RegExp])[] = [
    ['sevre', /no command "sevre"\. Did you mean serve\?/],
    ['frobnicate', /no command "frobnicate"\. Commands: serve, /],
    ['--port 8081', /chartroom serve --port/],
    ['help sevre', /Did you mean serve/],
    ['serve --prot 8081', /no flag --prot\. Did you mean --port\?/],
    ['serve -p 8081', /no flag -p/],
    ['serve --port', /--port needs a value/],
    ['serve --port --log info', /--port needs a value/],
    ['import x --fresh=yes', /--fresh takes no value/],
    ['serve now', /"now"/],
    ['reindex Patient', /"Patient"/],
    ['config all', /"all"/],
    ['backup', /one file/],
    ['import', /file or folder/],
  ];
  for (const [at, [words, says]] of sampleOf([...mistakes.entries()], 4, () => 'mistake'))
    it(`names what is wrong with "${words}": status 2`, async () => {
      const { status, out, err } = await runRow(at, words);
      assert.deepEqual([status, out], [2, '']);
      isSentence(err);
      assert.match(err, says);
    });

  it('shows a connection string with its options and without what is secret', async () => {
    const store =
      'mongodb://user:hunter2@db.example/chart?replicaSet=rs0&authSource=admin&tlsCertificateKeyFilePassword=pw1';
    const { status, out } = await run('config', { CHARTROOM_STORE: store });
    assert.equal(status, 0);
    assert.match(out, /^CHARTROOM_STORE=mongodb:\/\/db\.example\/chart\?replicaSet=rs0&authSource=admin&/m);
    assert.doesNotMatch(out, /hunter2|pw1/);
  });

  it('ends quietly when nobody reads what it prints', async () => {
    const program = fileURLToPath(new URL('bin/chartroom.js', ROOT));
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('CHARTROOM_')));
    const child = spawn(process.execPath, [program, 'config', '--markdown'], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout.destroy();
    let err = '';
    child.stderr.on('data', (text: Buffer) => (err += text.toString()));
    const [status] = (await once(child, 'close')) as [number];
    assert.deepEqual([status, err], [0, '']);
  });
});

describe('what cannot be opened', () => {
  it('is named: a data folder that is a file, that is below one, that cannot be made', async () => {
    const file = join(folder, 'a-file');
    writeFileSync(file, '');
    for (const data of [file, join(file, 'below'), '/proc/chartroom', '/proc/chartroom/below']) {
      const { status, err } = await run('seed', { CHARTROOM_DATA: data });
      assert.equal(status, 1);
      isSentence(err);
      assert.ok(err.includes(data.startsWith('/proc') ? '/proc/chartroom' : file), err);
    }
  });

  it('is named: the folder of a store that another process has open, and that process', async () => {
    const data = join(folder, 'held');
    const { child, ended } = command(['serve'], {
      CHARTROOM_DATA: data,
      CHARTROOM_DEMO: 'off',
      CHARTROOM_PORT: String(await freePort()),
    });
    let said = '';
    for await (const text of child.stdout!) if ((said += String(text)).includes('Chartroom serves')) break;
    const { status, err } = await run('verify', { CHARTROOM_DATA: data });
    assert.equal(status, 1);
    isSentence(err);
    assert.ok(err.includes(data) && err.includes(String(child.pid)), err);
    child.kill();
    await ended;
  });

  fullIt('is named: a file of settings, of tokens, a folder of search parameters', async () => {
    const missing = join(folder, 'missing.json');
    for (const env of [
      { CHARTROOM_CONFIG: missing },
      { CHARTROOM_AUTH: 'token', CHARTROOM_TOKENS: missing },
      { CHARTROOM_PROFILES: missing },
    ]) {
      const { status, err } = await run('seed', env);
      assert.equal(status, 2);
      isSentence(err);
      assert.ok(err.includes(missing), err);
    }
  });

  it('refuses tokens that the documentation shows', async () => {
    const tokens = join(folder, 'sample.json');
    const [sample] = /\[\s*\{ "token".*?\]/s.exec(readFileSync(new URL('docs/running.md', ROOT), 'utf8'))!;
    writeFileSync(tokens, sample);
    const { status, err } = await run('seed', { CHARTROOM_AUTH: 'token', CHARTROOM_TOKENS: tokens });
    assert.equal(status, 2);
    assert.match(err, /openssl rand -hex 24/);
  });

  fullIt('is told apart on MongoDB: nobody there, an unknown host, another set', async function () {
    const mongo = await sharedMongo();
    if ('skipped' in mongo) {
      process.stderr.write(`      skipped: ${mongo.skipped}\n`);
      return this.skip();
    }
    const other = mongo.database('x').replace(/replicaSet=[^&]*/, 'replicaSet=other');
    const rows: readonly (readonly [url: string, says: RegExp])[] = [
      [`mongodb://127.0.0.1:${await freePort()}/x?replicaSet=rs0`, /answers at 127\.0\.0\.1:\d+ \(ECONNREFUSED\)/],
      ['mongodb://no-such-host.invalid:27017/x?replicaSet=rs0', /no-such-host\.invalid:27017.*not known/],
      [other, /replica set called other.*rs\.status\(\)\.set/],
    ];
    // Each waits for three seconds, all at once.
    const waiting = rows.map(([url]) => runAlone('seed', { CHARTROOM_STORE: url }));
    for (const [at, { status, err }] of (await Promise.all(waiting)).entries()) {
      assert.equal(status, 1);
      isSentence(err);
      assert.match(err, rows[at]![1]);
    }
  });

  it('tells of a port that is taken before it loads demo data', async () => {
    const taken = createServer();
    await new Promise<void>(done => taken.listen(0, '127.0.0.1', done));
    const { port } = taken.address() as { port: number };
    const data = join(folder, 'port');
    try {
      const { status, out, err } = await run('serve', { CHARTROOM_PORT: String(port), CHARTROOM_DATA: data });
      assert.deepEqual([status, out], [1, '']);
      assert.match(err, /another program listens there/);
    } finally {
      taken.close();
    }
  });
});

describe('users', () => {
  const env = { CHARTROOM_DATA: join(folder, 'users'), CHARTROOM_DEMO: 'off' };
  const told = async (words: string, status = 0): Promise<string> => {
    const { out, err, status: ended } = await run(`user ${words}`, env);
    assert.equal(ended, status, out + err);
    return out + err;
  };

  it('are added, listed and changed, and show a secret once', async () => {
    assert.match(await told('list'), /No users/);
    const password = join(folder, 'password');
    writeFileSync(password, 'correct horse battery\n');
    assert.equal(await told(`add berta --role reader --password-file ${password}`), 'Added berta.\n');
    const added = await told('add anna --role admin --fhir-user Practitioner/p1 --totp');
    assert.match(added, /^Password, shown once: [\w-]{20}$/m);
    assert.match(added, /otpauth:\/\/totp\/Chartroom%3Aanna\?secret=[A-Z2-7]{32}&/);
    assert.match(await told('disable berta'), /Disabled/);
    assert.match(await told('role berta --role admin'), /berta has the role admin/);
    assert.match(await told('role berta writer'), /berta has the role writer/);
    assert.match(await told('password berta'), /shown once/);
    assert.equal(await told('list'), 'anna  admin  Practitioner/p1\nberta  writer  without one-time codes  disabled\n');
    assert.match(await told('enable berta'), /Enabled/);
  });

  const rows: [words: string, status: number, says: RegExp][] = [
    ['', 2, /needs one of add, list/],
    ['add', 2, /needs the name/],
    ['add carl', 2, /one of admin, writer, reader/],
    ['add carl --role king', 2, /one of admin, writer, reader/],
    ['add Carl --role reader', 1, /small letters/],
    ['add anna --role reader', 1, /already/],
    ['add carl --role reader --password-file /dev/null', 1, /12 characters/],
    ['disable nobody', 1, /no user nobody/],
    ['role berta king', 2, /one of/],
    ['list anna', 2, /no further words/],
  ];
  for (const [words, status, says] of sampleOf(rows, 4, () => 'refusal'))
    it(`are told what is wrong with: user ${words}`, async () => {
      const said = await told(words, status);
      assert.match(said, says);
      isSentence(said);
    });
});

describe('applications', () => {
  const env = { CHARTROOM_DATA: join(folder, 'clients'), CHARTROOM_DEMO: 'off' };
  const given = (application: unknown): string => {
    const file = join(folder, 'app.json');
    writeFileSync(file, JSON.stringify(application));
    return file;
  };
  const told = async (words: string, status = 0): Promise<string> => {
    const { out, err, status: ended } = await run(`client ${words}`, env);
    assert.equal(ended, status, out + err);
    return out + err;
  };
  const app = { client_id: 'growth', client_name: 'Growth', redirect_uris: ['http://localhost:9000/'] };

  it('are added, listed and disabled, and show a secret once', async () => {
    assert.match(await told('list'), /No applications/);
    assert.equal(await told(`add ${given(app)}`), 'Added growth (public).\n');
    assert.match(
      await told(`add --with-secret ${given({ ...app, client_id: 'other' })}`),
      /^Added other \(secret\)\.\nSecret, shown once: [\w-]{43}\n$/,
    );
    assert.equal(await told('disable growth'), 'Disabled growth.\n');
    assert.equal(
      await told('list'),
      'growth  public  Growth  http://localhost:9000/  disabled\nother  secret  Growth  http://localhost:9000/\n',
    );
    assert.equal(await told('enable growth'), 'Enabled growth.\n');
    assert.match(await told(`add ${given(app)}`, 1), /already/);
    assert.match(await told('disable nobody', 2), /no application/);
  });

  const rows: [what: string, application: unknown, says: RegExp][] = [
    ['no object', [], /is an object/],
    ['a member that is none', { ...app, logo_uri: 'https://x.example/' }, /no member logo_uri/],
    ['no address', { client_id: 'a' }, /needs redirect_uris/],
    ['an address without TLS', { ...app, redirect_uris: ['http://app.example.org/'] }, /https URLs/],
    ['an address with a fragment', { ...app, redirect_uris: ['https://app.example.org/#a'] }, /https URLs/],
    ['an address that is a script', { ...app, redirect_uris: ['javascript:alert(1)'] }, /https URLs/],
    ['a short secret', { ...app, client_secret: 'short' }, /32 characters/],
    ['a private key', { ...app, jwks: { keys: [{ kty: 'EC', kid: 'k', d: 'x' }] } }, /public ones/],
    ['a backend service without keys', { client_id: 'b', scope: 'system/Patient.rs' }, /needs jwks/],
    ['a backend service with scopes of users', { client_id: 'b', scope: 'user/Patient.rs' }, /system/],
    ['a role that is none', { ...app, role: 'king' }, /one of admin, writer, reader/],
  ];
  for (const [what, application, says] of sampleOf(rows, 4, () => 'refusal'))
    it(`are told what is wrong with ${what}`, async () => {
      const said = await told(`add ${given(application)}`, 1);
      assert.match(said, says);
      isSentence(said);
    });
});

describe('demo data', () => {
  it('is for a server of which nobody has asked anything, whoever its users are', async () => {
    const server = await startServer({ store: 'embedded' });
    try {
      const { engine } = server;
      await tellHappening(
        { engine, address: 'local', requestId: 'r' },
        { what: 'user-changed', name: 'anna', change: 'added' },
      );
      assert.equal(await isUntouched(engine), true);
      // The answer of a search is nothing, and the next one is not the first.
      await server.request.get('/fhir/Patient').expect(200);
      assert.equal(await isUntouched(engine), false);
    } finally {
      await server.stop();
    }
  });

  fullIt(
    'is loaded to its end by the next start where a load was broken off, unless something was served since',
    async () => {
      const servers = await Promise.all([1, 2, 3].map(() => startServer({ store: 'embedded' })));
      const [broken, served, whole] = servers.map(server => server.engine) as [Engine, Engine, Engine];
      try {
        for (const engine of [broken, served]) {
          const isAway = (error: Error) => /The store is away/.test(error.message);
          await assert.rejects(
            loadDemo({ ...engine, store: { ...engine.store, ...fallingAway(engine.store, 40) } }),
            isAway,
          );
          assert.ok((await engine.kept.sizes()).size > 0);
          assert.deepEqual([await isUntouched(engine), await takesDemo(engine)], [false, true]);
        }
        await endDemo(served);
        assert.equal(await takesDemo(served), false);
        await Promise.all([broken, whole].map(engine => loadDemo(engine)));
        assert.deepEqual([...(await broken.kept.sizes())], [...(await whole.kept.sizes())]);
        assert.equal(await takesDemo(broken), false);
        const { body } = await servers[0]!.request.get('/fhir/Patient?_count=100&_elements=id').expect(200);
        assert.ok(body.entry.length > 9);
        for (const { resource } of body.entry) assert.equal(resource.meta.versionId, '1', resource.id);
      } finally {
        await Promise.all(servers.map(server => server.stop()));
      }
    },
  );

  fullIt('is not gone on with in a database, which others may serve meanwhile', async function () {
    const server = await startServer({ store: await newStore(this, 'mongo') });
    try {
      const { engine } = server;
      assert.equal(await takesDemo(engine), true);
      await assert.rejects(loadDemo({ ...engine, store: { ...engine.store, ...fallingAway(engine.store, 40) } }));
      assert.deepEqual([await isUntouched(engine), await takesDemo(engine)], [false, false]);
    } finally {
      await server.stop();
    }
  });

  const cases = [
    ['without authentication', { CHARTROOM_AUTH: 'none' }, true],
    ['with tokens: not by itself', { CHARTROOM_AUTH: 'token' }, false],
    ['with tokens, asked for', { CHARTROOM_AUTH: 'token', CHARTROOM_DEMO: 'on' }, true],
    ['refused', { CHARTROOM_DEMO: 'off' }, false],
  ] as const;
  for (const [name, env, loads] of sampleOf(cases, 2, each => String(each[2])))
    it(`${loads ? 'comes' : 'does not come'} ${name}`, async () => {
      const tokens = join(folder, 'tokens.json');
      writeFileSync(tokens, '[{"token":"0123456789abcdef","name":"a","role":"admin"}]');
      chmodSync(tokens, 0o600);
      const { child, ended } = command(['serve'], {
        CHARTROOM_DATA: mkdtempSync(join(folder, 'demo-')),
        CHARTROOM_TOKENS: tokens,
        CHARTROOM_PORT: String(await freePort()),
        ...env,
      });
      let said = '';
      for await (const text of child.stdout!) if ((said += String(text)).includes('Chartroom serves')) break;
      child.kill();
      await ended;
      assert.equal(/Loaded \d+ demo resources/.test(said), loads, said);
    });
});
