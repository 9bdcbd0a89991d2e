/** Delivery of released records: what proves it, and what follows where it failed or reached somebody else. docs/records-desk.md */
import assert from 'node:assert/strict';
import type { AuditEvent, Bundle, Communication, Parameters, Patient, Task } from 'fhir/r4.js';
import { describe, it } from 'mocha';
import type { Resource } from '../../src/fhir/resource.js';
import { onStoresInTurn } from '../support/both-stores.js';
import { type GivenValues, requestBegun, runOn } from '../support/records-request.js';
import { asRelease, releasedAnew, releasingFeatures, requestReleased } from '../support/released-request.js';
import { steppedTime } from '../support/stepped-time.js';
import type { Reply, Talk } from '../support/talk.js';
import { ADMIN, asRole, CLERK, lead, refusedAs, workStateOf, workTokens } from '../support/work.js';

const DAY = 86_400_000;
const HAND: GivenValues = [
  { name: 'method', valueCode: 'hand' },
  { name: 'taken-by', valueString: 'Ada <Lindqvist>' },
  { name: 'identity-document', valueString: 'passport' },
];
const deliver = (talk: Talk, id: string, given: GivenValues): Promise<Reply<Parameters>> =>
  runOn(talk, `${id}/$deliver`, given);
const outcome = (talk: Talk, id: string, given: GivenValues): Promise<Reply<Parameters>> =>
  runOn(talk, `${id}/$delivery-outcome`, given);
const referenceIn = ({ body, status, text }: Reply<Parameters>, name: string): string => {
  assert.equal(status, 200, text);
  return body.parameter!.find(each => each.name === name)!.valueReference!.reference!;
};
const delivered = async (talk: Talk) => {
  const { id, document } = await requestReleased(talk);
  return { id, document, delivery: referenceIn(await deliver(talk, id, HAND), 'delivery') };
};
const told = (delivery: string, outcomeOf: string, ...more: GivenValues): GivenValues => [
  { name: 'delivery', valueReference: { reference: delivery } },
  { name: 'outcome', valueCode: outcomeOf },
  { name: 'reason', valueString: 'The envelope had another name on it.' },
  ...more,
];
const disclosuresOf = async (talk: Talk): Promise<number> => {
  const query =
    'AuditEvent?patient=Patient/asked-for&subtype=http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle|disclose';
  return (await talk.search<AuditEvent>(`${query}&_summary=count`, ADMIN)).total!;
};

