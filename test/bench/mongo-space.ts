/** Keys and bytes per resource in MongoDB, from the documents themselves; the sizes of indexes from $collStats. */
import { MongoClient } from 'mongodb';
import { TYPE_CODES } from '../../src/store/type-codes.js';
import type { Space } from './report.js';

interface Group {
  readonly _id: string;
  readonly documents: number;
  readonly keys: number;
  readonly bytes: number;
}

export interface MongoSpace {
  readonly types: readonly Space[];
  /** By collection: documents, logical and compressed bytes, bytes of each index. */
  readonly collections: Readonly<Record<string, unknown>>;
}

const sizeOf = (field: string) => ({ $size: { $ifNull: [field, []] } });
/** Indexes that have one key for every document: `_id`, and type with time. */
const ALWAYS = 2;

/** Bytes of a database and its indexes on the disk. */
export async function spaceOf(url: string): Promise<number> {
  const client = await MongoClient.connect(url);
  try {
    await client.db('admin').command({ fsync: 1 });
    const { storageSize, indexSize } = (await client.db().command({ dbStats: 1 })) as Record<string, number>;
    return storageSize! + indexSize!;
  } finally {
    await client.close();
  }
}

export async function mongoSpace(url: string): Promise<MongoSpace> {
  const client = new MongoClient(url);
  try {
    const db = client.db();
    const strings = { $size: { $objectToArray: { $ifNull: ['$s', {}] } } };
    const groups = await db
      .collection('resource')
      .aggregate<Group>([
        {
          $group: {
            _id: '$t',
            documents: { $sum: 1 },
            keys: { $avg: { $add: [sizeOf('$k'), sizeOf('$g'), strings, ALWAYS] } },
            bytes: { $avg: { $bsonSize: '$$ROOT' } },
          },
        },
        { $sort: { documents: -1 } },
      ])
      .toArray();
    const names = new Map(Object.entries(TYPE_CODES).map(([type, code]) => [code, type]));
    const clinical = groups.filter(({ _id }) => names.get(_id) !== 'AuditEvent');
    const all = clinical.reduce((sum, { documents }) => sum + documents, 0);
    const mean = (of: 'keys' | 'bytes') => clinical.reduce((sum, one) => sum + one[of] * one.documents, 0) / all;
    const types = groups.map(({ _id, ...rest }) => ({ store: 'mongo', type: names.get(_id) ?? _id, ...rest }));
    const summary = {
      store: 'mongo',
      type: 'all but AuditEvent',
      documents: all,
      keys: mean('keys'),
      bytes: mean('bytes'),
    };
    const collections: Record<string, unknown> = {};
    for (const { name } of await db.listCollections().toArray()) {
      const [stats] = await db
        .collection(name)
        .aggregate<{ storageStats: Record<string, unknown> }>([{ $collStats: { storageStats: {} } }])
        .toArray();
      const { count, size, storageSize, indexSizes } = stats?.storageStats ?? {};
      collections[name] = { count, size, storageSize, indexSizes };
    }
    return { types: [summary, ...types], collections };
  } finally {
    await client.close();
  }
}
