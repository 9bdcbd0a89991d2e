/**
 * A world of requests and documents, drawn, and the rules for what goes out said a second time, of what was drawn: the oracle of the tests of releases.
 * 45 CFR 164.502(b), 164.508(a)(2), 164.524(a)(1); 42 CFR 2.31
 */
import type { Resource } from '../../src/fhir/resource.js';
import { readRequesterClasses } from '../../src/features/release/requester-classes.js';
import type { Random } from './random.js';

const folder = new URL('../../../profiles/release/rules/', import.meta.url);
export const requesterClasses = readRequesterClasses(new URL('requester-classes.json', folder));
const LOINC = 'http://loinc.org';
const ACT = 'http://terminology.hl7.org/CodeSystem/v3-ActCode';
const LEVELS = 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality';
export const WORLD_BASES = ['http://here.example/fhir'];
const WORLD_TYPES = ['18842-5', '11506-3', '11488-4'] as const;
const WORLD_VISITS = ['a', 'b'] as const;

export interface DocumentDrawn {
  readonly id: string;
  readonly isOther: boolean;
  /** The desk wrote it. */
  readonly isDesk: boolean;
  /** A machine has read it. */
  readonly isMachine: boolean;
  readonly status: 'current' | 'superseded' | 'entered-in-error';
  readonly docStatus: 'final' | 'preliminary' | 'entered-in-error' | undefined;
  readonly type: (typeof WORLD_TYPES)[number];
  readonly year: number | undefined;
  readonly visit: (typeof WORLD_VISITS)[number] | undefined;
  readonly level: 'N' | 'R' | 'V' | undefined;
  readonly labels: readonly string[];
  readonly onContent: boolean;
  readonly replaces: string | undefined;
  readonly decision: 'left-out' | 'taken-in' | undefined;
}
export interface RequestDrawn {
  readonly classCode: string;
  readonly types: readonly string[];
  readonly years: readonly [number, number] | undefined;
  readonly visit: string | undefined;
  /** Undefined: none holds. */
  readonly consent:
    | {
        readonly types: readonly string[];
        readonly years: readonly [number, number] | undefined;
        readonly labels: readonly string[];
        readonly not: string | undefined;
      }
    | undefined;
}

const some = <T>(random: Random, of: readonly T[], probability: number): T[] =>
  of.filter(() => random.chance(probability));
const maybe = <T>(random: Random, probability: number, make: () => T): T | undefined =>
  random.chance(probability) ? make() : undefined;
const span = (random: Random): readonly [number, number] => {
  const first = 2020 + random.below(4);
  return [first, first + random.below(3)];
};

export function drawDocuments(random: Random, count = 12): DocumentDrawn[] {
  return Array.from({ length: count }, (_, at) => ({
    id: `d${at}`,
    isOther: random.chance(0.05),
    isDesk: random.chance(0.04),
    isMachine: random.chance(0.04),
    status: random.chance(0.9) ? 'current' : random.pick(['superseded', 'entered-in-error']),
    docStatus: random.chance(0.8) ? 'final' : random.pick(['preliminary', 'entered-in-error', undefined]),
    type: random.pick(WORLD_TYPES),
    year: maybe(random, 0.9, () => 2020 + random.below(6)),
    visit: maybe(random, 0.7, () => random.pick(WORLD_VISITS)),
    level: random.chance(0.6) ? random.pick(['N', undefined]) : random.pick(['R', 'R', 'V']),
    labels: some(random, ['PSYTHPN', '42CFRPart2', 'NOPAT', 'HIV'], 0.1),
    onContent: random.chance(0.5),
    replaces: at > 0 && random.chance(0.08) ? `d${random.below(at)}` : undefined,
    decision: random.chance(0.7) ? undefined : random.pick(['left-out', 'taken-in', 'taken-in']),
  }));
}

