/** How a search is answered, told to administrators over HTTP and on the command line, and to nobody else. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Parameters } from 'fhir/r4.js';
import { after, describe, it } from 'mocha';
import { onStoresInTurn } from '../support/both-stores.js';
import { command, manyCommands } from '../support/cli.js';
import { OWN_ROLES } from '../support/roles.js';
import { type Headers, refusal, talkTo } from '../support/talk.js';

const folder = mkdtempSync(join(tmpdir(), 'chartroom-explain-'));
const TOKENS = join(folder, 'tokens.json');
const ROLES = join(folder, 'roles.json');
/** Each with a condition of another kind: a key, a chain, a compartment. */
const NARROW: Readonly<Record<string, string>> = {
  laboratory: 'category=laboratory',
  house: 'patient.organization=Organization/o',
  record: 'patient=p1',
};
const roles = ['admin', 'writer', 'reader', ...Object.keys(NARROW)];
writeFileSync(
  ROLES,
  JSON.stringify({
    ...(JSON.parse(readFileSync(OWN_ROLES, 'utf8')) as object),
    ...Object.fromEntries(
      Object.entries(NARROW).map(([name, where]) => [
        name,
        {
          types: [
            { type: 'Patient', letters: 'rs' },
            { type: 'Observation', letters: 'rs', where },
          ],
          operations: ['_explain'],
        },
      ]),
    ),
  }),
);
writeFileSync(TOKENS, JSON.stringify(roles.map(role => ({ token: `token-of-the-${role}`, name: role, role }))));
const many = manyCommands();
after(async () => {
  await many.end();
  rmSync(folder, { recursive: true, force: true });
});
const bearer = (role: string): Headers => ({ authorization: `Bearer token-of-the-${role}` });

const textsOf = (told: Parameters, name: string): string[] =>
  (told.parameter ?? []).flatMap(one => (one.name === name && one.valueString !== undefined ? [one.valueString] : []));
const numberOf = (told: Parameters, name: string): number | undefined =>
  told.parameter?.find(one => one.name === name)?.valueDecimal;

