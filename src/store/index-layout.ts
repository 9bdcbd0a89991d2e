/**
 * Where the index entries of each (type, search parameter) live. One table drives both the encoding of entries and the
 * planning of queries, so they cannot disagree; its hash is kept by the stores, and another hash means reindex.
 */
import { createHash } from 'node:crypto';
import { FhirError } from '../fhir/error.js';
import { encodeNumber } from './codec.js';
import {
  ALL_INDEXED,
  BROAD_TOKENS,
  DATED_TOKENS,
  INDEXED,
  MAIN_DATE,
  MAIN_DATES,
  NAME_PARAMETERS,
  ONLY_INDEXED,
  RARELY_MISSING,
  SCOPED_TOKENS,
  SORT_STRINGS,
  UNIONS,
} from './index-layout-table.js';
import type { IndexedArray, KeyArray } from './key.js';
import { TYPE_CODES } from './type-codes.js';

/** Raise it when the form of keys changes in a way that the table below does not show: test/unit/store/key-form.test.ts sees it. */
export const ENCODING = 5;

/** What the layout needs to know of a search parameter. */
export interface LaidOutParameter {
  readonly url: string;
  readonly code: string;
  readonly type: string;
  readonly base: readonly string[];
  readonly expression?: string;
}

/** Where the keys of one parameter of one type are. */
export interface ParameterLayout {
  readonly type: string;
  readonly code: string;
  /** Parameter type: token, date, … */
  readonly kind: string;
  /** Type code and parameter code: four characters, the head of the parameter's keys. */
  readonly prefix: string;
  /** Home of the keys. References: of the `r…` keys. `none`: main date, unions, _id, _lastUpdated, the patient key. */
  readonly array: KeyArray | 'none';
  /** Also one key per patient and value. */
  readonly scoped: boolean;
  /** `patient`, and a reference parameter with the same path: Patients are found by the patient key. */
  readonly patient: boolean;
  readonly main: boolean;
  readonly sorts: boolean;
  /** Where a resource without this parameter has a key that says so. */
  readonly missingKeyIn?: IndexedArray;
  /** No keys of its own: the union of these parameters of the same type. */
  readonly union?: readonly string[];
}

export interface TypeLayout {
  readonly type: string;
  /** Two characters: the type key in `byDate`. */
  readonly typeCode: string;
  readonly parameters: ReadonlyMap<string, ParameterLayout>;
  /** Those with `missingKeyIn`. */
  readonly rarelyMissing: readonly ParameterLayout[];
  /** Code of the main date. */
  readonly mainDate?: string;
}

export interface IndexLayout {
  /** The layout of a resource type. Throws `unknown-type`. */
  of(type: string): TypeLayout;
  /** The layout of a parameter. Throws `not-supported` where the type has no such parameter. */
  find(type: string, code: string): ParameterLayout;
  /** Sort strings that exist: the adapters make an index for each. */
  readonly sortStrings: readonly { readonly type: string; readonly prefix: string }[];
  readonly types: readonly string[];
  /** Another one when custom parameters were added or laid out anew. */
  readonly version: number;
  /** SHA-256 over everything that decides what keys of the standard's parameters look like. */
  readonly hash: string;
}

/** A layout to which custom parameters are added while it is in use. */
export interface GrowingLayout extends IndexLayout {
  /**
   * Adds custom parameters, or lays one out anew that has changed. What was added stays: an entry that was extracted before
   * its parameter went out of force must still find its layout. `numbers`: Store.assignParameterCodes of their codes.
   */
  extend(custom: readonly LaidOutParameter[], numbers: ReadonlyMap<string, string>): void;
}

const OF_R4 = 'http://hl7.org/fhir/SearchParameter/';

/** Two characters per code: those of R4 in alphabetical order, which never change, then those that are built in beside them. */
function numberCodes(parameters: readonly LaidOutParameter[]): ReadonlyMap<string, string> {
  const ofR4 = new Set(parameters.flatMap(({ code, url }) => (url.startsWith(OF_R4) ? [code] : [])));
  const others = new Set(parameters.flatMap(({ code }) => (ofR4.has(code) ? [] : [code])));
  const codes = [...[...ofR4].toSorted(), ...[...others].toSorted()];
  return new Map(codes.map((code, i) => [code, encodeNumber(i)]));
}

const AS_PATIENT = /\.where\(\s*resolve\(\) is Patient\s*\)/g;

