/** The server as a process: how it starts, refuses to start, ends, and goes on. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Bundle, Patient } from 'fhir/r4.js';
import { after, describe, it } from 'mocha';
import { fullIt } from '../support/depth.js';
import { storesInTurn } from '../support/both-stores.js';
import { command, manyCommands } from '../support/cli.js';
import { exchange } from '../support/exchange.js';
import { freePort, startMongo } from '../support/mongod.js';
import { newStore, startServer } from '../support/server.js';
import { idsOf, linkOf, refusal, talkTo } from '../support/talk.js';

const folder = mkdtempSync(join(tmpdir(), 'chartroom-process-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** `chartroom serve` that is ready; `stop` gives its exit status and what it said. */
async function serve(env: Readonly<Record<string, string>>) {
  const port = env['CHARTROOM_PORT'] ?? String(await freePort());
  const { child, ended } = command(['serve'], { CHARTROOM_DEMO: 'off', ...env, CHARTROOM_PORT: port });
  const ready = new Promise<void>(resolve => {
    let said = '';
    child.stdout?.on('data', (text: Buffer) => (said += text.toString()).includes('Chartroom serves') && resolve());
  });
  const early = ended.then(({ err }) => assert.fail(`It did not start: ${err}`));
  await Promise.race([ready, early]);
  early.catch(() => undefined);
  const stop = (signal: NodeJS.Signals = 'SIGTERM') => {
    child.kill(signal);
    return ended;
  };
  return { port: Number(port), pid: child.pid!, talk: talkTo(`http://127.0.0.1:${port}/fhir`), stop, ended };
}

const isOneLine = (text: string) => assert.match(text, /^[^\n]+\n$/);

describe('a start that cannot be', () => {
  const many = manyCommands();
  after(() => many.end());

  it('refuses to serve beyond loopback without authentication: status 2, and what to do', async () => {
    const { status, err } = await command(['serve'], { CHARTROOM_HOST: '0.0.0.0', CHARTROOM_DATA: folder }).ended;
    assert.equal(status, 2);
    isOneLine(err);
    assert.match(err, /CHARTROOM_AUTH=token/);
  });

  it('names every setting that is wrong at once: status 2', async () => {
    const wrong = { CHARTROOM_PORT: 'http', CHARTROOM_PAGE_SIZE: '0', CHARTROOM_COLOUR: 'red' };
    const { status, err } = await many.run(['serve'], wrong);
    assert.equal(status, 2);
    for (const name of Object.keys(wrong)) assert.ok(err.includes(name), name);
  });

  it('refuses a file of tokens that is none, without repeating it: status 2', async () => {
    const tokens = join(folder, 'bad-tokens');
    writeFileSync(tokens, '[{"token":"tooshort","name":"x","role":"admin"}]');
    const env = { CHARTROOM_AUTH: 'token', CHARTROOM_TOKENS: tokens, CHARTROOM_DATA: join(folder, 'tokens') };
    const { status, err } = await many.run(['serve'], env);
    assert.equal(status, 2);
    isOneLine(err);
    assert.ok(!err.includes('tooshort'));
  });

  it('says in one line that the port is taken', async () => {
    const taken = createServer();
    const port = await new Promise<number>(resolve =>
      taken.listen(0, '127.0.0.1', () => resolve((taken.address() as { port: number }).port)),
    );
    try {
      const env = { CHARTROOM_PORT: String(port), CHARTROOM_DATA: join(folder, 'port'), CHARTROOM_DEMO: 'off' };
      const { status, err } = await many.run(['serve'], env);
      assert.equal(status, 1);
      isOneLine(err);
      assert.ok(err.includes(`127.0.0.1:${port}`) && err.includes('CHARTROOM_PORT'), err);
    } finally {
      taken.close();
    }
  });

  it('refuses a folder that another server has open, and leaves that one in peace', async () => {
    const env = { CHARTROOM_DATA: join(folder, 'shared') };
    const first = await startServer({ store: 'embedded', config: { data: env.CHARTROOM_DATA } });
    for (const word of ['serve', 'seed', 'reindex']) {
      const { status, err } = await many.run([word], { ...env, CHARTROOM_PORT: '1' });
      assert.equal(status, 1);
      isOneLine(err);
      assert.match(err, /open/);
    }
    assert.equal((await talkTo(first.base).update({ resourceType: 'Patient', id: 'p' })).status, 201);
    await first.stop();
  });

  it('says in one line that MongoDB is away', async () => {
    const port = await freePort();
    const url = `mongodb://127.0.0.1:${port}/x?replicaSet=rs0&serverSelectionTimeoutMS=300`;
    const env = { CHARTROOM_STORE: url, CHARTROOM_DATA: join(folder, 'away') };
    const { status, err } = await many.run(['serve'], env);
    assert.equal(status, 1);
    isOneLine(err);
  });
});

