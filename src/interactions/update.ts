/**
 * update and update-as-create: https://hl7.org/fhir/R4/http.html#update. The version that was read is the commit's
 * precondition; without If-Match the last write wins, and `perform` tries again when another one came in between.
 */
import { FhirError } from '../fhir/error.js';
import type { Version } from '../store/store.js';
import type { Context, Of, Outcome } from './interaction.js';
import { isRaw, prepare } from './prepare.js';
import { about } from './read.js';

export async function update({ engine }: Context, ask: Of<'update'>): Promise<Outcome> {
  if (!isRaw(ask.body)) {
    const id = ask.body.resource['id'];
    if (id !== ask.id)
      throw new FhirError('invalid', 'The resource in the body must have the id that the URL names.', {
        expression: `${ask.type}.id`,
        detail: 'id-mismatch',
      });
  }
  const current = await engine.store.read(ask.type, ask.id);
  checkPreconditions(current, ask);
  const alive = current?.text !== undefined;
  const { change, text } = await prepare(
    engine,
    {
      type: ask.type,
      id: ask.id,
      version: (current?.version ?? 0) + 1,
      // Versions of one resource never share an instant, so that history has one order everywhere.
      updated: Math.max(engine.now(), (current?.updated ?? 0) + 1),
      method: 'PUT',
      ...(current ? { replaces: current } : {}),
    },
    ask.body,
  );
  const location = `${ask.type}/${ask.id}/_history/${change.version}`;
  const status = alive ? 200 : 201;
  return { changes: [change], result: { ...about(change), status, ...(text ? { text } : {}), location } };
}

/** If-Match and If-None-Match: *, for update and delete. */
export function checkPreconditions(
  current: Version | undefined,
  ask: { readonly ifMatch?: string; readonly onlyCreate?: true },
): void {
  const alive = current?.text !== undefined;
  if (ask.onlyCreate && alive)
    throw new FhirError('precondition', 'If-None-Match: * allows this only where nothing exists yet.', {
      expression: 'http.If-None-Match',
    });
  if (ask.ifMatch === undefined) return;
  const fits = alive && (ask.ifMatch === '*' || ask.ifMatch === String(current.version));
  if (!fits)
    throw new FhirError('precondition', 'The current version is not the one that If-Match names: read it again.', {
      expression: 'http.If-Match',
      detail: 'version-mismatch',
    });
}
