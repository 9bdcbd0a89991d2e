/** What becomes of writes that break rules beyond structure: https://hl7.org/fhir/R4/validation.html */
import assert from 'node:assert/strict';
import type { Bundle, Encounter, OperationOutcome, Patient, StructureDefinition } from 'fhir/r4.js';
import { it } from 'mocha';
import { onStoresInTurn, type Stage } from '../../support/both-stores.js';
import { refusal, type Reply } from '../../support/talk.js';

const URL_OF = 'http://example.org/StructureDefinition/born';
const profile: StructureDefinition = {
  resourceType: 'StructureDefinition',
  id: 'born',
  url: URL_OF,
  name: 'Born',
  status: 'active',
  kind: 'resource',
  abstract: false,
  type: 'Patient',
  baseDefinition: 'http://hl7.org/fhir/StructureDefinition/Patient',
  derivation: 'constraint',
  differential: {
    element: [
      { id: 'Patient', path: 'Patient' },
      { id: 'Patient.birthDate', path: 'Patient.birthDate', min: 1 },
    ],
  },
};
const backwards: Encounter = {
  resourceType: 'Encounter',
  status: 'finished',
  class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'AMB' },
  period: { start: '2021-01-02', end: '2021-01-01' },
};
const claiming: Patient = { resourceType: 'Patient', meta: { profile: [URL_OF] } };
const OUTCOME = { prefer: 'return=OperationOutcome' };
const told = (reply: Reply<unknown>): string[] =>
  (reply.body as OperationOutcome).issue.map(
    ({ severity, details, expression }) => `${severity} ${details?.coding?.[0]?.code} ${expression?.[0]}`,
  );
const set = async ({ talk }: Stage): Promise<void> => {
  assert.equal((await talk.update(profile)).status, 201);
};

onStoresInTurn(
  'a write, by default,',
  stage => {
    it('is refused with 400 where it breaks an invariant of R4, in a transaction and a patch, too', async () => {
      const { talk } = stage();
      const reply = await talk.create(backwards);
      assert.deepEqual(refusal(reply), { status: 400, detail: 'invariant' });
      assert.deepEqual(told(reply).slice(0, 1), ['error invariant Encounter.period']);
      const entry = [{ request: { method: 'POST', url: 'Encounter' }, resource: backwards }];
      const bundle = await talk.send('POST', '', {
        headers: { 'content-type': 'application/fhir+json' },
        body: JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry }),
      });
      assert.deepEqual(refusal(bundle), { status: 400, detail: 'invariant' });
    });

    it('may refer to an address elsewhere that only looks like one of FHIR', async () => {
      const { talk } = stage();
      const subject = (reference: string) =>
        talk.create({ resourceType: 'Flag', status: 'active', code: { text: 'a' }, subject: { reference } });
      assert.equal((await subject('https://example.org/People/12')).status, 201);
      assert.deepEqual(refusal(await subject('https://example.org/Claim/12')), { status: 400, detail: 'target-type' });
    });

    it('is told that no more than a hundred claims are looked at, and keeps nobody waiting for them', async () => {
      const profiles = Array.from({ length: 101 }, (_, at) => `http://example.org/none/${at}`);
      const reply = await stage().talk.create({ ...claiming, meta: { profile: profiles } }, OUTCOME);
      assert.equal(reply.status, 201);
      const details = told(reply).map(each => each.split(' ')[1]);
      assert.equal(details.filter(each => each === 'unknown-profile').length, 100);
      assert.equal(details.filter(each => each === 'not-checked').length, 1);
    });

    it('is accepted where it breaks what it claims, and told so to whoever asks', async () => {
      const { talk } = stage();
      const reply = await talk.create(claiming, OUTCOME);
      assert.equal(reply.status, 201);
      assert.ok(
        told(reply).some(each => each.startsWith('warning profile-min Patient')),
        reply.text,
      );
      const inBundle: Bundle = { resourceType: 'Bundle', type: 'collection', entry: [{ resource: claiming }] };
      const ofEntry = await talk.create(inBundle, OUTCOME);
      assert.equal(ofEntry.status, 201);
      assert.ok(
        told(ofEntry).some(each => each.startsWith('warning profile-min Bundle.entry[0].resource')),
        ofEntry.text,
      );
      const { text } = await talk.send('GET', `http://127.0.0.1:${stage().server.port}/metrics`);
      assert.match(text, /chartroom_validation_issues_total\{severity="warning",detail="profile-min"\} [1-9]/);
    });
  },
  { set },
);

onStoresInTurn(
  'a write, with claims enforced and base rules told,',
  stage => {
    it('is refused with 422 where it breaks what it claims', async () => {
      assert.deepEqual(refusal(await stage().talk.create(claiming)), { status: 422, detail: 'profile-min' });
      assert.equal((await stage().talk.create({ ...claiming, birthDate: '2001-01-01' })).status, 201);
    });

    it('is accepted where it breaks an invariant', async () => {
      const reply = await stage().talk.create(backwards, OUTCOME);
      assert.equal(reply.status, 201);
      assert.ok(told(reply).includes('warning invariant Encounter.period'), reply.text);
    });
  },
  { set, config: { validateBase: 'warn', validateClaims: 'enforce' } },
);
