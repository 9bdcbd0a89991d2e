/** Release of information: requests are taken into the books, led by their table, extended once, and followed without naming the patient. docs/records-desk.md */
import assert from 'node:assert/strict';
import type {
  Communication,
  Consent,
  DocumentReference,
  OperationOutcome,
  Parameters,
  Patient,
  Task,
} from 'fhir/r4.js';
import { describe, it } from 'mocha';
import { onStoresInTurn } from '../support/both-stores.js';
import { steppedTime } from '../support/stepped-time.js';
import type { Reply, Talk } from '../support/talk.js';
import { ADMIN, asRole, CLERK, FHIR_JSON, lead, refusedAs, workStateOf, workTokens } from '../support/work.js';

const DAY = 86_400_000;

type Given = Parameters['parameter'];
const ASKED: NonNullable<Given> = [
  { name: 'requester-class', valueCode: 'attorney' },
  { name: 'requester', valueString: 'Doe & Partners' },
  { name: 'requester-reference', valueReference: { reference: 'Organization/law' } },
  { name: 'patient', valueReference: { reference: 'Patient/asked-for' } },
  { name: 'type', valueCoding: { system: 'http://loinc.org', code: '18842-5' } },
  { name: 'start', valueDate: '2025-01-01' },
  { name: 'end', valueDate: '2025-12-31' },
  { name: 'purpose', valueCode: 'HLEGAL' },
  { name: 'reason', valueString: 'A claim' },
  { name: 'format', valueCode: 'pdf' },
  { name: 'delivery', valueCode: 'mail' },
  { name: 'address', valueString: '1 Court Street' },
];
/** The same with other parameters of these names; without a value: none. */
const asked = (...other: readonly (NonNullable<Given>[number] | string)[]): NonNullable<Given> => {
  const names = new Set(other.map(each => (typeof each === 'string' ? each : each.name)));
  return [
    ...ASKED.filter(({ name }) => !names.has(name)),
    ...other.filter((each): each is NonNullable<Given>[number] => typeof each !== 'string'),
  ];
};
const request = (talk: Talk, parameter: NonNullable<Given>, headers = CLERK): Promise<Reply<Task>> =>
  talk.send<Task>('POST', 'Task/$request-records', {
    headers: { ...FHIR_JSON, ...headers },
    body: JSON.stringify({ resourceType: 'Parameters', parameter }),
  });
const check = (talk: Talk, id: string, parameter: NonNullable<Given> = [], headers = CLERK) =>
  talk.send<Parameters>('POST', `Task/${id}/$check-authorization`, {
    headers: { ...FHIR_JSON, ...headers },
    body: JSON.stringify({ resourceType: 'Parameters', ...(parameter.length > 0 ? { parameter } : {}) }),
  });
const preview = (talk: Talk, id: string, parameter: NonNullable<Given> = [], headers = CLERK) =>
  talk.send<Parameters>('POST', `Task/${id}/$release-preview`, {
    headers: { ...FHIR_JSON, ...headers },
    body: JSON.stringify({ resourceType: 'Parameters', ...(parameter.length > 0 ? { parameter } : {}) }),
  });
/** Document → verdict and reasons; numbers beside must be those of the verdicts. */
const previewed = ({ status, body, text }: Reply<Parameters>): Readonly<Record<string, string>> => {
  assert.equal(status, 200, text);
  const documents = body.parameter!.filter(({ name }) => name === 'document').map(({ part }) => part!);
  const told = documents.map(part => {
    const [reference, verdict] = [part[0]!.valueReference!.reference!, part[1]!.valueCode!];
    const reasons = part.filter(({ name }) => name === 'reason').map(({ valueCoding }) => valueCoding!.code!);
    return [reference.split('/')[1]!, [verdict, ...reasons].join(' ')] as const;
  });
  const count = (name: string) => body.parameter!.find(each => each.name === name)?.valueUnsignedInt;
  const isIn = told.filter(([, words]) => words.startsWith('in')).length;
  assert.deepEqual([count('in'), count('out')], [isIn, told.length - isIn]);
  return Object.fromEntries(told);
};
const decide = (name: 'leave-out' | 'take-in', document: string, reason?: string): NonNullable<Given>[number] => ({
  name,
  part: [
    { name: 'document', valueReference: { reference: document } },
    ...(reason === undefined ? [] : [{ name: 'reason', valueString: reason }]),
  ],
});
const dischargeOf = (id: string, more: Partial<DocumentReference> = {}): DocumentReference => ({
  resourceType: 'DocumentReference',
  id,
  status: 'current',
  docStatus: 'final',
  type: { coding: [{ system: 'http://loinc.org', code: '18842-5' }] },
  subject: { reference: 'Patient/shown' },
  date: '2025-03-01T10:00:00Z',
  content: [{ attachment: { contentType: 'text/plain', data: 'SGVsbG8=' } }],
  ...more,
});
const outcomeOf = ({ parameter = [] }: Parameters): string | undefined =>
  parameter.find(({ name }) => name === 'outcome')?.valueCode;
