/**
 * $everything: https://hl7.org/fhir/R4/operation-patient-everything.html,
 * https://hl7.org/fhir/R4/operation-encounter-everything.html, https://hl7.org/fhir/R4/operation-group-everything.html
 */
import assert from 'node:assert/strict';
import type { AuditEvent, Bundle, FhirResource } from 'fhir/r4.js';
import { before, it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';
import { linkOf, refusal, walk } from '../../support/talk.js';

const ACTIVE = {
  coding: [{ system: 'http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical', code: 'active' }],
};
const patient = { reference: 'Patient/p' };
const encounter = { reference: 'Encounter/e' };
const text = { text: 'x' };

const RECORD: readonly FhirResource[] = [
  { resourceType: 'Organization', id: 'o', name: 'Hospital' },
  { resourceType: 'Practitioner', id: 'dr' },
  { resourceType: 'Practitioner', id: 'stranger' },
  { resourceType: 'Medication', id: 'm', code: text },
  { resourceType: 'Patient', id: 'p', managingOrganization: { reference: 'Organization/o' } },
  { resourceType: 'Patient', id: 'q' },
  {
    resourceType: 'Encounter',
    id: 'e',
    status: 'finished',
    class: { code: 'AMB' },
    subject: patient,
    period: { start: '2020-03-01', end: '2020-03-02' },
    participant: [{ individual: { reference: 'Practitioner/dr' } }],
  },
  ...['2020-03-01', '2021-06-01', '2022-01-01'].map(
    (effectiveDateTime, i): FhirResource => ({
      resourceType: 'Observation',
      id: `obs${i}`,
      status: 'final',
      code: text,
      subject: patient,
      effectiveDateTime,
      ...(i === 0 ? { encounter } : {}),
    }),
  ),
  { resourceType: 'Observation', id: 'undated', status: 'final', code: text, subject: patient },
  { resourceType: 'AllergyIntolerance', id: 'a', patient, clinicalStatus: ACTIVE },
  { resourceType: 'Condition', id: 'c', subject: patient, encounter, onsetDateTime: '2020-03-01' },
  {
    resourceType: 'MedicationRequest',
    id: 'mr',
    status: 'active',
    intent: 'order',
    subject: patient,
    medicationReference: { reference: 'Medication/m' },
    authoredOn: '2021-06-01',
  },
  { resourceType: 'Observation', id: 'other', status: 'final', code: text, subject: { reference: 'Patient/q' } },
  {
    resourceType: 'Appointment',
    id: 'both',
    status: 'proposed',
    participant: [
      { actor: patient, status: 'accepted' },
      { actor: { reference: 'Patient/q' }, status: 'accepted' },
    ],
  },
  {
    resourceType: 'Group',
    id: 'g',
    type: 'person',
    actual: true,
    member: [{ entity: patient }, { entity: { reference: 'Patient/q' } }, { entity: { reference: 'Practitioner/dr' } }],
  },
];

const names = (bundle: Bundle): string[] =>
  (bundle.entry ?? []).map(
    ({ resource, search }) => `${search?.mode === 'include' ? '+' : ''}${resource?.resourceType}/${resource?.id}`,
  );

/** Everything of the patient, his own things first. */
const WHOLE = [
  '+Medication/m',
  '+Organization/o',
  '+Practitioner/dr',
  'AllergyIntolerance/a',
  'Appointment/both',
  'Condition/c',
  'Encounter/e',
  'Group/g',
  'MedicationRequest/mr',
  'Observation/obs0',
  'Observation/obs1',
  'Observation/obs2',
  'Observation/undated',
  'Patient/p',
];

onStoresInTurn(
  '$everything',
  stage => {
    let since = '';
    before(async () => {
      for (const resource of RECORD) assert.equal((await stage().talk.update(resource)).status, 201);
      await new Promise(done => setTimeout(done, 20));
      since = new Date().toISOString();
    });
    const ask = (path: string) => stage().talk.search(path);

    it('of a patient gives the patient first, the whole compartment, and what that refers to', async () => {
      const found = await ask('Patient/p/$everything');
      assert.equal(found.type, 'searchset');
      assert.equal(names(found)[0], 'Patient/p');
      // Patient/q is named by the appointment and the group.
      assert.deepEqual(names(found).toSorted(), [...WHOLE, '+Patient/q'].toSorted());
      assert.ok(
        found.entry?.every(({ fullUrl, resource }) => fullUrl?.endsWith(`/${resource?.resourceType}/${resource?.id}`)),
      );
    });

    it('of an encounter gives its compartment and what that refers to', async () => {
      const found = await ask('Encounter/e/$everything');
      assert.deepEqual(names(found).toSorted(), [
        '+Patient/p',
        '+Practitioner/dr',
        'Condition/c',
        'Encounter/e',
        'Observation/obs0',
      ]);
    });

    it('of a group gives the records of its patients, each resource once', async () => {
      const found = await ask('Group/g/$everything');
      assert.equal(names(found)[0], 'Group/g');
      assert.deepEqual(names(found).toSorted(), [...WHOLE, 'Observation/other', 'Patient/q'].toSorted());
    });

    it('start and end leave out what was done before and after', async () => {
      const observations = async (query: string) =>
        names(await ask(`Patient/p/$everything?${query}`))
          .filter(name => /Observation|Medication|Encounter/.test(name))
          .toSorted();
      assert.deepEqual(await observations('start=2021-01-01'), [
        '+Medication/m',
        'MedicationRequest/mr',
        'Observation/obs1',
        'Observation/obs2',
        'Observation/undated',
      ]);
      assert.deepEqual(await observations('start=2021-06-01&end=2021-06-01'), [
        '+Medication/m',
        'MedicationRequest/mr',
        'Observation/obs1',
        'Observation/undated',
      ]);
      assert.deepEqual(await observations('end=2020-12-31'), [
        'Encounter/e',
        'Observation/obs0',
        'Observation/undated',
      ]);
    });

    it('_type gives these types alone, _since what was updated since then', async () => {
      assert.deepEqual(names(await ask('Patient/p/$everything?_type=Observation,Practitioner')).toSorted(), [
        'Observation/obs0',
        'Observation/obs1',
        'Observation/obs2',
        'Observation/undated',
      ]);
      assert.deepEqual(names(await ask('Patient/p/$everything?_type=Encounter&_type=Practitioner')).toSorted(), [
        '+Practitioner/dr',
        'Encounter/e',
      ]);
      assert.deepEqual(names(await ask(`Patient/p/$everything?_since=${since}`)), []);
      const seen = { clinicalStatus: ACTIVE, note: [{ text: 'seen' }] };
      await stage().talk.update({ resourceType: 'AllergyIntolerance', id: 'a', patient, ...seen });
      assert.deepEqual(names(await ask(`Patient/p/$everything?_since=${since}`)), ['AllergyIntolerance/a']);
    });

    it('takes its parameters from a body, too', async () => {
      const body = JSON.stringify({
        resourceType: 'Parameters',
        parameter: [
          { name: '_type', valueCode: 'AllergyIntolerance' },
          { name: '_type', valueCode: 'Condition' },
          { name: 'start', valueDate: '2019-01-01' },
        ],
      });
      const reply = await stage().talk.send<Bundle>('POST', 'Patient/p/$everything', {
        headers: { 'content-type': 'application/fhir+json' },
        body,
      });
      assert.deepEqual(names(reply.body).toSorted(), ['AllergyIntolerance/a', 'Condition/c']);
    });

    for (const count of [1, 3, 100])
      it(`in pages of ${count} gives the same in the same order`, async () => {
        for (const path of ['Patient/p/$everything', 'Group/g/$everything', 'Encounter/e/$everything']) {
          const pages = await walk(stage().talk, await ask(`${path}?_count=${count}`));
          assert.ok(pages.every(({ entry = [] }) => entry.length <= count));
          assert.deepEqual(pages.flatMap(names), names(await ask(path)), path);
        }
      });

    it('is stable while others write: nothing twice, nothing of before missing', async () => {
      const { talk } = stage();
      const whole = names(await ask('Patient/p/$everything'));
      let page = await ask('Patient/p/$everything?_count=2');
      const seen = names(page);
      for (let round = 0; linkOf(page, 'next') !== undefined; round++) {
        await talk.update({
          resourceType: 'Observation',
          id: `late${round}`,
          status: 'final',
          code: text,
          subject: patient,
        });
        if (round > 0) await talk.delete(`Observation/late${round - 1}`);
        page = await ask(linkOf(page, 'next')!);
        seen.push(...names(page));
      }
      assert.equal(new Set(seen).size, seen.length);
      assert.deepEqual(
        whole.filter(name => !seen.includes(name)),
        [],
      );
      for (const name of seen.filter(each => each.includes('late'))) await talk.delete(name);
    });

    it('is the same as XML, gzip and pretty JSON; HEAD has no body', async () => {
      const { talk } = stage();
      const plain = await talk.get<Bundle>('Patient/p/$everything');
      assert.match(plain.header('content-type') ?? '', /fhir\+json/);
      const pretty = await talk.get<Bundle>('Patient/p/$everything?_pretty=true');
      assert.deepEqual(names(pretty.body), names(plain.body));
      const zipped = await talk.get<Bundle>('Patient/p/$everything', { 'accept-encoding': 'gzip' });
      assert.deepEqual(names(zipped.body), names(plain.body));
      const xml = await talk.get('Patient/p/$everything', { accept: 'application/fhir+xml' });
      assert.equal(xml.text.match(/<entry>/g)?.length, plain.body.entry?.length);
      const head = await talk.send('HEAD', 'Patient/p/$everything');
      assert.deepEqual([head.status, head.text], [200, '']);
    });

    it('refuses what it does not know, and what is not there', async () => {
      const { talk } = stage();
      const rows: readonly (readonly [string, number])[] = [
        ['Patient/p/$everything?nothing=1', 400],
        ['Patient/p/$everything?start=never', 400],
        ['Patient/p/$everything?_count=0', 400],
        ['Patient/p/$everything?_type=Nothing', 400],
        ['Patient/p/$everything?_page=forged', 400],
        ['Patient/never-was/$everything', 404],
        ['Observation/obs0/$everything', 404],
        ['Patient/$everything', 404],
      ];
      for (const [path, status] of rows) assert.equal(refusal(await talk.get(path)).status, status, path);
      await talk.update({ resourceType: 'Patient', id: 'gone' });
      await talk.delete('Patient/gone');
      assert.equal(refusal(await talk.get('Patient/gone/$everything')).status, 410);
    });

    it('has the bytes of documents and reports, as far as these are in it', async () => {
      const { talk } = stage();
      const subject = { reference: 'Patient/with-bytes' };
      const attachment = (id: string) => ({ contentType: 'text/plain', url: `Binary/${id}` });
      for (const id of ['bytes-1', 'bytes-2', 'bytes-3'])
        await talk.update({ resourceType: 'Binary', id, contentType: 'text/plain', data: 'QUJD' });
      const resources: readonly FhirResource[] = [
        { resourceType: 'Patient', id: 'with-bytes' },
        {
          resourceType: 'DocumentReference',
          id: 'with-bytes',
          status: 'current',
          subject,
          date: '2021-06-01T00:00:00Z',
          content: [{ attachment: attachment('bytes-1') }],
        },
        {
          resourceType: 'DiagnosticReport',
          id: 'with-bytes',
          status: 'final',
          code: text,
          subject,
          effectiveDateTime: '2020-06-01',
          presentedForm: [attachment('bytes-2')],
        },
      ];
      for (const resource of resources) assert.equal((await talk.update(resource)).status, 201);
      const bytes = async (query: string) =>
        names(await ask(`Patient/with-bytes/$everything${query}`)).filter(name => name.includes('Binary/'));
      assert.deepEqual(await bytes(''), ['+Binary/bytes-1', '+Binary/bytes-2']);
      assert.deepEqual(await bytes('?start=2021-01-01'), ['+Binary/bytes-1']);
      assert.deepEqual(await bytes('?_type=Patient,DocumentReference'), []);
      const pages = (await walk(talk, await ask('Patient/with-bytes/$everything?_count=2'))).flatMap(names);
      assert.deepEqual(
        pages.filter(name => name.includes('Binary/')),
        ['+Binary/bytes-1', '+Binary/bytes-2'],
      );
    });

    it('is recorded once for every patient of the question (AUD-1)', async () => {
      const { talk } = stage();
      await talk.get('Group/g/$everything', { 'x-request-id': 'everything-of-g' });
      for (const id of ['p', 'q']) {
        const events = await talk.search<AuditEvent>(
          `AuditEvent?patient=Patient/${id}&subtype=operation&_sort=-date&_count=1`,
        );
        assert.ok(
          events.entry?.[0]?.resource?.entity?.some(({ what }) => what?.identifier?.value === 'everything-of-g'),
        );
      }
    });
  },
  { config: { pageSize: '2' } },
);
