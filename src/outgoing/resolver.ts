/**
 * Names as the system knows them, its hosts file included. A look-up holds one of the few threads that files and compression
 * need, too, until the system gives up: so few are done at a time that those always have some, and those of one name once.
 */
import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns/promises';

type Resolve = (hostname: string) => Promise<readonly LookupAddress[]>;

/** Of the four threads that Node has if nobody says otherwise. */
const LOOKUPS_AT_ONCE = 2;

const bySystem: Resolve = hostname => lookup(hostname, { all: true, verbatim: true });

export function createResolver(resolve: Resolve = bySystem): Resolve {
  const underWay = new Map<string, Promise<readonly LookupAddress[]>>();
  const waiting: (() => void)[] = [];
  let running = 0;
  const look: Resolve = async hostname => {
    if (running < LOOKUPS_AT_ONCE) running++;
    else await new Promise<void>(turn => waiting.push(turn));
    try {
      return await resolve(hostname);
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running--;
    }
  };
  return hostname => {
    const known = underWay.get(hostname);
    if (known) return known;
    const found = look(hostname).finally(() => underWay.delete(hostname));
    underWay.set(hostname, found);
    return found;
  };
}
