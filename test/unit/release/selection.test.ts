/**
 * What is given out: requests of all classes over documents of all kinds, each judged from what it was made of by rules that are written a second time; and rows for what no
 * coin decides. 45 CFR 164.502(b), 164.508(a)(2), 164.524(a)(1); 42 CFR 2.31
 */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { Resource } from '../../../src/fhir/resource.js';
import { documentKey } from '../../../src/features/release/coverage.js';
import { readReasonWords } from '../../../src/features/release/reasons.js';
import { readRequesterClasses } from '../../../src/features/release/requester-classes.js';
import { RELEASE_REASONS, selectDocuments } from '../../../src/features/release/selection.js';
import { depthOf } from '../../support/depth.js';
import { createRandom, type Random } from '../../support/random.js';

const folder = new URL('../../../../profiles/release/rules/', import.meta.url);
const classes = readRequesterClasses(new URL('requester-classes.json', folder));
const LOINC = 'http://loinc.org';
const ACT = 'http://terminology.hl7.org/CodeSystem/v3-ActCode';
const LEVELS = 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality';
const BASES = ['http://here.example/fhir'];
const TYPES = ['18842-5', '11506-3', '11488-4'] as const;
const VISITS = ['a', 'b'] as const;

interface DocumentDrawn {
  readonly id: string;
  readonly isOther: boolean;
  readonly status: 'current' | 'superseded' | 'entered-in-error';
  readonly docStatus: 'final' | 'preliminary' | 'entered-in-error' | undefined;
  readonly type: (typeof TYPES)[number];
  readonly year: number | undefined;
  readonly visit: (typeof VISITS)[number] | undefined;
  readonly level: 'N' | 'R' | 'V' | undefined;
  readonly labels: readonly string[];
  readonly onContent: boolean;
  readonly replaces: string | undefined;
  readonly decision: 'left-out' | 'taken-in' | undefined;
}
interface RequestDrawn {
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

function drawDocuments(random: Random): DocumentDrawn[] {
  return Array.from({ length: 12 }, (_, at) => ({
    id: `d${at}`,
    isOther: random.chance(0.05),
    status: random.chance(0.9) ? 'current' : random.pick(['superseded', 'entered-in-error']),
    docStatus: random.chance(0.8) ? 'final' : random.pick(['preliminary', 'entered-in-error', undefined]),
    type: random.pick(TYPES),
    year: maybe(random, 0.9, () => 2020 + random.below(6)),
    visit: maybe(random, 0.7, () => random.pick(VISITS)),
    level: random.chance(0.6) ? random.pick(['N', undefined]) : random.pick(['R', 'R', 'V']),
    labels: some(random, ['PSYTHPN', '42CFRPart2', 'NOPAT', 'HIV'], 0.1),
    onContent: random.chance(0.5),
    replaces: at > 0 && random.chance(0.08) ? `d${random.below(at)}` : undefined,
    decision: random.chance(0.7) ? undefined : random.pick(['left-out', 'taken-in', 'taken-in']),
  }));
}

function drawRequest(random: Random, classCode: string): RequestDrawn {
  return {
    classCode,
    types: some(random, TYPES, 0.4),
    years: maybe(random, 0.4, () => span(random)),
    visit: maybe(random, 0.2, () => random.pick(VISITS)),
    consent: maybe(random, 0.7, () => ({
      types: some(random, TYPES, 0.5),
      years: maybe(random, 0.3, () => span(random)),
      labels: some(random, ['N', 'R', 'V', '42CFRPart2', 'PSYTHPN', 'HIV', 'SUD'], 0.15),
      not: maybe(random, 0.2, () => random.pick(TYPES)),
    })),
  };
}

const coded = (code: string) => ({ coding: [{ system: LOINC, code }] });
const label = (code: string) => ({ system: code.length === 1 ? LEVELS : ACT, code });
const years = ([first, last]: readonly [number, number]) => ({ start: String(first), end: String(last) });

function documentOf(drawn: DocumentDrawn): Resource {
  const { id, isOther, status, docStatus, type, year, visit, level, labels, onContent, replaces } = drawn;
  const security = [...(level ? [level] : []), ...labels].map(label);
  return {
    resourceType: 'DocumentReference',
    id,
    ...(onContent ? { securityLabel: security.map(each => ({ coding: [each] })) } : { meta: { security } }),
    status,
    ...(docStatus ? { docStatus } : {}),
    type: coded(type),
    subject: { reference: isOther ? 'Patient/other' : 'Patient/1' },
    ...(year === undefined ? {} : { date: `${year}-06-15T12:00:00Z` }),
    ...(replaces ? { relatesTo: [{ code: 'replaces', target: { reference: `DocumentReference/${replaces}` } }] } : {}),
    content: [{ attachment: { contentType: 'text/plain' } }],
    ...(visit ? { context: { encounter: [{ reference: `${BASES[0]}/Encounter/${visit}` }] } } : {}),
  };
}

const input = (code: string, value: object, system = 'urn:chartroom:input') => ({
  type: { coding: [{ system, code }] },
  ...value,
});
function taskOf(
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

const consentOf = (consent: RequestDrawn['consent']): Resource | undefined =>
  consent && {
    resourceType: 'Consent',
    provision: {
      type: 'permit',
      ...(consent.types.length > 0 ? { code: consent.types.map(coded) } : {}),
      ...(consent.years ? { dataPeriod: years(consent.years) } : {}),
      ...(consent.labels.length > 0 ? { securityLabel: consent.labels.map(label) } : {}),
      ...(consent.not ? { provision: [{ type: 'deny', code: [coded(consent.not)] }] } : {}),
    },
  };

/** Levels from the least. */
const HEIGHT: Readonly<Record<string, number>> = { N: 0, R: 1, V: 2 };

const isWithin = (year: number | undefined, [first, last]: readonly [number, number]): boolean =>
  year !== undefined && year >= first && year <= last;
const isNarrow = ({ classCode }: RequestDrawn): boolean =>
  classes.get(classCode)!.minimumNecessary || classCode === 'court-order';
const isInError = ({ status, docStatus }: DocumentDrawn): boolean =>
  status === 'entered-in-error' || docStatus === 'entered-in-error';

/** The rules a second time, said of what was drawn: what a document is, and what was asked for. */
function scopeAgainst(document: DocumentDrawn, request: RequestDrawn, all: readonly DocumentDrawn[]): string[] {
  const { isOther, status, docStatus, type, year, visit, id } = document;
  const hasSuccessor = all.some(each => each.replaces === id && !isInError(each));
  const found: Readonly<Record<string, boolean>> = {
    'other-patient': isOther,
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
  const { needs, withoutConsent } = classes.get(classCode)!;
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

function expected(document: DocumentDrawn, request: RequestDrawn, all: readonly DocumentDrawn[]): string {
  const { id, decision } = document;
  const against = [...scopeAgainst(document, request, all), ...labelsAgainst(document, request)];
  if (decision === 'left-out') against.push('left-out');
  const mayYield = isNarrow(request) ? ['minimum-necessary'] : ['out-of-type', 'out-of-period', 'other-encounter'];
  const left = against.filter(each => decision !== 'taken-in' || !mayYield.includes(each));
  return `${id} ${left.length === 0 ? 'in' : 'out'} ${against.toSorted().join(' ')}`;
}

/** Judged by the function under test, in the words of `expected`. */
function judged(request: RequestDrawn, documents: readonly DocumentDrawn[]): string[] {
  const asked = { of: classes.get(request.classCode)!, task: taskOf(request, documents), bases: BASES };
  return selectDocuments({ ...asked, consent: consentOf(request.consent), documents: documents.map(documentOf) }).map(
    ({ document, isIn, reasons }) =>
      `${documentKey(document).split('/')[1]!} ${isIn ? 'in' : 'out'} ${reasons.toSorted().join(' ')}`,
  );
}

describe('the selection of documents for a release', () => {
  it('is what the rules say, of whatever is asked for by whomever', () => {
    const random = createRandom(20_261_130);
    const codes = [...classes.keys()];
    const met = new Set<string>();
    let [given, takenIn] = [0, 0];
    for (let at = 0; at < depthOf('RELEASES'); at++) {
      const request = drawRequest(random, codes[at % codes.length]!);
      const documents = drawDocuments(random);
      const found = judged(request, documents);
      assert.deepEqual(
        found,
        documents.map(each => expected(each, request, documents)),
        JSON.stringify({ at, request }),
      );
      for (const each of found) {
        const [, verdict, ...reasons] = each.trim().split(' ');
        if (verdict === 'in') given++;
        if (verdict === 'in' && reasons.length > 0) takenIn++;
        for (const reason of reasons) met.add(reason);
      }
    }
    // Each rule was met, and something went out, so that nothing holds of nothing.
    assert.deepEqual([...met].toSorted(), RELEASE_REASONS.toSorted());
    assert.ok(given > 50 && takenIn > 5, `${given} ${takenIn}`);
  });

  const plain: DocumentDrawn = {
    ...{ id: 'd0', isOther: false, status: 'current', docStatus: 'final', type: '18842-5', year: 2021, visit: 'a' },
    ...{ level: undefined, labels: [], onContent: false, replaces: undefined, decision: undefined },
  };
  const open = (classCode: string): RequestDrawn => ({
    ...{ classCode, types: ['18842-5'], years: undefined, visit: undefined, consent: undefined },
  });
  const select = (classCode: string, change: object, consent?: object) =>
    selectDocuments({
      of: classes.get(classCode)!,
      task: taskOf(open(classCode), []),
      consent: consent as Resource | undefined,
      documents: [{ ...documentOf(plain), ...change }],
      bases: BASES,
    })[0]!.reasons.join(' ');
  const permit = (provision: object) => ({ resourceType: 'Consent', provision: { type: 'permit', ...provision } });

  it('is of the patient whom the source of a document names, too', () => {
    const from = (reference: string) => ({ context: { sourcePatientInfo: { reference } } });
    assert.equal(select('patient', from('#p')), '');
    assert.equal(select('patient', from('Patient/1/_history/2')), '');
    assert.equal(select('patient', from(`${BASES[0]}/Patient/2`)), 'other-patient');
    assert.equal(select('patient', { subject: { display: 'Somebody' } }), 'other-patient');
  });

  it('goes by the higher of the labels of a document and its content, and by kinds of labels', () => {
    const meta = { security: [label('R')] };
    assert.equal(select('payer', { meta }), 'restricted');
    assert.equal(select('payer', { meta, securityLabel: [{ coding: [label('V')] }] }), 'very-restricted');
    const opioids = { meta: { security: [label('R'), label('OPIOIDUD')] } };
    assert.equal(select('attorney', opioids, permit({ securityLabel: [label('SUD')] })), '');
    assert.equal(select('attorney', opioids, permit({ securityLabel: [label('HIV')] })), 'not-authorized restricted');
    assert.equal(select('attorney', opioids, permit({})), 'restricted');
  });

  it('reaches what an authorization names, and nothing that it takes away', () => {
    const data = (meaning: string, reference: string) => ({ data: [{ meaning, reference: { reference } }] });
    const rows: readonly (readonly [object, string])[] = [
      [permit({}), ''],
      [{ resourceType: 'Consent' }, 'not-authorized'],
      [{ resourceType: 'Consent', provision: { type: 'deny' } }, 'not-authorized'],
      [permit(data('instance', 'DocumentReference/d0')), ''],
      [permit(data('instance', 'Encounter/a')), 'not-authorized'],
      [permit(data('related', 'Encounter/a')), ''],
      [permit(data('authoredby', 'Practitioner/1')), ''],
      [permit(data('authoredby', 'Practitioner/2')), 'not-authorized'],
      [permit({ class: [{ system: 'urn:ietf:bcp:13', code: 'text/plain' }] }), ''],
      [permit({ class: [{ system: 'urn:ietf:bcp:13', code: 'text/html' }] }), 'not-authorized'],
      [permit({ class: [{ code: 'DocumentReference' }] }), ''],
      [permit({ class: [{ code: 'Observation' }] }), 'not-authorized'],
      [permit({ dataPeriod: { start: '2021-06-16' } }), 'not-authorized'],
      [permit({ dataPeriod: { end: '2021-06-15' } }), ''],
      [permit({ provision: [{ type: 'deny', dataPeriod: { start: '2021-06-15' } }] }), 'not-authorized'],
      [permit({ provision: [{ type: 'deny', securityLabel: [label('R')] }] }), ''],
      [permit({ provision: [{ type: 'deny', securityLabel: [label('N')] }] }), 'not-authorized'],
    ];
    for (const [consent, reasons] of rows)
      assert.equal(
        select('attorney', { author: [{ reference: 'Practitioner/1' }] }, consent),
        reasons,
        JSON.stringify(consent),
      );
  });

  it('has words for each reason', () => {
    const words = readReasonWords(new URL('reasons.json', folder));
    assert.deepEqual([...words.keys()], RELEASE_REASONS);
    assert.throws(() => readReasonWords(new URL('letters.json', folder)), /other-patient/);
  });
});
