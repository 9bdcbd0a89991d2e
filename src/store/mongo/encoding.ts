/** Changes with their keys. The catalog entries that these need are durable before anything is written. */
import { encode } from '../encode.js';
import type { CatalogEntry, IndexCatalog } from '../index-catalog.js';
import type { IndexLayout } from '../index-layout.js';
import type { Keys } from '../key.js';
import type { Change } from '../store.js';
import { prepareChange } from './documents.js';
import type { KeptIndexCatalog } from './index-catalog.js';
import type { PreparedChange } from './queue.js';
import { keyFields, typeCode } from './schema.js';

/** Changes that are encoded without a pause. */
const ENCODED_WITHOUT_PAUSE = 500;

/** The keys of rows, in their order. */
export async function encodeAll(
  layout: IndexLayout,
  catalog: KeptIndexCatalog,
  rows: readonly Pick<Change, 'type' | 'entries'>[],
): Promise<Keys[]> {
  const missing = (known: IndexCatalog): readonly CatalogEntry[] => {
    for (const { type, entries } of rows) {
      const encoding = encode(layout, type, entries, known);
      if (encoding.missing.length > 0) return encoding.missing;
    }
    return [];
  };
  const known = await catalog.current();
  const encodings = rows.map(({ type, entries }) => encode(layout, type, entries, known));
  if (encodings.every(encoding => encoding.missing.length === 0)) return encodings.map(({ keys }) => keys);
  await catalog.grow(missing);
  return rows.map(({ type, entries }) => encode(layout, type, entries, known).keys);
}

/** Changes ready to be written, in their order. */
export async function prepareAll(
  layout: IndexLayout,
  catalog: KeptIndexCatalog,
  changes: readonly Change[],
): Promise<PreparedChange[]> {
  const alive = changes.filter(({ text }) => text !== undefined);
  const keys = new Map<Change, Keys>();
  for (let from = 0; from < alive.length; from += ENCODED_WITHOUT_PAUSE) {
    // A Bundle of thousands does not keep the others from being served.
    if (from > 0) await new Promise(setImmediate);
    const batch = alive.slice(from, from + ENCODED_WITHOUT_PAUSE);
    for (const [i, one] of (await encodeAll(layout, catalog, batch)).entries()) keys.set(batch[i]!, one);
  }
  return changes.map(change => {
    const own = keys.get(change);
    return prepareChange(change, typeCode(change.type), own ? keyFields(own) : {});
  });
}
