/** Which lines a list of hosts may have, and which addresses each lets through. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { AllowList } from '../../../src/outgoing/allowed.js';
import { outgoingCode } from '../../../src/outgoing/trouble.js';

const LISTED = [
  'fhir.example.org',
  'other.example.org:8443',
  '*.below.example.org',
  'http://localhost:9000',
  '10.1.2.3:8443',
  '[fd00::5]:8443',
  'xn--bcher-kva.example',
];
const list = new AllowList({ hosts: LISTED, networks: ['10.7.0.0/16', '169.254.0.0/16', '168.63.129.16'] });

const isRefused = (error: unknown): boolean => outgoingCode(error) === 'outgoing-not-allowed';

describe('the list of hosts', () => {
  for (const url of [
    'https://fhir.example.org',
    'https://FHIR.example.org/a?b=c',
    'https://fhir.example.org:443/a',
    'https://other.example.org:8443/',
    'https://a.below.example.org/',
    'https://a.b.below.example.org/',
    'http://localhost:9000/x',
    'https://10.1.2.3:8443/',
    'https://[fd00::5]:8443/',
    'https://xn--bcher-kva.example/',
    'https://fhir.example.org/a%20b%5c@c//d#e',
  ])
    it(`lets ${url} through`, () => assert.equal(list.target(url).url.href, new URL(url).href));

  for (const url of [
    ...[
      'http://fhir.example.org/',
      'https://fhir.example.org:8443/',
      'https://fhir.example.org:0/',
      'https://fhir.example.org:80/',
    ],
    ...[
      'https://other.example.org/',
      'https://below.example.org/',
      'https://.below.example.org/',
      'https://a..below.example.org/',
    ],
    ...[
      'https://evilbelow.example.org/',
      'https://a.below.example.org.evil.test/',
      'https://fhir.example.org.evil.test/',
    ],
    ...[
      'https://evil.test/fhir.example.org',
      'https://evil.test?fhir.example.org',
      'https://evil.test#fhir.example.org',
    ],
    ...[
      'https://localhost:9000/',
      'http://localhost/',
      'http://localhost:9001/',
      'http://127.0.0.1:9000/',
      'http://10.1.2.3:8443/',
    ],
    ...['https://10.1.2.3/', 'https://10.1.2.4:8443/', 'https://[fd00::6]:8443/', 'https://[::ffff:10.1.2.3]:8443/'],
    // Written oddly, though what Node makes of it is listed.
    ...['https://0x0a.1.2.3:8443/', 'https://10.1.515:8443/', 'https://167838211:8443/', 'https://012.1.2.3:8443/'],
    ...[
      'https://10.1.2.3.:8443/',
      'https://fhir.example.org./',
      'https://[fd00:0::5]:8443/',
      'https://%66hir.example.org/',
    ],
    ...[
      'https://user@fhir.example.org/',
      'https://user:word@fhir.example.org/',
      'https://fhir.example.org@evil.test/',
      'https://@fhir.example.org/',
    ],
    ...[
      'https://evil.test\\@fhir.example.org/',
      'https://fhir.example.org\\@evil.test/',
      'https:\\\\fhir.example.org/',
    ],
    ...[
      'https://fhir.example.org\t/',
      'https://fhir.exam\nple.org/',
      ' https://fhir.example.org/',
      'https://fhir.example.org/ x',
    ],
    ...[
      'https://\uff46hir.example.org/',
      'https://b\u00fccher.example/',
      'https://fhir\u3002example.org/',
      'https://fhir.example.org/\u00e9',
    ],
    ...['https:fhir.example.org/', 'https:/fhir.example.org/', '//fhir.example.org/', 'fhir.example.org', '/x', ''],
    ...[
      'ftp://fhir.example.org/',
      'file:///etc/passwd',
      'gopher://fhir.example.org/',
      'data:text/plain,x',
      'javascript:1',
    ],
    ...[
      'ws://fhir.example.org/',
      'wss://fhir.example.org/',
      'blob:https://fhir.example.org/x',
      'HTTPS://fhir.example.org/',
    ],
  ])
    it(`does not let ${JSON.stringify(url)} through`, () => assert.throws(() => list.target(url), isRefused));

  const reaches = (url: string, ...addresses: string[]) =>
    list.checkAddresses(
      list.target(url).host,
      addresses.map(address => ({ address })),
    );
  const name = 'https://fhir.example.org/';
  for (const [url, ...addresses] of [
    [name, '8.8.8.8'],
    [name, '8.8.8.8', '2606:4700::1'],
    [name, '10.7.1.1'],
    [name, '10.7.1.1', '8.8.8.8', '::ffff:10.7.2.2'],
    [name, '169.254.1.1'],
    [name, '168.63.129.16'],
    ['http://localhost:9000/', '127.0.0.1', '::1'],
    ['https://10.1.2.3:8443/', '10.1.2.3'],
  ] as const)
    it(`lets ${url} lead to ${addresses.join(' and ')}`, () => reaches(url, ...addresses));

  for (const [url, ...addresses] of [
    [name, '127.0.0.1'],
    [name, '::1'],
    [name, '10.8.1.1'],
    [name, '8.8.8.8', '10.8.1.1'],
    [name, '10.1.2.3'],
    // A network as a whole does not list the addresses from which machines get their secrets.
    [name, '169.254.169.254'],
    [name, '::ffff:169.254.169.254'],
    [name, '64:ff9b::a9fe:a9fe'],
    [name, 'fe80::1%eth0'],
    [name, 'nonsense'],
    ['https://a.below.example.org/', '192.168.1.1'],
    ['http://localhost:9000/', '8.8.8.8'],
    ['http://localhost:9000/', '127.0.0.1', '10.7.1.1'],
    ['https://10.1.2.3:8443/', '10.1.2.4'],
  ] as const)
    it(`does not let ${url} lead to ${addresses.join(' and ')}`, () =>
      assert.throws(() => reaches(url, ...addresses), isRefused));

  it('says so where a name leads nowhere', () =>
    assert.throws(
      () => reaches(name),
      (error: unknown) => outgoingCode(error) === 'outgoing-unresolved',
    ));

  for (const line of [
    ...[
      '',
      '*',
      '*.',
      '*.org',
      '**.example.org',
      'a.*.example.org',
      '*.10.0.0.1',
      'fhir.example.org/path',
      'fhir.example.org.',
    ],
    ...[
      'ftp://fhir.example.org',
      'http://fhir.example.org',
      'http://10.1.2.3',
      'http://*.localhost',
      'fhir.example.org:0',
      'fhir.example.org:65536',
    ],
    ...[
      '0.0.0.0',
      '255.255.255.255',
      '224.0.0.1',
      '[::]',
      '[ff02::1]',
      '0x7f.1',
      '127.1',
      'user@fhir.example.org',
      'b\u00fccher.example',
      'a b',
    ],
  ])
    it(`refuses the line ${JSON.stringify(line)}`, () => assert.throws(() => new AllowList({ hosts: [line] }), Error));

  for (const network of ['0.0.0.0/0', '10.0.0.0/7', '::/0', 'fc00::/7', '10.0.0', 'inside'])
    it(`refuses the network ${network}`, () =>
      assert.throws(() => new AllowList({ hosts: [], networks: [network] }), Error));
});
