/**
 * Releases of all classes over documents of all kinds, each led over HTTP to its end or to where it stops: what goes out is what rules that are written a second time
 * say (test/support/release-world.ts), and a release has one event of a disclosure, which nothing else has; also where something changes before the release, or
 * in the same moment. Some documents are scans that a command has read: their texts follow them in everything, and never go out.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AuditEvent, DocumentReference, FhirResource, List, ParametersParameter, Task } from 'fhir/r4.js';
import { it } from 'mocha';
import { textIdOf } from '../../src/features/intake/machine-text/machine-text.js';
import { realPause } from '../../src/platform/real-time.js';
import { onStoresInTurn } from '../support/both-stores.js';
import { depthOf } from '../support/depth.js';
import { createRandom, type Random } from '../support/random.js';
import { recordsAsked, runOn } from '../support/records-request.js';
import { documentRead, documentsTold, jobEnded, outputsOf } from '../support/release-story.js';
import {
  type DocumentDrawn,
  drawDocuments,
  drawnConsent,
  drawnDocument,
  drawRequest,
  expectedOf,
  type RequestDrawn,
  requesterClasses,
} from '../support/release-world.js';
import { aPdf } from '../support/scans.js';
import { timeFrom } from '../support/stepped-time.js';
import type { Talk } from '../support/talk.js';
import { bearerOf, tokenFile } from '../support/tokens.js';
import { lead, workStateOf } from '../support/work.js';

const CHOOSES = bearerOf('wanda');
const CONFIRMS = bearerOf('admin');
const LOINC = 'http://loinc.org';
const script = join(mkdtempSync(join(tmpdir(), 'chartroom-releases-')), 'reads.mjs');
writeFileSync(script, `process.stdout.write('Words that a machine has read.');`);
const scannedPage = aPdf(['BT ET']).toString('base64');
const words = Buffer.from('MRN: MRN-1\nWords.').toString('base64');

interface DrawnRelease {
  readonly patient: string;
  readonly request: RequestDrawn;
  readonly documents: readonly DocumentDrawn[];
}

/** As they are written for a patient of their own. */
function placed(resource: object, patient: string): FhirResource {
  const text = JSON.stringify(resource)
    .replaceAll('http://here.example/fhir/', '')
    .replaceAll('DocumentReference/d', `DocumentReference/${patient}-d`)
    .replaceAll('Patient/1"', `Patient/${patient}"`);
  return JSON.parse(text) as FhirResource;
}

/** Whether every element holds that a Consent must have, by what was drawn of it. */
function holds({ consent, classCode }: RequestDrawn): boolean {
  if (!consent) return false;
  const { needs } = requesterClasses.get(classCode)!;
  if (needs === 'directive') return true;
  const { types, years, labels } = consent;
  const isDescribed = types.length > 0 || years !== undefined || labels.length > 0;
  const isClean = !labels.includes('PSYTHPN') || (labels.length === 1 && types.length === 0);
  return isClean && (isDescribed || needs === 'authorization');
}
const isPermittedBy = (classCode: string): boolean =>
  ['authorization', 'directive'].includes(requesterClasses.get(classCode)!.needs);

const consentResource = ({ patient, request }: DrawnRelease, status: 'active' | 'inactive'): FhirResource => {
  const whose = { reference: `Patient/${patient}` };
  const { provision } = drawnConsent(request.consent) as { provision?: object };
  return {
    ...{ resourceType: 'Consent', id: `consent-${patient}`, status, patient: whose, performer: [whose] },
    scope: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }] },
    category: [{ coding: [{ system: LOINC, code: '64292-6' }] }],
    ...{ dateTime: '2026-02-01', organization: [{ display: 'This house' }] },
    ...{ sourceAttachment: { title: 'The signed paper' }, policy: [{ uri: 'urn:form' }] },
    provision: {
      ...provision,
      type: 'permit',
      period: { end: '2026-12-31' },
      actor: [
        {
          role: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType', code: 'IRCP' }] },
          reference: { reference: 'Organization/law', display: 'Doe & Partners' },
        },
      ],
      purpose: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActReason', code: 'HLEGAL' }],
    },
  };
};

