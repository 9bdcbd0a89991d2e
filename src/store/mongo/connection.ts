/**
 * The client, made when it is first needed. The driver is an own chunk of code that the embedded store never loads. A
 * client that has once failed to connect stays closed, so each attempt takes a new one until one succeeds; from then on
 * the driver itself comes back after an outage.
 */
import { type Db, MongoClient } from 'mongodb';
import { FhirError } from '../../fhir/error.js';
import { connectError, NOT_INITIATED } from './errors.js';
import { type Collections, collections } from './schema.js';

/** A write that no majority confirms in time is reported, not waited for. */
export const DURABLE = { w: 'majority', journal: true, wtimeoutMS: 10_000 } as const;

export interface Connected extends Collections {
  readonly client: MongoClient;
  readonly db: Db;
}

export interface Connection {
  connected(): Promise<Connected>;
  close(): Promise<void>;
}

/** By which our sessions are known in the database (orphaned-transactions.ts). */
export const APP_NAME = 'chartroom';

const MONGODB_6 = 17;

/** Refuses what cannot work: a lone server without transactions, one that is too old. */
async function checkServer(db: Db): Promise<void> {
  const hello = await db.command({ hello: 1 });
  if (hello['isreplicaset']) throw new FhirError('unavailable', `The MongoDB server answers, ${NOT_INITIATED}`);
  if (!hello['setName'] && hello['msg'] !== 'isdbgrid')
    throw new FhirError(
      'unavailable',
      'The MongoDB server is no replica set, which commits need. Start it with --replSet and initiate it; one node is enough.',
    );
  if (hello['maxWireVersion'] < MONGODB_6)
    throw new FhirError('unavailable', 'The MongoDB server is too old: 6.0 or newer is needed.');
}

/** `selectionMs`: how long an operation waits for a server before the store counts as away. */
export function openConnection(url: string, selectionMs: number): Connection {
  let connecting: Promise<Connected> | undefined;
  let closed = false;

  const connect = async (): Promise<Connected> => {
    let client: MongoClient | undefined;
    try {
      client = new MongoClient(url, {
        appName: APP_NAME,
        serverSelectionTimeoutMS: selectionMs,
        connectTimeoutMS: selectionMs,
        // A server that hangs is noticed after this and connectTimeoutMS.
        heartbeatFrequencyMS: 1000,
        readPreference: 'primary',
        writeConcern: DURABLE,
        retryReads: true,
        retryWrites: true,
        promoteBuffers: true,
        ignoreUndefined: true,
      });
      await client.connect();
      const db = client.db();
      await checkServer(db);
      return { client, db, ...collections(db) };
    } catch (error) {
      await client?.close().catch(() => {});
      throw connectError(error);
    }
  };

  return {
    async connected() {
      if (closed) throw new FhirError('unavailable', 'The store is closed.');
      connecting ??= connect().catch(error => {
        connecting = undefined;
        throw error;
      });
      return connecting;
    },
    async close() {
      closed = true;
      const open = await connecting?.catch(() => undefined);
      await open?.client.close();
    },
  };
}
