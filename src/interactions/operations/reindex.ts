/**
 * $reindex, on the system: POST asks for all resources, or those of `type`, to be indexed anew in the background.
 * $reindex-status says how far every custom search parameter and every such request is, and changes nothing.
 * Administrators only. Both answer with the same Parameters; with `Prefer: respond-async` $reindex is a job that ends when it is done. Defined in profiles/operationdefinition-reindex.json and
 * profiles/operationdefinition-reindex-status.json; the job is conformance/reindex-job.ts.
 */
import { REINDEX } from '../../conformance/reindex-job.js';
import type { Progress } from '../../conformance/reindex-plan.js';
import { FhirError } from '../../fhir/error.js';
import type { JsonObject } from '../../fhir/resource.js';
import type { Context, Engine, OperationImplementation } from '../engine.js';
import type { Of, Outcome } from '../interaction.js';
import { jsonText } from './operation.js';
import { readGiven } from './parameters.js';

export const reindexOperation: OperationImplementation = {
  run: requestReindex,
  job: async ({ engine }, ask) => ({ kind: REINDEX, input: { types: typesAsked(engine, ask) } }),
};
export const reindexStatus: OperationImplementation = { shows: 'Parameters', run: showReindex };

async function requestReindex({ engine }: Context, ask: Of<'operation'>): Promise<Outcome> {
  await engine.reindexer.request(typesAsked(engine, ask));
  return progress(engine);
}

/** Undefined: all. */
function typesAsked(engine: Engine, ask: Of<'operation'>): readonly string[] | undefined {
  const [given] = readGiven(engine, ask).given;
  if (!given) return undefined;
  const type = jsonText(given.value);
  if (!engine.definitions.resourceTypes.includes(type))
    throw new FhirError('invalid', 'The parameter type must be an R4 resource type.', {
      expression: given.at,
      detail: 'bad-parameter-value',
    });
  return [type];
}

async function showReindex({ engine }: Context, ask: Of<'operation'>): Promise<Outcome> {
  readGiven(engine, ask);
  await engine.reindexer.refresh();
  return progress(engine);
}

function progress({ reindexer }: Engine): Outcome {
  const parameter = reindexer.progress().map(progressParts);
  const text = JSON.stringify({ resourceType: 'Parameters', ...(parameter.length > 0 ? { parameter } : {}) });
  return { result: { status: 200, text: Buffer.from(text), patients: [] } };
}

function progressParts({ custom, pending, done, total }: Progress): JsonObject {
  const ready = pending.length === 0;
  const base = custom ? custom.definition.base : pending;
  return {
    name: custom ? 'parameter' : 'request',
    part: [
      ...(custom
        ? [
            { name: 'url', valueUri: custom.definition.url },
            { name: 'code', valueCode: custom.definition.code },
          ]
        : []),
      ...base.map(type => ({ name: 'base', valueCode: type })),
      { name: 'status', valueCode: ready ? 'ready' : 'indexing' },
      { name: 'done', valueInteger: ready ? Math.max(done, total) : done },
      { name: 'total', valueInteger: Math.max(done, total) },
    ],
  };
}
