/** Records work: Tasks of a process by plain FHIR and by operations, their terms and alarms, and what is told of each step. docs/records-desk.md */
import assert from 'node:assert/strict';
import type { Bundle, Communication, DocumentReference, List, Parameters, Patient, Provenance, Task } from 'fhir/r4.js';
import { describe, it } from 'mocha';
import { onStoresInTurn, type Stage } from '../support/both-stores.js';
import { put, send } from '../support/bundles.js';
import { type SteppedTime, steppedTime } from '../support/stepped-time.js';
import { idsOf } from '../support/talk.js';
import {
  ADMIN,
  asRole,
  checkout,
  CLERK,
  DESK,
  FHIR_JSON,
  lead,
  refusedAs,
  workStateOf,
  workTokens,
} from '../support/work.js';
import { FhirError } from '../../src/fhir/error.js';
import type { Feature } from '../../src/interactions/feature.js';
import { recordsWork } from '../../src/features/work/index.js';
import { realPause } from '../../src/platform/real-time.js';

const world = async ({ talk }: Stage): Promise<void> => {
  const headers = asRole('admin');
  await talk.update<Patient>({ resourceType: 'Patient', id: '1' }, headers);
  await talk.update(
    { resourceType: 'List', id: 'chart', status: 'current', mode: 'working', subject: { reference: 'Patient/1' } },
    headers,
  );
};

