/** A virus scanner that says what it says, when it says it; src/outgoing/scanner.ts */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'mocha';
import { scannerAt, scannerSetting } from '../../../src/features/documents/intake/scanner-setting.js';
import { FhirError } from '../../../src/fhir/error.js';
import { createScanner } from '../../../src/outgoing/scanner.js';
import { type Clamd, EICAR, startClamd } from '../../support/clamd.js';

describe('a virus scanner', () => {
  let clamd: Clamd;
  before(async () => {
    clamd = await startClamd();
  });
  after(() => clamd.stop());
  beforeEach(() => Object.assign(clamd, { say: undefined, most: Infinity }));

  async function* parts(...given: readonly (string | Buffer)[]): AsyncGenerator<Buffer> {
    for (const one of given) yield Buffer.from(one);
  }
  const passed = async (bytes: AsyncIterable<Buffer>, patience?: number): Promise<string> => {
    const all: Buffer[] = [];
    for await (const part of createScanner(scannerAt(clamd.address)!, patience)(bytes)) all.push(part);
    return Buffer.concat(all).toString();
  };
  const refused = async (bytes: AsyncIterable<Buffer>, patience?: number) => {
    const error: unknown = await passed(bytes, patience).catch((thrown: unknown) => thrown);
    assert.ok(error instanceof FhirError, String(error));
    return { status: error.status, detail: error.issues[0]?.detail };
  };

  it('passes on what is clean, byte for byte', async () => {
    assert.equal(await passed(parts('a', 'b'.repeat(200_000), '')), `a${'b'.repeat(200_000)}`);
    assert.equal(await passed(parts()), '');
  });

  it('refuses what it finds something in, wherever that stands', async () => {
    const found = { status: 422, detail: 'virus-found' };
    assert.deepEqual(await refused(parts(EICAR)), found);
    assert.deepEqual(await refused(parts('x'.repeat(100_000), EICAR.slice(0, 30), EICAR.slice(30))), found);
  });

  it('is away where it cannot be understood, says nothing, or breaks off', async () => {
    const away = { status: 503, detail: 'scan-unavailable' };
    for (const say of ['stream: ok\0', 'UNKNOWN COMMAND\0', 'x'.repeat(3000), 'stream: OK']) {
      clamd.say = say;
      assert.deepEqual(await refused(parts('a')), away, say.slice(0, 20));
    }
    clamd.say = 'silent';
    assert.deepEqual(await refused(parts('a'), 50), away);
    const nobody = createScanner({ host: '127.0.0.1', port: 1 });
    await assert.rejects(async () => {
      for await (const _ of nobody(parts('a')));
    }, /not there/);
  });

  it('that takes no more is told apart', async () => {
    clamd.most = 1000;
    assert.deepEqual(await refused(parts('a'.repeat(5_000_000))), { status: 413, detail: 'scan-too-large' });
  });

  it('lets go of it when whoever sends gives up', async () => {
    async function* broken(): AsyncGenerator<Buffer> {
      yield Buffer.from('a');
      throw new Error('cut');
    }
    await assert.rejects(passed(broken()), /cut/);
  });

  it('has an address', () => {
    assert.deepEqual(scannerAt('tcp://[::1]:3310'), { host: '::1', port: 3310 });
    assert.equal(scannerAt(''), undefined);
    assert.equal(scannerSetting.parse('tcp://[::1]:3310'), 'tcp://[::1]:3310');
    for (const wrong of ['clamd', 'http://a:1', 'tcp://a', 'tcp://a:0', 'tcp://a:70000', 'tcp://a b:1'])
      assert.throws(() => scannerSetting.parse(wrong), /tcp:\/\/host:port/, wrong);
  });
});
