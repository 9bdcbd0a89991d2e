/**
 * create and conditional create: https://hl7.org/fhir/R4/http.html#create, #ccreate. The server assigns the id; one in the
 * body is ignored, as R4 says. That nothing matches If-None-Exist is a condition of the commit: who comes second finds
 * what the first one made.
 */
import { newId } from '../platform/ids.js';
import { absence, findOne, type LocatedTarget, readCriteria } from './write/conditional.js';
import type { Context } from './engine.js';
import type { Of, Outcome } from './interaction.js';
import { resolveReferences } from './transaction/conditional-references.js';
import { isRaw, prepare, received, storeUpload } from './write/prepare.js';
import { auditSubject } from './read.js';
import { shownText, storedText } from './response/resource-text.js';

async function look(context: Context, { type, ifNoneExist }: Of<'create'>): Promise<Partial<LocatedTarget>> {
  const sought = ifNoneExist && (await readCriteria(context, type, ifNoneExist));
  return sought ? { query: sought, current: await findOne(context, sought) } : {};
}

/** `located`: what its criteria match, where that was looked up already. */
export async function create(context: Context, ask: Of<'create'>, located?: LocatedTarget): Promise<Outcome> {
  const { query: sought, current: existing } = located ?? (await look(context, ask));
  if (existing) {
    const { type, id, version } = existing;
    const location = `${type}/${id}/_history/${version}`;
    return { result: { status: 200, location, ...auditSubject(existing), ...storedText(existing) } };
  }
  const given = await received(context, ask.body);
  const updated = context.stamp.now();
  const id = ask.id ?? newId(updated);
  const identity = { type: ask.type, id, version: 1, updated, method: 'POST' as const };
  const body = isRaw(given) ? given : await resolveReferences(context, given);
  const prepared = await prepare(context, ask.kind, identity, body);
  const { change, text, holes, findings, accompaniment } = await storeUpload(context, prepared);
  const location = `${ask.type}/${id}/_history/1`;
  return {
    changes: [change],
    ...(sought ? { mustNotMatch: [await absence(context, sought)] } : {}),
    result: { status: 201, location, ...auditSubject(change), ...shownText(text, holes), findings },
    accompaniment,
  };
}
