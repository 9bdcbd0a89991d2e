/**
 * $reindex, on the system: POST asks for all resources, or those of `type`, to be indexed anew in the background.
 * $reindex-status says how far every custom search parameter and every such request is, and changes nothing.
 * Administrators only. Both answer with the same Parameters. Defined in profiles/operationdefinition-reindex.json and
 * profiles/operationdefinition-reindex-status.json; the job is ../reindex.ts.
 */
import { FhirError } from '../../fhir/error.js';
import type { JsonObject } from '../../fhir/resource.js';
import type { Context, Engine, OperationImplementation } from '../engine.js';
import type { Of, Outcome } from '../interaction.js';
import { jsonText } from './operation.js';
import { readGiven } from './parameters.js';
import type { Progress } from '../../conformance/reindex-notes.js';

export const reindexOperation: OperationImplementation = { run: requestReindex };
export const reindexStatus: OperationImplementation = { shows: 'Parameters', run: showReindex };

async function requestReindex({ engine }: Context, ask: Of<'operation'>): Promise<Outcome> {
  const [given] = readGiven(engine, ask).given;
  const type = given && jsonText(given.value);
  if (given && !engine.definitions.resourceTypes.includes(type!))
    throw new FhirError('invalid', 'The parameter type must be an R4 resource type.', {
      expression: given.at,
      detail: 'bad-parameter-value',
    });
  await engine.reindexer.request(type === undefined ? undefined : [type]);
  return progress(engine);
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