describe('delivery of released records', () => {
  const time = steppedTime(Date.UTC(2026, 2, 10, 12));
  onStoresInTurn(
    'on paper and by hand',
    stage => {
      it('keeps who took them and which identity document was seen', async () => {
        const { talk } = stage();
        const { id, document } = await requestReleased(talk);
        const made = await deliver(talk, id, HAND);
        const { body } = await talk.get<Communication>(referenceIn(made, 'delivery'), CLERK);
        assert.deepEqual([body.status, body.subject?.reference], ['completed', 'Patient/asked-for']);
        assert.deepEqual(body.payload, [{ contentReference: { reference: `DocumentReference/${document}` } }]);
        assert.deepEqual(
          body.extension!.map(({ extension }) =>
            extension!.map(({ valueCode, valueString }) => valueCode ?? valueString).join(' '),
          ),
          ['method hand', 'taken-by Ada <Lindqvist>', 'identity-document passport'],
        );
        const again = await deliver(talk, id, [
          { name: 'method', valueCode: 'print' },
          { name: 'taken-by', valueString: 'Courier 7' },
        ]);
        const { body: task } = await talk.get<Task>(`Task/${id}`, CLERK);
        const deliveries = task.output!.filter(({ type }) => type.coding?.[0]?.code === 'delivery');
        assert.deepEqual(
          deliveries.map(({ valueReference }) => valueReference!.reference),
          [referenceIn(made, 'delivery'), referenceIn(again, 'delivery')],
        );
      });

      it('is refused without its proof, before the release, and to others', async () => {
        const { talk } = stage();
        const { id } = await requestReleased(talk);
        const rows: readonly (readonly [GivenValues, string])[] = [
          [[{ name: 'method', valueCode: 'pigeon' }], 'Parameters.parameter[0]'],
          [[{ name: 'method', valueCode: 'toString' }], 'Parameters.parameter[0]'],
          [HAND.slice(0, 2), 'Parameters.parameter'],
          [[HAND[0]!, { name: 'taken-by', valueString: ' ' }, HAND[2]!], 'Parameters.parameter[1]'],
          [[HAND[0]!, { name: 'taken-by', valueString: 'x'.repeat(201) }, HAND[2]!], 'Parameters.parameter[1]'],
          [[{ name: 'method', valueCode: 'print' }, ...HAND.slice(1)], 'Parameters.parameter[2]'],
          [HAND.slice(1), 'Parameters.parameter'],
        ];
        for (const [given, at] of rows) refusedAs(await deliver(talk, id, given), 400, 'bad-parameter-value', at);
        const early = await requestBegun(talk);
        refusedAs(await deliver(talk, early, HAND), 422, 'not-released', 'Task.businessStatus');
        assert.equal((await deliver(talk, 'nobody', HAND)).status, 404);
        assert.equal((await runOn(talk, `${id}/$deliver`, HAND, asRole('reader'))).status, 403);
        const { body: task } = await talk.get<Task>(`Task/${id}`, CLERK);
        assert.deepEqual(
          task.output!.map(({ type }) => type.coding?.[0]?.code),
          ['package'],
        );
      });

      it('is of what was released: of other bytes in its place nothing is delivered, whatever the way', async () => {
        const { talk } = stage();
        const { id, document } = await requestReleased(talk);
        const { body } = await talk.get<Resource>(`DocumentReference/${document}`, ADMIN);
        const attachment = { contentType: 'text/plain', data: Buffer.from('Of somebody else.').toString('base64') };
        const resource = { ...body, content: [{ attachment }] };
        // As if what keeps packages had been passed around.
        await asRelease(talk, {
          ...{ kind: 'update', type: 'DocumentReference', id: document, body: { resource, decimals: undefined } },
        });
        const passcode = { name: 'passcode', valueString: 'plough-tram-willow-9' };
        const ways: readonly GivenValues[] = [
          HAND,
          [{ name: 'method', valueCode: 'print' }, HAND[1]!],
          [{ name: 'method', valueCode: 'link' }, passcode],
          [{ name: 'method', valueCode: 'health-link' }, passcode],
        ];
        for (const way of ways) refusedAs(await deliver(talk, id, way), 422, 'package-changed', 'Task.output');
      });

      it('stands in the request and in its Communication as it was made', async () => {
        const { talk } = stage();
        const { id, delivery } = await delivered(talk);
        const { body: task } = await talk.get<Task>(`Task/${id}`, CLERK);
        const output = task.output!.map(each =>
          each.valueReference!.reference === delivery
            ? { ...each, valueReference: { reference: 'Communication/x' } }
            : each,
        );
        const invoice = {
          type: { coding: [{ system: 'urn:chartroom:task-output', code: 'invoice' }] },
          valueReference: { reference: 'Invoice/none' },
        };
        for (const other of [output, task.output!.slice(0, 1), [...task.output!, invoice]])
          refusedAs(await talk.update<Task>({ ...task, id, output: other }, CLERK), 422, 'release-kept', 'Task.input');
        const { body } = await talk.get<Communication>(delivery, CLERK);
        const shown = { ...body, id: body.id! };
        const altered = await talk.update<Communication>({ ...shown, status: 'stopped' }, ADMIN);
        refusedAs(altered, 422, 'delivery-kept', 'Communication.category');
        refusedAs(
          await talk.update({ ...shown, category: [{ text: 'Letter' }] }, ADMIN),
          422,
          'delivery-kept',
          'Communication.category',
        );
        refusedAs(
          await talk.send('DELETE', delivery, { headers: ADMIN }),
          422,
          'delivery-kept',
          'Communication.category',
        );
        // Positive controls.
        const plain = await talk.create<Communication>({ resourceType: 'Communication', status: 'completed' }, ADMIN);
        assert.equal((await talk.send('DELETE', `Communication/${plain.body.id}`, { headers: ADMIN })).status, 204);
        const described = await talk.update<Task>({ ...task, id, description: 'Looked at.' }, CLERK);
        assert.equal(described.status, 200, described.text);
      });

      it('that failed sends the request back, and is no incident', async () => {
        const { talk } = stage();
        const { id, delivery } = await delivered(talk);
        const before = await disclosuresOf(talk);
        const failed = await outcome(talk, id, told(delivery, 'failed'));
        assert.equal(failed.status, 200, failed.text);
        assert.equal(
          failed.body.parameter!.some(({ name }) => name === 'incident'),
          false,
        );
        const { body: task } = await talk.get<Task>(`Task/${id}`, CLERK);
        assert.deepEqual(
          [workStateOf(task), task.statusReason?.text],
          ['searching', 'The envelope had another name on it.'],
        );
        const { body } = await talk.get<Communication>(delivery, CLERK);
        assert.deepEqual([body.status, body.statusReason?.coding?.[0]?.code], ['not-done', 'failed']);
        assert.equal(await disclosuresOf(talk), before);
        refusedAs(await outcome(talk, id, told(delivery, 'failed')), 422, 'not-released', 'Task.businessStatus');
      });

      it('that failed is told once, and takes no later release back', async () => {
        const { talk } = stage();
        const { id, document, delivery } = await delivered(talk);
        assert.equal((await outcome(talk, id, told(delivery, 'failed'))).status, 200);
        await releasedAnew(talk, { id, document });
        const later = referenceIn(await deliver(talk, id, HAND), 'delivery');
        refusedAs(await outcome(talk, id, told(delivery, 'failed')), 422, 'outcome-told', 'Parameters.parameter[0]');
        assert.equal(workStateOf((await talk.get<Task>(`Task/${id}`, CLERK)).body), 'released');
        // Positive control.
        assert.equal((await outcome(talk, id, told(later, 'failed'))).status, 200);
      });

      it('that reached somebody else begins an incident, with its term and its disclosure, all or nothing', async () => {
        const { talk } = stage();
        const { id, delivery } = await delivered(talk);
        const before = await disclosuresOf(talk);
        const received = { name: 'received-by', valueString: 'A neighbour' };
        const rows: readonly (readonly [GivenValues, string])[] = [
          [told(delivery, 'lost'), 'Parameters.parameter[1]'],
          [told(delivery, 'wrong-recipient'), 'Parameters.parameter'],
          [told(delivery, 'failed', received), 'Parameters.parameter[3]'],
          [told('Communication/nobody', 'failed'), 'Parameters.parameter[0]'],
          [told('Task/1', 'failed'), 'Parameters.parameter[0]'],
          [told('nonsense', 'failed'), 'Parameters.parameter[0]'],
          [told(delivery, 'failed').slice(0, 2), 'Parameters.parameter'],
        ];
        for (const [given, at] of rows) refusedAs(await outcome(talk, id, given), 400, 'bad-parameter-value', at);
        assert.deepEqual(
          [await disclosuresOf(talk), workStateOf((await talk.get<Task>(`Task/${id}`, CLERK)).body)],
          [before, 'released'],
        );
        const wrong = await outcome(talk, id, told(delivery, 'wrong-recipient', received));
        const { body: incident } = await talk.get<Task>(referenceIn(wrong, 'incident'), CLERK);
        assert.deepEqual(
          [
            workStateOf(incident),
            incident.for?.reference,
            incident.focus?.reference,
            incident.restriction?.period?.end,
          ],
          ['reported', 'Patient/asked-for', delivery, '2026-05-09'],
        );
        assert.equal(await disclosuresOf(talk), before + 1);
        const accounting = await talk.send<Bundle>('POST', 'Patient/asked-for/$accounting-of-disclosures', {
          headers: ADMIN,
        });
        assert.match(accounting.text, /A neighbour/);
        const { body: task } = await talk.get<Task>(`Task/${id}`, CLERK);
        assert.equal(workStateOf(task), 'searching');
      });

      it('that reached somebody else is told when it is known, of a closed and of a reopened request, once', async () => {
        const { talk } = stage();
        const received = { name: 'received-by', valueString: 'A neighbour' };
        const [closed, reopened] = [await delivered(talk), await delivered(talk)];
        assert.equal((await lead(talk, closed.id, { name: 'close' })).status, 200);
        const second = referenceIn(await deliver(talk, reopened.id, HAND), 'delivery');
        assert.equal((await outcome(talk, reopened.id, told(reopened.delivery, 'failed'))).status, 200);
        for (const [id, delivery, state] of [
          [closed.id, closed.delivery, 'closed'],
          [reopened.id, second, 'searching'],
          [reopened.id, reopened.delivery, 'searching'],
        ] as const) {
          const before = await disclosuresOf(talk);
          const wrong = await outcome(talk, id, told(delivery, 'wrong-recipient', received));
          assert.match(referenceIn(wrong, 'incident'), /^Task\//);
          assert.deepEqual(
            [await disclosuresOf(talk), workStateOf((await talk.get<Task>(`Task/${id}`, CLERK)).body)],
            [before + 1, state],
          );
          for (const again of [told(delivery, 'wrong-recipient', received), told(delivery, 'failed')])
            refusedAs(await outcome(talk, id, again), 422, 'outcome-told', 'Parameters.parameter[0]');
        }
      });

      it('of another request is none of this one, whatever its outputs say', async () => {
        const { talk } = stage();
        const [one, other] = [await delivered(talk), await delivered(talk)];
        const { body: task } = await talk.get<Task>(`Task/${one.id}`, CLERK);
        const output = task.output!.map(each =>
          each.valueReference!.reference === one.delivery
            ? { ...each, valueReference: { reference: other.delivery } }
            : each,
        );
        const resource = { ...task, output } as unknown as Resource;
        const body = { resource, decimals: undefined };
        await asRelease(talk, { kind: 'update', type: 'Task', id: one.id, body });
        for (const each of [told(other.delivery, 'failed'), told(other.delivery, 'revoked')])
          refusedAs(await outcome(talk, one.id, each), 400, 'bad-parameter-value', 'Parameters.parameter[0]');
        assert.equal((await outcome(talk, other.id, told(other.delivery, 'failed'))).status, 200);
      });

      it('leaves an incident to privacy officers, with alarms 30, 45 and 55 days after its discovery', async () => {
        const { talk } = stage();
        const { id, delivery } = await delivered(talk);
        const received = { name: 'received-by', valueString: 'A neighbour' };
        const incident = referenceIn(
          await outcome(talk, id, told(delivery, 'wrong-recipient', received)),
          'incident',
        ).slice(5);
        refusedAs(
          await lead(talk, incident, { name: 'look-at' }),
          403,
          'transition-of-another-role',
          'Task.businessStatus',
        );
        const note = (text: string) => lead(talk, incident, { name: 'note', note: text }, ADMIN);
        const raised: string[] = [];
        let last = 0;
        for (const [day, alarm] of [
          [29, ''],
          [30, 'thirty-days'],
          [45, 'forty-five-days'],
          [55, 'fifty-five-days'],
          [61, 'overdue'],
        ] as const) {
          time.step((day - last) * DAY);
          last = day;
          assert.equal((await note(`Day ${day}`)).status, 200);
          const { body } = await talk.get<Bundle<Communication>>(
            `Communication?category=urn:chartroom:communication|alarm&_count=1000`,
            ADMIN,
          );
          const about = (body.entry ?? []).filter(
            ({ resource }) => resource!.about?.[0]?.reference === `Task/${incident}`,
          );
          if (alarm !== '') raised.push(alarm);
          assert.deepEqual(
            new Set(about.map(({ resource }) => resource!.topic!.coding![0]!.code)),
            new Set(raised),
            String(day),
          );
        }
        time.set(time.now() - last * DAY);
      });
    },
    {
      time,
      features: releasingFeatures,
      config: { auth: 'token', tokens: workTokens },
      set: async ({ talk }) => {
        await talk.update<Patient>(
          { resourceType: 'Patient', id: 'asked-for', name: [{ family: 'Secretname' }] },
          ADMIN,
        );
      },
    },
  );
});
