/** What a stored resource is found by: index entries, and words where full text search is offered. */
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

/** What full text search is to find, if it is offered. */
export const textIfOffered = (
  { settings, definitions }: Pick<Indexing, 'settings' | 'definitions'>,
  resource: Resource,
): { readonly words?: ResourceText } => (settings.fullText ? { words: wordsOf(resource, definitions) } : {});

/** A stored version, which must have a text, with what it is found by now. */
export function indexAnew<Row extends { readonly text?: Buffer | undefined }>(
  indexing: Indexing,
  row: Row,
): { readonly row: Row; readonly entries: readonly IndexEntry[]; readonly words?: ResourceText } {
  const { resource } = parseJson(row.text!, STORED_JSON);
  const entries = extract(resource, indexing.parameters, { bases: indexing.settings.bases });
  return { row, entries, ...textIfOffered(indexing, resource) };
}
