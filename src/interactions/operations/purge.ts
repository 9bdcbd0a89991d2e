/**
 * $purge, on a resource: for what must go (the wrong patient, an order of a court). All versions are erased, with their texts,
 * what they are found by, and attachment bytes that nothing else refers to; also those of a deleted resource. What stays is
 * a tombstone, so that the id reads as deleted (410) and version numbers never repeat, and the audit trail. Administrators only.
 * Defined in profiles/operationdefinition-purge.json. https://hl7.org/fhir/R4/operations.html
 *
 * Choices: it takes no parameters. What refers to the resource is not touched; where integrity is enforced it must go
 * first. It is recorded twice: as this operation, and as the deletion of the resource.
 */
import type { StoreView } from '../../access/view.js';
import { FhirError } from '../../fhir/error.js';
import type { Cursor } from '../../search/query.js';
import type { Change, Version } from '../../store/store.js';
import { tombstone } from '../delete.js';
import type { Context, Engine, OperationImplementation } from '../engine.js';
import type { Of, Outcome, Result } from '../interaction.js';
import { readGiven } from './parameters.js';
import { auditSubject } from '../read.js';
import { checkPreconditions } from '../update.js';
import { hookDeletions } from '../write/run-hooks.js';

export const purge: OperationImplementation = { run: runPurge };

/** Versions that are looked at in one step. */
const VERSIONS_A_PAGE = 100;

async function runPurge(context: Context, ask: Of<'operation'>): Promise<Outcome> {
  const { engine, view } = context;
  const [type, id] = [ask.type!, ask.id!];
  readGiven(engine, ask);
  const current = await view.read(type, id);
  if (!current) throw new FhirError('not-found', `There is no ${type} with this id.`);
  checkPreconditions(current, ask);
  const { count, hashes } = await versionsOf(view, current);
  // Purged already: the tombstone is all there is.
  if (current.text === undefined && count === 1) return { result: { ...auditSubject(current), ...told(0, 0) } };
  const change: Change = { ...tombstone(context, current), erases: true };
  const accompaniment = await hookDeletions(context, ask.kind, [change]);
  const result: Result = { ...auditSubject(change), ...told(count, 0) };
  return {
    changes: [change],
    result,
    accompaniment,
    recordedParts: [
      {
        target: { kind: 'operation', operation: ask.operation },
        result: { status: 200, patients: change.patients },
        pattern: 'restricted',
      },
      { target: { kind: 'delete', type, id }, result },
    ],
    complete: async () => ({ ...result, ...told(count, await goneOf(engine, hashes)) }),
  };
}

/** How many of these bytes are there no longer. */
async function goneOf({ store }: Engine, hashes: readonly string[]): Promise<number> {
  const found = await Promise.all(hashes.map(hash => store.blobs.get(hash)));
  return found.filter(blob => blob === undefined).length;
}

/** How many versions there are, and what bytes they have outside their texts. */
async function versionsOf(view: StoreView, { type, id }: Version): Promise<{ count: number; hashes: string[] }> {
  const hashes = new Set<string>();
  let count = 0;
  let after: Cursor | undefined;
  do {
    const page = await view.history({ type, id, limit: VERSIONS_A_PAGE, ...(after ? { after } : {}) });
    for (const { blobs = [] } of page.rows) for (const { hash } of blobs) hashes.add(hash);
    count += page.rows.length;
    after = page.more ? page.cursors.at(-1) : undefined;
  } while (after);
  return { count, hashes: [...hashes] };
}

function told(versions: number, attachments: number) {
  const parameter = [
    { name: 'versions', valueInteger: versions },
    { name: 'attachments', valueInteger: attachments },
  ];
  return { status: 200, text: Buffer.from(JSON.stringify({ resourceType: 'Parameters', parameter })) };
}
