/** Attacks that take several steps: links of others, permissions that change, and what their owners may do all the same. */
import assert from 'node:assert/strict';
import type { Bundle } from 'fhir/r4.js';
import { it } from 'mocha';
import type { Principal } from '../../src/identity/principal.js';
import type { Stage } from '../support/both-stores.js';
import { linkOf, refusal, type Headers } from '../support/talk.js';
import { ATTACKERS, type Attacker, CANARY, recorded } from './attack-world.js';

/** `become`: who a token stands for from now on. */
export function tellLinks(
  stage: () => Stage,
  as: (who: Attacker) => Headers,
  become: (who: Attacker, principal: Principal) => void,
): void {
  const firstPage = async (who: Attacker, query = 'Observation?_count=1&_total=accurate'): Promise<string> => {
    const reply = await stage().talk.get<Bundle>(query, as(who));
    assert.equal(reply.status, 200, reply.text);
    return linkOf(reply.body, 'next')!;
  };
  const follow = (link: string, who: Attacker) => stage().talk.get<Bundle>(link, as(who));

  it('is not on the next page of somebody else (HAPI 590, 2369)', async () => {
    const link = await firstPage('owner');
    const forged = link.slice(0, -8) + 'AAAAAAAA';
    for (const who of ['app', 'looker', 'laboratory', 'house', 'narrow'] as const) {
      const [stolen, made] = [await follow(link, who), await follow(forged, who)];
      assert.deepEqual(refusal(stolen), { status: 400, detail: 'page-invalid' }, who);
      assert.equal(stolen.text, made.text, who);
    }
    assert.equal((await follow(link, 'owner')).status, 200);
  });

  it('is not on the next page of the same user by another application, nor in a history or a record', async () => {
    for (const query of ['Observation?_count=1', 'Observation/_history?_count=1', 'Patient/own/$everything?_count=1']) {
      const link = await firstPage('app', query);
      assert.equal((await follow(link, 'app')).status, 200, query);
      assert.deepEqual(refusal(await follow(link, 'looker')), { status: 400, detail: 'page-invalid' }, query);
    }
  });

  it('is gone from the pages of who has lost something, and so is the total', async () => {
    const link = await firstPage('house');
    assert.notEqual((await follow(link, 'house')).body.total, undefined);
    become('house', { ...ATTACKERS.house, role: 'laboratory' });
    const page = await follow(link, 'house');
    assert.equal(page.status, 200);
    assert.equal(page.body.total, undefined);
    become('house', { ...ATTACKERS.house, role: 'nobody' });
    assert.equal((await follow(link, 'house')).status, 403);
    become('house', ATTACKERS.house);
  });

  for (const who of ['app', 'house', 'laboratory'] as const)
    it(`does not keep ${who} from what is theirs`, async () => {
      const { talk } = stage();
      const made = await talk.create(recorded('Observation', 'any', 'own', `made by ${who}`), as(who));
      assert.equal(made.status, 201, made.text);
      const { id } = made.body as { id: string };
      const path = `Observation/${id}`;
      assert.equal((await talk.update(recorded('Observation', id, 'own', 'changed'), as(who))).status, 200);
      const patched = await talk.send('PATCH', path, {
        headers: { ...as(who), 'content-type': 'application/json-patch+json' },
        body: JSON.stringify([{ op: 'replace', path: '/status', value: 'amended' }]),
      });
      assert.equal(patched.status, 200, patched.text);
      const moved = await talk.send('PATCH', path, {
        headers: { ...as(who), 'content-type': 'application/json-patch+json' },
        body: JSON.stringify([{ op: 'replace', path: '/subject/reference', value: 'Patient/hid-p' }]),
      });
      assert.deepEqual(refusal(moved), { status: 403, detail: 'outside-permission' });
      assert.equal((await talk.get(path, as(who))).status, 200);
      assert.equal((await talk.delete(path, as(who))).status, 204);
      assert.equal((await talk.get(path, as(who))).status, 410);
    });

  it('lets a rule by a chain hold for what one transaction makes together, and for nothing else', async () => {
    const { talk } = stage();
    const both = (house: string) => ({
      resourceType: 'Bundle',
      type: 'transaction',
      entry: [
        {
          fullUrl: 'urn:uuid:11111111-1111-4111-8111-111111111111',
          resource: { resourceType: 'Patient', managingOrganization: { reference: `Organization/${house}` } },
          request: { method: 'POST', url: 'Patient' },
        },
        {
          resource: recorded('Observation', 'x', 'own', 'together', {
            subject: { reference: 'urn:uuid:11111111-1111-4111-8111-111111111111' },
          }),
          request: { method: 'POST', url: 'Observation' },
        },
      ],
    });
    const post = (house: string) =>
      talk.send('POST', '', {
        headers: { ...as('house'), 'content-type': 'application/fhir+json' },
        body: JSON.stringify(both(house)),
      });
    assert.equal((await post('o-one')).status, 200);
    assert.deepEqual(refusal(await post('o-two')), { status: 403, detail: 'outside-permission' });
  });

  it('is not in the record of a patient of one’s own', async () => {
    for (const who of ['app', 'looker', 'house'] as const) {
      const reply = await stage().talk.get<Bundle>('Patient/own/$everything', as(who));
      assert.equal(reply.status, 200);
      assert.ok(!reply.text.includes(CANARY), who);
      assert.ok(reply.body.entry!.length > 10, who);
    }
  });
}