/** What is told of an element. */
const partsOf = ({ parameter = [] }: Parameters, code: string): Readonly<Record<string, string | undefined>> => {
  const found = parameter.find(({ part = [] }) => part.some(each => each.name === 'code' && each.valueCode === code));
  return Object.fromEntries((found?.part ?? []).map(each => [each.name, each.valueCode ?? each.valueString]));
};
/** All that an authorization must have, but for the statements, which stand on its paper. */
const consentOf = (id: string): Consent => ({
  resourceType: 'Consent',
  id,
  status: 'active',
  scope: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }] },
  category: [{ coding: [{ system: 'http://loinc.org', code: '64292-6' }] }],
  patient: { reference: 'Patient/asked-for' },
  dateTime: '2026-02-01',
  performer: [{ reference: 'Patient/asked-for' }],
  organization: [{ display: 'This house' }],
  sourceAttachment: { title: 'The signed paper' },
  policy: [{ authority: 'https://example.org' }],
  provision: {
    type: 'permit',
    period: { end: '2026-12-31' },
    actor: [
      {
        role: {
          coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType', code: 'IRCP' }],
        },
        reference: { reference: 'Organization/law', display: 'Doe & Partners' },
      },
    ],
    purpose: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActReason', code: 'HLEGAL' }],
    code: [{ coding: [{ system: 'http://loinc.org', code: '18842-5' }] }],
  },
});
const input = ({ input: all = [] }: Task, code: string) =>
  all.find(({ type }) => type.coding?.some(each => each.code === code));
const trackingOf = ({ identifier = [] }: Task): string =>
  identifier.find(({ system }) => system === 'urn:chartroom:tracking')!.value!;

