/**
 * Everything that belongs to a patient, an encounter or several patients, in one order that does not change while somebody
 * pages through it: the resource itself; the compartments, each in the store's own order; what those refer to, by name, and the
 * Binaries that hold the content of their documents, which are in no compartment.
 * https://hl7.org/fhir/R4/compartmentdefinition.html
 */
import type { StoreView } from '../../access/view.js';
import { compartmentWhere } from '../../search/compartment.js';
import { match } from '../../search/match.js';
import type { Cursor, Query } from '../../search/query.js';
import { type ListedVersion, listingOf, pickRows, rowOf } from '../../store/listing.js';
import type { Listing, ResourceName, Version } from '../../store/store.js';
import { FREE } from '../response/allowance.js';
import type { Context, Engine } from '../engine.js';
import { indexStored } from '../../search/index-resource.js';
import { type RecordFilter, recordCondition } from './record-condition.js';
import { binariesIn } from '../write/pointing.js';
import { addReferences } from './text-references.js';

type Seeing = Pick<Context, 'engine' | 'view'>;

export interface Record {
  readonly root: Version;
  /** Whose compartments: patients, or an encounter. */
  readonly owners: readonly ResourceName[];
  /** Of the compartments, those wanted. */
  readonly types: readonly string[];
  readonly given: RecordFilter;
  /** Waits until so many bytes may be in memory. */
  readonly admit: (bytes: number) => Promise<void>;
}

/** Where a row stands in the order: ['root'], ['owner', which, …cursor of the store], ['name', 'Type/id']. */
export type RecordPlace = Cursor;

/** Rows with their places in the order of the record. */
export interface Lot {
  readonly mode: 'match' | 'include';
  readonly listing: Listing;
}

/** Rows of a first lot, and of later ones where resources are small. */
const FIRST_LOT = 1000;
const MAX_LOT = 2500;

/** As many rows as are likely to fit, after these: each question costs, and so does what was read for nothing. */
const nextLot = ({ ids, texts }: Listing, most: number): number =>
  Math.max(1, Math.min(most, MAX_LOT, Math.floor((FREE * ids.length) / Math.max(texts.length, 1))));

/** Rows in lots, none of them empty; those after `after`. `most`: how many are wanted at most, to read no more than that at once. */
export async function* walkRecord(
  context: Seeing,
  record: Record,
  after: RecordPlace | undefined,
  most: number | undefined,
): AsyncGenerator<Lot> {
  const { root, given } = record;
  const named = after?.[0] === 'name' ? String(after[1]) : undefined;
  const lot = most ?? Infinity;
  if (!after && wants(given, root.type) && root.updated >= (given.since ?? 0))
    yield { mode: 'match', listing: listingOf({ rows: [root], cursors: [['root']], more: false }) };
  const ranks = new Map(record.owners.map(({ id }, i) => [id, i]));
  const references = new References(context, record);
  references.read(listingOf({ rows: [root], cursors: [], more: false }));
  // What the whole record refers to is known when all of it was read: pages at the end read it again.
  const [kind, first, ...cursor] = after ?? [];
  const from = kind === 'owner' ? Number(first) : 0;
  for (const [i, owner] of record.owners.entries()) {
    const start = kind === 'owner' && i === from ? cursor : undefined;
    if (named === undefined && i >= from)
      for await (const found of compartment(context, record, ranks, owner, start, lot)) {
        references.read(found.listing);
        yield found;
      }
  }
  if (after)
    for (const owner of record.owners)
      for await (const { listing } of compartment(context, record, ranks, owner, undefined, Infinity))
        references.read(listing);
  yield* referredTo(
    context,
    record,
    references.names().filter(name => named === undefined || name > named),
    Math.min(lot, FIRST_LOT),
  );
}

/** What the record refers to, by name. */
async function* referredTo(
  context: Seeing,
  record: Record,
  names: readonly string[],
  lot: number,
): AsyncGenerator<Lot> {
  for (let at = 0; at < names.length; at += lot) {
    const read = await Promise.all(
      names.slice(at, at + lot).map(name => {
        const [type, id] = name.split('/') as [string, string];
        return context.view.read(type, id, undefined, READ_TOGETHER_BYTES);
      }),
    );
    for await (const rows of withTexts(context, record, read)) {
      const shown = rows.filter(row => mayBeIncluded(record, row));
      const cursors = shown.map(({ type, id }): Cursor => ['name', `${type}/${id}`]);
      if (shown.length > 0) yield { mode: 'include', listing: listingOf({ rows: shown, cursors, more: false }) };
    }
  }
}

/** Bytes of a text that is read together with others. */
const READ_TOGETHER_BYTES = 32 * 1024;

/** The rows that are there, in order; each that is too large to be read with others is read by itself. */
async function* withTexts({ view }: Seeing, record: Record, read: readonly (Version | undefined)[]) {
  let together: Version[] = [];
  for (const row of read) {
    if (row?.text) together.push(row);
    if (row?.withheld === undefined) continue;
    yield together;
    together = [];
    if (row.withheld > FREE) await record.admit(row.withheld);
    const whole = await view.read(row.type, row.id, row.version);
    if (whole?.text) yield [whole];
  }
  yield together;
}

