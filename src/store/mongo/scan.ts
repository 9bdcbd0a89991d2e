/** What is asked of every current resource: all of them in order of arrival, and how many there are. */
import type { Cursor } from '../../search/query.js';
import type { Version } from '../store.js';
import { TYPE_CODES } from '../type-codes.js';
import type { Connected } from './connection.js';
import { guarded } from './errors.js';
import { ROW, type Row, toVersion } from './rows.js';
import { INDEX, typeCode } from './schema.js';

const SCAN_BATCH = 500;

/** Every current, undeleted resource (of a type) after the cursor. */
export async function* scanAll(
  connected: () => Promise<Connected>,
  type: string | undefined,
  after: Cursor | undefined,
  maxTimeMS: number,
): AsyncGenerator<{ row: Version; cursor: Cursor }> {
  const { resource } = await guarded(connected);
  const codes = type === undefined ? Object.values(TYPE_CODES) : [typeCode(type)];
  let last = after?.[0] ?? undefined;
  for (;;) {
    const found = resource.find<Row>(
      { t: { $in: codes }, z: null, ...(last === undefined ? {} : { n: { $gt: Number(last) } }) } as object,
      { hint: INDEX.arrival, sort: { n: 1 }, limit: SCAN_BATCH, projection: ROW, maxTimeMS },
    );
    // Row by row: the driver holds what one answer of the server holds, 16 MB, however large the resources are.
    let rows = 0;
    try {
      for (let row = await guarded(() => found.next()); row; row = await guarded(() => found.next())) {
        rows += 1;
        last = row.n;
        yield { row: toVersion(row), cursor: [row.n] };
      }
    } finally {
      await found.close();
    }
    if (rows < SCAN_BATCH) return;
  }
}

/** How many current resources per type. */
export async function countByType(
  { resource, db }: Connected,
  maxTimeMS: number,
): Promise<ReadonlyMap<string, number>> {
  const present = new Set(await resource.distinct('t', {}, { maxTimeMS }));
  const counted = new Map<string, number>();
  for (const [type, code] of Object.entries(TYPE_CODES)) {
    if (!present.has(code)) continue;
    // Both are counted in an index: every document of the type, and its tombstones.
    const [all, deleted] = await Promise.all([
      db.command({ count: 'resource', query: { t: code }, hint: INDEX.updated, maxTimeMS }),
      db.command({ count: 'resource', query: { t: code, z: true }, hint: INDEX.deleted, maxTimeMS }),
    ]);
    const alive = Number(all['n']) - Number(deleted['n']);
    if (alive > 0) counted.set(type, alive);
  }
  return counted;
}
