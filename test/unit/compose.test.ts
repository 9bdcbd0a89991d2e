import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { describe, it } from 'mocha';
import { parse } from 'yaml';
import { loadConfig } from '../../src/platform/config.js';

const ROOT = new URL('../../../', import.meta.url);
const read = (name: string): string => readFileSync(new URL(name, ROOT), 'utf8');

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly networks: Readonly<Record<string, { internal?: boolean }>>;
  readonly volumes: object;
  readonly configs: { readonly tokens: { readonly content: string } };
}
interface Service {
  readonly image: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly command?: readonly string[];
  readonly ports?: readonly string[];
  readonly networks: readonly string[];
  readonly volumes: readonly string[];
  readonly configs?: readonly { readonly source: string; readonly target: string }[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck: { readonly test: readonly string[] };
}

/** Puts values for `${NAME}`, `${NAME:-default}` and `${NAME:?message}`, as Compose does. */
function interpolate(text: string, values: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$\{(\w+)(?::([-?])([^}]*))?\}/g, (_, name: string, mode: string, rest: string) => {
    const value = values[name];
    if (value) return value;
    if (mode === '?') throw new Error(`${name}: ${rest}`);
    return mode === '-' ? rest : '';
  });
}

describe('docker-compose.yml', () => {
  const text = read('docker-compose.yml');
  const { services, networks, volumes, configs } = parse(text) as Compose;
  const { server, mongo } = services as { server: Service; mongo: Service };

  it('publishes a port on this machine alone, and none of the database', () => {
    assert.deepEqual(server.ports, ['127.0.0.1:8080:8080']);
    assert.equal(mongo.ports, undefined);
    assert.deepEqual(mongo.networks, ['store']);
    assert.equal(networks['store']?.internal, true);
  });

  it('starts with nothing but a token that the user gives, and says so', () => {
    assert.throws(() => interpolate(text, {}), /^Error: CHARTROOM_TOKEN: Set CHARTROOM_TOKEN to a long random text/);
    const tokens: unknown = JSON.parse(interpolate(configs.tokens.content, { CHARTROOM_TOKEN: 'given' }));
    assert.deepEqual(tokens, [{ name: 'operator', role: 'admin', token: 'given' }]);
  });

  it('holds no password', () => {
    const settings = text.replaceAll(/^ *#.*$/gm, '');
    assert.match(settings, /mongodb:\/\//);
    assert.doesNotMatch(settings, /passw|MONGO_INITDB|:\/\/[^\s/]*@/i);
  });

  it('gives the server settings that it accepts', () => {
    const env = JSON.parse(interpolate(JSON.stringify(server.environment), {})) as Record<string, string>;
    const config = loadConfig({ flags: {}, env: { ...env, CHARTROOM_HOST: '0.0.0.0', CHARTROOM_DATA: '/data' } });
    assert.equal(config.auth, 'token');
    assert.equal(config.baseUrl, 'http://127.0.0.1:8080/fhir');
    assert.deepEqual(server.configs, [{ source: 'tokens', target: config.tokens }]);
  });

  it('names one replica set in the database, its first start and the connection string', () => {
    const name = mongo.command?.[(mongo.command ?? []).indexOf('--replSet') + 1];
    assert.equal(name, 'chartroom');
    assert.ok(mongo.healthcheck.test.at(-1)?.includes(`rs.initiate({ _id: '${name}'`));
    assert.equal(server.environment?.['CHARTROOM_STORE'], `mongodb://mongo:27017/chartroom?replicaSet=${name}`);
  });

  it('waits for the database to be primary, and checks both', () => {
    assert.equal(server.depends_on?.['mongo']?.condition, 'service_healthy');
    assert.match(mongo.healthcheck.test.at(-1) ?? '', /isWritablePrimary \? 0 : 1/);
    assert.match(server.healthcheck.test.at(-1) ?? '', /readyz/);
    for (const { healthcheck } of [server, mongo]) assert.equal(healthcheck.test[0], 'CMD');
  });

  it('keeps the data in declared volumes', () => {
    for (const { volumes: mounts } of [server, mongo])
      for (const mount of mounts) assert.ok(Object.hasOwn(volumes, mount.split(':')[0] ?? ''), mount);
    assert.ok(server.volumes.includes('data:/data'));
    assert.ok(mongo.volumes.includes('mongo:/data/db'));
  });
});

describe('Dockerfile', () => {
  const final = read('Dockerfile')
    .split(/^FROM /m)
    .at(-1)!;

  it('runs as a user without rights over the code', () => {
    assert.match(final, /^USER node$/m);
    assert.match(final, /^COPY --from=build \/app \.\/$/m);
    assert.ok(final.indexOf('USER node') < final.indexOf('CMD ["node", "bin/chartroom.js", "serve"]'));
  });

  it('sets only what the configuration knows, keeps its data in a volume and says when it is healthy', () => {
    const env = Object.fromEntries([...final.matchAll(/(CHARTROOM_\w+)=(\S+)/g)].map(match => [match[1]!, match[2]]));
    const config = loadConfig({ flags: {}, env: { ...env, CHARTROOM_AUTH: 'token', CHARTROOM_TOKENS: '/tokens' } });
    assert.deepEqual([config.host, config.port, config.data], ['0.0.0.0', 8080, '/data']);
    assert.match(final, /^VOLUME \/data$/m);
    assert.match(final, /^EXPOSE 8080$/m);
    assert.match(final, /^HEALTHCHECK [\s\S]*\/healthz/m);
  });

  it('copies into the image only what the build or the server needs', () => {
    const allowed: readonly string[] = read('.dockerignore').match(/^!.*$/gm) ?? [];
    assert.match(read('.dockerignore'), /^\*$/m);
    for (const needed of [
      'bin',
      'build',
      'package.json',
      'package-lock.json',
      '.npmrc',
      'seed',
      'src',
      'tsconfig.json',
    ]) {
      assert.ok(allowed.includes(`!${needed}`) && existsSync(new URL(needed, ROOT)), needed);
    }
  });
});
