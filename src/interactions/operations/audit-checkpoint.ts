/**
 * $audit-checkpoint, on the system: how far the ledger of the audit trail is, signed (docs/audit.md). Whoever keeps what it says can tell later
 * whether anything before it was changed. Defined in profiles/operationdefinition-audit-checkpoint.json.
 */
import { lastAnchor } from '../../audit/ledger/anchors.js';
import type { Context, OperationImplementation } from '../engine.js';
import type { Of, Outcome } from '../interaction.js';
import { readGiven } from './parameters.js';

export const auditCheckpoint: OperationImplementation = { shows: 'Parameters', run: showCheckpoints };

async function showCheckpoints({ engine }: Context, ask: Of<'operation'>): Promise<Outcome> {
  readGiven(engine, ask);
  const { ledger, kept } = engine;
  await ledger.look();
  const anchor = await lastAnchor(kept.deeds.notes);
  const parameter: object[] = [{ name: 'ledger', valueString: ledger.name }];
  for (const key of await ledger.keyTexts()) parameter.push({ name: 'key', valueString: key });
  if (anchor)
    parameter.push({
      name: 'anchor',
      part: [
        { name: 'note', valueString: anchor.note },
        ...anchor.heads.map(head => ({ name: 'head', valueString: head })),
      ],
    });
  for (const { stream } of await ledger.streams.underWay()) {
    const note = await ledger.checkpoints.last(stream);
    if (note !== undefined) parameter.push({ name: 'checkpoint', valueString: note });
  }
  const text = Buffer.from(JSON.stringify({ resourceType: 'Parameters', parameter }));
  return { result: { status: 200, text, patients: [] } };
}
