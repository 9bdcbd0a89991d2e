/** Hosts and origins, as a table: https://www.rfc-editor.org/rfc/rfc9110#section-7.4, https://www.w3.org/TR/fetch-metadata/ */
import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { describe, it } from 'mocha';
import { asFhirError } from '../../../src/fhir/error.js';
import { createGuard, type GuardOptions } from '../../../src/http/guard.js';

const OPTIONS: GuardOptions = {
  authentication: 'none',
  bases: ['https://Chart.example:8443/fhir', 'http://localhost:8080/fhir', 'http://127.0.0.1:8080/fhir'],
  corsOrigins: ['https://app.example'],
};

function requestOf(method: string, headers: Readonly<Record<string, string | undefined>>): IncomingMessage {
  const given = Object.entries(headers).filter((pair): pair is [string, string] => pair[1] !== undefined);
  return { method, headers: Object.fromEntries(given), rawHeaders: given.flat() } as unknown as IncomingMessage;
}

const statusOf = (check: () => void): number | undefined => {
  try {
    check();
    return undefined;
  } catch (error) {
    return asFhirError(error).status;
  }
};

describe('the guard at the door', () => {
  const hostStatus = (host: string | undefined, options = OPTIONS, target?: string) =>
    statusOf(() => createGuard(options).checkHost(requestOf('GET', { host }), target));

  for (const host of [
    'localhost',
    'localhost:8080',
    'localhost:9999',
    'LOCALHOST:8080',
    '127.0.0.1',
    '127.0.0.1:1',
    '127.255.0.3:8080',
    '[::1]',
    '[::1]:65535',
    'chart.example',
    'CHART.example:8443',
    'chart.example:443',
  ])
    it(`serves the host ${host}`, () => assert.equal(hostStatus(host), undefined));

  for (const host of [
    undefined,
    '',
    ' ',
    'evil.example',
    'localhost.evil',
    'localhost.',
    'localhost.:8080',
    'evil.localhost',
    'notlocalhost',
    'localhost:',
    'localhost:8080:8080',
    'localhost:abc',
    'localhost:123456',
    'localhost@evil.example',
    'evil.example@localhost',
    'user:secret@localhost:8080',
    'localhost/evil',
    'localhost,evil.example',
    'localhost evil.example',
    'localhost#',
    '127.0.0.1.',
    '127.0.0.1.nip.io',
    '127.0.0.256',
    '127.000.000.001',
    '127.1',
    '127.0.0.1.1',
    '128.0.0.1',
    '0.0.0.0',
    '2130706433',
    '0x7f000001',
    '0x7f.0.0.1',
    '0177.0.0.1',
    '017700000001',
    '10.0.0.1:8080',
    '169.254.169.254',
    '::1',
    '[::1',
    '[::]',
    '[::1%25lo]',
    '[::1%lo]:8080',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[fe80::1]',
    'chart.example.evil',
    'chart.example.',
    'xchart.example',
    'http://localhost',
    'null',
    '*',
  ])
    it(`refuses the host ${host ?? 'that is missing'}`, () => assert.equal(hostStatus(host), 421));

  it('with authentication takes any host, but one', () => {
    assert.equal(hostStatus('evil.example', { ...OPTIONS, authentication: 'token' }), undefined);
    for (const authentication of ['none', 'token'] as const) {
      const twice = {
        rawHeaders: ['Host', 'localhost', 'A', 'b', 'hOST', 'localhost'],
        headers: { host: 'localhost' },
      };
      const guard = createGuard({ ...OPTIONS, authentication });
      assert.equal(
        statusOf(() => guard.checkHost(twice as unknown as IncomingMessage, undefined)),
        400,
      );
    }
  });

  it('takes the host of an absolute target as seriously as the header', () => {
    assert.equal(hostStatus('localhost', OPTIONS, 'localhost:8080'), undefined);
    assert.equal(hostStatus('localhost', OPTIONS, 'evil.example'), 421);
    assert.equal(hostStatus('evil.example', OPTIONS, 'localhost'), 421);
    assert.equal(hostStatus('localhost', OPTIONS, 'user@localhost'), 421);
  });

  /** Origin, Sec-Fetch-Site, may it change something? Asked of `localhost:9999`. */
  const rows: readonly (readonly [origin: string | undefined, site: string | undefined, may: boolean])[] = [
    [undefined, undefined, true],
    [undefined, 'none', true],
    [undefined, 'same-origin', true],
    [undefined, 'same-site', false],
    [undefined, 'cross-site', false],
    [undefined, 'anything', false],
    ['http://localhost:9999', undefined, true],
    ['https://localhost:9999', 'same-origin', true],
    ['http://localhost:9999', 'cross-site', false],
    ['http://localhost:8080', undefined, true],
    ['http://127.0.0.1:8080', 'same-origin', true],
    ['https://chart.example:8443', 'same-origin', true],
    ['https://app.example', undefined, true],
    ['https://app.example', 'cross-site', true],
    ['https://app.example', 'same-site', true],
    ['http://app.example', 'cross-site', false],
    ['https://app.example:444', undefined, false],
    ['https://app.example.evil', undefined, false],
    ['https://evil.example', undefined, false],
    ['https://evil.example', 'same-origin', false],
    ['http://localhost:3000', 'same-site', false],
    ['http://localhost:3000', undefined, false],
    ['http://localhost', undefined, false],
    ['https://localhost.evil:9999', undefined, false],
    ['localhost:9999', undefined, false],
    ['file://', undefined, false],
    ['null', undefined, false],
    ['null', 'cross-site', false],
    ['', undefined, false],
    ['http://localhost:9999, https://evil.example', undefined, false],
  ];
  for (const [origin, site, may] of rows)
    it(`${may ? 'lets' : 'keeps'} origin ${origin ?? 'none'}, site ${site ?? 'none said'} ${may ? 'change' : 'from changing'} things`, () => {
      for (const authentication of ['none', 'token'] as const) {
        const guard = createGuard({ ...OPTIONS, authentication });
        const headers = { host: 'localhost:9999', origin, 'sec-fetch-site': site };
        for (const method of ['POST', 'PUT', 'PATCH', 'DELETE'])
          assert.equal(guard.foreign(requestOf(method, headers))?.status, may ? undefined : 403, method);
        for (const method of ['GET', 'HEAD', 'OPTIONS'])
          assert.equal(guard.foreign(requestOf(method, headers)), undefined, method);
      }
    });

  it('lets every origin change things where CORS allows every origin', () => {
    const guard = createGuard({ ...OPTIONS, corsOrigins: ['*'] });
    const headers = { host: 'localhost', origin: 'https://any.example', 'sec-fetch-site': 'cross-site' };
    assert.equal(guard.foreign(requestOf('PUT', headers)), undefined);
  });
});
