/** Finds the ValueSets, CodeSystems and ConceptMaps that users stored, for the terminology module: by URL, or by id. */
import { readStoredText } from '../fhir/json/stored-text.js';
import { any, type Where } from '../search/query.js';
import type { Store, Version } from '../store/store.js';
import type { ListCanonicals, LoadCanonical, UnparsedResource } from '../terminology/terminology.js';

type Searched = Pick<Store, 'read' | 'find'>;

/** A URL should name one resource. Where several share it, so many are looked at. */
const MAX_SAME_URL = 20;
/** Maps from or to a code system that are looked at. */
const MAX_MAPS = 100;

export function loadFrom(store: Searched): LoadCanonical {
  return async (type, by) => {
    if ('id' in by) return unparsed(type, await store.read(type, by.id))[0];
    const { url, version } = by;
    const ofVersion: Where[] =
      version === undefined
        ? []
        : [{ kind: 'param', code: 'version', test: { kind: 'token', any: [{ code: version }] } }];
    const rows = await newest(store, type, { kind: 'all', of: [withUri('url', url), ...ofVersion] }, MAX_SAME_URL);
    return rows.flatMap(row => unparsed(type, row))[0];
  };
}

/** The one written last comes first. */
export function listFrom(store: Searched): ListCanonicals {
  return async (type, by) => {
    const where =
      'url' in by ? withUri('url', by.url) : any(withUri('source-system', by.maps), withUri('target-system', by.maps));
    const rows = await newest(store, type, where, 'url' in by ? MAX_SAME_URL : MAX_MAPS);
    return rows.flatMap(row => unparsed(type, row));
  };
}

const withUri = (code: string, value: string): Where => ({
  kind: 'param',
  code,
  test: { kind: 'uri', mode: 'exact', value },
});

async function newest(store: Searched, type: string, where: Where, limit: number): Promise<readonly Version[]> {
  const { rows } = await store.find({ types: [type], where, sort: [], limit });
  return rows.toSorted((a, b) => b.updated - a.updated);
}

function unparsed(type: string, row: Version | undefined): UnparsedResource[] {
  const text = row?.text;
  if (!row || !text) return [];
  return [{ key: `${type}/${row.id}/${row.version}`, read: () => readStoredText(text) }];
}