for (const store of storesInTurn(0))
  describe(`a server process (${store})`, () => {
    fullIt('loses nothing when it is told to end under load, and goes on after it', async function () {
      const env = { CHARTROOM_STORE: await newStore(this, store), CHARTROOM_DATA: join(folder, `load-${store}`) };
      const first = await serve(env);
      const kept: string[] = [];
      const callers = Array.from({ length: 32 }, async (_, caller) => {
        for (let n = 0; ; n++) {
          const id = `c${caller}-${n}`;
          const reply = await first.talk.update({ resourceType: 'Patient', id }).catch(() => undefined);
          // Nothing else is allowed than an answer, or no connection any more.
          if (!reply) return;
          assert.equal(reply.status, 201, reply.text);
          kept.push(id);
        }
      });
      while (kept.length < 100) await pause(10);
      const link = linkOf(await first.talk.search('Patient?_count=5&_sort=_id'), 'next') ?? '';
      const { status, err } = await first.stop();
      await Promise.all(callers);
      assert.deepEqual([status, err], [0, '']);
      const second = await serve({ ...env, CHARTROOM_PORT: String(first.port) });
      const { total } = await second.talk.search('Patient?_summary=count');
      assert.ok((total ?? 0) >= kept.length);
      const found = new Set<string>();
      for (let next: string | undefined = 'Patient?_count=1000'; next; ) {
        const bundle: Bundle = await second.talk.search<Patient>(next);
        for (const id of idsOf(bundle)) found.add(id);
        next = linkOf(bundle, 'next');
      }
      assert.deepEqual(
        kept.filter(id => !found.has(id)),
        [],
      );
      // Links made before the restart open after it; versions go on counting.
      assert.equal(idsOf(await second.talk.search(link)).length, 5);
      const again = await second.talk.update<Patient>({ resourceType: 'Patient', id: kept[0]!, active: true });
      assert.deepEqual([again.status, again.body.meta.versionId], [200, '2']);
      assert.equal((await second.stop('SIGINT')).status, 0);
    });
  });

