/**
 * Whether the time of an answer tells hidden from absent: pairs that take turns in one run, by every way that names one resource.
 * `npm run bench -- --only hidden`, with `--pairs N` for fewer than 2,000 of each.
 */
import { drive, percentile, requestBytes } from './drive.js';
import type { Goal } from './validation.js';

/** The dearer by the cheaper. */
const GOAL = 1.05;
const WARM_PAIRS = 10;
/** Most of the time of an answer that tells nothing is waiting. */
const CALLERS = 4;
const FHIR = 'application/fhir+json';

/** Of one type, hidden from who has the token. */
export interface Hidden {
  readonly what: string;
  readonly token: string;
  readonly type: string;
  readonly ids: readonly string[];
  readonly ways: readonly Way[];
}

/** One request about the resource of an id. */
interface Way {
  readonly name: string;
  readonly method: string;
  readonly path: (name: string, type: string, id: string) => string;
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: (type: string, id: string) => string;
}

const reading = (name: string, path: Way['path'], status = 404): Way => ({ name, method: 'GET', path, status });
export const READS: readonly Way[] = [
  reading('read', name => name),
  reading('vread', name => `${name}/_history/1`),
  reading('history', name => `${name}/_history`),
];
export const BYTES: Way = { ...reading('bytes', name => name), headers: { Accept: '*/*' } };
export const SEARCHES: readonly Way[] = [
  reading('search by id', (_, type, id) => `${type}?_id=${id}`, 200),
  reading('count by id', (_, type, id) => `${type}?_id=${id}&_summary=count`, 200),
];
/** None of them changes anything. */
export const WRITES: readonly Way[] = [
  { name: 'delete', method: 'DELETE', path: name => name, status: 204 },
  { name: 'delete by criteria', method: 'DELETE', path: (_, type, id) => `${type}?_id=${id}`, status: 204 },
  {
    ...{ name: 'patch', method: 'PATCH', path: name => name, status: 404 },
    headers: { 'Content-Type': 'application/json-patch+json' },
    body: () => '[{"op":"test","path":"/status","value":"final"}]',
  },
  {
    ...{ name: 'update', method: 'PUT', path: name => name, status: 404 },
    headers: { 'Content-Type': FHIR },
    body: (resourceType, id) =>
      JSON.stringify({ resourceType, id, status: 'final', code: { text: 'one that nobody chose' } }),
  },
];

/** As long, and never given. */
const absentOf = (id: string): string => id.slice(1) + id.slice(0, 1);

interface Timed {
  readonly hidden: Hidden;
  readonly way: Way;
  readonly times: Readonly<Record<'hidden' | 'absent', number[]>>;
}

interface Turn {
  readonly round: number;
  readonly isHidden: boolean;
  readonly one: Timed;
  readonly since: number;
}

/** All ways take turns, so that whatever else the machine does meets all of them. */
export async function hiddenRows(store: string, port: number, all: readonly Hidden[], pairs: number): Promise<Goal[]> {
  const timed = all.flatMap(hidden =>
    hidden.ways.map((way): Timed => ({ hidden, way, times: { hidden: [], absent: [] } })),
  );
  const each = 2 * timed.length;
  const whole = (WARM_PAIRS + pairs) * each;
  let next = 0;
  const turnAt = (at: number): Turn => {
    const round = Math.floor(at / each);
    // Each is first as often.
    const isHidden = (at % 2 === 0) === (round % 2 === 0);
    return { round, isHidden, one: timed[Math.floor((at % each) / 2)]!, since: performance.now() };
  };
  const turns: Turn[] = [];
  await drive({
    port,
    callers: CALLERS,
    next(caller) {
      if (next === whole) return undefined;
      const { round, isHidden, one } = turnAt(next);
      const { type, ids, token } = one.hidden;
      const { method, path, headers, body } = one.way;
      const there = ids[round % ids.length]!;
      const id = isHidden ? there : absentOf(there);
      const head = { Accept: FHIR, ...headers, Authorization: `Bearer ${token}` };
      const bytes = requestBytes(method, `/fhir/${path(`${type}/${id}`, type, id)}`, head, body?.(type, id));
      turns[caller] = turnAt(next++);
      return bytes;
    },
    answered(caller, status) {
      const { round, isHidden, one, since } = turns[caller]!;
      if (status !== one.way.status) throw new Error(`${one.hidden.what}, ${one.way.name}: an answer was ${status}.`);
      if (round >= WARM_PAIRS) one.times[isHidden ? 'hidden' : 'absent'].push(performance.now() - since);
    },
  });
  return timed.map(({ hidden: { what, type }, way, times }) => {
    const [hidden, absent] = [median(times.hidden), median(times.absent)];
    const value = Math.max(hidden / absent, absent / hidden);
    const both = `hidden ${hidden.toFixed(3)} ms, absent ${absent.toFixed(3)} ms`;
    return { store, name: `${way.name}, ${type} of ${what}: ${both}`, value, unit: '×', goal: GOAL };
  });
}

const median = (values: readonly number[]): number => percentile(Float64Array.from(values).toSorted(), 0.5);
