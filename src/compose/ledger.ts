/** The ledger over the audit trail of a server: its name, its keys, and what it is called in them. */
import { hostname } from 'node:os';
import { join } from 'node:path';
import { happeningEvent } from '../audit/happening-event.js';
import type { AnchorKeeper } from '../audit/ledger/anchors.js';
import { Ledger, type LedgerOptions } from '../audit/ledger/index.js';
import { type LedgerKey, passingKey, readLedgerKeys } from '../audit/ledger/keys.js';
import { ledgerName } from '../audit/ledger/note.js';
import { deedOfEvent } from '../audit/trail/deed.js';
import { issuerOf } from '../identity/server/issuer-of.js';
import type { Clock } from '../platform/clock.js';
import { type Config, ConfigError } from '../platform/config.js';
import { newId, newUuid } from '../platform/ids.js';
import { frames, type Log } from '../platform/log.js';
import { measureHorizon, measureKeepers, type Metrics } from '../platform/metrics.js';
import type { Store } from '../store/store.js';

export interface LedgerGround {
  readonly store: Store;
  /** The FHIR base. */
  readonly base: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Who keeps anchors elsewhere. */
  readonly keepers: readonly AnchorKeeper[];
}

export function composeLedger(config: Config, { store, base, clock, log, keepers }: LedgerGround): Ledger {
  const name = ledgerName(base);
  const process = `${hostname()} ${globalThis.process.pid}`;
  const anchors = { file: join(config.data, 'anchors'), keepers };
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

/** How far everything can be seen, and who has the anchors that they should have. */
export function measureTrail(metrics: Metrics, { store, ledger }: MeasuredTrail, { now }: Pick<Clock, 'now'>): void {
  measureHorizon(metrics, () => Math.max(0, now() - store.horizon()));
  measureKeepers(metrics, () =>
    ledger.keepers.map(({ way, lacks, failures }) => {
      const since = lacks === undefined ? 0 : Math.max(0, now() - lacks);
      return { way, since, failures };
    }),
  );
}

interface MeasuredTrail {
  readonly store: Pick<Store, 'horizon'>;
  readonly ledger: Pick<Ledger, 'keepers'>;
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
