/**
 * Breaking the glass: for one patient, for an hour, with a reason, by roles that may, and told to the audit trail from its start to its end.
 * https://hl7.org/fhir/R4/security-labels.html#break-the-glass
 */
import assert from 'node:assert/strict';
import type { AuditEvent, Communication, Parameters, Patient, Task } from 'fhir/r4.js';
import { after, before, describe, it } from 'mocha';
import { FhirError } from '../../src/fhir/error.js';
import type { Identify, Principal } from '../../src/identity/principal.js';
import { endOverdue } from '../../src/interactions/under-glass.js';
import { storesInTurn } from '../support/both-stores.js';
import { newStore, type RunningServer, startServer } from '../support/server.js';
import { steppedTime } from '../support/stepped-time.js';
import { decideWith } from '../support/roles.js';
import { idsOf, refusal, type Talk, talkTo } from '../support/talk.js';

import { fullIt } from '../support/depth.js';
/** Starts above, each of which ends once. */
const ENDED = 5;
const REASON = 'Unconscious in the emergency room, allergies unknown';
const GLASS = {
  category: 'http://terminology.hl7.org/CodeSystem/v3-ActReason#BTG; scheme="http://hl7.org/fhir/tag/security"',
};
const LEAD = { reference: 'Practitioner/lead' };
const rows = [
  { type: 'Patient', letters: 'rs', where: 'organization=Organization/ours' },
  { type: 'Observation', letters: 'cruds', where: 'patient.organization=Organization/ours' },
  { type: 'Task', letters: 'cruds' },
  { type: 'Communication', letters: 'cruds' },
  { type: 'Organization', letters: 'rs' },
];
const ROLES = {
  emergency: {
    types: rows,
    operations: ['break-glass', 'break-glass-end', 'everything'],
    breakGlass: [
      { type: 'Patient', letters: 'rs' },
      { type: 'Observation', letters: 'rs' },
      { type: 'Condition', letters: 'rs', where: 'code=urn:c|x' },
      { type: 'DocumentReference', letters: 'rs' },
      { type: 'Binary', letters: 'r' },
    ],
  },
  // The operation alone is not enough, nor what is seen.
  named: { types: rows, operations: ['break-glass'] },
  ward: { types: rows, operations: ['everything'], breakGlass: [{ type: '*', letters: 'rs' }] },
  officer: {
    types: [
      { type: '*', letters: 'cruds' },
      { type: 'AuditEvent', letters: 'rs' },
    ],
    operations: ['*'],
  },
};
const scope = (context: 'patient' | 'user' | 'system', type: string) => ({
  ...{ context, type, text: `${context}/${type}.rs` },
  letters: new Set(['r', 's'] as const),
});
const PRINCIPALS: Readonly<Record<string, Principal>> = {
  eva: { name: 'eva', role: 'emergency' },
  emil: { name: 'emil', role: 'emergency' },
  nora: { name: 'nora', role: 'named' },
  ward: { name: 'ward', role: 'ward' },
  officer: { name: 'officer', role: 'officer' },
  admin: { name: 'admin', role: 'admin' },
  nobody: { role: 'emergency' },
  bot: { name: 'https://i.test|bot', role: 'emergency', issuer: 'https://i.test', subject: 'bot', client: 'bot' },
  token: {
    ...{
      name: 'https://i.test|tom',
      role: 'emergency',
      issuer: 'https://i.test',
      subject: 'tom',
      client: 'app',
      tokenId: 't1',
      purpose: 'BTG',
    },
    scopes: [scope('user', 'Patient'), scope('user', 'Observation')],
  },
  bound: {
    ...{
      name: 'https://i.test|ben',
      role: 'emergency',
      issuer: 'https://i.test',
      subject: 'ben',
      client: 'app',
      patient: 'ours',
      purpose: 'BTG',
    },
    scopes: [scope('patient', '*')],
  },
};
const identify: Identify = async ({ headers: { authorization } }) => {
  const known = PRINCIPALS[String(authorization).slice('Bearer '.length)];
  if (!known) throw new FhirError('unauthenticated', 'Nobody.');
  return known;
};
const decide = decideWith(ROLES);

