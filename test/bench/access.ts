/**
 * What access costs over HTTP, each beside the same request of somebody who may do everything, at 16 callers: `npm run bench -- --only access`. And
 * whether the time of an answer tells hidden from absent: pairs that take turns, one after the other.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openIssuer, type TestIssuer } from '../support/issuer.js';
import type { Mongo } from '../support/mongod.js';
import { type SpawnedServer, spawnServer } from '../support/spawn.js';
import { drive, percentile, requestBytes } from './drive.js';
import { load, type World } from './load.js';
import { LOINC } from './population.js';
import { compareCosts, type Contender } from './rounds.js';
import type { Goal } from './validation.js';

const STATIC = 'token-of-somebody-who-may-do-everything';
const CALLERS = 16;
const READS = 200;
const SEARCHES = 40;
const PAIRS = 2000;
const WARM_PAIRS = 200;
const PEOPLE = 10;
const HOUR = 60 * 60;

interface Asked {
  readonly port: number;
  readonly processes: readonly (number | undefined)[];
  readonly patient: string;
  readonly tokens: Readonly<Record<'known' | 'compartment' | 'constraint', string>>;
}

/** Of each store that is at hand. */
export async function accessRows(mongo: Mongo | undefined, embedded: boolean): Promise<Goal[]> {
  const rows: Goal[] = [];
  if (embedded) rows.push(...(await rowsOf('embedded', undefined)));
  if (mongo) rows.push(...(await rowsOf('mongo', mongo)));
  return rows;
}

