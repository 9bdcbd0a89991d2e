/** What roles may do (roles.ts), in the form in which every request asks for it: a few look-ups. */
import { any, type Where } from '../search/query.js';
import {
  type Allowed,
  type Duty,
  type Letter,
  DUTY_LETTERS,
  type LetterSet,
  type NameSet,
  UNRESTRICTED,
} from './decide.js';
import type { RoleDuty, Roles, TypeDuty } from './roles.js';

/** By name of the role. `types`: all that there are. */
export const compileDuties = (roles: Roles, types: readonly string[]): ReadonlyMap<string, Duty> =>
  new Map([...roles].map(([name, duty]) => [name, compileDuty(duty, types)]));

function compileDuty({ types: rows, operations, screens }: RoleDuty, types: readonly string[]): Duty {
  const others = lettersOfRows(rows.filter(({ type }) => type === '*'));
  const named = new Map(
    rows.filter(({ type }) => type !== '*').map(({ type }) => [type, lettersOfRows(rowsOf(rows, type))]),
  );
  // The trail is meant by its name alone.
  if (!named.has('AuditEvent')) named.set('AuditEvent', lettersOfRows([]));
  const byId = seenWith('r', rows, types);
  const bySearch = seenWith('s', rows, types);
  return {
    lettersOf: type => named.get(type) ?? others,
    letters: lettersOfRows(rows),
    operations: namesOfList(operations),
    screens: namesOfList(screens),
    byId,
    bySearch: sameRestrictions(byId, bySearch) ? byId : bySearch,
  };
}

/** Those of a type; of one that is not named, those of all others. */
function rowsOf(rows: readonly TypeDuty[], type: string): readonly TypeDuty[] {
  const own = rows.filter(row => row.type === type);
  return own.length > 0 || type === 'AuditEvent' ? own : rows.filter(row => row.type === '*');
}

const lettersOfRows = (rows: readonly TypeDuty[]): LetterSet =>
  Object.fromEntries(
    DUTY_LETTERS.map(letter => [letter, rows.some(({ letters }) => letters.has(letter))]),
  ) as LetterSet;

const namesOfList = (names: readonly string[]): NameSet => (names.includes('*') ? { has: () => true } : new Set(names));

function seenWith(letter: Letter, rows: readonly TypeDuty[], types: readonly string[]): Allowed {
  const restrictions = new Map<string, 'hidden' | Where>();
  for (const type of types) {
    const granted = rowsOf(rows, type).filter(({ letters }) => letters.has(letter));
    const conditions = granted.flatMap(({ where }) => where ?? []);
    if (granted.length === 0) restrictions.set(type, 'hidden');
    else if (conditions.length === granted.length) restrictions.set(type, any(...conditions));
  }
  return { allow: true, restrictions: restrictions.size === 0 ? UNRESTRICTED : restrictions };
}

const sameRestrictions = ({ restrictions: one }: Allowed, { restrictions: other }: Allowed): boolean =>
  one.size === other.size && [...one].every(([type, seen]) => JSON.stringify(other.get(type)) === JSON.stringify(seen));