/** The paths of an expression that start at `type`, in one spelling. */
const pathsFrom = (expression: string | undefined, type: string): string =>
  (expression ?? '')
    .replace(AS_PATIENT, '')
    .split('|')
    .map(path => path.trim())
    .filter(path => path.startsWith(`${type}.`))
    .toSorted()
    .join('|');

/** `dated`: the array of keys in date order, `byDate`, or `byArrival` where the type has no main date. */
function arrayOf(type: string, parameter: LaidOutParameter, dated: IndexedArray): ParameterLayout['array'] {
  const { code, type: kind } = parameter;
  if (DATED_TOKENS[type]?.includes(code)) return 'byDate';
  if (type in ONLY_INDEXED) return ONLY_INDEXED[type]!.includes(code) ? 'byArrival' : 'filterOnly';
  if (INDEXED[type]?.includes(code)) return 'byArrival';
  switch (kind) {
    case 'reference':
    case 'uri':
      return 'byArrival';
    case 'token':
      return BROAD_TOKENS.has(code) ? dated : 'byArrival';
    case 'string':
      return ALL_INDEXED.has(type) || (NAME_PARAMETERS.has(code) && NAMED_TYPES.has(type)) ? 'byArrival' : 'filterOnly';
    default:
      return 'filterOnly';
  }
}
const NAMED_TYPES: ReadonlySet<string> = new Set([
  'Practitioner',
  'Person',
  'RelatedPerson',
  'Organization',
  'Location',
  'HealthcareService',
]);

function layOutType(
  type: string,
  parameters: readonly LaidOutParameter[],
  codes: ReadonlyMap<string, string>,
): TypeLayout {
  const typeCode = TYPE_CODES[type]!;
  const byCode = new Map(parameters.map(p => [p.code, p]));
  const isDate = (code: string | undefined) => code !== undefined && byCode.get(code)?.type === 'date';
  const mainDate = [MAIN_DATE[type], ...MAIN_DATES].find(isDate);
  const dated = mainDate === undefined ? 'byArrival' : 'byDate';
  const patientPaths = pathsFrom(byCode.get('patient')?.expression, type);
  const layOut = (parameter: LaidOutParameter): ParameterLayout => {
    const { code, type: kind } = parameter;
    const union = UNIONS[code]?.every(part => byCode.has(part)) ? UNIONS[code] : undefined;
    const main = code === mainDate;
    const none = main || union !== undefined || code === '_id' || code === '_lastUpdated';
    return {
      type,
      code,
      kind,
      prefix: typeCode + codes.get(code)!,
      array: none ? 'none' : arrayOf(type, parameter, dated),
      scoped: SCOPED_TOKENS[type]?.includes(code) ?? false,
      patient: isPatientReference(type, parameter, patientPaths),
      main,
      sorts: SORT_STRINGS[type]?.includes(code) ?? false,
      ...(main || (RARELY_MISSING.has(code) && !(type in ONLY_INDEXED)) ? { missingKeyIn: dated } : {}),
      ...(union === undefined ? {} : { union }),
    };
  };
  const laidOut = parameters.map(layOut);
  return {
    type,
    typeCode,
    parameters: new Map(laidOut.map(one => [one.code, one])),
    rarelyMissing: laidOut.filter(one => one.missingKeyIn !== undefined),
    ...(mainDate === undefined ? {} : { mainDate }),
  };
}

/** `patient` itself, and a reference with the same paths. */
const isPatientReference = (type: string, { code, type: kind, expression }: LaidOutParameter, paths: string): boolean =>
  kind === 'reference' && paths !== '' && (code === 'patient' || pathsFrom(expression, type) === paths);

/**
 * Where a reference key is. Those to Patients are in `byDate`, beside the patient keys, so that "subject or performer" (a
 * compartment) is one list of points; so are all of a parameter that shares the patient key.
 */
export function referenceArray({ array: home, patient }: ParameterLayout, target: string): KeyArray {
  if (home === 'filterOnly') return 'filterOnly';
  return patient || target.startsWith('Pa') ? 'byDate' : 'byArrival';
}

/**
 * Custom parameters have a key where values have one at all: dates, numbers and quantities too, because somebody defined
 * the parameter in order to search by it. They never order a type, share no keys, and take no part in the hash.
 */
