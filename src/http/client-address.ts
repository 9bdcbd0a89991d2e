/**
 * Network address of who asks. Headers that name one (https://www.rfc-editor.org/rfc/rfc7239, X-Forwarded-For) count where a proxy sent them
 * that the settings name, and never otherwise: anybody can write them. They are read from their end, where the nearest proxy has written.
 */
import type { IncomingMessage } from 'node:http';
import { isInNetwork, type Network, parseAddress, parseNetwork } from '../platform/address.js';

export type AddressOf = (request: Pick<IncomingMessage, 'socket' | 'headers'>) => string;

/** `proxies`: networks with commas between, checked already. */
export function createAddressOf(proxies: string): AddressOf {
  const networks = proxies.split(',').flatMap(text => parseNetwork(text.trim()) ?? []);
  if (networks.length === 0) return ({ socket }) => peerOf(socket);
  const isProxy = isWithin(networks);
  return ({ socket, headers }) => {
    const peer = peerOf(socket);
    if (!isProxy(peer)) return peer;
    const named = [forwardedIn(headers.forwarded), listIn(headers['x-forwarded-for'])];
    const said = named.filter(list => list.length > 0).map(list => clientBehind(peer, list, isProxy));
    // Proxies write one of the two and hand on the other as it came.
    return said.length > 0 && said.every(address => address === said[0]) ? said[0]! : peer;
  };
}

const peerOf = (socket: IncomingMessage['socket']): string =>
  (socket.remoteAddress ?? 'unknown').replace(/^::ffff:/, '');

function isWithin(networks: readonly Network[]): (address: string) => boolean {
  return text => {
    const address = parseAddress(text);
    return address !== undefined && networks.some(network => isInNetwork(address, network));
  };
}

/** The last that no proxy of ours has. What is no address ends the way: it is the address of whoever wrote it. */
function clientBehind(peer: string, named: readonly string[], isProxy: (address: string) => boolean): string {
  let client = peer;
  for (const each of named.toReversed()) {
    const bare = bareAddress(each);
    if (bare === undefined) return client;
    client = bare;
    if (!isProxy(client)) return client;
  }
  return client;
}

const listIn = (header: string | readonly string[] | undefined): string[] =>
  header === undefined
    ? []
    : String(header)
        .split(',')
        .map(each => each.trim());

/** `for` of each element. */
const forwardedIn = (header: string | undefined): string[] =>
  listIn(header).map(element => {
    const pair = element.split(';').find(each => /^\s*for\s*=/i.test(each));
    return pair === undefined
      ? ''
      : pair
          .slice(pair.indexOf('=') + 1)
          .trim()
          .replace(/^"(.*)"$/, '$1');
  });

/** Without brackets and port. */
function bareAddress(text: string): string | undefined {
  const [, inBrackets, plain] = /^(?:\[([0-9a-f:.]+)\]|([0-9.]+))(?::\d{1,5})?$/i.exec(text) ?? [];
  const address = inBrackets ?? plain ?? text;
  return parseAddress(address) ? address.replace(/^::ffff:/i, '') : undefined;
}
