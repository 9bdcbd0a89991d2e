/**
 * The audit events that the servers of a run have written, one of each form, as files in the folder that CHARTROOM_TEST_EVENTS names: for the validator of HL7
 * (test/oracle/trails.test.ts). Two have the same form where they differ in values alone.
 */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AuditEvent } from 'fhir/r4.js';
import type { Store } from '../../src/store/store.js';

const RECEIVED = 'received';

/** Before the store is closed. Does nothing where the variable is not set. */
export async function keepEvents(store: Pick<Store, 'scan'>): Promise<void> {
  const folder = process.env['CHARTROOM_TEST_EVENTS'];
  if (folder === undefined) return;
  for await (const { row } of store.scan({ type: 'AuditEvent' })) {
    const event = JSON.parse(row.text?.toString() ?? '{}') as AuditEvent;
    // What somebody else has said is theirs.
    if (event.meta?.tag?.some(({ code }) => code === RECEIVED)) continue;
    const name = createHash('sha256')
      .update(JSON.stringify(formOf(event)))
      .digest('hex')
      .slice(0, 16);
    writeFileSync(
      join(folder, `${event.type.code}-${event.action}-${event.outcome}-${name}.json`),
      JSON.stringify(event),
    );
  }
}

/** Members and codes, without other values. */
function formOf(value: unknown, name = ''): unknown {
  if (Array.isArray(value)) return [...new Set(value.map(each => JSON.stringify(formOf(each, name))))];
  if (typeof value === 'object' && value !== null)
    return Object.entries(value).map(([member, of]) => [member, formOf(of, member)]);
  return name === 'code' || name === 'profile' || name === 'outcome' ? value : '';
}
