/**
 * $everything of a Patient, an Encounter or a Group: https://hl7.org/fhir/R4/operation-patient-everything.html,
 * https://hl7.org/fhir/R4/operation-encounter-everything.html, https://hl7.org/fhir/R4/operation-group-everything.html
 *
 * The resource itself, its compartment (of a Group: those of its patients), then what those refer to, marked as included.
 * Without _count the answer is one Bundle, written as it is read; with _count it comes in pages.
 *
 * Choices: the audit trail is given only where _type names it, because it grows with every look; resources without a
 * clinical date belong to every period; a filter on time holds for what is referred to only where that is a part of the
 * record itself (_since: always).
 */
import { parseDateTime } from '../../fhir/datetime.js';
import { FhirError } from '../../fhir/error.js';
import { parseJson } from '../../fhir/json.js';
import type { JsonObject } from '../../fhir/resource.js';
import { newId } from '../../platform/ids.js';
import { compartmentTypes } from '../../search/compartment.js';
import type { Version } from '../../store/store.js';
import { bundle, type BundleEntry, streamBundle } from '../bundle.js';
import type { Context, Engine, Of, Outcome, Parameters } from '../interaction.js';
import type { Operation } from '../operation.js';
import { linkTo, openPage, pageLink } from '../paging.js';
import { about, gone } from '../read.js';
import { type Given, type Place, type Record, walkRecord } from '../record.js';
import { rowEntries } from '../searchset.js';

export const everything: Operation = {
  levels: ['instance'],
  methods: ['GET', 'POST'],
  definition: 'everything',
  role: 'reader',
  writes: false,
  types: ['Patient', 'Encounter', 'Group'],
  run,
};

async function run({ engine }: Context, ask: Of<'operation'>, without: readonly string[]): Promise<Outcome> {
  const { type = '', id = '' } = ask;
  const path = `${type}/${id}/$everything`;
  const page = openPage(engine, path, ask.parameters);
  const parameters =
    page?.parameters ?? [...ask.parameters, ...fromBody(ask)].filter(([name]) => !PRESENTATION.has(name));
  const { count, ...given } = readParameters(engine, parameters, without);
  const root = await engine.store.read(type, id);
  if (!root) throw new FhirError('not-found', `There is no ${type} with this id.`);
  if (!root.text) throw gone(root);
  const owners = type === 'Group' ? members(root) : [{ type, id }];
  const compartment = owners[0] && (compartmentTypes(engine.definitions, owners[0].type) ?? []);
  const every = (compartment ?? []).filter(name => !without.includes(name) && (name !== 'AuditEvent' || given.types));
  const record: Record = {
    root,
    owners,
    types: given.types ? every.filter(name => given.types!.includes(name)) : every,
    without,
    given,
  };
  const patients = type === 'Group' ? owners.map(owner => owner.id) : root.patients;
  const { subject } = about(root);
  const at = engine.now();
  const link = [{ relation: 'self', url: linkTo(engine, path, page ? ask.parameters : parameters) }];
  const head = { type: 'searchset' as const, lastUpdated: at };
  if (count === undefined) {
    const stream = streamBundle({ ...head, link }, entriesOf(engine, record), newId(at));
    return { result: { status: 200, stream, subject, patients } };
  }
  const entries: BundleEntry[] = [];
  let last: Place | undefined;
  let more = false;
  for await (const lot of walkRecord(engine, record, page?.cursor, count + 1)) {
    const free = count - entries.length;
    more = lot.rows.length > free;
    const rows = lot.rows.slice(0, free);
    entries.push(...(await rowEntries(engine, rows, WHOLE, lot.mode)));
    if (rows.length > 0) last = lot.placeOf(rows.length - 1);
    if (more) break;
  }
  if (more && last)
    link.push({ relation: 'next', url: pageLink(engine, { path, parameters, cursor: last, direction: 'after' }) });
  return {
    result: {
      status: 200,
      text: bundle({ ...head, link }, entries, newId(at)),
      subject,
      patients,
    },
  };
}

const WHOLE = { summary: undefined, elements: undefined };
/** Answered by the HTTP layer. */
const PRESENTATION = new Set(['_format', '_pretty', '_page']);

async function* entriesOf(engine: Engine, record: Record) {
  for await (const { rows, mode } of walkRecord(engine, record, undefined, undefined))
    yield rowEntries(engine, rows, WHOLE, mode);
}

/** Patients of a Group, each once. */
function members({ text }: Version): { type: string; id: string }[] {
  const { member } = parseJson(text!, { maxDepth: 200 }).resource;
  const ids = new Set<string>();
  for (const each of Array.isArray(member) ? (member as JsonObject[]) : []) {
    const reference = (each['entity'] as JsonObject | undefined)?.['reference'];
    const found =
      typeof reference === 'string'
        ? /(?:^|\/)Patient\/([A-Za-z0-9\-.]{1,64})(?:\/_history\/[^/]+)?$/.exec(reference)
        : null;
    if (found && each['inactive'] !== true) ids.add(found[1]!);
  }
  return [...ids].map(id => ({ type: 'Patient', id }));
}

/** Parameters of the body in the form of those of the URL. */
function fromBody({ body }: Of<'operation'>): Parameters {
  if (!body) return [];
  if (body.resource.resourceType !== 'Parameters') throw bad('The body must be a Parameters resource.');
  const list = Array.isArray(body.resource['parameter']) ? (body.resource['parameter'] as JsonObject[]) : [];
  return list.map(item => {
    const [, value] = Object.entries(item).find(([key]) => key.startsWith('value')) ?? [];
    const { name } = item;
    return [
      typeof name === 'string' ? name : '',
      typeof value === 'string' || typeof value === 'number' ? `${value}` : '',
    ];
  });
}

const bad = (message: string, name?: string) =>
  new FhirError('invalid', message, {
    expression: name === undefined ? 'Parameters.parameter' : `http.${name}`,
    detail: 'bad-parameter-value',
  });

function readParameters(
  { definitions, settings }: Engine,
  parameters: Parameters,
  without: readonly string[],
): Given & { readonly count?: number } {
  const given: { -readonly [K in keyof Given]: Given[K] } & { count?: number } = {};
  const types: string[] = [];
  for (const [name, value] of parameters) {
    switch (name) {
      case '_type':
        types.push(...value.split(','));
        break;
      case '_count':
        if (!/^[1-9]\d{0,8}$/.test(value)) throw bad('_count must be a whole number above 0.', name);
        given.count = Math.min(Number(value), settings.maxPageSize);
        break;
      case '_since':
      case 'start':
      case 'end': {
        const range = parseDateTime(value);
        if (!range) throw bad(`${name} must be ${name === '_since' ? 'an instant' : 'a date'}.`, name);
        given[name === '_since' ? 'since' : name] = name === 'end' ? range.high : range.low;
        break;
      }
      default:
        throw new FhirError(
          'not-supported',
          '$everything knows start, end, _since, _type and _count, not this parameter.',
          {
            expression: `http.${name.slice(0, 64)}`,
            detail: 'unknown-parameter',
          },
        );
    }
  }
  if (types.some(name => !definitions.resourceTypes.includes(name)))
    throw bad('_type must name R4 resource types, separated by commas.', '_type');
  if (types.some(name => without.includes(name)))
    throw new FhirError('forbidden', 'This role may not see all types that _type names.', { expression: 'http._type' });
  return types.length > 0 ? { ...given, types } : given;
}
