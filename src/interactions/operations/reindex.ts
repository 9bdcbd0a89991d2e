/**
 * $reindex, on the system: POST asks for all resources, or those of `type`, to be indexed anew in the background.
 * $reindex-status says how far every custom search parameter and every such request is, and changes nothing.
 * Administrators only. Both answer with the same Parameters. Defined in profiles/operationdefinition-reindex.json and
 * profiles/operationdefinition-reindex-status.json; the job is ../reindex.ts.
 */
import { FhirError } from '../../fhir/error.js';
import type { Json, JsonObject } from '../../fhir/resource.js';
import type { Context, Engine } from '../engine.js';
import type { Of, Outcome } from '../interaction.js';
import { sortOut } from '../unknown-parameters.js';
import type { Operation } from './operation.js';
import type { Progress } from '../../conformance/reindex-notes.js';

export const reindex: Operation = {
  levels: ['system'],
  methods: ['POST'],
  definition: 'reindex',
  role: 'admin',
  effect: 'reads',
  run: request,
};

export const reindexStatus: Operation = {
  ...reindex,
  methods: ['GET', 'POST'],
  definition: 'reindex-status',
  shows: 'Parameters',
  run: show,
};

async function request({ engine }: Context, ask: Of<'operation'>): Promise<Outcome> {
  const type = typeOf(ask);
  if (type !== undefined && !engine.definitions.resourceTypes.includes(type))
    throw bad('The parameter type must be an R4 resource type.');
  await engine.reindexer.request(type === undefined ? undefined : [type]);
  return progress(engine);
}

async function show({ engine }: Context, ask: Of<'operation'>): Promise<Outcome> {
  sortOut(ask.parameters, [], ask.lenient, '$reindex-status');
  if (ask.body?.resource['parameter'] !== undefined) throw bad('$reindex-status takes no parameters.');
  await engine.reindexer.refresh();
  return progress(engine);
}

function progress({ reindexer }: Engine): Outcome {
  const parameter = reindexer.progress().map(partsOf);
  const text = JSON.stringify({ resourceType: 'Parameters', ...(parameter.length > 0 ? { parameter } : {}) });
  return { result: { status: 200, text: Buffer.from(text), patients: [] } };
}

const bad = (message: string) =>
  new FhirError('invalid', message, { expression: 'Parameters.parameter', detail: 'bad-parameter-value' });

/** The one parameter, from the URL or from the body. */
function typeOf({ parameters, body }: Of<'operation'>): string | undefined {
  const given: (readonly [Json | undefined, Json | undefined])[] = [
    ...sortOut(parameters, ['type'], false, '$reindex').known,
  ];
  if (body) {
    if (body.resource.resourceType !== 'Parameters') throw bad('The body must be a Parameters resource.');
    const list = Array.isArray(body.resource['parameter']) ? (body.resource['parameter'] as JsonObject[]) : [];
    given.push(...list.map(item => [item['name'], item['valueCode'] ?? item['valueString']] as const));
  }
  if (given.some(([name]) => name !== 'type')) throw bad('$reindex knows one parameter, type (a code).');
  if (given.length > 1) throw bad('The parameter type may be given once.');
  const [, value] = given[0] ?? [];
  if (given.length > 0 && typeof value !== 'string') throw bad('The parameter type must be a code.');
  return value as string | undefined;
}

function partsOf({ custom, pending, done, total }: Progress): JsonObject {
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
