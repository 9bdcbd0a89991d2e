/** Two server processes on one port: /metrics is one sum, whichever of them answers, also while one hangs and after one has died. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'mocha';
import { newStore } from '../support/server.js';
import { type SpawnedServer, spawnServer } from '../support/spawn.js';

const UPDATES = 'chartroom_requests_total{interaction="update",status="200"}';
const UNCHANGED = 'chartroom_unchanged_writes_total{type="Patient"}';
const HEARD = 'chartroom_workers{state="heard"}';
const SILENT = 'chartroom_workers{state="silent"}';

describe('metrics of two server processes', () => {
  let server: SpawnedServer;
  before('starts them', async function () {
    const url = await newStore(this, 'mongo');
    if (spawnSync('pgrep', ['-V']).error) {
      process.stderr.write('      skipped: pgrep is missing\n');
      return this.skip();
    }
    const folder = mkdtempSync(join(tmpdir(), 'chartroom-workers-'));
    server = await spawnServer({ CHARTROOM_STORE: url, CHARTROOM_DATA: folder, CHARTROOM_WORKERS: '2' });
  });
  after('stops them', () => server?.kill('SIGKILL'));

  const workers = (): readonly number[] =>
    spawnSync('pgrep', ['-P', String(server.pid)], { encoding: 'utf8' })
      .stdout.split('\n')
      .filter(text => text !== '')
      .map(Number);
  /** Each on a connection of its own, so that the processes take turns; one that a stopped process has is given up. */
  const fetchAnew = (path: string, options: RequestInit = {}, patience = 5000) =>
    fetch(`http://127.0.0.1:${server.port}${path}`, {
      ...options,
      headers: { ...(options.headers as Record<string, string>), connection: 'close' },
      signal: AbortSignal.timeout(patience),
    });
  const numbers = async (...names: readonly string[]): Promise<readonly number[]> => {
    for (;;) {
      const answer = await fetchAnew('/metrics').catch(() => undefined);
      if (answer?.status !== 200) continue;
      const lines = (await answer.text()).split('\n');
      return names.map(name => Number(lines.find(line => line.startsWith(`${name} `))?.slice(name.length + 1) ?? NaN));
    }
  };
  const body = JSON.stringify({ resourceType: 'Patient', id: 'p' });
  const put = () =>
    fetchAnew(
      '/fhir/Patient/p',
      { method: 'PUT', body, headers: { 'content-type': 'application/fhir+json' } },
      300_000,
    );
  /** As many processes as there are have told theirs in time, which one on a machine that has much to do may not. */
  const numbersOf = async (heard: number, ...names: readonly string[]): Promise<readonly number[]> => {
    for (;;) {
      const [told, ...found] = await numbers(HEARD, ...names);
      if (told === heard) return found;
    }
  };

  it('are one sum', async () => {
    while ((await numbers(HEARD))[0] !== 2) await put();
    for (let n = 0; n < 2; n++) await put();
    const [updates = NaN, unchanged = NaN] = await numbersOf(2, UPDATES, UNCHANGED);
    for (let n = 0; n < 10; n++) assert.equal((await put()).status, 200);
    for (let n = 0; n < 6; n++)
      assert.deepEqual(await numbersOf(2, UPDATES, UNCHANGED, SILENT), [updates + 10, unchanged + 10, 0]);
  });

  it('do not hang where one of them hangs, nor fall when it dies', async () => {
    const [sum = NaN] = await numbersOf(2, UNCHANGED);
    const [victim = 0] = workers();
    process.kill(victim, 'SIGSTOP');
    assert.deepEqual(await numbersOf(1, UNCHANGED, SILENT), [sum, 1]);
    process.kill(victim, 'SIGKILL');
    for (let state: readonly number[] = []; state[1] !== 2; ) {
      state = await numbers(UNCHANGED, HEARD);
      assert.equal(state[0], sum);
    }
    assert.ok(!workers().includes(victim));
  });
});
