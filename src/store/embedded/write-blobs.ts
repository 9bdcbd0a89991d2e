/** What the writer thread does to bytes kept apart (blobs.ts): uploads, who refers to what, and erasing. */
import { FhirError } from '../../fhir/error.js';
import { checksumOf } from '../blobs.js';
import type { MovedBytes } from '../bucket.js';
import type { Connection, SqlValue } from './connection.js';
import type { Job } from './job.js';

type SealJob = Extract<Job, { kind: 'seal' }>;
type UnsealJob = Extract<Job, { kind: 'unseal' }>;

/** One part of an upload. Nobody sees it before it is sealed. */
export function addPart(connection: Connection, upload: number, part: number, bytes: Uint8Array): void {
  if (part === 0) connection.prepare('INSERT INTO blob(i,hash,size) VALUES(?,NULL,0)').run(upload);
  connection.prepare('INSERT INTO chunk(i,part,x,c) VALUES(?,?,?,?)').run(upload, part, bytes, checksumOf(bytes));
}

/** See `seal` of Job. Throws `unavailable` where a part is missing: an earlier one may have failed while this was on its way. */
export function sealUpload(connection: Connection, job: Omit<SealJob, 'kind'>): number {
  const { upload, hash, size, at, anew, onlyAnew } = job;
  const there = connection.prepare('SELECT i FROM blob WHERE hash=?').first(hash)?.[0];
  // Whoever puts them again is about to refer to them.
  if (there !== undefined) connection.prepare('UPDATE blob SET at=? WHERE hash=? AND at IS NOT NULL').run(at, hash);
  if (there === undefined ? onlyAnew : there !== anew) return dropUpload(connection, upload);
  const kept = connection.prepare('SELECT coalesce(sum(length(x)),0) FROM chunk WHERE i=?').first(upload)![0];
  if (kept !== size) throw new FhirError('unavailable', 'The bytes could not be kept. Send them again.');
  // What had their place may have been erased, or become an upload again, since it was looked at.
  const [until, put] = there === undefined ? [null, at] : takePlace(connection, there);
  if (size === 0) connection.prepare('INSERT INTO blob(i,hash,size) VALUES(?,NULL,0)').run(upload);
  return connection.prepare('UPDATE blob SET hash=?,size=?,until=?,at=? WHERE i=?').run(hash, size, until, put, upload);
}

/** Takes away what has the place of bytes that were put again. Gives its `until` and `at`. */
function takePlace(connection: Connection, i: SqlValue): readonly [until: SqlValue, at: SqlValue] {
  const [until, at, object] = connection.prepare('SELECT until,at,o FROM blob WHERE i=?').first(i)!;
  if (typeof object === 'string') leaveObject(connection, object);
  connection.prepare('UPDATE blob SET hash=NULL WHERE i=?').run(i);
  dropUpload(connection, i as number);
  return [until!, at!];
}

export function noteChecksums(connection: Connection, upload: number, checksums: readonly Uint8Array[]): number {
  const note = connection.prepare('UPDATE chunk SET c=? WHERE i=? AND part=?');
  return checksums.reduce((sum, checksum, part) => sum + note.run(checksum, upload, part), 0);
}

export function dropUpload(connection: Connection, upload: number): number {
  connection.prepare('DELETE FROM chunk WHERE i=?').run(upload);
  return connection.prepare('DELETE FROM blob WHERE i=? AND hash IS NULL').run(upload);
}

/** Whether there are bytes with each of these hashes. */
export function areKept(connection: Connection, hashes: readonly string[]): boolean {
  const distinct = [...new Set(hashes)];
  if (distinct.length === 0) return true;
  const row = connection
    .prepare('SELECT count(*) FROM blob WHERE hash IN (SELECT value FROM json_each(?))')
    .first(JSON.stringify(distinct));
  return row![0] === distinct.length;
}

/** Notes that some version of the resource refers to these bytes. */
export function referTo(connection: Connection, n: number, hashes: readonly string[]): void {
  for (const hash of hashes) {
    connection.prepare('INSERT OR IGNORE INTO held(hash,n) VALUES(?,?)').run(hash, n);
    connection.prepare('UPDATE blob SET at=NULL WHERE hash=? AND at IS NOT NULL').run(hash);
  }
}

