/**
 * The file of roles: what each may do with resources of which type (in the letters of SMART scopes), which operations and which screens
 * it has. profiles/roles.json says it for a server that is given no other; docs/access.md explains the file. Whatever in it means
 * nothing is told at start, with its place.
 */
import type { Definitions } from '../fhir/definitions.js';
import { FhirError } from '../fhir/error.js';
import { readSettingsFile } from '../fhir/json/settings-file.js';
import { isObject, type Json, type JsonObject } from '../fhir/resource.js';
import { DUTY_LETTERS, type Letter } from '../identity/principal.js';
import { type Confidentiality, isLevel, CONFIDENTIALITY_LEVELS } from '../fhir/security-labels.js';
import { ConfigError } from '../platform/config.js';
import { didYouMean } from '../platform/nearest.js';
import { parseCriteria } from '../search/criteria.js';
import type { SearchParameters } from '../search/parameters.js';
import type { Where } from '../search/query.js';
import { separate } from '../search/separate.js';

/** Of one type, or with `*` of all that are not named beside it. */
export interface TypeDuty {
  readonly type: string;
  readonly letters: ReadonlySet<Letter>;
  /** Only those that satisfy it. */
  readonly where?: Where;
  /** Only those of the patient in whose name a token is, and what is about nobody (patient-compartment.ts). */
  readonly within?: 'patient';
}

export interface RoleDuty {
  readonly types: readonly TypeDuty[];
  /** By code; `*`: all. */
  readonly operations: readonly string[];
  readonly screens: readonly string[];
  /** What the role sees of the one patient for whom the glass is broken, beside the rest; empty: it breaks none. */
  readonly breakGlass?: readonly TypeDuty[];
  /** Purpose of use where a token names none, a code of v3-ActReason. */
  readonly purpose?: string;
  /** The most confidential label that is seen; absent: N, normal. */
  readonly confidentiality?: Confidentiality;
  /** Consents of patients do not bind the role. */
  readonly consents?: 'disregarded';
  /** It may take labels away that protect a resource. */
  readonly labels?: 'lowered';
}

/** By the name that tokens have. */
export type Roles = ReadonlyMap<string, RoleDuty>;

/** What a file of roles may name, and what it is read with. */
export interface Nameable {
  readonly definitions: Definitions;
  readonly parameters: SearchParameters;
  readonly settings: { readonly bases: readonly string[] };
  readonly operations: readonly string[];
  readonly screens: readonly string[];
  /** What features give to roles beside it. */
  readonly added: readonly AddedDuty[];
}

/** Operations and screens that a feature gives to a role, beside what the file of the server says. */
export interface AddedDuty {
  readonly role: string;
  readonly operations?: readonly string[] | undefined;
  readonly screens?: readonly string[] | undefined;
}

/** Throws ConfigError with a line for each thing that is wrong. */
export function readRoles(file: string, nameable: Nameable): Roles {
  return checkRoles(readSettingsFile(file, 'The file of roles'), nameable, `The file of roles, ${file},`);
}

/** The same of what stands in the file. `file`: how a message names it. */
export function checkRoles(given: Json, nameable: Nameable, file: string): Roles {
  const faults: string[] = [];
  const check: Checker = { nameable, fault: (path, text) => void faults.push(`${file} ${path}: ${text}`) };
  const roles = new Map<string, RoleDuty>();
  if (!isObject(given)) check.fault('at its top', 'it must be one object, with a member for each role.');
  else
    for (const [name, duty] of Object.entries(given)) {
      if (!/^[a-z][a-z0-9-]*$/.test(name))
        check.fault(JSON.stringify(name), 'the name of a role has small letters, digits and hyphens.');
      roles.set(name, roleDuty(check, name, duty));
    }
  for (const { role, operations = [], screens = [] } of nameable.added) {
    const duty = roles.get(role);
    if (!duty) throw new Error(`A feature has duties for the role ${role}, which is none.`);
    roles.set(role, {
      ...duty,
      operations: [...duty.operations, ...operations],
      screens: [...duty.screens, ...screens],
    });
  }
  if (faults.length === 0 && !isAll(roles.get('admin')))
    check.fault(
      'admin',
      'the server does its own work in this role, so that it must have "*" with cruds, AuditEvent with crs, and "*" as operations and screens.',
    );
  if (faults.length > 0) throw new ConfigError(faults.join('\n'));
  return roles;
}

