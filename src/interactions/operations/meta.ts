/**
 * $meta, $meta-add, $meta-delete: https://hl7.org/fhir/R4/resource-operation-meta.html,
 * https://hl7.org/fhir/R4/resource-operation-meta-add.html, https://hl7.org/fhir/R4/resource-operation-meta-delete.html
 *
 * Choices: offered for one resource. R4's $meta of a type and of the whole server, all labels in use, would have to read
 * everything. A change of labels is a version like any other, so that it has a place in history and an audit event; what
 * changes nothing makes none. Versions of the past are not changed.
 */
import { FhirError } from '../../fhir/error.js';
import { parseJson } from '../../fhir/json.js';
import type { Json, JsonObject } from '../../fhir/resource.js';
import type { Version } from '../../store/store.js';
import type { Context, Of, Outcome } from '../interaction.js';
import { addLabels, type Labels, labelsIn, removeLabels, withLabels, withMeta } from '../meta.js';
import type { Operation } from '../operation.js';
import { prepare } from '../prepare.js';
import { about, gone } from '../read.js';
import { wholeText } from '../release.js';
import { next } from '../update.js';

export const meta: Operation = {
  levels: ['instance'],
  methods: ['GET', 'POST'],
  definition: 'meta',
  role: 'reader',
  writes: false,
  run: show,
};
export const metaAdd: Operation = { ...changing('meta-add', addLabels) };
export const metaDelete: Operation = { ...changing('meta-delete', removeLabels) };

function changing(definition: string, combine: (before: Labels, given: Labels) => Labels): Operation {
  return {
    levels: ['instance'],
    methods: ['POST'],
    definition,
    role: 'writer',
    writes: true,
    run: (context, ask) => change(context, ask, combine),
  };
}

async function current({ engine }: Context, { type = '', id = '' }: Of<'operation'>): Promise<Version> {
  const row = await engine.store.read(type, id);
  if (!row) throw new FhirError('not-found', `There is no ${type} with this id.`);
  if (!row.text) throw gone(row);
  return row;
}

async function show(context: Context, ask: Of<'operation'>): Promise<Outcome> {
  const row = await current(context, ask);
  return {
    result: { status: 200, ...about(row), text: answer(parseJson(row.text!, { maxDepth: 200 }).resource['meta']) },
  };
}

async function change(
  context: Context,
  ask: Of<'operation'>,
  combine: (before: Labels, given: Labels) => Labels,
): Promise<Outcome> {
  const { engine } = context;
  const given = labelsGiven(ask);
  const row = await current(context, ask);
  const body = parseJson(await wholeText(engine, row), { maxDepth: 200 });
  const before = body.resource['meta'];
  const labels = combine(labelsIn(before) ?? {}, given);
  if (JSON.stringify(labels) === JSON.stringify(combine(labelsIn(before) ?? {}, {})))
    return { result: { status: 200, ...about(row), text: answer(before) } };
  const prepared = await prepare(
    engine,
    { ...next(engine, row.type, row.id, row), method: 'PUT' },
    withMeta(body, withLabels(before, labels)),
  );
  const { meta: after } = parseJson(prepared.text!, { maxDepth: 200 }).resource;
  return { changes: [prepared.change], result: { status: 200, ...about(prepared.change), text: answer(after) } };
}

/** The parameter `meta` of a Parameters. */
function labelsGiven({ body }: Of<'operation'>): Labels {
  const list = body?.resource.resourceType === 'Parameters' ? body.resource['parameter'] : undefined;
  const given = (Array.isArray(list) ? (list as JsonObject[]) : []).filter(({ name }) => name === 'meta');
  const labels = given.length === 1 ? labelsIn(given[0]!['valueMeta']) : undefined;
  if (!labels)
    throw new FhirError(
      'invalid',
      'Send Parameters with one parameter called meta: a Meta with profiles, security labels or tags.',
      { expression: 'Parameters.parameter', detail: 'bad-parameter-value' },
    );
  return labels;
}

const answer = (value: Json | undefined): Buffer =>
  Buffer.from(JSON.stringify({ resourceType: 'Parameters', parameter: [{ name: 'return', valueMeta: value ?? {} }] }));
