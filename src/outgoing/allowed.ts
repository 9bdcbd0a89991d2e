/**
 * Which addresses may be asked: a list of hosts, each exactly or by its suffix, each with one port, over TLS. A name must
 * lead to the internet, or into a network that is listed, whatever the list says of the name: else whoever rules a name
 * could make us ask a machine beside us.
 */
import type { LookupAddress } from 'node:dns';
import {
  type Address,
  isInNetwork,
  isMapped,
  type Network,
  parseAddress,
  parseNetwork,
  reachOf,
} from '../platform/address.js';
import { outgoingError } from './trouble.js';

export interface AllowedAddresses {
  /**
   * `fhir.example.org`, `*.example.org` (what is below it, not itself), `fhir.example.org:8443`, `10.1.2.3`, `[fd00::1]:8443`;
   * with `http://` in front without TLS, of this machine alone: `http://localhost:9000`.
   */
  readonly hosts: readonly string[];
  /** Networks that are not the internet's and where listed names may lead all the same: `10.1.0.0/16`. */
  readonly networks?: readonly string[];
}

/** One line of the list. */
export interface AllowedHost {
  /** As metrics name it. */
  readonly label: string;
  /** As an URL has it; for a suffix: the suffix with its dot. */
  readonly name: string;
  readonly isSuffix: boolean;
  readonly port: number;
  readonly plain: boolean;
  /** It is an address itself. */
  readonly address: Address | undefined;
  /** It is this machine. */
  readonly here: boolean;
}

/** What may be asked. */
export interface AllowedTarget {
  readonly url: URL;
  readonly host: AllowedHost;
}

const LINE = /^(?:(https?):\/\/)?(\*\.)?([a-z0-9.-]+|\[[0-9a-f:.]+\])(?::(\d{1,5}))?$/i;
/** Wider ones hold half the world. */
const LEAST_PREFIX = { ipv4: 8, ipv6: 16 };

/** As Node wants it, without brackets. */
export const bareHost = (hostname: string): string => hostname.replace(/^\[(.*)\]$/, '$1');

function parseLine(line: string): AllowedHost {
  const refuse = (why: string): never => {
    throw new Error(`${line}: ${why}`);
  };
  const [, scheme = 'https', star, written = '', port] = LINE.exec(line) ?? [];
  const isSuffix = star !== undefined;
  const { hostname, address, reach } =
    parseHost(written) ?? refuse('it is no host as in fhir.example.org or 10.1.2.3:8443');
  if (isSuffix && (address || !hostname.includes('.', 1))) return refuse('only a domain has something below it');
  if (reach === 'never') return refuse('it is the address of no host');
  const here = reach === 'loopback' || (!isSuffix && hostname === 'localhost');
  const plain = scheme.toLowerCase() === 'http';
  if (plain && !here) return refuse('without TLS only this machine may be asked');
  const number = Number(port ?? standardPort(plain));
  if (number < 1 || number > 65_535) return refuse('it has no such port');
  return {
    label: line.toLowerCase(),
    name: isSuffix ? `.${hostname}` : hostname,
    isSuffix,
    port: number,
    plain,
    address,
    here,
  };
}

const standardPort = (plain: boolean): number => (plain ? 80 : 443);

/** Undefined: it is none, or written in another way than it is understood. */
function parseHost(written: string) {
  const url = `https://${written}`;
  if (!URL.canParse(url)) return undefined;
  const { hostname } = new URL(url);
  if (hostname !== written.toLowerCase() || hostname.endsWith('.')) return undefined;
  const address = parseAddress(bareHost(hostname));
  return { hostname, address, reach: address && reachOf(address) };
}

function parseListedNetwork(text: string): Network {
  const network = parseNetwork(text);
  const least = network && isMapped(network.address) ? 96 + LEAST_PREFIX.ipv4 : LEAST_PREFIX.ipv6;
  if (!network || network.prefix < least)
    throw new Error(`${text}: it is no network, like 10.1.0.0/16, or too wide a one`);
  return network;
}

export class AllowList {
  readonly #hosts: readonly AllowedHost[];
  readonly #networks: readonly Network[];

  /** Throws an Error that says which line is wrong. */
  constructor({ hosts, networks = [] }: AllowedAddresses) {
    this.#hosts = hosts.map(parseLine);
    this.#networks = networks.map(parseListedNetwork);
  }

  /** Throws `outgoing-not-allowed`. */
  target(text: string): AllowedTarget {
    const url = parseStrictly(text);
    const plain = url.protocol === 'http:';
    const port = Number(url.port || standardPort(plain));
    const host = this.#hosts.find(
      line =>
        line.plain === plain &&
        line.port === port &&
        (line.isSuffix
          ? url.hostname.endsWith(line.name) && hasLabelsBefore(url.hostname, line.name)
          : url.hostname === line.name),
    );
    if (!host) throw outgoingError('outgoing-not-allowed', 'not listed');
    return { url, host };
  }

  /** Throws `outgoing-not-allowed` unless the host may be asked at all of these addresses: those that are mixed in would be a way in. */
  checkAddresses(host: AllowedHost, found: readonly Pick<LookupAddress, 'address'>[]): void {
    if (found.length === 0) throw outgoingError('outgoing-unresolved', 'no address');
    for (const { address } of found)
      if (!this.#mayReach(host, parseAddress(address))) throw outgoingError('outgoing-not-allowed', 'leads inside');
  }

  #mayReach(host: AllowedHost, address: Address | undefined): boolean {
    if (!address) return false;
    const reach = reachOf(address);
    if (reach === 'never') return false;
    if (host.address) return isInNetwork(address, { address: host.address, prefix: 128 });
    if (host.here) return reach === 'loopback';
    if (reach === 'internet') return true;
    return this.#networks.some(
      network => isInNetwork(address, network) && (reach !== 'metadata' || network.prefix === 128),
    );
  }
}

/** The part before the suffix is labels, and not nothing. */
const hasLabelsBefore = (hostname: string, suffix: string): boolean =>
  /^[^.]+(?:\.[^.]+)*$/.test(hostname.slice(0, -suffix.length));

/** Only what is written as it is understood: two parsers that disagree about a host are how such lists are got round. */
function parseStrictly(text: string): URL {
  const written = /^(https?):\/\/([^/?#]+)/.exec(text);
  if (!written || !/^[\x21-\x7e]+$/.test(text) || text.includes('\\') || !URL.canParse(text))
    throw outgoingError('outgoing-not-allowed', 'not an address');
  const url = new URL(text);
  const [, scheme, authority = ''] = written;
  const port = `:${standardPort(scheme === 'http')}`;
  const plain = authority.toLowerCase().replace(new RegExp(`${port}$`), '');
  if (plain !== url.host || url.username !== '' || url.password !== '' || url.hostname.endsWith('.'))
    throw outgoingError('outgoing-not-allowed', 'oddly written');
  return url;
}
