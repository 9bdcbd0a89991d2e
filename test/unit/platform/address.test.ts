/** What an IP address is, however it is written and whatever it carries. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { isInNetwork, parseAddress, parseNetwork, type Reach, reachOf } from '../../../src/platform/address.js';

const ROWS: Readonly<Record<Reach, readonly string[]>> = {
  internet: [
    ...[
      '8.8.8.8',
      '1.1.1.1',
      '172.15.255.255',
      '172.32.0.0',
      '192.167.0.1',
      '169.253.0.1',
      '100.63.0.1',
      '100.128.0.1',
    ],
    ...[
      '223.255.255.255',
      '2606:4700:4700::1111',
      '2a00:1450::1',
      '::ffff:8.8.8.8',
      '64:ff9b::808:808',
      '2001:4860::8888',
    ],
  ],
  loopback: ['127.0.0.1', '127.255.255.254', '::1', '::ffff:127.0.0.1', '::ffff:7f00:1', '64:ff9b::7f00:1'],
  inner: [
    ...['10.0.0.1', '10.255.255.255', '172.16.0.1', '172.31.255.255', '192.168.0.1', '100.64.0.1', '100.127.255.255'],
    ...['169.254.0.1', '192.0.0.1', '192.0.2.1', '198.18.0.1', '198.19.255.255', '198.51.100.1', '203.0.113.1'],
    ...['fc00::1', 'fdff::1', 'fe80::1', 'febf::1', 'fec0::1', '2001:db8::1', '3fff::1', '64:ff9b:1::a00:1'],
    ...['::ffff:10.0.0.1', '64:ff9b::10.0.0.1', '2002:7f00:1::', '2002:808:808::1', '2001:0:53aa:64c::1', '100::1'],
    ...['2a00:1450::5efe:a00:1', '2a00:1450::200:5efe:7f00:1'],
  ],
  metadata: [
    ...['169.254.169.254', '169.254.170.2', '100.100.100.200', '168.63.129.16', '192.0.0.192', 'fd00:ec2::254'],
    ...['::ffff:169.254.169.254', '::ffff:a9fe:a9fe', '64:ff9b::a9fe:a9fe'],
  ],
  never: [
    ...[
      '0.0.0.0',
      '0.1.2.3',
      '224.0.0.1',
      '239.255.255.255',
      '240.0.0.1',
      '255.255.255.255',
      '::',
      'ff02::1',
      'ff0e::1',
    ],
    ...[
      '::127.0.0.1',
      '::8.8.8.8',
      '::ffff:0:8.8.8.8',
      '::ffff:0.0.0.0',
      '64:ff9b::e000:1',
      '4000::1',
      '5f00::1',
      '1::1',
    ],
  ],
};

describe('addresses', () => {
  for (const [reach, texts] of Object.entries(ROWS))
    for (const text of texts)
      it(`${text} is of the ${reach}`, () => {
        const address = parseAddress(text);
        assert.ok(address);
        assert.equal(reachOf(address), reach);
      });

  it('are the same however they are written', () => {
    for (const same of [
      ['::1', '0:0:0:0:0:0:0:1', '0000::0001'],
      ['1.2.3.4', '::ffff:1.2.3.4', '::ffff:102:304', '0:0:0:0:0:FFFF:0102:0304'],
      ['2001:db8::', '2001:DB8:0:0:0:0:0:0'],
    ]) {
      const [first, ...others] = same.map(text => parseAddress(text));
      assert.equal(first?.length, 16);
      for (const other of others) assert.deepEqual(other, first);
    }
  });

  it('are none with a zone, or in forms of other parsers', () => {
    for (const text of [
      'fe80::1%eth0',
      '127.1',
      '0x7f.0.0.1',
      '0177.0.0.1',
      '2130706433',
      '',
      'localhost',
      '[::1]',
      '1.2.3.4.',
    ])
      assert.equal(parseAddress(text), undefined, text);
  });

  it('are inside a network, to the bit', () => {
    const rows: readonly (readonly [string, string, boolean])[] = [
      ['10.1.2.3', '10.1.0.0/16', true],
      ['10.2.2.3', '10.1.0.0/16', false],
      ['10.1.2.3', '10.1.2.3', true],
      ['10.1.2.3', '10.1.2.2/31', true],
      ['10.1.2.4', '10.1.2.2/31', false],
      ['172.31.0.1', '172.16.0.0/12', true],
      ['172.32.0.1', '172.16.0.0/12', false],
      ['fd12::1', 'fd00::/8', true],
      ['fe12::1', 'fd00::/8', false],
      ['::ffff:10.1.2.3', '10.0.0.0/8', true],
      ['::10.1.2.3', '10.0.0.0/8', false],
    ];
    for (const [address, network, inside] of rows)
      assert.equal(isInNetwork(parseAddress(address)!, parseNetwork(network)!), inside, `${address} ${network}`);
    for (const none of ['10.0.0.0/33', 'fd00::/129', '10.0.0/8', '/8', 'x/8', '10.0.0.0/-1', '10.0.0.0/8/8'])
      assert.equal(parseNetwork(none), undefined, none);
  });
});
