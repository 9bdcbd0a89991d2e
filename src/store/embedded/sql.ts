/** Pieces of SQL with their values: a statement is put together from them, and no value ever enters its text. */
import type { SqlValue } from './connection.js';

export interface Sql {
  readonly text: string;
  readonly values: readonly SqlValue[];
}

/** sql`r.id=${id} AND ${other}`: a value becomes a parameter, a piece is set in. */
export function sql(strings: TemplateStringsArray, ...parts: readonly (SqlValue | Sql)[]): Sql {
  let text = strings[0]!;
  const values: SqlValue[] = [];
  for (const [i, part] of parts.entries()) {
    if (part !== null && typeof part === 'object' && 'text' in part) {
      text += part.text;
      values.push(...part.values);
    } else {
      text += '?';
      values.push(part);
    }
    text += strings[i + 1]!;
  }
  return { text, values };
}

/** Text that is written in this folder, never by a client. */
export const raw = (text: string): Sql => ({ text, values: [] });

export const joinSql = (parts: readonly Sql[], separator: string): Sql => ({
  text: parts.map(part => part.text).join(separator),
  values: parts.flatMap(part => part.values),
});

/** JSON and the driver know no infinity. */
export const finite = (value: number): number => Math.min(Math.max(value, -Number.MAX_VALUE), Number.MAX_VALUE);