export function drawRequest(random: Random, classCode: string): RequestDrawn {
  return {
    classCode,
    types: some(random, WORLD_TYPES, 0.4),
    years: maybe(random, 0.4, () => span(random)),
    visit: maybe(random, 0.2, () => random.pick(WORLD_VISITS)),
    consent: maybe(random, 0.7, () => ({
      types: some(random, WORLD_TYPES, 0.5),
      years: maybe(random, 0.3, () => span(random)),
      labels: some(random, ['N', 'R', 'V', '42CFRPart2', 'PSYTHPN', 'HIV', 'SUD'], 0.15),
      not: maybe(random, 0.2, () => random.pick(WORLD_TYPES)),
    })),
  };
}

const coded = (code: string) => ({ coding: [{ system: LOINC, code }] });
export const drawnLabel = (code: string) => ({ system: code.length === 1 ? LEVELS : ACT, code });
const years = ([first, last]: readonly [number, number]) => ({ start: String(first), end: String(last) });

export function drawnDocument(drawn: DocumentDrawn): Resource {
  const { id, isOther, isDesk, isMachine, status, docStatus, type, year, visit, level, labels, onContent, replaces } =
    drawn;
  const tag = isMachine ? { tag: [{ system: 'urn:chartroom:machine-text', code: 'text' }] } : {};
  const security = [...(level ? [level] : []), ...labels].map(drawnLabel);
  return {
    resourceType: 'DocumentReference',
    id,
    ...(onContent
      ? { securityLabel: security.map(each => ({ coding: [each] })), meta: tag }
      : { meta: { security, ...tag } }),
    status,
    ...(docStatus ? { docStatus } : {}),
    type: {
      coding: [...coded(type).coding, ...(isDesk ? [{ system: 'urn:chartroom:document', code: 'letter-x' }] : [])],
    },
    subject: { reference: isOther ? 'Patient/other' : 'Patient/1' },
    ...(year === undefined ? {} : { date: `${year}-06-15T12:00:00Z` }),
    ...(replaces ? { relatesTo: [{ code: 'replaces', target: { reference: `DocumentReference/${replaces}` } }] } : {}),
    content: [{ attachment: { contentType: 'text/plain' } }],
    ...(visit ? { context: { encounter: [{ reference: `${WORLD_BASES[0]}/Encounter/${visit}` }] } } : {}),
  };
}

const input = (code: string, value: object, system = 'urn:chartroom:input') => ({
  type: { coding: [{ system, code }] },
  ...value,
});
export function drawnTask(
  { classCode, types, years: asked, visit }: RequestDrawn,
  documents: readonly DocumentDrawn[],
): Resource {
  const hrex = 'http://hl7.org/fhir/us/davinci-hrex/CodeSystem/hrex-temp';
  return {
    resourceType: 'Task',
    for: { reference: 'Patient/1' },
    input: [
      input('requester-class', { valueCode: classCode }),
      ...types.map(each => input('data-code', { valueCodeableConcept: coded(each) }, hrex)),
      ...(asked ? [input('period', { valuePeriod: years(asked) })] : []),
      ...(visit ? [input('encounter', { valueReference: { reference: `Encounter/${visit}` } })] : []),
      ...documents.flatMap(({ id, decision }) =>
        decision ? [input(decision, { valueReference: { reference: `DocumentReference/${id}` } })] : [],
      ),
    ],
  };
}

export const drawnConsent = (consent: RequestDrawn['consent']): Resource | undefined =>
  consent && {
    resourceType: 'Consent',
    provision: {
      type: 'permit',
      ...(consent.types.length > 0 ? { code: consent.types.map(coded) } : {}),
      ...(consent.years ? { dataPeriod: years(consent.years) } : {}),
      ...(consent.labels.length > 0 ? { securityLabel: consent.labels.map(drawnLabel) } : {}),
      ...(consent.not ? { provision: [{ type: 'deny', code: [coded(consent.not)] }] } : {}),
    },
  };

/** Levels from the least. */
const HEIGHT: Readonly<Record<string, number>> = { N: 0, R: 1, V: 2 };

const isWithin = (year: number | undefined, [first, last]: readonly [number, number]): boolean =>
  year !== undefined && year >= first && year <= last;
