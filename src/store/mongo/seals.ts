/** The ledger of the audit trail in MongoDB (../seals.ts): rows by their place in a stream, and what is kept beside them. */
import type { Filter } from 'mongodb';
import { deedDigestHead } from '../deeds.js';
import { digestOf } from '../digest.js';
import { LEDGER_SHAPE } from '../ledger-entry.js';
import type { LedgerNotes, SealQuery, Seals } from '../seals.js';
import type { CommitLanes } from './commit.js';
import type { Connected } from './connection.js';
import { toDeedRow } from './deed-rows.js';
import type { OpenedStore } from './reads.js';
import { type DeedDocument, INDEX } from './schema.js';

export function openSeals(
  opened: Pick<OpenedStore, 'connected' | 'maxTimeMS' | 'run'>,
  writing: <T>(work: () => Promise<T>) => Promise<T>,
  lanes: Pick<CommitLanes, 'openLedger' | 'endStreams' | 'heads'>,
): Seals {
  const { connected, maxTimeMS, run } = opened;
  return {
    openLedger: opening =>
      writing(async () => {
        const { deedShape } = await connected();
        const { id, text } = LEDGER_SHAPE;
        await deedShape.updateOne({ _id: id }, { $setOnInsert: { text } }, { upsert: true });
        await lanes.openLedger(opening);
      }),
    heads: () => run(async () => lanes.heads()),
    endStreams: at => writing(() => lanes.endStreams(at)),
    streams: (after = '') => run(async () => streamsOf(await connected(), maxTimeMS, after)),
    sealed: query =>
      run(async () => {
        const { deed } = await connected();
        const direction = query.upTo === undefined ? 1 : -1;
        const sort = { s: direction, f: direction } as const;
        const found = await deed
          .find(sealFilter(query), {
            projection: { k: 0 },
            sort,
            limit: query.limit,
            hint: query.row === undefined ? INDEX.seal : INDEX.id,
            maxTimeMS,
          })
          .toArray();
        return found.map(document => ({
          ...toDeedRow(document),
          seal: { stream: document.s!, first: document.f!, root: document.r! },
        }));
      }),
    unsealed: query =>
      run(async () => {
        const { deed } = await connected();
        const { filter, options } = unsealedRows(query);
        return (await deed.find(filter, { ...options, projection: { k: 0 }, maxTimeMS }).toArray()).map(toDeedRow);
      }),
    emptyRows: rows =>
      writing(async () => {
        const { deed } = await connected();
        if (rows.length === 0) return;
        await deed.bulkWrite(
          rows.map(({ sequence, last, bytes }) => {
            const c = digestOf(deedDigestHead(last, 0), bytes);
            return {
              updateOne: { filter: { _id: sequence }, update: { $set: { e: 0, x: bufferOf(bytes), k: [], c } } },
            };
          }),
          { ordered: false },
        );
      }),
    notes: openNotes(opened, writing),
  };
}

/** A page of the rows without a seal, by the index that has no others. */
export function unsealedRows({ after, limit }: Parameters<Seals['unsealed']>[0]) {
  // As the index says it.
  const none = { s: null } as unknown as Filter<DeedDocument>;
  const behind: Filter<DeedDocument>[] = after
    ? [{ l: { $gte: after[0] } }, { $or: [{ l: { $ne: after[0] } }, { _id: { $gt: after[1] } }] }]
    : [];
  const options = { sort: { l: 1, _id: 1 }, limit, hint: INDEX.unsealed } as const;
  return { filter: { $and: [none, ...behind] } satisfies Filter<DeedDocument>, options };
}

function openNotes(
  { connected, maxTimeMS, run }: Pick<OpenedStore, 'connected' | 'maxTimeMS' | 'run'>,
  writing: <T>(work: () => Promise<T>) => Promise<T>,
): LedgerNotes {
  return {
    keep: notes =>
      writing(async () => {
        const { ledger } = await connected();
        if (notes.length === 0) return;
        await ledger.bulkWrite(
          notes.map(({ name, value }) => ({
            replaceOne: { filter: { _id: name }, replacement: { x: bufferOf(value) }, upsert: true },
          })),
          { ordered: false },
        );
      }),
    find: ({ prefix, after, newestFirst, limit }) =>
      run(async () => {
        const { ledger } = await connected();
        const names: Filter<{ readonly _id: string }>[] = [{ _id: { $gte: prefix, $lt: `${prefix}~` } }];
        if (after !== undefined) names.push({ _id: newestFirst ? { $lt: after } : { $gt: after } });
        const found = await ledger
          .find({ $and: names }, { sort: { _id: newestFirst ? -1 : 1 }, limit, maxTimeMS })
          .toArray();
        return found.map(({ _id, x }) => ({ name: _id, value: x }));
      }),
    drop: names =>
      writing(async () => {
        const { ledger } = await connected();
        await ledger.deleteMany({ _id: { $in: [...names] } });
      }),
  };
}

/** One look at the index per stream, however long they are. */
async function streamsOf({ deed }: Connected, maxTimeMS: number, after: string): Promise<string[]> {
  const found: string[] = [];
  const options = { projection: { s: 1, _id: 0 }, sort: { s: 1, f: 1 }, hint: INDEX.seal, maxTimeMS } as const;
  for (let last = after; ; found.push(last)) {
    const next = await deed.findOne({ s: { $gt: last } }, options);
    if (!next) return found;
    last = next.s!;
  }
}

const bufferOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);

function sealFilter({ stream, after, row, upTo }: SealQuery): Filter<DeedDocument> {
  const conditions: Filter<DeedDocument>[] = [{ s: stream ?? { $exists: true } }];
  if (row !== undefined) conditions.push({ _id: row });
  if (upTo !== undefined) conditions.push({ f: { $lte: upTo } });
  if (after && after[0] === stream) conditions.push({ f: { $gt: after[1] } });
  else if (after)
    conditions.push({ s: { $gte: after[0] } }, { $or: [{ s: { $ne: after[0] } }, { f: { $gt: after[1] } }] });
  return { $and: conditions };
}
