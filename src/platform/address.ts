/**
 * What an IP address is to whoever asks from inside a hospital's network: one of the internet, or one that leads somewhere
 * nobody outside should be able to send us. Of IPv6, only what is assigned as global unicast counts as the internet, so that
 * what is not known is not asked. Forms that carry an IPv4 address (mapped, NAT64) are what that address is.
 * https://www.iana.org/assignments/iana-ipv4-special-registry, https://www.iana.org/assignments/iana-ipv6-special-registry
 */
import { isIPv4, isIPv6 } from 'node:net';

/** Sixteen bytes; IPv4 is mapped (::ffff:0:0/96). */
export type Address = readonly number[];

/** `inner`: private and other special ones; `metadata`: of cloud providers; `never`: no single host. */
export type Reach = 'internet' | 'loopback' | 'inner' | 'metadata' | 'never';

export interface Network {
  readonly address: Address;
  /** Of 128. */
  readonly prefix: number;
}

const MAPPED: Address = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
const MAPPED_BITS = 96;

/** Undefined: it is none, or one with a zone. */
export function parseAddress(text: string): Address | undefined {
  if (isIPv4(text)) return [...MAPPED, ...text.split('.').map(Number)];
  if (!isIPv6(text) || text.includes('%')) return undefined;
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  const words = dotted ? `${dotted[1]}${wordsOfIPv4(dotted[2]!)}` : text;
  const [head = '', tail] = words.split('::');
  const left = bytesOfWords(head);
  const right = bytesOfWords(tail ?? '');
  return [...left, ...Array.from({ length: 16 - left.length - right.length }, () => 0), ...right];
}

const wordsOfIPv4 = (text: string): string => {
  const [a, b, c, d] = text.split('.').map(Number) as [number, number, number, number];
  return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
};
const bytesOfWords = (text: string): number[] =>
  text === '' ? [] : text.split(':').flatMap(word => [Number.parseInt(word, 16) >> 8, Number.parseInt(word, 16) & 255]);

/** `10.0.0.0/8`, `fd00::/8`, or one address. Undefined: it is none. */
export function parseNetwork(text: string): Network | undefined {
  const [, host = '', bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const address = parseAddress(host);
  if (!address) return undefined;
  const most = isIPv4(host) ? 32 : 128;
  const prefix = bits === undefined ? most : Number(bits);
  return prefix > most ? undefined : { address, prefix: prefix + (128 - most) };
}

export function isInNetwork(address: Address, { address: network, prefix }: Network): boolean {
  const whole = prefix >> 3;
  for (let i = 0; i < whole; i++) if (address[i] !== network[i]) return false;
  const rest = prefix & 7;
  return rest === 0 || address[whole]! >> (8 - rest) === network[whole]! >> (8 - rest);
}

const networks = (...texts: string[]): readonly Network[] => texts.map(text => parseNetwork(text)!);

const GLOBAL_UNICAST = parseNetwork('2000::/3')!;
const NAT64 = parseNetwork('64:ff9b::/96')!;

/** The first that has the address says what it is. */
const SPECIAL: readonly (readonly [Reach, readonly Network[]])[] = [
  [
    'metadata',
    // Amazon and most others; Alibaba; the host of Azure's machines, which looks like one of the internet; Oracle; Amazon by IPv6.
    networks('169.254.169.254', '169.254.170.2', '100.100.100.200', '168.63.129.16', '192.0.0.192', 'fd00:ec2::254'),
  ],
  ['loopback', networks('127.0.0.0/8', '::1')],
  // Unspecified, multicast, reserved and broadcast; IPv4 in forms that no network routes any more.
  ['never', networks('0.0.0.0/8', '224.0.0.0/4', '240.0.0.0/4', 'ff00::/8', '::ffff:0:0:0/96')],
  [
    'inner',
    networks(
      ...['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', '169.254.0.0/16', '192.0.0.0/24'],
      ...['192.0.2.0/24', '198.51.100.0/24', '203.0.113.0/24', '198.18.0.0/15', '192.88.99.0/24'],
      // Local NAT64, discard, unique local, link-local, site-local; protocol assignments with Teredo, documentation, 6to4.
      ...['64:ff9b:1::/48', '100::/64', 'fc00::/7', 'fe80::/10', 'fec0::/10'],
      ...['2001::/23', '2001:db8::/32', '3fff::/20', '2002::/16'],
    ),
  ],
];

/** An IPv4 address in the interface part: https://www.rfc-editor.org/rfc/rfc5214 */
const isTunnelled = (address: Address): boolean =>
  (address[8] === 0 || address[8] === 2) && address[9] === 0 && address[10] === 0x5e && address[11] === 0xfe;

export const isMapped = (address: Address): boolean => isInNetwork(address, { address: MAPPED, prefix: MAPPED_BITS });

export function reachOf(address: Address): Reach {
  if (isInNetwork(address, NAT64)) return reachOf([...MAPPED, ...address.slice(12)]);
  const special = SPECIAL.find(([, all]) => all.some(network => isInNetwork(address, network)));
  if (special) return special[0];
  if (isMapped(address)) return 'internet';
  if (!isInNetwork(address, GLOBAL_UNICAST)) return 'never';
  return isTunnelled(address) ? 'inner' : 'internet';
}

/** An absolute address without query and trailing slash. */
const BASE_ADDRESS = /^https?:\/\/[^/?#]+(\/[^?#]*[^/?#])?$/;

/** What is wrong with the addresses of a server: the one that it has, '' for none, and those that it had. */
export function baseAddressFaults(base: string, former: readonly string[]): string[] {
  const faults: string[] = [];
  if (base && !BASE_ADDRESS.test(base))
    faults.push('CHARTROOM_BASE_URL must be an absolute http(s) URL without query and trailing slash.');
  const strange = former.find(text => !BASE_ADDRESS.test(text));
  if (strange !== undefined)
    faults.push(
      `CHARTROOM_FORMER_BASE_URLS names ${JSON.stringify(strange)}, which is no http(s) address without a trailing slash.`,
    );
  return faults;
}
