/**
 * Histories, deletions included. The current version comes from `resource`, replaced ones from `version`; both deliver the
 * order (updated, creation number, version) in the direction of travel and are merged here. A cursor is [updated, n, version].
 *
 * A version is in one of the two at any time, but a page reads one after the other: `version` last, so that one that is
 * replaced meanwhile is seen (twice at most, and then dropped).
 * https://hl7.org/fhir/R4/http.html#history
 */
import type { Filter } from 'mongodb';
import type { Cursor } from '../../search/query.js';
import { encodeId } from '../codec.js';
import type { HistoryOf, HistoryQuery, Page } from '../store.js';
import { AS_BYTES, type Fitted, gatherRows, toPage, ROW, type Row } from './rows.js';
import { type Collections, INDEX, type ResourceDocument, typeCode, type VersionDocument } from './schema.js';

type FieldBounds = Record<string, unknown>;

/** From newer to older versions. */
const isDown = ({ oldestFirst, before }: HistoryQuery): boolean => (oldestFirst === true) === (before !== undefined);
const compareVersions = (a: Row, b: Row): number => a.u - b.u || a.n - b.n || a.v - b.v;
const historyCursor = (row: Row): Cursor => [row.u, row.n, row.v];

/** Bounds on `u`. */
function updatedBounds({ since, at }: HistoryOf): FieldBounds {
  return { ...(since === undefined ? {} : { $gte: since }), ...(at ? { $lte: at.high } : {}) };
}

/** Bounds on `u`, and what lies at or behind the cursor: under $nor, so that it never becomes index bounds. */
function conditions(query: HistoryQuery): { u?: FieldBounds; seen?: readonly FieldBounds[] } {
  const u = updatedBounds(query);
  const place = query.after ?? query.before;
  if (!place) return Object.keys(u).length > 0 ? { u } : {};
  const [time, n, v] = place as readonly [number, number, number];
  const down = isDown(query);
  if (down) u['$lte'] = Math.min(time, query.at?.high ?? time);
  else u['$gte'] = Math.max(time, query.since ?? time);
  return {
    u,
    seen: [
      { u: time, n: { [down ? '$gt' : '$lt']: n } },
      { u: time, n, v: { [down ? '$gte' : '$lte']: v } },
    ],
  };
}

function merge(current: readonly Fitted<Row>[], replaced: readonly Fitted<Row>[], query: HistoryQuery): Page {
  const sign = isDown(query) ? -1 : 1;
  const seen = new Set<string>();
  const rows = [...replaced, ...current]
    .toSorted((a, b) => sign * compareVersions(a, b))
    .filter(row => {
      const key = `${row.n}~${row.v}`;
      return !seen.has(key) && seen.add(key);
    });
  return toPage(rows, query, historyCursor);
}

const untilOf = ({ at }: HistoryOf) => (at ? { until: { $gt: at.low } } : {});
/** Versions of a resource lie side by side by `_id`. */
const replacedVersions = (_id: string) => ({ $gte: `${_id}~`, $lt: `${_id}~~` });

/** One resource. */
async function historyOfOne(all: Collections, _id: string, query: HistoryQuery, maxTimeMS: number): Promise<Page> {
  const { u, seen } = conditions(query);
  const within = { ...(u ? { u } : {}), ...(seen ? { $nor: seen } : {}) };
  const current = await all.resource
    .find<Row>({ _id, ...within } as Filter<ResourceDocument>, { projection: ROW, maxTimeMS })
    .toArray();
  const replaced = await gatherRows(
    all.version.find<Row>({ _id: replacedVersions(_id), ...within, ...untilOf(query) } as Filter<VersionDocument>, {
      hint: INDEX.id,
      sort: { _id: isDown(query) ? -1 : 1 },
      limit: query.limit + 1,
      maxTimeMS,
      ...AS_BYTES,
    }),
    query.bytes,
  );
  return merge(current, replaced, query);
}

/** By type, with the index that has its order. */
function typeCodes({ type, types: some }: HistoryOf) {
  const codes = (type === undefined ? some : [type])?.map(typeCode);
  const t = codes?.length === 1 ? codes[0]! : { $in: codes };
  return { filter: codes ? { t } : {}, hint: codes ? INDEX.updated : INDEX.newest };
}

export async function readHistory(all: Collections, query: HistoryQuery, maxTimeMS: number): Promise<Page> {
  if (query.type !== undefined && query.id !== undefined)
    return historyOfOne(all, encodeId(query.type, query.id), query, maxTimeMS);
  const { filter, hint } = typeCodes(query);
  const { u, seen } = conditions(query);
  const within = { ...filter, ...(u ? { u } : {}), ...(seen ? { $nor: seen } : {}) };
  const options = { hint, limit: query.limit + 1, maxTimeMS, ...AS_BYTES } as const;
  const way = isDown(query) ? -1 : 1;
  const current = await gatherRows(
    all.resource.find<Row>(within as Filter<ResourceDocument>, {
      sort: { u: way, n: way },
      projection: ROW,
      ...options,
    }),
    query.bytes,
  );
  const replaced = await gatherRows(
    all.version.find<Row>({ ...within, ...untilOf(query) } as Filter<VersionDocument>, {
      sort: { u: way, n: way, v: way },
      ...options,
    }),
    query.bytes,
  );
  return merge(current, replaced, query);
}

export async function countHistory(all: Collections, of: HistoryOf, maxTimeMS: number): Promise<number> {
  const time = updatedBounds(of);
  const u = Object.keys(time).length > 0 ? { u: time } : {};
  const _id = of.type !== undefined && of.id !== undefined ? encodeId(of.type, of.id) : undefined;
  const { filter, hint } = typeCodes(of);
  const options = { hint: _id === undefined ? hint : INDEX.id, maxTimeMS };
  const current = { ...(_id === undefined ? filter : { _id }), ...u };
  const replaced = { ...(_id === undefined ? filter : { _id: replacedVersions(_id) }), ...u, ...untilOf(of) };
  const counts = await Promise.all([
    all.resource.countDocuments(current as Filter<ResourceDocument>, options),
    all.version.countDocuments(replaced as Filter<VersionDocument>, options),
  ]);
  return counts[0] + counts[1];
}
