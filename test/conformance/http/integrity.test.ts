/**
 * Referential integrity on both stores: https://hl7.org/fhir/R4/http.html#integrity. Each setting tells the same story: what
 * a write refers to, and what refers to what is deleted.
 */
import assert from 'node:assert/strict';
import type { Bundle, FhirResource, Observation, OperationOutcome, Patient } from 'fhir/r4.js';
import { describe, it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';
import { refusal, type Reply } from '../../support/talk.js';

const patient = (id: string, more: Partial<Patient> = {}): Patient => ({ resourceType: 'Patient', id, ...more });
const observation = (id: string, subject: string, more: Partial<Observation> = {}): Observation => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { text: 'weight' },
  subject: { reference: subject },
  ...more,
});
const OUTCOME = { prefer: 'return=OperationOutcome' };

const issuesOf = (reply: Reply<unknown>) =>
  (reply.body as OperationOutcome).issue.map(({ severity, expression, details }) => ({
    severity,
    detail: details?.coding?.[0]?.code,
    ...(expression ? { expression } : {}),
  }));

onStoresInTurn(
  'integrity enforced: what a write refers to',
  stage => {
    it('must exist, and then is found', async () => {
      const { talk } = stage();
      assert.equal((await talk.update(patient('w1'))).status, 201);
      assert.equal((await talk.update(observation('w1', 'Patient/w1'))).status, 201);
      assert.equal((await talk.create(observation('new', `${talk.base}/Patient/w1`))).status, 201);
    });

    it('returns 422 with the element of each reference that names nothing, and stores nothing', async () => {
      const { talk } = stage();
      const reply = await talk.update(
        observation('w2', 'Patient/nobody', {
          performer: [{ reference: 'Patient/w1' }, { reference: 'Practitioner/nobody' }],
          extension: [{ url: 'http://x.example', valueReference: { reference: `${talk.base}/Device/none` } }],
          contained: [
            { resourceType: 'Specimen', id: 's', subject: { reference: 'Patient/none' } },
            { resourceType: 'Device', id: 'd', patient: { reference: 'Patient/w1' } },
          ] as FhirResource[],
          specimen: { reference: '#s' },
          device: { reference: '#d' },
        }),
      );
      assert.deepEqual(refusal(reply), { status: 422, detail: 'dangling-reference' });
      assert.deepEqual(
        issuesOf(reply)
          .map(({ expression }) => expression?.[0] ?? '')
          .toSorted((x, y) => (x < y ? -1 : 1)),
        [
          'Observation.contained[0].subject',
          'Observation.extension[0].value',
          'Observation.performer[1]',
          'Observation.subject',
        ],
      );
      assert.ok(!reply.text.includes('nobody'), 'the answer repeats nothing of the resource');
      assert.equal((await talk.get('Observation/w2')).status, 404);
    });

    it('is refused where it was deleted, and accepted where it was made again', async () => {
      const { talk } = stage();
      await talk.update(patient('w3'));
      await talk.delete('Patient/w3');
      assert.equal((await talk.update(observation('w3', 'Patient/w3'))).status, 422);
      await talk.update(patient('w3'));
      assert.equal((await talk.update(observation('w3', 'Patient/w3'))).status, 201);
    });

    it('may be a version, which must exist', async () => {
      const { talk } = stage();
      await talk.update(patient('w4'));
      await talk.update(patient('w4', { active: true }));
      const refer = async (version: string) =>
        (await talk.update(observation('w4', `Patient/w4/_history/${version}`))).status;
      assert.deepEqual([await refer('1'), await refer('2'), await refer('3'), await refer('x')], [201, 200, 422, 422]);
    });

    it('may be an event of the audit trail', async () => {
      const { talk } = stage();
      const { entry } = await talk.search('AuditEvent?_count=1');
      const task = { ...({ resourceType: 'Task', id: 'w9', status: 'requested', intent: 'order' } as const) };
      const refer = async (id: string) =>
        (await talk.update({ ...task, focus: { reference: `AuditEvent/${id}` } })).status;
      assert.deepEqual([await refer(entry![0]!.resource!.id!), await refer('nothing')], [201, 422]);
    });

    it('may be elsewhere, named by an identifier, contained, or the resource itself', async () => {
      const { talk } = stage();
      const subjects = [
        { reference: 'https://other.example/fhir/Patient/1' },
        { identifier: { system: 'urn:x', value: '1' } },
        { reference: '#p' },
      ];
      for (const subject of subjects) {
        const contained = subject.reference === '#p' ? { contained: [patient('p')] } : {};
        const reply = await talk.update(observation('w5', '', { subject, ...contained }));
        assert.ok(reply.status < 300, reply.text);
      }
      const self = patient('w6', { link: [{ type: 'seealso', other: { reference: 'Patient/w6' } }] });
      assert.equal((await talk.update(self)).status, 201);
    });

    it('is refused where nothing can be: a URN, no address of a resource', async () => {
      const { talk } = stage();
      const { base } = talk;
      const nothings = ['urn:uuid:6f3b0e8e-4e0a-4b0c-9d58-0d3c6bdb7f0e', 'metadata', `${base}/Patient`];
      for (const nothing of nothings) {
        const reply = await talk.update(observation('w7', nothing));
        assert.deepEqual(refusal(reply), { status: 422, detail: 'dangling-reference' }, nothing);
      }
      // No type of R4: the rules of R4 refuse it before anybody looks for it.
      const ofNoType = await talk.update(observation('w7', 'Nothing/1'));
      assert.deepEqual(refusal(ofNoType), { status: 400, detail: 'target-type' });
    });

    it('counts what the server brings along', async () => {
      const { talk } = stage();
      const about = (reference: string) =>
        talk.create({ resourceType: 'Basic', code: { text: 'x' }, subject: { reference } });
      assert.equal((await about('OperationDefinition/reindex')).status, 201);
      assert.equal((await about('OperationDefinition/none')).status, 422);
    });

    it('leaves alone what only looks like a reference, and what a stored Bundle holds', async () => {
      const { talk } = stage();
      const immunization: FhirResource = {
        resourceType: 'Immunization',
        status: 'completed',
        vaccineCode: { text: 'x' },
        patient: { reference: 'Patient/w1' },
        occurrenceString: 'once',
        education: [{ reference: 'Patient/nobody' }],
      };
      assert.equal((await talk.create(immunization)).status, 201);
      const bundle: Bundle = {
        resourceType: 'Bundle',
        type: 'collection',
        entry: [
          { fullUrl: 'urn:uuid:6f3b0e8e-4e0a-4b0c-9d58-0d3c6bdb7f0e', resource: observation('x', 'Patient/nobody') },
        ],
      };
      assert.equal((await talk.create(bundle)).status, 201);
    });

    it('complains of twenty at most', async () => {
      const { talk } = stage();
      const performer = Array.from({ length: 50 }, (_, i) => ({ reference: `Practitioner/none${i}` }));
      assert.equal(issuesOf(await talk.create(observation('new', 'Patient/w1', { performer }))).length, 20);
    });

    it('does not keep what somebody tells of the past out of the audit trail', async () => {
      const { talk } = stage();
      const reply = await talk.create({
        resourceType: 'AuditEvent',
        type: { code: 'rest' },
        recorded: '2024-01-01T00:00:00Z',
        agent: [{ requestor: true }],
        source: { observer: { display: 'somebody' } },
        entity: [{ what: { reference: 'Patient/long-gone' } }],
      });
      assert.equal(reply.status, 201);
    });
  },
  { config: { integrity: 'enforce' } },
);

