/** Where charts are, and were: movements by work and by the desk, told by $custody. docs/records-desk.md */
import assert from 'node:assert/strict';
import type { DocumentReference, OperationOutcome, Parameters, Patient, Provenance, Task } from 'fhir/r4.js';
import { it } from 'mocha';
import { onStoresInTurn } from '../support/both-stores.js';
import { FULL } from '../support/depth.js';
import { createRandom } from '../support/random.js';
import { ADMIN, asRole, checkout, CLERK, DESK, FHIR_JSON, lead, refusedAs, workTokens } from '../support/work.js';

onStoresInTurn(
  'the custody of charts',
  stage => {
    const SHELF = { reference: 'Location/shelf' };
    const move = (name: string, given: Readonly<Record<string, object | string>>, headers = CLERK) =>
      stage().talk.send<Provenance>('POST', `${name}/$move`, {
        headers: { ...FHIR_JSON, ...headers },
        body: JSON.stringify({
          resourceType: 'Parameters',
          parameter: Object.entries(given).map(([key, value]) => {
            const text = key === 'activity' ? 'valueCode' : key === 'when' ? 'valueDateTime' : 'valueString';
            return { name: key, [typeof value === 'string' ? text : 'valueReference']: value };
          }),
        }),
      });
    interface Told {
      readonly what: string;
      readonly place: string;
      readonly unaccounted: boolean;
      readonly location: string | undefined;
      readonly events: readonly string[];
    }
    const custody = async (patient: string, query = ''): Promise<readonly Told[]> => {
      const { body, status, text } = await stage().talk.get<Parameters>(`Patient/${patient}/$custody${query}`, CLERK);
      assert.equal(status, 200, text);
      return (body.parameter ?? []).map(({ part = [] }) => {
        const of = (name: string) => part.find(each => each.name === name);
        return {
          what: of('what')!.valueReference!.reference!,
          place: of('place')!.valueCode!,
          unaccounted: of('unaccounted')!.valueBoolean!,
          location: of('location')?.valueReference?.reference,
          events: part.flatMap(each =>
            each.name === 'event' ? [each.part!.find(one => one.name === 'activity')!.valueCode!] : [],
          ),
        };
      });
    };
    const chart = async (id: string, patient: string): Promise<void> => {
      await stage().talk.update<Patient>({ resourceType: 'Patient', id: patient }, ADMIN);
      const list = { resourceType: 'List', id, status: 'current', mode: 'working' } as const;
      await stage().talk.update({ ...list, subject: { reference: `Patient/${patient}` } }, ADMIN);
    };

    it('tells a chart from the shelf to its end, and what is unaccounted for', async () => {
      const { talk } = stage();
      await chart('c1', 'k');
      await chart('c2', 'k');
      assert.deepEqual(
        (await custody('k')).map(({ place, unaccounted }) => [place, unaccounted]),
        [
          ['unknown', true],
          ['unknown', true],
        ],
      );
      assert.equal((await move('List/c1', { activity: 'archive', location: SHELF })).status, 200);
      await talk.update(checkout('k1', { for: { reference: 'Patient/k' }, focus: { reference: 'List/c1' } }), ADMIN);
      await lead(talk, 'k1', { name: 'pull' });
      await lead(talk, 'k1', { name: 'check-out', location: DESK });
      const of1 = async () => (await custody('k', '?item=List/c1'))[0]!;
      assert.deepEqual(await of1(), {
        what: 'List/c1',
        place: 'out',
        unaccounted: false,
        location: 'Location/desk',
        events: ['archive', 'request', 'access', 'transmit'],
      });
      await talk.update(checkout('k2', { for: { reference: 'Patient/k' }, focus: { reference: 'List/c1' } }), ADMIN);
      refusedAs(await lead(talk, 'k2', { name: 'pull' }), 422, 'work-held', 'Task.focus');
      await lead(talk, 'k1', { name: 'report-missing', reason: 'Nobody has it.' });
      assert.deepEqual([(await of1()).place, (await of1()).unaccounted], ['missing', true]);
      await lead(talk, 'k1', { name: 'find', location: SHELF });
      assert.deepEqual(
        [(await of1()).place, (await of1()).unaccounted, (await of1()).location],
        ['in-place', false, 'Location/shelf'],
      );
      assert.equal((await lead(talk, 'k2', { name: 'pull' })).status, 200);
      await lead(talk, 'k2', { name: 'cancel', reason: 'Not needed.' });
      refusedAs(await move('List/c1', { activity: 'destroy' }), 400, 'bad-parameter-value', 'Parameters.parameter[0]');
      assert.equal((await move('List/c1', { activity: 'destroy', reason: 'Its time is over.' })).status, 200);
      assert.equal((await of1()).place, 'destroyed');
      refusedAs(await move('List/c1', { activity: 'access' }), 422, 'destroyed', 'List');
      refusedAs(await move('List/c1', { activity: 'destroy', reason: 'Again.' }), 422, 'destroyed', 'List');
    });

    it('is told by Provenances that nobody alters, and whose destruction nobody forges', async () => {
      const { talk } = stage();
      await chart('c9', 'forged');
      const destroyed: Provenance = {
        resourceType: 'Provenance',
        target: [{ reference: 'List/c9' }],
        recorded: '2026-03-10T11:00:00Z',
        activity: {
          coding: [{ system: 'http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle', code: 'destroy' }],
        },
        agent: [{ who: { display: 'x' } }],
      };
      for (const headers of [CLERK, ADMIN])
        refusedAs(await talk.create<Provenance>(destroyed, headers), 422, 'destroyed-by-move', 'Provenance.activity');
      const { status } = await move('List/c9', { activity: 'destroy', reason: 'Its time is over.' });
      assert.equal(status, 200);
      const { entry } = await talk.search<Provenance>('Provenance?target=List/c9', CLERK);
      const made = entry![0]!.resource!;
      const { activity: _activity, ...bare } = made;
      const kept = [422, 'custody-kept', 'Provenance.activity'] as const;
      refusedAs(await talk.update({ ...bare, id: made.id! }, ADMIN), ...kept);
      refusedAs(await talk.delete(`Provenance/${made.id}`, ADMIN), ...kept);
      refusedAs(await move('List/c9', { activity: 'access' }), 422, 'destroyed', 'List');
      // Nor does it come back by a Provenance, by whatever name it has there.
      await chart('c10', 'forged');
      const back = (reference: string): Provenance => ({
        ...destroyed,
        target: [{ reference: 'List/c10' }, { reference }],
        activity: {
          coding: [{ system: 'http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle', code: 'receive' }],
        },
      });
      const gone = [422, 'destroyed', 'Provenance.target'] as const;
      for (const name of ['List/c9', 'List/c9/_history/1', `${talk.base}/List/c9`])
        refusedAs(await talk.create(back(name), CLERK), ...gone);
      const other = await talk.create<Provenance>(back('List/c10'), CLERK);
      assert.equal(other.status, 201, other.text);
      const ahead = { ...back('List/c10'), occurredDateTime: '2031-01-01T00:00:00Z' };
      refusedAs(await talk.create<Provenance>(ahead, CLERK), 422, 'movement-ahead', 'Provenance');
      const note = { ...destroyed, activity: { text: 'A note.' } };
      const told = await talk.create<Provenance>(note, CLERK);
      assert.equal(told.status, 201, told.text);
      refusedAs(await talk.update({ ...back('List/c9'), id: told.body.id }, CLERK), ...gone);
    });

    it('lets nothing that was destroyed be asked for or moved by work, by whatever way (S14)', async () => {
      const { talk } = stage();
      await chart('c4', 'k');
      const of = { for: { reference: 'Patient/k' }, focus: { reference: 'List/c4' } };
      await talk.update(checkout('k3', of), ADMIN);
      assert.equal((await custody('k', '?item=List/c4'))[0]!.place, 'unknown', 'who asks for it has not moved it');
      const [pulled, destroyed] = await Promise.all([
        lead(talk, 'k3', { name: 'pull' }),
        move('List/c4', { activity: 'destroy', reason: 'Its time is over.' }),
      ]);
      assert.equal(destroyed.status, 200, destroyed.text);
      if (pulled.status !== 200) refusedAs(pulled, 422, 'destroyed', 'Task.focus');
      const { businessStatus: _, ...begun } = (await talk.get<Task>('Task/k3', ADMIN)).body;
      for (const name of pulled.status === 200 ? ['check-out', 'check-in'] : ['pull', 'check-out'])
        refusedAs(await lead(talk, 'k3', { name, location: DESK }), 422, 'destroyed', 'Task.focus');
      refusedAs(
        await talk.update({ ...begun, id: 'k3', status: 'in-progress', location: DESK }, ADMIN),
        422,
        'destroyed',
        'Task.focus',
      );
      refusedAs(await talk.update(checkout('k4', of), ADMIN), 422, 'destroyed', 'Task.focus');
      const way = pulled.status === 200 ? 'report-missing' : 'cancel';
      assert.equal(
        (await lead(talk, 'k3', { name: way, reason: 'It is gone.' })).status,
        200,
        'what moves nothing may be',
      );
    });

    it('refuses movements that are none, and whoever may not', async () => {
      await chart('c3', 'm');
      for (const [given, at] of [
        [{ activity: 'flown' }, 0],
        [{ activity: 'transmit' }, 0],
        [{ activity: 'access', when: '2999-01-01T00:00:00Z' }, 1],
        [{ activity: 'access', when: '2020-01-01' }, 1],
      ] as const)
        refusedAs(await move('List/c3', given), 400, 'bad-parameter-value', `Parameters.parameter[${at}]`);
      assert.equal((await move('List/none', { activity: 'access' })).status, 404);
      for (const role of ['reader', 'clinician'] as const)
        assert.equal(
          (await move('List/c3', { activity: 'access' }, asRole(role))).status,
          role === 'reader' ? 403 : 200,
          role,
        );
      const { status } = await stage().talk.get('Patient/m/$custody?item=Observation/1', CLERK);
      assert.equal(status, 400);
      assert.equal((await stage().talk.get('Patient/nobody/$custody', CLERK)).status, 404);
    });

    it('is not told in part where more Tasks than it looks through have things in their hands', async function () {
      if (!FULL) this.skip();
      await chart('t1', 't');
      for (let from = 0; from < 2001; from += 667) {
        const entry = Array.from({ length: 667 }, (_, n) => {
          const resource = checkout('', { for: { reference: 'Patient/t' }, focus: { reference: `List/t${from + n}` } });
          return { resource: { ...resource, id: undefined }, request: { method: 'POST', url: 'Task' } };
        });
        const { status, text } = await stage().talk.send('POST', '', {
          headers: { ...FHIR_JSON, ...ADMIN },
          body: JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry }),
        });
        assert.equal(status, 200, text.slice(0, 500));
      }
      const { status, body } = await stage().talk.get<OperationOutcome>('Patient/t/$custody', CLERK);
      assert.deepEqual([status, body.issue[0]!.details!.coding![0]!.code], [400, 'custody-too-long']);
      assert.equal((await custody('t', '?item=List/t1'))[0]!.what, 'List/t1');
    });

    it('is what a plain recount of random movements gives', async () => {
      const random = createRandom(21089);
      const draw = (below: number): number => random.below(below);
      const things = ['List/r1', 'List/r2', 'DocumentReference/r3'];
      for (const id of ['r1', 'r2']) await chart(id, 'r');
      const attachment = { contentType: 'text/plain', data: 'QSBub3RlLgo=' };
      const file: DocumentReference = {
        resourceType: 'DocumentReference',
        id: 'r3',
        status: 'current',
        content: [{ attachment }],
        subject: { reference: 'Patient/r' },
      };
      await stage().talk.update({ ...file, id: 'r3' }, ADMIN);
      // The file was received when it was stored, after all that is said of the years before.
      interface Recounted {
        readonly events: { readonly at: number; readonly activity: string }[];
        over: boolean;
      }
      const recounted = (name: string): Recounted => ({
        events: name === 'DocumentReference/r3' ? [{ at: Infinity, activity: 'receive' }] : [],
        over: false,
      });
      const told = new Map(things.map(name => [name, recounted(name)]));
      const activities = ['receive', 'access', 'transmit', 'archive', 'restore', 'originate', 'destroy'] as const;
      const places = ['in-place', 'pulled', 'out', 'in-place', 'in-place', 'in-place', 'destroyed'];
      const start = Date.UTC(2020, 0, 1);
      let moved = 0;
      for (let n = 0; n < (FULL ? 600 : 40); n++) {
        const name = things[draw(things.length)]!;
        // Few things are destroyed, and late.
        const activity = activities[draw(n > (FULL ? 540 : 30) && draw(8) === 0 ? 7 : 6)]!;
        const at = start + draw(100_000) * 60_000;
        const given = {
          activity,
          location: { reference: `Location/${draw(9)}` },
          when: new Date(at).toISOString(),
          reason: 'So.',
        };
        const { status } = await move(name, given);
        const one = told.get(name)!;
        assert.equal(status, one.over ? 422 : 200);
        if (status !== 200) continue;
        moved++;
        one.events.push({ at, activity });
        one.over ||= activity === 'destroy';
      }
      assert.ok(moved > (FULL ? 500 : 20), String(moved));
      const found = await custody('r');
      assert.deepEqual(found.map(({ what }) => what).toSorted(), things.toSorted());
      for (const { what, events, place, unaccounted } of found) {
        const { events: expected, over } = told.get(what)!;
        const inOrder = expected.toSorted((one, other) => one.at - other.at).map(({ activity }) => activity);
        const times = new Set(expected.map(({ at }) => at));
        // Of movements at the same time any may be the earlier one.
        if (times.size === expected.length) assert.deepEqual(events, inOrder, what);
        else assert.deepEqual(events.toSorted(), inOrder.toSorted(), what);
        const last = activities.findIndex(activity => activity === events.at(-1));
        assert.equal(place, over ? 'destroyed' : (places[last] ?? 'unknown'), what);
        assert.equal(unaccounted, place === 'unknown');
      }
    });
  },
  { config: { auth: 'token', tokens: workTokens } },
);
