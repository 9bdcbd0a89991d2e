/**
 * X-Provenance: what a client says of where it has from what it writes. Its Provenance is stored in the same commit as the write, about the
 * versions that came of it, or neither is. https://hl7.org/fhir/R4/provenance.html#header
 *
 * Choices: of a transaction all that its entries write is the target, of a batch each entry that writes has a Provenance of its own; what
 * features write beside it is theirs. A write that changes nothing, and a conditional create of what is there, have none.
 */
import { createView } from '../../access/view.js';
import { FhirError } from '../../fhir/error.js';
import { itemsOf, type Parsed } from '../../fhir/resource.js';
import type { ResourceName } from '../../store/store.js';
import type { Caller, Context } from '../engine.js';
import type { Interaction, InteractionKind, Of, Outcome } from '../interaction.js';
import { type CompanionRunner, withOwn, withoutText } from './companions.js';

export const PROVENANCE_HEADER = 'X-Provenance';

const WRITES: ReadonlySet<InteractionKind> = new Set(['create', 'update', 'patch', 'delete', 'transaction', 'batch']);

/** Throws `invalid` for what cannot go with the interaction; whether it is valid is said when its targets are known. */
export function checkSentProvenance(kind: InteractionKind, { resource }: Parsed): void {
  const refuse = (detail: string, text: string): never => {
    throw new FhirError('invalid', text, { expression: `http.${PROVENANCE_HEADER}`, detail });
  };
  if (!WRITES.has(kind)) refuse('provenance-of-nothing', `${PROVENANCE_HEADER} goes with what is written.`);
  if (resource.resourceType !== 'Provenance')
    refuse('wrong-resource-type', `${PROVENANCE_HEADER} holds a Provenance in JSON.`);
  if (itemsOf(resource['target']).length > 0)
    refuse(
      'provenance-target',
      `The server says what the Provenance of ${PROVENANCE_HEADER} is about: leave target out.`,
    );
}

/** The outcome with the Provenance that was sent, if one was. Throws what refuses the create of it, which names elements of Provenance. */
export async function withSentProvenance(
  context: Context,
  ask: Interaction,
  outcome: Outcome,
  runner: CompanionRunner,
): Promise<Outcome> {
  const { provenance } = context;
  // Entries of a batch pass by themselves.
  if (!provenance || ask.kind === 'batch') return outcome;
  const { resource, decimals } = provenance;
  const written = writtenOf(outcome);
  if (written.length === 0) return outcome;
  const target = written.map(({ type, id, version }) => ({ reference: `${type}/${id}/_history/${version}` }));
  const create: Of<'create'> = {
    kind: 'create',
    type: 'Provenance',
    body: { resource: { ...resource, target }, decimals },
  };
  const { allowance, principal, agent, requestId, correlationId, address, request } = context;
  const caller: Caller = {
    allowance,
    engine: context.engine,
    principal,
    agent,
    requestId,
    correlationId,
    address,
    request,
  };
  const { permission, restrictions } = await runner.admit(caller, create);
  const { stamp } = context;
  const view = createView(context.engine, restrictions, permission.masks);
  const own: Context = { ...caller, permission, view, stamp };
  // Whoever may make a Provenance may make one of what they write: that it is within their reach is judged of what they write.
  const made = withOwn(await runner.run(own, create, undefined, 0));
  const parts = outcome.recordedParts ?? [{ target: ask, result: outcome.result }];
  return {
    ...outcome,
    changes: [...(outcome.changes ?? []), ...(made.changes ?? [])],
    mustNotMatch: [...(outcome.mustNotMatch ?? []), ...(made.mustNotMatch ?? [])],
    mustExist: [...(outcome.mustExist ?? []), ...(made.mustExist ?? [])],
    messages: [...(outcome.messages ?? []), ...(made.messages ?? [])],
    recordedParts: [...parts, ...(made.recordedParts ?? [{ target: create, result: withoutText(made.result) }])],
  };
}

/** What the client wrote itself, and not a feature for it. */
function writtenOf({
  changes = [],
  recordedParts = [],
}: Outcome): readonly (ResourceName & { readonly version: number })[] {
  const beside = new Set(
    recordedParts.flatMap(({ agent, result: { subject } }) =>
      agent !== undefined && subject ? [`${subject.type}/${subject.id}`] : [],
    ),
  );
  return changes.filter(({ type, id }) => !beside.has(`${type}/${id}`));
}
