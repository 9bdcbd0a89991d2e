/**
 * delete and conditional delete: https://hl7.org/fhir/R4/http.html#delete, #cdelete. Logical: the history stays, a
 * tombstone is the newest version. Deleting what is deleted or never was changes nothing and answers 204, as R4 allows.
 * By criteria several may go at once, up to a configured number, and with them what refers to them (cascade.ts); each is
 * recorded by an event of its own.
 */
import { FhirError, type Issue } from '../fhir/error.js';
import type { Change, Version } from '../store/store.js';
import { cascade } from './write/cascade.js';
import { findSought, readCriteria } from './write/conditional.js';
import type { Context } from './engine.js';
import type { Of, Outcome } from './interaction.js';
import { auditSubject } from './read.js';
import { hookDeletions } from './write/run-hooks.js';
import { checkPreconditions, nextIdentity, readNamed } from './update.js';

export async function deleteResources(context: Context, ask: Of<'delete'>): Promise<Outcome> {
  const rows = ask.id === undefined ? await findDeletable(context, ask) : [await readNamed(context, ask)];
  const [first] = rows;
  if (ask.id !== undefined || ask.ifMatch !== undefined) checkPreconditions(first, ask);
  const alive = rows.filter(row => row?.text !== undefined) as Version[];
  if (alive.length === 0) return { result: { status: 204, patients: first?.patients ?? [] } };
  const others = ask.cascade ? await cascade(context, alive) : [];
  const changes = [...alive, ...others].map(row => tombstone(context, row));
  const accompaniment = await hookDeletions(context, ask.kind, changes);
  const named = alive.length === 1 ? auditSubject(changes[0]!) : { patients: [] };
  const cascades = ask.cascade ? { cascades: true as const } : {};
  if (changes.length === 1) return { changes, ...cascades, result: { status: 204, ...named }, accompaniment };
  return {
    changes,
    ...cascades,
    accompaniment,
    result: { status: 204, ...named, ...(others.length > 0 ? { issues: [cascaded(others.length)] } : {}) },
    recordedParts: changes.map(change => ({
      target: { kind: 'delete', type: change.type, id: change.id },
      result: { status: 204, ...auditSubject(change) },
    })),
  };
}

const cascaded = (count: number): Issue => ({
  severity: 'information',
  code: 'informational',
  text: `Other resources that referred to what was deleted were deleted, too: ${count}.`,
  detail: 'cascaded',
});

export async function findDeletable(context: Context, ask: Of<'delete'>): Promise<readonly Version[]> {
  const most = context.engine.settings.conditionalDelete;
  const sought = await readCriteria(context, ask.type, ask.criteria ?? []);
  const rows = await findSought(context, sought, most + 1);
  if (rows.length > most || (rows.length > 1 && ask.ifMatch !== undefined))
    throw new FhirError(
      'multiple-matches',
      `The criteria match more than ${ask.ifMatch === undefined ? most : 1} resources: nothing was deleted.`,
      { expression: 'http.criteria' },
    );
  return rows;
}

export const tombstone = (context: Pick<Context, 'stamp'>, row: Version): Change => ({
  ...nextIdentity(context, row.type, row.id, row, 'DELETE'),
  entries: [],
  patients: row.patients,
});