/** What is stored of those that could be: their labels are those that the server has given them, too. */
async function writeWorld(
  talk: Talk,
  { patient, request, documents }: DrawnRelease,
): Promise<readonly DocumentDrawn[]> {
  const made = await talk.update(
    {
      ...{ resourceType: 'Patient', id: patient, name: [{ family: 'Lindqvist' }], birthDate: '1970-02-03' },
      identifier: [{ system: 'urn:mrn', value: 'MRN-1' }],
    },
    CONFIRMS,
  );
  assert.equal(made.status, 201, made.text);
  if (request.consent) {
    const reply = await talk.update(consentResource({ patient, request, documents }, 'active'), CONFIRMS);
    assert.equal(reply.status, 201, reply.text);
  }
  const stored: DocumentDrawn[] = [];
  for (const drawn of documents) {
    const { isMachine, ...scan } = drawn;
    const data = isMachine ? scannedPage : words;
    const contentType = isMachine ? 'application/pdf' : 'text/plain';
    const written = drawnDocument({ ...scan, isMachine: false });
    const shown = { ...written, content: [{ attachment: { contentType, data } }] };
    const tag = isMachine ? { tag: [{ system: 'urn:chartroom:machine-text', code: 'wanted' }] } : {};
    const meta = { ...(written['meta'] as object), ...tag };
    const resource = { ...placed({ ...shown, meta }, patient), id: nameIn(patient, drawn) };
    // What replaces a document that cannot be replaced is refused.
    if ((await talk.update(resource, CONFIRMS)).status !== 201) continue;
    stored.push({ ...drawn, isMachine: false });
    const text = isMachine ? await textRead(talk, resource.id, drawn) : undefined;
    if (text) stored.push(text);
  }
  return Promise.all(stored.map(drawn => asStored(talk, patient, drawn)));
}

const nameIn = (patient: string, { id }: Pick<DocumentDrawn, 'id'>): string =>
  id.startsWith('machine-text-') ? id : `${patient}-${id}`;

/** The text of a scan when it has been read; undefined: it is none that is. It says when it was read. */
async function textRead(talk: Talk, scan: string, drawn: DocumentDrawn): Promise<DocumentDrawn | undefined> {
  for (let looks = 0; looks < 2000; looks++) {
    const { body } = await talk.get<DocumentReference>(`DocumentReference/${scan}`, CONFIRMS);
    const id = textIdOf(scan);
    if (!body.meta?.tag?.some(({ code }) => code === 'wanted')) {
      if ((await talk.get(`DocumentReference/${id}`, CONFIRMS)).status === 404) return undefined;
      // To take it in is refused, whoever asks for it.
      return { ...drawn, id, isMachine: true, year: 2026, replaces: undefined, decision: drawn.decision && 'taken-in' };
    }
    await realPause(20);
  }
  throw new Error('Nobody has read it.');
}

async function asStored(talk: Talk, patient: string, drawn: DocumentDrawn): Promise<DocumentDrawn> {
  const { body } = await talk.get<DocumentReference>(`DocumentReference/${nameIn(patient, drawn)}`, CONFIRMS);
  const codes = [
    ...(body.meta?.security ?? []),
    ...(body.securityLabel ?? []).flatMap(({ coding }) => coding ?? []),
  ].map(({ code }) => code ?? '');
  const level = (['V', 'R', 'N'] as const).find(each => codes.includes(each));
  return { ...drawn, status: body.status, level, labels: codes.filter(each => each.length > 1) };
}

