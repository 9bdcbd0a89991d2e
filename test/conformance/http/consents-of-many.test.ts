/**
 * Consents of more patients than a query names: rows are looked at, and totals, pages and what a chain tells are those of what is left. And
 * implicit policies, by which most patients are hidden. https://profiles.ihe.net/ITI/PCF/
 */
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import type { Bundle, FhirResource, Observation, Parameters } from 'fhir/r4.js';
import { after, before, describe, it } from 'mocha';
import { onStoresInTurn, type Stage, storesInTurn } from '../../support/both-stores.js';
import { as, confidential, identifyAs, privacyConsent, purpose, TPO } from '../../support/consents.js';
import { newStore, startServer } from '../../support/server.js';
import { linkOf, type Talk, talkTo } from '../../support/talk.js';

const PATIENTS = 260;
const idOf = (n: number) => `p${String(n).padStart(3, '0')}`;
const PRINCIPALS = {
  owner: { name: 'owner', role: 'admin' },
  doctor: { name: 'doctor', role: 'clinician', fhirUser: 'Practitioner/d' },
  lead: { name: 'lead', role: 'clinician', fhirUser: 'Practitioner/l' },
  officer: { name: 'officer', role: 'privacy-officer' },
  patient: { name: 'patient', role: 'patient', patient: 'none', fhirUser: 'Patient/none' },
} as const;

/** Of three of four patients a denial. */
const isDenied = (n: number): boolean => n % 4 !== 0;
const observationOf = (n: number): Observation & { id: string } => ({
  resourceType: 'Observation',
  id: `o${n}`,
  status: 'final',
  code: { text: 'x' },
  subject: { reference: `Patient/${idOf(n)}` },
});
function resourcesOf(n: number): readonly (FhirResource & { id: string })[] {
  return [
    { resourceType: 'Patient', id: idOf(n), gender: 'other' },
    observationOf(n),
    ...(isDenied(n) ? [privacyConsent(`c${n}`, idOf(n), { type: 'deny', purpose: TPO })] : []),
  ];
}

const load = async (talk: Talk, resources: readonly (FhirResource & { id: string })[]): Promise<void> => {
  const entry = resources.map(resource => ({
    resource,
    request: { method: 'PUT' as const, url: `${resource.resourceType}/${resource.id}` },
  }));
  const reply = await talk.send('POST', '', {
    headers: { ...as('owner'), 'content-type': 'application/fhir+json' },
    body: JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry }),
  });
  assert.equal(reply.status, 200, reply.text);
};

const set = async ({ server, talk }: Stage): Promise<void> => {
  Object.assign(server.engine, { identify: identifyAs(PRINCIPALS) });
  await load(talk, Array.from({ length: PATIENTS }, (_, n) => resourcesOf(n)).flat());
  for (const n of [0, 1])
    await load(talk, [
      {
        resourceType: 'Bundle',
        id: `b${n}`,
        type: 'collection',
        entry: [
          {
            fullUrl: `urn:uuid:c0000000-0000-4000-8000-00000000000${n}`,
            resource: observationOf(n),
          },
        ],
      },
    ]);
};

const left = Array.from({ length: PATIENTS }, (_, n) => n).filter(n => !isDenied(n));

