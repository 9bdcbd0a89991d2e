/** A certificate that is renewed while the server runs. */
import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'mocha';
import { renewTls } from '../../../src/cli/tls.js';
import { createClock } from '../../../src/platform/clock.js';
import { createLog } from '../../../src/platform/log.js';
import { CERTIFICATE, CERTIFICATE_KEY } from '../../support/certificate.js';
import { steppedTime } from '../../support/stepped-time.js';

const MINUTE = 60_000;

describe('a certificate of HTTPS', () => {
  const folder = mkdtempSync(join(tmpdir(), 'chartroom-renewed-'));
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('is taken anew when its files change, and what cannot be used changes nothing', async () => {
    const [tlsCert, tlsKey] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
    let writes = 0;
    const write = (file: string, text: string): void => {
      writeFileSync(file, text);
      // Another time, however fast the test is.
      utimesSync(file, 0, ++writes);
    };
    write(tlsCert, CERTIFICATE);
    write(tlsKey, CERTIFICATE_KEY);
    const taken: unknown[] = [];
    const said: string[] = [];
    const server = Object.assign(new EventEmitter(), { setSecureContext: (files: unknown) => taken.push(files) });
    const time = steppedTime();
    const log = Object.assign(createLog('silent'), { warn: (text: string) => void said.push(text) });
    renewTls(server as unknown as Server, { clock: createClock(log, time), log }, { tlsCert, tlsKey });
    /** Lets a minute pass, and the look at the files come to its end. */
    const look = async (until: () => boolean): Promise<void> => {
      while (!until()) {
        time.step(MINUTE);
        await new Promise(resolve => setTimeout(resolve, 1));
      }
    };
    let looks = 0;
    await look(() => ++looks > 20);
    assert.deepEqual([taken.length, said], [0, []]);
    write(tlsCert, CERTIFICATE);
    await look(() => taken.length > 0);
    assert.equal((taken[0] as { minVersion: string }).minVersion, 'TLSv1.2');
    assert.match(said[0]!, /read again/);
    write(tlsKey, 'nonsense');
    await look(() => said.length > 1);
    assert.match(said[1]!, /CHARTROOM_TLS_KEY.*stays in force/);
    assert.equal(taken.length, 1);
    server.emit('close');
    write(tlsKey, CERTIFICATE_KEY);
    looks = 0;
    await look(() => ++looks > 20);
    assert.equal(taken.length, 1);
  });
});