onStoresInTurn(
  'work of a process',
  stage => {
    it('begins with its state and its term, as the server says them', async () => {
      const { talk } = stage();
      const { status, body } = await talk.update(checkout('begun', { authoredOn: '2026-12-21T15:00:00Z' }), ADMIN);
      assert.equal(status, 201);
      assert.equal(workStateOf(body), 'requested');
      // Ten working days, without the holidays of the settings.
      assert.equal(body.restriction?.period?.end, '2027-01-06');
      assert.ok(body.lastModified !== undefined);
      refusedAs(
        await talk.update(checkout('x', { status: 'in-progress' }), ADMIN),
        422,
        'transition-refused',
        'Task.status',
      );
      const { focus: _focus, ...bare } = checkout('x');
      refusedAs(await talk.update(bare, ADMIN), 422, 'work-incomplete', 'Task.focus');
      assert.equal((await talk.get('Task/x', CLERK)).status, 404);
      const free = await talk.update(
        { ...checkout('free', { status: 'in-progress' }), code: { text: 'Anything' } },
        ADMIN,
      );
      assert.equal(free.status, 201);
    });

    it('goes by plain FHIR where its table leads, and nowhere else', async () => {
      const { talk } = stage();
      await talk.update(checkout('plain'), ADMIN);
      const { body: begun } = await talk.get<Task>('Task/plain', CLERK);
      const refused = await talk.update({ ...begun, id: 'plain', status: 'completed' }, CLERK);
      refusedAs(refused, 422, 'transition-refused', 'Task.status');
      assert.match(refused.text, /pull \(accepted\/pulled\)/);
      refusedAs(
        await talk.update({ ...begun, id: 'plain', status: 'accepted' }, asRole('clinician')),
        403,
        'transition-of-another-role',
        'Task.status',
      );
      refusedAs(
        await talk.update({ ...begun, id: 'plain', status: 'in-progress' }, CLERK),
        422,
        'no-location',
        'Task.location',
      );
      refusedAs(
        await talk.send('PATCH', 'Task/plain', {
          headers: { ...CLERK, 'content-type': 'application/json-patch+json' },
          body: JSON.stringify([{ op: 'replace', path: '/for/reference', value: 'Patient/2' }]),
        }),
        422,
        'work-altered',
        'Task.for',
      );
      refusedAs(
        await talk.update({ ...begun, id: 'plain', code: { text: 'Something else' } }, CLERK),
        422,
        'work-recoded',
        'Task.code',
      );
      const twice = [422, 'work-of-two-kinds', 'Task.code'] as const;
      const other = { system: 'urn:chartroom:task', code: 'release-of-information' };
      const kinds = begun.code!.coding!;
      const both = { coding: [...kinds, other] };
      refusedAs(await talk.update({ ...begun, id: 'plain', code: both }, CLERK), ...twice);
      refusedAs(await talk.create({ ...begun, code: both }, CLERK), ...twice);
      // Who begins with a kind that nobody knows would hold what it is about, and nobody could take it from them.
      const unknown = { coding: [{ ...other, code: 'nothing-known' }, ...kinds] };
      refusedAs(await talk.create({ ...begun, code: unknown }, CLERK), ...twice);
      refusedAs(await talk.delete('Task/plain', CLERK), 422, 'work-stays', 'Task');
      assert.equal((await talk.get<Task>('Task/plain', CLERK)).body.meta?.versionId, '1');
      const out = await talk.update({ ...begun, id: 'plain', status: 'in-progress', location: DESK }, CLERK);
      assert.deepEqual([out.status, workStateOf(out.body)], [200, 'out']);
      const again = await talk.update({ ...out.body, id: 'plain' }, CLERK);
      assert.equal(again.body.meta.versionId, '2');
      const found = await talk.search<Provenance>('Provenance?target=Task/plain', CLERK);
      const doneBy = (code: string) =>
        found.entry!.filter(({ resource }) => resource!.activity?.coding?.[0]?.code === code);
      assert.deepEqual([found.total, doneBy('request').length], [2, 1], 'that it was asked for, and what was done');
      const { resource } = doneBy('check-out')[0]!;
      assert.deepEqual(
        resource!.target.map(({ reference }) => reference),
        ['Task/plain', 'List/chart-plain'],
      );
      assert.deepEqual(
        resource!.activity?.coding?.map(({ code }) => code),
        ['check-out', 'transmit'],
      );
      assert.deepEqual([resource!.location, resource!.agent[0]!.who.identifier?.value], [DESK, 'records-specialist']);
    });

    it('is taken, assigned, given back, noted and led on by an operation', async () => {
      const { talk } = stage();
      await talk.update(checkout('worked'), ADMIN);
      const taken = await lead(talk, 'worked', { name: 'take', note: 'I look for it.' });
      assert.equal(taken.body.owner?.identifier?.value, 'records-specialist');
      assert.equal(taken.body.note?.[0]?.text, 'I look for it.');
      refusedAs(await lead(talk, 'worked', { name: 'take' }, asRole('admin')), 422, 'work-taken', 'Task');
      refusedAs(
        await lead(talk, 'worked', { name: 'take' }, asRole('clinician')),
        403,
        'transition-of-another-role',
        'Parameters.parameter[0]',
      );
      assert.equal((await lead(talk, 'worked', { name: 'take' }, asRole('reader'))).status, 403);
      assert.equal(
        (await lead(talk, 'worked', { name: 'assign', owner: { display: 'Archive' } })).body.owner?.display,
        'Archive',
      );
      assert.equal((await lead(talk, 'worked', { name: 'give-back' })).body.owner, undefined);
      refusedAs(await lead(talk, 'worked', { name: 'find' }), 422, 'transition-refused', 'Parameters.parameter[0]');
      refusedAs(await lead(talk, 'worked', { name: 'note' }), 400, 'bad-parameter-value', 'Parameters.parameter[0]');
      refusedAs(await lead(talk, 'free', { name: 'take' }), 422, 'no-process', 'Task');
      const out = await lead(talk, 'worked', { name: 'check-out', location: DESK, owner: { display: 'Dr. Lent' } });
      assert.deepEqual(
        [workStateOf(out.body), out.body.status, out.body.owner?.display],
        ['out', 'in-progress', 'Dr. Lent'],
      );
      const next = await talk.get<Parameters>('Task/worked/$transitions', CLERK);
      const [version, ...ways] = next.body.parameter!;
      assert.deepEqual(version, { name: 'version', valueId: out.body.meta!.versionId });
      const names = ways.map(({ part }) => part![0]!.valueCode);
      assert.deepEqual(names, ['check-in', 'extend', 'report-missing', 'take', 'give-back', 'assign', 'note']);
      const ofClinician = await talk.get<Parameters>('Task/worked/$transitions', asRole('clinician'));
      assert.deepEqual(
        ofClinician.body.parameter!.slice(1).map(({ part }) => part![0]!.valueCode),
        ['report-missing'],
      );
      refusedAs(
        await lead(talk, 'worked', { name: 'extend', until: '2027-03-01' }),
        422,
        'no-reason',
        'Task.statusReason',
      );
      const longer = await lead(talk, 'worked', {
        name: 'extend',
        until: '2027-03-01',
        reason: 'Surgery was put off.',
      });
      assert.deepEqual([longer.body.restriction?.period?.end, workStateOf(longer.body)], ['2027-03-01', 'out']);
      const told = await talk.search<Provenance>('Provenance?target=Task/worked&_sort=-recorded&_count=1', CLERK);
      assert.equal(told.entry![0]!.resource!.reason?.[0]?.text, 'Surgery was put off.');
    });

    it('has nothing in its hands that another one has, however it is named', async () => {
      const { talk, server } = stage();
      await talk.update(checkout('first'), ADMIN);
      await lead(talk, 'first', { name: 'pull' });
      for (const [id, reference] of [
        ['absolute', `${server.base}/List/chart-first`],
        ['versioned', 'List/chart-first/_history/1'],
      ] as const) {
        assert.equal((await talk.update(checkout(id, { focus: { reference } }), ADMIN)).status, 201);
        refusedAs(await lead(talk, id, { name: 'pull' }), 422, 'work-held', 'Task.focus');
      }
      for (const focus of [
        { reference: 'http://elsewhere.example/List/1' },
        { reference: 'urn:uuid:6f3e8b7a-8d0e-4d0a-9f63-0a4b1c1f2d3e' },
        { display: 'The red one' },
      ])
        refusedAs(await talk.update(checkout('x', { focus }), ADMIN), 422, 'focus-elsewhere', 'Task.focus');
      for (const id of ['twin-a', 'twin-b'])
        await talk.update(checkout(id, { focus: { reference: 'List/chart-of-twins' } }), ADMIN);
      const both = await talk.send('POST', 'Task/$transition', {
        headers: { ...FHIR_JSON, ...CLERK },
        body: JSON.stringify({
          resourceType: 'Parameters',
          parameter: [
            { name: 'name', valueCode: 'pull' },
            ...['twin-a', 'twin-b'].map(id => ({ name: 'task', valueReference: { reference: `Task/${id}` } })),
          ],
        }),
      });
      assert.equal(both.status, 409, both.text);
      assert.match(both.text, /not-unique/);
      for (const id of ['twin-a', 'twin-b'])
        assert.equal(workStateOf((await talk.get<Task>(`Task/${id}`, CLERK)).body), 'requested');
      assert.equal((await lead(talk, 'twin-b', { name: 'pull' })).status, 200);
    });

    it('moves its term to a later day alone', async () => {
      const { talk } = stage();
      await talk.update(checkout('term', { restriction: { period: { end: '2027-02-01' } } }), ADMIN);
      const { body: out } = await lead(talk, 'term', { name: 'check-out', location: DESK });
      const { restriction: _, ...endless } = out;
      const statusReason = { text: 'Asked for.' };
      const sent = (more: Partial<Task>) => talk.update({ ...endless, id: 'term', statusReason, ...more }, CLERK);
      for (const restriction of [undefined, { repetitions: 2 }, { period: { end: '2027-01-31' } }])
        refusedAs(
          await sent(restriction ? { restriction } : {}),
          ...([422, 'term-not-extended', 'Task.restriction'] as const),
        );
      assert.equal((await sent({ restriction: { period: { end: '2027-02-02' } } })).status, 200);
    });

    it('has alarms of a process alone', async () => {
      const { talk } = stage();
      const alarm = { url: 'urn:chartroom:next-alarm', valueInstant: '2020-01-01T00:00:00Z' };
      const other = { url: 'http://a.example/colour', valueCode: 'red' };
      const code = { text: 'Anything' };
      const { body, status } = await talk.update(checkout('forged', { code, extension: [alarm, other] }), ADMIN);
      assert.deepEqual([status, body.extension], [201, [other]]);
      const again = await talk.update(checkout('forged', { code, extension: [alarm] }), ADMIN);
      assert.deepEqual([again.status, again.body.extension], [200, undefined]);
      assert.equal((await talk.search('Task?next-alarm=lt2021-01-01', CLERK)).total, 0);
    });

    it('is led on for many at once, all or none', async () => {
      const { talk } = stage();
      const ids = ['a', 'b', 'c'].map(letter => `many-${letter}`);
      await send(
        talk,
        'transaction',
        ids.map(id => put(checkout(id))),
        ADMIN,
      );
      const all = (name: string, named = ids, reason?: string) =>
        talk.send<Bundle<Task>>('POST', 'Task/$transition', {
          headers: { ...FHIR_JSON, ...CLERK },
          body: JSON.stringify({
            resourceType: 'Parameters',
            parameter: [
              { name: 'name', valueCode: name },
              ...(reason === undefined ? [] : [{ name: 'reason', valueString: reason }]),
              ...named.map(id => ({ name: 'task', valueReference: { reference: `Task/${id}` } })),
            ],
          }),
        });
      const pulled = await all('pull');
      assert.deepEqual(
        pulled.body.entry!.map(({ resource }) => workStateOf(resource!)),
        ['pulled', 'pulled', 'pulled'],
      );
      await lead(talk, 'many-b', { name: 'report-missing', reason: 'Not on its shelf.' });
      refusedAs(await all('report-missing', ids, 'Gone.'), 422, 'transition-refused', 'Parameters.parameter[3]');
      refusedAs(await all('report-missing', ['many-a']), 422, 'no-reason', 'Parameters.parameter[1]');
      for (const id of ['many-a', 'many-c'])
        assert.equal(workStateOf((await talk.get<Task>(`Task/${id}`, CLERK)).body), 'pulled');
      refusedAs(await all('take', ['many-a', 'many-a']), 400, 'bad-parameter-value', 'Parameters.parameter[2]');
      refusedAs(await all('take', []), 400, 'bad-parameter-value', 'Parameters.parameter');
      refusedAs(
        await all(
          'take',
          Array.from({ length: 201 }, (_, at) => `n-${at}`),
        ),
        400,
        'too-many-tasks',
        'Parameters.parameter[201]',
      );
      assert.equal((await all('take', ['nobody'])).status, 404);
    });

    it('is found by its term, documents by their status, patients in the order of their shelves', async () => {
      const { talk } = stage();
      await talk.update(checkout('due', { authoredOn: '2030-05-01T00:00:00Z' }), ADMIN);
      assert.deepEqual(idsOf(await talk.search('Task?due=ge2030-05-01&due=lt2030-06-01', CLERK)), ['due']);
      const document: DocumentReference = {
        resourceType: 'DocumentReference',
        status: 'current',
        docStatus: 'amended',
        content: [{ attachment: { title: 'x' } }],
      };
      const { body } = await talk.create(document, CLERK);
      assert.deepEqual(idsOf(await talk.search('DocumentReference?doc-status=amended', CLERK)), [body.id]);
      const numbers = { p1: '12-34-56', p2: '12-34-55', p3: '99-33-56', p4: '7', p5: '123' };
      for (const [id, value] of Object.entries(numbers)) {
        const type = { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code: 'MR' }] };
        await talk.update<Patient>(
          { resourceType: 'Patient', id, identifier: [{ type, value: value.replaceAll('-', '') }] },
          ADMIN,
        );
      }
      const sorted = await talk.search(`Patient?_id=${Object.keys(numbers).join(',')}&_sort=mrn-terminal`, CLERK);
      // 23·1, 55·34·12, 56·33·99, 56·34·12, 7
      assert.deepEqual(idsOf(sorted), ['p5', 'p2', 'p3', 'p1', 'p4']);
      assert.deepEqual(idsOf(await talk.search('Patient?mrn-terminal=5633', CLERK)), ['p3']);
    });
  },
  { config: { auth: 'token', tokens: workTokens, holidays: '12-25,01-01' }, set: world },
);

