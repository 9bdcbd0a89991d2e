/** The words of an item, as far as it has some that can be read without recognising letters in pictures. */
import { type PackageItem, PackageRefused } from './order.js';
import { ITEM_LIMITS } from './read/limits.js';
import { type ItemPool, readPagesOf } from './read/read-item.js';
import { wholeItem } from './source-bytes.js';

/** Undefined: it has none, is too large, or cannot be read. */
export async function textOfItem(item: PackageItem, pool: ItemPool): Promise<string | undefined> {
  try {
    const bytes = await wholeItem(item, ITEM_LIMITS.bytes);
    if (!bytes) return undefined;
    const answer = await readPagesOf(pool, { do: 'words', bytes, contentType: item.contentType });
    if (answer.kind === 'words') return answer.text;
    if (answer.kind !== 'structured') return undefined;
    const shown = await item.shown?.();
    if (!shown) return undefined;
    const page = { bytes: new Uint8Array(shown.bytes), contentType: shown.contentType };
    const told = await readPagesOf(pool, { do: 'words', ...page });
    return told.kind === 'words' ? told.text : undefined;
  } catch (error) {
    if (error instanceof PackageRefused) return undefined;
    throw error;
  }
}
