/** What installed guides cost a server that does nothing with them, and one that has used every profile once. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { exchange } from '../support/exchange.js';
import { type SpawnedServer, spawnServer } from '../support/spawn.js';
import { costOf } from '../support/cost.js';
import { lowerQuartile } from './rounds.js';

export interface StartCosts {
  /** µs of CPU. */
  readonly start: number;
  /** MB: when nothing was asked yet, and after every profile was used. */
  readonly idle: number;
  readonly used: number;
}

const STARTS = 4;
const MB = 1024 * 1024;
/** ms in which a server that has started comes to rest. */
const REST = 1500;
const HEADERS = { 'Content-Type': 'application/fhir+json', Accept: 'application/fhir+json' };

/** With the guides of a folder, beyond what it costs without; the lower quartile of several starts, in turns. */
export async function startCosts(folder: string, guides: string): Promise<StartCosts> {
  const profiles = profilesIn(guides);
  const measured = { with: [] as StartCosts[], without: [] as StartCosts[] };
  for (let at = 0; at < STARTS; at++) {
    measured.without.push(await oneStart(join(folder, `start-${at}`), undefined, profiles));
    measured.with.push(await oneStart(join(folder, `start-guides-${at}`), guides, profiles));
  }
  const beyond = (of: (costs: StartCosts) => number): number =>
    lowerQuartile(measured.with.map(of)) - lowerQuartile(measured.without.map(of));
  return { start: beyond(one => one.start), idle: beyond(one => one.idle), used: beyond(one => one.used) };
}

async function oneStart(data: string, guides: string | undefined, profiles: readonly Profile[]): Promise<StartCosts> {
  const server = await spawnServer({
    CHARTROOM_DATA: data,
    ...(guides === undefined ? {} : { CHARTROOM_GUIDES: guides }),
  });
  try {
    const { cpu: start = 0 } = costOf(server.pid) ?? {};
    await pause(REST);
    const idle = memoryOf(server);
    for (const { type, canonical } of profiles) await use(server, type, guides === undefined ? undefined : canonical);
    await pause(REST);
    return { start, idle, used: memoryOf(server) };
  } finally {
    await server.kill('SIGKILL');
  }
}

const memoryOf = ({ pid }: SpawnedServer): number => (costOf(pid)?.rss ?? 0) / MB;

/** The same requests with the profile and without: what they cost in themselves is left out. */
async function use({ port }: SpawnedServer, type: string, canonical: string | undefined): Promise<void> {
  const path = `/fhir/${type}/$validate${canonical === undefined ? '' : `?profile=${encodeURIComponent(canonical)}`}`;
  const body = JSON.stringify({ resourceType: type });
  const answer = await exchange(port, { method: 'POST', path, headers: HEADERS, body });
  if (answer.status !== 200) throw new Error(`${path} was answered with ${answer.status}: ${answer.body.toString()}`);
}

interface Profile {
  readonly type: string;
  readonly canonical: string;
}

/** Profiles of resources in a folder of guides, by the indexes there. */
function profilesIn(guides: string): Profile[] {
  const indexes = readdirSync(guides).filter(name => name.endsWith('.index.json'));
  return indexes.flatMap(name => {
    const index = JSON.parse(readFileSync(join(guides, name), 'utf8')) as {
      readonly rows: readonly (readonly [string, string, string | null, string | null, number, string | null])[];
    };
    return index.rows.flatMap(([type, url, version, , , profileOf]) =>
      type === 'StructureDefinition' && profileOf !== null
        ? [{ type: profileOf, canonical: version === null ? url : `${url}|${version}` }]
        : [],
    );
  });
}
