/**
 * Runs jobs on the one writing connection. A group is one transaction. Every job checks its preconditions before it
 * writes anything, so one that fails them is left out and the others go on: two changes of one resource, or two equal
 * claims, may stand in one group, because the second sees what the first has written. Only an error of the database
 * breaks a group; then its members run one by one.
 */
import { FhirError } from '../../fhir/error.js';
import { erasedMeanwhile } from '../blobs.js';
import { digestOf } from '../digest.js';
import type { CatalogEntry } from '../index-catalog.js';
import { rowDigestHead } from './check.js';
import { type Columns, indexedKeys, NO_COLUMNS } from './columns.js';
import type { Connection, SqlRow, SqlValue } from './connection.js';
import { toWire } from './errors.js';
import { markReindexed } from './schema.js';
import type { Job, JobOutcome, RowRenewal, RowChange } from './job.js';
import type { WordRow } from './words.js';

/** As much as a small commit takes. */
const TOUCHED = ' '.repeat(65_536);

export type Apply = (jobs: readonly Job[]) => JobOutcome[];

export function createApply(connection: Connection): Apply {
  const run = (text: string, ...values: readonly SqlValue[]): number => connection.prepare(text).run(...values);
  const all = (text: string, ...values: readonly SqlValue[]) => connection.prepare(text).all(...values);
  const first = (text: string, ...values: readonly SqlValue[]) => connection.prepare(text).first(...values);
  let next = Number(first('SELECT coalesce(max(n), 0) + 1 FROM resource')![0]);

  const group = (jobs: readonly Job[]): JobOutcome[] => {
    try {
      return connection.atomic(() => jobs.map(job => attempt(job)));
    } catch (error) {
      return jobs.length === 1 ? [{ failed: toWire(error) }] : jobs.flatMap(job => group([job]));
    }
  };

  const attempt = (job: Job): JobOutcome => {
    switch (job.kind) {
      case 'commit': {
        keepCatalogEntries(job.catalogEntries);
        if (!allHold(job.changes))
          return {
            failed: toWire(new FhirError('conflict', 'A resource has changed meanwhile. Read it and try again.')),
          };
        if (job.mustNotMatch.some(({ text, values }) => first(text, ...values)))
          return {
            failed: toWire(new FhirError('conflict', 'A resource that matches the condition exists meanwhile.')),
          };
        if (!job.mustExist.every(([id, version]) => stands(id, version)))
          return {
            failed: toWire(
              new FhirError('conflict', 'A resource that this leans on was changed or deleted meanwhile.'),
            ),
          };
        if (!allKept(job.changes)) return { failed: toWire(erasedMeanwhile()) };
        for (const change of job.changes) write(change);
        for (const change of job.changes) if (change.erases) eraseBytes(change.id);
        for (const { topic, body } of job.messages) run('INSERT INTO outbox(topic,body) VALUES(?,?)', topic, body);
        if (job.acknowledges.length > 0)
          run(
            'DELETE FROM outbox WHERE sequence IN (SELECT value FROM json_each(?))',
            JSON.stringify(job.acknowledges),
          );
        return { ok: job.changes.length };
      }
      case 'reindex':
        keepCatalogEntries(job.catalogEntries);
        return { ok: job.rows.filter(row => reindex(row)).length };
      case 'part':
        if (job.part === 0) run('INSERT INTO blob(i,hash,size) VALUES(?,NULL,0)', job.upload);
        run('INSERT INTO chunk(i,part,x) VALUES(?,?,?)', job.upload, job.part, job.bytes);
        return { ok: job.bytes.length };
      case 'seal':
        return { ok: seal(job.upload, job.hash, job.size) };
      case 'drop':
        return { ok: drop(job.upload) };
      case 'mark':
        markReindexed(connection, job.layout);
        return { ok: 1 };
      case 'touch':
        return { ok: run("INSERT OR REPLACE INTO note(name,value) VALUES('touch',?)", TOUCHED) };
    }
  };

  const keepCatalogEntries = (catalogEntries: readonly CatalogEntry[]): void => {
    for (const { id, value } of catalogEntries) run('INSERT OR IGNORE INTO fact(id,value) VALUES(?,?)', id, value);
  };

  /** Every id that is to be new is unused, every version that is to be replaced is the current one. */
  const allHold = (changes: readonly RowChange[]): boolean =>
    changes.every(({ id, replaces }) => first('SELECT v FROM resource WHERE id=?', id)?.[0] === replaces);

  const stands = (id: string, version: number | undefined): boolean => {
    const row = first('SELECT v FROM resource WHERE id=? AND f IS NOT NULL', id);
    return row !== undefined && (version === undefined || row[0] === version);
  };

  /** The bytes that changes refer to are there. */
  const allKept = (changes: readonly RowChange[]): boolean => {
    const hashes = [...new Set(changes.flatMap(({ newHashes: holds }) => holds))];
    if (hashes.length === 0) return true;
    const row = first(
      'SELECT count(*) FROM blob WHERE hash IN (SELECT value FROM json_each(?))',
      JSON.stringify(hashes),
    );
    return row![0] === hashes.length;
  };

  const write = (change: RowChange): void => {
    const { id, type, version, updated, method, patients, blobs } = change;
    const now = change.columns ?? NO_COLUMNS;
    const columns = [
      version,
      updated,
      method,
      patients,
      blobs,
      now.d,
      now.e,
      now.s,
      now.w,
      now.f,
      change.text ?? null,
      change.words?.h ?? null,
      digestOf(rowDigestHead(id, version, updated, method, patients, blobs), change.text),
    ];
    if (change.replaces === undefined) {
      const n = next++;
      run(
        'INSERT INTO resource(n,id,t,v,u,m,p,b,d,e,s,w,f,x,h,c) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)',
        n,
        id,
        type,
        ...columns,
      );
      enter(n, now);
      hold(n, change.newHashes);
      if (change.words) say(n, type, change.words);
      return;
    }
    const row = first('SELECT n,d,s,f,h FROM resource WHERE id=?', id)!;
    const n = row[0] as number;
    if (change.erases) run('DELETE FROM version WHERE n=?', n);
    else
      run(
        'INSERT INTO version(n,v,t,u,until,m,p,b,x,c) SELECT n,v,t,u,?,m,p,b,x,c FROM resource WHERE n=?',
        updated,
        n,
      );
    run('UPDATE resource SET v=?,u=?,m=?,p=?,b=?,d=?,e=?,s=?,w=?,f=?,x=?,h=?,c=? WHERE n=?', ...columns, n);
    index(n, columnsIn(row), now);
    hold(n, change.newHashes);
    if (row[4] !== (change.words?.h ?? null)) sayAnew(n, type, change.words);
  };

  const hold = (n: number, hashes: readonly string[]): void => {
    for (const hash of hashes) run('INSERT OR IGNORE INTO held(hash,n) VALUES(?,?)', hash, n);
  };

  /** Of a resource whose versions are gone: bytes that no other one refers to. */
  const eraseBytes = (id: string): void => {
    const n = first('SELECT n FROM resource WHERE id=?', id)![0]!;
    const hashes = all('SELECT hash FROM held WHERE n=?', n).map(([hash]) => hash!);
    run('DELETE FROM held WHERE n=?', n);
    for (const hash of hashes) {
      if (first('SELECT 1 FROM held WHERE hash=?', hash)) continue;
      run('DELETE FROM chunk WHERE i=(SELECT i FROM blob WHERE hash=?)', hash);
      run('DELETE FROM blob WHERE hash=?', hash);
    }
  };

  const reindex = ({ id, version, columns: now, words }: RowRenewal): boolean => {
    const row = first('SELECT n,d,s,f,t FROM resource WHERE id=? AND v=? AND f IS NOT NULL', id, version);
    if (!row) return false;
    const n = row[0] as number;
    run(
      'UPDATE resource SET d=?,e=?,s=?,w=?,f=?,h=? WHERE n=?',
      now.d,
      now.e,
      now.s,
      now.w,
      now.f,
      words?.h ?? null,
      n,
    );
    index(n, columnsIn(row), now);
    sayAnew(n, row[4] as string, words);
    return true;
  };

  const say = (n: number, type: string, { t, c }: WordRow): void =>
    void run('INSERT INTO word(rowid,t,c,y) VALUES(?,?,?,?)', n, t, c, type);
  const sayAnew = (n: number, type: string, words: WordRow | undefined): void => {
    run('DELETE FROM word WHERE rowid=?', n);
    if (words) say(n, type, words);
  };

  /** All keys of a new resource, read off its column. */
  const enter = (n: number, { d, s, f }: Columns): void => {
    if (f === null) return;
    run(
      "INSERT OR IGNORE INTO entry(key,d,n) SELECT value,?,? FROM json_each(?,'$.k') WHERE key>0 UNION ALL SELECT value,0,? FROM json_each(?,'$.g') WHERE key>0",
      d,
      n,
      f,
      n,
      f,
    );
    if (s !== null) run('INSERT INTO sorted(p,s,n) SELECT key,value,? FROM json_each(?)', n, s);
  };

  /** Writes the difference alone. */
  const index = (n: number, before: Columns, after: Columns): void => {
    const [was, now] = [indexedKeys(before), indexedKeys(after)];
    const moved = before.d !== after.d;
    const gone = moved ? was.byDate : minus(was.byDate, now.byDate);
    const come = moved ? now.byDate : minus(now.byDate, was.byDate);
    change(n, before.d, after.d, gone, come);
    change(n, 0, 0, minus(was.byArrival, now.byArrival), minus(now.byArrival, was.byArrival));
    for (const [p, s] of Object.entries(was.sortTexts))
      if (now.sortTexts[p] !== s) run('DELETE FROM sorted WHERE p=? AND s=? AND n=?', p, s, n);
    for (const [p, s] of Object.entries(now.sortTexts))
      if (was.sortTexts[p] !== s) run('INSERT INTO sorted(p,s,n) VALUES(?,?,?)', p, s, n);
  };

  const change = (n: number, from: number, to: number, gone: readonly string[], come: readonly string[]): void => {
    if (gone.length > 0)
      run(
        'DELETE FROM entry WHERE key IN (SELECT value FROM json_each(?)) AND d=? AND n=?',
        JSON.stringify(gone),
        from,
        n,
      );
    if (come.length > 0)
      run('INSERT OR IGNORE INTO entry(key,d,n) SELECT value,?,? FROM json_each(?)', to, n, JSON.stringify(come));
  };

  /** The parts must be complete: an earlier one may have failed while this was on its way. */
  const seal = (upload: number, hash: string, size: number): number => {
    if (first('SELECT 1 FROM blob WHERE hash=?', hash)) return drop(upload);
    const kept = first('SELECT coalesce(sum(length(x)),0) FROM chunk WHERE i=?', upload)![0];
    if (kept !== size) throw new FhirError('unavailable', 'The bytes could not be kept. Send them again.');
    return size === 0
      ? run('INSERT INTO blob(i,hash,size) VALUES(?,?,0)', upload, hash)
      : run('UPDATE blob SET hash=?,size=? WHERE i=?', hash, size, upload);
  };

  const drop = (upload: number): number => {
    run('DELETE FROM chunk WHERE i=?', upload);
    return run('DELETE FROM blob WHERE i=? AND hash IS NULL', upload);
  };

  return group;
}

/** Of what stands in a row, as much as an update needs. */
const columnsIn = (row: SqlRow): Columns => ({
  ...NO_COLUMNS,
  d: row[1] as number,
  s: row[2] as string | null,
  f: row[3] as string | null,
});

const minus = (a: readonly string[], b: readonly string[]): readonly string[] => {
  const without = new Set(b);
  return a.filter(key => !without.has(key));
};