const DAY = 24 * 60 * 60_000;

/** Refuses the clock what it writes to some Tasks. */
const stuck: Feature = {
  name: 'stuck',
  open: () => ({
    hooks: [
      {
        types: ['Task'],
        check({ agent, id }) {
          if (agent === 'work' && id.startsWith('a-stuck')) throw new FhirError('unprocessable', 'Not this one.');
        },
      },
    ],
  }),
};

/** Waits for what comes by itself, while the clock goes on a little. */
async function until(time: SteppedTime, holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) {
    time.step(1);
    await realPause(10);
  }
}

describe('the clock of work', () => {
  const time = steppedTime(Date.UTC(2026, 1, 25, 12));
  onStoresInTurn(
    'passes over more Tasks that it may not write than stand on a page',
    stage => {
      it('and raises the alarm of the one behind them', async () => {
        const { talk } = stage();
        const ids = [...Array.from({ length: 45 }, (_, at) => `a-stuck-${at}`), 'behind'];
        time.set(Date.UTC(2026, 1, 25, 12));
        const authoredOn = '2026-02-25T12:00:00Z';
        const restriction = { period: { end: '2026-03-10' } };
        const tasks = ids.map(id => checkout(id, { restriction, authoredOn }));
        await send(talk, 'transaction', [put({ resourceType: 'Patient', id: '1' }), ...tasks.map(task => put(task))]);
        const lent = tasks.map(task => put({ ...task, status: 'in-progress', location: DESK }));
        const answer = await send(talk, 'transaction', lent);
        assert.equal(answer.status, 200, answer.text);
        time.step(10 * DAY);
        const raised = async () => (await talk.search<Communication>('Communication')).entry ?? [];
        await until(time, async () => (await raised()).length > 0);
        assert.deepEqual(
          (await raised()).map(({ resource }) => resource!.about?.[0]?.reference),
          ['Task/behind'],
        );
      });
    },
    { time, features: [recordsWork, stuck] },
  );
});

