/** Indexes a resource: its entries, and its words where full text search is offered. */
import type { Definitions } from '../fhir/definitions.js';
import { parseJson, STORED_JSON } from '../fhir/json/json.js';
import type { Resource } from '../fhir/resource.js';
import type { IndexEntry } from './entry.js';
import { extract, extractSome } from './extract.js';
import type { Subject } from './match.js';
import type { SearchParameters } from './parameters.js';
import type { Where } from './query.js';
import type { ResourceText } from './words.js';
import { wordsOf } from './words-of.js';

export interface Indexing {
  readonly definitions: Definitions;
  readonly parameters: SearchParameters;
  readonly settings: { readonly bases: readonly string[]; readonly fullText: boolean };
}

/** The words for full text search, where it is offered. */
export const offeredText = (
  { settings, definitions }: Pick<Indexing, 'settings' | 'definitions'>,
  resource: Resource,
): { readonly words?: ResourceText } => (settings.fullText ? { words: wordsOf(resource, definitions) } : {});

/** Indexes a stored version, which must have a text, by the parameters now in force. */
export function indexStored<Row extends { readonly text?: Buffer | undefined }>(
  indexing: Indexing,
  row: Row,
): { readonly row: Row; readonly entries: readonly IndexEntry[]; readonly words?: ResourceText } {
  const { resource } = parseJson(row.text!, STORED_JSON);
  const entries = extract(resource, indexing.parameters, { bases: indexing.settings.bases });
  return { row, entries, ...offeredText(indexing, resource) };
}

interface StoredRow extends Pick<Subject, 'type' | 'id' | 'updated'> {
  readonly text?: Buffer | undefined;
}

/** A stored version, which must have a text, as far as a condition without links asks about it. */
export function asAsked(
  { parameters, settings }: Pick<Indexing, 'parameters' | 'settings'>,
  row: StoredRow,
  where: Where,
): Subject {
  const { resource } = parseJson(row.text!, STORED_JSON);
  const { type, id, updated } = row;
  return { type, id, updated, entries: entriesAsked({ parameters, settings }, resource, where) };
}

type Asking = Pick<Indexing, 'parameters'> & { readonly settings: Pick<Indexing['settings'], 'bases'> };

/** What a resource is found by, as far as a condition without links asks about it. */
export const entriesAsked = (
  { parameters, settings: { bases } }: Asking,
  resource: Resource,
  where: Where,
): readonly IndexEntry[] => extractSome(resource, parameters, { bases }, codesAsked(where));

const codes = new WeakMap<Where, ReadonlySet<string>>();

/** Of the parameters that a condition asks. */
export function codesAsked(where: Where): ReadonlySet<string> {
  let found = codes.get(where);
  if (!found) codes.set(where, (found = new Set(codesOf(where))));
  return found;
}

function codesOf(where: Where): readonly string[] {
  switch (where.kind) {
    case 'all':
    case 'any':
      return where.of.flatMap(codesOf);
    case 'not':
      return codesOf(where.of);
    case 'of':
      return codesOf(where.where);
    case 'param':
    case 'present':
    case 'chain':
    case 'has':
      return [where.code];
    case 'words':
      return [];
  }
}
