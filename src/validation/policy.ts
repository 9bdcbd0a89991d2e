/**
 * What becomes of a write that breaks rules beyond the structure of R4: settings of the server, and a file of rules by type. Every
 * rule is `enforce` (the write is refused), `warn` (it is told) or `off` (it is not looked at). docs/validation.md explains both.
 */
import { readSettingsFile } from '../fhir/json/settings-file.js';
import type { FindDefinition } from '../fhir/structure-definition.js';
import { isObject, type Json, type JsonObject } from '../fhir/resource.js';
import { type Config, ConfigError } from '../platform/config.js';
import { didYouMean } from '../platform/nearest.js';
import type { ProfileOptions } from './run.js';

export type Strength = Config['validateBase'];

/** What is asked of resources of one type. */
export interface TypeRules {
  /** Profiles, by their canonicals, to which every resource conforms. */
  readonly require: readonly string[];
  /** Those of meta.profile. */
  readonly claims: Strength;
  /** A claimed profile that is not known. One that is required must be known. */
  readonly unknownProfile: 'refuse' | 'warn';
  /** What breaks profiles or best practice is told, and refuses nothing. */
  readonly isLenient?: boolean;
}

/**
 * What others report of what happened is kept whatever profiles it breaks: a repository of audit records refuses none for that (IHE ITI-20,
 * https://profiles.ihe.net/ITI/TF/Volume2/ITI-20.html). Rules that name the type say otherwise.
 */
const REPORTS: ReadonlySet<string> = new Set(['AuditEvent']);

export interface ValidationPolicy {
  /** Invariants and required bindings of R4 itself. */
  readonly base: Strength;
  readonly rulesOf: (type: string) => TypeRules;
  /** Profiles that the rules require, each with its type (`*`: all) and where it stands. */
  readonly required: readonly RequiredProfile[];
  readonly options: ProfileOptions;
}

export interface RequiredProfile {
  readonly type: string;
  readonly canonical: string;
  /** For messages: `Patient.require[0]`. */
  readonly at: string;
}

export type PolicySettings = Pick<
  Config,
  | 'validateBase'
  | 'validateClaims'
  | 'validateRules'
  | 'unknownExtensions'
  | 'bestPractice'
  | 'htmlInStrings'
  | 'exampleUrls'
>;

/** Throws ConfigError with a line for each thing that is wrong in the file of rules. */
export function readPolicy(settings: PolicySettings, resourceTypes: readonly string[]): ValidationPolicy {
  const { validateBase: base, validateClaims: claims, validateRules: file } = settings;
  const { unknownExtensions, bestPractice, htmlInStrings, exampleUrls } = settings;
  const own: TypeRules = { require: [], claims, unknownProfile: 'warn' };
  const byType = file === '' ? new Map<string, Partial<TypeRules>>() : readRules(file, resourceTypes);
  const others = { ...own, ...byType.get('*') };
  const merged = new Map([...byType].map(([type, rules]) => [type, { ...others, ...rules }]));
  return {
    base,
    rulesOf: type => merged.get(type) ?? (REPORTS.has(type) ? { ...others, isLenient: true } : others),
    required: [...byType].flatMap(([type, { require = [] }]) =>
      require.map((canonical, at) => ({ type, canonical, at: `${type}.require[${at}]` })),
    ),
    options: { unknownExtensions, bestPractice, htmlInStrings, exampleUrls, mustSupport: false },
  };
}

const RULES_FILE = 'The file of validation rules';

/** Throws ConfigError where a profile that is required is not known, or is one of another type. */
export async function checkRequired({ required }: ValidationPolicy, find: FindDefinition): Promise<void> {
  const faults: string[] = [];
  for (const { type, canonical, at } of required) {
    const found = await find('StructureDefinition', canonical);
    const [kind, of] = [found?.resource['kind'], found?.resource['type']];
    if (!found)
      faults.push(
        `${RULES_FILE}, ${at}: ${canonical} is not known: store it, or add its guide, before it is required.`,
      );
    else if (kind !== 'resource' || (type !== '*' && of !== type && of !== 'Resource' && of !== 'DomainResource'))
      faults.push(`${RULES_FILE}, ${at}: ${canonical} is no profile of ${type === '*' ? 'resources' : type}.`);
  }
  if (faults.length > 0) throw new ConfigError(faults.join('\n'));
}

const STRENGTHS: readonly Strength[] = ['enforce', 'warn', 'off'];
const FOR_UNKNOWN: readonly TypeRules['unknownProfile'][] = ['refuse', 'warn'];
const MEMBERS = ['require', 'claims', 'unknownProfile'];

function readRules(file: string, resourceTypes: readonly string[]): Map<string, Partial<TypeRules>> {
  const faults: string[] = [];
  const given = readSettingsFile(file, RULES_FILE);
  const fault = (path: string, text: string) => void faults.push(`${RULES_FILE}, ${file}, ${path}: ${text}`);
  const rules = new Map<string, Partial<TypeRules>>();
  if (!isObject(given)) fault('at its top', 'it must be one object, with a member for each resource type.');
  else
    for (const [type, one] of Object.entries(given)) {
      if (type !== '*' && !resourceTypes.includes(type))
        fault(
          JSON.stringify(type),
          `there is no such resource type of R4, and it is not *.${didYouMean(type, resourceTypes)}`,
        );
      if (isObject(one))
        rules.set(
          type,
          rulesIn(one, (path, text) => fault(`${type}${path}`, text)),
        );
      else fault(type, `rules are an object with ${MEMBERS.join(', ')}.`);
    }
  if (faults.length > 0) throw new ConfigError(faults.join('\n'));
  return rules;
}

function rulesIn(given: JsonObject, fault: (path: string, text: string) => void): Partial<TypeRules> {
  for (const name of Object.keys(given))
    if (!MEMBERS.includes(name))
      fault(`.${name}`, `nothing is known by this name; there are ${MEMBERS.join(', ')}.${didYouMean(name, MEMBERS)}`);
  const { require, claims, unknownProfile } = given;
  if (require !== undefined && !Array.isArray(require)) fault('.require', 'this must be a list of canonicals.');
  const canonicals = Array.isArray(require) ? require : [];
  for (const [at, each] of canonicals.entries())
    if (!isCanonical(each))
      fault(`.require[${at}]`, `${JSON.stringify(each)} is no canonical: url, or url|version, without blanks.`);
  const oneOf = <T extends string>(name: string, value: Json | undefined, allowed: readonly T[]): T | undefined => {
    const found = allowed.find(each => each === value);
    if (value !== undefined && found === undefined)
      fault(`.${name}`, `${JSON.stringify(value)} must be one of ${allowed.join(', ')}.`);
    return found;
  };
  const strength = oneOf('claims', claims, STRENGTHS);
  const unknown = oneOf('unknownProfile', unknownProfile, FOR_UNKNOWN);
  return {
    ...(require === undefined ? {} : { require: canonicals as string[] }),
    ...(strength ? { claims: strength } : {}),
    ...(unknown ? { unknownProfile: unknown } : {}),
  };
}

const isCanonical = (value: Json): boolean =>
  typeof value === 'string' && /^[A-Za-z][A-Za-z0-9+.-]*:[^\s|]+(?:\|[^\s|]+)?$/.test(value);
