/** Finds definitions that users stored: ValueSets, CodeSystems and ConceptMaps for the terminology module, by URL or by id; any by URL. */
import type { Resource } from '../fhir/resource.js';
import { readStoredText } from '../fhir/json/stored-text.js';
import { ANY_RESOURCE, any, type Where } from '../search/query.js';
import type { Store, Version } from '../store/store.js';
import type { ListCanonicals, LoadCanonical, UnparsedResource } from '../terminology/terminology.js';

type Searched = Pick<Store, 'read' | 'find' | 'findIds'>;

/** A URL should name one resource. Where several share it, so many are looked at. */
const MAX_SAME_URL = 20;
/** Bytes of texts that are read with what is found. Longer ones are left in the store until somebody wants them. */
const MAX_TEXTS = 256 * 1024;
/** Maps from or to a code system that are looked at. */
const MAX_MAPS = 100;

/** `bytes`: of its text, as far as it is at hand. */
export interface FoundCanonical extends UnparsedResource {
  readonly bytes: number;
}

type Asked = Parameters<LoadCanonical>;

export function loadFrom(store: Searched): (...asked: Asked) => Promise<FoundCanonical | undefined> {
  return async (type, by) => {
    if ('id' in by) return unparsed(store, type, await store.read(type, by.id, undefined, MAX_TEXTS))[0];
    const { url, version } = by;
    const ofVersion: Where[] =
      version === undefined
        ? []
        : [{ kind: 'param', code: 'version', test: { kind: 'token', any: [{ code: version }] } }];
    const rows = await newest(store, type, { kind: 'all', of: [withUri('url', url), ...ofVersion] }, MAX_SAME_URL);
    return rows.flatMap(row => unparsed(store, type, row))[0];
  };
}

/** Those of any type with a url, the one written last first. */
export const listByUrl = async (store: Searched, type: string, url: string): Promise<readonly StoredDefinition[]> =>
  (await newest(store, type, withUri('url', url), MAX_SAME_URL)).flatMap(row =>
    unparsed(store, type, row).map(found => ({
      bytes: row.text?.length ?? row.withheld ?? 0,
      read: () => found.read(),
    })),
  );

/** Some of a type, the one written last first. */
export const listAny = async (store: Searched, type: string): Promise<readonly Resource[]> =>
  Promise.all(
    (await newest(store, type, ANY_RESOURCE, MAX_SAME_URL)).flatMap(row =>
      unparsed(store, type, row).map(found => found.read()),
    ),
  );

export interface StoredDefinition {
  /** Of its text. */
  readonly bytes: number;
  readonly read: () => Promise<Resource>;
}

/** The one written last comes first. */
export function listFrom(
  store: Searched,
): (...asked: Parameters<ListCanonicals>) => Promise<readonly FoundCanonical[]> {
  return async (type, by) => {
    const where =
      'url' in by ? withUri('url', by.url) : any(withUri('source-system', by.maps), withUri('target-system', by.maps));
    const rows = await newest(store, type, where, 'url' in by ? MAX_SAME_URL : MAX_MAPS);
    return rows.flatMap(row => unparsed(store, type, row));
  };
}

const withUri = (code: string, value: string): Where => ({
  kind: 'param',
  code,
  test: { kind: 'uri', mode: 'exact', value },
});

async function newest(store: Searched, type: string, where: Where, limit: number): Promise<readonly Version[]> {
  const page = await store.find({ types: [type], where, sort: [], limit, bytes: MAX_TEXTS });
  const rows = page.next === undefined ? page.rows : await withoutTexts(store, type, where, limit);
  return rows.toSorted((a, b) => b.updated - a.updated);
}

async function withoutTexts(store: Searched, type: string, where: Where, limit: number): Promise<readonly Version[]> {
  const { found } = await store.findIds({ types: [type], where }, limit);
  const rows = await Promise.all(found.map(({ id }) => store.read(type, id, undefined, 0)));
  return rows.filter(row => row !== undefined);
}

function unparsed(store: Searched, type: string, row: Version | undefined): FoundCanonical[] {
  if (!row || (row.text === undefined && row.withheld === undefined)) return [];
  const { id, version } = row;
  const read = async (): Promise<Resource> => {
    const text = row.text ?? (await store.read(type, id, version))?.text;
    // What was erased meanwhile says nothing.
    return text ? readStoredText(text) : { resourceType: type };
  };
  return [{ key: `${type}/${id}/${version}`, bytes: row.text?.length ?? 0, read }];
}
