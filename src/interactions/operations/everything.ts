/**
 * $everything of a Patient, an Encounter or a Group: https://hl7.org/fhir/R4/operation-patient-everything.html,
 * https://hl7.org/fhir/R4/operation-encounter-everything.html, https://hl7.org/fhir/R4/operation-group-everything.html
 *
 * The resource itself, its compartment (of a Group: those of its patients), then what those refer to, marked as included.
 * Without _count the answer is one Bundle, written as it is read; with _count it comes in pages.
 *
 * The Binaries of documents and other attachments are among what is referred to.
 *
 * Choices: the audit trail is given only where _type names it, because it grows with every look; resources without a
 * clinical date belong to every period; a filter on time holds for what is referred to only where that is a part of the
 * record itself (_since: always).
 */
import { parseGivenDateTime } from '../../fhir/datetime.js';
import { FhirError, type Issue } from '../../fhir/error.js';
import { parseJson, STORED_JSON } from '../../fhir/json/json.js';
import type { JsonObject } from '../../fhir/resource.js';
import { newId } from '../../platform/ids.js';
import { compartmentTypes } from '../../search/compartment.js';
import { rowOf } from '../../store/listing.js';
import type { Version } from '../../store/store.js';
import { allowanceOf, readWithText, sizeOfRow } from '../response/allowance.js';
import { bundle, type BundleEntry, listingLot, lotOf, streamBundle } from '../response/bundle.js';
import type { Allowance, Context, Engine, OperationImplementation } from '../engine.js';
import type { Of, Outcome, Parameters, View } from '../interaction.js';
import { jsonText } from './operation.js';
import { badParameter, readGiven } from './parameters.js';
import { clampCount, type Link, laterPage, openPage, pageLink, questionOf, selfLink } from '../response/paging.js';
import { auditSubject, deletedError } from '../read.js';
import { type RecordPlace, type Record, walkRecord } from '../search/compartment-walk.js';
import type { RecordFilter } from '../search/record-condition.js';
import { formOf } from '../response/resource-text.js';
import { outcomeEntry, rowEntries } from '../response/searchset.js';
import { TRAIL, typesNamed } from '../search/types-named.js';
import { readElements, readSummary, VIEW } from '../response/summary-view.js';

export const everything: OperationImplementation = { run: runEverything };

async function runEverything(context: Context, ask: Of<'operation'>): Promise<Outcome> {
  const { engine } = context;
  const allowance = allowanceOf(context);
  const { type = '', id = '' } = ask;
  const path = `${type}/${id}/$everything`;
  const page = openPage(context, path, ask.parameters);
  const horizon = page?.horizon ?? context.view.horizon();
  const { parameters, ignored } = page ? { parameters: page.parameters, ignored: [] } : questionAsked(engine, ask);
  const { count, view, ...given } = readQuestion(context, parameters);
  const root = await readWithText(context, type, id);
  if (!root) throw new FhirError('not-found', `There is no ${type} with this id.`);
  if (!root.text) throw deletedError(root);
  const record = recordOf(context, root, given, allowance);
  const patients = type === 'Group' ? record.owners.map(owner => owner.id) : root.patients;
  const { subject } = auditSubject(root);
  const used = parameters.map(([name, value]) => [name, name === '_count' ? String(count) : value] as const);
  const link: Link[] = [selfLink(engine, path, ask.parameters, used)];
  const head = { type: 'searchset' as const, horizon };
  if (count === undefined) {
    const stream = streamBundle(
      { ...head, link },
      entriesOf(context, record, view, ignored),
      newId(engine.clock.now()),
    );
    return { result: { status: 200, stream, subject, patients } };
  }
  const { entries, end } = await readPage(context, record, { view, count, after: page?.cursor }, allowance);
  const whole = !page && !end ? { total: entries.filter(isMatching).length } : {};
  if (ignored.length > 0) entries.push(outcomeEntry(ignored));
  if (end)
    link.push({
      relation: 'next',
      url: pageLink(context, { path, parameters, horizon, cursor: end, direction: 'after' }, ask.parameters),
    });
  return {
    result: {
      status: 200,
      ...bundle({ ...head, ...whole, link }, entries, newId(engine.clock.now())),
      ...laterPage(page),
      subject,
      patients,
    },
  };
}

