/** What deserves a look in the audit trail: each rule with what it finds and what it leaves, and Tasks that are made once. 45 CFR 164.308(a)(1)(ii)(D) */
import assert from 'node:assert/strict';
import type { Bundle, Communication, FhirResource, Task } from 'fhir/r4.js';
import { after, it } from 'mocha';
import { tellHappening } from '../../src/interactions/tell.js';
import { onStoresInTurn } from '../support/both-stores.js';
import { as, identifyAs } from '../support/consents.js';
import { type AnswerLine, linesIn } from '../support/lines.js';
import { decideWith } from '../support/roles.js';
import { steppedTime } from '../support/stepped-time.js';
import { refusal } from '../support/talk.js';
import { commitTrail, type TestDeed } from '../support/trail.js';

const PRINCIPALS = {
  officer: { name: 'officer', role: 'privacy-officer' },
  owner: { name: 'owner', role: 'admin' },
  administrator: { name: 'administrator', role: 'administrator' },
  clinician: { name: 'dr-a', role: 'clinician' },
  ...{ same: { name: 'dr-a', role: 'writer' }, writer: { name: 'wanda', role: 'writer' } },
  ...{ all: { name: 'all', role: 'all' }, restricted: { name: 'restricted', role: 'restricted' } },
  ...{ none: { name: 'none', role: 'none' }, some: { name: 'some', role: 'some' } },
  patient: { name: 'paula', role: 'patient', patient: 'star', fhirUser: 'Patient/star' },
} as const;
/** A Wednesday. */
const START = Date.UTC(2026, 0, 14);
const [HOUR, DAY] = [3_600_000, 86_400_000];
const WITHIN = 'start=2026-01-14&end=2026-01-15';
const DOCTOR = { role: 'clinician', name: 'dr-a' };

const time = steppedTime(START);
const at = (hours: number, minutes = 0): number => START + hours * HOUR + minutes * 60_000;
const look = (name: string, patient: string, when: number): TestDeed => ({
  ...{ at: when, principal: { role: 'clinician', name }, patients: [patient] },
  data: { type: 'Observation', id: 'o' },
});
const denied = (name: string, when: number): TestDeed => ({
  ...{ at: when, principal: { role: 'clinician', name }, outcome: '4', why: 'forbidden' },
});
const exported = (name: string, when: number): TestDeed => ({
  ...{ at: when, principal: { role: 'service', name }, interaction: 'operation', pattern: 'operation' },
  ...{
    request: 'GET /fhir/$export',
    subtype: { system: 'urn:chartroom:operation', code: 'export', display: '$export' },
  },
});

const PEOPLE: readonly (FhirResource & { id: string })[] = [
  {
    resourceType: 'Patient',
    id: 'plain',
    name: [{ family: 'Plain' }],
    address: [{ line: ['9 Far Road'], city: 'Town' }],
  },
  {
    resourceType: 'Patient',
    id: 'star',
    meta: { security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'CEL' }] },
  },
  { resourceType: 'Patient', id: 'flagged' },
  { resourceType: 'Patient', id: 'falls' },
  { resourceType: 'Patient', id: 'cousin', name: [{ family: 'ÅNGSTRÖM' }] },
  { resourceType: 'Patient', id: 'neighbour', address: [{ line: ['1 Elm Street'], city: 'Town' }] },
  { resourceType: 'Patient', id: 'dead', deceasedDateTime: '2026-01-14T10:00:00Z' },
  { resourceType: 'Patient', id: 'merged', link: [{ type: 'replaced-by', other: { reference: 'Patient/plain' } }] },
  {
    resourceType: 'Practitioner',
    id: 'a',
    identifier: [{ system: 'urn:users', value: 'dr-a' }],
    name: [{ family: 'Ångström' }],
    address: [{ line: ['1 Elm Street'], city: 'Town' }],
  },
  {
    resourceType: 'Encounter',
    id: 'e',
    status: 'finished',
    class: { code: 'AMB' },
    subject: { reference: 'Patient/plain' },
    participant: [{ individual: { reference: 'Practitioner/a' } }],
  },
  ...(['VIP', 'fall-risk'] as const).map((code, index): FhirResource & { id: string } => ({
    resourceType: 'Flag',
    id: code,
    status: 'active',
    code: { coding: [{ system: 'urn:chartroom:flag', code }] },
    subject: { reference: `Patient/${['flagged', 'falls'][index]}` },
  })),
];

