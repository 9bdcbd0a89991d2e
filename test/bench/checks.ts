/**
 * What checks of resources cost without a server around them, in a process of its own: `node checks.js FOLDER EXAMPLES`, a folder of
 * guides and one of examples of US Core 8.0.0. Prints µs of CPU, as JSON: of the first check of a US Core Patient with all that it needs, of
 * the first use of each other profile, and of a check when everything is at hand.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseJson, STORED_JSON } from '../../src/fhir/json/json.js';
import type { Parsed } from '../../src/fhir/resource.js';
import { openValidator } from '../../src/compose/checker.js';
import { loadConfig } from '../../src/platform/config.js';
import { lowerQuartile } from './rounds.js';

export interface CheckCosts {
  readonly firstPatient: number;
  /** The dearest, and how many there were. */
  readonly firstProfile: number;
  readonly profiles: number;
  readonly alone: Readonly<Record<string, number>>;
}

export const PATIENT_FILE = 'Patient-example.json';
const ALONE: Readonly<Record<string, string>> = {
  'US Core Patient, 9 KB': PATIENT_FILE,
  'US Core Observation': 'Observation-10-minute-apgar-score.json',
  'US Core DocumentReference': 'DocumentReference-episode-summary.json',
};
const ROUNDS = 40;
const CHECKS = 100;

async function costOf(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

export async function checkCosts(guides: string, examples: string): Promise<CheckCosts> {
  const { validate, judge } = await openValidator(loadConfig({ flags: { log: 'silent' }, env: {} }), guides);
  const read = (file: string): Parsed => parseJson(readFileSync(join(examples, file)), STORED_JSON);
  const patient = read(PATIENT_FILE);
  await validate(patient);
  const firstPatient = await costOf(() => judge.written(patient));
  const firsts: number[] = [];
  for (const parsed of oneOfEachProfile(examples, read)) {
    // What R4 itself says of the type is at hand.
    await judge
      .written({ ...parsed, resource: { ...parsed.resource, meta: { versionId: '1' } } })
      .catch(() => undefined);
    firsts.push(await costOf(() => judge.written(parsed).catch(() => undefined)));
  }
  const alone: Record<string, number> = {};
  for (const [name, file] of Object.entries(ALONE)) {
    const parsed = read(file);
    const rounds: number[] = [];
    for (let round = 0; round < ROUNDS; round++)
      rounds.push(
        (await costOf(async () => {
          for (let at = 0; at < CHECKS; at++) await judge.written(parsed);
        })) / CHECKS,
      );
    alone[name] = lowerQuartile(rounds);
  }
  return { firstPatient, firstProfile: Math.max(...firsts), profiles: firsts.length, alone };
}

/** The first example of each set of profiles, in the order of their names. */
function oneOfEachProfile(examples: string, read: (file: string) => Parsed): Parsed[] {
  const found = new Map<string, Parsed>();
  for (const file of readdirSync(examples).toSorted()) {
    if (!file.endsWith('.json')) continue;
    const parsed = read(file);
    const { meta, resourceType } = parsed.resource;
    const key = `${resourceType} ${JSON.stringify(meta !== null && typeof meta === 'object' && !Array.isArray(meta) ? meta['profile'] : '')}`;
    if (resourceType !== 'Bundle' && !found.has(key)) found.set(key, parsed);
  }
  return [...found.values()];
}

const [guides, examples] = process.argv.slice(2);
if (import.meta.filename === process.argv[1] && guides !== undefined && examples !== undefined)
  process.stdout.write(JSON.stringify(await checkCosts(guides, examples)));
