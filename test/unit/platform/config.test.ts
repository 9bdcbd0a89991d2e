import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { ConfigError, loadConfig, SETTINGS } from '../../../src/platform/config.js';
import { configTable, describeConfig } from '../../../src/platform/config-table.js';

const load = (env: Record<string, string> = {}, flags: Parameters<typeof loadConfig>[0]['flags'] = {}) =>
  loadConfig({ env, flags });

function fileWith(content: string): string {
  const path = join(mkdtempSync(join(tmpdir(), 'chartroom-config-')), 'config.json');
  writeFileSync(path, content);
  return path;
}

describe('configuration', () => {
  it('has a default for everything', () => {
    const config = load();
    assert.equal(config.host, '127.0.0.1');
    assert.equal(config.port, 8080);
    assert.equal(config.demo, 'auto');
    assert.deepEqual(Object.keys(config).toSorted(), [...Object.keys(SETTINGS), 'ofFeatures'].toSorted());
  });

  it('prefers flags to the environment and the environment to the file', () => {
    const config = fileWith('{"port": 1000, "pageSize": 7, "demo": false}');
    const env = { CHARTROOM_CONFIG: config, CHARTROOM_PORT: '2000' };
    assert.deepEqual([load(env).port, load(env).pageSize, load(env).demo], [2000, 7, 'off']);
    assert.equal(load(env, { port: '3000' }).port, 3000);
  });

  const refusals: [name: string, env: Record<string, string>, says: RegExp][] = [
    ['a port that is no number', { CHARTROOM_PORT: '80a' }, /CHARTROOM_PORT must be a whole number/],
    ['a port out of range', { CHARTROOM_PORT: '65536' }, /1 to 65535/],
    ['syslog without TLS elsewhere', { CHARTROOM_SYSLOG: 'tcp://siem.example:1514' }, /tls:\/\/host:6514/],
    ['syslog by udp', { CHARTROOM_SYSLOG: 'udp://127.0.0.1:514' }, /CHARTROOM_SYSLOG must be tls:.*udp would lose/],
    ['a syslog port out of range', { CHARTROOM_SYSLOG: 'tls://siem.example:70000' }, /CHARTROOM_SYSLOG/],
    ['an unknown store', { CHARTROOM_STORE: 'postgres://x' }, /mongodb:\/\//],
    ['an unknown setting', { CHARTROOM_PROT: '1' }, /Unknown setting CHARTROOM_PROT .*Did you mean CHARTROOM_PORT\?/],
    ['a public address without authentication', { CHARTROOM_HOST: '0.0.0.0' }, /loopback only/],
    ['an IPv6 wildcard without authentication', { CHARTROOM_HOST: '::' }, /loopback only/],
    ['tokens without a file', { CHARTROOM_AUTH: 'token' }, /CHARTROOM_TOKENS/],
    ['several workers on the embedded store', { CHARTROOM_WORKERS: '2' }, /one process/],
    ['a short secret', { CHARTROOM_SECRET: 'short' }, /32 characters/],
    ['a base URL with a trailing slash', { CHARTROOM_BASE_URL: 'https://x.example/fhir/' }, /trailing slash/],
    [
      'a former address that is none',
      { CHARTROOM_FORMER_BASE_URLS: 'https://a.example/fhir, b.example' },
      /"b\.example"/,
    ],
    ['a page larger than the largest', { CHARTROOM_PAGE_SIZE: '2000' }, /must not exceed/],
    ['a log level of its own', { CHARTROOM_LOG: 'loud' }, /one of trace/],
  ];
  for (const [name, env, says] of refusals)
    it(`refuses ${name}`, () =>
      assert.throws(
        () => load(env),
        (error: unknown) => error instanceof ConfigError && says.test(error.message),
      ));

  it('names all faults at once', () =>
    assert.throws(
      () => load({ CHARTROOM_PORT: 'x', CHARTROOM_LOG: 'y' }),
      (error: Error) => error.message.split('\n').length === 2,
    ));

  it('refuses a file that is no JSON object, and unknown keys in one', () => {
    assert.throws(() => load({ CHARTROOM_CONFIG: fileWith('[1]') }), /one JSON object/);
    assert.throws(() => load({ CHARTROOM_CONFIG: fileWith('nonsense') }), /cannot be read as JSON/);
    assert.throws(() => load({ CHARTROOM_CONFIG: fileWith('{"prot": 1}') }), /Unknown setting "prot"/);
  });

  it('lets a public address through once tokens are configured', () =>
    assert.equal(
      load({ CHARTROOM_HOST: '0.0.0.0', CHARTROOM_AUTH: 'token', CHARTROOM_TOKENS: 't.json' }).host,
      '0.0.0.0',
    ));

  it('prints no secret', () => {
    const secret = 'k'.repeat(40);
    const store = 'mongodb://user:hunter2@db.example:27017/chart?replicaSet=rs0&tlsCertificateKeyFilePassword=hunter2';
    const printed = describeConfig(load({ CHARTROOM_SECRET: secret, CHARTROOM_STORE: store }))
      .map(({ value }) => value)
      .join('\n');
    assert.ok(printed.includes('mongodb://db.example:27017/chart?replicaSet=rs0&'));
    assert.ok(!printed.includes('hunter2') && !printed.includes(secret));
  });

  it('documents every setting', () => {
    for (const { env } of Object.values(SETTINGS)) assert.ok(configTable({}).includes(`CHARTROOM_${env}`), env);
  });
});
