/**
 * `DocumentReference/$docref`: documents of a patient, those that are there and those that are made on demand.
 * https://hl7.org/fhir/us/core/OperationDefinition-docref.html
 *
 * What is asked for is made first (on-demand.ts), and is a document like any other then; the answer is a search for what was asked for, and
 * its links are those of that search. A caller who may not have documents made gets what is there, and a warning.
 */
import { parseGivenDateTime } from '../../../fhir/datetime.js';
import { FhirError, type Issue } from '../../../fhir/error.js';
import { isObject, type Json } from '../../../fhir/resource.js';
import type { Context, OperationImplementation } from '../../../interactions/engine.js';
import type { Of, Parameters } from '../../../interactions/interaction.js';
import { jsonText } from '../../../interactions/operations/operation.js';
import { badParameter, type GivenParameter, readGiven } from '../../../interactions/operations/parameters.js';
import { readWithText } from '../../../interactions/response/allowance.js';
import { search } from '../../../interactions/search/search.js';
import { escaped } from '../mhd/patient.js';
import type { MadeBytes } from './document-parts.js';
import { CCD, DOCUMENT_KINDS, type DocumentKind } from './kinds.js';
import { type AskedPeriod, documentOnDemand, mayMake, type SharedMaking } from './on-demand.js';

/** How the answer is shown and paged. */
const BESIDE = ['_count', '_summary', '_elements'];

export interface DocumentsAsked {
  /** Id. */
  readonly patient: string;
  readonly period: AskedPeriod;
  /** `system|code`, or `code`. */
  readonly types: readonly string[];
  readonly profiles: readonly string[];
  /** Those alone that are made on demand. */
  readonly onDemand: boolean;
  readonly shown: Parameters;
}

/** One for each engine. */
export function createDocref(made: MadeBytes): OperationImplementation {
  const making: SharedMaking = { underWay: new Map(), made };
  return {
    async run(context, ask) {
      const asked = readAsked(context, ask);
      const found = { kind: 'search', type: 'DocumentReference', lenient: false } as const;
      const patient = await readWithText(context, 'Patient', asked.patient);
      if (!patient?.text) {
        const parameters: Parameters = [['patient', asked.patient], ...NOTHING, ...asked.shown];
        return search(context, { ...found, parameters }, [
          warning('unknown-patient', 'There is no such patient here.', 'patient'),
        ]);
      }
      const ids = new Map<DocumentKind, string>();
      const warnings: Issue[] = [];
      const kinds = kindsAsked(asked);
      if (asked.onDemand && kinds.length === 0) warnings.push(NOT_MADE);
      if (kinds.length > 0 && !mayMake(context)) warnings.push(MAY_NOT);
      else
        for (const kind of kinds)
          try {
            ids.set(kind, await documentOnDemand(context, kind, { patient, period: asked.period }, making));
          } catch (error) {
            // What is there is an answer where it was asked for, too.
            if (!(error instanceof FhirError && error.kind === 'too-costly') || isForMade(asked)) throw error;
            warnings.push(...error.issues.map(issue => ({ ...issue, severity: 'warning' as const })));
          }
      return search(context, { ...found, parameters: searchFor(asked, ids) }, warnings);
    },
  };
}

/** The answer is what is made, or nothing. */
const isForMade = (asked: DocumentsAsked): boolean => asked.onDemand || isForLatest(asked);

/** Nothing but the patient is said: the current CCD is meant. */
const isForLatest = ({ period, types, profiles }: DocumentsAsked): boolean =>
  types.length === 0 && profiles.length === 0 && period.start === undefined && period.end === undefined;

/** What is to be made: without a type or a profile the CCD. */
function kindsAsked({ types, profiles }: DocumentsAsked): readonly DocumentKind[] {
  if (types.length === 0 && profiles.length === 0) return [CCD];
  return DOCUMENT_KINDS.filter(
    ({ type, profiles: own }) =>
      (types.length === 0 || types.some(token => token === type.code || token === `${type.system}|${type.code}`)) &&
      (profiles.length === 0 || profiles.some(profile => own.includes(profile.split('|', 1)[0]!))),
  );
}