const isNarrow = ({ classCode }: RequestDrawn): boolean =>
  requesterClasses.get(classCode)!.minimumNecessary || classCode === 'court-order';
const isInError = ({ status, docStatus }: DocumentDrawn): boolean =>
  status === 'entered-in-error' || docStatus === 'entered-in-error';

/** The rules a second time, said of what was drawn: what a document is, and what was asked for. */
function scopeAgainst(document: DocumentDrawn, request: RequestDrawn, all: readonly DocumentDrawn[]): string[] {
  const { isOther, isDesk, isMachine, status, docStatus, type, year, visit, id } = document;
  const hasSuccessor = all.some(each => each.replaces === id && !isInError(each));
  const found: Readonly<Record<string, boolean>> = {
    'other-patient': isOther,
    'of-this-desk': isDesk,
    'machine-read': isMachine,
    'entered-in-error': isInError(document),
    superseded: status === 'superseded' || hasSuccessor,
    preliminary: docStatus === 'preliminary',
    'out-of-type': request.types.length > 0 && !request.types.includes(type),
    'out-of-period': request.years !== undefined && !isWithin(year, request.years),
    'other-encounter': request.visit !== undefined && visit !== request.visit,
    'minimum-necessary': isNarrow(request) && request.types.length === 0 && request.visit === undefined,
  };
  return Object.keys(found).filter(each => found[each]);
}

const heightOf = ({ level }: DocumentDrawn): number => HEIGHT[level ?? 'N']!;

function isReached(document: DocumentDrawn, consent: NonNullable<RequestDrawn['consent']>): boolean {
  const { types, not, labels } = consent;
  if (types.length > 0 && !types.includes(document.type)) return false;
  if (not === document.type) return false;
  if (consent.years && !isWithin(document.year, consent.years)) return false;
  const matches = labels.filter(each =>
    each in HEIGHT ? heightOf(document) <= HEIGHT[each]! : document.labels.includes(each),
  );
  return labels.length === 0 || matches.length > 0;
}

/** What its labels and the lack of an authorization say against it. */
function labelsAgainst(document: DocumentDrawn, { classCode, consent }: RequestDrawn): string[] {
  const { needs, withoutConsent } = requesterClasses.get(classCode)!;
  const isReaching = consent !== undefined && isReached(document, consent);
  const says = (...codes: readonly string[]): boolean =>
    isReaching && codes.some(each => consent.labels.includes(each));
  const isFree = (each: string): boolean => (withoutConsent as readonly string[]).includes(each);
  const { labels } = document;
  const found: Readonly<Record<string, boolean>> = {
    'not-authorized': (needs === 'authorization' || needs === 'directive') && !isReaching,
    restricted: heightOf(document) === 1 && !isFree('R') && !says('R', 'V', ...labels),
    'very-restricted': heightOf(document) === 2 && !isFree('V') && !says('V'),
    psychotherapy: labels.includes('PSYTHPN') && !isFree('PSYTHPN') && !says('PSYTHPN'),
    'part-2': labels.includes('42CFRPart2') && !isFree('42CFRPart2') && !says('42CFRPart2', 'SUD'),
    'withheld-from-patient': ['patient', 'representative', 'directed'].includes(classCode) && labels.includes('NOPAT'),
  };
  return Object.keys(found).filter(each => found[each]);
}

export function expectedOf(document: DocumentDrawn, request: RequestDrawn, all: readonly DocumentDrawn[]): string {
  const { id, decision } = document;
  const against = [...scopeAgainst(document, request, all), ...labelsAgainst(document, request)];
  if (decision === 'left-out') against.push('left-out');
  const mayYield = isNarrow(request) ? ['minimum-necessary'] : ['out-of-type', 'out-of-period', 'other-encounter'];
  const left = against.filter(each => decision !== 'taken-in' || !mayYield.includes(each));
  return `${id} ${left.length === 0 ? 'in' : 'out'} ${against.toSorted().join(' ')}`;
}