/** What belongs to the resource, and which of it is asked for. The audit trail is given only where it is named. */
function recordOf({ engine, view: sees }: Context, root: Version, given: RecordFilter, allowance: Allowance): Record {
  const { type, id } = root;
  const owners = type === 'Group' ? members(root) : [{ type, id }];
  const compartment = owners[0] && compartmentTypes(engine.definitions, owners[0].type);
  const types = (compartment ?? []).filter(
    name => sees.shows(name) && (given.types ? given.types.includes(name) : name !== TRAIL),
  );
  return { root, owners, types, given, admit: bytes => allowance.admit(bytes) };
}

interface EverythingPage {
  readonly view: View;
  readonly count: number;
  readonly after: RecordPlace | undefined;
}

/** So many resources, or fewer where the answer would grow too large. `end`: the place of the last one, if there are more. */
async function readPage(
  context: Context,
  record: Record,
  { view, count, after }: EverythingPage,
  allowance: Allowance,
) {
  const entries: BundleEntry[] = [];
  let last: RecordPlace | undefined;
  for await (const { listing, mode } of walkRecord(context, record, after, count + 1)) {
    const rows = listing.ids.map((_, row) => rowOf(listing, row));
    let fitting = 0;
    while (fitting < Math.min(rows.length, count - entries.length)) {
      const size = sizeOfRow(rows[fitting]!);
      // A page has one resource at least.
      if (size > allowance.left && entries.length + fitting > 0) break;
      allowance.spend(size);
      fitting++;
    }
    entries.push(...(await rowEntries(context.engine, rows.slice(0, fitting), view, mode)));
    if (fitting > 0) last = listing.placeOf(fitting - 1);
    if (rows.length > fitting) return { entries, end: last };
  }
  return { entries, end: undefined };
}

const isMatching = ({ search }: BundleEntry): boolean => search?.mode === 'match';

async function* entriesOf(context: Context, record: Record, view: View, ignored: readonly Issue[]) {
  const { engine } = context;
  const plain = formOf(view) === undefined;
  for await (const { listing, mode } of walkRecord(context, record, undefined, undefined))
    yield plain
      ? listingLot(engine.settings.base, listing, mode)
      : lotOf(
          await rowEntries(
            engine,
            listing.ids.map((_, row) => rowOf(listing, row)),
            view,
            mode,
          ),
        );
  if (ignored.length > 0) yield lotOf([outcomeEntry(ignored)]);
}

/** Patients of a Group, each once. */
function members({ text }: Version): { type: string; id: string }[] {
  const { member } = parseJson(text!, STORED_JSON).resource;
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

/** The question, wherever it stands, in the form of a URL: a link to the next page repeats it. */
function questionAsked(engine: Engine, ask: Of<'operation'>): { parameters: Parameters; ignored: readonly Issue[] } {
  const { given, ignored } = readGiven(engine, ask, VIEW, questionOf(ask.parameters));
  return { parameters: given.map(({ name, value }) => [name, jsonText(value)] as const), ignored };
}

function readQuestion(
  { engine, view: sees }: Context,
  parameters: Parameters,
): RecordFilter & { readonly count?: number; readonly view: View } {
  const given: { -readonly [K in keyof RecordFilter]: RecordFilter[K] } & { count?: number } = {};
  const view: { -readonly [K in keyof View]: View[K] } = {};
  const types: string[] = [];
  for (const [name, value] of parameters) {
    switch (name) {
      case '_type':
        types.push(...typesNamed(engine, [value], sees));
        break;
      case '_summary': {
        const summary = readSummary(value);
        if (summary === 'count')
          throw badParameter('$everything cannot be counted: ask without _summary=count.', `http.${name}`);
        view.summary = summary;
        break;
      }
      case '_elements':
        view.elements = readElements(engine, engine.definitions.resourceTypes, value);
        break;
      case '_count':
        if (!/^[1-9]\d{0,8}$/.test(value)) throw badParameter('_count must be a whole number above 0.', `http.${name}`);
        given.count = clampCount(engine, Number(value));
        break;
      case '_since':
      case 'start':
      case 'end': {
        // A link holds what was checked when it was made.
        const range = parseGivenDateTime(value)!;
        given[name === '_since' ? 'since' : name] = name === 'end' ? range.high : range.low;
        break;
      }
    }
  }
  return types.length > 0 ? { ...given, types, view } : { ...given, view };
}
