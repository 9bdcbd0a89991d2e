/**
 * `chartroom audit <what> …`: the audit trail in a terminal. What each word does stands in its own file; this one knows their names.
 */
import { ConfigError } from '../platform/config.js';
import { didYouMean } from '../platform/nearest.js';
import { exportAudit, verifyAudit } from './audit-ledger.js';
import { askTrail, TRAIL_QUESTIONS } from './audit-questions.js';
import { rotateKey } from './audit-key.js';
import type { Invocation } from './invocation.js';

type AuditAction = (invocation: Invocation) => Promise<number>;

/** By the first word; the others are left to it. */
const AUDIT_ACTIONS: Readonly<Record<string, AuditAction>> = {
  'rotate-key': rotateKey,
  ...Object.fromEntries(
    TRAIL_QUESTIONS.map(code => [code, (invocation: Invocation) => askTrail(code, invocation)] as const),
  ),
  export: exportAudit,
  verify: verifyAudit,
};

export function audit(invocation: Invocation): Promise<number> {
  const [name, ...words] = invocation.words;
  const names = Object.keys(AUDIT_ACTIONS);
  const action = name !== undefined && Object.hasOwn(AUDIT_ACTIONS, name) ? AUDIT_ACTIONS[name] : undefined;
  if (!action)
    throw new ConfigError(
      `${name === undefined ? 'chartroom audit needs a word' : `chartroom audit knows no ${name}`}: ${names.join(', ')}.${didYouMean(name ?? '', names)}`,
    );
  return action({ ...invocation, words });
}
