/** Who saw their data, as patients are told: days and people, nothing of machines, requests, failures and what must not be told yet. */
import assert from 'node:assert/strict';
import type { Bundle } from 'fhir/r4.js';
import { it } from 'mocha';
import { tellDisclosure } from '../../src/interactions/tell.js';
import { onStoresInTurn } from '../support/both-stores.js';
import { as, identifyAs } from '../support/consents.js';
import { linesIn } from '../support/lines.js';
import { walk } from '../support/talk.js';
import { commitTrail } from '../support/trail.js';

const own = { patient: 'p', fhirUser: 'Patient/p' } as const;
const PRINCIPALS = {
  officer: { name: 'officer', role: 'privacy-officer' },
  owner: { name: 'owner', role: 'admin' },
  patient: { name: 'paula', role: 'patient', ...own },
  other: { name: 'otto', role: 'patient', patient: 'q', fhirUser: 'Patient/q' },
  // Tokens of other issuers that name no role.
  app: { name: 'iss|paula', role: 'service', client: 'app', ...own },
  launched: { name: 'iss|doctor', role: 'service', client: 'app', patient: 'p', fhirUser: 'Practitioner/d' },
  unsaid: { name: 'iss|x', role: 'service', client: 'app', patient: 'p' },
  proxy: { name: 'parent', role: 'patient', patient: 'p', fhirUser: 'RelatedPerson/r' },
  clinician: { name: 'dr-a', role: 'clinician', patient: 'p' },
} as const;
const DAY = Date.UTC(2026, 0, 5);
const ASKED = 'Patient/p/$who-saw?start=2026-01-01&end=2026-01-31';

