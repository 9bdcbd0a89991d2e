/** `chartroom audit rotate-key`: makes the key that signs the audit trail from now on. A server that runs takes it within a minute. */
import { addLedgerKey } from '../audit/ledger/keys.js';
import { ConfigError } from '../platform/config.js';
import type { Invocation } from './invocation.js';

export async function rotateKey({ config, words }: Invocation): Promise<number> {
  if (words.length > 0) throw new ConfigError('chartroom audit rotate-key takes no further words.');
  if (config.auditKey !== '')
    throw new ConfigError(
      'CHARTROOM_AUDIT_KEY says the key: put the new one behind the old one there, and start the server again.',
    );
  process.stdout.write(
    `${addLedgerKey(config.data)} signs the audit trail from now on, in a running server within a minute.\n`,
  );
  return 0;
}
