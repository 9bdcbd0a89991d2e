/** The ledger over the audit trail of a server: its name, its keys, and what it is called in them. */
import { hostname } from 'node:os';
import { Ledger } from '../audit/ledger/index.js';
import { type LedgerKey, passingKey, readLedgerKeys } from '../audit/ledger/keys.js';
import { ledgerName } from '../audit/ledger/note.js';
import type { Clock } from '../platform/clock.js';
import { type Config, ConfigError } from '../platform/config.js';
import { frames, type Log } from '../platform/log.js';
import type { Store } from '../store/store.js';

export interface LedgerGround {
  readonly store: Store;
  /** The FHIR base. */
  readonly base: string;
  readonly clock: Clock;
  readonly log: Log;
}

export function composeLedger(config: Config, { store, base, clock, log }: LedgerGround): Ledger {
  const name = ledgerName(base);
  const process = `${hostname()} ${globalThis.process.pid}`;
  return new Ledger({ ...{ store, name, process, clock, log }, keys: openKeys(config, name, log) });
}

/** Throws ConfigError for a setting that is no key. Where a key cannot be kept, there is one for this process alone, and the log says so. */
function openKeys({ auditKey, data }: Config, name: string, log: Log): () => readonly LedgerKey[] {
  let passing: LedgerKey | undefined;
  return () => {
    if (passing) return [passing];
    try {
      return readLedgerKeys({ given: auditKey, data }, name);
    } catch (error) {
      if (auditKey !== '' || error instanceof RangeError)
        throw new ConfigError(`CHARTROOM_AUDIT_KEY, or a file of keys in DATA: ${(error as Error).message}`);
      log.warn({ at: frames(error) }, 'The key of the audit trail cannot be kept in DATA: set CHARTROOM_AUDIT_KEY');
      return [(passing = passingKey(name))];
    }
  };
}
