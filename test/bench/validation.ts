/**
 * What validation and terminology cost, each beside its control in the same run: writes with the base rules on and off, with profiles and
 * without; questions about codes; the first use of a profile; a start, and the memory of a server, with every package of the reference data
 * installed. Needs that data.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { exchange } from '../support/exchange.js';
import type { Mongo } from '../support/mongod.js';
import { readArchive, shared } from '../support/shared.js';
import { type SpawnedServer, spawnServer } from '../support/spawn.js';
import { type CheckCosts, PATIENT_FILE } from './checks.js';
import { requestBytes } from './drive.js';
import { table } from './report.js';
import { compareCosts, type Contender, lowerQuartile } from './rounds.js';
import { startCosts } from './starts.js';

export interface Goal {
  readonly store: string;
  readonly name: string;
  readonly value: number;
  readonly unit: '×' | 'µs' | 'ms' | 'MB' | 's';
  /** At most. */
  readonly goal: number;
}

const PROGRAM = fileURLToPath(new URL('../../../bin/chartroom.js', import.meta.url));
const CHECKS = fileURLToPath(new URL('checks.js', import.meta.url));
const US_CORE = 'hl7.fhir.us.core-8.0.0.tgz';
const GET = { Accept: 'application/fhir+json' };
const WRITE = { ...GET, 'Content-Type': 'application/fhir+json', Prefer: 'return=minimal' };

/** Requests of a contender in one round. */
const WRITES = 100;
const TRANSACTIONS = 3;
const QUESTIONS = 200;

/** What is measured with. */
interface Material {
  /** A folder with US Core 8.0.0 and the extensions that it uses. */
  readonly usCore: string;
  /** A folder with all packages. */
  readonly everything: string;
  /** Examples of US Core. */
  readonly examples: string;
  /** s of CPU of `ig add` for US Core. */
  readonly adding: number;
}

/** `embedded`: on the embedded store, too. Undefined where the reference data is missing. */
export async function validationRows(mongo: Mongo | undefined, embedded: boolean): Promise<Goal[] | undefined> {
  const packages = ['ig-packages', 'ig-built'].map(name => shared('data', name));
  if (packages.some(folder => folder === undefined)) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'chartroom-bench-'));
  try {
    const material = prepareMaterial(folder, packages as string[]);
    const rows = [...checkRows(material)];
    const stores = [...(embedded ? [undefined] : []), ...(mongo ? [mongo] : [])];
    for (const one of stores) rows.push(...(await storeRows(folder, material, one)));
    rows.push(...(await startRows(folder, material)));
    return rows;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function prepareMaterial(folder: string, packages: readonly string[]): Material {
  const files = packages
    .flatMap(at => readdirSync(at).map(name => join(at, name)))
    .filter(name => name.endsWith('.tgz'));
  const usCoreFile = files.find(file => basename(file) === US_CORE)!;
  const [usCore, everything, examples] = ['us-core', 'everything', 'examples'].map(name => join(folder, name));
  const before = cpuOfChildren();
  addGuides(usCore!, [usCoreFile]);
  const adding = (cpuOfChildren() - before) / 1e6;
  addGuides(
    usCore!,
    files.filter(file => basename(file).startsWith('hl7.fhir.uv.extensions.r4-5.2')),
  );
  addGuides(everything!, [usCoreFile, ...files.filter(file => file !== usCoreFile)]);
  mkdirSync(examples!);
  for (const { name, text } of readArchive(usCoreFile))
    if (/^package\/example\/(?!package|ig-)[^/]+\.json$/.test(name) && text.length < 100_000)
      writeFileSync(join(examples!, basename(name)), text);
  return { usCore: usCore!, everything: everything!, examples: examples!, adding };
}

function addGuides(guides: string, files: readonly string[]): void {
  const env = { ...process.env, CHARTROOM_GUIDES: guides, CHARTROOM_REGISTRY: 'off', CHARTROOM_LOG: 'silent' };
  const { status, stderr } = spawnSync(process.execPath, [PROGRAM, 'ig', 'add', ...files], { env });
  if (status !== 0) throw new Error(`The guides could not be added: ${stderr.toString()}`);
}

/** µs of those that have ended. */
function cpuOfChildren(): number {
  const stat = readFileSync('/proc/self/stat', 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(spawnSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }).stdout) || 100;
  return ((Number(fields[13]) + Number(fields[14])) * 1e6) / ticks;
}

/** Runs of a process that begins with nothing. */
const FRESH = 5;

