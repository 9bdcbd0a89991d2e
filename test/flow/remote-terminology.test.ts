/**
 * A terminology server beside ours that knows, does not know, is slow, away, or well and not well by turns: what checks say of codes,
 * what leaves the house, and how often it is asked.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, it } from 'mocha';
import { isObject, itemsOf, type Json, type JsonObject } from '../../src/fhir/resource.js';
import { openRemoteTerminology, type RemoteSettings } from '../../src/interactions/remote-terminology.js';
import { createOutgoing, type OutgoingClients } from '../../src/outgoing/outgoing.js';
import { ConfigError } from '../../src/platform/config.js';
import { createLog } from '../../src/platform/log.js';
import { createMetrics } from '../../src/platform/metrics.js';
import { realPause } from '../../src/platform/real-time.js';
import { createMemberships } from '../../src/terminology/membership.js';
import { createTerminology } from '../../src/terminology/terminology.js';
import { createBindings } from '../../src/validation/binding.js';
import { findingsOf } from '../support/checked.js';
import { bytesOf, LOOPBACK, outgoingStage, portOf } from '../support/outgoing.js';
import { loadFrom, valueSet } from '../support/terms.js';

const SNOMED = 'http://snomed.info/sct';
const VS = 'http://example.org/vs';
const SECRET = 'secret-7';

interface Asked {
  readonly path: string;
  readonly body: JsonObject;
  readonly headers: IncomingMessage['headers'];
}
type Answer = (asked: Asked) => { readonly status: number; readonly body?: JsonObject } | 'never';

const ofCode = ({ parameter }: JsonObject): string =>
  itemsOf(parameter)
    .filter(isObject)
    .find(({ name }) => name === 'code')?.['valueCode'] as string;
/** Codes that begin with `y` are right. */
const verdict = (body: JsonObject): JsonObject => ({
  resourceType: 'Parameters',
  parameter: [{ name: 'result', valueBoolean: ofCode(body).startsWith('y') }],
});
const knowing: Answer = ({ path, body }) => {
  if (!path.includes('batch')) return { status: 200, body: verdict(body) };
  const resources = itemsOf(body['parameter']).map(each => (each as JsonObject)['resource'] as JsonObject);
  const parameter = resources.map((resource): Json => ({ name: 'validation', resource: verdict(resource) }));
  return { status: 200, body: { resourceType: 'Parameters', parameter } };
};

