/**
 * `chartroom verify`: whether the store agrees with itself. Every version that it holds has the event of the write that made
 * it, every event of a success that is our own names a version that is there, versions have no gaps, every version and event says what was written,
 * the bytes of every attachment have their hash, every record (store/records.ts) says what was put, index rows are those that their resources have, and a sample of the current resources is
 * found by what stands in them and by nothing else.
 * https://profiles.ihe.net/ITI/BALP (row AUD-1)
 *
 * It reads in the store's own order, a page at a time, so that memory does not grow with the data; on MongoDB servers may go
 * on meanwhile: what changes while it is looked at is looked at again.
 */
import { createHash } from 'node:crypto';
import { asFhirError, FhirError } from '../fhir/error.js';
import { parseJson, STORED_JSON } from '../fhir/json/json.js';
import { indexStored } from '../search/index-resource.js';
import type { Engine } from '../interactions/engine.js';
import { isOwnEvent, RECEIVED } from '../interactions/write/received.js';
import { ConfigError } from '../platform/config.js';
import { all, any, type Test, type Where } from '../search/query.js';
import { isRecordAltered } from '../store/records.js';
import type { Store, Version } from '../store/store.js';
import type { Invocation } from './invocation.js';
import { showProgress } from './progress.js';

/** Looked at at the same time. */
const WIDTH = 16;
const PAGE = 200;
/** Resources per type whose index is checked, unless the command says another number. */
const SAMPLE = 500;
/** Findings of one kind that are named; the others are counted. */
const MOST_NAMED = 20;
/** What an address of its own means depends on the base: documents name their bytes by it. */
const NOT_FOUND = 'Resources that are not found by what they say';

export async function verify({ open, options, progress }: Invocation): Promise<number> {
  const sample = Number(options['sample'] ?? SAMPLE);
  if (!Number.isInteger(sample) || sample < 0)
    throw new ConfigError('--sample must be a number of resources, 0 for none.');
  const engine = await open({ examines: true });
  const reached: Reached = { done: 0, all: 1, phase: '' };
  const hide = showProgress(() => {
    const { done, all: whole, phase } = reached;
    return { share: done / whole, count: done, what: 'steps', more: phase };
  }, progress);
  try {
    const { counts, findings } = await examine(engine, sample, reached).finally(hide);
    for (const [what, number] of counts) process.stdout.write(`${what}: ${number}\n`);
    for (const [what, { number, names }] of findings) {
      process.stdout.write(`\n${what}: ${number}\n${names.map(name => `  ${name}\n`).join('')}`);
      if (number > names.length) process.stdout.write(`  … and ${number - names.length} more\n`);
    }
    if (findings.has(NOT_FOUND))
      process.stdout.write(
        `\nAddresses were taken as those of a server at ${engine.settings.base}: if the server has another one, give CHARTROOM_BASE_URL, or HOST and PORT, as it does.\n`,
      );
    process.stdout.write('\nWhether the audit trail is what was sealed is said by: chartroom audit verify\n');
    process.stdout.write(
      findings.size === 0 ? 'The store agrees with itself.\n' : '\nThe store does not agree with itself.\n',
    );
    return findings.size === 0 ? 0 : 1;
  } finally {
    await engine.store.close();
  }
}

export interface Examined {
  /** What was looked at. */
  readonly counts: ReadonlyMap<string, number>;
  /** What is wrong: nothing, in a store that is whole. */
  readonly findings: ReadonlyMap<string, { readonly number: number; readonly names: readonly string[] }>;
}

/** Something is wrong with what has this name. */
type TellFault = (what: string, name: string) => void;

/** Where a check is: for those who wait. */
export interface Reached {
  done: number;
  all: number;
  phase: string;
}

