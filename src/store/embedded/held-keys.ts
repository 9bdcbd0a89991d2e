/** The keys that a row `r` of `resource` holds: `r.f` has all of them as JSON (schema.ts). */
import type { KeyArray } from '../key.js';
import { LETTER } from './columns.js';
import { raw, type Sql, sql } from './sql.js';

/** The keys of one of the three sets. */
export const keysIn = (among: KeyArray): Sql => raw(`json_each(r.f,'$.${LETTER[among]}')`);

/** Cheap and necessary, not sufficient: spares most rows the reading of their keys one by one. */
export const mayHold = (prefix: string): Sql =>
  !/\p{Cs}/u.test(prefix) ? sql`instr(r.f,${`,${JSON.stringify(prefix).slice(0, -1)}`})>0` : raw('1');

export function commonPrefix(a: string, b: string): string {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return a.slice(0, length);
}