onStoresInTurn(
  'Consents of hundreds of patients',
  stage => {
    it('leave exact totals and whole pages', async () => {
      const { talk } = stage();
      const { total } = await talk.search('Observation?_summary=count', as('doctor'));
      assert.equal(total, left.length);
      const found: string[] = [];
      let page: Bundle = await talk.search('Observation?_count=20&_total=accurate', as('doctor'));
      assert.equal(page.total, left.length);
      for (;;) {
        const next = linkOf(page, 'next');
        found.push(...(page.entry ?? []).map(({ resource }) => resource!.id!));
        if (next === undefined) break;
        assert.equal(page.entry!.length, 20);
        page = (await talk.get<Bundle>(next, as('doctor'))).body;
      }
      assert.deepEqual(found.toSorted(), left.map(n => `o${n}`).toSorted());
    });

    it('bind chains and what is included', async () => {
      const { talk } = stage();
      const chained = await talk.search('Observation?patient.gender=other&_summary=count', as('doctor'));
      assert.equal(chained.total, left.length);
      const has = await talk.search('Patient?_has:Observation:patient:status=final&_summary=count', as('doctor'));
      assert.equal(has.total, left.length);
      const included = await talk.search(`Observation?_id=o0,o1&_include=Observation:patient`, as('doctor'));
      assert.deepEqual(included.entry!.map(({ resource }) => resource!.id!).toSorted(), ['o0', idOf(0)]);
    });

    it('bind Bundles that hold what is about a patient', async () => {
      const { talk } = stage();
      assert.equal((await talk.get('Bundle/b0', as('doctor'))).status, 200);
      assert.equal((await talk.get('Bundle/b1', as('doctor'))).status, 404);
      const { entry = [], total } = await talk.search('Bundle?type=collection', as('doctor'));
      assert.deepEqual([entry.map(({ resource }) => resource!.id), total], [['b0'], 1]);
    });

    it('bind Bundles that hold a Patient, however it is written', async () => {
      const { talk } = stage();
      const heldAs: Readonly<Record<string, (id: string) => string>> = {
        plain: id => `{"resourceType":"Patient","id":"${id}"}`,
        turned: id => `{"id":"${id}","resourceType":"Patient"}`,
        apart: id => `{"resourceType":"Patient","active":true,"name":[{"family":"x"}],"id":"${id}"}`,
        escaped: id =>
          String.raw`{"resourceTyp\u0065":"P\u0061tient","\u0069d":"${id.replace('p', String.raw`\u0070`)}"}`,
        referred: id =>
          String.raw`{"resourceType":"Basic","code":{"text":"x"},"subject":{"reference":"P\u0061tient\/${id}"}}`,
      };
      const seen: string[] = [];
      for (const [how, held] of Object.entries(heldAs))
        for (const n of [0, 1]) {
          const stored = await talk.send('POST', 'Bundle', {
            headers: { ...as('owner'), 'content-type': 'application/fhir+json' },
            body: `{"resourceType":"Bundle","type":"collection","entry":[{"fullUrl":"urn:uuid:c0000000-0000-4000-8000-000000000009","resource":${held(idOf(n))}}]}`,
          });
          assert.equal(stored.status, 201, stored.text);
          const { id } = stored.body as FhirResource & { id: string };
          if ((await talk.get(`Bundle/${id}`, as('doctor'))).status !== 404) seen.push(`${how} ${n}`);
          assert.equal((await talk.delete(`Bundle/${id}`, as('owner'))).status, 204);
        }
      assert.deepEqual(
        seen,
        Object.keys(heldAs).map(how => `${how} 0`),
      );
    });
  },
  { set },
);

const PERMITTED = ['said-yes', 'yes-restricted'];
const SEEN: Readonly<Record<string, readonly string[]>> = {
  deny: PERMITTED,
  'break-glass-only': PERMITTED,
  'all-normal': [...PERMITTED, 'silent', 'elsewhere'],
  'basic-normal': [...PERMITTED, 'silent', 'elsewhere'],
};
const REASON = 'Unconscious, allergies unknown';
/** Stands in an element that is more confidential than its resource. */
const RESTRICTED = 'canary';

