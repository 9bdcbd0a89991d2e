/**
 * That a search of the audit trail names an interval of time, where CHARTROOM_AUDIT_DATE wants that of clients.
 * https://profiles.ihe.net/ITI/TF/Volume2/ITI-81.html#23.81.4.1.2
 */
import { neededBy } from '../../audit/trail/keys.js';
import { FhirError } from '../../fhir/error.js';
import { all, type Where } from '../../search/query.js';
import type { Context } from '../engine.js';

/**
 * `where`: what is searched by. Throws `invalid` where an interval is wanted and it has not a beginning and an end by `date`. Features
 * ask as their answers need it.
 */
export function needDateInterval({ engine, agent }: Pick<Context, 'engine' | 'agent'>, where: Where): void {
  if (engine.settings.auditDate !== 'required' || agent !== undefined) return;
  const parts = where.kind === 'all' ? where.of : [where];
  const { from, to } = neededBy(all(...parts.filter(part => part.kind === 'param' && part.code === 'date')));
  // What can match nothing has an interval that is none.
  if (from > to || (from > -Infinity && to < Infinity)) return;
  throw new FhirError(
    'invalid',
    'A search of AuditEvents needs an interval here: add a beginning and an end, as in date=ge2030-01-01&date=le2030-01-31.',
    { expression: 'http.date', detail: 'date-interval' },
  );
}
