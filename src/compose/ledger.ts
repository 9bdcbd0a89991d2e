/** The ledger over the audit trail of a server: its name, its keys, and what it is called in them. */
import { hostname } from 'node:os';
import { join } from 'node:path';
import { happeningEvent } from '../audit/happening-event.js';
import { Ledger, type LedgerOptions } from '../audit/ledger/index.js';
import { type LedgerKey, passingKey, readLedgerKeys } from '../audit/ledger/keys.js';
import { ledgerName } from '../audit/ledger/note.js';
import { deedOfEvent } from '../audit/trail/deed.js';
import { FhirError } from '../fhir/error.js';
import { issuerOf } from '../identity/server/issuer-of.js';
import type { Outgoing } from '../outgoing/client.js';
import type { OutgoingClients } from '../outgoing/outgoing.js';
import type { Clock } from '../platform/clock.js';
import { type Config, ConfigError } from '../platform/config.js';
import { newId, newUuid } from '../platform/ids.js';
import { frames, type Log } from '../platform/log.js';
import type { Store } from '../store/store.js';

/** Whoever keeps anchors may be beside us: the address stands in a setting. */
const INSIDE = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'];

export interface LedgerGround {
  readonly store: Store;
  /** The FHIR base. */
  readonly base: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Who gets anchors. */
  readonly send: AnchorReceiver | undefined;
}

export type AnchorReceiver = (line: string) => Promise<void>;

export function composeLedger(config: Config, { store, base, clock, log, send }: LedgerGround): Ledger {
  const name = ledgerName(base);
  const process = `${hostname()} ${globalThis.process.pid}`;
  const anchors = { file: join(config.data, 'anchors'), send };
  const deedOfRestored: LedgerOptions['deedOfRestored'] = (lost, at) => {
    const happening = { what: 'trail-restored', ...lost } as const;
    const told = { happening, at, address: 'local', requestId: newUuid(), base, issuer: issuerOf(base) };
    return deedOfEvent(happeningEvent(told, newId(at)), at);
  };
  return new Ledger({
    ...{ store, name, process, clock, log, anchors, deedOfRestored },
    // Whoever tests goes back to older states all the time.
    fork: config.examines ? 'examine' : config.acceptFork === 'on' || config.harness === 'on' ? 'accept' : 'refuse',
    keepsAnchors: config.harness === 'off',
    keys: openKeys(config, name, log),
  });
}

/** Whoever gets anchors. Throws ConfigError for what is no address. */
export function anchorReceiver(
  { auditAnchorUrl: url }: Pick<Config, 'auditAnchorUrl'>,
  outgoing: OutgoingClients,
): AnchorReceiver | undefined {
  if (url === '') return undefined;
  if (!URL.canParse(url) || !/^https?:\/\/[^#@]+$/.test(url))
    throw new ConfigError(
      'CHARTROOM_AUDIT_ANCHOR_URL must be an address, as in https://anchors.example.org/chartroom.',
    );
  const { host, protocol } = new URL(url);
  let client: Outgoing;
  try {
    const hosts = [protocol === 'http:' ? `http://${host}` : host];
    client = outgoing.open('audit-anchors', { hosts, networks: INSIDE, redirects: 0 });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : '';
    throw new ConfigError(`CHARTROOM_AUDIT_ANCHOR_URL cannot be asked: ${why}`, { cause });
  }
  return async body => {
    const headers = { 'content-type': 'application/json' };
    const { status } = await client.ask(url, { method: 'POST', headers, body });
    if (status < 200 || status > 299)
      throw new FhirError('unavailable', `The keeper of anchors answers ${status}.`, { detail: `status-${status}` });
  };
}

/**
 * Throws ConfigError for a setting that is no key. Where a key cannot be kept, there is one for this process alone, and the log says so; where keys that
 * were read cannot be read again, they stay.
 */
function openKeys({ auditKey, data }: Config, name: string, log: Log): () => readonly LedgerKey[] {
  let known: readonly LedgerKey[] | undefined;
  return () => {
    try {
      return (known = readLedgerKeys({ given: auditKey, data }, name));
    } catch (error) {
      if (known === undefined && (auditKey !== '' || error instanceof RangeError))
        throw new ConfigError(`CHARTROOM_AUDIT_KEY, or a file of keys in DATA: ${(error as Error).message}`);
      log.warn({ at: frames(error) }, 'The key of the audit trail cannot be kept in DATA: set CHARTROOM_AUDIT_KEY');
      return (known ??= [passingKey(name)]);
    }
  };
}
