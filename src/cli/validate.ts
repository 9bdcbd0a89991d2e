/**
 * `chartroom validate`: the checks of the server over files, without a store. Exit status 0: nothing was found that fails; 1: something was;
 * 2: it could not be run.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Definitions } from '../fhir/definitions.js';
import type { Issue } from '../fhir/error.js';
import { addGuide } from '../fhir/guide-install.js';
import { guideFiles } from '../fhir/guide-files.js';
import { readGuideList } from '../fhir/guide-list.js';
import { fullName } from '../fhir/guide-name.js';
import { placeIssues } from '../fhir/place-issues.js';
import type { Parsed } from '../fhir/resource.js';
import { ConfigError, guidesFolder } from '../platform/config.js';
import { checkFurther } from '../validation/gate/further.js';
import type { Validate } from '../validation/gate/validate.js';
import { CHECKABLE, findSources, type SourceFile } from './import-sources.js';
import type { Invocation, Validator } from './invocation.js';
import { limitsOf } from './serve.js';
import { itemsIn, STDIN } from './validate-items.js';
import { REPORT_FORMATS, type ReportFormat, ValidateReport } from './validate-report.js';

export async function validateFiles(invocation: Invocation): Promise<number> {
  const { config, words, options, openValidator } = invocation;
  if (words.length === 0) throw new ConfigError('chartroom validate needs files or folders, or - for standard input.');
  const how = readOptions(options);
  const sources = await filesNamed(words);
  const given = listOption(options['guide']);
  const folder = given.length === 0 ? undefined : await folderOfGuides(guidesFolder(config), given);
  try {
    const validator = await openValidator(folder ?? guidesFolder(config));
    const profiles = await profilesByType(validator, listOption(options['profile']));
    return await checkAll(invocation, sources, how, {
      ...validator,
      wholeBundles: profiles.has('Bundle'),
      find: parsed => validator.judge.examined(parsed, profiles.get(parsed.resource.resourceType) ?? []),
    });
  } finally {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  }
}

/** `chartroom import --validate`: what the server would say of each resource, by what is stored in it; nothing is written. */
export async function validateForImport(invocation: Invocation): Promise<number> {
  const { words, options, open } = invocation;
  const sources = await findSources(words);
  const engine = await open();
  try {
    const { definitions, validate, judge } = engine;
    const find = (parsed: Parsed) => judge.asWritten(parsed, []);
    return await checkAll(invocation, sources, readOptions(options), {
      definitions,
      validate,
      find,
      wholeBundles: false,
    });
  } finally {
    await engine.store.close();
  }
}

interface ReportOptions {
  readonly format: ReportFormat;
  readonly failOn: 'error' | 'warning';
}

function readOptions(options: Invocation['options']): ReportOptions {
  const format = REPORT_FORMATS.find(each => each === (options['format'] ?? 'table'));
  if (!format) throw new ConfigError(`--format must be one of ${REPORT_FORMATS.join(', ')}.`);
  const failOn = options['fail-on'] ?? 'error';
  if (failOn !== 'error' && failOn !== 'warning') throw new ConfigError('--fail-on must be error or warning.');
  return { format, failOn };
}

const listOption = (given: string | boolean | undefined): readonly string[] =>
  typeof given === 'string' ? given.split(',').filter(each => each !== '') : [];

async function filesNamed(words: readonly string[]): Promise<readonly SourceFile[]> {
  const files = words.filter(word => word !== STDIN);
  const found = files.length > 0 ? await findSources(files, CHECKABLE) : [];
  return words.includes(STDIN) ? [...found, { path: STDIN, form: 'json', size: 0 }] : found;
}

/** A folder of these guides alone, to be thrown away. */
async function folderOfGuides(installed: string, given: readonly string[]): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'chartroom-guides-'));
  try {
    for (const name of given) {
      const known = readGuideList(installed).find(guide => fullName(guide) === name);
      await addGuide(folder, known ? guideFiles(installed, known).tgz : name, { registry: undefined, first: false });
    }
    return folder;
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

/** Throws ConfigError for a profile that is not known. */
async function profilesByType({ findDefinition }: Validator, canonicals: readonly string[]) {
  const profiles = new Map<string, string[]>();
  for (const canonical of canonicals) {
    const found = await findDefinition('StructureDefinition', canonical);
    if (!found)
      throw new ConfigError(`The profile ${canonical} is not known: add its guide (chartroom ig add, or --guide).`);
    const { type } = found.resource;
    if (typeof type !== 'string') throw new ConfigError(`The profile ${canonical} does not say of which type it is.`);
    profiles.set(type, [...(profiles.get(type) ?? []), canonical]);
  }
  return profiles;
}

interface Checking {
  readonly definitions: Definitions;
  readonly validate: Validate;
  /** Beyond the structure. */
  readonly find: (parsed: Parsed) => Promise<readonly Issue[]>;
  readonly wholeBundles: boolean;
}

async function checkAll(
  { config }: Invocation,
  sources: readonly SourceFile[],
  { format, failOn }: ReportOptions,
  { definitions, validate, find, wholeBundles }: Checking,
): Promise<number> {
  const report = new ValidateReport(format, text => void process.stdout.write(text));
  const limits = limitsOf(config);
  for (const each of sources)
    for await (const item of itemsIn(each, { definitions, limits }, wholeBundles)) {
      const { parsed, faults = [], source } = item;
      const structure = parsed ? await validate(parsed) : faults;
      const found = parsed ? await checkFurther(structure, parsed, find) : structure;
      report.add(item, source ? placeIssues(source, found) : found);
    }
  if (format === 'table') process.stdout.write(report.table());
  return report.errors > 0 || (failOn === 'warning' && report.warnings > 0) ? 1 : 0;
}