const askedFor = ({ patient, request }: DrawnRelease): ParametersParameter[] => [
  ...recordsAsked(
    { name: 'requester-class', valueCode: request.classCode },
    { name: 'requester', valueString: 'Doe & Partners' },
    { name: 'patient', valueReference: { reference: `Patient/${patient}` } },
    { name: 'purpose', valueCode: 'HLEGAL' },
    { name: 'delivery', valueCode: 'mail' },
    { name: 'address', valueString: '1 Court Street' },
  ),
  { name: 'requester-reference', valueReference: { reference: 'Organization/law' } },
  { name: 'format', valueCode: 'zip' },
  { name: 'evidence', valueReference: { reference: 'DocumentReference/papers' } },
  ...request.types.map(code => ({ name: 'type', valueCoding: { system: LOINC, code } })),
  ...(request.years
    ? [
        { name: 'start', valueDate: String(request.years[0]) },
        { name: 'end', valueDate: String(request.years[1]) },
      ]
    : []),
  ...(request.visit === undefined
    ? []
    : [{ name: 'encounter', valueReference: { reference: `Encounter/${request.visit}` } }]),
  ...(request.consent ? [{ name: 'authorization', valueReference: { reference: `Consent/consent-${patient}` } }] : []),
];

/** Whether it may be looked for: everything that a person must look at is confirmed. */
async function accepted(talk: Talk, id: string): Promise<boolean> {
  for (const name of ['log', 'identify']) {
    const reply = await lead(talk, id, { name, reason: 'Papers.' }, CHOOSES);
    assert.equal(reply.status, 200, reply.text);
  }
  const { body } = await runOn(talk, `${id}/$check-authorization`, [], CHOOSES);
  const told = body.parameter!.flatMap(({ part }) =>
    part ? [[part[0]!.valueCode!, part[1]!.valueCode!] as const] : [],
  );
  const open = told
    .filter(([, verdict]) => verdict === 'look')
    .map(([valueCode]) => ({ name: 'confirmed', valueCode }));
  const isDeficient = told.some(([, verdict]) => verdict === 'missing' || verdict === 'wrong');
  if (open.length > 0 && !isDeficient) await runOn(talk, `${id}/$check-authorization`, open, CHOOSES);
  return (await lead(talk, id, { name: 'accept' }, CHOOSES)).status === 200;
}

const decisionOf = (patient: string, drawn: DocumentDrawn): ParametersParameter => ({
  name: drawn.decision === 'left-out' ? 'leave-out' : 'take-in',
  part: [
    { name: 'document', valueReference: { reference: `DocumentReference/${nameIn(patient, drawn)}` } },
    { name: 'reason', valueString: 'So it was decided.' },
  ],
});

type Change = 'none' | 'revoke' | 'label' | 'retract';

/** Ids of what goes out, by the oracle. */
const goingOut = (request: RequestDrawn, documents: readonly DocumentDrawn[]): readonly string[] =>
  documents
    .filter(each => expectedOf(each, request, documents).split(' ')[1] === 'in')
    .map(({ id }) => id)
    .toSorted();

async function write(talk: Talk, release: DrawnRelease, change: Change, chosen: string): Promise<void> {
  if (change === 'none') return;
  if (change === 'revoke') {
    if (release.request.consent) await talk.update(consentResource(release, 'inactive'), CONFIRMS);
    return;
  }
  const { body } = await talk.get<DocumentReference>(`DocumentReference/${release.patient}-${chosen}`, CONFIRMS);
  const security = [{ system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'V' }];
  const changed =
    change === 'label' ? { ...body, meta: { security } } : { ...body, status: 'entered-in-error' as const };
  const { status, text } = await talk.update(changed, CONFIRMS);
  assert.equal(status, 200, text);
}

/** Whether it may still go when it has changed so. */
function mayGo({ request, documents }: DrawnRelease, change: Change, going: readonly string[]): boolean {
  if (change === 'none') return true;
  if (change !== 'revoke') return false;
  if (isPermittedBy(request.classCode)) return false;
  const left = new Set(goingOut({ ...request, consent: undefined }, documents));
  return going.every(each => left.has(each));
}