function checkRows({ usCore, examples, adding }: Material): Goal[] {
  const runs = Array.from({ length: FRESH }, () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [CHECKS, usCore, examples], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`Checks could not be measured: ${stderr}`);
    return JSON.parse(stdout) as CheckCosts;
  });
  const of = (value: (run: CheckCosts) => number): number => lowerQuartile(runs.map(value));
  const alone = Object.keys(runs[0]!.alone).map((name, at): Goal => {
    const value = of(run => run.alone[name]!);
    return { store: '–', name: `check alone: ${name}`, value, unit: 'µs', goal: at === 0 ? 400 : 100 };
  });
  const { profiles } = runs[0]!;
  const first = { store: '–', unit: 'ms' } as const;
  return [
    ...alone,
    { ...first, name: `first use, dearest of ${profiles}`, value: of(run => run.firstProfile) / 1000, goal: 50 },
    { ...first, name: 'first US Core Patient, all it needs', value: of(run => run.firstPatient) / 1000, goal: 150 },
    { store: '–', name: 'ig add of US Core 8.0.0', value: adding, unit: 's', goal: 6 },
  ];
}

interface Servers {
  readonly on: SpawnedServer;
  readonly off: SpawnedServer;
  readonly mongod: number | undefined;
}

async function storeRows(folder: string, material: Material, mongo: Mongo | undefined): Promise<Goal[]> {
  const store = mongo ? 'mongo' : 'embedded';
  const start = (name: string, settings: Readonly<Record<string, string>>) =>
    spawnServer({
      CHARTROOM_STORE: mongo ? mongo.database(`bench_${name}`) : 'embedded',
      CHARTROOM_DATA: join(folder, `${store}-${name}`),
      CHARTROOM_GUIDES: material.usCore,
      ...settings,
    });
  const servers: Servers = {
    on: await start('on', {}),
    off: await start('off', { CHARTROOM_VALIDATE_BASE: 'off' }),
    mongod: mongo?.pid(),
  };
  try {
    return [
      ...(await writeRows(store, servers)),
      ...(await profileRows(store, servers, material)),
      ...(await questionRows(store, servers)),
    ];
  } finally {
    for (const server of [servers.on, servers.off]) await server.kill('SIGKILL');
  }
}

const observation = (at: number, id?: string) => ({
  resourceType: 'Observation',
  ...(id === undefined ? {} : { id }),
  status: 'final',
  category: [
    { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'laboratory' }] },
  ],
  code: { coding: [{ system: 'http://loinc.org', code: '8867-4', display: 'Heart rate' }] },
  subject: { reference: 'Patient/someone' },
  effectiveDateTime: new Date(1.6e12 + at * 60_000).toISOString(),
  valueQuantity: { value: 60 + (at % 40), unit: '/min', system: 'http://unitsofmeasure.org', code: '/min' },
});

async function writeRows(store: string, { on, off, mongod }: Servers): Promise<Goal[]> {
  let made = 0;
  const next: Readonly<Record<string, readonly [status: number, next: () => Buffer]>> = {
    create: [201, () => requestBytes('POST', '/fhir/Observation', WRITE, JSON.stringify(observation(made++)))],
    update: [
      200,
      () => requestBytes('PUT', '/fhir/Observation/one', WRITE, JSON.stringify(observation(made++, 'one'))),
    ],
  };
  for (const { port } of [on, off]) await put(port, observation(0, 'one'));
  const rows: Goal[] = [];
  for (const [name, [status, bytes]] of Object.entries(next)) {
    const contender = ({ port, pid }: SpawnedServer): Contender => ({
      ...{ name, port, status, next: bytes },
      processes: [pid, mongod],
    });
    const [, compared] = await compareCosts([contender(off), contender(on)], WRITES);
    rows.push({ store, name: `${name}, base on ÷ off`, value: compared!.ratio, unit: '×', goal: 1.1 });
  }
  return rows;
}

async function put(port: number, resource: { readonly resourceType: string; readonly id?: string | undefined }) {
  const path = `/fhir/${resource.resourceType}/${resource.id}`;
  const { status, body } = await exchange(port, {
    method: 'PUT',
    path,
    headers: WRITE,
    body: JSON.stringify(resource),
  });
  if (status !== 201) throw new Error(`${path} was answered with ${status}: ${body.toString()}`);
}

