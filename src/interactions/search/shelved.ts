/**
 * Definitions of R4 and of guides, read-only, where none is stored: by their canonical in a search with `url`, and by their id. Nothing else
 * finds them: a search for all StructureDefinitions gives those that are stored. https://hl7.org/fhir/R4/references.html#canonical
 *
 * Choices: a stored definition with the url hides them all. Without `version` the first is meant, as validation means it; ids are unique
 * within a guide alone, and the first has it.
 */
import type { DefinitionShelf, ShelvedDefinition } from '../../fhir/definition-shelf.js';
import type { Test, Where } from '../../search/query.js';
import type { Version } from '../../store/store.js';
import type { Context, Engine } from '../engine.js';

/** Types whose definitions are on the shelf. */
export const SHELVED_TYPES: ReadonlySet<string> = new Set([
  'StructureDefinition',
  'ValueSet',
  'CodeSystem',
  'ConceptMap',
  'SearchParameter',
]);

/** The text of one with this id; undefined: there is none, or whoever asks may not see the type. */
export async function readShelved({ engine, view }: Context, type: string, id: string): Promise<Buffer | undefined> {
  if (!SHELVED_TYPES.has(type) || !view.shows(type)) return undefined;
  const resource = await (await engine.shelf.byId(type, id))?.read();
  return resource && Buffer.from(JSON.stringify(resource));
}

/** Those that a search may mean, like rows of a store; whether they satisfy all of it is not looked at. */
export async function shelvedRows({ engine, view }: Context, type: string, where: Where): Promise<readonly Version[]> {
  if (!SHELVED_TYPES.has(type) || !view.shows(type)) return [];
  const rows = new Map<string, Version>();
  for (const { value, version } of canonicalsAsked(where)) {
    const stored = await view.find({ types: [type], where: withUrl(value), sort: [], limit: 1 });
    if (stored.rows.length > 0) continue;
    for (const found of await meant(engine.shelf, type, value, version ?? versionAsked(where))) {
      const row = await rowOfShelved(engine, found);
      if (row && !rows.has(row.id)) rows.set(row.id, row);
    }
  }
  return [...rows.values()];
}

/** Alternatives of one search that are looked up. */
const MOST_URLS = 50;

interface AskedCanonical {
  readonly value: string;
  readonly version: string | undefined;
}

/** The urls that a search asks for; none where it may mean others, too. */
function canonicalsAsked(where: Where): readonly AskedCanonical[] {
  switch (where.kind) {
    case 'param':
      return where.code === 'url' ? exactly(where.test) : [];
    case 'all':
      return where.of.map(canonicalsAsked).find(found => found.length > 0) ?? [];
    case 'any': {
      const each = where.of.map(canonicalsAsked);
      return each.every(found => found.length > 0) ? each.flat().slice(0, MOST_URLS) : [];
    }
    default:
      return [];
  }
}

const exactly = (test: Test): readonly AskedCanonical[] =>
  test.kind === 'uri' && test.mode === 'exact'
    ? [{ value: test.value, version: 'version' in test && typeof test.version === 'string' ? test.version : undefined }]
    : [];

/** The one version that a search asks for beside the url. */
function versionAsked(where: Where): string | undefined {
  if (where.kind === 'all') return where.of.map(versionAsked).find(found => found !== undefined);
  if (where.kind !== 'param' || where.code !== 'version' || where.test.kind !== 'token') return undefined;
  const [first, ...more] = where.test.any;
  return more.length === 0 ? first?.code : undefined;
}

async function meant(shelf: DefinitionShelf, type: string, url: string, version: string | undefined) {
  const found = await shelf.list(type, url, version);
  return version === undefined ? found.slice(0, 1) : found;
}

const withUrl = (value: string): Where => ({ kind: 'param', code: 'url', test: { kind: 'uri', mode: 'exact', value } });

async function rowOfShelved({ settings }: Engine, found: ShelvedDefinition): Promise<Version | undefined> {
  const { type, url, id = url.slice(url.lastIndexOf('/') + 1) } = found;
  const resource = await found.read();
  if (!resource) return undefined;
  const text = Buffer.from(JSON.stringify({ ...resource, id }));
  return { type, id, version: 1, updated: settings.software.started, method: 'PUT', text, patients: [] };
}