onStoresInTurn(
  'integrity enforced: what is deleted',
  stage => {
    it('goes where nothing refers to it, whatever the audit trail says', async () => {
      const { talk } = stage();
      await talk.update(patient('d1'));
      await talk.get('Patient/d1');
      assert.equal((await talk.delete('Patient/d1')).status, 204);
      assert.equal((await talk.get('Patient/d1')).status, 410);
    });

    it('stays while something refers to it: 409 names what, and the way out works', async () => {
      const { talk } = stage();
      await talk.update(patient('d2'));
      await talk.update(observation('d2', 'Patient/d2'));
      // The same id under another type, and a resource that refers to it.
      await talk.update(observation('d2-member', 'Patient/d2', { hasMember: [{ reference: 'Observation/d2' }] }));
      const refused = await talk.delete('Patient/d2');
      assert.deepEqual(refusal(refused), { status: 409, detail: 'still-referenced' });
      assert.match(refused.text, /Observation\/d2, Observation\/d2-member/);
      assert.equal((await talk.get('Patient/d2')).status, 200);
      assert.equal((await talk.delete('Observation/d2')).status, 409);
      for (const path of ['Observation/d2-member', 'Observation/d2', 'Patient/d2'])
        assert.equal((await talk.delete(path)).status, 204, path);
    });

    it('is found by every index: actors, devices, encounters, versions, absolute addresses, provenance', async () => {
      const { talk } = stage();
      await talk.update(patient('d3'));
      const targets: FhirResource[] = [
        { resourceType: 'Practitioner', id: 'd3' },
        { resourceType: 'Device', id: 'd3' },
        { resourceType: 'Organization', id: 'd3', name: 'D3' },
        { resourceType: 'Encounter', id: 'd3', status: 'finished', class: { code: 'AMB' } },
        { resourceType: 'Location', id: 'd3' },
      ];
      for (const target of targets) assert.equal((await talk.update(target)).status, 201);
      await talk.update(
        observation('d3', `${talk.base}/Patient/d3/_history/1`, {
          performer: [{ reference: 'Practitioner/d3' }, { reference: 'Organization/d3' }],
          device: { reference: 'Device/d3' },
          encounter: { reference: 'Encounter/d3' },
        }),
      );
      const provenance = await talk.create({
        resourceType: 'Provenance',
        target: [{ reference: 'Location/d3' }],
        recorded: '2024-01-01T00:00:00Z',
        agent: [{ who: { display: 'somebody' } }],
      });
      assert.equal(provenance.status, 201);
      for (const type of ['Patient', 'Practitioner', 'Device', 'Organization', 'Encounter', 'Location'])
        assert.equal((await talk.delete(`${type}/d3`)).status, 409, type);
      await talk.delete(`Provenance/${provenance.body.id}`);
      await talk.delete('Observation/d3');
      for (const type of ['Patient', 'Practitioner', 'Device', 'Organization', 'Encounter', 'Location'])
        assert.equal((await talk.delete(`${type}/d3`)).status, 204, type);
    });

    it('says how many more there are', async () => {
      const { talk } = stage();
      await talk.update(patient('d4'));
      await Promise.all(Array.from({ length: 13 }, (_, i) => talk.update(observation(`d4-${i}`, 'Patient/d4'))));
      assert.match((await talk.delete('Patient/d4')).text, / and 3 more\./);
    });

    it('goes by criteria only where nothing refers to it', async () => {
      const { talk } = stage();
      await talk.update(patient('d5', { identifier: [{ system: 'urn:x', value: 'd5' }] }));
      await talk.update(observation('d5', 'Patient/d5'));
      assert.equal((await talk.delete('Patient?identifier=urn:x|d5')).status, 409);
      await talk.delete('Observation/d5');
      assert.equal((await talk.delete('Patient?identifier=urn:x|d5')).status, 204);
    });
  },
  { config: { integrity: 'enforce' } },
);