/** 0: there are no such bytes. */
export const keepUntil = (connection: Connection, hash: string, until: number): number =>
  connection.prepare('UPDATE blob SET until=max(coalesce(until,?),?) WHERE hash=?').run(until, until, hash);

/** See `unseal` of Job: nobody sees the bytes any more, and if nothing takes them away now, the next start does. */
export function unsealOverdue(connection: Connection, { now, putBefore }: Omit<UnsealJob, 'kind'>): number {
  connection.prepare('UPDATE blob SET until=NULL WHERE until<=? AND hash IN (SELECT hash FROM held)').run(now);
  const row =
    connection.prepare('SELECT i,o FROM blob WHERE until<=? LIMIT 1').first(now) ??
    connection
      .prepare('SELECT i,o FROM blob WHERE at<? AND until IS NULL AND hash NOT IN (SELECT hash FROM held) LIMIT 1')
      .first(putBefore);
  if (!row) return 0;
  if (typeof row[1] === 'string') {
    leaveObject(connection, row[1]);
    connection.prepare('UPDATE blob SET o=NULL WHERE i=?').run(row[0]!);
  }
  connection.prepare('UPDATE blob SET hash=NULL,until=NULL,at=NULL WHERE i=?').run(row[0]!);
  return row[0] as number;
}

/** Parts that are taken away in one step, 8 MB: others are written in between. */
const PARTS_A_STEP = 32;

export const shortenUpload = (connection: Connection, upload: number): number =>
  connection
    .prepare('DELETE FROM chunk WHERE i=? AND part IN (SELECT part FROM chunk WHERE i=? LIMIT ?)')
    .run(upload, upload, PARTS_A_STEP);

/** Erases the bytes that a resource whose versions are gone referred to, and no other one does. */
export function eraseUnreferenced(connection: Connection, n: number): void {
  const hashes = connection.prepare('SELECT hash FROM held WHERE n=?').all(n);
  connection.prepare('DELETE FROM held WHERE n=?').run(n);
  for (const [hash] of hashes) {
    if (connection.prepare('SELECT 1 FROM held WHERE hash=?').first(hash!)) continue;
    // What somebody keeps is swept when that is over.
    if (connection.prepare('SELECT 1 FROM blob WHERE hash=? AND until IS NOT NULL').first(hash!)) continue;
    connection.prepare('DELETE FROM chunk WHERE i=(SELECT i FROM blob WHERE hash=?)').run(hash!);
    const object = connection.prepare('SELECT o FROM blob WHERE hash=? AND o IS NOT NULL').first(hash!)?.[0];
    if (typeof object === 'string') leaveObject(connection, object);
    connection.prepare('DELETE FROM blob WHERE hash=?').run(hash!);
  }
}

export const noteObject = (connection: Connection, name: string, at: number): number =>
  connection.prepare('INSERT OR REPLACE INTO object(name,at) VALUES(?,?)').run(name, at);

/** No row has it any more: it is dropped as soon as the bucket is there. */
const leaveObject = (connection: Connection, name: string): number => noteObject(connection, name, 0);

export function forgetObjects(connection: Connection, names: readonly string[]): number {
  const forget = connection.prepare('DELETE FROM object WHERE name=?');
  return names.reduce((sum, name) => sum + forget.run(name), 0);
}

/**
 * The bytes are in the bucket from now on; what the file has of them is an upload again, whose number is given. 0: they were erased or moved
 * meanwhile, or their object is not ours any more.
 */
export function noteMoved(connection: Connection, { hash, object, checksums }: MovedBytes, upload: number): number {
  const row = connection.prepare('SELECT i,size,until,at FROM blob WHERE hash=? AND o IS NULL').first(hash);
  if (!row || forgetObjects(connection, [object]) === 0) {
    leaveObject(connection, object);
    return 0;
  }
  const [left, size, until, at] = row;
  connection.prepare('UPDATE blob SET hash=NULL,size=0,until=NULL,at=NULL WHERE i=?').run(left!);
  connection
    .prepare('INSERT INTO blob(i,hash,size,until,at,o,c) VALUES(?,?,?,?,?,?,?)')
    .run(upload, hash, size!, until!, at!, object, checksums);
  return left as number;
}