describe('release of information', () => {
  const time = steppedTime(Date.UTC(2026, 2, 10, 12));
  onStoresInTurn(
    'requests for records',
    stage => {
      it('ROI-2: become a Task whose term counts from the day they were received', async () => {
        const { talk } = stage();
        const { status, body, text } = await request(talk, asked({ name: 'received', valueDateTime: '2026-03-01' }));
        assert.equal(status, 201, text);
        assert.equal(workStateOf(body), 'received');
        assert.deepEqual([body.authoredOn, body.restriction?.period?.end], ['2026-03-01', '2026-03-31']);
        assert.deepEqual([body.for?.reference, body.requester?.display], ['Patient/asked-for', 'Doe & Partners']);
        assert.equal(input(body, 'requester-class')?.valueCode, 'attorney');
        assert.deepEqual(input(body, 'period')?.valuePeriod, { start: '2025-01-01', end: '2025-12-31' });
        assert.equal(input(body, 'data-code')?.valueCodeableConcept?.coding?.[0]?.code, '18842-5');
        assert.equal((await talk.get<Task>(`Task/${body.id}`, CLERK)).text, text);
        // Late in the evening it is another day in the organisation's zone than in UTC.
        const late = await request(talk, asked({ name: 'received', valueDateTime: '2026-03-02T03:00:00Z' }));
        assert.equal(late.body.restriction?.period?.end, '2026-03-31');
      });

      it('ROI-2: have the shorter term of a state, in its days', async () => {
        const { talk } = stage();
        const due = async (jurisdiction: string) => {
          const received = { name: 'received', valueDateTime: '2026-03-02' };
          const { body } = await request(talk, asked(received, { name: 'jurisdiction', valueCode: jurisdiction }));
          return body.restriction?.period?.end;
        };
        assert.deepEqual(
          [await due('US-CA'), await due('US-TX'), await due('US-OH')],
          ['2026-03-17', '2026-03-23', '2026-04-01'],
        );
      });

      it('ROI-4: are refused where something is wrong with them, and leave nothing', async () => {
        const { talk } = stage();
        const count = async () => (await talk.search<Task>('Task?_summary=count', CLERK)).total;
        const before = await count();
        const rows: readonly (readonly [string, NonNullable<Given>, number, string])[] = [
          ['no patient', asked('patient'), 400, 'no-patient'],
          ['unknown class', asked({ name: 'requester-class', valueCode: 'friend' }), 400, 'bad-parameter-value'],
          ['unknown purpose', asked({ name: 'purpose', valueCode: 'FUN' }), 400, 'bad-parameter-value'],
          ['no address', asked('address'), 400, 'bad-parameter-value'],
          ['blank requester', asked({ name: 'requester', valueString: ' ' }), 400, 'bad-parameter-value'],
          ['period that ends first', asked({ name: 'end', valueDate: '2024' }), 400, 'bad-parameter-value'],
          [
            'an encounter that is none',
            asked({ name: 'encounter', valueReference: { reference: 'Patient/eve' } }),
            400,
            'bad-parameter-value',
          ],
          [
            'an encounter in words',
            asked({ name: 'encounter', valueReference: { display: 'May' } }),
            400,
            'bad-parameter-value',
          ],
          [
            'an authorization that is none',
            asked({ name: 'authorization', valueReference: { reference: 'DocumentReference/x' } }),
            400,
            'bad-parameter-value',
          ],
          [
            'too many encounters',
            asked(
              ...Array.from({ length: 201 }, () => ({
                name: 'encounter',
                valueReference: { reference: 'Encounter/one' },
              })),
            ),
            400,
            'bad-parameter-value',
          ],
          ['received later', asked({ name: 'received', valueDateTime: '2026-03-12' }), 400, 'bad-parameter-value'],
          ['received long ago', asked({ name: 'received', valueDateTime: '1926-03-01' }), 400, 'bad-parameter-value'],
          [
            'an authorization that is not here',
            asked({ name: 'authorization', valueReference: { reference: 'Consent/nobodys' } }),
            422,
            'unknown-authorization',
          ],
          [
            'an encounter that is not here',
            asked({ name: 'encounter', valueReference: { reference: 'Encounter/nobodys' } }),
            422,
            'unknown-encounter',
          ],
          ['no state', asked({ name: 'jurisdiction', valueCode: 'california' }), 400, 'bad-parameter-value'],
          [
            'unknown patient',
            asked({ name: 'patient', valueReference: { reference: 'Patient/nobody' } }),
            422,
            'unknown-patient',
          ],
          [
            'no patient at all',
            asked({ name: 'patient', valueReference: { reference: 'Group/1' } }),
            400,
            'bad-parameter-value',
          ],
        ];
        for (const [name, parameter, status, detail] of rows) {
          const reply = await request(talk, parameter);
          const { issue } = reply.body as unknown as OperationOutcome;
          assert.deepEqual([reply.status, issue[0]!.details?.coding?.[0]?.code], [status, detail], name);
          assert.ok((issue[0]!.expression?.length ?? 0) > 0, name);
        }
        assert.equal((await request(talk, ASKED, asRole('reader'))).status, 403);
        assert.equal(await count(), before);
      });

      it('ROI-5: find their patient on the way, and are about nobody else afterwards', async () => {
        const { talk } = stage();
        const described = { name: 'patient-description', valueString: 'Born on a Monday' };
        const { body } = await request(talk, asked('patient', described));
        assert.equal(body.for, undefined);
        const id = body.id!;
        assert.equal((await lead(talk, id, { name: 'log' })).status, 200);
        refusedAs(
          await lead(talk, id, { name: 'identify', reason: 'Two papers.' }),
          422,
          'work-incomplete',
          'Task.for',
        );
        const { body: logged } = await talk.get<Task>(`Task/${id}`, CLERK);
        const named = { ...logged, id, for: { reference: 'Patient/asked-for' } };
        assert.equal((await talk.update(named, CLERK)).status, 200);
        refusedAs(
          await talk.update({ ...named, for: { reference: 'Patient/other' } }, CLERK),
          422,
          'work-altered',
          'Task.for',
        );
        refusedAs(await lead(talk, id, { name: 'identify' }), 422, 'no-reason', 'Task.statusReason');
        const { body: identified } = await lead(talk, id, { name: 'identify', reason: 'Two papers.' });
        assert.equal(workStateOf(identified), 'authorization-check');
      });

      it('ROI-3: are extended once, by 30 days at most, and before they are due', async () => {
        const { talk } = stage();
        const begun = async () => {
          const { body } = await request(talk, asked({ name: 'received', valueDateTime: '2026-03-10' }));
          await lead(talk, body.id!, { name: 'log' });
          return body.id!;
        };
        const extend = (id: string, until: string) =>
          lead(talk, id, { name: 'extend-identity', until, reason: 'The papers are elsewhere.' });
        const [id, late] = [await begun(), await begun()];
        assert.equal((await extend(id, '2026-04-09')).status, 400);
        for (const until of ['2026-04-01', '2026-05-10'])
          refusedAs(await extend(id, until), 422, 'term-not-extended', 'Task.restriction');
        const { body } = await extend(id, '2026-05-09');
        assert.equal(body.restriction?.period?.end, '2026-05-09');
        assert.equal(body.extension?.find(({ url }) => url === 'urn:chartroom:extended')?.valueDate, '2026-04-09');
        refusedAs(await extend(id, '2026-05-10'), 422, 'term-not-extended', 'Task.restriction');
        // Who takes the note of it away has not taken it away.
        const { extension: _extension, ...bare } = body;
        assert.equal((await talk.update({ ...bare, id: id }, CLERK)).status, 200);
        refusedAs(await extend(id, '2026-05-11'), 422, 'term-not-extended', 'Task.restriction');
        time.step(31 * DAY);
        refusedAs(await extend(late, '2026-04-20'), 422, 'term-not-extended', 'Task.restriction');
        time.set(time.now() - 31 * DAY);
      });

      it('ROI-1: are accepted when what permits the release holds, and by nobody before', async () => {
        const { talk } = stage();
        const signed = await talk.update<Consent>(consentOf('valid'), ADMIN);
        assert.equal(signed.status, 201, signed.text);
        const authorization = { name: 'authorization', valueReference: { reference: 'Consent/valid' } };
        const { body } = await request(talk, asked(authorization));
        const id = body.id!;
        await lead(talk, id, { name: 'log' });
        await lead(talk, id, { name: 'identify', reason: 'Two papers.' });
        const checked = await check(talk, id);
        assert.deepEqual([checked.status, outcomeOf(checked.body)], [200, 'open'], checked.text);
        assert.equal(partsOf(checked.body, 'statements')['verdict'], 'look');
        assert.match(partsOf(checked.body, 'statements')['remedy'] ?? '', /164\.508\(c\)\(2\)/);
        refusedAs(await lead(talk, id, { name: 'accept' }), 422, 'authorization-deficient', 'Task.businessStatus');
        const { body: waiting } = await talk.get<Task>(`Task/${id}`, CLERK);
        const forced = { ...waiting, id, status: 'in-progress' as const };
        refusedAs(await talk.update(forced, CLERK), 422, 'authorization-deficient', 'Task.businessStatus');
        const wrong = await check(talk, id, [{ name: 'confirmed', valueCode: 'weather' }]);
        assert.equal(wrong.status, 400);
        const confirmed = await check(talk, id, [{ name: 'confirmed', valueCode: 'statements' }]);
        assert.equal(outcomeOf(confirmed.body), 'sufficient');
        assert.equal(workStateOf((await lead(talk, id, { name: 'accept' })).body), 'searching');
      });

      it('ROI-1: that were revoked, or are about somebody else, are sent back with a letter', async () => {
        const { talk } = stage();
        const signed = await talk.update<Consent>({ ...consentOf('revoked'), status: 'inactive' }, ADMIN);
        assert.equal(signed.status, 201, signed.text);
        const authorization = { name: 'authorization', valueReference: { reference: 'Consent/revoked' } };
        const { body } = await request(talk, asked(authorization));
        const id = body.id!;
        await lead(talk, id, { name: 'log' });
        await lead(talk, id, { name: 'identify', reason: 'Two papers.' });
        const checked = await check(talk, id, [{ name: 'language', valueCode: 'es' }]);
        assert.equal(outcomeOf(checked.body), 'deficient', checked.text);
        assert.equal(workStateOf((await talk.get<Task>(`Task/${id}`, CLERK)).body), 'deficient-authorization');
        const letter = checked.body.parameter!.find(({ name }) => name === 'letter')!.valueReference!.reference!;
        const { body: document } = await talk.get<DocumentReference>(letter, CLERK);
        assert.equal(document.subject?.reference, 'Patient/asked-for');
        const text = Buffer.from(document.content[0]!.attachment.data ?? '', 'base64').toString();
        assert.match(text, /La autorización fue revocada/);
        assert.ok(
          text.includes(trackingOf(body)) && text.includes('Doe &amp; Partners') && !text.includes('{requester}'),
        );
        const told = await talk.search<Communication>('Communication?subject=Patient/asked-for', CLERK);
        const about = told.entry!.find(({ resource }) => resource!.about?.[0]?.reference === `Task/${id}`);
        assert.equal(about?.resource?.payload?.[0]?.contentReference?.reference, letter);
        refusedAs(await lead(talk, id, { name: 'accept' }), 422, 'transition-refused', 'Parameters.parameter[0]');
        // Asked again it tells the same, and writes no second letter.
        const again = await check(talk, id);
        assert.equal(
          again.body.parameter!.some(({ name }) => name === 'letter'),
          false,
        );
        assert.equal((await check(talk, id, [], asRole('reader'))).status, 403);
      });

      it('ROI-7: show what would be given out, and why not the rest', async () => {
        const { talk } = stage();
        const security = [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: '42CFRPart2' }];
        const documents = [
          dischargeOf('within'),
          dischargeOf('earlier', { date: '2024-03-01T10:00:00Z' }),
          dischargeOf('draft', { docStatus: 'preliminary' }),
          dischargeOf('error', { status: 'entered-in-error' }),
          dischargeOf('part-2', { meta: { security } }),
          dischargeOf('note', { type: { coding: [{ system: 'http://loinc.org', code: '11506-3' }] } }),
          dischargeOf('elsewhere', { subject: { reference: 'Patient/other' } }),
        ];
        for (const each of documents) {
          const { status, text } = await talk.update<DocumentReference>(each, ADMIN);
          assert.equal(status, 201, text);
        }
        const whose = { reference: 'Patient/shown' };
        const consent = { ...consentOf('shown'), patient: whose, performer: [whose], policy: [{ uri: 'urn:form' }] };
        assert.equal((await talk.update<Consent>(consent, ADMIN)).status, 201);
        const { body } = await request(
          talk,
          asked(
            { name: 'patient', valueReference: whose },
            { name: 'authorization', valueReference: { reference: 'Consent/shown' } },
          ),
        );
        const id = body.id!;
        const before = {
          within: 'in',
          earlier: 'out out-of-period',
          draft: 'out preliminary',
          error: 'out entered-in-error',
          'part-2': 'out restricted part-2',
          note: 'out out-of-type not-authorized',
        };
        assert.deepEqual(previewed(await preview(talk, id)), before);
        // Who decides waits until the request is permitted.
        const leave = decide('leave-out', 'DocumentReference/within', 'Asked for on the telephone.');
        refusedAs(await preview(talk, id, [leave]), 422, 'not-searching', 'Task.businessStatus');
        await lead(talk, id, { name: 'log' });
        await lead(talk, id, { name: 'identify', reason: 'Two papers.' });
        assert.equal(workStateOf((await lead(talk, id, { name: 'accept' })).body), 'searching');

        const take = decide('take-in', 'DocumentReference/earlier', 'The discharge before belongs to it.');
        const changed = previewed(await preview(talk, id, [leave, take]));
        assert.deepEqual(changed, { ...before, within: 'out left-out', earlier: 'in out-of-period' });
        const kept = await preview(talk, id, [{ name: 'language', valueCode: 'es' }]);
        assert.deepEqual(previewed(kept), changed);
        assert.match(kept.text, /El personal lo excluyó/);
        assert.match(kept.text, /Asked for on the telephone/);
        const version = async () => (await talk.get<Task>(`Task/${id}`, CLERK)).body.meta!.versionId;
        const latest = await version();
        const at = 'Parameters.parameter[0]';
        for (const covered of ['draft', 'error', 'part-2', 'note', 'elsewhere'])
          refusedAs(
            await preview(talk, id, [decide('take-in', `DocumentReference/${covered}`, 'Wanted.')]),
            ...([422, 'document-not-covered', at] as const),
          );
        const nobody = decide('take-in', 'DocumentReference/nobody', 'Wanted.');
        refusedAs(await preview(talk, id, [nobody]), 422, 'unknown-document', at);
        for (const wrong of [
          [decide('leave-out', 'DocumentReference/within')],
          [decide('leave-out', 'DocumentReference/within', ' ')],
          [decide('leave-out', 'Patient/shown', 'Why not?')],
          [{ name: 'undo', valueReference: { reference: 'nonsense' } }],
          [leave, decide('take-in', 'DocumentReference/within', 'Both.')].toReversed(),
        ]) {
          const { status, text } = await preview(talk, id, wrong);
          assert.equal(status, 400, text);
          assert.match(text, /bad-parameter-value/);
        }
        assert.equal(await version(), latest);
        const undo = ['within', 'earlier'].map(each => ({
          name: 'undo',
          valueReference: { reference: `DocumentReference/${each}` },
        }));
        assert.deepEqual(previewed(await preview(talk, id, undo)), before);

        // A revoked authorization covers nothing from then on.
        assert.equal((await talk.update<Consent>({ ...consent, status: 'inactive' }, ADMIN)).status, 200);
        assert.equal(previewed(await preview(talk, id))['within'], 'out not-authorized');
        assert.equal((await preview(talk, id, [], asRole('reader'))).status, 403);
        const { body: unknown } = await request(
          talk,
          asked('patient', { name: 'patient-description', valueString: 'Born on a Monday' }),
        );
        refusedAs(await preview(talk, unknown.id!), 422, 'no-patient', 'Task.for');
      });

      it('ROI-6: are followed by a tracking id, which tells nothing of the patient', async () => {
        const { talk } = stage();
        const { body } = await request(talk, ASKED);
        const status = (tracking: string, headers = CLERK) =>
          talk.get<Parameters>(`Task/$request-status?tracking=${tracking}`, headers);
        const told = await status(trackingOf(body));
        assert.equal(told.status, 200);
        assert.deepEqual(
          told.body.parameter?.map(({ name, valueCode, valueBoolean }) => [name, valueCode ?? valueBoolean]),
          [
            ['state', 'received'],
            ['display', undefined],
            ['received', undefined],
            ['due', undefined],
            ['over', false],
          ],
        );
        assert.doesNotMatch(told.text, /asked-for|Patient|Secretname|attorney|Doe/);
        await lead(talk, body.id!, { name: 'log' });
        await lead(talk, body.id!, { name: 'withdraw', reason: 'Not needed any more.' });
        const over = (await status(trackingOf(body))).body.parameter!;
        assert.deepEqual([over[0]!.valueCode, over.at(-1)!.valueBoolean], ['withdrawn', true]);
        for (const unknown of ['nonsense', '00000000-0000-4000-8000-000000000000'])
          assert.equal((await status(unknown)).status, 404);
        assert.equal((await status(trackingOf(body), asRole('reader'))).status, 403);
      });
    },
    {
      time,
      config: { auth: 'token', tokens: workTokens, timeZone: 'America/New_York' },
      set: async ({ talk }) => {
        await talk.update({ resourceType: 'Organization', id: 'law', name: 'Doe & Partners' }, ADMIN);
        for (const id of ['asked-for', 'other', 'shown'])
          await talk.update<Patient>({ resourceType: 'Patient', id, name: [{ family: 'Secretname' }] }, ADMIN);
      },
    },
  );
});
