/**
 * Runs jobs on the one writing connection. A group is one transaction. Every job checks its preconditions before it
 * writes anything, so one that fails them is left out and the others go on: two changes of one resource, or two equal
 * uniqueness keys, may stand in one group, because the second sees what the first has written. Only an error of the
 * database breaks a group; then its members run one by one.
 *
 * What is written for a job stands in write-rows.ts, write-index.ts and write-blobs.ts.
 */
import { FhirError } from '../../fhir/error.js';
import { erasedMeanwhile } from '../blobs.js';
import type { CatalogEntry } from '../index-catalog.js';
import type { SealedRows } from '../lane.js';
import { LEDGER_SHAPE } from '../ledger-entry.js';
import { acknowledgedMeanwhile } from '../outbox.js';
import type { Connection } from './connection.js';
import { emptyRows, insertDeeds, insertShapes } from './deeds.js';
import { toWire } from './errors.js';
import type { Job, JobOutcome } from './job.js';
import { arePending, deleteMessages, insertMessages } from './outbox.js';
import { expireRecords, keepRecord, removeRecords, takeRecord } from './records.js';
import { markReindexed } from './schema.js';
import { changeNotes, openLane } from './seals.js';
import {
  addPart,
  areKept,
  dropUpload,
  eraseUnreferenced,
  forgetObjects,
  keepUntil,
  noteChecksums,
  noteMoved,
  noteObject,
  sealUpload,
  shortenUpload,
  unsealOverdue,
} from './write-blobs.js';
import { insertChange, notePatients, renewRow, replaceByChange } from './write-rows.js';

/** As much as a small commit takes. */
const TOUCHED = ' '.repeat(65_536);

/** https://www.sqlite.org/pragma.html#pragma_synchronous */
const OFF = '0';
const NORMAL = '1';

export type Apply = (jobs: readonly Job[]) => JobOutcome[];

type CommitJob = Job & { readonly kind: 'commit' };

export function createApply(connection: Connection): Apply {
  const lane = openLane(connection);
  const first = (): number => Number(connection.prepare('SELECT coalesce(max(n), 0) + 1 FROM resource').first()![0]);
  let next = first();
  const number = (): number => next++;
  const usual = String(connection.pragma('synchronous')[0]![0]);
  /** Parts of uploads are durable with the step that seals them, which is later in the same log: they alone need no fsync. */
  const synced = <T>(later: boolean, write: () => T): T => {
    if (!later || usual === OFF) return write();
    connection.pragma(`synchronous=${NORMAL}`);
    try {
      return write();
    } finally {
      connection.pragma(`synchronous=${usual}`);
    }
  };
  /** What is exchanged as a whole, or opened, is told to all that is written with it. */
  const prepare = (job: Job): void => {
    if (job.kind === 'open-ledger') lane.openLedger(job.opening);
    else if (job.kind === 'end-streams') lane.endWithNext(job.at);
    else if (job.kind === 'renumber') {
      next = first();
      lane.abandon();
    }
  };
  const group: Apply = jobs => {
    let sealed: SealedRows | undefined;
    try {
      for (const job of jobs) prepare(job);
      const outcomes = synced(
        jobs.every(({ kind }) => kind === 'part'),
        () =>
          connection.atomic(() => {
            const attempted = jobs.map(job => attempt(connection, job, number));
            sealed = lane.seal(jobs.flatMap((job, i) => ('deeds' in job && 'ok' in attempted[i]! ? job.deeds : [])));
            insertDeeds(connection, sealed.rows);
            if (sealed.tiles.length > 0) changeNotes(connection, { keep: sealed.tiles, drop: [] });
            return attempted;
          }),
      );
      sealed?.kept();
      return outcomes;
    } catch (error) {
      // From there on nobody knows what the file keeps.
      if (sealed) lane.abandon();
      return jobs.length === 1 ? [{ failed: toWire(error) }] : jobs.flatMap(job => group([job]));
    }
  };
  return group;
}

