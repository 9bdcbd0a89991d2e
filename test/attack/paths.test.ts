/**
 * Attacks on what a permission hides, by every path: each answer (status, headers, body, links, totals) is searched for canaries and hidden ids, and
 * compared with that to the same question about nothing. With nothing hidden most of them succeed, which shows that they would notice.
 */
import assert from 'node:assert/strict';
import { it } from 'mocha';
import { fullIt } from '../support/depth.js';
import { FhirError } from '../../src/fhir/error.js';
import type { Identify, Principal } from '../../src/identity/principal.js';
import { onStoresInTurn, type Stage } from '../support/both-stores.js';
import { decideWith } from '../support/roles.js';
import { permissionSeeing } from '../support/restricted.js';
import { UNRESTRICTED } from '../../src/access/permission.js';
import { tellBeside } from './attack-beside.js';
import { attacks } from './attack-cases.js';
import { as, describeAttack, faultOf } from './attacking.js';
import { tellLinks } from './attack-links.js';
import { ATTACKED_ROLES, ATTACKERS, type Attacker, DELETED, POPULATION } from './attack-world.js';

/** Those who are somebody else now. */
const principals = new Map<Attacker, Principal>();
const identify: Identify = async ({ headers: { authorization } }) => {
  const who = typeof authorization === 'string' ? authorization.slice('Bearer '.length) : '';
  if (!(who in ATTACKERS)) throw new FhirError('unauthenticated', 'Nobody.');
  return principals.get(who as Attacker) ?? ATTACKERS[who as Attacker];
};
const decide = decideWith(ATTACKED_ROLES);

/** Lines of the log, of both servers. */
const logged: string[] = [];

async function set({ server, talk }: Stage): Promise<void> {
  const { log } = server.engine;
  for (const level of ['debug', 'info', 'warn', 'error'] as const)
    log[level] = (...said: unknown[]) => void logged.push(JSON.stringify(said));
  Object.assign(server.engine, { identify, decide });
  for (const one of POPULATION) {
    const reply = await talk.update(one, as('owner'));
    assert.ok(reply.status < 300, `${one.resourceType}/${one.id}: ${reply.text}`);
  }
  for (const name of DELETED) assert.equal((await talk.delete(name, as('owner'))).status, 204);
}

onStoresInTurn(
  'what is hidden',
  stage => {
    it('is told to nobody, by no path', async () => {
      const { talk } = stage();
      const faults: string[] = [];
      const all = attacks();
      assert.ok(all.length >= 300, String(all.length));
      for (const attack of all) {
        const fault = await faultOf(talk, attack);
        if (fault !== undefined) faults.push(describeAttack(attack, fault));
      }
      assert.deepEqual(faults, [], `${faults.length} of ${all.length} attacks:\n${faults.join('\n\n')}`);
    });

    it('is as it was before the attacks', async () => {
      const { talk } = stage();
      const versions = new Map<string, number>();
      for (const { resourceType, id } of POPULATION) {
        const name = `${resourceType}/${id}`;
        if (id!.startsWith('hid-') && !DELETED.includes(name)) versions.set(name, (versions.get(name) ?? 0) + 1);
      }
      for (const [name, version] of versions)
        assert.equal((await talk.get(name, as('owner'))).header('etag'), `W/"${version}"`, name);
    });

    tellLinks(stage, as, (who, principal) => void principals.set(who, principal));
    tellBeside(stage, as, logged);

    fullIt('is hidden by the permission: without it most attacks succeed', async () => {
      const { server, talk } = stage();
      const everything = permissionSeeing(UNRESTRICTED);
      Object.assign(server.engine, {
        decide: () => ({ allow: true, restrictions: UNRESTRICTED, permission: everything }),
      });
      const all = attacks().filter(({ method }) => method === 'GET' || method === 'HEAD');
      let noticed = 0;
      for (const attack of all) if ((await faultOf(talk, attack)) !== undefined) noticed += 1;
      assert.ok(noticed > all.length * 0.75, `${noticed} of ${all.length} attacks notice it`);
      Object.assign(server.engine, { decide });
    });
  },
  { set, config: { pageSize: '50' } },
);
