/**
 * `chartroom import`: bundles and NDJSON through the same door as HTTP, as transactions of some hundred resources, a few
 * of them under way at once. Each resource keeps its id (update-as-create). Where it stopped is kept beside the data: the same command goes
 * on from there (`--fresh` starts over); an import that reached its end is forgotten. What failed is reported with file, line and reason; the rest is loaded.
 */
import { createHash } from 'node:crypto';
import { createWriteStream, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { asFhirError, FhirError, type Issue } from '../fhir/error.js';
import { parseJson } from '../fhir/json.js';
import type { Parsed } from '../fhir/resource.js';
import type { Context, Entry, Of } from '../interactions/interaction.js';
import { perform } from '../interactions/perform.js';
import { type Config, ConfigError } from '../platform/config.js';
import { type Resolved, resourcesOf, Unresolved } from './import-bundle.js';
import { findSources, readLines, readWhole, type SourceFile } from './import-sources.js';
import type { Invocation } from './invocation.js';
import { systemContext } from './seed.js';

const MAX_BUNDLE = 512 * 1024 * 1024;
/** Resources between two notes of where we are. */
const NOTE_EVERY = 2000;
/** Resources of one transaction: more share the cost of a commit, fewer have to be sent again where one is refused. */
const GROUP = 200;

interface Failure {
  readonly file: string;
  /** Line of NDJSON, or number of the entry in a Bundle; from 1. */
  readonly line?: number;
  readonly type?: string;
  readonly issues: readonly Pick<Issue, 'code' | 'expression' | 'text'>[];
}

/** A resource on its way in. */
interface Item {
  readonly line: number;
  readonly type: string;
  readonly ask: Of<'create'> | Of<'update'>;
}

/** File → how many of its first items are done, or that all of them are. */
type Progress = Record<string, number | { readonly all: number }>;

export async function importFiles({ config, words, options, open }: Invocation): Promise<number> {
  if (words.length === 0) throw new ConfigError('chartroom import needs a file or folder.');
  const parallel = Number(options['concurrency'] ?? 4);
  if (!Number.isInteger(parallel) || parallel < 1 || parallel > 64)
    throw new ConfigError('--concurrency must be 1 to 64: transactions under way at once.');
  const sources = await findSources(words);
  const engine = await open();
  try {
    const report = typeof options['report'] === 'string' ? createWriteStream(options['report']) : undefined;
    const run = new Run(systemContext(engine, 'chartroom import'), parallel, notesFile(config), failure =>
      report ? void report.write(`${JSON.stringify(failure)}\n`) : undefined,
    );
    if (!options['fresh']) run.resume();
    await run.all(sources);
    await new Promise<void>(done => (report ? report.end(done) : done()));
    process.stdout.write(run.summary());
    return run.failures === 0 ? 0 : 1;
  } finally {
    await engine.store.close();
  }
}

/** What a stream or an archive says about itself is no word for a person. */
const unreadable = (cause: unknown): FhirError =>
  new FhirError('invalid', 'The file cannot be read to its end. Is it whole?', { cause });

/** One file of notes per store. */
function notesFile({ data, store }: Config): string {
  mkdirSync(data, { recursive: true, mode: 0o700 });
  return join(data, `import-${createHash('sha256').update(store).digest('hex').slice(0, 12)}.json`);
}

class Run {
  failures = 0;
  readonly #context: Context;
  readonly #parallel: number;
  readonly #notes: string;
  readonly #report: (failure: Failure) => void;
  readonly #loaded = new Map<string, number>();
  readonly #first: Failure[] = [];
  readonly #resolved: Resolved = new Map();
  readonly #started = Date.now();
  #progress: Progress = {};
  #done = 0;
  #skipped = 0;

  constructor(context: Context, parallel: number, notes: string, report: (failure: Failure) => void) {
    this.#context = context;
    this.#parallel = parallel;
    this.#notes = notes;
    this.#report = report;
  }

  resume(): void {
    if (existsSync(this.#notes)) this.#progress = JSON.parse(readFileSync(this.#notes, 'utf8')) as Progress;
  }

  /** Files whose references cannot be resolved yet wait until the others are in. */
  async all(sources: readonly SourceFile[]): Promise<void> {
    let waiting = sources;
    while (waiting.length > 0) {
      const later: SourceFile[] = [];
      for (const source of waiting) if (!(await this.#file(source, waiting.length))) later.push(source);
      if (later.length === waiting.length) {
        for (const { path } of later)
          this.#fail({ file: path, issues: [{ code: 'not-found', text: 'A conditional reference matches nothing.' }] });
        break;
      }
      waiting = later;
    }
    rmSync(this.#notes, { force: true });
    if (process.stderr.isTTY) process.stderr.write('\n');
  }

  /** False: not now. */
  async #file(source: SourceFile, left: number): Promise<boolean> {
    const key = `${resolve(source.path)}#${source.stamp}`;
    const already = this.#progress[key] ?? 0;
    if (typeof already === 'object') {
      this.#skipped += already.all;
      return true;
    }
    try {
      this.#progress[key] = { all: await this.#items(key, source, already, left) };
    } catch (error) {
      if (error instanceof Unresolved) return false;
      const known = error instanceof FhirError ? error : unreadable(error);
      // The store is away: everything else would fail the same way.
      if (known.kind === 'unavailable') throw error;
      this.#fail({ file: source.path, issues: known.issues });
    }
    return true;
  }

  /** Gives the number of items. */
  async #items(key: string, source: SourceFile, already: number, left: number): Promise<number> {
    /** First line of each group that is under way. */
    const under = new Map<number, Promise<void>>();
    // What ends the import, and the first line it met: kept, because nobody may be waiting for the one that met it.
    let fatal: { readonly error: unknown; readonly line: number } | undefined;
    let group: Item[] = [];
    const send = async (): Promise<void> => {
      const items = group;
      group = [];
      const [first] = items;
      if (!first) return;
      const sent = this.#together(source.path, items)
        .catch((error: unknown) => {
          if (!fatal || first.line < fatal.line) fatal = { error, line: first.line };
        })
        .finally(() => under.delete(first.line));
      under.set(first.line, sent);
      if (under.size >= this.#parallel) await Promise.race(under.values());
    };
    let count = 0;
    for await (const { line, body } of this.#bodies(source)) {
      count = line;
      if (line <= already) {
        this.#skipped++;
        continue;
      }
      const item = this.#read(source.path, line, body);
      if (item) group.push(item);
      if (group.length >= GROUP) await send();
      if (fatal) break;
      if (++this.#done % 500 === 0) this.#show(source.path, left);
      // Everything before the oldest one under way is durable.
      if (this.#done % NOTE_EVERY === 0) {
        this.#progress[key] = Math.min(group[0]?.line ?? line, ...under.keys()) - 1;
        this.#note();
      }
    }
    if (!fatal) await send();
    await Promise.all(under.values());
    if (!fatal) return count;
    this.#progress[key] = fatal.line - 1;
    this.#note();
    throw fatal.error;
  }

  async *#bodies(source: SourceFile): AsyncGenerator<{ line: number; body: Parsed | Buffer }> {
    if (source.form === 'ndjson') {
      for await (const { line, bytes } of readLines(source.path)) yield { line, body: bytes };
      return;
    }
    let line = 0;
    const bytes = await readWhole(source.path, MAX_BUNDLE);
    for (const body of await resourcesOf(bytes, this.#context, this.#resolved)) yield { line: ++line, body };
  }

  /** Undefined: noted as a failure. */
  #read(file: string, line: number, given: Parsed | Buffer): Item | undefined {
    let type: string | undefined;
    try {
      const body = Buffer.isBuffer(given) ? parseJson(given, { maxDepth: 64, portable: true }) : given;
      const { resourceType, id } = body.resource;
      type = resourceType;
      if (!this.#context.engine.definitions.resourceTypes.includes(resourceType))
        throw new FhirError('unknown-type', 'resourceType is not an R4 resource type.');
      const kind = typeof id === 'string' ? { kind: 'update' as const, id } : { kind: 'create' as const };
      return { line, type, ask: { ...kind, type, body } };
    } catch (error) {
      this.#fail({ file, line, ...(type === undefined ? {} : { type }), issues: asFhirError(error).issues });
      return undefined;
    }
  }

  /** As one transaction; where that is refused, one by one, so that each fault has its line. */
  async #together(file: string, items: readonly Item[]): Promise<void> {
    const [first] = items;
    try {
      if (items.length === 1) return await this.#one(file, first!);
      const entries = items.map(({ ask, type }): Entry => ({ request: `IMPORT ${type}`, ask }));
      await perform(this.#context, { kind: 'transaction', entries });
      for (const { type } of items) this.#count(type);
    } catch (error) {
      if (asFhirError(error).kind === 'unavailable') throw error;
      for (const item of items) await this.#one(file, item);
    }
  }

  async #one(file: string, { line, type, ask }: Item): Promise<void> {
    try {
      await perform(this.#context, ask);
      this.#count(type);
    } catch (error) {
      const { kind, issues } = asFhirError(error);
      if (kind === 'unavailable') throw error;
      this.#fail({ file, line, type, issues });
    }
  }

  #count(type: string): void {
    this.#loaded.set(type, (this.#loaded.get(type) ?? 0) + 1);
  }

  #fail({ issues, ...where }: Failure): void {
    const failure = {
      ...where,
      issues: issues.map(({ code, expression, text }) => ({ code, ...(expression ? { expression } : {}), text })),
    };
    this.failures++;
    if (this.#first.length < 20) this.#first.push(failure);
    this.#report(failure);
  }

  /** Kept by renaming, so that a kill never leaves half a file. */
  #note(): void {
    writeFileSync(`${this.#notes}.new`, JSON.stringify(this.#progress));
    renameSync(`${this.#notes}.new`, this.#notes);
  }

  #show(path: string, left: number): void {
    if (!process.stderr.isTTY) return;
    const rate = Math.round((this.#done * 1000) / (Date.now() - this.#started));
    process.stderr.write(
      `\r\u001b[K${this.#done} resources, ${rate}/s, ${this.failures} failed, ${left} files left: ${path.slice(-60)}`,
    );
  }

  summary(): string {
    const seconds = (Date.now() - this.#started) / 1000;
    const types = [...this.#loaded]
      .toSorted(([a], [b]) => a.localeCompare(b))
      .map(([type, count]) => `  ${type} ${count}`);
    const total = [...this.#loaded.values()].reduce((sum, count) => sum + count, 0);
    const faults = this.#first.map(
      ({ file, line, issues }) =>
        `  ${file}${line === undefined ? '' : `:${line}`} ${issues[0]?.expression ?? ''} ${issues[0]?.text ?? ''}`,
    );
    return [
      `Loaded ${total} resources in ${seconds.toFixed(1)} s; ${this.failures} failed; ${this.#skipped} were loaded before.`,
      ...types,
      ...(faults.length ? ['What failed (first 20; --report FILE has all):', ...faults] : []),
      '',
    ].join('\n');
  }
}