onStoresInTurn(
  'integrity warns',
  stage => {
    it('of references that name nothing, and stores them', async () => {
      const { talk } = stage();
      const reply = await talk.update(observation('a1', 'Patient/nobody'), OUTCOME);
      assert.equal(reply.status, 201);
      assert.deepEqual(issuesOf(reply), [
        { severity: 'information', detail: undefined },
        { severity: 'warning', detail: 'dangling-reference', expression: ['Observation.subject'] },
      ]);
      const plain = await talk.update(observation('a1', 'Patient/nobody'));
      assert.equal(plain.body.resourceType, 'Observation');
    });

    it('of deletions of what is referred to, and deletes', async () => {
      const { talk } = stage();
      await talk.update(patient('a2'));
      await talk.update(observation('a2', 'Patient/a2'));
      const reply = await talk.delete('Patient/a2', OUTCOME);
      assert.equal(reply.status, 200);
      assert.deepEqual(
        issuesOf(reply).map(({ detail }) => detail),
        [undefined, 'still-referenced'],
      );
      assert.equal((await talk.get('Patient/a2')).status, 410);
    });

    it('of nothing where nothing is wrong', async () => {
      const { talk } = stage();
      await talk.update(patient('a3'));
      assert.equal(issuesOf(await talk.update(observation('a3', 'Patient/a3'), OUTCOME)).length, 1);
    });
  },
  { config: { integrity: 'warn' } },
);

onStoresInTurn('integrity off', stage => {
  describe('by default', () => {
    it('lets everything be referred to and deleted, without a word', async () => {
      const { talk } = stage();
      assert.equal(issuesOf(await talk.update(observation('o1', 'Patient/nobody'), OUTCOME)).length, 1);
      await talk.update(patient('o2'));
      await talk.update(observation('o2', 'Patient/o2'));
      assert.equal(issuesOf(await talk.delete('Patient/o2', OUTCOME)).length, 1);
    });
  });
});