const wants = ({ types }: RecordFilter, type: string): boolean => types === undefined || types.includes(type);

/** What is a part of the record and was left out by its date does not come back by a reference. Bytes have no date but that of their document. */
function mayBeIncluded({ given, owners }: Record, { type, updated, patients }: Version): boolean {
  const dated = type !== 'Binary' && (given.start !== undefined || given.end !== undefined);
  return updated >= (given.since ?? 0) && !(dated && owners.some(({ id }) => patients.includes(id)));
}

async function* compartment(
  context: Seeing,
  record: Record,
  ranks: ReadonlyMap<string, number>,
  owner: ResourceName,
  start: Cursor | undefined,
  most: number,
): AsyncGenerator<Lot> {
  const { engine } = context;
  const { root, types, given } = record;
  const which = ranks.get(owner.id)!;
  const isEarlier = (id: string) => (ranks.get(id) ?? which) < which;
  // Nothing but the Encounter itself is of its own type.
  const wanted = owner.type === 'Patient' ? types : types.filter(type => type !== owner.type);
  if (wanted.length === 0) return;
  const condition = recordCondition(engine, owner, wanted, given);
  const isFresh = (listing: Listing, row: number) =>
    listing.ends[row]! > listing.starts[row]! &&
    !(listing.types[row] === root.type && listing.ids[row] === root.id) &&
    !(which > 0 && wasShown(engine, rowOf(listing, row), isEarlier));
  let bytes = FREE;
  let limit = Math.min(most, FIRST_LOT);
  for (let after = start; ; ) {
    const query: Query = { sort: [], limit, bytes, recurs: true, ...condition };
    const page = await context.view.list(after ? { after, ...query } : query);
    bytes = FREE;
    const count = page.ids.length;
    if (page.next !== undefined && count === 0) {
      await record.admit(page.next);
      bytes = page.next;
      continue;
    }
    const fresh = pickRows(
      page,
      [...page.ids.keys()].filter(row => isFresh(page, row)),
    );
    if (fresh.ids.length > 0)
      yield { mode: 'match', listing: { ...fresh, placeOf: row => ['owner', which, ...fresh.placeOf(row)] } };
    if (!page.more) return;
    after = page.placeOf(count - 1);
    limit = nextLot(page, most);
  }
}

/** It belongs to an earlier patient as well. */
function wasShown(engine: Engine, row: ListedVersion, isEarlier: (id: string) => boolean): boolean {
  const { type, id } = row;
  if (type === 'Patient' && isEarlier(id)) return true;
  const named = [...row.text!.toString('latin1').matchAll(/Patient\/([A-Za-z0-9\-.]{1,64})/g)]
    .map(([, patient]) => patient!)
    .filter(isEarlier);
  if (named.length === 0) return false;
  const { entries } = indexStored(engine, row);
  // No condition of a compartment asks when something was updated.
  const subject = { type, id, updated: 0, entries };
  return named.some(patient =>
    match(compartmentWhere(engine.definitions, engine.parameters, { type: 'Patient', id: patient }, [type]), subject),
  );
}

const TARGET = /^([A-Z][A-Za-z]{2,40})\/([A-Za-z0-9\-.]{1,64})(?:\/_history\/[^"]+)?$/;

const BINARY = Buffer.from('Binary');

/** What rows refer to, and whose bytes their attachments name, read from their text without parsing it. */
class References {
  readonly #view: StoreView;
  readonly #bases: readonly string[];
  readonly #record: Record;
  readonly #read: Listing[] = [];
  readonly #targets = new Set<string>();

  constructor({ view, engine }: Seeing, record: Record) {
    this.#view = view;
    this.#bases = engine.settings.bases;
    this.#record = record;
  }

  read(listing: Listing): void {
    this.#read.push(listing);
    const { texts, starts, ends } = listing;
    addReferences(texts, this.#targets);
    if (!texts.includes(BINARY)) return;
    for (const [row, start] of starts.entries())
      for (const id of binariesIn(texts.subarray(start, ends[row]), this.#bases)) this.#targets.add(`Binary/${id}`);
  }

  /** `Type/id` of those that were not read themselves, in order. */
  names(): string[] {
    const { given } = this.#record;
    const idsByType = new Map<string, Set<string>>();
    for (const text of this.#targets) {
      const [, type = '', id = ''] = TARGET.exec(text) ?? [];
      if (id === '' || !this.#view.shows(type) || !wants(given, type)) continue;
      const ids = idsByType.get(type);
      if (ids) ids.add(id);
      else idsByType.set(type, new Set([id]));
    }
    for (const { types, ids } of this.#read) types.forEach((type, row) => idsByType.get(type)?.delete(ids[row]!));
    return [...idsByType].flatMap(([type, ids]) => [...ids].map(id => `${type}/${id}`)).toSorted();
  }
}
