/** Where two versions of a resource differ: the paths of elements, with what stood there before and after. */

export interface Difference {
  readonly path: string;
  /** Empty: there was nothing. */
  readonly before: string;
  readonly after: string;
}

const MOST = 200;
/** Say that there is another version, and nothing else. */
const OF_VERSION: ReadonlySet<string> = new Set(['meta.versionId', 'meta.lastUpdated']);

export function differences(before: object, after: object): readonly Difference[] {
  const found: Difference[] = [];
  compare('', before, after, found);
  return found.filter(({ path }) => !OF_VERSION.has(path)).slice(0, MOST);
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
