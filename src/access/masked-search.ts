/**
 * Searches by somebody from whom single elements are kept: a resource is found by what they see of it. Its index has all of it, so that what matches by
 * an element that is left out must be taken out of what a query finds, and what matches because that element is not there be put into it.
 *
 * Choices: where more than MOST_LOOKED_AT such resources match, none of them is found; nor is one whose place in the order that was asked for, or among
 * dates where none was, would tell what is left out; nor is one found by its words. How many there are of a type is known for KNOWN_FOR.
 */
import { asAsked, type Indexing } from '../search/index-resource.js';
import { match } from '../search/match.js';
import { all, any, type Query, type SortKey, type Where } from '../search/query.js';
import { isOneOf } from '../search/separate.js';
import type { StoreReads, Version } from '../store/store.js';
import { LABELS_ELEMENTS } from './inline-labels.js';

const MOST_LOOKED_AT = 200;
const BYTES_LOOKED_AT = 8 * 1024 * 1024;
/** ms */
const KNOWN_FOR = 1000;

type Reads = Pick<StoreReads, 'find' | 'count'>;
type LabelledTypes = Map<string, { readonly has: boolean; readonly at: number }>;

/** Of which types there are resources with labels of elements; once there were, they are taken to be there. */
const known = new WeakMap<object, LabelledTypes>();

const labelledIn = (store: object): LabelledTypes => {
  let found = known.get(store);
  if (!found) known.set(store, (found = new Map()));
  return found;
};

/** One of the type is written here. */
export const noteLabelled = (store: object, type: string): void =>
  void labelledIn(store).set(type, { has: true, at: Infinity });

/** Those of the types that have such resources. */
export async function labelledTypes(store: Reads, types: readonly string[]): Promise<readonly string[]> {
  const about = labelledIn(store);
  const now = performance.now();
  const isOpen = (type: string): boolean => {
    const fact = about.get(type);
    return type !== 'Binary' && !(fact && (fact.has || now - fact.at < KNOWN_FOR));
  };
  const open = types.filter(isOpen);
  const isThere = async (of: readonly string[]): Promise<boolean> =>
    of.length > 0 && (await store.count({ types: of, where: LABELS_ELEMENTS }, 1)).count > 0;
  const some = await isThere(open);
  for (const type of open)
    if (!about.get(type)?.has)
      about.set(type, { has: some && (open.length === 1 || (await isThere([type]))), at: now });
  return types.filter(type => about.get(type)?.has === true);
}

/** `all` of nothing but what has no labels of elements. */
export const WITHOUT_LABELLED: Where = { kind: 'not', of: LABELS_ELEMENTS };

/** A search as it was asked; without a `sort` its order is not. */
export type AskedFor = Pick<Query, 'types' | 'where'> & Partial<Pick<Query, 'sort'>>;

/**
 * The condition that finds by what is seen. `labelled`: types that have such resources; `condition`: on what is reached at all; `shown`: a row as it is seen.
 */
export async function findingWhatIsSeen(
  { store, ...indexing }: Pick<Indexing, 'parameters' | 'settings'> & { readonly store: Reads },
  { types, where, sort }: AskedFor,
  labelled: readonly string[],
  narrow: (where: Where) => Where | undefined,
  shown: (row: Version) => Version,
): Promise<Where> {
  const look = async (part: Where): Promise<readonly Version[] | undefined> => {
    const narrowed = narrow(all(part, LABELS_ELEMENTS));
    if (!narrowed) return [];
    const limit = MOST_LOOKED_AT;
    const page = await store.find({ types: labelled, where: narrowed, sort: [], limit, bytes: BYTES_LOOKED_AT });
    return page.more || page.next !== undefined ? undefined : page.rows;
  };
  const matched = await look(where);
  const parts = where.kind === 'all' ? where.of : [where];
  // By the others a resource is found by what is seen alone: they keep the look short.
  const [open, closed] = [parts.filter(mayMatchByAbsence), parts.filter(part => !mayMatchByAbsence(part))];
  const unmatched = open.length > 0 ? await look(all(...closed, { kind: 'not', of: all(...open) })) : [];
  if (!matched || !unmatched) return all(where, WITHOUT_LABELLED);
  const isFound = (row: Version): boolean => {
    const seen = shown(row);
    if (seen === row) return match(where, asAsked(indexing, row, where));
    return match(where, asAsked(indexing, seen, where)) && !isPlaceTold(indexing, row, seen, sort);
  };
  const out = matched.filter(row => !isFound(row));
  const into = unmatched.filter(isFound);
  const left = out.length > 0 ? all(where, { kind: 'not', of: isOneOf(types, out) }) : where;
  return into.length > 0 ? any(left, isOneOf(types, into)) : left;
}

/** Tests of what has bounds: without one of them it is open, and matches more. */
const OF_BOUNDS: ReadonlySet<string> = new Set(['composite', 'date', 'number', 'quantity']);

/** Whether something matches because an element is not there. */
function mayMatchByAbsence(where: Where): boolean {
  switch (where.kind) {
    case 'not':
      return true;
    case 'all':
    case 'any':
      return where.of.some(mayMatchByAbsence);
    case 'of':
    case 'chain':
    case 'has':
      return mayMatchByAbsence(where.where);
    case 'param':
      return (
        OF_BOUNDS.has(where.test.kind) ||
        (where.test.kind === 'token' && where.test.any.some(each => each.system === ''))
      );
    case 'present':
    case 'words':
      return false;
  }
}

/** Whether the place of a row among others tells what is left out. */
function isPlaceTold(
  indexing: Pick<Indexing, 'parameters' | 'settings'>,
  row: Version,
  seen: Version,
  sort: readonly SortKey[] | undefined,
): boolean {
  if (!sort) return false;
  const codes =
    sort.length > 0
      ? sort.map(({ code }) => code)
      : [...indexing.parameters.of(row.type).values()].flatMap(({ code, type }) => (type === 'date' ? [code] : []));
  const asked: Where = any(...codes.map((code): Where => ({ kind: 'present', code })));
  const entriesOf = (version: Version): string => JSON.stringify(asAsked(indexing, version, asked).entries);
  return entriesOf(row) !== entriesOf(seen);
}
