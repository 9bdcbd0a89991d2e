/**
 * Histories: newest first, deletions included. The current version comes from `resource`, replaced ones from `version`;
 * both deliver the order (updated, creation number, version) and are merged here. A cursor is [updated, n, version].
 *
 * A version is in one of the two at any time, but a page reads one after the other: `version` last, so that one that is
 * replaced meanwhile is seen (twice at most, and then dropped).
 * https://hl7.org/fhir/R4/http.html#history
 */
import type { Filter } from 'mongodb';
import type { Cursor } from '../../search/query.js';
import { encodeId } from '../codec.js';
import type { HistoryQuery, Page } from '../store.js';
import { ROW, type Row, toVersion } from './reads.js';
import { type Collections, INDEX, type ResourceDocument, typeCode, type VersionDocument } from './schema.js';

type Bounds = Record<string, unknown>;

const byNewest = (a: Row, b: Row): number => b.u - a.u || b.n - a.n || b.v - a.v;
const position = (row: Row): Cursor => [row.u, row.n, row.v];

/** Bounds on `u`, and what lies at or before the cursor: under $nor, so that it never becomes index bounds. */
function conditions(query: HistoryQuery): { u?: Bounds; seen?: readonly Bounds[] } {
  const u: Bounds = {};
  if (query.since !== undefined) u['$gte'] = query.since;
  if (query.at) u['$lte'] = query.at.high;
  if (!query.after) return Object.keys(u).length > 0 ? { u } : {};
  const [time, n, v] = query.after as readonly [number, number, number];
  u['$lte'] = Math.min(time, query.at?.high ?? time);
  return {
    u,
    seen: [
      { u: time, n: { $gt: n } },
      { u: time, n, v: { $gte: v } },
    ],
  };
}

function merge(current: readonly Row[], replaced: readonly Row[], limit: number): Page {
  const seen = new Set<string>();
  const rows = [...replaced, ...current].toSorted(byNewest).filter(row => {
    const key = `${row.n}~${row.v}`;
    return !seen.has(key) && seen.add(key);
  });
  const page = rows.slice(0, limit);
  return { rows: page.map(toVersion), cursors: page.map(position), more: rows.length > limit };
}

/** One resource: its versions lie side by side by `_id`. */
async function ofResource(all: Collections, _id: string, query: HistoryQuery, maxTimeMS: number): Promise<Page> {
  const { u, seen } = conditions(query);
  const within = { ...(u ? { u } : {}), ...(seen ? { $nor: seen } : {}) };
  const current = await all.resource
    .find<Row>({ _id, ...within } as Filter<ResourceDocument>, { projection: ROW, maxTimeMS })
    .toArray();
  const replaced = await all.version
    .find<Row>(
      {
        _id: { $gte: `${_id}~`, $lt: `${_id}~~` },
        ...within,
        ...(query.at ? { until: { $gt: query.at.low } } : {}),
      } as Filter<VersionDocument>,
      { hint: INDEX.id, sort: { _id: -1 }, limit: query.limit + 1, maxTimeMS },
    )
    .toArray();
  return merge(current, replaced, query.limit);
}

export async function readHistory(all: Collections, query: HistoryQuery, maxTimeMS: number): Promise<Page> {
  if (query.type !== undefined && query.id !== undefined)
    return ofResource(all, encodeId(query.type, query.id), query, maxTimeMS);
  const types = query.type === undefined ? query.types : [query.type];
  const codes = types?.map(typeCode);
  const { u, seen } = conditions(query);
  const within = {
    ...(codes ? { t: codes.length === 1 ? codes[0]! : { $in: codes } } : {}),
    ...(u ? { u } : {}),
    ...(seen ? { $nor: seen } : {}),
  };
  const options = { hint: codes ? INDEX.updated : INDEX.newest, limit: query.limit + 1, maxTimeMS } as const;
  const current = await all.resource
    .find<Row>(within as Filter<ResourceDocument>, { ...options, sort: { u: -1, n: -1 }, projection: ROW })
    .toArray();
  const replaced = await all.version
    .find<Row>({ ...within, ...(query.at ? { until: { $gt: query.at.low } } : {}) } as Filter<VersionDocument>, {
      ...options,
      sort: { u: -1, n: -1, v: -1 },
    })
    .toArray();
  return merge(current, replaced, query.limit);
}