describe('a terminology server beside ours', () => {
  const { serve } = outgoingStage();
  const open: OutgoingClients[] = [];
  afterEach(() => open.splice(0).forEach(each => each.close()));

  async function stage(answer: Answer, settings: Partial<RemoteSettings> = {}) {
    const asked: Asked[] = [];
    const now = { time: 0, answer };
    const server = await serve(async (request, response) => {
      const one: Asked = {
        path: request.url ?? '',
        body: JSON.parse((await bytesOf(request)).toString()) as JsonObject,
        headers: request.headers,
      };
      asked.push(one);
      const said = now.answer(one);
      if (said === 'never') return;
      response.writeHead(said.status, { 'content-type': 'application/fhir+json' });
      response.end(JSON.stringify(said.body ?? {}));
    });
    const metrics = createMetrics();
    const resolve = () => Promise.resolve([LOOPBACK]);
    const outgoing = createOutgoing({ metrics, log: createLog('silent'), resolve, now: () => now.time });
    open.push(outgoing);
    const remote = openRemoteTerminology(
      { tx: `http://localhost:${portOf(server)}/r4/`, txTokenFile: '', txTimeout: 10_000, txSystems: '', ...settings },
      outgoing,
      metrics,
    )!;
    const set = valueSet(VS, { system: SNOMED, filter: [{ property: 'concept', op: 'is-a', value: '1' }] });
    const { resources } = createTerminology(loadFrom([set]), { bases: [] });
    const memberships = createMemberships({ sources: () => resources.once(), remote: remote.remote });
    const { compileBinding, compileCoding } = createBindings(memberships);
    const binding = compileBinding({ strength: 'required', valueSet: VS }, 'Coding', 'r4');
    /** `severity detail` of what is found in a request about these codes. */
    const check = (...codes: string[]): Promise<string[]> =>
      remote.time.within(async () => {
        const values = codes.map((code): Json => ({ system: SNOMED, code, display: SECRET, userSelected: true }));
        const all = await Promise.all(values.map(value => findingsOf(binding, 'Coding', value)));
        return all.flatMap(({ found }) => found.map(({ severity, detail }) => `${severity} ${detail}`));
      });
    const counted = async () =>
      Object.fromEntries(
        (await metrics.registry.getMetricsAsJSON())
          .find(({ name }) => name === 'chartroom_terminology_remote_codes_total')!
          .values.map(({ labels, value }) => [labels['outcome'], value]),
      );
    return { asked, check, now, counted, memberships, alone: compileCoding('r4') };
  }

  it('decides what is not known here, is asked once for all, and remembered', async () => {
    const { asked, check, counted } = await stage(knowing);
    assert.deepEqual(await check('y1', 'y2', 'n1'), ['error binding-required']);
    assert.deepEqual(
      asked.map(({ path }) => path),
      ['/r4/ValueSet/$batch-validate-code'],
    );
    assert.deepEqual(await check('y1', 'n1'), ['error binding-required']);
    assert.equal(asked.length, 1);
    const { answered, kept } = await counted();
    assert.equal(answered, 3);
    assert.ok(Number(kept) >= 2);
  });

  it('decides whether a code exists', async () => {
    const { asked, alone } = await stage(knowing);
    const found = async (code: string) =>
      (await findingsOf(alone, 'Coding', { system: SNOMED, code })).found.map(({ detail, at }) => `${detail} ${at}`);
    assert.deepEqual(await found('y1'), []);
    assert.deepEqual(await found('n1'), ['unknown-code X.e.code']);
    assert.deepEqual(
      asked.map(({ path }) => path),
      ['/r4/CodeSystem/$validate-code', '/r4/CodeSystem/$validate-code'],
    );
  });

  it('hears nothing but codes, with the token of a file that may change', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'chartroom-token-'));
    const txTokenFile = join(folder, 'token');
    writeFileSync(txTokenFile, 'first\n');
    try {
      const { asked, check } = await stage(knowing, { txTokenFile });
      await check('y1');
      writeFileSync(txTokenFile, 'second');
      await check('y2', 'y3');
      assert.deepEqual(
        asked.map(({ headers }) => headers.authorization),
        ['Bearer first', 'Bearer second'],
      );
      const words = new Set(
        asked.flatMap(({ body }) => JSON.stringify(body).match(/[^"{}[\]:,]+|https?:[^"]+/g) ?? []),
      );
      const allowed = ['resourceType', 'Parameters', 'parameter', 'name', 'validation', 'resource', 'url', 'valueUri'];
      const codes = ['system', 'code', 'valueCode', 'y1', 'y2', 'y3'];
      for (const word of words)
        assert.ok([...allowed, ...codes].includes(word) || `${VS} ${SNOMED}`.includes(word), word);
      assert.equal(JSON.stringify(asked).includes(SECRET), false);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('is not asked about other code systems than the settings say', async () => {
    const { asked, check } = await stage(knowing, { txSystems: 'http://loinc.org, http://hl7.org/fhir/sid/' });
    assert.deepEqual(await check('y1'), ['warning not-checked']);
    assert.equal(asked.length, 0);
  });

  it('that is slow keeps nobody longer than there is time, and is left alone when it has failed too often', async () => {
    const { asked, check, now, counted } = await stage(() => 'never', { txTimeout: 100 });
    for (let time = 1; time <= 5; time++) assert.deepEqual(await check(`y${time}`), ['warning not-checked']);
    assert.equal(asked.length, 5);
    // Whoever asked has gone on before the last question was given up.
    while ((await counted())['failed'] !== 5) await realPause(5);
    assert.deepEqual(await check('y6'), ['warning not-checked']);
    assert.equal(asked.length, 5);
    assert.ok(Number((await counted())['late'] ?? 0) + Number((await counted())['failed'] ?? 0) >= 6);
    // When it has rested one question tries whether it is well again.
    now.time += 60_001;
    now.answer = knowing;
    assert.deepEqual(await check('n7'), ['error binding-required']);
    assert.deepEqual(await check('y8', 'n8'), ['error binding-required']);
    assert.equal(asked.length, 7);
  });

  it('that is well by turns is asked again each time, and nothing is remembered of its errors', async () => {
    const { check, now } = await stage(() => ({ status: 503 }));
    for (let time = 1; time <= 8; time++) {
      now.answer = () => ({ status: 503 });
      assert.deepEqual(await check(`n${time}`), ['warning not-checked']);
      now.answer = knowing;
      assert.deepEqual(await check(`n${time}`), ['error binding-required']);
      now.time += 10_000;
    }
  });

  it('that is away, or says what nobody understands, refuses nothing', async () => {
    for (const answer of [
      () => ({ status: 404, body: { resourceType: 'OperationOutcome' } }),
      () => ({ status: 200, body: { resourceType: 'Bundle' } }),
      () => ({ status: 301 }),
    ])
      assert.deepEqual(await (await stage(answer)).check('n1', 'n2'), ['warning not-checked', 'warning not-checked']);
    const away = await stage(knowing, { tx: 'http://localhost:1' });
    assert.deepEqual(await away.check('n1'), ['warning not-checked']);
  });

  it('is refused where its address is none that may be asked', () => {
    const outgoing = createOutgoing({ metrics: createMetrics(), log: createLog('silent') });
    open.push(outgoing);
    const of =
      (tx: string, txTokenFile = '') =>
      () =>
        openRemoteTerminology({ tx, txTokenFile, txTimeout: 2000, txSystems: '' }, outgoing, createMetrics());
    for (const tx of [
      'tx',
      'ftp://a.example',
      'http://tx.example.org/r4',
      'https://u:p@tx.example.org',
      'https://a.example/?x=1',
    ])
      assert.throws(of(tx), ConfigError, tx);
    assert.throws(of('https://tx.example.org', '/no/such/file'), ConfigError);
    assert.equal(of('')(), undefined);
    assert.ok(of('https://tx.example.org/r4')());
  });
});
