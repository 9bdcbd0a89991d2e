/**
 * Makes what was touched of a state what it was, for snapshots.ts: what is kept is attached as `kept`. All that a resource has goes
 * by its number: its versions, what it holds, its keys, which its row names. Only words cannot be copied one by one, because the index
 * of words does not keep them: where those of a kept resource were changed, all are copied.
 */
import type { Touched } from '../touched.js';
import type { Connection } from './connection.js';

type Schema = 'main' | 'kept';

/** The rows of `entry` and of `sorted` that belong to resources of these numbers, as write-index.ts makes them. */
const entriesOf = (schema: Schema): string =>
  `SELECT j.value,r.d,r.n FROM ${schema}.resource r, json_each(r.f,'$.k') j WHERE r.n IN (SELECT value FROM json_each(?)) AND j.key>0
   UNION SELECT j.value,0,r.n FROM ${schema}.resource r, json_each(r.f,'$.g') j WHERE r.n IN (SELECT value FROM json_each(?)) AND j.key>0`;
const sortedOf = (schema: Schema): string =>
  `SELECT j.key,j.value,r.n FROM ${schema}.resource r, json_each(r.s) j WHERE r.n IN (SELECT value FROM json_each(?))`;
const NUMBERED = 'n IN (SELECT value FROM json_each(?))';
const BY_NUMBER = ['resource', 'version', 'held'] as const;

/** In a transaction of the caller. Gives the tables whose content must be copied as a whole besides. */
export function putBackTouched(
  connection: Connection,
  resources: readonly string[],
  { messages, deeds, bytes }: Pick<Touched, 'messages' | 'deeds' | 'bytes'>,
  wordTables: readonly string[],
): readonly string[] {
  const ids = JSON.stringify(resources);
  const numbers = connection
    .prepare(
      `SELECT n FROM main.resource WHERE id IN (SELECT value FROM json_each(?))
       UNION SELECT n FROM kept.resource WHERE id IN (SELECT value FROM json_each(?))`,
    )
    .all(ids, ids)
    .map(([n]) => n);
  const these = JSON.stringify(numbers);
  const run = (sql: string, times = 1): void =>
    void connection.prepare(sql).run(...Array.from({ length: times }, () => these));
  const lacksWords = connection
    .prepare(
      `SELECT 1 FROM kept.resource k WHERE k.${NUMBERED} AND k.h IS NOT NULL
       AND NOT EXISTS (SELECT 1 FROM main.resource m WHERE m.n=k.n AND m.h=k.h)`,
    )
    .first(these);
  if (!lacksWords)
    run(
      `DELETE FROM main.word WHERE rowid IN (SELECT m.n FROM main.resource m WHERE m.${NUMBERED} AND m.h IS NOT NULL
       AND NOT EXISTS (SELECT 1 FROM kept.resource k WHERE k.n=m.n AND k.h=m.h))`,
    );
  run(`DELETE FROM main.entry WHERE (key,d,n) IN (${entriesOf('main')})`, 2);
  run(`DELETE FROM main.sorted WHERE (p,s,n) IN (${sortedOf('main')})`);
  for (const table of BY_NUMBER) {
    run(`DELETE FROM main.${table} WHERE ${NUMBERED}`);
    run(`INSERT INTO main.${table} SELECT * FROM kept.${table} WHERE ${NUMBERED}`);
  }
  run(`INSERT INTO main.entry(key,d,n) ${entriesOf('kept')}`, 2);
  run(`INSERT INTO main.sorted(p,s,n) ${sortedOf('kept')}`);
  return [
    ...(messages ? ['outbox'] : []),
    ...(deeds ? ['deed', 'deed_key', 'deed_part', 'ledger'] : []),
    ...(bytes ? ['blob', 'chunk'] : []),
    ...(lacksWords ? wordTables : []),
  ];
}
