/**
 * create: https://hl7.org/fhir/R4/http.html#create. The server assigns the id; one in the body is ignored, as R4 says.
 */
import { newId } from '../platform/ids.js';
import type { Context, Of, Outcome } from './interaction.js';
import { prepare } from './prepare.js';
import { about } from './read.js';

export async function create({ engine }: Context, ask: Of<'create'>): Promise<Outcome> {
  const updated = engine.now();
  const id = newId(updated);
  const identity = { type: ask.type, id, version: 1, updated, method: 'POST' as const };
  const { change, text } = await prepare(engine, identity, ask.body);
  const location = `${ask.type}/${id}/_history/1`;
  return { changes: [change], result: { ...about(change), status: 201, ...(text ? { text } : {}), location } };
}
