/** Indexes a resource: its entries, and its words where full text search is offered. */
import type { Definitions } from '../fhir/definitions.js';
import { parseJson, STORED_JSON } from '../fhir/json/json.js';
import type { Resource } from '../fhir/resource.js';
import type { IndexEntry } from './entry.js';
import { extract } from './extract.js';
import type { SearchParameters } from './parameters.js';
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
