/** The audit trail in MongoDB: rows of deeds (../deeds.ts), each a document. */
import type { Filter } from 'mongodb';
import type { DeedQuery, Deeds } from '../deeds.js';
import { toDeedRow } from './deed-rows.js';
import type { CommitLanes } from './commit.js';
import type { OpenedStore } from './reads.js';
import { type DeedDocument, INDEX } from './schema.js';
import { openSeals } from './seals.js';

export function openDeeds(
  opened: Pick<OpenedStore, 'connected' | 'maxTimeMS' | 'run'>,
  writing: <T>(work: () => Promise<T>) => Promise<T>,
  lanes: Pick<CommitLanes, 'openLedger' | 'endStreams' | 'heads'>,
): Deeds {
  const { connected, maxTimeMS, run } = opened;
  return {
    ...openSeals(opened, writing, lanes),
    keepShapes: shapes =>
      writing(async () => {
        const { deedShape } = await connected();
        await deedShape.bulkWrite(
          shapes.map(({ id, text }) => ({
            updateOne: { filter: { _id: id }, update: { $setOnInsert: { text } }, upsert: true },
          })),
          { ordered: false },
        );
      }),
    shapes: () =>
      run(async () => {
        const { deedShape } = await connected();
        const found = await deedShape.find({}, { maxTimeMS }).toArray();
        return found.map(({ _id, text }) => ({ id: _id, text }));
      }),
    find: query =>
      run(async () => {
        const { deed } = await connected();
        const direction = query.oldestFirst ? 1 : -1;
        const found = await deed
          .find(deedFilter(query), {
            projection: { k: 0, s: 0, f: 0, r: 0 },
            sort: { l: direction, _id: direction },
            limit: query.limit,
            hint: query.keys?.length ? INDEX.keys : INDEX.last,
            maxTimeMS,
          })
          .toArray();
        return found.map(toDeedRow);
      }),
    events: most =>
      run(async () => {
        const { deed } = await connected();
        const [sum] = await deed
          .aggregate<{ readonly events: number }>(
            [
              { $match: { l: { $gte: -Infinity } } },
              ...(most === undefined ? [] : [{ $limit: most }]),
              { $group: { _id: null, events: { $sum: '$e' } } },
            ],
            { maxTimeMS, hint: INDEX.last },
          )
          .toArray();
        return sum?.events ?? 0;
      }),
  };
}

function deedFilter({ keys = [], from, to, oldestFirst, after }: DeedQuery): Filter<DeedDocument> {
  const [further, behind] = oldestFirst ? (['$gt', '$gte'] as const) : (['$lt', '$lte'] as const);
  const conditions: Filter<DeedDocument>[] = keys.map(list => ({
    k: list.length === 1 ? list[0]! : { $in: [...list] },
  }));
  if (from !== undefined) conditions.push({ l: { $gte: from } });
  if (to !== undefined) conditions.push({ l: { $lte: to } });
  if (after) {
    const [last, sequence] = after;
    conditions.push({ l: { [behind]: last } }, { $or: [{ l: { $ne: last } }, { _id: { [further]: sequence } }] });
  }
  return conditions.length === 0 ? {} : { $and: conditions };
}