describe('a server and its surroundings', () => {
  it('asks for a token, tells roles apart, and lets everybody read /metadata', async () => {
    const tokens = join(folder, 'tokens.json');
    const roles = ['admin', 'writer', 'reader'];
    writeFileSync(tokens, JSON.stringify(roles.map(role => ({ token: `token-of-the-${role}`, name: role, role }))));
    const server = await startServer({ store: 'embedded', config: { auth: 'token', tokens, host: '0.0.0.0' } });
    const base = `http://127.0.0.1:${server.port}/fhir`;
    const as = (role: string) => talkTo(base, { authorization: `Bearer token-of-the-${role}` });
    const patient = { resourceType: 'Patient', id: 'p' } as const;
    try {
      assert.equal((await talkTo(base).get('metadata')).status, 200);
      for (const authorization of ['', 'Bearer', 'Bearer token-of-the-nobody', 'Basic YTpi', 'token-of-the-admin']) {
        const reply = await talkTo(base, authorization ? { authorization } : {}).get('Patient/p');
        const isToken = authorization === 'Bearer token-of-the-nobody';
        const detail = isToken ? 'invalid-token' : 'unauthenticated';
        assert.deepEqual(refusal(reply), { status: 401, detail }, authorization);
        const error = isToken ? ', error="invalid_token"' : '';
        assert.equal(reply.header('www-authenticate'), `Bearer realm="chartroom"${error}`);
      }
      assert.equal((await as('writer').update(patient)).status, 201);
      assert.equal(refusal(await as('reader').update(patient)).status, 403);
      assert.equal(refusal(await as('reader').delete('Patient/p')).status, 403);
      // Who may not write does not learn what is wrong with a body, nor has it read.
      const nonsense = { headers: { 'content-type': 'application/fhir+json' }, body: '{"resourceType"' };
      assert.equal(refusal(await as('writer').send('POST', 'Patient', nonsense)).status, 400);
      assert.equal(refusal(await as('reader').send('POST', 'Patient', nonsense)).status, 403);
      const unchangeable = await as('admin').send('PUT', 'AuditEvent/x', nonsense);
      assert.deepEqual([unchangeable.status, unchangeable.header('allow')], [405, 'GET, HEAD, OPTIONS']);
      assert.equal((await as('reader').get('Patient/p')).status, 200);
      assert.equal((await as('reader').search('Patient')).total, 1);
      assert.equal(refusal(await as('writer').get('AuditEvent')).status, 403);
      assert.equal(refusal(await as('writer').get('?_type=Patient,AuditEvent')).status, 403);
      assert.equal((await as('writer').search('?_type=Patient')).total, 1);
      const all = await as('writer').search('?_count=100');
      assert.deepEqual(new Set(all.entry?.map(entry => entry.resource?.resourceType)), new Set(['Patient']));
      assert.equal((await as('admin').get('AuditEvent')).status, 200);
    } finally {
      await server.stop();
    }
  });

  it('tells its health, readiness and numbers, and nothing of patients in them', async () => {
    const server = await startServer({ store: 'embedded' });
    try {
      await talkTo(server.base).update({ resourceType: 'Patient', id: 'named-nowhere' });
      await server.request.get('/healthz').expect(200, { status: 'up' });
      await server.request.get('/readyz').expect(200, { status: 'ready' });
      const { text, status } = await server.request.get('/metrics');
      assert.equal(status, 200);
      assert.match(text, /interaction="update",status="201"\} 1/);
      assert.ok(!text.includes('named-nowhere'));
    } finally {
      await server.stop();
    }
  });

  fullIt('answers 503 with Retry-After while MongoDB is away, and works again by itself', async function () {
    const mongo = await startMongo();
    if ('skipped' in mongo) {
      process.stderr.write(`      skipped: ${mongo.skipped}\n`);
      return this.skip();
    }
    const server = await startServer({ store: `${mongo.database('away')}&serverSelectionTimeoutMS=500` });
    const talk = talkTo(server.base);
    try {
      assert.equal((await talk.update({ resourceType: 'Patient', id: 'p' })).status, 201);
      await mongo.halt('SIGKILL');
      const replies = await Promise.all([
        talk.get('Patient/p'),
        talk.get('Patient?_id=p'),
        talk.update({ resourceType: 'Patient', id: 'q' }),
        talk.delete('Patient/p'),
      ]);
      for (const reply of replies) {
        assert.equal(refusal(reply).status, 503);
        assert.ok(Number(reply.header('retry-after')) > 0);
        assert.doesNotMatch(reply.text, /mongo|ECONN|127\.0\.0\.1/i);
      }
      await server.request.get('/healthz').expect(200);
      await server.request.get('/readyz').expect(503).expect('Retry-After', /\d/);
      assert.equal((await talk.get('metadata')).status, 200);
      await mongo.resume();
      // One answer does not mean that the next is as early: on a busy machine the database is away for a moment more.
      const served = async (ask: () => Promise<{ readonly status: number }>): Promise<number> => {
        for (;;) {
          const { status } = await ask();
          if (status !== 503) return status;
          await pause(50);
        }
      };
      assert.equal(await served(() => talk.get('Patient/p')), 200);
      // What was refused as late may have been written.
      assert.ok([200, 201].includes(await served(() => talk.update({ resourceType: 'Patient', id: 'q' }))));
      assert.equal(await served(() => server.request.get('/readyz')), 200);
    } finally {
      await server.stop();
      await mongo.stop();
    }
  });

  fullIt('serves with two processes on MongoDB, and one of them may die', async function () {
    const url = await newStore(this, 'mongo');
    const children = (pid: number) => spawnSync('pgrep', ['-P', String(pid)], { encoding: 'utf8' });
    if (children(process.pid).error) {
      process.stderr.write('      skipped: pgrep is missing\n');
      return this.skip();
    }
    const env = { CHARTROOM_STORE: url, CHARTROOM_DATA: join(folder, 'workers'), CHARTROOM_WORKERS: '2' };
    const server = await serve(env);
    const workers = () =>
      children(server.pid)
        .stdout.split('\n')
        .filter(text => text !== '');
    /** What was on its way to the dead worker is refused, reset, or never answered: a client asks again. */
    const insist = async (n: number) => {
      for (;;) {
        const answer = exchange(server.port, {
          method: 'PUT',
          path: `/fhir/Patient/p${n}`,
          headers: { 'content-type': 'application/fhir+json' },
          body: `{"resourceType":"Patient","id":"p${n}"}`,
        }).catch(() => undefined);
        const reply = await Promise.race([answer, pause(2000)]);
        if (reply) return reply.status;
        await pause(20);
      }
    };
    const [victim] = workers();
    assert.equal(workers().length, 2);
    for (let n = 0; n < 20; n++) assert.ok([200, 201].includes(await insist(n)));
    process.kill(Number(victim), 'SIGKILL');
    for (let n = 20; n < 40; n++) assert.ok([200, 201].includes(await insist(n)));
    while (workers().length < 2 || workers().includes(victim ?? '')) await pause(50);
    for (let n = 40; n < 60; n++) assert.ok([200, 201].includes(await insist(n)));
    assert.equal((await server.talk.search('Patient?_summary=count')).total, 60);
    assert.equal((await server.stop()).status, 0);
  });
});