function attempt(connection: Connection, job: Job, number: () => number): JobOutcome {
  switch (job.kind) {
    case 'commit': {
      keepCatalogEntries(connection, job.catalogEntries);
      const refusal = refusalOf(connection, job);
      if (refusal) return { failed: toWire(refusal) };
      writeCommit(connection, job, number);
      return { ok: job.changes.length };
    }
    case 'reindex':
      keepCatalogEntries(connection, job.catalogEntries);
      return { ok: job.rows.filter(row => renewRow(connection, row)).length };
    case 'mark':
      markReindexed(connection, job.layout);
      return { ok: 1 };
    case 'deeds':
      return { ok: 0 };
    case 'renumber':
    case 'end-streams':
      return { ok: 1 };
    case 'touch':
      return { ok: connection.prepare("INSERT OR REPLACE INTO note(name,value) VALUES('touch',?)").run(TOUCHED) };
    default:
      return { ok: writeApart(connection, job) };
  }
}

/** What is no resource: bytes, records, and what is kept beside rows of deeds. */
function writeApart(
  connection: Connection,
  job: Exclude<Job, { readonly kind: 'commit' | 'deeds' | 'reindex' | 'mark' | 'renumber' | 'end-streams' | 'touch' }>,
): number {
  switch (job.kind) {
    case 'part':
      addPart(connection, job.upload, job.part, job.bytes);
      return job.bytes.length;
    case 'seal':
      return sealUpload(connection, job);
    case 'prove':
      return noteChecksums(connection, job.upload, job.checksums);
    case 'drop':
      return dropUpload(connection, job.upload);
    case 'note-object':
      return noteObject(connection, job.name, job.at);
    case 'moved':
      return noteMoved(connection, job.bytes, job.upload);
    case 'forget-objects':
      return forgetObjects(connection, job.names);
    case 'keep':
      return keepUntil(connection, job.hash, job.until);
    case 'unseal':
      return unsealOverdue(connection, job);
    case 'shorten':
      return shortenUpload(connection, job.upload);
    case 'keep-record':
      return keepRecord(connection, job);
    case 'take-record':
      return takeRecord(connection, job.record);
    case 'remove-records':
      return removeRecords(connection, job.group);
    case 'expire-records':
      return expireRecords(connection, job.now);
    case 'notes':
      return changeNotes(connection, job);
    case 'empty-rows':
      return emptyRows(connection, job.rows);
    case 'open-ledger':
      return insertShapes(connection, [LEDGER_SHAPE]);
    case 'keep-shapes':
      return insertShapes(connection, job.shapes);
  }
}

function keepCatalogEntries(connection: Connection, entries: readonly CatalogEntry[]): void {
  for (const { id, value } of entries)
    connection.prepare('INSERT OR IGNORE INTO fact(id,value) VALUES(?,?)').run(id, value);
}

/** Why a commit cannot be written; undefined: all that it demands holds. */
function refusalOf(connection: Connection, job: CommitJob): FhirError | undefined {
  // Every id that is to be new is unused, every version that is to be replaced is the current one.
  const current = connection.prepare('SELECT v FROM resource WHERE id=?');
  if (!job.changes.every(({ id, replaces }) => current.first(id)?.[0] === replaces))
    return new FhirError('conflict', 'A resource has changed meanwhile. Read it and try again.');
  if (job.mustNotMatch.some(({ text, values }) => connection.prepare(text).first(...values)))
    return new FhirError('conflict', 'A resource that matches the condition exists meanwhile.');
  const stands = ([id, version]: CommitJob['mustExist'][number]): boolean => {
    const row = connection.prepare('SELECT v FROM resource WHERE id=? AND f IS NOT NULL').first(id);
    return row !== undefined && (version === undefined || row[0] === version);
  };
  if (!job.mustExist.every(stands))
    return new FhirError('conflict', 'A resource that this leans on was changed or deleted meanwhile.');
  if (!arePending(connection, job.acknowledges)) return acknowledgedMeanwhile();
  if (
    !areKept(
      connection,
      job.changes.flatMap(({ newHashes }) => newHashes),
    )
  )
    return erasedMeanwhile();
  return undefined;
}

function writeCommit(connection: Connection, job: CommitJob, number: () => number): void {
  const erased: number[] = [];
  for (const change of job.changes)
    if (change.replaces === undefined) insertChange(connection, number(), change);
    else {
      const n = replaceByChange(connection, change);
      if (change.erases) erased.push(n);
    }
  for (const n of erased) eraseUnreferenced(connection, n);
  for (const [id, patients] of job.alsoAbout) notePatients(connection, id, patients);
  insertMessages(connection, job.messages);
  deleteMessages(connection, job.acknowledges);
}
