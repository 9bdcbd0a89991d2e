/** Settings of the audit trail's ledger (docs/audit.md). */
import { textSetting } from './setting.js';

export const AUDIT_SETTINGS = {
  auditKey: textSetting(
    'AUDIT_KEY',
    '',
    'Ed25519 key that signs the ledger of the audit trail, PKCS #8 in PEM, or the path of such a file; of several the last one signs. Empty: made in DATA.',
    { secret: true },
  ),
  auditAnchorUrl: textSetting(
    'AUDIT_ANCHOR_URL',
    '',
    'Address that gets each anchor of the audit trail by POST, to be kept elsewhere. Empty: none does.',
  ),
};