for (const [zone, begin] of [
  ['America/New_York', '05:00'],
  ['Asia/Kolkata', '18:30'],
  ['Europe/Berlin', '23:00'],
] as const)
  describe(`the clock of work in ${zone}`, () => {
    const time = steppedTime(Date.UTC(2026, 1, 25, 12));
    onStoresInTurn(
      'raises each alarm once, on its day',
      stage => {
        const alarms = async (id: string): Promise<string[]> => {
          const found = await stage().talk.search<Communication>(`Communication?subject=Patient/${id}&_sort=sent`);
          return (found.entry ?? []).map(
            ({ resource }) => `${resource!.topic!.coding![0]!.code} ${resource!.sent!.slice(0, -5)}`,
          );
        };
        const unaccounted = async (id: string): Promise<(boolean | undefined)[]> => {
          const { body } = await stage().talk.get<Parameters>(`Patient/${id}/$custody`);
          return (body.parameter ?? []).map(
            ({ part = [] }) => part.find(({ name }) => name === 'unaccounted')?.valueBoolean,
          );
        };
        it('over daylight saving, and late where nobody was there', async () => {
          const { talk } = stage();
          time.set(Date.UTC(2026, 1, 25, 12));
          const lend = async (id: string, end: string) => {
            await talk.update<Patient>({ resourceType: 'Patient', id });
            const subject = { reference: `Patient/${id}` };
            await talk.update<List>({
              resourceType: 'List',
              id: `chart-${id}`,
              status: 'current',
              mode: 'working',
              subject,
            });
            const restriction = { period: { end } };
            await talk.update(checkout(id, { for: { reference: `Patient/${id}` }, restriction }));
            const { status } = await lead(talk, id, { name: 'check-out', location: DESK }, {});
            assert.equal(status, 200);
          };
          await lend('one', '2026-03-10');
          await lend('two', '2026-04-30');
          assert.deepEqual([await alarms('one'), await alarms('two')], [[], []]);
          const [before, after] =
            zone === 'Asia/Kolkata' ? [begin, begin] : zone === 'Europe/Berlin' ? [begin, begin] : [begin, '04:00'];
          // The days begin in the zone: for those in the east on the evening before.
          const dayOf = (day: string, at: string): number =>
            Date.parse(`${day}T${at}:00.000Z`) - (at > '12:00' ? DAY : 0);
          const soon = dayOf('2026-03-06', before);
          const overdue = dayOf('2026-03-11', after);
          const goTo = (at: number): void => time.step(at - time.now());
          goTo(soon - 1);
          assert.deepEqual(await alarms('one'), []);
          goTo(soon);
          await until(time, async () => (await alarms('one')).length === 1);
          goTo(overdue - 1);
          assert.equal((await alarms('one')).length, 1);
          assert.deepEqual(await unaccounted('one'), [false], 'its last day is not over');
          goTo(overdue);
          await until(time, async () => (await alarms('one')).length === 2);
          assert.deepEqual(await alarms('one'), [
            `due-soon ${new Date(soon).toISOString().slice(0, -5)}`,
            `overdue ${new Date(overdue).toISOString().slice(0, -5)}`,
          ]);
          assert.deepEqual([await unaccounted('one'), await unaccounted('two')], [[true], [false]]);
          assert.equal((await talk.get<Task>('Task/one')).body.priority, 'urgent');
          // Lent for longer, it has its alarms once more; given back, none.
          await lead(talk, 'one', { name: 'extend', until: '2026-03-31', reason: 'Asked for.' }, {});
          await lead(talk, 'two', { name: 'check-in', location: DESK }, {});
          time.step(365 * DAY);
          await until(time, async () => (await alarms('one')).length === 5);
          assert.deepEqual(
            (await alarms('one'))
              .slice(2)
              .map(text => text.split(' ')[0]!)
              .toSorted((a, b) => a.localeCompare(b)),
            ['due-soon', 'overdue', 'unaccounted'],
          );
          const { body } = await talk.get<Task>('Task/one');
          assert.deepEqual([body.priority, workStateOf(body)], ['stat', 'out']);
          assert.deepEqual(await alarms('two'), []);
          assert.equal((await talk.search('Task?next-alarm=ge2000-01-01')).total, 0);
        });
      },
      {
        time,
        config: { timeZone: zone },
        set: async ({ talk }) =>
          void (await talk.update({ resourceType: 'List', id: 'chart', status: 'current', mode: 'working' })),
      },
    );
  });