async function profileRows(store: string, { on, mongod }: Servers, { examples }: Material): Promise<Goal[]> {
  const patient = JSON.parse(readFileSync(join(examples, PATIENT_FILE), 'utf8')) as Record<string, unknown>;
  const { id: _id, meta: _meta, ...bare } = patient;
  const claiming = { ...bare, meta: patient['meta'] };
  const around = { port: on.port, processes: [on.pid, mongod] };
  const creating = (name: string, resource: object): Contender => {
    const bytes = requestBytes('POST', '/fhir/Patient', WRITE, JSON.stringify(resource));
    return { ...around, name, next: () => bytes, status: 201 };
  };
  const hundred = (name: string, resource: object): Contender => {
    const entry = Array.from({ length: 100 }, (_, at) => ({
      resource: at % 10 === 0 ? resource : { ...observation(at), ...('meta' in resource ? CLAIM : {}) },
      request: { method: 'POST', url: at % 10 === 0 ? 'Patient' : 'Observation' },
    }));
    const bytes = requestBytes(
      'POST',
      '/fhir',
      WRITE,
      JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry }),
    );
    return { ...around, name, next: () => bytes, status: 200 };
  };
  const [, one] = await compareCosts([creating('without', bare), creating('with', claiming)], WRITES);
  const [, many] = await compareCosts([hundred('without', bare), hundred('with', claiming)], TRANSACTIONS);
  return [
    { store, name: 'create of US Core Patient, with ÷ without profile', value: one!.ratio, unit: '×', goal: 1.6 },
    { store, name: 'transaction of 100, with ÷ without profiles', value: many!.ratio, unit: '×', goal: 1.6 },
  ];
}

const CLAIM = { meta: { profile: ['http://hl7.org/fhir/us/core/StructureDefinition/us-core-observation-lab'] } };

const STATUSES = 'http://hl7.org/fhir/ValueSet/observation-status';
const LETTERS = 'http://example.org/ValueSet/letters';

/** Of R4, and of what is stored. */
const QUESTIONS_ASKED: Readonly<Record<string, string>> = {
  '$validate-code': `ValueSet/$validate-code?url=${STATUSES}&system=http://hl7.org/fhir/observation-status&code=final`,
  $expand: `ValueSet/$expand?url=${STATUSES}`,
  $lookup: 'CodeSystem/$lookup?system=http://terminology.hl7.org/CodeSystem/v3-RoleCode&code=MTH',
  '$validate-code, stored': `ValueSet/$validate-code?url=${LETTERS}&system=http://example.org/letters&code=c7`,
  '$expand, stored': `ValueSet/$expand?url=${LETTERS}`,
  '$lookup, stored': 'CodeSystem/$lookup?system=http://example.org/letters&code=c7',
};

async function questionRows(store: string, { on: { port, pid } }: Servers): Promise<Goal[]> {
  const concept = Array.from({ length: 50 }, (_, at) => ({ code: `c${at}`, display: `Letter ${at}` }));
  const head = { status: 'active', id: 'letters' };
  const system = { url: 'http://example.org/letters', content: 'complete', concept };
  await put(port, { resourceType: 'CodeSystem', ...head, ...system });
  const compose = { include: [{ system: system.url }] };
  await put(port, { resourceType: 'ValueSet', ...head, ...{ url: LETTERS, compose } });
  const contenders = Object.entries(QUESTIONS_ASKED).map(([name, path]): Contender => {
    const bytes = requestBytes('GET', `/fhir/${path}`, GET);
    return { name, port, processes: [pid], next: () => bytes, status: 200 };
  });
  const costs = await compareCosts(contenders, QUESTIONS);
  return costs.map(({ name, cpu }): Goal => ({ store, name, value: cpu, unit: 'µs', goal: 500 }));
}

async function startRows(folder: string, { everything }: Material): Promise<Goal[]> {
  const { start, idle, used } = await startCosts(folder, everything);
  const row = { store: 'embedded' };
  return [
    { ...row, name: 'start with all packages, beyond without', value: start / 1000, unit: 'ms', goal: 100 },
    { ...row, name: 'idle memory with all packages, beyond without', value: idle, unit: 'MB', goal: 25 },
    { ...row, name: 'memory after every profile was used, beyond without', value: used, unit: 'MB', goal: 80 },
  ];
}

export const goalTable = (rows: readonly Goal[], of: string): string =>
  table(
    ['store', of, 'measured', 'at most', ''],
    rows.map(({ store, name, value, unit, goal }) => [
      store,
      name,
      `${value.toFixed(unit === '×' || unit === 's' ? 2 : 0)} ${unit}`,
      `${goal} ${unit}`,
      value <= goal ? '' : 'missed',
    ]),
  );