/** What a settings file is checked with. */
export interface Checker {
  readonly nameable: Nameable;
  fault(path: string, text: string): void;
}

const isAll = (duty: RoleDuty | undefined): boolean => {
  const has = (name: string, count: number): boolean =>
    duty?.types.some(({ type, letters }) => type === name && letters.size === count) ?? false;
  return (
    duty !== undefined &&
    has('*', DUTY_LETTERS.length) &&
    has('AuditEvent', 3) &&
    duty.types.length === 2 &&
    duty.operations.includes('*') &&
    duty.screens.includes('*')
  );
};

const MEMBERS = [
  ...['types', 'operations', 'screens', 'breakGlass'],
  ...['purpose', 'confidentiality', 'consents', 'labels'],
];
/** The server does its own work in it. */
const OF_SERVER = { confidentiality: 'V', consents: 'disregarded', labels: 'lowered' } as const;

function roleDuty(check: Checker, name: string, given: Json): RoleDuty {
  if (!isObject(given)) {
    check.fault(name, `a role is an object with ${MEMBERS.join(', ')}.`);
    return { types: [], operations: [], screens: [] };
  }
  refuseUnknown(check, name, given, MEMBERS);
  const { operations, screens } = check.nameable;
  const duty = {
    types: listInFile(check, `${name}.types`, given['types']).flatMap((each, at) =>
      typeDuty(check, `${name}.types[${at}]`, each),
    ),
    operations: namesIn(check, `${name}.operations`, given['operations'], operations, 'operation'),
    screens: namesIn(check, `${name}.screens`, given['screens'], screens, 'screen'),
    ...(given['breakGlass'] === undefined ? {} : { breakGlass: glassDuties(check, name, given['breakGlass']) }),
    ...(name === 'admin' ? OF_SERVER : privacyDuty(check, name, given)),
  };
  for (const type of new Set(duty.types.map(row => row.type))) {
    const letters = new Set(duty.types.filter(row => row.type === type).flatMap(row => [...row.letters]));
    if ((letters.has('u') || letters.has('d')) && !(letters.has('r') && letters.has('s')))
      check.fault(`${name}.types`, `whoever may update or delete (u, d) must see what is there (r, s): ${type}.`);
  }
  return duty;
}

/** What is seen, and nothing that is done. */
function glassDuties(check: Checker, name: string, given: Json): readonly TypeDuty[] {
  return listInFile(check, `${name}.breakGlass`, given).flatMap((each, at) => {
    const path = `${name}.breakGlass[${at}]`;
    const duties = typeDuty(check, path, each);
    if (duties.some(({ letters }) => [...letters].some(letter => letter !== 'r' && letter !== 's')))
      check.fault(`${path}.letters`, 'through a broken glass things are seen, not written: r and s at most.');
    if (duties.some(({ within }) => within !== undefined))
      check.fault(`${path}.within`, 'a broken glass is within the record of one patient anyhow.');
    return duties;
  });
}

/** What Consents and labels mean to the role. */
function privacyDuty(
  check: Checker,
  name: string,
  given: JsonObject,
): Omit<RoleDuty, 'types' | 'operations' | 'screens'> {
  const { purpose, confidentiality, consents, labels } = given;
  if (purpose !== undefined && !(typeof purpose === 'string' && /^[A-Z]+$/.test(purpose)))
    check.fault(`${name}.purpose`, 'a purpose of use is a code of v3-ActReason, as TREAT.');
  if (confidentiality !== undefined && !isLevel(confidentiality))
    check.fault(
      `${name}.confidentiality`,
      `the most confidential label that is seen is one of ${CONFIDENTIALITY_LEVELS.join(', ')}.`,
    );
  if (consents !== undefined && consents !== 'disregarded')
    check.fault(`${name}.consents`, 'Consents bind a role, or are "disregarded".');
  if (labels !== undefined && labels !== 'lowered')
    check.fault(`${name}.labels`, 'a role keeps labels, or they may be "lowered".');
  return {
    ...(typeof purpose === 'string' ? { purpose } : {}),
    ...(isLevel(confidentiality) ? { confidentiality } : {}),
    ...(consents === 'disregarded' ? { consents } : {}),
    ...(labels === 'lowered' ? { labels } : {}),
  };
}