onStoresInTurn(
  'anomalies of the audit trail',
  stage => {
    // For the next store.
    after(() => time.set(START));
    const post = (query = WITHIN, who = 'officer') =>
      stage().talk.send<Bundle>('POST', `$audit-anomalies?${query}`, { headers: as(who) });
    const found = async (rule: string, query = WITHIN): Promise<AnswerLine[]> => {
      const reply = await post(`${query}&rule=${rule}`);
      assert.equal(reply.status, 200, reply.text);
      return linesIn(reply.body);
    };
    const told = async (rule: string, query?: string) =>
      (await found(rule, query)).flatMap(({ person, patient, day, task }) =>
        task === undefined ? [] : [[person, patient, day].filter(each => each !== undefined).join(' ')],
      );

    it('are looks at patients who are marked, deceased or merged', async () => {
      assert.deepEqual((await told('remarkable-patient')).toSorted(), [
        'dr-a flagged 2026-01-14',
        'dr-a star 2026-01-14',
      ]);
      assert.deepEqual((await told('gone-patient')).toSorted(), ['dr-a dead 2026-01-14', 'dr-a merged 2026-01-14']);
      assert.match(String((await found('gone-patient'))[0]!['event']), /^AuditEvent\//);
    });

    it('are looks at people of the same name or address, and where nothing joins user and patient', async () => {
      assert.deepEqual((await told('same-name-or-address')).toSorted(), [
        'dr-a cousin 2026-01-14',
        'dr-a neighbour 2026-01-14',
      ]);
      const unrelated = await told('no-relationship');
      assert.ok(unrelated.includes('dr-a cousin 2026-01-14') && !unrelated.some(each => each.includes('plain')));
      const unjudged = (await found('no-relationship')).find(({ task }) => task === undefined);
      assert.match(
        String(unjudged!['sentence']),
        /^no-relationship: Not judged for \d+ users: no Practitioner has their name/,
      );
    });

    it('are more patients in a day than are usual for the user', async () => {
      assert.deepEqual(await told('many-patients'), ['busy 2026-01-15']);
      assert.deepEqual(await told('many-patients', `${WITHIN}&factor=100`), []);
      assert.match(
        (await found('many-patients')).map(({ sentence }) => sentence).join('\n'),
        /25 patients in a day, where 2 are usual(.|\n)*Not judged for 1 day of users/,
      );
    });

    it('are broken glasses, bursts of denials, exports at night, and users who were disabled', async () => {
      assert.deepEqual(await told('break-glass'), ['dr-a plain 2026-01-14']);
      assert.deepEqual(await told('denied-burst'), ['nosy 2026-01-14']);
      assert.deepEqual((await told('denied-burst', `${WITHIN}&burst=4&minutes=60`)).toSorted(), [
        'nosy 2026-01-14',
        'slow 2026-01-14',
      ]);
      assert.deepEqual(await told('off-hours-export'), ['night 2026-01-14']);
      assert.deepEqual(await told('off-hours-export', `${WITHIN}&from-hour=0&to-hour=24`), []);
      assert.deepEqual(await told('disabled-user'), ['gone 2026-01-15']);
    });

    it('become a Task and a Communication each, once, which neither who is looked at nor the patient sees', async () => {
      const first = linesIn((await post()).body).filter(({ task }) => task !== undefined);
      assert.ok(first.length > 10);
      const count = async (type: string, who = 'officer') => {
        const reply = await stage().talk.get<Bundle>(`${type}?_summary=count`, as(who));
        return reply.status === 200 ? reply.body.total : reply.status;
      };
      const tasks = new Set(first.map(({ task }) => task));
      const before = [await count('Task'), await count('Communication')];
      const again = linesIn((await post()).body).filter(({ task }) => task !== undefined);
      assert.deepEqual(
        again.map(line => [line['task'], line['new']]),
        first.map(line => [line['task'], false]),
      );
      assert.deepEqual([await count('Task'), await count('Communication')], before);
      assert.ok(tasks.size <= before[0]!);
      for (const { task, event, patient, rule } of first) {
        const { body } = await stage().talk.get<Task>(String(task), as('officer'));
        assert.deepEqual(
          [
            body.code?.coding?.[0]?.code,
            body.focus?.reference,
            body.for?.reference ?? body.for?.identifier?.value?.replace(/^.*\/Patient\//, 'Patient/'),
            body.reasonCode?.coding?.[0]?.code,
          ],
          ['privacy-review', event, patient === undefined ? undefined : `Patient/${patient}`, rule],
        );
        const told1 = await stage().talk.get<Communication>(`Communication/${String(task).slice(5)}-c`, as('officer'));
        assert.equal(told1.body.about?.[0]?.reference, task);
        assert.equal((await stage().talk.get(String(event), as('officer'))).status, 200);
        for (const who of ['clinician', 'patient'])
          assert.equal((await stage().talk.get(String(task), as(who))).status, 404);
      }
    });

    it('stay, say what they said, and are in the hands of the server and of somebody else than who is looked at', async () => {
      const { talk } = stage();
      const line = (await found('break-glass')).find(({ task }) => task !== undefined);
      const path = String(line!['task']);
      const { body: task } = await talk.get<Task & { id: string }>(path, as('owner'));
      const put = async (one: FhirResource & { id: string }, who: string) => refusal(await talk.update(one, as(who)));
      const { input: _, ...unnamed } = task;
      const altered = { status: 422, detail: 'review-altered' };
      assert.deepEqual(await put({ ...task, status: 'completed' }, 'same'), { status: 403, detail: 'same-person' });
      assert.deepEqual(await put({ ...task, description: 'Nothing.' }, 'owner'), altered);
      assert.deepEqual(await put(unnamed, 'owner'), altered);
      // Who reviews it would no longer see it, or a part of it.
      const { security = [] } = task.meta!;
      const label = { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'ETH' };
      const inline = 'http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label';
      const note = { text: 'x', extension: [{ url: inline, valueCoding: { ...label, code: 'NOPAT' } }] };
      for (const more of [{ meta: { security: [...security, label] } }, { note: [note] }])
        assert.deepEqual(await put({ ...task, ...more }, 'writer'), altered);
      const { status } = await talk.update({ ...task, status: 'in-progress' }, as('officer'));
      assert.equal(status, 200);
      const deleted = await talk.send('DELETE', path, { headers: as('owner') });
      assert.deepEqual(refusal(deleted), { status: 403, detail: 'review-stays' });
      const told1 = await talk.get<Communication & { id: string }>(`Communication/${path.slice(5)}-c`, as('owner'));
      assert.deepEqual(await put({ ...told1.body, note: [{ text: 'x' }] }, 'owner'), altered);
      const before = { ...task, id: `anomaly-${'0'.repeat(40)}` };
      assert.deepEqual(await put(before, 'owner'), { status: 422, detail: 'review-of-nothing' });
      const other = await talk.update({ ...task, id: 'not-of-the-server' }, as('owner'));
      assert.equal(other.status, 201);
    });

    it('are told of a patient who is gone, too, with no reference to nobody', async () => {
      const line = (await found('no-relationship')).find(({ patient }) => patient === 'nobody');
      const { body } = await stage().talk.get<Task>(String(line!['task']), as('officer'));
      assert.deepEqual(body.for, {
        type: 'Patient',
        identifier: { system: 'urn:ietf:rfc:3986', value: `${stage().server.base}/Patient/nobody` },
      });
    });

    it('are made once by two who look at the same time', async () => {
      const query = 'start=2026-01-20&end=2026-01-20&rule=remarkable-patient';
      const replies = await Promise.all([post(query), post(query), post(query)]);
      for (const reply of replies) assert.equal(reply.status, 200, reply.text);
      const lines = replies.flatMap(({ body }) => linesIn(body));
      assert.deepEqual(new Set(lines.map(({ task }) => task)).size, 1);
      assert.equal(lines.filter(line => line['new']).length, 1);
    });

    it('are not looked for by whoever does not see all Tasks that were made of them', async () => {
      const { engine } = stage().server;
      const { decide } = engine;
      const types = [
        { type: '*', letters: 'cruds' },
        { type: 'AuditEvent', letters: 'rs' },
      ];
      const role = { types, operations: ['*'] };
      const others = types.filter(({ type }) => type !== '*');
      const part = [...others, { type: 'Communication', letters: 'crs' }];
      const ofRoles = decideWith({
        ...{ all: role, restricted: role, none: { ...role, types: part } },
        some: { ...role, types: [...part, { type: 'Task', letters: 'crs', where: 'status=requested' }] },
      });
      // As labels narrow what somebody sees.
      const byLabels: typeof decide = (principal, asked) => {
        const decision = ofRoles(principal, asked);
        if (!decision.allow || principal.role !== 'restricted') return decision;
        return { ...decision, permission: { ...decision.permission, masks: { most: 'R', asPatient: false } } };
      };
      Object.assign(engine, { decide: byLabels });
      try {
        for (const who of ['restricted', 'none', 'some'])
          assert.deepEqual(refusal(await post(WITHIN, who)), { status: 403, detail: 'reviews-not-seen' }, who);
        assert.equal((await post(WITHIN, 'all')).status, 200);
      } finally {
        Object.assign(engine, { decide });
      }
    });

    it('are looked for by privacy officers alone, in a month at most, by rules that there are', async () => {
      for (const who of ['administrator', 'clinician', 'patient'])
        assert.equal((await post(WITHIN, who)).status, 403, who);
      assert.equal((await post(WITHIN, 'owner')).status, 200);
      assert.equal((await stage().talk.get(`$audit-anomalies?${WITHIN}`, as('officer'))).status, 405);
      for (const query of [
        'start=2026-01-01&end=2026-02-15',
        'rule=nothing',
        'burst=0',
        'from-hour=25',
        'from-hour=6&to-hour=6',
        'start=2030-01-01',
        'end=2026-01-01&start=2026-01-02',
        'x=1',
      ])
        assert.equal(refusal(await post(query)).status, 400, query);
    });
  },
  {
    time,
    config: { integrity: 'enforce' },
    set: async ({ server, talk }) => {
      const { engine } = server;
      Object.assign(engine, { identify: identifyAs(PRINCIPALS) });
      time.set(START + DAY);
      for (const name of ['gone', 'dr-a'])
        await tellHappening(
          { engine, address: 'local', requestId: 'h' },
          { what: 'user-changed', name, change: 'disabled' },
        );
      time.set(START + 9 * DAY);
      for (const one of PEOPLE) {
        const reply = await talk.update(one, as('owner'));
        assert.ok(reply.status < 300, reply.text);
      }
      await commitTrail(engine, [
        ...['plain', 'star', 'flagged', 'falls', 'cousin', 'neighbour', 'merged'].map((id, index) =>
          look('dr-a', id, at(11, index)),
        ),
        look('dr-a', 'dead', at(9)),
        look('dr-a', 'dead', at(12)),
        look('dr-a', 'star', START + 6 * DAY),
        look('dr-a', 'nobody', at(15)),
        // Twice a day each, which are one hit.
        ...[13, 14].map(
          (hour): TestDeed => ({
            ...{ at: at(hour), principal: DOCTOR, pattern: 'override-started', interaction: 'operation' },
            ...{ patients: ['plain'], data: { type: 'Task', id: 't' } },
          }),
        ),
        ...Array.from({ length: 10 }, (_, day) =>
          ['u1', 'u2'].map(id => look('busy', id, START - (day + 1) * DAY)),
        ).flat(),
        ...Array.from({ length: 25 }, (_, index) => look('busy', `many-${index}`, at(30, index))),
        ...Array.from({ length: 25 }, (_, index) => look('new', `many-${index}`, at(31, index))),
        ...Array.from({ length: 6 }, (_, index) => denied('nosy', at(14, index))),
        ...Array.from({ length: 5 }, (_, index) => denied('slow', at(14, 10 * index))),
        exported('night', at(2)),
        exported('night', at(3)),
        exported('day', at(10)),
        look('gone', 'plain', at(33)),
      ]);
    },
  },
);
