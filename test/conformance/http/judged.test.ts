/** What becomes of writes that break rules beyond structure: https://hl7.org/fhir/R4/validation.html */
import assert from 'node:assert/strict';
import type { Encounter, OperationOutcome, Patient, StructureDefinition } from 'fhir/r4.js';
import { it } from 'mocha';
import { onBothStores, type Stage } from '../../support/both-stores.js';
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

onBothStores(
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

    it('is accepted where it breaks what it claims, and told so to whoever asks', async () => {
      const { talk } = stage();
      const reply = await talk.create(claiming, OUTCOME);
      assert.equal(reply.status, 201);
      assert.ok(
        told(reply).some(each => each.startsWith('warning profile-min Patient')),
        reply.text,
      );
      const { text } = await talk.send('GET', `http://127.0.0.1:${stage().server.port}/metrics`);
      assert.match(text, /chartroom_validation_issues_total\{severity="warning",detail="profile-min"\} [1-9]/);
    });
  },
  { set },
);

onBothStores(
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
