/**
 * The way to another terminology server: its address and token from the settings, its client, and what is counted of it.
 * terminology/remote.ts decides what is asked.
 */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { Counter } from 'prom-client';
import type { Json } from '../fhir/resource.js';
import type { OutgoingClients } from '../outgoing/outgoing.js';
import { ConfigError } from '../platform/config.js';
import type { Metrics } from '../platform/metrics.js';
import { createSharedTime, type SharedTime } from '../platform/shared-time.js';
import { createRemoteTerminology, type RemoteTerminology } from '../terminology/remote.js';
import type { SendQuestion } from '../terminology/remote-asking.js';

export interface RemoteSettings {
  /** FHIR base of the other server; empty: there is none. */
  readonly tx: string;
  /** File with a bearer token; empty: none. */
  readonly txTokenFile: string;
  /** ms. */
  readonly txTimeout: number;
  /** Urls of code systems that may be asked about, or beginnings of them, with commas between; empty: all. */
  readonly txSystems: string;
}

export interface OpenedRemote {
  readonly remote: RemoteTerminology;
  /** What one request may wait for it. */
  readonly time: SharedTime;
}

/** Networks of a house: the operator says the address, and no resource can. */
const INNER = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'];
/** Bytes of an answer about 100 codes. */
const MOST_BYTES = 4 * 1024 * 1024;

/** Undefined where the settings name no other server. Throws ConfigError. */
export function openRemoteTerminology(
  { tx, txTokenFile, txTimeout, txSystems }: RemoteSettings,
  outgoing: OutgoingClients,
  { registry }: Metrics,
): OpenedRemote | undefined {
  if (tx === '') return undefined;
  const base = tx.replace(/\/+$/, '');
  refuseBadBase(base);
  if (txTokenFile !== '') refuseMissing(txTokenFile);
  const { host, protocol } = new URL(base);
  const client = openClient(() =>
    outgoing.open('terminology', {
      hosts: [protocol === 'http:' ? `http://${host}` : host],
      networks: INNER,
      whole: txTimeout,
      redirects: 0,
      maxBytes: MOST_BYTES,
    }),
  );
  const codes = new Counter({
    name: 'chartroom_terminology_remote_codes_total',
    help: 'Questions about single codes for another terminology server, by what became of them; kept: told before.',
    labelNames: ['outcome'],
    registers: [registry],
  });
  const send: SendQuestion = async (operation, body) => {
    const token = txTokenFile === '' ? undefined : (await readFile(txTokenFile, 'utf8')).trim();
    const { status, body: bytes } = await client.ask(`${base}/${operation}`, {
      method: 'POST',
      headers: { accept: 'application/fhir+json', 'content-type': 'application/fhir+json' },
      ...(token === undefined ? {} : { credentials: { authorization: `Bearer ${token}` } }),
      body: JSON.stringify(body),
    });
    return { status, body: jsonOf(bytes) };
  };
  const time = createSharedTime(txTimeout);
  const systems = txSystems.split(',').map(each => each.trim());
  const remote = createRemoteTerminology({
    send,
    timeLeft: () => time.left(),
    count: outcome => codes.inc({ outcome }),
    systems: systems.filter(each => each !== ''),
  });
  return { remote, time };
}

function refuseBadBase(base: string): void {
  if (!URL.canParse(base) || !/^https?:\/\/[^?#@]+$/.test(base))
    throw new ConfigError(
      'CHARTROOM_TX must be the FHIR base of a terminology server, as in https://tx.example.org/r4.',
    );
}

function refuseMissing(file: string): void {
  try {
    readFileSync(file);
  } catch (cause) {
    throw new ConfigError(`CHARTROOM_TX_TOKEN_FILE must name a file that can be read; ${file} cannot.`, { cause });
  }
}

function openClient<T>(open: () => T): T {
  try {
    return open();
  } catch (cause) {
    throw new ConfigError(`CHARTROOM_TX cannot be asked: ${cause instanceof Error ? cause.message : ''}`, { cause });
  }
}

/** Undefined: it is no JSON. */
function jsonOf(bytes: Buffer): Json | undefined {
  try {
    return JSON.parse(bytes.toString('utf8')) as Json;
  } catch {
    return undefined;
  }
}
