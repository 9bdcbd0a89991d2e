/**
 * What the audit trail has of one patient, as the server itself reads it: for answers to the patient, whose role does not read the trail. Whoever asks this tells
 * no event as it is, but what is left of it for a patient.
 */
import { createView, type StoreView } from '../access/view.js';
import type { Where } from '../search/query.js';
import type { Engine } from './engine.js';

export function trailOfPatient(engine: Engine, id: string): Pick<StoreView, 'find'> {
  const where: Where = {
    kind: 'param',
    code: 'patient',
    test: { kind: 'reference', to: { kind: 'local', type: 'Patient', id } },
  };
  const view = createView(engine, new Map([['AuditEvent', where]]), undefined);
  return { find: query => view.find({ ...query, types: ['AuditEvent'] }) };
}
