/**
 * The same attacks by somebody who may do everything, on a patient who has denied it: what a Consent hides is told by no path either. Without the
 * Consent most of them succeed.
 */
import assert from 'node:assert/strict';
import { it } from 'mocha';
import { createDecide } from '../../src/access/decide.js';
import { createPatientCompartment } from '../../src/access/patient-compartment.js';
import { loadDefinitions } from '../../src/fhir/definitions.js';
import { onStoresInTurn } from '../support/both-stores.js';
import { as, identifyAs, privacyConsent } from '../support/consents.js';
import { rolesOf } from '../support/roles.js';
import { type Attack, attacks } from './attack-cases.js';
import { describeAttack, faultOf } from './attacking.js';
import { ATTACKED_ROLES, DELETED, POPULATION } from './attack-world.js';

const definitions = loadDefinitions();
const PRINCIPALS = {
  bound: { name: 'bound', role: 'all', fhirUser: 'Practitioner/doctor' },
  owner: { name: 'owner', role: 'admin' },
} as const;

/** What an application of one patient is not told, somebody who is bound by a Consent is not told either; what is written is not asked. */
const cases = (): readonly Attack[] =>
  attacks()
    .filter(
      // A scope that lacks a type is 403.
      ({ who, expect, method, path }) =>
        who === 'app' && path !== 'Group' && (method === 'GET' || method === 'HEAD' || expect === 'like-absent'),
    )
    .map(attack => ({ ...attack, who: 'bound' }));

onStoresInTurn(
  'what a Consent hides',
  stage => {
    it('is told to nobody, by no path', async () => {
      const all = cases();
      assert.ok(all.length >= 100, String(all.length));
      const faults: string[] = [];
      for (const attack of all) {
        const fault = await faultOf(stage().talk, attack);
        if (fault !== undefined) faults.push(describeAttack(attack, fault));
      }
      assert.deepEqual(faults, [], `${faults.length} of ${all.length} attacks:\n${faults.join('\n\n')}`);
    });

    it('is hidden by it: without it most attacks succeed', async () => {
      const { talk } = stage();
      assert.equal((await talk.delete('Consent/deny', as('owner'))).status, 204);
      const all = cases().filter(({ method }) => method === 'GET' || method === 'HEAD');
      let noticed = 0;
      for (const attack of all) if ((await faultOf(talk, attack)) !== undefined) noticed += 1;
      assert.ok(noticed > all.length * 0.6, `${noticed} of ${all.length} attacks notice it`);
    });
  },
  {
    config: { pageSize: '50' },
    set: async ({ server, talk }) => {
      const { consents, parameters, settings } = server.engine;
      const ground = {
        types: definitions.resourceTypes,
        compartment: createPatientCompartment(definitions),
        parameters,
      };
      const decide = createDecide(rolesOf(ATTACKED_ROLES), ground, { consents, bases: settings.bases });
      Object.assign(server.engine, { identify: identifyAs(PRINCIPALS), decide });
      for (const one of POPULATION) assert.ok((await talk.update(one as never, as('owner'))).status < 300);
      for (const name of DELETED) assert.equal((await talk.delete(name, as('owner'))).status, 204);
      const denied = await talk.update(privacyConsent('deny', 'hid-p', { type: 'deny' }), as('owner'));
      assert.equal(denied.status, 201, denied.text);
    },
  },
);
