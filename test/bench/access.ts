/**
 * What access costs over HTTP, each beside the same request of somebody who may do everything, at 16 callers: `npm run bench -- --only access`; what labels
 * of single elements cost (`masking`), and whether the time of an answer tells hidden from absent (`hidden`).
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openIssuer, type TestIssuer } from '../support/issuer.js';
import type { Mongo } from '../support/mongod.js';
import { type SpawnedServer, spawnServer } from '../support/spawn.js';
import { drive, requestBytes } from './drive.js';
import { BYTES, type Hidden, hiddenRows, READS as BY_ID, SEARCHES as BY_SEARCH, WRITES } from './hidden.js';
import { load, type World } from './load.js';
import { maskingRows } from './masking.js';
import { LOINC } from './population.js';
import { compareCosts, type Contender } from './rounds.js';
import type { Goal } from './validation.js';

const STATIC = 'token-of-somebody-who-may-do-everything';
/** Who sees nothing that is confidential, as a token of an issuer without a role does. */
const LESS = 'token-of-somebody-who-sees-less';
const CALLERS = 16;
const READS = 200;
const SEARCHES = 40;
const PEOPLE = 10;
const HOUR = 60 * 60;

interface Asked {
  readonly port: number;
  readonly processes: readonly (number | undefined)[];
  readonly patient: string;
  readonly tokens: Readonly<Record<'known' | 'compartment' | 'constraint' | 'own' | 'category', string>>;
}

/** What is measured. */
export const ACCESS_TABLES = ['access', 'hidden', 'masking'] as const;
export interface AccessTables {
  readonly tables: ReadonlySet<(typeof ACCESS_TABLES)[number]>;
  readonly embedded: boolean;
  /** Of hidden and absent. */
  readonly pairs: number;
}

/** Of each store that is at hand. */
export async function accessRows(mongo: Mongo | undefined, asked: AccessTables): Promise<Goal[]> {
  const rows: Goal[] = [];
  if (asked.embedded) rows.push(...(await rowsOf('embedded', undefined, asked)));
  if (mongo) rows.push(...(await rowsOf('mongo', mongo, asked)));
  return rows;
}

async function rowsOf(store: string, mongo: Mongo | undefined, wanted: AccessTables): Promise<Goal[]> {
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
    const known = [
      { token: STATIC, name: 'all', role: 'writer' },
      { token: LESS, name: 'less', role: 'service' },
    ];
    writeFileSync(tokens, JSON.stringify(known), { mode: 0o600 });
    server = await spawnServer({
      ...settings,
      ...{ CHARTROOM_AUTH: 'token', CHARTROOM_TOKENS: tokens, CHARTROOM_ISSUERS: issuer.url },
    });
    base = `http://localhost:${server.port}/fhir`;
    const asked = { port: server.port, processes: [server.pid, mongo?.pid()] };
    return await measured(store, { world, issuer, server: asked, wanted });
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
  {
    world,
    issuer,
    server,
    wanted: { tables, pairs },
  }: {
    readonly world: World;
    readonly issuer: TestIssuer;
    readonly server: Pick<Asked, 'port' | 'processes'>;
    readonly wanted: AccessTables;
  },
): Promise<Goal[]> {
  const { observations } = world;
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
      own: await token('patient/*.cruds'),
      category: await token(`system/Observation.cruds?category=${category}`),
    },
  };
  const idsOf = (those: (of: World['observations'][number]['resource']) => boolean): readonly string[] =>
    observations.filter(each => those(each.resource)).map(({ id }) => id);
  const own = idsOf(each => patientOf(each) === patient && categoryOf(each) === category);
  const rows: Goal[] = [];
  if (tables.has('access')) rows.push(...(await readRows(store, asked, own)), ...(await searchRows(store, asked)));
  if (tables.has('hidden')) {
    const others = idsOf(each => patientOf(each) !== patient);
    const outside = idsOf(each => categoryOf(each) !== category);
    await pointAtBytes(asked.port, world, patient);
    const observation = { type: 'Observation', ways: [...BY_ID, ...BY_SEARCH, ...WRITES] };
    const all: readonly Hidden[] = [
      { ...observation, what: 'another patient', token: asked.tokens.own, ids: others },
      { ...observation, what: 'another category', token: asked.tokens.category, ids: outside },
      {
        ...{ what: 'another patient', token: asked.tokens.compartment, type: 'Binary', ids: world.binaries },
        ways: [BYTES, ...BY_ID],
      },
    ];
    rows.push(...(await hiddenRows(store, asked.port, all, pairs)));
  }
  // Last: it labels elements of Observations.
  if (tables.has('masking'))
    rows.push(...(await maskingRows(store, { ...asked, world, whole: STATIC, less: LESS, callers: CALLERS })));
  return rows;
}

/** Bytes are part of the records of others. */
async function pointAtBytes(port: number, { people, binaries }: World, patient: string): Promise<void> {
  const others = people.filter(({ id }) => id !== patient);
  let at = 0;
  const headers = { 'Content-Type': 'application/fhir+json', Authorization: `Bearer ${STATIC}` };
  await drive({
    ...{ port, callers: 1 },
    next() {
      const binary = binaries[at];
      if (binary === undefined) return undefined;
      const message = {
        resourceType: 'Communication',
        status: 'completed',
        subject: { reference: `Patient/${others[at++ % others.length]!.id}` },
        payload: [{ contentAttachment: { url: `Binary/${binary}` } }],
      };
      return requestBytes('POST', '/fhir/Communication', headers, JSON.stringify(message));
    },
    answered(_caller, status) {
      if (status !== 201) throw new Error(`What points at bytes was answered with ${status}.`);
    },
  });
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
      contender('static', LESS),
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
