/**
 * delete: https://hl7.org/fhir/R4/http.html#delete. Logical: the history stays, a tombstone is the newest version.
 * Deleting what is deleted or never was changes nothing and answers 204, as R4 allows.
 */
import type { Context, Of, Outcome } from './interaction.js';
import { about } from './read.js';
import { checkPreconditions } from './update.js';

export async function remove({ engine }: Context, ask: Of<'delete'>): Promise<Outcome> {
  const { type, id } = ask;
  const current = await engine.store.read(type, id);
  checkPreconditions(current, ask);
  if (!current?.text) return { result: { status: 204, patients: current?.patients ?? [] } };
  const change = {
    type,
    id,
    version: current.version + 1,
    updated: Math.max(engine.now(), current.updated + 1),
    method: 'DELETE' as const,
    replaces: current,
    entries: [],
    patients: current.patients,
  };
  return { changes: [change], result: { ...about(change), status: 204 } };
}