for (const store of storesInTurn(1))
  describe(`implicit policies (${store})`, () => {
    for (const [consent, expected] of Object.entries(SEEN)) {
      describe(consent, () => {
        let talk: Talk;
        let stop: (() => Promise<void>) | undefined;
        before(async function () {
          const server = await startServer({ store: await newStore(this, store), config: { consent } });
          stop = () => server.stop();
          talk = talkTo(server.base);
          Object.assign(server.engine, { identify: identifyAs(PRINCIPALS) });
          const of = (id: string, patient: string, restricted: boolean): Observation & { id: string } => ({
            resourceType: 'Observation',
            id,
            ...(restricted
              ? {
                  meta: {
                    security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'R' }],
                  },
                }
              : {}),
            status: 'final',
            code: { text: 'x' },
            subject: { reference: `Patient/${patient}` },
            note: [
              {
                extension: [
                  {
                    url: 'http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label',
                    valueCoding: confidential('R'),
                  },
                ],
                text: RESTRICTED,
              },
            ],
          });
          await load(talk, [
            { resourceType: 'Patient', id: 'yes' },
            { resourceType: 'Patient', id: 'none' },
            { resourceType: 'Patient', id: 'for-others' },
            of('said-yes', 'yes', false),
            of('yes-restricted', 'yes', true),
            of('silent', 'none', false),
            of('silent-restricted', 'none', true),
            of('elsewhere', 'for-others', false),
            privacyConsent('c', 'yes', { type: 'permit', purpose: TPO }),
            privacyConsent('e', 'for-others', { type: 'permit', purpose: [purpose('HRESCH')] }),
          ]);
        });
        after(() => stop?.());

        it('hold where no Consent speaks', async () => {
          const { entry = [], total } = await talk.search('Observation', as('doctor'));
          assert.deepEqual(entry.map(({ resource }) => resource!.id!).toSorted(), [...expected].toSorted());
          assert.equal(total, expected.length);
          for (const id of ['said-yes', 'yes-restricted', 'silent', 'silent-restricted'])
            assert.equal(
              (await talk.get(`Observation/${id}`, as('doctor'))).status,
              expected.includes(id) ? 200 : 404,
              id,
            );
        });

        it('leave the notice of a broken glass to those who care, and its review to who reviews', async () => {
          const reply = await talk.send<Parameters>('POST', 'Patient/none/$break-glass', {
            headers: { ...as('doctor'), 'content-type': 'application/fhir+json' },
            body: JSON.stringify({ resourceType: 'Parameters', parameter: [{ name: 'reason', valueString: REASON }] }),
          });
          assert.equal(reply.status, 200, reply.text);
          for (const [name, isSeen] of [
            ['notice', expected.includes('silent')],
            ['review', false],
          ] as const) {
            const path = reply.body.parameter!.find(each => each.name === name)!.valueString!;
            const seen = async (who: keyof typeof PRINCIPALS) => (await talk.get(path, as(who))).status;
            assert.deepEqual(
              [await seen('lead'), await seen('patient'), await seen('officer')],
              [isSeen ? 200 : 404, 404, 200],
              path,
            );
            const { text } = await talk.get(path, as('officer'));
            assert.equal(text.includes(REASON), name === 'review');
          }
          assert.equal((await talk.get('Patient/none', as('patient'))).status, 200);
        });

        it('hold of single elements, too, where the Consent of the patient is for others', async () => {
          const { entry = [] } = await talk.search<Observation>('Observation', as('doctor'));
          const withIt = entry.filter(({ resource }) => resource!.note?.some(({ text }) => text === RESTRICTED));
          assert.deepEqual(withIt.map(({ resource }) => resource!.id!).toSorted(), PERMITTED);
        });
      });
    }
  });

describe('Consents of two servers on one MongoDB database', () => {
  const talks: Talk[] = [];
  const stops: (() => Promise<void>)[] = [];
  before(async function () {
    const url = await newStore(this, 'mongo');
    for (let i = 0; i < 2; i++) {
      const server = await startServer({ store: url });
      Object.assign(server.engine, { identify: identifyAs(PRINCIPALS) });
      stops.push(() => server.stop());
      talks.push(talkTo(server.base));
    }
    await load(talks[0]!, [{ resourceType: 'Patient', id: 'p' }]);
  });
  after(() => Promise.all(stops.map(stop => stop())));

  it('bind both, where one was told', async () => {
    const [one, other] = talks as [Talk, Talk];
    const status = async (talk: Talk): Promise<number> => (await talk.get('Patient/p', as('doctor'))).status;
    const until = async (talk: Talk, expected: number): Promise<void> => {
      while ((await status(talk)) !== expected) await pause(5);
    };
    for (const [type, expected] of [
      ['deny', 404],
      ['permit', 200],
    ] as const) {
      const { status: stored } = await one.update(privacyConsent('c', 'p', { type }), as('owner'));
      assert.ok(stored < 300);
      assert.equal(await status(one), expected, 'at once where it was told');
      await until(other, expected);
    }
  });
});
