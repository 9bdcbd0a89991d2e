/** Who asks: whoever the connection is with, unless a proxy that the settings name says another one. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { createAddressOf } from '../../../src/http/client-address.js';

const of = (proxies: string, peer: string, headers: Readonly<Record<string, string>>): string =>
  createAddressOf(proxies)({ socket: { remoteAddress: peer } as never, headers });

describe('the address of who asks', () => {
  const xff = (text: string) => ({ 'x-forwarded-for': text });
  const forwarded = (text: string) => ({ forwarded: text });
  const rows: readonly (readonly [
    what: string,
    proxies: string,
    peer: string,
    headers: Record<string, string>,
    address: string,
  ])[] = [
    ['is that of the connection', '', '::ffff:192.0.2.1', {}, '192.0.2.1'],
    [
      'is no header without proxies',
      '',
      '192.0.2.1',
      { ...xff('198.51.100.1'), ...forwarded('for=198.51.100.1') },
      '192.0.2.1',
    ],
    ['is no header of another peer', '10.0.0.0/8', '192.0.2.1', xff('198.51.100.1'), '192.0.2.1'],
    ['is what a proxy says', '10.0.0.0/8', '10.1.1.1', xff('198.51.100.1'), '198.51.100.1'],
    ['is what a proxy says of IPv6', '::1', '::1', xff('2001:db8::7'), '2001:db8::7'],
    ['is not what a client wrote before it', '10.0.0.0/8', '10.1.1.1', xff('127.0.0.1, 198.51.100.1'), '198.51.100.1'],
    [
      'is behind several proxies of ours',
      '10.0.0.0/8',
      '10.1.1.1',
      xff('6.6.6.6, 198.51.100.1, 10.2.2.2'),
      '198.51.100.1',
    ],
    ['is the first where all are ours', '10.0.0.0/8', '10.1.1.1', xff('10.3.3.3, 10.2.2.2'), '10.3.3.3'],
    ['is the proxy where it says nothing', '10.0.0.0/8', '10.1.1.1', {}, '10.1.1.1'],
    ['is the proxy where it says what is none', '10.0.0.0/8', '10.1.1.1', xff('unknown'), '10.1.1.1'],
    ['stops at what is none', '10.0.0.0/8', '10.1.1.1', xff('198.51.100.1, nonsense, 10.2.2.2'), '10.2.2.2'],
    ['has no port', '10.0.0.0/8', '10.1.1.1', xff('198.51.100.1:4711'), '198.51.100.1'],
    [
      'stands in Forwarded',
      '10.0.0.0/8',
      '10.1.1.1',
      forwarded('for=198.51.100.1;proto=https;by=10.1.1.1'),
      '198.51.100.1',
    ],
    ['stands in Forwarded in quotes', '10.0.0.0/8', '10.1.1.1', forwarded('For="[2001:db8::7]:4711"'), '2001:db8::7'],
    ['is the last in Forwarded', '10.0.0.0/8', '10.1.1.1', forwarded('for=6.6.6.6, for=198.51.100.1'), '198.51.100.1'],
    ['is hidden in Forwarded', '10.0.0.0/8', '10.1.1.1', forwarded('for=_hidden'), '10.1.1.1'],
    [
      'is the proxy where two headers disagree',
      ...(['10.0.0.0/8', '10.1.1.1'] as const),
      { ...forwarded('for=127.0.0.1'), ...xff('198.51.100.1') },
      '10.1.1.1',
    ],
    [
      'is what two headers agree on',
      ...(['10.0.0.0/8', '10.1.1.1'] as const),
      { ...forwarded('for=198.51.100.1'), ...xff('198.51.100.1') },
      '198.51.100.1',
    ],
  ];
  for (const [what, proxies, peer, headers, address] of rows)
    it(what, () => assert.equal(of(proxies, peer, headers), address));
});
