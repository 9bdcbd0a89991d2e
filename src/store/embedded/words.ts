/**
 * Full text in SQLite: an FTS5 table without contents, one row per resource that says anything, under its number.
 * https://www.sqlite.org/fts5.html. Column `t` has the words of the narrative, `c` all others, `y` the type.
 *
 * The words are ours (search/words.ts), joined by blanks. The `ascii` tokenizer takes ASCII letters, digits and every
 * character beyond ASCII as part of a token and folds nothing but A to Z: of such a text its tokens are exactly our
 * words, in every script and every version of SQLite. GAP is a token, too, so that phrases end where values do.
 */
import { createHash } from 'node:crypto';
import type { Words } from '../../search/query.js';
import type { ResourceText } from '../../search/words.js';
import type { WordQuery } from '../store.js';
import { type Sql, sql } from './sql.js';

/** The columns `t` and `c`. */
export interface WordRow {
  readonly t: string;
  readonly c: string;
  /** Hash of both, kept with the resource: an update that leaves the words as they are writes none. */
  readonly h: string;
}

export function wordRow(resourceText: ResourceText | undefined): WordRow | undefined {
  if (!resourceText || resourceText.content.length === 0) return undefined;
  const t = resourceText.text.join(' ');
  const c = resourceText.content.slice(resourceText.text.length).join(' ');
  return { t, c, h: createHash('sha256').update(`${t}\n${c}`).digest('base64url').slice(0, 16) };
}

/** An FTS5 expression; `absent`: what is asked for are the resources that it does not find. */
interface WordExpression {
  readonly text: string;
  readonly absent: boolean;
}

/** Letters and digits alone, so nothing needs an escape. */
function expressionOf(words: Words): WordExpression {
  switch (words.kind) {
    case 'word':
      return { text: `"${words.word}"${words.starts ? '*' : ''}`, absent: false };
    case 'phrase':
      return { text: `"${words.words.join(' ')}"`, absent: false };
    case 'not': {
      const { text, absent } = expressionOf(words.of);
      return { text, absent: !absent };
    }
    case 'and':
      return allExpressions(words.of.map(expressionOf));
    case 'or':
      // A or B is: not (not A and not B).
      return oppositeExpression(allExpressions(words.of.map(each => oppositeExpression(expressionOf(each)))));
  }
}

const oppositeExpression = ({ text, absent }: WordExpression): WordExpression => ({ text, absent: !absent });

function allExpressions(of: readonly WordExpression[]): WordExpression {
  const found = of.filter(({ absent }) => !absent).map(({ text }) => text);
  const absent = of.filter(each => each.absent).map(({ text }) => text);
  const without = absent.length > 0 ? `(${absent.join(' OR ')})` : '';
  if (found.length === 0) return { text: without, absent: true };
  const all = `(${found.join(' AND ')})`;
  return { text: without === '' ? all : `(${all} NOT ${without})`, absent: false };
}

/** With more types than this it is left to the resource's row to tell its type. */
const FEW_TYPES = 20;

/** The ids of up to `limit` resources that say so. Exact. */
export function compileWords({ types, among, words }: WordQuery, limit: number): Sql {
  const { text, absent } = expressionOf(words);
  const said = `${among === 'text' ? 't' : '{t c}'} : (${text})`;
  const asked = JSON.stringify(types);
  if (absent)
    return sql`SELECT r.id FROM json_each(${asked}) j CROSS JOIN resource r INDEXED BY resource_t ON r.t=j.value WHERE r.f IS NOT NULL AND r.n NOT IN (SELECT rowid FROM word WHERE word MATCH ${said}) LIMIT ${limit}`;
  // The type as a word spares the rows of all other types.
  const typed = types.length > FEW_TYPES ? said : `y : (${types.map(type => `"${type}"`).join(' OR ')}) AND (${said})`;
  return sql`SELECT r.id FROM word CROSS JOIN resource r ON r.n=word.rowid WHERE word MATCH ${typed} AND r.t IN (SELECT value FROM json_each(${asked})) LIMIT ${limit}`;
}
