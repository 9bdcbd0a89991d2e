/** Where two versions of a resource differ: the paths of elements, with what stood there before and after. */

export interface Difference {
  readonly path: string;
  /** Empty: there was nothing. */
  readonly before: string;
  readonly after: string;
}

export interface Differences {
  readonly changes: readonly Difference[];
  /** How many there are beside these. */
  readonly left: number;
}

const MOST = 200;
/** Say that there is another version, and nothing else. */
const OF_VERSION: ReadonlySet<string> = new Set(['meta.versionId', 'meta.lastUpdated']);

/** The first 200 of them. */
export function differences(before: object, after: object): Differences {
  const found: Difference[] = [];
  compare('', before, after, found);
  const changes = found.filter(({ path }) => !OF_VERSION.has(path));
  return { changes: changes.slice(0, MOST), left: Math.max(0, changes.length - MOST) };
}

const isBranch = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;
const shownLeaf = (value: unknown): string =>
  value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value);

function compare(path: string, before: unknown, after: unknown, found: Difference[]): void {
  if (Object.is(before, after)) return;
  if (!isBranch(before) || !isBranch(after)) {
    found.push({ path, before: shownLeaf(before), after: shownLeaf(after) });
    return;
  }
  const inList = Array.isArray(before) || Array.isArray(after);
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const step = inList ? `${path}[${name}]` : path === '' ? name : `${path}.${name}`;
    compare(step, before[name], after[name], found);
  }
}
