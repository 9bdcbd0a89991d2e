/** The reading half of the port. */
import type { IndexLayout } from '../index-layout.js';
import type { Query } from '../../search/query.js';
import { listingOf } from '../listing.js';
import { targetTypes } from '../key-test.js';
import { joinFound, pointingKeys } from '../pointing.js';
import type { StoreReads } from '../store.js';
import type { Connected } from './connection.js';
import { explainPage } from './explain.js';
import { collectIds, countMatches, findPage } from './find.js';
import type { SharedHorizon } from './horizon.js';
import { countHistory, readHistory } from './history.js';
import type { KeptIndexCatalog } from './index-catalog.js';
import type { Planner } from './planning.js';
import { gatherReads, type KnownRows, readVersionRow } from './rows.js';
import { countByType, scanAll } from './scan.js';
import { typeCode } from './schema.js';
import { findTexts } from './words.js';

/** What the parts of an open store have in common. */
export interface OpenedStore {
  readonly connected: () => Promise<Connected>;
  readonly layout: IndexLayout;
  readonly catalog: KeptIndexCatalog;
  readonly planner: Planner;
  readonly maxTimeMS: number;
  /** Every call passes here: see `createOperations`. */
  readonly run: <T>(operation: () => Promise<T>) => Promise<T>;
  /** What is known of versions that were read as current. */
  readonly knownRows: KnownRows;
  readonly horizon: SharedHorizon;
}

export function openReads({
  connected,
  layout,
  catalog,
  planner,
  maxTimeMS,
  run,
  knownRows,
  horizon,
}: OpenedStore): StoreReads {
  const point = gatherReads(connected, maxTimeMS);
  const { planned, divided } = planner;
  const find = async (query: Query) => {
    const all = await connected();
    return planned(query, (made, until) => findPage(all, made, until));
  };
  return {
    read: (type, id, version) =>
      run(async () => {
        typeCode(type);
        return readVersionRow(connected, point, knownRows, type, id, version, maxTimeMS);
      }),
    history: query => run(async () => readHistory(await connected(), query, maxTimeMS)),
    countHistory: of => run(async () => countHistory(await connected(), of, maxTimeMS)),
    find: query => run(() => find(query)),
    list: query => run(async () => listingOf(await find(query))),
    findIds: (query, limit, by) =>
      run(async () => {
        const all = await connected();
        const pointing = by === undefined ? [] : pointingKeys(layout, query.types, by);
        const parts = (await divided(query)).map(part =>
          planned(part, (made, until) => collectIds(all, made, pointing, limit, until), true),
        );
        return joinFound(await Promise.all(parts), limit);
      }),
    explain: query =>
      run(async () => {
        const all = await connected();
        return planned(query, made => explainPage(all, made, maxTimeMS));
      }),
    count: (query, limit) =>
      run(async () => {
        const all = await connected();
        return planned({ ...query, sort: [], limit: 1 }, (made, until) => countMatches(all, made, limit, until), true);
      }),
    searchText: (query, limit) => run(async () => findTexts(await connected(), query, limit, maxTimeMS)),
    scan: ({ type, after } = {}) => scanAll(connected, type, after, maxTimeMS),
    targetsOf: (type, code) => run(async () => targetTypes(await catalog.current(), layout, type, code)),
    horizon: () => horizon.now(),
    sizes: () => run(async () => countByType(await connected(), maxTimeMS)),
  };
}