function layOutCustom(type: string, parameter: LaidOutParameter, number: string): ParameterLayout {
  const { code, type: kind } = parameter;
  const ranged = kind === 'date' || kind === 'number' || kind === 'quantity';
  return {
    type,
    code,
    kind,
    prefix: TYPE_CODES[type]! + number,
    array: ranged && !(type in ONLY_INDEXED) ? 'byArrival' : arrayOf(type, parameter, 'byArrival'),
    scoped: false,
    patient: false,
    main: false,
    sorts: false,
  };
}

/** The parameters of one type: a type's own definition wins over a shared one of the same code. */
function parametersByType(parameters: readonly LaidOutParameter[]): (type: string) => LaidOutParameter[] {
  const byBase = new Map<string, LaidOutParameter[]>();
  for (const parameter of parameters)
    for (const base of new Set(parameter.base)) byBase.set(base, [...(byBase.get(base) ?? []), parameter]);
  const own = (base: string) => byBase.get(base) ?? [];
  return type => {
    const all = [...own('Resource'), ...own('DomainResource'), ...own(type)];
    return [...new Map(all.map(p => [p.code, p])).values()].toSorted((a, b) => (a.code < b.code ? -1 : 1));
  };
}

/** How the hash names the arrays: stores that were indexed when they had no other names stay valid. */
const LETTERS = { byDate: 'k', byArrival: 'g', filterOnly: 'f', none: 'none' } as const satisfies Record<
  ParameterLayout['array'],
  string
>;

/** What follows from the standard's parameters alone. */
interface StandardLayout {
  readonly types: readonly string[];
  readonly ofType: (type: string) => LaidOutParameter[];
  readonly all: ReadonlyMap<string, TypeLayout>;
  readonly hash: string;
}

/** Whoever asks for them: every store of a process has the same. */
const standardLayouts = new WeakMap<readonly LaidOutParameter[], StandardLayout>();

function layOutStandard(standard: readonly LaidOutParameter[]): StandardLayout {
  const codes = numberCodes(standard);
  const types = Object.keys(TYPE_CODES);
  const ofType = parametersByType(standard);
  const all = new Map(types.map(type => [type, layOutType(type, ofType(type), codes)]));
  const rows = [...all.values()].map(({ type, typeCode, parameters: places, mainDate }) => [
    type,
    typeCode,
    mainDate ?? '',
    ...[...places.values()].map(p => [
      p.code,
      p.prefix,
      p.kind,
      LETTERS[p.array],
      p.scoped,
      p.patient,
      p.sorts,
      p.missingKeyIn ? LETTERS[p.missingKeyIn] : '',
      p.union ?? '',
    ]),
  ]);
  const hash = createHash('sha256')
    .update(JSON.stringify([ENCODING, rows]))
    .digest('hex');
  return { types, ofType, all, hash };
}

/** The layout of the standard's search parameters, to which custom ones can be added. Order does not matter. */
export function createIndexLayout(standard: readonly LaidOutParameter[]): GrowingLayout {
  const laidOut = standardLayouts.get(standard) ?? layOutStandard(standard);
  standardLayouts.set(standard, laidOut);
  const { types, ofType, hash } = laidOut;
  const all = new Map(laidOut.all);
  const of = (type: string): TypeLayout => {
    const found = all.get(type);
    if (!found) throw new FhirError('unknown-type', `${type} is not a resource type of FHIR R4.`);
    return found;
  };
  let version = 0;
  return {
    of,
    get version() {
      return version;
    },
    find(type, code) {
      const place = of(type).parameters.get(code);
      if (!place) throw new FhirError('not-supported', `${type} has no search parameter ${code}.`);
      return place;
    },
    sortStrings: [...all.values()].flatMap(({ type, parameters: places }) =>
      [...places.values()].filter(p => p.sorts).map(({ prefix }) => ({ type, prefix })),
    ),
    types,
    hash,
    extend(custom, numbers) {
      version += 1;
      const added = parametersByType(custom);
      for (const type of types) {
        const before = of(type);
        const standardCodes = new Set(ofType(type).map(({ code }) => code));
        const places = added(type)
          .filter(({ code }) => !standardCodes.has(code))
          .map(parameter => layOutCustom(type, parameter, numbers.get(parameter.code)!));
        if (places.length > 0)
          all.set(type, {
            ...before,
            parameters: new Map([...before.parameters, ...places.map(p => [p.code, p] as const)]),
          });
      }
    },
  };
}
