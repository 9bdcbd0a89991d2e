/**
 * The client, made when it is first needed. The driver is an own chunk of code that the embedded store never loads. A
 * client that has once failed to connect stays closed, so each attempt takes a new one until one succeeds; from then on
 * the driver itself comes back after an outage.
 */
import type { Db, MongoClient } from 'mongodb';
import { FhirError } from '../../fhir/error.js';
import { type Collections, collections } from './schema.js';

export interface Connected extends Collections {
  readonly client: MongoClient;
  readonly db: Db;
}

export interface Connection {
  connected(): Promise<Connected>;
  close(): Promise<void>;
}

/** `selectionMs`: how long an operation waits for a server before the store counts as away. */
export function openConnection(url: string, selectionMs: number): Connection {
  let connecting: Promise<Connected> | undefined;
  let closed = false;

  const connect = async (): Promise<Connected> => {
    const { MongoClient } = await import('mongodb');
    const client = new MongoClient(url, {
      appName: 'chartroom',
      serverSelectionTimeoutMS: selectionMs,
      connectTimeoutMS: selectionMs,
      // A server that hangs is noticed after this and connectTimeoutMS.
      heartbeatFrequencyMS: 1000,
      readPreference: 'primary',
      writeConcern: { w: 'majority', journal: true },
      retryReads: true,
      retryWrites: true,
      promoteBuffers: true,
      ignoreUndefined: true,
    });
    try {
      await client.connect();
    } catch (error) {
      await client.close().catch(() => {});
      throw error;
    }
    const db = client.db();
    return { client, db, ...collections(db) };
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
