/**
 * `chartroom import`: Bundles and NDJSON through the same door as HTTP. A Bundle of requests is the transaction or batch that
 * it says (import-bundle.ts); lines of NDJSON go as transactions of 200, a few of them under way at once. What fails is reported with
 * file, line and reason; the rest is loaded.
 *
 * That a group is loaded is noted in the commit that loads it (import-notes.ts): an import that was stopped, by a signal or a kill
 * at any point, goes on with the same command, and one that is finished is not done again unless `--fresh` says so.
 */
import { createWriteStream } from 'node:fs';
import { asFhirError, FhirError } from '../fhir/error.js';
import { parseJson, STORED_JSON } from '../fhir/json/json.js';
import { readLines } from '../fhir/json/lines.js';
import { MOST_RESOURCES } from '../http/bundle.js';
import type { Resource } from '../fhir/resource.js';
import type { Limits } from '../http/source.js';
import type { Caller } from '../interactions/engine.js';
import { perform } from '../interactions/perform.js';
import { tellHappening } from '../interactions/tell.js';
import { ConfigError } from '../platform/config.js';
import { hashOfFile } from '../platform/file-hash.js';
import { newUuid } from '../platform/ids.js';
import {
  entryOf,
  type Group,
  groupOf,
  isNotYet,
  type Item,
  itemOfLine,
  typeAsked,
  withoutPlace,
} from '../http/import-bundle.js';
import { type FileNotes, readNotes } from './import-notes.js';
import { type Failure, Report } from './import-report.js';
import { findSources, openSource, type Opened, readWhole, type SourceFile } from './import-sources.js';
import type { Invocation } from './invocation.js';
import { showProgress, type Status } from './progress.js';
import { systemContext } from './seed.js';
import { limitsOf } from './serve.js';
import { validateForImport } from './validate.js';
import { onStopSignal, type StopSignals } from './signals.js';

/** Lines of one transaction, entries of a batch: more share the cost of a commit, fewer have to be sent again where one is refused. */
const GROUP = 200;

/** Nobody knows whether it was written, or nothing more can be: whatever comes next would fare the same. */
const FATAL = new Set(['unavailable', 'timeout', 'no-space']);

export async function importFiles(invocation: Invocation): Promise<number> {
  const { config, words, options, open, progress } = invocation;
  if (words.length === 0) throw new ConfigError('chartroom import needs a file or folder.');
  if (options['validate'] === true) return validateForImport(invocation);
  const parallel = Number(options['concurrency'] ?? 4);
  if (!Number.isInteger(parallel) || parallel < 1 || parallel > 64)
    throw new ConfigError('--concurrency must be 1 to 64: transactions under way at once.');
  const sources = await findSources(words);
  const engine = await open();
  const signals = onStopSignal();
  const path = options['report'];
  const file = typeof path === 'string' ? createWriteStream(path, { mode: 0o600 }) : undefined;
  const report = new Report(failure => void file?.write(`${JSON.stringify(failure)}\n`));
  try {
    const context = systemContext(engine, 'chartroom import');
    const run = new Run(context, limitsOf(config), { parallel, fresh: options['fresh'] === true }, signals, report);
    const hide = showProgress(() => run.status(), progress);
    try {
      await run.all(sources);
    } finally {
      hide();
      await new Promise<void>(done => (file ? file.end(done) : done()));
    }
    process.stdout.write(report.summary(signals.status !== undefined));
    return signals.status ?? (report.failures === 0 ? 0 : 1);
  } finally {
    signals.release();
    await engine.store.close();
  }
}

/** What a stream or an archive says about itself is no word for a person. */
const unreadable = (cause: unknown): FhirError =>
  new FhirError('invalid', 'The file cannot be read to its end. Is it whole?', { cause });

interface Choices {
  /** Transactions of lines under way at once. */
  readonly parallel: number;
  readonly fresh: boolean;
}

/** A file and what is known of it. */
interface Work {
  readonly source: SourceFile;
  /** SHA-256, in hex. */
  readonly sha256: string;
  readonly notes: FileNotes;
}

class Run {
  readonly #context: Caller;
  readonly #limits: Limits;
  readonly #choices: Choices;
  readonly #signals: StopSignals;
  readonly #report: Report;
  /** Files that this run has looked at. */
  readonly #met = new Set<string>();
  /** Requests of the file under way that must wait for other files; whether waiting is over. */
  #waiting = 0;
  #last = false;
  #bytes = { all: 1, files: 0, ofFile: (): number => 0, path: '' };

