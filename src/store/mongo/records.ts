/**
 * Records (../records.ts) as documents, each written by one operation: MongoDB does not do two of them at once to one document, so
 * that of all who take it one gets it, without a transaction. What is over is not given, though the database has not removed it yet.
 */
import { realNow } from '../../platform/real-time.js';
import { checkRecord, type KeptRecord, newRevision, type Records } from '../records.js';
import type { Connected } from './connection.js';
import { isDuplicate } from './errors.js';
import { INDEX, type RecordDocument } from './schema.js';

export function openRecords(
  connected: () => Promise<Connected>,
  run: <T>(work: () => Promise<T>) => Promise<T>,
): Records {
  return {
    put: (given, replaces) =>
      run(async () => {
        checkRecord(given);
        const { record } = await connected();
        const { kind, id, group, expires, value } = given;
        const _id = nameOf(kind, id);
        const r = newRevision(given);
        const replacement = {
          r,
          ...(group === undefined ? {} : { g: group }),
          ...(expires === undefined ? {} : { ends: new Date(expires) }),
          value,
        };
        if (typeof replaces === 'string') {
          const { matchedCount } = await record.replaceOne({ _id, r: replaces, ...stillThere() }, replacement);
          return matchedCount === 0 ? undefined : r;
        }
        // Where one stands that is not over, the document that is not found cannot be made.
        const found = replaces === null ? { _id, ends: { $lte: new Date(realNow()) } } : { _id };
        try {
          await record.replaceOne(found, replacement, { upsert: true });
          return r;
        } catch (error) {
          if (!isDuplicate(error)) throw error;
          if (replaces === null) return undefined;
          // Somebody made it at the same time: now there is one.
          await record.replaceOne({ _id }, replacement, { upsert: true });
          return r;
        }
      }),
    get: (kind, id) =>
      run(async () => {
        const { record } = await connected();
        return toRecord(await record.findOne({ _id: nameOf(kind, id), ...stillThere() }));
      }),
    take: (kind, id, revision) =>
      run(async () => {
        const { record } = await connected();
        const meant = { _id: nameOf(kind, id), ...(revision === undefined ? {} : { r: revision }) };
        return toRecord(await record.findOneAndDelete({ ...meant, ...stillThere() }));
      }),
    remove: group =>
      run(async () => {
        const { record } = await connected();
        return (await record.deleteMany({ g: group }, { hint: INDEX.group })).deletedCount;
      }),
    list: (kind, limit, { after = '', group } = {}) =>
      run(async () => {
        const { record } = await connected();
        const range = { _id: { $gt: nameOf(kind, after), $lt: `${kind}0` } };
        const found = record.find(
          { ...range, ...(group === undefined ? {} : { g: group }), ...stillThere() },
          { sort: { _id: 1 }, limit },
        );
        return (await found.toArray()).map(each => toRecord(each)!);
      }),
    count: (kind, limit) =>
      run(async () => {
        const { record } = await connected();
        return record.countDocuments({ _id: { $gt: `${kind}/`, $lt: `${kind}0` }, ...stillThere() }, { limit });
      }),
    async *all() {
      const { record } = await run(connected);
      for await (const each of record.find({}, { sort: { _id: 1 } })) yield toRecord(each)!;
    },
    expire: () =>
      run(async () => {
        const { record } = await connected();
        return (await record.deleteMany({ ends: { $lte: new Date(realNow()) } })).deletedCount;
      }),
  };
}

/** No kind has a slash; what follows it is 0. */
const nameOf = (kind: string, id: string): string => `${kind}/${id}`;

const stillThere = () => ({ $or: [{ ends: { $exists: false } }, { ends: { $gt: new Date(realNow()) } }] });

function toRecord(found: RecordDocument | null): KeptRecord | undefined {
  if (!found) return undefined;
  const { _id, r, g, ends, value } = found;
  const slash = _id.indexOf('/');
  return {
    kind: _id.slice(0, slash),
    id: _id.slice(slash + 1),
    revision: r,
    value,
    ...(g === undefined ? {} : { group: g }),
    ...(ends === undefined ? {} : { expires: ends.getTime() }),
  };
}
