/** That more would be shown through a broken glass, and to whom it is told: https://hl7.org/fhir/R4/security.html#AccessDenied */
import assert from 'node:assert/strict';
import type { Bundle, FhirResource, OperationOutcome } from 'fhir/r4.js';
import { it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';
import { as, confidential, identifyAs, privacyConsent } from '../../support/consents.js';

const PRINCIPALS = {
  owner: { name: 'owner', role: 'admin' },
  clinician: { name: 'clinician', role: 'clinician', fhirUser: 'Practitioner/one' },
  specialist: { name: 'specialist', role: 'records-specialist' },
  application: { name: 'app', role: 'clinician', client: 'app', subject: 'app' },
} as const;
const observation = (id: string, patient: string, level?: string): FhirResource & { id: string } => ({
  resourceType: 'Observation',
  id,
  ...(level === undefined ? {} : { meta: { security: [confidential(level)] } }),
  status: 'final',
  code: { text: 'x' },
  subject: { reference: `Patient/${patient}` },
});
const RECORD: readonly (FhirResource & { id: string })[] = [
  ...['denied', 'open', 'very'].map(id => ({ resourceType: 'Patient' as const, id })),
  ...[observation('one', 'denied'), observation('two', 'denied'), observation('three', 'open')],
  observation('four', 'very', 'V'),
  privacyConsent('deny', 'denied', { type: 'deny' }),
];

onStoresInTurn(
  'what a broken glass would show',
  stage => {
    const told = async (who: keyof typeof PRINCIPALS, query: string, headers: Record<string, string> = {}) => {
      const { status, body, text } = await stage().talk.get<Bundle>(query, { ...as(who), ...headers });
      assert.equal(status, 200, text);
      const outcomes = (body.entry ?? []).filter(({ search }) => search?.mode === 'outcome');
      return outcomes.flatMap(({ resource }) =>
        (resource as OperationOutcome).issue.map(({ severity, code, details }) => ({
          severity,
          code,
          reason: details!.coding!.find(({ system }) => system?.endsWith('/v3-ActReason'))?.code,
        })),
      );
    };

    it('is told to whoever may break it, of one patient, and never how much it is', async () => {
      const all = ['Observation?patient=denied', 'Patient/denied/Observation', 'Observation?subject=Patient/denied'];
      for (const query of all) assert.equal((await told('clinician', query)).length, 1, query);
      const [issue] = await told('clinician', all[0]!);
      assert.deepEqual(issue, { severity: 'information', code: 'suppressed', reason: 'ETREAT' });
      const { body, text } = await stage().talk.get<Bundle>(all[0]!, as('clinician'));
      assert.equal(body.total, 0);
      assert.ok(!text.includes('"one"') && !text.includes('2 '));
      // Nothing would be shown, or nobody could break it, or nobody alone is meant.
      for (const query of ['Observation?patient=open', 'Observation?patient=very', 'Observation?patient=none'])
        assert.deepEqual(await told('clinician', query), [], query);
      for (const query of ['Observation', 'Observation?patient=denied,open', 'Observation?patient=denied&status=final'])
        assert.deepEqual(await told('clinician', query), [], query);
      for (const who of ['specialist', 'application', 'owner'] as const)
        assert.deepEqual(await told(who, all[0]!), [], who);
    });

    it('is told by nobody where the settings do not say so', async () => {
      const { settings } = stage().server.engine;
      Object.assign(settings, { suppressed: 'silent' });
      assert.deepEqual(await told('clinician', 'Observation?patient=denied'), []);
      Object.assign(settings, { suppressed: 'tell' });
      assert.equal((await told('clinician', 'Observation?patient=denied')).length, 1);
    });
  },
  {
    config: { suppressed: 'tell' },
    set: async ({ server, talk }) => {
      Object.assign(server.engine, { identify: identifyAs(PRINCIPALS) });
      for (const one of RECORD) {
        const reply = await talk.update(one, as('owner'));
        assert.ok(reply.status < 300, reply.text);
      }
    },
  },
);
