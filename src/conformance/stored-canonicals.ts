/** Finds the ValueSets and CodeSystems that users stored, for the terminology module: by URL the newest, or by id. */
import type { Resource } from '../fhir/resource.js';
import type { Where } from '../search/query.js';
import type { Store, Version } from '../store/store.js';
import type { LoadCanonical } from '../terminology/terminology.js';

type Searched = Pick<Store, 'read' | 'find'>;

/** A URL should name one resource. Where several share it, the newest counts, of as many as this. */
const MAX_SAME_URL = 20;

export function loadFrom(store: Searched): LoadCanonical {
  return async (type, by) => {
    const row = 'id' in by ? await store.read(type, by.id) : await newestOfUrl(store, type, by);
    const text = row?.text;
    if (!row || !text) return undefined;
    return { key: `${type}/${row.id}/${row.version}`, read: () => JSON.parse(text.toString()) as Resource };
  };
}

async function newestOfUrl(
  store: Searched,
  type: string,
  { url, version }: { readonly url: string; readonly version?: string },
): Promise<Version | undefined> {
  const of: Where[] = [{ kind: 'param', code: 'url', test: { kind: 'uri', mode: 'exact', value: url } }];
  if (version !== undefined)
    of.push({ kind: 'param', code: 'version', test: { kind: 'token', any: [{ code: version }] } });
  const { rows } = await store.find({ types: [type], where: { kind: 'all', of }, sort: [], limit: MAX_SAME_URL });
  return rows.toSorted((a, b) => b.updated - a.updated)[0];
}