/** The search that answers. */
function searchFor(asked: DocumentsAsked, made: ReadonlyMap<DocumentKind, string>): Parameters {
  const { patient, period, types, profiles, shown } = asked;
  const all: Parameters = [['patient', patient]];
  const ids = [...made.values()];
  if (asked.onDemand) return [...all, ...(ids.length > 0 ? [['_id', ids.join(',')] as const] : NOTHING), ...shown];
  const ofCare: Parameters = [...all, ['status', 'current']];
  if (isForLatest(asked))
    return ids.length > 0
      ? [...all, ['_id', ids.join(',')], ...shown]
      : [
          ...ofCare,
          ['type', `${CCD.type.system}|${CCD.type.code}`],
          ['_sort', '-date'],
          ['_count', '1'],
          ...shown.filter(([name]) => name !== '_count'),
        ];
  return [
    ...ofCare,
    ...(types.length > 0 ? [['type', types.join(',')] as const] : []),
    ...(profiles.length > 0 ? [['format', profiles.map(formatOfProfile).join(',')] as const] : []),
    ...(period.startText === undefined ? [] : [['period', `ge${period.startText}`] as const]),
    ...(period.endText === undefined ? [] : [['period', `le${period.endText}`] as const]),
    ['_sort', '-date'],
    ...shown,
  ];
}

/** What no resource matches: it has one id. */
const NOTHING: Parameters = [
  ['_id', '0'],
  ['_id', '1'],
];

/** Code of the format of documents that follow a profile; of one that is not known it is its canonical. */
function formatOfProfile(profile: string): string {
  const [canonical = ''] = profile.split('|', 1);
  const known = DOCUMENT_KINDS.find(({ profiles }) => profiles.includes(canonical));
  return known ? `${known.format.system}|${escaped(known.format.code)}` : escaped(canonical);
}

function readAsked({ engine }: Context, ask: Of<'operation'>): DocumentsAsked {
  const { given } = readGiven(engine, ask, BESIDE);
  const of = (name: string): readonly GivenParameter[] => given.filter(one => one.name === name);
  const first = (name: string): string | undefined => of(name).map(({ value }) => jsonText(value))[0];
  const period = periodAsked(of('start')[0], of('end')[0]);
  return {
    patient: first('patient')!,
    period,
    types: of('type').map(({ value, at }) => tokenOfType(value, at)),
    profiles: of('profile').map(({ value }) => jsonText(value)),
    onDemand: first('on-demand') === 'true',
    shown: given.flatMap(({ name, value }) => (BESIDE.includes(name) ? [[name, jsonText(value)] as const] : [])),
  };
}

function periodAsked(start: GivenParameter | undefined, end: GivenParameter | undefined): AskedPeriod {
  const [from, to] = [start, end].map(one => one && jsonText(one.value).replace(' ', '+'));
  const low = from === undefined ? undefined : parseGivenDateTime(from)?.low;
  const high = to === undefined ? undefined : parseGivenDateTime(to)?.high;
  return {
    ...(low === undefined || from === undefined ? {} : { start: low, startText: from }),
    ...(high === undefined || to === undefined ? {} : { end: high, endText: to }),
  };
}

function tokenOfType(value: Json, at: string): string {
  const { system, code } = isObject(value) ? value : {};
  if (typeof code !== 'string') throw badParameter('A type needs a code.', at);
  return typeof system === 'string' ? `${escaped(system)}|${escaped(code)}` : escaped(code);
}

const warning = (detail: string, text: string, parameter: string): Issue => ({
  severity: 'warning',
  code: 'informational',
  detail,
  expression: `http.${parameter}`,
  text,
});
const NOT_MADE = warning('type-not-made', 'This server makes no documents of this type or profile.', 'type');
const MAY_NOT = warning(
  'not-made',
  'This role may not have documents made: what is here is what there is.',
  'on-demand',
);
