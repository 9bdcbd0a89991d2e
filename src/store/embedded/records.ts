/** Records (../records.ts) in a table: read on the main thread, written by jobs of the writer thread. */
import { realNow } from '../../platform/real-time.js';
import { checkRecord, type KeptRecord, newRevision, type Records } from '../records.js';
import type { Connection, SqlRow } from './connection.js';
import type { Job } from './job.js';
import type { OpenedStore } from './reads.js';
import type { Thread } from './thread.js';

type KeepJob = Extract<Job, { kind: 'keep-record' }>;

/** A step of a walk through all. */
const WALKED_AT_ONCE = 100;
const RECORD_COLUMNS = 'kind,id,revision,together,expires,value';

export function createRecords(
  connection: Connection,
  writer: Pick<Thread<Job, number>, 'ask'>,
  answer: OpenedStore['answer'],
): Records {
  const read = (kind: string, id: string): KeptRecord | undefined => {
    const row = connection
      .prepare(`SELECT ${RECORD_COLUMNS} FROM record WHERE kind=? AND id=? AND (expires IS NULL OR expires>?)`)
      .first(kind, id, realNow());
    return row && toRecord(row);
  };
  return {
    put: (given, replaces) =>
      answer(async () => {
        checkRecord(given);
        const record = { ...given, revision: newRevision(given) };
        const kept = await writer.ask({ kind: 'keep-record', record, replaces, now: realNow() });
        return kept === 0 ? undefined : record.revision;
      }),
    get: (kind, id) => answer(() => read(kind, id)),
    take: (kind, id, revision) =>
      answer(async () => {
        for (;;) {
          const record = read(kind, id);
          if (!record || record.revision !== (revision ?? record.revision)) return undefined;
          // Another one may be there by now: that one is asked for, then.
          if ((await writer.ask({ kind: 'take-record', record: { kind, id, revision: record.revision } })) > 0)
            return record;
        }
      }),
    remove: group => answer(() => writer.ask({ kind: 'remove-records', group })),
    list: (kind, limit, { after = '', group } = {}) =>
      answer(() =>
        connection
          .prepare(
            `SELECT ${RECORD_COLUMNS} FROM record WHERE kind=? AND id>? AND (expires IS NULL OR expires>?)${group === undefined ? '' : ' AND together=?'} ORDER BY id LIMIT ?`,
          )
          .all(kind, after, realNow(), ...(group === undefined ? [] : [group]), limit)
          .map(toRecord),
      ),
    count: (kind, limit) =>
      answer(() =>
        Number(
          connection
            .prepare(
              'SELECT count(*) FROM (SELECT 1 FROM record WHERE kind=? AND (expires IS NULL OR expires>?) LIMIT ?)',
            )
            .first(kind, realNow(), limit)![0],
        ),
      ),
    async *all() {
      let after: SqlRow = ['', ''];
      for (;;) {
        const [kind, id] = after;
        const rows = await answer(() =>
          connection
            .prepare(`SELECT ${RECORD_COLUMNS} FROM record WHERE (kind,id)>(?,?) ORDER BY kind,id LIMIT ?`)
            .all(kind!, id!, WALKED_AT_ONCE),
        );
        yield* rows.map(toRecord);
        if (rows.length < WALKED_AT_ONCE) return;
        after = rows.at(-1)!;
      }
    },
    expire: () => answer(() => writer.ask({ kind: 'expire-records', now: realNow() })),
  };
}

const toRecord = ([kind, id, revision, group, expires, value]: SqlRow): KeptRecord => ({
  kind: kind as string,
  id: id as string,
  revision: revision as string,
  value: value as string,
  ...(group === null ? {} : { group: group as string }),
  ...(expires === null ? {} : { expires: expires as number }),
});

/** In the writer thread, as all that follows. */
export function keepRecord(connection: Connection, { record, replaces, now }: KeepJob): number {
  const { kind, id, revision, group = null, expires = null, value } = record;
  if (replaces !== undefined) {
    const there = connection
      .prepare('SELECT revision FROM record WHERE kind=? AND id=? AND (expires IS NULL OR expires>?)')
      .first(kind, id, now);
    if ((there?.[0] ?? null) !== replaces) return 0;
  }
  connection
    .prepare(`INSERT OR REPLACE INTO record(${RECORD_COLUMNS}) VALUES(?,?,?,?,?,?)`)
    .run(kind, id, revision, group, expires, value);
  return 1;
}

export const takeRecord = (
  connection: Connection,
  { kind, id, revision }: Pick<KeptRecord, 'kind' | 'id' | 'revision'>,
): number => connection.prepare('DELETE FROM record WHERE kind=? AND id=? AND revision=?').run(kind, id, revision);

export const removeRecords = (connection: Connection, group: string): number =>
  connection.prepare('DELETE FROM record WHERE together=?').run(group);

export const expireRecords = (connection: Connection, now: number): number =>
  connection.prepare('DELETE FROM record WHERE expires<=?').run(now);