function typeDuty(check: Checker, path: string, given: Json): TypeDuty[] {
  if (!isObject(given)) {
    check.fault(path, 'a duty is an object, as {"type": "Observation", "letters": "rs"}.');
    return [];
  }
  refuseUnknown(check, path, given, ['type', 'letters', 'where', 'within']);
  const { type, letters: text, where, within } = given;
  const { resourceTypes: types } = check.nameable.definitions;
  if (typeof type !== 'string' || (type !== '*' && !types.includes(type))) {
    const meant = typeof type === 'string' ? didYouMean(type, types) : '';
    check.fault(`${path}.type`, `${JSON.stringify(type)} is no resource type of R4, and not *.${meant}`);
    return [];
  }
  const letters = lettersIn(check, `${path}.letters`, text);
  if (type === 'AuditEvent' && (letters.has('u') || letters.has('d')))
    check.fault(`${path}.letters`, 'nobody changes or deletes audit events: crs at most.');
  if (within !== undefined && within !== 'patient')
    check.fault(`${path}.within`, 'a duty can be within the record of a "patient", and of nobody else.');
  return [
    {
      type,
      letters,
      ...(where === undefined ? {} : { where: conditionOf(check, `${path}.where`, type, where) }),
      ...(within === 'patient' ? { within } : {}),
    },
  ];
}

function lettersIn(check: Checker, path: string, given: Json | undefined): ReadonlySet<Letter> {
  if (typeof given === 'string' && /^c?r?u?d?s?$/.test(given))
    return new Set(DUTY_LETTERS.filter(letter => given.includes(letter)));
  check.fault(path, `${JSON.stringify(given)} must be some of the letters of "cruds", each once, in this order.`);
  return new Set();
}

const NO_RESTRICTION: Where = { kind: 'all', of: [] };

function conditionOf(check: Checker, path: string, type: string, given: Json): Where {
  if (type !== '*') return conditionInFile(check, path, [type], given);
  check.fault(path, 'a condition is about one type: name it.');
  return NO_RESTRICTION;
}

/** The query of a search for these types as a condition; all resources where it is wrong, which is told. */
export function conditionInFile(check: Checker, path: string, types: readonly string[], given: Json): Where {
  const wrong = (text: string): Where => {
    check.fault(path, text);
    return NO_RESTRICTION;
  };
  if (typeof given !== 'string' || given === '')
    return wrong('a condition is the query of a search, as in "category=laboratory".');
  try {
    const { definitions, parameters, settings } = check.nameable;
    const pairs = [...new URLSearchParams(given)];
    const { bases } = settings;
    // `ap` of a date would mean another one every day.
    const where = parseCriteria({ types, parameters: pairs, bases, now: 0 }, parameters, definitions);
    return canBeListed(where)
      ? where
      : wrong(
          'distances, words, ends of texts and composites without a code are looked for one resource after the other: ask by something else.',
        );
  } catch (error) {
    if (!(error instanceof FhirError)) throw error;
    return wrong(error.message);
  }
}

/** What is left when its links are lists is what a store can answer. */
function canBeListed(where: Where): boolean {
  switch (where.kind) {
    case 'all':
    case 'any':
      return where.of.every(canBeListed);
    case 'not':
      return canBeListed(where.of);
    case 'of':
    case 'chain':
    case 'has':
      return canBeListed(where.where);
    case 'param':
      return !separate(where).rest;
    case 'present':
      return true;
    case 'words':
      return false;
  }
}

export function listInFile(check: Checker, path: string, given: Json | undefined): readonly Json[] {
  if (given === undefined) return [];
  if (Array.isArray(given)) return given;
  check.fault(path, 'this must be a list.');
  return [];
}

function namesIn(
  check: Checker,
  path: string,
  given: Json | undefined,
  known: readonly string[],
  what: string,
): readonly string[] {
  return listInFile(check, path, given).flatMap((name, at) => {
    if (typeof name === 'string' && (name === '*' || known.includes(name))) return [name];
    const meant = typeof name === 'string' ? didYouMean(name, known) : '';
    const all = known.length > 0 ? `it has ${known.join(', ')}` : 'it has none';
    check.fault(`${path}[${at}]`, `${JSON.stringify(name)} is no ${what} of this server; ${all}.${meant}`);
    return [];
  });
}

export function refuseUnknown(check: Checker, path: string, given: object, known: readonly string[]): void {
  for (const name of Object.keys(given))
    if (!known.includes(name))
      check.fault(`${path}.${name}`, `nothing is known by this name; there are ${known.join(', ')}.`);
}