async function rowsOf(store: string, mongo: Mongo | undefined): Promise<Goal[]> {
  const folder = mkdtempSync(join(tmpdir(), 'chartroom-bench-access-'));
  const settings = {
    CHARTROOM_STORE: mongo ? mongo.database('bench_access') : 'embedded',
    CHARTROOM_DATA: join(folder, 'store'),
  };
  let base = '';
  const issuer = await openIssuer(() => base);
  let server: SpawnedServer | undefined;
  try {
    server = await spawnServer(settings);
    const world = await load(server.port, PEOPLE);
    await server.kill('SIGTERM');
    const tokens = join(folder, 'tokens.json');
    writeFileSync(tokens, JSON.stringify([{ token: STATIC, name: 'all', role: 'writer' }]), { mode: 0o600 });
    server = await spawnServer({
      ...settings,
      ...{ CHARTROOM_AUTH: 'token', CHARTROOM_TOKENS: tokens, CHARTROOM_ISSUERS: issuer.url },
    });
    base = `http://localhost:${server.port}/fhir`;
    return await measured(store, world, issuer, { port: server.port, processes: [server.pid, mongo?.pid()] });
  } finally {
    await server?.kill('SIGKILL');
    await issuer.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

const patientOf = (resource: Readonly<Record<string, unknown>>): string =>
  (resource['subject'] as { readonly reference: string }).reference.slice('Patient/'.length);
const categoryOf = (resource: Readonly<Record<string, unknown>>): string =>
  (resource['category'] as readonly { readonly coding: readonly { readonly code: string }[] }[])[0]!.coding[0]!.code;

async function measured(
  store: string,
  { observations }: World,
  issuer: TestIssuer,
  server: Pick<Asked, 'port' | 'processes'>,
): Promise<Goal[]> {
  const [{ resource }] = observations as [World['observations'][number]];
  const [patient, category] = [patientOf(resource), categoryOf(resource)];
  const token = (scope: string): Promise<string> =>
    issuer.token({ claims: { scope, patient, exp: Math.floor(Date.now() / 1000) + HOUR } });
  const asked: Asked = {
    ...server,
    patient,
    tokens: {
      known: await token('system/*.cruds'),
      compartment: await token('patient/*.rs'),
      constraint: await token(`system/Observation.rs?category=${category}`),
    },
  };
  const own = observations.filter(
    each => patientOf(each.resource) === patient && categoryOf(each.resource) === category,
  );
  const others = observations.filter(each => patientOf(each.resource) !== patient);
  const outside = observations.filter(each => categoryOf(each.resource) !== category);
  return [
    ...(await readRows(
      store,
      asked,
      own.map(({ id }) => id),
    )),
    ...(await searchRows(store, asked)),
    await hiddenRow(
      store,
      asked,
      'another compartment',
      asked.tokens.compartment,
      others.map(({ id }) => id),
    ),
    await hiddenRow(
      store,
      asked,
      'another category',
      asked.tokens.constraint,
      outside.map(({ id }) => id),
    ),
  ];
}

const get = (path: string, token: string): Buffer =>
  requestBytes('GET', `/fhir/${path}`, { Accept: 'application/fhir+json', Authorization: `Bearer ${token}` });

/** The same rows in turns, so that caches do not tell them apart. */
function inTurns(ids: readonly string[]): () => string {
  let at = 0;
  return () => ids[at++ % ids.length]!;
}

async function readRows(store: string, { port, processes, tokens }: Asked, ids: readonly string[]): Promise<Goal[]> {
  const contender = (name: string, token: string): Contender => {
    const next = inTurns(ids);
    return { name, port, processes, status: 200, next: () => get(`Observation/${next()}`, token) };
  };
  const [all, known, compartment, constraint] = await compareCosts(
    [
      contender('static', STATIC),
      contender('known', tokens.known),
      contender('compartment', tokens.compartment),
      contender('constraint', tokens.constraint),
    ],
    READS,
    CALLERS,
  );
  const more = (name: string, cpu: number, goal: number): Goal => ({ store, name, value: cpu, unit: 'µs', goal });
  return [
    more('read, a known token more than a static one', known!.cpu - all!.cpu, 20),
    more('read, within a compartment more than a known token', compartment!.cpu - known!.cpu, 15),
    more('read, within a category more than a known token', constraint!.cpu - known!.cpu, 60),
  ];
}

async function searchRows(store: string, { port, processes, tokens, patient }: Asked): Promise<Goal[]> {
  const query = `Observation?patient=${patient}&code=${LOINC}|8867-4&date=ge2000-01-01`;
  const contender = (name: string, token: string): Contender => ({
    ...{ name, port, processes, status: 200 },
    next: () => get(query, token),
  });
  const compared = await compareCosts(
    [
      contender('known', tokens.known),
      contender('compartment', tokens.compartment),
      contender('constraint', tokens.constraint),
    ],
    SEARCHES,
    CALLERS,
  );
  return compared.slice(1).map(
    ({ name, ratio }): Goal => ({
      ...{ store, name: `patient + code + date, ${name} ÷ a known token`, value: ratio, unit: '×', goal: 1.2 },
    }),
  );
}

/** One caller, by turns: the medians of two times that differ tell what is there. */
async function hiddenRow(
  store: string,
  { port }: Asked,
  what: string,
  token: string,
  ids: readonly string[],
): Promise<Goal> {
  const next = inTurns(ids);
  const times: Record<'hidden' | 'absent', number[]> = { hidden: [], absent: [] };
  let asked = -2 * WARM_PAIRS;
  let [id, since]: [string, number] = ['', 0];
  // Each is first as often.
  const isHidden = (at: number): boolean => (at % 2 === 0) === (Math.floor(at / 2) % 2 === 0);
  await drive({
    port,
    callers: 1,
    next() {
      if (asked === 2 * PAIRS) return undefined;
      if (asked % 2 === 0) id = next();
      const bytes = get(`Observation/${isHidden(asked) ? id : id.slice(1) + id.slice(0, 1)}`, token);
      since = performance.now();
      return bytes;
    },
    answered(_caller, status) {
      if (status !== 404) throw new Error(`${what}: an answer was ${status}.`);
      if (asked >= 0) times[isHidden(asked) ? 'hidden' : 'absent'].push(performance.now() - since);
      asked++;
    },
  });
  const median = (values: readonly number[]): number => percentile(Float64Array.from(values).toSorted(), 0.5);
  const [hidden, absent] = [median(times.hidden), median(times.absent)];
  const ratio = Math.max(hidden / absent, absent / hidden);
  return { store, name: `hidden ÷ absent, medians of ${PAIRS} pairs: ${what}`, value: ratio, unit: '×', goal: 1.05 };
}