/** `sample`: resources per type whose index is made anew and compared. `reached` is kept up to date. */
export async function examine(
  engine: Engine,
  sample: number,
  reached: Reached = { done: 0, all: 1, phase: '' },
): Promise<Examined> {
  const { store } = engine;
  const counts = new Map<string, number>();
  const findings = new Map<string, { number: number; names: string[] }>();
  const counted = (what: string): void => {
    reached.phase = what.toLowerCase();
    counts.set(what, (counts.get(what) ?? 0) + 1);
  };
  const found: TellFault = (what, name) => {
    const finding = findings.get(what) ?? { number: 0, names: [] };
    findings.set(what, finding);
    // What has several faults of one kind is told once.
    if (finding.names.includes(name)) return;
    finding.number += 1;
    if (finding.names.length < MOST_NAMED) finding.names.push(name);
  };
  const sizes = await store.sizes();
  // Each resource has a first version, and may be in the sample.
  reached.all = [...sizes.values()].reduce((sum, size) => sum + size + Math.min(size, 2 * sample), 1);

  const damaged = new Set<string>();
  await forEach(store.blobs.all(), async hash => {
    counted('Attachments');
    const state = await stateOfBytes(store, hash);
    if (state === 'damaged') damaged.add(hash);
    if (state !== 'whole') found(FAULTS_OF_BYTES[state], `SHA-256 ${hash}`);
  });
  await forEach(versions(engine), async row => {
    counted('Versions');
    if (row.version === 1) reached.done++;
    await checkVersion(engine, row, damaged, found);
  });
  await forEach(store.scan({ type: 'AuditEvent' }), async ({ row }) => {
    counted('Events');
    reached.done++;
    if (await checkEvent(engine, row, found)) counted('Events that name a version');
  });
  for await (const { fault, name } of engine.trailFaults()) found(TRAIL_FAULTS[fault], name);
  await forEach(store.records.all(), async record => {
    counted('Records of applications and users');
    if (isRecordAltered(record))
      found('Records of applications and users that say something else than what was written', record.kind);
  });
  for await (const name of store.check.broken()) found('Resources whose index rows are missing or left over', name);
  if (engine.reindexer.busy || (await store.needsReindex()))
    counts.set('Resources whose index was checked (it is being made anew)', 0);
  else
    await forEach(sampled(store, sizes, sample), async row => {
      counted('Resources whose index was checked');
      reached.done++;
      await checkIndex(engine, row, found);
    });
  return { counts, findings };
}

const FAULTS_OF_BYTES = {
  damaged: 'Attachments whose bytes are not those that were stored',
  unread: 'Attachments whose bytes could not be read, as the bucket does not give them',
} as const;
const EVENTS_ALTERED = 'Events that say something else than what was written';
const EVENTS_UNREADABLE = 'Events that cannot be read';
const TRAIL_FAULTS = {
  altered: EVENTS_ALTERED,
  unreadable: EVENTS_UNREADABLE,
  misindexed: 'Events that are not found by what they say',
} as const;

/** Several at a time. */
async function forEach<T>(source: AsyncIterable<T>, work: (one: T) => Promise<void>): Promise<void> {
  const iterator = source[Symbol.asyncIterator]();
  const worker = async (): Promise<void> => {
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) await work(next.value);
  };
  await Promise.all(Array.from({ length: WIDTH }, worker));
}

/** All versions, deletions included, but those of events: nobody writes them, so no event tells of it. */
async function* versions({ store, definitions }: Engine): AsyncGenerator<Version> {
  for (const type of definitions.resourceTypes) {
    if (type === 'AuditEvent') continue;
    let page = await store.history({ type, limit: PAGE });
    for (;;) {
      yield* page.rows;
      const after = page.cursors.at(-1);
      if (!page.more || !after) break;
      page = await store.history({ type, limit: PAGE, after });
    }
  }
}

/** About as many current resources of each type, evenly from the first to the last. */
async function* sampled(store: Store, sizes: ReadonlyMap<string, number>, number: number): AsyncGenerator<Version> {
  if (number === 0) return;
  for (const [type, size] of sizes) {
    const step = Math.max(1, Math.floor(size / number));
    let at = 0;
    for await (const { row } of store.scan({ type })) if (at++ % step === 0) yield row;
  }
}

const param = (code: string, test: Test): Where => ({ kind: 'param', code, test });
const token = (code: string): Test => ({ kind: 'token', any: [{ code }] });

/** A success that changed something: what was only looked at is no witness of a write. */
async function hasEvent(store: Store, { type, id, version }: Version): Promise<boolean> {
  const to = { kind: 'local', type, id, version: String(version) } as const;
  const where = all(
    param('entity', { kind: 'reference', to }),
    param('outcome', token('0')),
    any(...['C', 'U', 'D', 'E'].map(action => param('action', token(action)))),
    { kind: 'not', of: param('_tag', { kind: 'token', any: [{ system: RECEIVED.system, code: RECEIVED.code }] }) },
  );
  const isThere = async () => (await store.find({ types: ['AuditEvent'], where, sort: [], limit: 1 })).rows.length > 0;
  // What cannot be read is told of by itself, and may be what is sought.
  return isThere().catch((error: unknown) => {
    if (error instanceof FhirError && error.issues.some(({ detail }) => detail === 'trail-damaged')) return true;
    throw error;
  });
}