onStoresInTurn(
  'explaining a search',
  stage => {
    const ask = async (query: string, role = 'admin') =>
      talkTo(stage().server.base, bearer(role)).get<Parameters>(query);

    it('shows the tree, the driver, the statements and what they cost', async () => {
      const { body, status } = await ask('Observation?patient=p1&code=http://loinc.org|1-8&_sort=-date&_explain=true');
      assert.equal(status, 200);
      assert.equal(body.resourceType, 'Parameters');
      assert.match(textsOf(body, 'understood')[0] ?? '', /"code":"patient"/);
      assert.match(textsOf(body, 'driver')[0] ?? '', /"by":"key","in":"byDate"/);
      assert.ok(textsOf(body, 'statement').length > 0);
      assert.ok(textsOf(body, 'step').length > 0);
      assert.equal(numberOf(body, 'rows'), 3);
      assert.equal(numberOf(body, 'keys-examined'), 3);
    });

    it('shows what a chain was resolved to, and what is decided row by row', async () => {
      const { body } = await ask('Observation?patient.family=abel&_explain=true');
      assert.match(textsOf(body, 'understood')[0] ?? '', /"kind":"chain"/);
      assert.match(textsOf(body, 'asked')[0] ?? '', /"ids":\["p1"\]/);
      const near = await ask('Location?near=1|1|5|km&_explain=true');
      assert.match(textsOf(near.body, 'rest')[0] ?? '', /"kind":"near"/);
    });

    it('works for sorts that no index has, and where nothing can match', async () => {
      const sorted = await ask('Observation?_sort=code,_id&_explain=true');
      assert.equal(sorted.body.parameter?.find(({ name }) => name === 'ordered-by-index')?.valueBoolean, false);
      assert.equal(numberOf((await ask('Patient?_id=nobody&identifier=none|x&_explain=true')).body, 'rows'), 0);
    });

    it('is for administrators alone', async () => {
      for (const role of ['writer', 'reader'])
        assert.deepEqual(refusal(await ask('Patient?_explain=true', role)), { status: 403, detail: 'forbidden' });
      assert.equal(refusal(await ask('Patient?_explain=maybe')).status, 400);
    });

    describe('searches through types that a role may not see', () => {
      for (const query of [
        'Patient?_has:AuditEvent:patient:action=R',
        'Patient?_id=p1&_revinclude=AuditEvent:patient',
        'Observation?_has:AuditEvent:entity:agent.identifier=x',
      ])
        it(`are refused: ${query}`, async () => {
          assert.equal((await ask(query)).status, 200);
          assert.equal(refusal(await ask(query, 'reader')).status, 403);
        });

      it('are left out of what * includes', async () => {
        const { text } = await ask('Patient?_id=p1&_revinclude=*', 'reader');
        assert.match(text, /Observation\/o1/);
        assert.doesNotMatch(text, /AuditEvent/);
      });

      it('are left out of a compartment, and refused by name', async () => {
        const { text } = await ask('Patient/p1/*', 'reader');
        assert.match(text, /Observation\/o1/);
        assert.doesNotMatch(text, /AuditEvent/);
        assert.match((await ask('Patient/p1/*?_count=1000&_type=Observation,AuditEvent')).text, /AuditEvent/);
        assert.equal(refusal(await ask('Patient/p1/AuditEvent', 'reader')).status, 403);
      });
    });

    describe('that a role narrows', () => {
      for (const query of [
        'Observation?patient=p1',
        'Observation?patient=p1&_sort=-date',
        'Observation?patient=p1&code=http://loinc.org|1-8&date=ge2020',
        'Observation?code=http://loinc.org|1-8&_sort=-date',
        'Observation?_sort=-date',
        'Observation?_id=o1',
      ])
        it(`stay on an index, and look at no more: ${query}`, async () => {
          const free = (await ask(`${query}&_explain=true`)).body;
          for (const role of Object.keys(NARROW)) {
            const { body, status } = await ask(`${query}&_explain=true`, role);
            assert.equal(status, 200, role);
            const planned = (told: Parameters) => JSON.stringify([textsOf(told, 'driver'), textsOf(told, 'filter')]);
            if (role === 'laboratory') assert.notEqual(planned(body), planned(free), 'the role changes nothing');
            assert.match(textsOf(body, 'driver')[0]!, /"by":"(key|keys|ids?)"/, role);
            assert.doesNotMatch(textsOf(body, 'step').join('\n'), /SCAN [rk](\n|$)|COLLSCAN/, role);
            for (const name of ['keys-examined', 'documents-examined'])
              assert.ok((numberOf(body, name) ?? 0) <= (numberOf(free, name) ?? 0) + 1, `${role}: ${name}`);
          }
        });
    });

    it('whose data was included is in the audit trail', async () => {
      const talk = talkTo(stage().server.base, bearer('admin'));
      const headers = { 'x-request-id': 'included-1' };
      assert.equal((await talk.get('Organization?name=north&_revinclude=Patient:organization', headers)).status, 200);
      const { entry = [] } = await talk.search('AuditEvent?entity:identifier=included-1&patient=p1');
      assert.equal(entry.length, 1);
    });
  },
  {
    config: { auth: 'token', tokens: TOKENS, roles: ROLES },
    async set({ server }) {
      const talk = talkTo(server.base, bearer('writer'));
      const code = { coding: [{ system: 'http://loinc.org', code: '1-8' }] };
      const subject = { reference: 'Patient/p1' };
      await talk.update({ resourceType: 'Organization', id: 'o', name: 'North' });
      const managingOrganization = { reference: 'Organization/o' };
      await talk.update({ resourceType: 'Patient', id: 'p1', name: [{ family: 'Abel' }], managingOrganization });
      const category = [{ coding: [{ code: 'laboratory' }] }];
      for (const id of ['o1', 'o2', 'o3'])
        await talk.update({ resourceType: 'Observation', id, status: 'final', code, subject, category });
      await talk.get('Patient/p1');
    },
  },
);

describe('chartroom explain', () => {
  it('tells about a search on the store, and what is wrong with one', async () => {
    const env = { CHARTROOM_DATA: join(folder, 'data') };
    const told = await command(['explain', 'Observation?patient=x&code=1&_sort=-date'], env).ended;
    assert.deepEqual([told.status, told.err], [0, '']);
    for (const name of ['understood', 'driver', 'order', 'cost']) assert.match(told.out, new RegExp(`^${name} `, 'm'));
    const wrong = await many.run(['explain', 'Observation?colour=red'], env);
    assert.equal(wrong.status, 1);
    assert.match(wrong.err, /colour is not known for Observation/);
    assert.equal((await many.run(['explain', 'Colours?x=y'], env)).status, 1);
    assert.equal((await many.run(['explain'], env)).status, 1);
  });
});
