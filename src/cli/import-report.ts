/** What an import has done: counts by type, and each failure once, with file, line and reason. */
import type { Issue } from '../fhir/error.js';
import { type Item, typeAsked } from '../http/import-bundle.js';

/** Failures that are printed; a report has all. */
const PRINTED = 20;
const WRITTEN: ReadonlySet<string> = new Set(['create', 'update', 'patch']);

export interface Failure {
  readonly file: string;
  /** Line of NDJSON, or number of the entry in a Bundle; from 1. */
  readonly line?: number;
  readonly type?: string;
  readonly issues: readonly Pick<Issue, 'code' | 'expression' | 'text'>[];
}

const nameOf = ({ file, line }: Pick<Failure, 'file' | 'line'>): string =>
  line === undefined ? file : `${file}:${line}`;

export class Report {
  /** Requests that were carried out. */
  done = 0;
  /** Those that an earlier run has carried out. */
  skipped = 0;
  /** Files that an earlier run has finished. */
  passedOver = 0;
  readonly #keep: (failure: Failure) => void;
  readonly #loaded = new Map<string, number>();
  readonly #failed = new Set<string>();
  readonly #files = new Set<string>();
  readonly #printed: Failure[] = [];
  readonly #started = performance.now();

  /** `keep` gets every failure. */
  constructor(keep: (failure: Failure) => void) {
    this.#keep = keep;
  }

  get failures(): number {
    return this.#failed.size;
  }

  hasFailed = (file: string): boolean => this.#files.has(file);

  count(item: Item): void {
    this.done++;
    const { ask } = item.entry;
    const type = 'kind' in ask && WRITTEN.has(ask.kind) ? typeAsked(item) : undefined;
    if (type !== undefined) this.#loaded.set(type, (this.#loaded.get(type) ?? 0) + 1);
  }

  /** A file that comes again, because some of it had to wait, fails again: that is told once. */
  fail({ issues, ...where }: Failure): void {
    const failure = {
      ...where,
      issues: issues.map(({ code, expression, text }) => ({ code, ...(expression ? { expression } : {}), text })),
    };
    if (this.#failed.has(nameOf(where))) return;
    this.#failed.add(nameOf(where));
    this.#files.add(where.file);
    if (this.#printed.length < PRINTED) this.#printed.push(failure);
    this.#keep(failure);
  }

  /** For people. */
  summary(stopped: boolean): string {
    const seconds = (performance.now() - this.#started) / 1000;
    const types = [...this.#loaded]
      .toSorted(([a], [b]) => a.localeCompare(b))
      .map(([type, count]) => `  ${type} ${count}`);
    const total = [...this.#loaded.values()].reduce((sum, count) => sum + count, 0);
    const faults = this.#printed.map(
      failure => `  ${nameOf(failure)} ${failure.issues[0]?.expression ?? ''} ${failure.issues[0]?.text ?? ''}`,
    );
    return [
      `Loaded ${total} resources in ${seconds.toFixed(1)} s; ${this.failures} failed; ${this.skipped} were loaded before.`,
      ...types,
      ...(faults.length ? [`What failed (first ${PRINTED}; --report FILE has all):`, ...faults] : []),
      ...(this.passedOver > 0
        ? [`Files that are loaded already and were passed over: ${this.passedOver} (--fresh loads them again).`]
        : []),
      ...(stopped ? ['Stopped by a signal. What was under way is loaded; the same command goes on from there.'] : []),
      '',
    ].join('\n');
  }
}
