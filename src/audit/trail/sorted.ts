/**
 * Searches of events in another order than that of a time: all that match are put in order in memory, so that there may be only so many.
 * A place is `s`, the values that the event or resource is sorted by, and its name.
 */
import { FhirError } from '../../fhir/error.js';
import { indexStored, type Indexing } from '../../search/index-resource.js';
import type { Subject } from '../../search/match.js';
import type { Cursor, Query, SortKey } from '../../search/query.js';
import { encodeId } from '../../store/codec.js';
import { pageExpired } from '../../store/plan.js';
import type { Page, Store, Version } from '../../store/store.js';
import type { RecordedEvent } from './events.js';

const MOST_SORTED = 10_000;
const PAGE_ROWS = 500;

type SortValue = string | number | null;

interface SortedRow {
  readonly values: readonly SortValue[];
  /** Type and id. */
  readonly name: string;
  row(): Version;
}

export async function sortedPage(
  query: Query,
  sort: readonly SortKey[],
  {
    store,
    indexing,
    events,
  }: {
    readonly store: Pick<Store, 'find'>;
    readonly indexing: Indexing;
    readonly events: AsyncIterable<RecordedEvent>;
  },
): Promise<Page> {
  const { limit, bytes = Infinity, after, before, ...question } = query;
  const all: SortedRow[] = [];
  const add = (subject: Subject, row: () => Version): void => {
    if (all.length === MOST_SORTED) throw tooMany();
    const values = sort.map(key => valueOf(subject, key));
    all.push({ values, name: encodeId(subject.type, subject.id), row });
  };
  for await (const row of allRows(store, { ...question, sort }))
    add({ ...row, entries: indexStored(indexing, { text: row.text }).entries }, () => row);
  for await (const event of events) add(event, () => event.version());
  all.sort((a, b) => compareSorted(sort, a, b));
  const start = after ?? before;
  const place = start && placeIn(start, sort);
  const side = place
    ? all.filter(one => (after ? compareSorted(sort, one, place) > 0 : compareSorted(sort, one, place) < 0))
    : all;
  const wanted = before ? side.toReversed() : side;
  const page: { readonly row: Version; readonly cursor: Cursor }[] = [];
  let left = bytes;
  let next: number | undefined;
  for (const one of wanted.slice(0, limit)) {
    const row = one.row();
    left -= row.text?.length ?? 0;
    if (left < 0) {
      next = row.text!.length;
      break;
    }
    page.push({ row, cursor: ['s', ...one.values, one.name] });
  }
  if (before) page.reverse();
  return {
    rows: page.map(({ row }) => row),
    cursors: page.map(({ cursor }) => cursor),
    more: page.length < wanted.length,
    ...(next === undefined ? {} : { next }),
  };
}

async function* allRows(store: Pick<Store, 'find'>, question: Omit<Query, 'limit'>): AsyncGenerator<Version> {
  let after: Cursor | undefined;
  for (;;) {
    const page = await store.find({ ...question, limit: PAGE_ROWS, ...(after ? { after } : {}) });
    yield* page.rows;
    if (!page.more) return;
    after = page.cursors.at(-1);
  }
}

/** What comes first of several values in this direction. */
function valueOf(subject: Subject, { code, descending }: SortKey): SortValue {
  if (code === '_id') return encodeId(subject.type, subject.id);
  if (code === '_lastUpdated') return subject.updated;
  const values = subject.entries.flatMap((entry): (string | number)[] => {
    if (entry.parameter !== code) return [];
    switch (entry.kind) {
      case 'string':
        return [entry.norm];
      case 'token':
        return [`${entry.code}|${entry.system}`];
      case 'date':
      case 'number':
        return [descending ? entry.high : entry.low];
      case 'uri':
        return [entry.value];
      default:
        return [];
    }
  });
  const inOrder = values.toSorted(compareValues);
  return (descending ? inOrder.at(-1) : inOrder[0]) ?? null;
}

const compareValues = (a: string | number, b: string | number): number => (a < b ? -1 : a > b ? 1 : 0);

function compareSorted(
  sort: readonly SortKey[],
  a: Pick<SortedRow, 'values' | 'name'>,
  b: Pick<SortedRow, 'values' | 'name'>,
) {
  for (const [i, { descending }] of sort.entries()) {
    const [x, y] = [a.values[i] ?? null, b.values[i] ?? null];
    if (x === y) continue;
    // What has no value comes last in both directions.
    if (x === null || y === null) return x === null ? 1 : -1;
    return descending ? -compareValues(x, y) : compareValues(x, y);
  }
  return (sort.at(-1)!.descending ? -1 : 1) * compareValues(a.name, b.name);
}

function placeIn(cursor: Cursor, sort: readonly SortKey[]): Pick<SortedRow, 'values' | 'name'> {
  const [kind, ...rest] = cursor;
  if (kind !== 's' || rest.length !== sort.length + 1) throw pageExpired();
  return { values: rest.slice(0, -1), name: rest.at(-1) as string };
}

const tooMany = (): FhirError =>
  new FhirError(
    'too-costly',
    `More than ${MOST_SORTED} events would have to be sorted. Add criteria (a patient, a user, a date range), or sort by date.`,
  );