const purposeOf = (event: AuditEvent | undefined) => event?.purposeOfEvent?.[0]?.coding?.[0]?.code;
const asker = (event: AuditEvent | undefined) => event?.agent.find(({ requestor }) => requestor);

for (const store of storesInTurn(0))
  describe(`breaking the glass (${store})`, () => {
    const time = steppedTime();
    let server: RunningServer;
    let second: RunningServer | undefined;
    const as = (who: string, more: Readonly<Record<string, string>> = {}, on = server): Talk =>
      talkTo(on.base, { authorization: `Bearer ${who}`, ...more });
    const through = (who: string, on = server): Talk => as(who, GLASS, on);
    const breakFor = (who: string, patient: string, reason: string | null = REASON, requestId = 'x') =>
      as(who, { 'x-request-id': requestId }).send<Parameters>('POST', `Patient/${patient}/$break-glass`, {
        body: JSON.stringify({
          resourceType: 'Parameters',
          ...(reason === null ? {} : { parameter: [{ name: 'reason', valueString: reason }] }),
        }),
        headers: { 'content-type': 'application/fhir+json' },
      });
    const endFor = (who: string, patient: string) => as(who).send('POST', `Patient/${patient}/$break-glass-end`);
    const said = ({ parameter = [] }: Parameters, name: string): string =>
      parameter.find(each => each.name === name)?.valueString ?? '';
    const status = async (talk: Talk, path: string): Promise<number> => (await talk.get(path)).status;
    const eventsOf = async (query: string): Promise<AuditEvent[]> =>
      ((await as('officer').search<AuditEvent>(`AuditEvent?_count=200&${query}`)).entry ?? []).map(
        each => each.resource!,
      );

    before('starts two servers on MongoDB, one on a file', async function () {
      const at = await newStore(this, store);
      server = await startServer({ store: at, time });
      if (store === 'mongo') second = await startServer({ store: at, time });
      for (const each of [server, ...(second ? [second] : [])]) Object.assign(each.engine, { identify, decide });
      const talk = as('admin');
      await talk.update({ resourceType: 'Organization', id: 'ours' });
      await talk.update({ resourceType: 'Organization', id: 'theirs' });
      for (const [id, house] of [
        ['ours', 'ours'],
        ['hers', 'theirs'],
        ['his', 'theirs'],
      ] as const) {
        const subject = { reference: `Patient/${id}` };
        const made = [
          await talk.update({
            ...{ resourceType: 'Patient', id, name: [{ family: id }] },
            managingOrganization: { reference: `Organization/${house}` },
            ...(id === 'his'
              ? {
                  contained: [{ resourceType: 'Practitioner', id: 'c' }],
                  generalPractitioner: [LEAD, { reference: '#c' }, { identifier: { value: 'gp' }, display: 'Dr. Far' }],
                }
              : {}),
          }),
          await talk.update({
            resourceType: 'Observation',
            id: `${id}-o`,
            status: 'final',
            code: { text: 'x' },
            subject,
          }),
          await talk.update({
            ...{ resourceType: 'Observation', id: `${id}-v`, status: 'final', code: { text: 'x' }, subject },
            meta: { security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'V' }] },
          }),
          await talk.update({
            ...{
              resourceType: 'Condition',
              id: `${id}-x`,
              subject,
              code: { coding: [{ system: 'urn:c', code: 'x' }] },
            },
          }),
          await talk.update({
            ...{
              resourceType: 'Condition',
              id: `${id}-y`,
              subject,
              code: { coding: [{ system: 'urn:c', code: 'y' }] },
            },
          }),
          await talk.update({
            ...{ resourceType: 'Binary', id: `${id}-b`, contentType: 'application/octet-stream', data: 'AAAA' },
          }),
          await talk.update({
            ...{ resourceType: 'DocumentReference', id: `${id}-d`, status: 'current', subject },
            content: [{ attachment: { contentType: 'application/octet-stream', url: `Binary/${id}-b` } }],
          }),
        ];
        for (const reply of made) assert.ok(reply.status < 300, reply.text);
      }
    });
    after('stops them', async () => {
      await second?.stop();
      await server?.stop();
    });

    it('is refused to roles that may not, to nobody, to applications, and without a reason, before anything is looked at', async () => {
      for (const who of ['ward', 'nora', 'nobody', 'bot', 'officer'])
        for (const patient of ['hers', 'none'])
          assert.equal((await breakFor(who, patient)).status, 403, `${who} ${patient}`);
      for (const reason of ['', 'emergency', `${' '.repeat(30)}short`, 'x'.repeat(2001), null])
        assert.equal((await breakFor('eva', 'hers', reason)).status, 400, String(reason));
      assert.equal((await breakFor('eva', 'none')).status, 404);
      assert.equal(refusal(await through('eva').get('Patient/hers')).detail, 'glass-not-broken');
      for (const who of ['ward', 'nora', 'bot', 'officer'])
        assert.equal(refusal(await through(who).get('Patient/hers')).detail, 'may-not-break-glass', who);
      assert.deepEqual(idsOf(await as('officer').search('Task')), []);
    });

    it('shows one patient to who has broken it, where the request says so, and nothing else of anybody', async () => {
      const { status: done, body, text } = await breakFor('eva', 'hers');
      assert.equal(done, 200, text);
      assert.equal(said(body, 'patient'), 'Patient/hers');
      for (const [path, through_, without] of [
        ['Patient/hers', 200, 404],
        ['Observation/hers-o', 200, 404],
        ['Condition/hers-x', 200, 403],
        ['DocumentReference/hers-d', 200, 403],
        ['Binary/hers-b', 200, 403],
        // What is very restricted, what the role does not name, another patient.
        ['Observation/hers-v', 404, 404],
        ['Condition/hers-y', 404, 403],
        ['Patient/his', 404, 404],
        ['Observation/his-o', 404, 404],
        ['Condition/his-x', 404, 403],
        ['Binary/his-b', 404, 403],
        ['Encounter?patient=hers', 403, 403],
        ['Patient/ours', 200, 200],
      ] as const) {
        assert.equal(await status(through('eva'), path), through_, `through it: ${path}`);
        assert.equal(await status(as('eva'), path), without, `without: ${path}`);
        assert.notEqual(await status(through('emil'), path), 200, `somebody else: ${path}`);
      }
      assert.deepEqual(idsOf(await through('eva').search('Observation')).toSorted(), ['hers-o', 'ours-o', 'ours-v']);
      assert.deepEqual(idsOf(await through('eva').search('Condition')), ['hers-x']);
      assert.deepEqual(idsOf(await as('eva').search('Observation')).toSorted(), ['ours-o', 'ours-v']);
    });

    it('lets nobody write what they only see through it', async () => {
      const changed: Patient = { resourceType: 'Patient', id: 'hers', active: false };
      assert.ok([403, 404].includes((await through('eva').update(changed)).status));
      const made = await through('eva').create({
        ...{ resourceType: 'Observation', status: 'final', code: { text: 'x' } },
        subject: { reference: 'Patient/hers' },
      });
      assert.equal(made.status, 403);
    });

    fullIt('is known to every process at once', async function () {
      if (!second) this.skip();
      assert.equal(await status(through('eva', second), 'Patient/hers'), 200);
      assert.equal(await status(through('eva', second), 'Patient/his'), 404);
    });

    it('is recorded: its start with the reason, each access by its purpose, and a Task asks for a review', async () => {
      const { body } = await breakFor('emil', 'his', REASON, 'emil-starts');
      const [start, ...more] = (await eventsOf('entity:identifier=emil-starts')).filter(
        ({ type }) => type.code === '110113',
      );
      assert.equal(more.length, 0);
      assert.deepEqual(
        start!.subtype?.map(({ code }) => code),
        ['110127', 'operation', 'break-glass'],
      );
      assert.equal(purposeOf(start), 'BTG');
      assert.equal(asker(start)?.who?.identifier?.value, 'emil');
      const { entity = [] } = start!;
      const about = entity.find(({ detail }) => detail !== undefined);
      assert.deepEqual(about!.detail![0], { type: 'reason', valueString: REASON });
      assert.deepEqual(
        entity.map(({ what }) => what?.reference?.split('/_history')[0]).filter(name => name !== undefined),
        [said(body, 'review'), 'Patient/his'],
      );
      const task = (await as('officer').get<Task>(said(body, 'review'))).body;
      assert.deepEqual([task.status, task.for?.reference, task.reasonCode?.text], ['requested', 'Patient/his', REASON]);
      assert.equal(task.requester?.identifier?.value, 'emil');
      assert.equal(Date.parse(task.restriction!.period!.end!) - Date.parse(task.authoredOn!), 72 * 3_600_000);
      await as('emil', { ...GLASS, 'x-request-id': 'emil-looks' }).get('Observation/his-o');
      await as('emil', { 'x-request-id': 'emil-does-not' }).get('Observation/ours-o');
      const [look] = await eventsOf('entity:identifier=emil-looks');
      assert.equal(purposeOf(look), 'BTG');
      assert.equal(asker(look)?.purposeOfUse?.[0]?.coding?.[0]?.code, 'BTG');
      const [plain] = await eventsOf('entity:identifier=emil-does-not');
      assert.equal(purposeOf(plain), undefined);
    });

    it('keeps the review out of the hands of who broke it, and of who would make one up', async () => {
      const [id = ''] = idsOf(await as('officer').search('Task?patient=his'));
      const task = (await as('officer').get<Task>(`Task/${id}`)).body;
      const patch = (who: string, path: string, value: unknown) =>
        as(who).send('PATCH', `Task/${id}`, {
          body: JSON.stringify([{ op: 'replace', path, value }]),
          headers: { 'content-type': 'application/json-patch+json' },
        });
      assert.equal(refusal(await patch('emil', '/status', 'completed')).detail, 'same-person');
      assert.equal(refusal(await as('emil').update({ ...task, status: 'completed' })).detail, 'same-person');
      assert.equal(refusal(await as('emil').delete(`Task/${id}`)).detail, 'same-person');
      assert.equal(refusal(await as('eva').delete(`Task/${id}`)).detail, 'review-stays');
      assert.equal(
        refusal(await patch('eva', '/reasonCode/text', 'It was nothing at all, really')).detail,
        'review-altered',
      );
      const { id: _id, meta: _meta, ...forged } = task;
      assert.equal(refusal(await as('emil').create(forged as Task)).detail, 'review-of-nothing');
      // A longer time in the Task is no longer glass.
      assert.equal(refusal(await patch('officer', '/restriction/period/end', '2099-01-01')).detail, 'review-altered');
      for (const [path, value] of [
        ['/description', 'Nothing to see.'],
        ['/priority', 'routine'],
        ['/intent', 'plan'],
      ] as const)
        assert.equal(refusal(await patch('officer', path, value)).detail, 'review-altered', path);
      // Who reviews it would no longer see it.
      const { security = [] } = task.meta!;
      const label = { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'ETH' };
      const raised = security.map(each => (each.code === 'R' ? { ...each, code: 'V' } : each));
      assert.notDeepEqual(raised, security);
      for (const labels of [raised, [...security, label]]) {
        const more = await as('eva').update({ ...task, meta: { security: labels } });
        assert.deepEqual([more.status, refusal(more).detail], [422, 'review-altered'], more.text);
      }
      assert.equal((await as('eva').update({ ...task, meta: { security } })).status, 200);
      assert.equal((await patch('officer', '/status', 'completed')).status, 200);
      // However its text is written, it is one.
      const escaped = JSON.stringify({ ...task, status: 'completed', note: [{ text: 'Seen.' }] });
      const stored = await as('officer').send('PUT', `Task/${id}`, {
        body: escaped.replaceAll('btg-review', String.raw`btg\u002dreview`),
        headers: { 'content-type': 'application/fhir+json' },
      });
      assert.equal(stored.status, 200, stored.text);
      assert.equal(refusal(await as('emil').delete(`Task/${id}`)).detail, 'same-person');
      assert.equal(
        refusal(await patch('eva', '/reasonCode/text', 'It was nothing at all, really')).detail,
        'review-altered',
      );
      assert.equal(await status(through('emil'), 'Patient/his'), 200);
    });

    it('stays within scopes, and takes the purpose of a token for the header', async () => {
      assert.equal(await status(as('token'), 'Patient/hers'), 404);
      assert.equal((await breakFor('token', 'hers')).status, 200);
      assert.equal(await status(as('token'), 'Patient/hers'), 200);
      assert.equal(await status(as('token'), 'Condition/hers-x'), 403);
      assert.equal((await breakFor('bound', 'hers')).status, 404);
      assert.equal(await status(as('bound'), 'Patient/hers'), 404);
    });

    it('ends when somebody says so, and for one patient when another comes', async () => {
      assert.equal((await endFor('eva', 'his')).status, 404);
      assert.equal((await breakFor('eva', 'his')).status, 200);
      assert.deepEqual(
        [await status(through('eva'), 'Patient/his'), await status(through('eva'), 'Patient/hers')],
        [200, 404],
      );
      assert.equal((await endFor('eva', 'his')).status, 200);
      assert.equal((await endFor('eva', 'his')).status, 404);
      assert.equal(await status(through('eva'), 'Patient/his'), 403);
      const ends = (await eventsOf('type=110113&subtype=110138')).filter(({ agent }) =>
        agent.some(({ name }) => name === 'eva'),
      );
      assert.equal(ends.length, 2);
    });

    it('ends after an hour, for everybody, and each process that looks tells it once', async () => {
      assert.equal((await breakFor('eva', 'hers')).status, 200);
      time.step(59 * 60_000);
      assert.equal(await status(through('eva'), 'Patient/hers'), 200);
      time.step(60_000);
      assert.equal(await status(through('eva'), 'Patient/hers'), 403);
      assert.equal(await status(as('token'), 'Patient/hers'), 404);
      const count = async () => (await eventsOf('subtype=110138')).length;
      const look = () => Promise.all([server, ...(second ? [second] : [])].map(({ engine }) => endOverdue(engine)));
      // One that began with the hour may be under way.
      for (await look(); (await count()) < ENDED; await look());
      await look();
      assert.equal(await count(), ENDED);
      // One whose end nobody has looked for ends when it is broken anew.
      assert.equal((await breakFor('eva', 'hers')).status, 200);
      time.step(61 * 60_000);
      assert.equal((await breakFor('eva', 'his')).status, 200);
      for (let found = 0; found < ENDED + 1; found = await count());
      await look();
      assert.equal(await count(), ENDED + 1);
    });

    fullIt('tells each end once, whoever comes at the same time, and later where it could not be told', async () => {
      const { engine } = server;
      const kept = engine.store;
      const count = async () => (await eventsOf('subtype=110138')).length;
      const fails = async (work: () => Promise<{ status: number }>): Promise<void> => {
        const away = () => Promise.reject(new FhirError('unavailable', 'The store is away.'));
        Object.assign(engine, { store: { ...kept, commit: away } });
        try {
          assert.equal((await work()).status, 503);
        } finally {
          Object.assign(engine, { store: kept });
        }
      };
      assert.equal((await breakFor('eva', 'hers')).status, 200);
      const told = await count();
      await fails(() => breakFor('eva', 'his'));
      await fails(() => endFor('eva', 'hers'));
      assert.deepEqual([await count(), await status(through('eva'), 'Patient/hers')], [told, 200], 'as it was');
      const ends = [server, second ?? server].map(on =>
        as('eva', {}, on).send('POST', 'Patient/hers/$break-glass-end'),
      );
      assert.deepEqual(
        (await Promise.all(ends)).map(each => each.status).toSorted((a, b) => a - b),
        [200, 404],
      );
      assert.equal(await count(), told + 1);
      // What is over when another is broken is told, though that fails at first.
      assert.equal((await breakFor('eva', 'hers')).status, 200);
      time.step(61 * 60_000);
      await fails(() => breakFor('eva', 'his'));
      assert.equal((await breakFor('eva', 'his')).status, 200);
      for (let found = told; found < told + 2; found = await count()) await endOverdue(engine);
      const held = (await engine.glasses.held(PRINCIPALS['eva']!))!;
      const claims = [1, 2].map(() => engine.glasses.end(held, () => Promise.resolve()));
      assert.equal((await Promise.all(claims)).filter(Boolean).length, 1);
      assert.equal(await engine.glasses.held(PRINCIPALS['eva']!), undefined);
      await endOverdue(engine);
      assert.equal(await count(), told + 2);
      // What is broken while somebody tells the end of the one before is another one, and the end is told though they fail.
      for (const isTold of [false, true]) {
        assert.equal((await breakFor('eva', 'hers')).status, 200);
        const first = (await engine.glasses.held(PRINCIPALS['eva']!))!;
        let over = (_error?: Error): void => undefined;
        const telling = new Promise<void>((done, fail) => (over = error => (error ? fail(error) : done())));
        const ended = engine.glasses.end(first, () => telling);
        ended.catch(() => undefined);
        while (!(await engine.glasses.held(PRINCIPALS['eva']!))?.isOver);
        assert.equal((await breakFor('eva', 'his')).status, 200);
        assert.equal(await status(through('eva'), 'Patient/his'), 200);
        over(isTold ? undefined : new Error('away'));
        assert.equal(await ended.catch(() => 'rejected'), isTold ? true : 'rejected');
        await endOverdue(engine);
        await endOverdue(engine);
        assert.equal(await count(), told + (isTold ? 4 : 3));
        assert.equal(await status(through('eva'), 'Patient/his'), 200);
        assert.equal((await endFor('eva', 'his')).status, 200);
      }
    });

    fullIt('tells those who lead the care of the patient, whom nobody else can tell so, nor keep it from', async () => {
      const { body } = await breakFor('emil', 'his');
      const [notice, review] = ['notice', 'review'].map(name => said(body, name));
      const about = (await as('officer').get<Communication>(notice!)).body;
      assert.deepEqual(
        [about.status, about.subject?.reference, about.about?.[0]?.reference],
        ['completed', 'Patient/his', review],
      );
      const { body: task, text: whole } = await as('officer').get<Task>(review!);
      assert.equal(task.reasonCode?.text, REASON);
      assert.ok(whole.includes(REASON) && !(await as('officer').get(notice!)).text.includes(REASON));
      assert.deepEqual(about.recipient, [LEAD, { identifier: { value: 'gp' }, display: 'Dr. Far' }]);
      assert.ok(
        idsOf(await as('officer').search('Communication?recipient=Practitioner/lead')).includes(about.id!),
        'who leads the care finds it',
      );
      assert.equal(refusal(await as('emil').update({ ...about, note: [{ text: 'Nothing.' }] })).detail, 'same-person');
      assert.equal(refusal(await as('emil').delete(notice!)).detail, 'same-person');
      assert.equal(refusal(await as('officer').delete(notice!)).detail, 'review-stays');
      for (const changed of [{ payload: [{ contentString: 'Nothing.' }] }, { recipient: [] }, { category: [] }])
        assert.ok((await as('officer').update({ ...about, ...changed })).status >= 400, JSON.stringify(changed));
      const { id: _id, meta: _meta, ...forged } = about;
      assert.equal(refusal(await as('eva').create(forged as Communication)).detail, 'review-of-nothing');
      const read = { ...about, received: '2026-11-23T10:00:00Z', note: [{ text: 'He was unconscious.' }] };
      assert.equal((await as('officer').update(read)).status, 200);
      // Of a patient without one it is there all the same.
      const unled = said((await breakFor('eva', 'hers')).body, 'notice');
      assert.equal((await as('officer').get<Communication>(unled)).body.recipient, undefined);
      assert.equal((await endFor('eva', 'hers')).status, 200);
    });
  });