/** The bytes of a version are there, as many as it says, unless it was erased since it was read. */
async function hasBytes(
  store: Store,
  { type, id, version, blobs = [] }: Version,
  damaged: ReadonlySet<string>,
): Promise<boolean> {
  for (const { hash, size } of blobs)
    if (damaged.has(hash) || (await store.blobs.get(hash))?.size !== size)
      return !(await store.read(type, id, version))?.text;
  return true;
}

/** The version is there, or was before all of them were erased. */
async function wasThere(store: Store, type: string, id: string, version: number): Promise<boolean> {
  if (await store.read(type, id, version)) return true;
  const current = await store.read(type, id);
  return current !== undefined && current.text === undefined && current.version > version;
}

/** The version that the event of a success is about; undefined: none, or it is an event that a client has filed. */
function versionNamed(row: Version) {
  const { resource } = parseJson(row.text!, STORED_JSON);
  if (!isOwnEvent(resource)) return undefined;
  const { outcome, entity } = resource as { outcome?: string; entity?: { what?: { reference?: string } }[] };
  const [, type, id, version] = /^(\w+)\/([^/]+)\/_history\/(\d+)$/.exec(entity?.[0]?.what?.reference ?? '') ?? [];
  return outcome === '0' && type && id ? { type, id, version: Number(version) } : undefined;
}

/** The version says what was written, and its attachments are those that it names. */
async function checkVersion(
  { store }: Engine,
  row: Version,
  damaged: ReadonlySet<string>,
  found: TellFault,
): Promise<void> {
  const name = `${row.type}/${row.id}/_history/${row.version}`;
  if (await store.check.altered(row)) found('Versions that say something else than what was written', name);
  if (!(await hasEvent(store, row))) found('Versions without the event of their write', name);
  if (row.version > 1 && !(await wasThere(store, row.type, row.id, row.version - 1)))
    found('Versions without the one before', name);
  if (row.blobs && !(await hasBytes(store, row, damaged)))
    found('Versions whose attachments are missing, broken off or damaged', name);
}

/** The event says what was written, and the version that it names is there. True: it names one. */
async function checkEvent({ store }: Engine, row: Version, found: TellFault): Promise<boolean> {
  const name = `AuditEvent/${row.id}`;
  if (await store.check.altered(row)) {
    found(EVENTS_ALTERED, name);
    return false;
  }
  const named = readable(() => versionNamed(row));
  if (named === UNREADABLE) found(EVENTS_UNREADABLE, name);
  if (named === UNREADABLE || !named) return false;
  if (!(await wasThere(store, named.type, named.id, named.version)))
    found('Events that name a version which is not there', name);
  return true;
}

/** The resource is found by what stands in it, and by nothing else. */
async function checkIndex(engine: Engine, row: Version, found: TellFault): Promise<void> {
  const name = `${row.type}/${row.id}`;
  const renewed = readable(() => indexStored(engine, row));
  if (renewed === UNREADABLE) return found('Resources that cannot be read', name);
  const lacks = await engine.store.check.misindexed(renewed);
  if (lacks && lacks.length > 0) found(NOT_FOUND, `${name} (${lacks.join(', ')})`);
  else if (lacks) found('Resources that are found by what they do not say', name);
}

/** Whether the bytes are those that have this hash; read as a stream. Erased meanwhile, they are nobody's concern. */
async function stateOfBytes(store: Store, hash: string): Promise<'whole' | keyof typeof FAULTS_OF_BYTES> {
  const digest = createHash('sha256');
  try {
    const blob = await store.blobs.get(hash);
    if (!blob) return 'whole';
    for await (const part of blob.bytes) digest.update(part);
  } catch (error) {
    const { kind } = asFhirError(error);
    // A database that is away refuses the question below, too.
    if (kind !== 'blob-damaged' && kind !== 'unavailable') throw error;
    if ((await store.blobs.get(hash)) === undefined) return 'whole';
    return kind === 'unavailable' ? 'unread' : 'damaged';
  }
  return digest.digest('hex') === hash ? 'whole' : 'damaged';
}

const UNREADABLE = Symbol('unreadable');
/** A text that somebody has changed may be anything. */
function readable<T>(read: () => T): T | typeof UNREADABLE {
  try {
    return read();
  } catch {
    return UNREADABLE;
  }
}
