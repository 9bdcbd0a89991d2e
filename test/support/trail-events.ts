/** All events of a server's trail, recorded and received, past every search. */
import type { AuditEvent } from 'fhir/r4.js';
import type { Engine } from '../../src/interactions/engine.js';

export async function eventsKept({ store }: Pick<Engine, 'store'>): Promise<readonly AuditEvent[]> {
  const events: AuditEvent[] = [];
  for await (const { row } of store.scan({ type: 'AuditEvent' }))
    events.push(JSON.parse(row.text!.toString()) as AuditEvent);
  return events;
}
