/**
 * Requests that leave the house. Everything that asks another server does it here (a unit test looks), each feature by a client of
 * its own, with a list of the hosts that it may ask (allowed.ts), limits, and a pool of connections that nobody else uses. What a
 * request may cost is bounded before it begins: places, time, bytes; what goes wrong is a FhirError with a code (trouble.ts).
 *
 * Node's own http and https are used: their `lookup` pins a connection to the address that was checked. Node's fetch cannot be
 * told to, and follows redirects and unpacks answers before anybody has looked at them.
 */
import type { LookupAddress } from 'node:dns';
import { setMaxListeners } from 'node:events';
import { Counter, Histogram } from 'prom-client';
import type { Log } from '../platform/log.js';
import type { Metrics } from '../platform/metrics.js';
import { type AllowedAddresses, AllowList } from './allowed.js';
import { type ClientParts, createClient, openGates, type Outgoing } from './client.js';
import { createResolver } from './resolver.js';
import { openWire, type TlsIdentity, type OutgoingWire } from './send.js';
import { outgoingError } from './trouble.js';

/** Whom a client may ask, and how much. All times are ms. */
export interface OutgoingPolicy extends AllowedAddresses {
  /** Until a connection stands; default 5,000. */
  readonly connect?: number;
  /** From then to the head of the answer; default 10,000. */
  readonly firstByte?: number;
  /** For all of it, with redirects, waiting and reading the body; default 30,000. */
  readonly whole?: number;
  /** Of the body of an answer, unpacked; default 1 MB. */
  readonly maxBytes?: number;
  /** That are followed; default 3. */
  readonly redirects?: number;
  /** Requests to one host at a time, default 8, and that wait for their turn, default 100. */
  readonly atOnce?: number;
  readonly waiting?: number;
  readonly tls?: TlsIdentity;
}

/** Makes the clients of an engine, and ends all of them. */
export interface OutgoingClients {
  /** `name`: whose client it is, for the log. Throws an Error that says which line of the policy is wrong. */
  open(name: string, policy: OutgoingPolicy): Outgoing;
  /** Gives up what is under way, and closes all connections. */
  close(): void;
}

export interface OutgoingSurroundings {
  readonly metrics: Metrics;
  readonly log: Log;
  /** For tests. */
  readonly resolve?: (hostname: string) => Promise<readonly LookupAddress[]>;
  readonly now?: () => number;
}

const MB = 1024 * 1024;

export function createOutgoing(around: OutgoingSurroundings): OutgoingClients {
  const { metrics, log, resolve = createResolver(), now = () => performance.now() } = around;
  const count = countRequests(metrics);
  const closing = new AbortController();
  // As many as there are requests under way.
  setMaxListeners(0, closing.signal);
  const wires: OutgoingWire[] = [];
  return {
    open(name, policy) {
      const { connect = 5000, firstByte = 10_000, whole = 30_000 } = policy;
      const { maxBytes = MB, redirects = 3, atOnce = 8, waiting = 100, tls } = policy;
      const list = new AllowList(policy);
      const wire = openWire({
        limits: { connect, firstByte },
        kept: atOnce,
        tls,
        resolve,
        checkAddresses: (host, found) => list.checkAddresses(host, found),
      });
      wires.push(wire);
      const gates = openGates({ atOnce, waiting }, now);
      return createClient({ name, list, wire, gates, whole, maxBytes, redirects, ending: closing.signal, log, count });
    },
    close() {
      closing.abort(outgoingError('outgoing-aborted', 'the server ends'));
      for (const wire of wires) wire.close();
    },
  };
}

/** Hosts are named as they are listed, so that there are no more names than lines. */
function countRequests({ registry }: Metrics): ClientParts['count'] {
  const registers = [registry];
  const requests = new Counter({
    name: 'chartroom_outgoing_total',
    help: 'Requests to other servers, by their line in the list of hosts and by what became of them.',
    labelNames: ['host', 'outcome'],
    registers,
  });
  const seconds = new Histogram({
    name: 'chartroom_outgoing_seconds',
    help: 'Time of requests to other servers, with waiting for a turn and reading the answer.',
    labelNames: ['host'],
    buckets: [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30],
    registers,
  });
  return (host, outcome, ms) => {
    requests.inc({ host, outcome });
    seconds.observe({ host }, ms / 1000);
  };
}