onStoresInTurn(
  'generated releases',
  (stage, store) => {
    let textsMet = 0;
    const disclosures = async (patient: string): Promise<readonly AuditEvent[]> => {
      const found = await stage().talk.search<AuditEvent>(
        `AuditEvent?type=http://dicom.nema.org/resources/ontology/DCM|110106&patient=Patient/${patient}`,
        CONFIRMS,
      );
      return (found.entry ?? []).map(({ resource }) => resource!);
    };

    async function lead1(random: Random, patient: string, classCode: string): Promise<'released' | 'stopped'> {
      const { talk } = stage();
      const drawn = drawRequest(random, classCode);
      const asDrawn = drawDocuments(random, 6).map(each => ({ ...each, isMachine: random.chance(0.2) }));
      const world = { patient, request: drawn, documents: asDrawn };
      const stored = await writeWorld(talk, world);
      const request: RequestDrawn = holds(drawn) ? drawn : { ...drawn, consent: undefined };
      const begun = await runOn<Task>(talk, '$request-records', askedFor(world), CHOOSES);
      assert.equal(begun.status, 201, begun.text);
      const id = begun.body.id!;
      const isAccepted = !isPermittedBy(classCode) || request.consent !== undefined;
      assert.equal(await accepted(talk, id), isAccepted, JSON.stringify(drawn));
      if (!isAccepted) return stoppedWithout(patient, id);
      await textsPreviewed(id, request, stored);
      // What nobody may take in is taken in by nobody.
      const isRefused = (each: DocumentDrawn): boolean =>
        each.decision === 'taken-in' && !goingOut(request, stored).includes(each.id);
      const strange = stored.find(isRefused);
      if (strange)
        assert.equal((await runOn(talk, `${id}/$release-select`, [decisionOf(patient, strange)], CHOOSES)).status, 422);
      const documents = stored.map(each => (isRefused(each) ? { ...each, decision: undefined } : each));
      const going = goingOut(request, documents);
      const decisions = documents
        .filter(({ decision }) => decision !== undefined)
        .map(each => decisionOf(patient, each));
      const chosen = await runOn(talk, `${id}/$release-select`, decisions, CHOOSES);
      if (going.length === 0) {
        assert.match(chosen.text, /nothing-selected/);
        return stoppedWithout(patient, id);
      }
      assert.equal(chosen.status, 200, chosen.text);
      const told = documentsTold(chosen.body);
      assert.deepEqual(idsOf(patient, told), going, JSON.stringify({ request, documents }));
      const confirmed = await runOn(
        talk,
        `${id}/$release-confirm`,
        told.map(each => documentRead(each)),
        CONFIRMS,
      );
      assert.equal(confirmed.status, 200, confirmed.text);
      const ended = await jobEnded(talk, await runOn(talk, `${id}/$release-package`, [], CHOOSES), CHOOSES);
      assert.equal(ended.status, 200, ended.text);
      const wanted: Change = random.chance(0.5) ? 'none' : random.pick(['revoke', 'label', 'retract']);
      const isRace = random.chance(0.3);
      const release = { patient, request, documents };
      const picked = random.pick(going);
      // What has the label already is not changed by it: labels are added up.
      const isSo = documents.some(({ id: one, level, onContent }) => one === picked && level === 'V' && !onContent);
      const changed = write(talk, release, wanted, picked);
      const change = wanted === 'label' && isSo ? 'none' : wanted;
      if (!isRace) await changed;
      const [{ status, text }] = await Promise.all([runOn<Task>(talk, `${id}/$release`, [], CHOOSES), changed]);
      const may = mayGo(release, change, going);
      assert.ok(status === 200 || status === 422, text);
      // What changes in the same moment comes before it, or behind it.
      if (!isRace || may) assert.equal(status === 200, may, `${change} ${text}`);
      return status === 200 ? releasedWith(patient, id, told) : stoppedWithout(patient, id);
    }

    /** What is told of texts that a machine has read. */
    async function textsPreviewed(id: string, request: RequestDrawn, stored: readonly DocumentDrawn[]): Promise<void> {
      const texts = stored.filter(({ isMachine }) => isMachine);
      if (texts.length === 0) return;
      textsMet += texts.length;
      const { body } = await runOn(stage().talk, `${id}/$release-preview`, [], CHOOSES);
      const told = (body.parameter ?? []).flatMap(({ name, part = [] }) => {
        if (name !== 'document') return [];
        const verdict = part.find(each => each.name === 'verdict')?.valueCode;
        const reasons = part.flatMap(each => (each.name === 'reason' ? (each.valueCoding?.code ?? []) : []));
        const of = part[0]!.valueReference!.reference!.split('/')[1]!;
        return [`${of} ${verdict} ${reasons.toSorted().join(' ')}`];
      });
      const undecided = texts.map(each => ({ ...each, decision: undefined }));
      for (const each of undecided) {
        const expected = expectedOf(each, request, undecided);
        // Those of another patient are not looked at.
        assert.equal(told.includes(expected), !each.isOther, `${expected}\n${told.join('\n')}`);
      }
    }

    const idsOf = (patient: string, references: readonly string[]): readonly string[] =>
      references.map(each => each.split('/')[1]!.slice(patient.length + 1)).toSorted();

    async function stoppedWithout(patient: string, id: string): Promise<'stopped'> {
      assert.deepEqual(await disclosures(patient), []);
      const { body } = await stage().talk.get<Task>(`Task/${id}`, CHOOSES);
      assert.notEqual(workStateOf(body), 'released');
      return 'stopped';
    }

    async function releasedWith(patient: string, id: string, told: readonly string[]): Promise<'released'> {
      const { talk } = stage();
      const [event, ...others] = await disclosures(patient);
      assert.deepEqual(others, []);
      const named = event!
        .entity!.flatMap(({ what }) => what?.reference ?? [])
        .filter(each => each.startsWith('DocumentReference/'));
      assert.deepEqual(named.toSorted(), told.toSorted());
      const { body } = await talk.get<Task>(`Task/${id}`, CHOOSES);
      assert.equal(workStateOf(body), 'released');
      const { body: list } = await talk.get<List>(
        outputsOf(body, 'frozen-set')[0]!.valueReference!.reference!,
        CONFIRMS,
      );
      assert.deepEqual((list.entry ?? []).map(({ item }) => item.reference ?? '').toSorted(), told.toSorted());
      return 'released';
    }

    it('give out what the rules say, tell each disclosure, and nothing else', async () => {
      const random = createRandom(store.length + 20_261_201);
      const codes = [...requesterClasses.keys()];
      const ends: string[] = [];
      for (let at = 0; at < depthOf('RELEASED'); at++)
        ends.push(await lead1(random, `${store}${at}`, codes[random.below(codes.length)]!));
      const released = ends.filter(each => each === 'released').length;
      // Nothing holds of nothing.
      assert.ok(released > 0 && released < ends.length && textsMet > 0, `${textsMet} ${ends.join()}`);
      if (process.env['CHARTROOM_TEST_DEPTH'] === 'full')
        process.stderr.write(`      ${released} of ${ends.length} were released\n`);
    });
  },
  {
    time: timeFrom(Date.UTC(2026, 2, 10, 12)),
    config: {
      ocr: JSON.stringify([process.execPath, script]),
      auth: 'token',
      tokens: tokenFile({ wanda: 'writer', admin: 'admin' }),
    },
    set: async ({ talk }) => {
      for (const resource of [
        { resourceType: 'Organization', id: 'law', name: 'Doe & Partners' },
        { resourceType: 'Patient', id: 'other' },
        { resourceType: 'Encounter', id: 'a', status: 'finished', class: { code: 'AMB' } },
        { resourceType: 'Encounter', id: 'b', status: 'finished', class: { code: 'AMB' } },
        {
          resourceType: 'DocumentReference',
          id: 'papers',
          status: 'current',
          content: [{ attachment: { contentType: 'text/plain', data: words } }],
        },
      ] as const)
        await talk.update(resource as FhirResource, CONFIRMS);
    },
  },
);
