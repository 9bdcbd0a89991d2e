/**
 * `chartroom verify`: whether the store agrees with itself. Every version that it holds has the event of the write that made
 * it, every event of a success names a version that is there, versions have no gaps and their attachments, and a sample of the current resources is
 * found by what stands in them and no longer by what stood in the version before.
 * https://profiles.ihe.net/ITI/BALP (row AUD-1)
 *
 * It reads in the store's own order, a page at a time, so that memory does not grow with the data; on MongoDB servers may go
 * on meanwhile: what changes while it is looked at is looked at again.
 */
import { parseJson } from '../fhir/json.js';
import { indexAnew } from '../interactions/prepare.js';
import type { Engine } from '../interactions/interaction.js';
import { isOwnEvent, RECEIVED } from '../interactions/received.js';
import { OPEN } from '../fhir/datetime.js';
import { ConfigError } from '../platform/config.js';
import type { Entry } from '../search/entry.js';
import { all, any, type Test, type Where } from '../search/query.js';
import { withIds } from '../search/separate.js';
import type { Store, Version } from '../store/store.js';
import type { Invocation } from './invocation.js';

/** Looked at at the same time. */
const WIDTH = 16;
const PAGE = 200;
/** Resources per type whose index is checked, unless the command says another number. */
const SAMPLE = 500;
/** Findings of one kind that are named; the others are counted. */
const NAMED = 20;

export async function verify({ open, options }: Invocation): Promise<number> {
  const sample = Number(options['sample'] ?? SAMPLE);
  if (!Number.isInteger(sample) || sample < 0)
    throw new ConfigError('--sample must be a number of resources, 0 for none.');
  const engine = await open();
  try {
    const { counts, findings } = await examine(engine, sample);
    for (const [what, number] of counts) process.stdout.write(`${what}: ${number}\n`);
    for (const [what, { number, names }] of findings) {
      process.stdout.write(`\n${what}: ${number}\n${names.map(name => `  ${name}\n`).join('')}`);
      if (number > names.length) process.stdout.write(`  … and ${number - names.length} more\n`);
    }
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

export async function examine(engine: Engine, sample: number): Promise<Examined> {
  const { store } = engine;
  const counts = new Map<string, number>();
  const findings = new Map<string, { number: number; names: string[] }>();
  const counted = (what: string) => counts.set(what, (counts.get(what) ?? 0) + 1);
  const found = (what: string, name: string): void => {
    const finding = findings.get(what) ?? { number: 0, names: [] };
    finding.number += 1;
    if (finding.names.length < NAMED) finding.names.push(name);
    findings.set(what, finding);
  };

  await forEach(versions(engine), async row => {
    counted('Versions');
    const name = `${row.type}/${row.id}/_history/${row.version}`;
    if (!(await hasEvent(store, row))) found('Versions without the event of their write', name);
    if (row.version > 1 && !(await wasThere(store, row.type, row.id, row.version - 1)))
      found('Versions without the one before', name);
    if (row.blobs && !(await hasBytes(store, row))) found('Versions whose attachments are missing or broken off', name);
  });
  await forEach(store.scan({ type: 'AuditEvent' }), async ({ row }) => {
    counted('Events');
    const named = versionNamed(row);
    if (!named) return;
    counted('Events that name a version');
    if (!(await wasThere(store, named.type, named.id, named.version)))
      found('Events that name a version which is not there', `AuditEvent/${row.id}`);
  });
  if (engine.reindexer.busy || (await store.needsReindex()))
    counts.set('Resources whose index was checked (it is being made anew)', 0);
  else
    await forEach(sampled(store, sample), async row => {
      counted('Resources whose index was checked');
      const wrong = await wrongIndex(engine, row);
      if (wrong !== undefined) found(wrong, `${row.type}/${row.id}`);
    });
  return { counts, findings };
}

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
async function* sampled(store: Store, number: number): AsyncGenerator<Version> {
  if (number === 0) return;
  for (const [type, size] of await store.sizes()) {
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
  return (await store.find({ types: ['AuditEvent'], where, sort: [], limit: 1 })).rows.length > 0;
}

/** The bytes of a version are there, as many as it says, unless it was erased since it was read. */
async function hasBytes(store: Store, { type, id, version, blobs = [] }: Version): Promise<boolean> {
  for (const { hash, size } of blobs)
    if ((await store.blobs.get(hash))?.size !== size) return !(await store.read(type, id, version))?.text;
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
  const { resource } = parseJson(row.text!, { maxDepth: 200 });
  if (!isOwnEvent(resource)) return undefined;
  const { outcome, entity } = resource as { outcome?: string; entity?: { what?: { reference?: string } }[] };
  const [, type, id, version] = /^(\w+)\/([^/]+)\/_history\/(\d+)$/.exec(entity?.[0]?.what?.reference ?? '') ?? [];
  return outcome === '0' && type && id ? { type, id, version: Number(version) } : undefined;
}

/** What is wrong with how a resource is indexed; undefined: nothing, or it is another one by now. */
async function wrongIndex(engine: Engine, row: Version): Promise<string | undefined> {
  const { store } = engine;
  const { type, id } = row;
  const entries = indexAnew(engine, row).entries;
  const finds = async (where: Where) =>
    (await store.count({ types: [type], where: all(withIds([id]), where) }, 1)).count > 0;
  const missed = async (): Promise<string | undefined> => {
    if (await finds(all(...entries.map(conditionOf)))) return undefined;
    for (const entry of entries)
      if (!(await finds(conditionOf(entry)))) return `Resources that are not found by ${entry.parameter}`;
    return 'Resources that are not found';
  };
  const kept = async (): Promise<string | undefined> => {
    const before = row.version > 1 ? await store.read(type, id, row.version - 1) : undefined;
    if (!before?.text) return undefined;
    const now = new Set(entries.map(entry => JSON.stringify(conditionOf(entry))));
    const past = indexAnew(engine, before).entries.filter(entry => {
      const condition = conditionOf(entry);
      return condition.kind === 'param' && condition.test.kind !== 'date' && !now.has(JSON.stringify(condition));
    });
    for (const entry of past)
      if (await finds(conditionOf(entry))) return `Resources that are still found by a past ${entry.parameter}`;
    return undefined;
  };
  const wrong = (await missed()) ?? (await kept());
  return wrong !== undefined && (await store.read(type, id))?.version === row.version ? wrong : undefined;
}

/** What an entry must be found by: the entry itself, where a query can say it, else that the parameter is present. */
function conditionOf(entry: Entry): Where {
  const { parameter: code } = entry;
  switch (entry.kind) {
    case 'string':
      return param(code, { kind: 'string', mode: 'exact', value: entry.raw });
    case 'token':
      return param(code, {
        kind: 'token',
        any: [{ system: entry.system, ...(entry.code ? { code: entry.code } : {}) }],
      });
    case 'date':
      if (Math.abs(entry.low) === OPEN || Math.abs(entry.high) === OPEN) break;
      return param(code, {
        kind: 'date',
        any: [{ lowMin: entry.low, lowMax: entry.low, highMin: entry.high, highMax: entry.high }],
      });
    case 'reference': {
      const { type, id, version } = entry;
      return param(code, {
        kind: 'reference',
        to: { kind: 'local', type, id, ...(version === undefined ? {} : { version }) },
      });
    }
    case 'url':
      return param(code, { kind: 'reference', to: { kind: 'url', url: entry.url } });
    case 'uri':
      return param(code, { kind: 'uri', mode: 'exact', value: entry.value });
    default:
  }
  return { kind: 'present', code };
}
