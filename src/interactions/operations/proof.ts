/**
 * $proof of an AuditEvent: what shows that the deed that it was made of is in the ledger (docs/audit.md), against the newest checkpoint of
 * its stream. Defined in profiles/operationdefinition-proof.json.
 */
import { openCheckpoint } from '../../audit/ledger/note.js';
import { placeOfEvent, StreamTrees } from '../../audit/ledger/proof.js';
import { FhirError } from '../../fhir/error.js';
import type { Context, Engine, OperationImplementation } from '../engine.js';
import type { Of, Outcome } from '../interaction.js';
import { readCurrent } from '../read.js';
import { readGiven } from './parameters.js';

export const proofOperation: OperationImplementation = { shows: 'Parameters', run: prove };

/** By engine: roots of tiles are remembered. */
const treesOf = new WeakMap<Engine, StreamTrees>();

async function prove(context: Context, ask: Of<'operation'>): Promise<Outcome> {
  const { engine } = context;
  const { id = '', type = '' } = ask;
  const { deeds } = engine.kept;
  const from = sizeGiven(engine, ask);
  const row = await readCurrent(context, type, id);
  const place = await placeOfEvent(deeds, id);
  if (place === undefined)
    throw unproven('This event was sent here: the ledger has the event of its creation, which names its digest.');
  if (place === 'unsealed') throw unproven('This event is older than the ledger, which says nothing of it.');
  const trees = treesOf.get(engine) ?? new StreamTrees(deeds);
  treesOf.set(engine, trees);
  const { checkpoint, note } = await checkpointOver(engine, place.stream, place.index);
  if (from !== undefined && from > checkpoint.size)
    throw new FhirError('invalid', `The checkpoint is of ${checkpoint.size} leaves: from must not be more.`, {
      expression: 'http.from',
      detail: 'bad-parameter-value',
    });
  const leaf = await trees.leaf(place);
  const inclusion = await trees.inclusion(place, checkpoint.size);
  const consistency = from === undefined ? [] : await trees.consistency(place.stream, from, checkpoint.size);
  const hashes = (name: string, all: readonly Buffer[]): object[] =>
    all.map(hash => ({ name, valueBase64Binary: hash.toString('base64') }));
  const parameter = [
    { name: 'stream', valueString: place.stream },
    { name: 'index', valueUnsignedInt: place.index },
    ...hashes('leaf', [leaf]),
    { name: 'checkpoint', valueString: note },
    ...hashes('inclusion', inclusion),
    ...hashes('consistency', consistency),
  ];
  const text = Buffer.from(JSON.stringify({ resourceType: 'Parameters', parameter }));
  return { result: { status: 200, text, patients: row.patients } };
}

const unproven = (message: string): FhirError =>
  new FhirError('unprocessable', message, { expression: 'AuditEvent.id', detail: 'not-in-the-ledger' });

function sizeGiven(engine: Engine, ask: Of<'operation'>): number | undefined {
  const given = readGiven(engine, ask).given.find(({ name }) => name === 'from');
  return given === undefined ? undefined : Number(given.value);
}

/** The newest checkpoint of a stream that has this leaf; one is signed where none has it yet. */
async function checkpointOver({ ledger }: Engine, stream: string, index: number) {
  const newest = async () => {
    const note = await ledger.checkpoints.last(stream);
    return note === undefined ? undefined : { note, checkpoint: openCheckpoint(note, []).checkpoint };
  };
  const there = await newest();
  if (there && there.checkpoint.size > index) return there;
  await ledger.look();
  const made = await newest();
  if (made && made.checkpoint.size > index) return made;
  throw new FhirError('conflict', 'No checkpoint has this event yet. Ask again in a second.', {
    detail: 'not-signed-yet',
  });
}
