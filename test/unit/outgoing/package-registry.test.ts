import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'mocha';
import { FhirError } from '../../../src/fhir/error.js';
import { addGuide, type Addition } from '../../../src/fhir/guide-install.js';
import { readGuideList } from '../../../src/fhir/guide-list.js';
import { createOutgoing } from '../../../src/outgoing/outgoing.js';
import { openRegistry } from '../../../src/outgoing/package-registry.js';
import { createLog } from '../../../src/platform/log.js';
import { createMetrics } from '../../../src/platform/metrics.js';
import { temporaryFolder, valueSetOf } from '../../support/guide-packages.js';
import { type StubRegistry, stubRegistry } from '../../support/package-registry.js';

const made = (name: string, version: string, dependencies: Record<string, string> = {}) => ({
  ...{ name, version, dependencies },
  resources: [valueSetOf(`http://example.org/ValueSet/${name}`, version, 'a')],
});

describe('packages of a registry', () => {
  const root = temporaryFolder();
  const outgoing = createOutgoing({ metrics: createMetrics(), log: createLog('silent') });
  after(() => outgoing.close());
  let stub: StubRegistry;
  let count = 0;
  before(async () => {
    stub = await stubRegistry();
  });

  const newFolder = (): string => join(root, String(count++));
  const add = (source: string, folder = newFolder(), whole?: number): Promise<Addition> =>
    addGuide(folder, source, { registry: openRegistry(outgoing, stub.address, whole), first: false });
  const isRefused = async (source: string, message: RegExp, whole?: number): Promise<void> => {
    const folder = newFolder();
    await assert.rejects(add(source, folder, whole), (error: Error) => {
      assert.ok(error instanceof FhirError || error.name === 'ConfigError', error.stack);
      assert.match(error.message, message);
      return true;
    });
    assert.deepEqual(readGuideList(folder), []);
    assert.deepEqual(readdirSync(folder), []);
  };
  const told = ({ added, missing }: Addition) => [
    ...added.map(({ name, version }) => `${name}@${version}`),
    ...missing.map(({ name, version }) => `without ${name}@${version}`),
  ];

  it('are fetched by two requests, with what they depend on, and in circles once', async () => {
    stub.offer(made('round.one', '1.0.0', { 'round.two': '1.0.x', 'not.there': '1.0.0', moving: 'current' }));
    stub.offer(made('round.two', '1.0.2'));
    stub.offer(made('round.two', '1.0.11', { 'round.one': '1.0.0' }));
    stub.offer(made('round.two', '1.1.0'));
    stub.asked.length = 0;
    const addition = await add('round.one@1.0.0');
    const wanted = ['round.one@1.0.0', 'round.two@1.0.11', 'without not.there@1.0.0', 'without moving@current'];
    assert.deepEqual(told(addition), wanted);
    assert.match(addition.missing[0]!.why, /does not know not\.there/);
    assert.deepEqual(stub.asked.slice(0, 2), ['/round.one', '/round.one/1.0.0']);
    // Each package twice at most: a pattern has to be looked up first.
    assert.ok(stub.asked.filter(path => path.startsWith('/round.two')).length <= 3, stub.asked.join(' '));
  });

  it('need a version, and the newest is named', async () => {
    stub.offer(made('newest.one', '1.9.0'));
    stub.offer(made('newest.one', '1.10.0'));
    await isRefused('newest.one', /Which version of newest\.one\? The newest is newest\.one@1\.10\.0/);
    await isRefused('newest.one@latest', /another package tomorrow/);
    await isRefused('newest.one@current$branch', /another package tomorrow/);
    await isRefused('newest.one@1.x', /must be a whole one/);
    await isRefused('newest.one@2.0.0', /does not know newest\.one@2\.0\.0/);
    await isRefused('nobody.knows@1.0.0', /does not know nobody\.knows/);
  });

  it('are refused where their bytes are others than the registry says', async () => {
    stub.offer(made('wrong.sum', '1.0.0'), { shasum: '0'.repeat(40) });
    await isRefused('wrong.sum@1.0.0', /came with other bytes/);
    stub.offer(made('wrong.integrity', '1.0.0'), {
      dist: { integrity: `sha512-${Buffer.alloc(64).toString('base64')}` },
    });
    await isRefused('wrong.integrity@1.0.0', /came with other bytes/);
    stub.offer(made('odd.sum', '1.0.0'), { shasum: 'xyz' });
    await isRefused('odd.sum@1.0.0', /came with other bytes/);
  });

  it('are refused where they say that they are others', async () => {
    stub.offer(made('true.name', '1.0.0'));
    stub.offer(made('false.name', '1.0.0'), { dist: { tarball: `${stub.address}/true.name/1.0.0` } });
    await isRefused('false.name@1.0.0', /says that it is true\.name@1\.0\.0/);
  });

  for (const location of ['file:///etc/passwd', 'http://localhost:1/x', 'https://example.org/x', 'ftp://127.0.0.1/x'])
    it(`are not looked for where a redirect leads to ${location}`, async () => {
      stub.offer(made('sent.on', '1.0.0'));
      stub.at('/sent.on/1.0.0', response => response.writeHead(302, { location }).end());
      await isRefused('sent.on@1.0.0', /Fetch the file yourself/);
    });

  it('are asked for at the registry where it names another host for them', async () => {
    stub.offer(made('other.host', '1.0.0'), { dist: { tarball: 'https://169.254.169.254/x' } });
    assert.deepEqual(told(await add('other.host@1.0.0')), ['other.host@1.0.0']);
  });

  it('are not waited for beyond their time', async () => {
    stub.at('/slow.one', () => {});
    await isRefused('slow.one@1.0.0', /did not answer in time/, 50);
    stub.offer(made('slow.two', '1.0.0'));
    stub.at('/slow.two/1.0.0', response => void response.write(Buffer.alloc(10)));
    await isRefused('slow.two@1.0.0', /did not answer in time/, 500);
  });

  it('are not read beyond their size', async () => {
    stub.offer(made('large.one', '1.0.0'));
    stub.at('/large.one/1.0.0', response => {
      response.writeHead(200, { 'content-length': String(200 * 1024 * 1024) });
      response.write(Buffer.alloc(1000));
    });
    await isRefused('large.one@1.0.0', /larger than is allowed/);
    stub.at('/large.two', response => {
      response.writeHead(200, { 'content-length': String(20 * 1024 * 1024) });
      response.write('{');
    });
    await isRefused('large.two@1.0.0', /larger than is allowed/);
  });

  it('are refused where what is said of them cannot be understood', async () => {
    for (const text of ['', '{', '[]', '{"versions":[]}', '{"versions":{"1.0.0":7}}']) {
      stub.at('/odd.one', response => response.end(text));
      await isRefused('odd.one@1.0.0', /cannot be understood|does not know odd\.one/);
    }
    stub.at('/odd.two', response => response.writeHead(500).end('{}'));
    await isRefused('odd.two@1.0.0', /cannot be understood/);
    stub.offer(made('odd.three', '1.0.0'), { bytes: Buffer.from('no package') });
    await isRefused('odd.three@1.0.0', /cannot be unpacked/);
  });

  it('may be missing, and those that depend on them work', async () => {
    stub.offer(made('needs.wrong', '1.0.0', { 'wrong.sum': '1.0.0', 'sent.on': '1.0.0', 'slow.three': '1.0.0' }));
    stub.at('/slow.three', () => {});
    const addition = await add('needs.wrong@1.0.0', newFolder(), 500);
    assert.deepEqual(told(addition), [
      'needs.wrong@1.0.0',
      ...['wrong.sum', 'sent.on', 'slow.three'].map(name => `without ${name}@1.0.0`),
    ]);
  });

  it('come from an address that may be asked', () => {
    const refused = [
      'ftp://x',
      'text',
      'http://example.org',
      'https://user:word@example.org',
      'https://example.org/?a=b',
    ];
    for (const address of refused)
      assert.throws(() => openRegistry(outgoing, address), /CHARTROOM_REGISTRY must be/, address);
    for (const address of ['https://packages.fhir.org', 'https://example.org:8443/packages/', 'http://localhost:4873'])
      openRegistry(outgoing, address);
  });
});
