/** What `chartroom validate` says of what it has found: for people a table, for programs a line for each issue or for each resource. */
import type { Issue } from '../fhir/error.js';
import { outcome } from '../fhir/outcome.js';
import type { ValidateItem } from './validate-items.js';

export const REPORT_FORMATS = ['table', 'ndjson', 'outcome'] as const;
export type ReportFormat = (typeof REPORT_FORMATS)[number];

/** Rules and files that the table names. */
const MOST_ROWS = 50;
const RESOURCE_FILE = 'http://hl7.org/fhir/StructureDefinition/operationoutcome-file';
const NO_ISSUES: Issue = { severity: 'information', code: 'informational', text: 'No issues detected.' };

interface FileCount {
  resources: number;
  errors: number;
  warnings: number;
}

interface RuleCount {
  count: number;
  readonly severity: Issue['severity'];
  readonly rule: string;
  readonly text: string;
  /** Where it was met first. */
  readonly place: string;
}

const isError = ({ severity }: Issue): boolean => severity === 'error' || severity === 'fatal';

export class ValidateReport {
  readonly #format: ReportFormat;
  readonly #say: (text: string) => void;
  readonly #files = new Map<string, FileCount>();
  readonly #rules = new Map<string, RuleCount>();
  errors = 0;
  warnings = 0;
  resources = 0;

  constructor(format: ReportFormat, say: (text: string) => void) {
    this.#format = format;
    this.#say = say;
  }

  add(item: ValidateItem, issues: readonly Issue[]): void {
    const { file } = item;
    const errors = issues.filter(isError).length;
    const warnings = issues.filter(({ severity }) => severity === 'warning').length;
    const counted = this.#files.get(file) ?? { resources: 0, errors: 0, warnings: 0 };
    this.#files.set(file, counted);
    counted.resources++;
    counted.errors += errors;
    counted.warnings += warnings;
    this.resources++;
    this.errors += errors;
    this.warnings += warnings;
    for (const issue of issues) this.#count(item, issue);
    if (this.#format === 'ndjson') for (const issue of issues) this.#say(`${JSON.stringify(lineOf(item, issue))}\n`);
    if (this.#format === 'outcome') this.#say(`${JSON.stringify(outcomeOf(item, issues))}\n`);
  }

  #count(item: ValidateItem, { severity, code, detail, diagnostics, text, expression }: Issue): void {
    const rule = [detail ?? code, diagnostics].filter(part => part !== undefined).join(' ');
    // A number of what is missing, or a name, makes no other rule.
    const key = JSON.stringify([severity, rule, detail === undefined ? text : '']);
    const found = this.#rules.get(key);
    if (found) found.count++;
    else
      this.#rules.set(key, { count: 1, severity, rule, text, place: `${nameOfItem(item)} ${expression ?? ''}`.trim() });
  }

  /** For people. */
  table(): string {
    const files = [...this.#files].toSorted(([, a], [, b]) => b.errors - a.errors || b.warnings - a.warnings);
    const rules = [...this.#rules.values()].toSorted(
      (a, b) => rankOfSeverity(a) - rankOfSeverity(b) || b.count - a.count,
    );
    return [
      `Checked ${this.resources} resources of ${this.#files.size} files: ${this.errors} errors, ${this.warnings} warnings.`,
      ...section(
        ['errors', 'warnings', 'resources', 'file'],
        files.map(([file, { errors, warnings, resources }]) => [errors, warnings, resources, file].map(String)),
      ),
      ...section(
        ['count', 'severity', 'rule', 'first at', 'what'],
        rules.map(({ count, severity, rule, place, text }) => [String(count), severity, rule, place, text]),
      ),
      '',
    ].join('\n');
  }
}

const SEVERITIES = ['fatal', 'error', 'warning', 'information'];
const rankOfSeverity = ({ severity }: RuleCount): number => SEVERITIES.indexOf(severity);

function section(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  if (rows.length === 0) return [];
  const shown = [head, ...rows.slice(0, MOST_ROWS)];
  const widths = head.map((_, at) => Math.min(60, Math.max(...shown.map(row => row[at]!.length))));
  const more = rows.length - MOST_ROWS;
  return [
    '',
    ...shown.map(row =>
      row
        .map((cell, at) => cell.padEnd(widths[at]!))
        .join('  ')
        .trimEnd(),
    ),
    ...(more > 0 ? [`… and ${more} more (--format ndjson has all)`] : []),
  ];
}

const nameOfItem = ({ file, line, entry }: ValidateItem): string =>
  `${file}${line === undefined ? '' : `:${line}`}${entry === undefined ? '' : `#${entry}`}`;

const lineOf = ({ file, line, entry, parsed }: ValidateItem, { terminology: _terminology, ...issue }: Issue) => ({
  file,
  ...(line === undefined ? {} : { line }),
  ...(entry === undefined ? {} : { entry }),
  ...(parsed ? { type: parsed.resource.resourceType } : {}),
  ...issue,
});

const outcomeOf = (item: ValidateItem, issues: readonly Issue[]) => ({
  extension: [{ url: RESOURCE_FILE, valueString: nameOfItem(item) }],
  ...outcome(issues.length === 0 ? [NO_ISSUES] : issues),
});