onStoresInTurn(
  'what patients are told of who saw their data',
  stage => {
    const told = async (query = '', who = 'patient') => {
      const reply = await stage().talk.get<Bundle>(`${ASKED}${query}`, as(who));
      assert.equal(reply.status, 200, reply.text);
      return (await walkAs(who, reply.body)).flatMap(linesIn);
    };
    const walkAs = (who: string, first: Bundle) =>
      walk({ ...stage().talk, search: (query: string) => stage().talk.search(query, as(who)) } as never, first);

    it('is days and people, each once, and no time, address, application, request or failure', async () => {
      assert.deepEqual(
        (await told()).map(({ day, person, role, purpose, action, ...rest }) => [
          day,
          person,
          role,
          purpose,
          action,
          rest['break-glass'],
        ]),
        [
          ['2026-01-06', 'dr-b', 'clinician', 'BTG', 'looked at', true],
          ['2026-01-05', 'a system without a user', undefined, undefined, 'looked at', false],
          ['2026-01-05', 'dr-a', 'clinician', 'TREAT', 'changed', false],
          ['2026-01-05', 'dr-a', 'clinician', 'TREAT', 'looked at', false],
        ],
      );
      for (const headers of [{}, { accept: 'text/csv' }, { accept: 'text/html' }]) {
        const reply = await stage().talk.get(ASKED, { ...as('patient'), ...headers });
        // When it was answered is no secret, and may be at nine.
        const text = reply.text.replace(/(?!2026-01-0[56])\d{4}-\d\d-\d\dT[\d:.]+/g, '');
        assert.ok(text.includes('dr-a'), text);
        for (const secret of [
          '192.0.2',
          'T09:',
          '09:15',
          'secret-app',
          'Observation',
          'dr-denied',
          'AuditEvent',
          'family=',
        ])
          assert.ok(!text.includes(secret), `${JSON.stringify(headers)}: ${secret}`);
      }
    });

    it('comes in pages of the same lines', async () => {
      assert.deepEqual(await told('&_count=1'), await told());
    });

    it('answers questions by what is left alone', async () => {
      const days = async (query: string) => (await told(query)).map(({ day, person }) => `${day} ${person}`);
      assert.deepEqual(await days('&user=dr-b'), ['2026-01-06 dr-b']);
      for (const hidden of ['user=192.0.2.7', 'user=secret-app', 'user=dr-denied', 'outcome=4', 'purpose=HOPERAT'])
        assert.deepEqual(await days(`&${hidden}`), [], hidden);
      assert.equal((await days('&outcome=0')).length, 4);
      // A time within a day means the day: no bisection finds when it was.
      const whole = await stage().talk.get<Bundle>(
        'Patient/p/$who-saw?start=2026-01-06T23:00:00Z&end=2026-01-06T23:30:00Z',
        as('patient'),
      );
      assert.deepEqual(
        linesIn(whole.body).map(({ person }) => person),
        ['dr-b'],
      );
    });

    it('leaves out disclosures that must not be told yet, and tells them when they may be', async () => {
      const { engine } = stage().server;
      const common = {
        direction: 'given',
        patient: 'p',
        other: { name: 'Police', address: 'x' },
        purpose: 'HLEGAL',
      } as const;
      const give = (custodian: string, suspendedUntil?: string) =>
        tellDisclosure(
          { engine, requestId: 'd' },
          { ...common, basis: '164.512(f)', data: ['Observation/1'], custodian: { name: custodian }, suspendedUntil },
        );
      await give('clerk-open');
      await give('clerk-past', '2020-01-01');
      await give('clerk-future', '2999-01-01');
      await give('clerk-odd', 'some day');
      const people = new Set(
        linesIn((await stage().talk.get<Bundle>('Patient/p/$who-saw?_count=500', as('patient'))).body).map(
          ({ person }) => person,
        ),
      );
      for (const clerk of ['clerk-open', 'clerk-past']) assert.ok(people.has(clerk), clerk);
      for (const clerk of ['clerk-future', 'clerk-odd']) assert.ok(!people.has(clerk), clerk);
      const officer = await stage().talk.get('Patient/p/$who-saw?_count=500', as('officer'));
      assert.ok(officer.text.includes('clerk-future'), 'the officer sees them');
    });

    it('is for the patient alone', async () => {
      for (const [who, path, status] of [
        ['patient', 'Patient/p/$who-saw', 200],
        ['app', 'Patient/p/$who-saw', 200],
        ['patient', 'Patient/q/$who-saw', 404],
        ['patient', 'Patient/nobody/$who-saw', 404],
        ['other', 'Patient/p/$who-saw', 404],
        ['launched', 'Patient/p/$who-saw', 403],
        ['unsaid', 'Patient/p/$who-saw', 403],
        ['proxy', 'Patient/p/$who-saw', 403],
        ['clinician', 'Patient/p/$who-saw', 403],
        ['patient', '$denials', 403],
        ['patient', '$what-did?user=dr-a', 403],
        ['patient', '$disclosures', 403],
        ['patient', '$breach-affected?agent=dr-a', 403],
        ['patient', 'AuditEvent?patient=p', 403],
      ] as const) {
        const reply = await stage().talk.get(path, as(who));
        assert.equal(reply.status, status, `${who} ${path}: ${reply.text.slice(0, 300)}`);
      }
    });
  },
  {
    set: async ({ server, talk }) => {
      Object.assign(server.engine, { identify: identifyAs(PRINCIPALS) });
      for (const id of ['p', 'q']) await talk.update({ resourceType: 'Patient', id }, as('owner'));
      const at = DAY + 9.25 * 3_600_000;
      const a = { role: 'clinician', name: 'dr-a', purpose: 'TREAT' };
      const data = { type: 'Observation', id: 'o' };
      await commitTrail(server.engine, [
        { at, principal: a, patients: ['p'], data },
        { at: at + 1000, principal: { ...a, client: 'secret-app' }, patients: ['p'], address: '192.0.2.7', data },
        {
          at: at + 2000,
          principal: a,
          patients: ['p'],
          interaction: 'search-type',
          pattern: 'query',
          request: 'GET /fhir/Patient?family=x',
        },
        { at: at + 3000, principal: a, patients: ['p'], interaction: 'update', pattern: 'update', data },
        {
          at: at + 4000,
          principal: { role: 'clinician', name: 'dr-denied' },
          patients: ['p'],
          outcome: '4',
          why: 'forbidden',
        },
        { at: at + 5000, principal: { role: 'service' }, address: '192.0.2.9', patients: ['p'], data },
        { at: at + 86_400_000, principal: { role: 'clinician', name: 'dr-b', glass: 'p' }, patients: ['p'], data },
        { at: at + 86_400_000, principal: a, patients: ['q'], data },
      ]);
    },
  },
);