  constructor(context: Caller, limits: Limits, choices: Choices, signals: StopSignals, report: Report) {
    this.#context = context;
    this.#limits = limits;
    this.#choices = choices;
    this.#signals = signals;
    this.#report = report;
  }

  status(): Status {
    const { all, files, ofFile, path } = this.#bytes;
    const { failures, done } = this.#report;
    return {
      share: (files + ofFile()) / all,
      count: done,
      what: 'resources',
      ...(failures > 0 ? { more: `${failures} failed` } : {}),
      path,
    };
  }

  get #stopped(): boolean {
    return this.#signals.status !== undefined;
  }

  /** Files that refer to what is not there yet come again after the others, as long as that brings anything. */
  async all(sources: readonly SourceFile[]): Promise<void> {
    this.#bytes.all = sources.reduce((sum, { size }) => sum + size, 1);
    let waiting = sources;
    while (waiting.length > 0) {
      const before = this.#report.done;
      const later: SourceFile[] = [];
      for (const source of waiting) {
        if (this.#stopped) return;
        if (await this.#file(source)) this.#bytes.files += source.size;
        else later.push(source);
      }
      if (this.#last) return;
      this.#last = this.#report.done === before;
      waiting = later;
    }
  }

  /** False: some of it must wait. */
  async #file(source: SourceFile): Promise<boolean> {
    const { path } = source;
    try {
      const first = !this.#met.has(path);
      const sha256 = await hashOfFile(path);
      const notes = await readNotes(this.#context.engine.store, sha256, first && this.#choices.fresh);
      this.#met.add(path);
      if (first) this.#report.skipped += notes.all ?? notes.done;
      if (notes.all === undefined) return await this.#load({ source, sha256, notes });
      this.#report.passedOver++;
      return true;
    } catch (error) {
      const known = error instanceof FhirError ? error : unreadable(error);
      if (FATAL.has(known.kind)) throw error;
      this.#report.fail({ file: path, issues: known.issues });
      return true;
    } finally {
      this.#bytes.ofFile = () => 0;
    }
  }

  async #load(work: Work): Promise<boolean> {
    const { source, notes } = work;
    const opened = openSource(source);
    Object.assign(this.#bytes, { ofFile: opened.read, path: source.path });
    this.#waiting = 0;
    const { done, failures } = this.#report;
    const tell = () => this.#tell(work, this.#report.done - done, this.#report.failures - failures);
    let count: number;
    try {
      count = source.form === 'ndjson' ? await this.#lines(work, opened) : await this.#bundle(work, opened);
    } catch (error) {
      // What came in until it broke off has come in; why it did says more than that this cannot be told.
      await tell().catch(() => undefined);
      throw error;
    }
    await tell();
    if (this.#stopped || this.#waiting > 0) return false;
    if (!this.#report.hasFailed(source.path)) await notes.finish(count);
    return true;
  }

  /** A file whose lines come again is told again, with what came of it that time. */
  async #tell({ source: { size }, sha256 }: Work, loaded: number, refused: number): Promise<void> {
    if (loaded + refused === 0) return;
    const counts = { bytes: size, loaded, refused };
    const told = { what: 'data-imported', by: 'import', lifecycle: 'receive', sha256, counts } as const;
    const { engine, principal, address } = this.#context;
    await tellHappening({ engine, principal, address, requestId: newUuid() }, told);
  }

  /** Gives the number of requests. */
  async #bundle(work: Work, opened: Opened): Promise<number> {
    const { maxBundle } = this.#limits;
    const maxValues = MOST_RESOURCES * this.#limits.maxValues;
    const body = parseJson(await readWhole(opened, maxBundle), { ...this.#limits, maxValues });
    const { items, ...group } = await groupOf(body, this.#context.engine, work.notes.isDone);
    // Entries of a batch are nothing to each other, so that a long one can be stopped.
    const size = group.kind === 'batch' ? GROUP : Math.max(items.length, 1);
    for (let from = 0; from < items.length && !this.#stopped; from += size)
      await this.#send(work, { ...group, items: items.slice(from, from + size) });
    return items.length + work.notes.done;
  }

  /** Gives the number of resources. */
  async #lines(work: Work, opened: Opened): Promise<number> {
    const { source, notes } = work;
    const under = new Set<Promise<void>>();
    // What ends the import: kept, because nobody may be waiting for the one that met it.
    let fatal: { readonly error: unknown } | undefined;
    let items: Item[] = [];
    let count = 0;
    const send = async (): Promise<void> => {
      const sent = this.#send(work, { kind: 'transaction', refused: 'each', items })
        .catch((error: unknown) => void (fatal ??= { error }))
        .finally(() => under.delete(sent));
      items = [];
      under.add(sent);
      if (under.size >= this.#choices.parallel) await Promise.race(under);
    };
    try {
      for await (const { line, bytes } of readLines(opened.bytes, this.#limits.maxBody)) {
        if (fatal || this.#stopped) break;
        count++;
        if (notes.isDone(line)) continue;
        const item = await this.#read(source.path, line, bytes);
        if (item) items.push(item);
        if (items.length >= GROUP) await send();
      }
      if (!fatal && !this.#stopped) await send();
    } finally {
      await Promise.all(under);
    }
    if (fatal) throw fatal.error;
    return count;
  }

  /** Undefined: reported as a failure. */
  async #read(file: string, line: number, bytes: Buffer | undefined): Promise<Item | undefined> {
    const { engine } = this.#context;
    const item = await itemOfLine(line, bytes, this.#limits, engine);
    if (!('issues' in item)) return item;
    this.#report.fail({ file, ...item });
    return undefined;
  }

  /** Rejects where the import cannot go on. */
  async #send(work: Work, { kind, refused, items: given }: Group): Promise<void> {
    let items = given;
    while (items.length > 0) {
      try {
        return await this.#perform(work, kind, items);
      } catch (thrown) {
        const error = asFhirError(thrown);
        if (FATAL.has(error.kind)) throw error;
        if (refused === 'each' && items.length > 1) {
          for (const item of items) await this.#send(work, { kind, refused, items: [item] });
          return;
        }
        if (!this.#last && isNotYet(error.issues)) return void (this.#waiting += items.length);
        const at = items.length === 1 ? 0 : entryOf(error);
        this.#refuse(work, at === undefined ? undefined : items[at], error.issues);
        if (at === undefined || refused !== 'leave-out') return;
        items = items.toSpliced(at, 1);
      }
    }
  }

  async #perform(work: Work, kind: Group['kind'], items: readonly Item[]): Promise<void> {
    const lines = items.map(({ line }) => line);
    const note = (at?: number) => work.notes.note(at === undefined ? lines : [lines[at]!]);
    const entries = items.map(({ entry }) => entry);
    const { text } = await perform({ ...this.#context, note }, { kind, entries, prefer: 'minimal' });
    if (kind === 'transaction') for (const item of items) this.#report.count(item);
    else this.#answers(work, items, parseJson(text!, STORED_JSON).resource);
  }

  /** In a batch each entry has an answer of its own. */
  #answers(work: Work, items: readonly Item[], answer: Resource): void {
    const entries = answer['entry'] as unknown as readonly { readonly response: Answered }[];
    for (const [i, { response }] of entries.entries()) {
      const status = Number(response.status.slice(0, 3));
      const issues = (response.outcome?.issue ?? []).map(issueOf);
      if (status < 400) this.#report.count(items[i]!);
      else if (status === 503 || status === 507)
        throw new FhirError('unavailable', issues[0]?.text ?? 'The store is away.');
      else if (!this.#last && isNotYet(issues)) this.#waiting++;
      else this.#refuse(work, items[i], issues);
    }
  }

  #refuse({ source }: Work, item: Item | undefined, issues: Failure['issues']): void {
    const type = item && typeAsked(item);
    const where = { file: source.path, ...(item ? { line: item.line } : {}), ...(type === undefined ? {} : { type }) };
    this.#report.fail({ ...where, issues: item ? withoutPlace(issues, type) : issues });
  }
}

/** As much of Bundle.entry.response as is looked at. */
interface Answered {
  readonly status: string;
  readonly outcome?: { readonly issue?: readonly OutcomeIssue[] };
}
interface OutcomeIssue {
  readonly code: string;
  readonly details?: { readonly text?: string; readonly coding?: readonly { readonly code?: string }[] };
  readonly expression?: readonly string[];
}

const issueOf = ({ code, details, expression }: OutcomeIssue) => ({
  code,
  text: details?.text ?? '',
  detail: details?.coding?.[0]?.code ?? '',
  ...(expression?.[0] === undefined ? {} : { expression: expression[0] }),
});
