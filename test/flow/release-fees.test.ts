/** Fees for copies of records: an estimate that writes nothing, and a charge that is an Invoice, its ChargeItems and its letter, or nothing. docs/records-desk.md */
import assert from 'node:assert/strict';
import type { Bundle, ChargeItem, Invoice, Parameters, Patient, Task } from 'fhir/r4.js';
import { describe, it } from 'mocha';
import { onStoresInTurn } from '../support/both-stores.js';
import { aboutTask, type GivenValues, ledTo, lettersOf, requestBegun, runOn } from '../support/records-request.js';
import { steppedTime } from '../support/stepped-time.js';
import type { Reply, Talk } from '../support/talk.js';
import { ADMIN, asRole, CLERK, refusedAs, workTokens } from '../support/work.js';

const charge = (talk: Talk, id: string, ...given: GivenValues): Promise<Reply<Parameters>> =>
  runOn(talk, `${id}/$charge`, given);
const estimate = (talk: Talk, id: string, query: string, headers = CLERK): Promise<Reply<Parameters>> =>
  talk.get<Parameters>(`Task/${id}/$estimate-fee${query}`, headers);
/** `pages 3 1.50, total 1.50`, as the digits stand in the text. */
const feeTold = ({ status, text }: Reply<Parameters>): string => {
  assert.equal(status, 200, text);
  const lines = [
    ...text.matchAll(/"name":"(line|reduction)","part":\[\{"name":"code","valueCode":"(\w+)"\}.*?"value":(-?[\d.]+)/g),
  ];
  const total = /"name":"total","valueMoney":\{"value":([\d.]+),"currency":"USD"\}/.exec(text);
  return [...lines.map(([, name, code, amount]) => `${name === 'line' ? '' : '-'}${code} ${amount}`), total![1]].join(
    ', ',
  );
};
const PAGES: GivenValues[number] = { name: 'pages', valueUnsignedInt: 30 };
const attorney = (talk: Talk, ...more: GivenValues) =>
  requestBegun(
    talk,
    { name: 'requester-class', valueCode: 'attorney' },
    { name: 'delivery', valueCode: 'mail' },
    { name: 'address', valueString: '1 Court Street' },
    ...more,
  );
const invoicesOf = async (talk: Talk, id: string): Promise<readonly Invoice[]> => {
  const { body } = await talk.get<Task>(`Task/${id}`, CLERK);
  const named = (body.output ?? []).map(({ valueReference }) => valueReference!.reference!);
  const found: Invoice[] = [];
  for (const reference of named) found.push((await talk.get<Invoice>(reference, ADMIN)).body);
  return found;
};

describe('fees for copies of records', () => {
  const time = steppedTime(Date.UTC(2026, 2, 10, 12));
  onStoresInTurn(
    'of requests',
    stage => {
      it('are estimated by class, format and jurisdiction, and nothing is written', async () => {
        const { talk } = stage();
        const [patient, lawyer] = [await requestBegun(talk), await attorney(talk)];
        const count = async () => (await talk.get<Bundle>('Invoice?_summary=count', ADMIN)).body.total;
        const before = (await talk.get<Task>(`Task/${patient}`, CLERK)).text;
        const rows: readonly (readonly [string, string, string])[] = [
          [patient, '?format=pdf', 'flat 6.50, 6.50'],
          [patient, '?pages=30&minutes=7', 'labour 2.33, pages 1.50, 3.83'],
          [patient, '?format=pdf&waive=Hardship', 'flat 6.50, -waiver 6.50, 0.00'],
          [lawyer, '?pages=30&format=pdf', 'pages 27.50, 27.50'],
          [lawyer, '?pages=30&postage=4.05&medium=usb', 'pages 27.50, medium 8.00, postage 4.05, 39.55'],
          [lawyer, '?pages=90000', 'pages 22537.50, -cap 22187.50, 350.00'],
        ];
        for (const [id, query, text] of rows) assert.equal(feeTold(await estimate(talk, id, query)), text, query);
        const { body } = await estimate(talk, patient, '?format=pdf');
        const told = Object.fromEntries(
          body.parameter!.map(each => [each.name, each.valueCode ?? each.valueBoolean ?? each.valueString]),
        );
        assert.deepEqual([told['schedule'], told['payment-first'], told['verified']], ['access-flat', false, true]);
        assert.match(String(told['source']), /^https:\/\/www\.hhs\.gov\//);
        const california = await requestBegun(talk, { name: 'jurisdiction', valueCode: 'US-CA' });
        assert.equal(feeTold(await estimate(talk, california, '?pages=30')), 'pages 7.50, 7.50');
        assert.equal((await talk.get<Task>(`Task/${patient}`, CLERK)).text, before);
        assert.deepEqual([await count(), await lettersOf(talk, patient)], [0, []]);
      });

      it('are not estimated from what cannot be meant', async () => {
        const { talk } = stage();
        const [patient, lawyer] = [await requestBegun(talk), await attorney(talk)];
        const flatMailed = await requestBegun(
          talk,
          { name: 'delivery', valueCode: 'mail' },
          { name: 'address', valueString: '1 Main Street' },
        );
        const rows: readonly (readonly [string, string, string])[] = [
          [patient, '', 'Parameters.parameter'],
          [patient, '?pages=-1', 'http.pages'],
          [patient, '?pages=1.5', 'http.pages'],
          [patient, '?pages=100001', 'http.pages'],
          [patient, '?pages=1&minutes=6001', 'http.minutes'],
          [patient, '?pages=1&format=parchment', 'http.format'],
          [patient, '?pages=1&medium=usb', 'http.medium'],
          // What the schedule does not charge by.
          [patient, '?format=pdf&pages=900', 'http.pages'],
          [patient, '?format=pdf&minutes=0', 'http.minutes'],
          [flatMailed, '?format=pdf&postage=1.00', 'http.postage'],
          [lawyer, '?pages=1&minutes=7', 'http.minutes'],
          [patient, '?pages=1&postage=1.00', 'http.postage'],
          [lawyer, '?pages=1&medium=constructor', 'http.medium'],
          [lawyer, '?pages=1&postage=-1.00', 'http.postage'],
          [lawyer, '?pages=1&postage=1e2', 'http.postage'],
          [lawyer, '?pages=1&postage=0.005', 'http.postage'],
          [lawyer, '?pages=1&postage=1000.01', 'http.postage'],
        ];
        for (const [id, query, at] of rows) refusedAs(await estimate(talk, id, query), 400, 'bad-parameter-value', at);
        assert.equal((await estimate(talk, 'nobody', '?pages=1')).status, 404);
        assert.equal((await estimate(talk, patient, '?pages=1', asRole('reader'))).status, 403);
        assert.equal((await estimate(talk, patient, '?search=1')).status, 400);
      });

      it('are charged as ChargeItems, an Invoice and its letter', async () => {
        const { talk } = stage();
        const id = await attorney(talk, { name: 'language', valueCode: 'es' });
        const made = await charge(talk, id, PAGES, { name: 'postage', valueDecimal: 4.05 });
        assert.equal(feeTold(made), 'pages 27.50, postage 4.05, 31.55');
        const [invoice, ...more] = await invoicesOf(talk, id);
        assert.deepEqual(more, []);
        assert.deepEqual([invoice!.status, invoice!.subject?.reference], ['issued', 'Patient/asked-for']);
        assert.match(
          (await talk.get(`Invoice/${invoice!.id}`, ADMIN)).text,
          /"totalNet":\{"value":31\.55,"currency":"USD"\}/,
        );
        assert.match((await talk.get(`Invoice/${invoice!.id}`, ADMIN)).text, /"amount":\{"value":27\.50,/);
        const items = await aboutTask<ChargeItem>(talk, 'ChargeItem?subject=Patient/asked-for', id);
        assert.deepEqual(
          items.map(({ id: item, code, quantity }) => [`ChargeItem/${item}`, code.coding![0]!.code, quantity!.value]),
          invoice!.lineItem!.map(({ chargeItemReference }, at) => [
            chargeItemReference!.reference,
            ['pages', 'postage'][at],
            [30, 1][at],
          ]),
        );
        const [letter, ...others] = await lettersOf(talk, id);
        assert.deepEqual(others, []);
        assert.match(
          letter!.html,
          /<li dir="auto">Pages \(30\): 27\.50 USD<\/li>.*Total: 31\.55 USD.*No se cobra nada por buscar/s,
        );
        assert.match(letter!.html, /aunque esto no se haya pagado/);
        refusedAs(await charge(talk, id, PAGES), 422, 'charged-already', 'Task.output');
        const cancelled = { ...invoice!, status: 'cancelled' as const, id: invoice!.id! };
        assert.equal((await talk.update<Invoice>(cancelled, ADMIN)).status, 200);
        const waived = await charge(talk, id, PAGES, { name: 'waive', valueString: 'Hardship' });
        assert.equal(feeTold(waived), 'pages 27.50, -waiver 27.50, 0.00');
        const second = (await invoicesOf(talk, id))[1]!;
        assert.deepEqual([second.status, second.totalNet?.value, second.note?.[0]?.text], ['balanced', 0, 'Hardship']);
        assert.equal(second.totalPriceComponent?.[0]?.amount?.value, -27.5);
      });

      it('are no condition of what a patient has a right to', async () => {
        const { talk } = stage();
        const first: GivenValues[number] = { name: 'payment-first', valueBoolean: true };
        const [id, lawyer] = [await requestBegun(talk), await attorney(talk)];
        refusedAs(await charge(talk, id, PAGES, first), 422, 'payment-no-condition', 'Parameters.parameter[1]');
        assert.deepEqual([await invoicesOf(talk, id), await lettersOf(talk, id)], [[], []]);
        // Nor by plain FHIR.
        const type = { coding: [{ system: 'urn:chartroom:input', code: 'payment-first' }] };
        const condition = { type, valueReference: { reference: 'Invoice/none' } };
        const { body: task } = await talk.get<Task>(`Task/${id}`, CLERK);
        const forced: Task = { ...task, input: [...task.input!, condition] };
        refusedAs(await talk.update({ ...forced, id }, CLERK), 422, 'payment-no-condition', 'Task.input');
        // Positive control, and what was agreed stays.
        assert.equal((await charge(talk, lawyer, PAGES, first)).status, 200);
        const [invoice] = await invoicesOf(talk, lawyer);
        const address = `Invoice/${invoice!.id!}`;
        refusedAs(await talk.send('DELETE', address, { headers: ADMIN }), 422, 'invoice-kept', 'Invoice.type');
        const { type: _, ...bare } = { ...invoice!, id: invoice!.id! };
        refusedAs(await talk.update<Invoice>(bare, ADMIN), 422, 'invoice-kept', 'Invoice.type');
        const other = await talk.create<Invoice>({ resourceType: 'Invoice', status: 'draft' }, ADMIN);
        assert.equal((await talk.send('DELETE', `Invoice/${other.body.id}`, { headers: ADMIN })).status, 204);
        const { body: agreed } = await talk.get<Task>(`Task/${lawyer}`, CLERK);
        assert.match((await lettersOf(talk, lawyer))[0]!.html, /are released when this is paid/);
        const input = agreed.input!.filter(({ type: of }) => of.coding?.[0]?.code !== 'payment-first');
        assert.equal(input.length, agreed.input!.length - 1);
        refusedAs(await talk.update({ ...agreed, id: lawyer, input }, CLERK), 422, 'payment-altered', 'Task.input');
        // Erased by an order, it holds back nobody who may see that it is.
        refusedAs(await charge(talk, lawyer, PAGES), 422, 'charged-already', 'Task.output');
        assert.equal((await talk.send('POST', `${address}/$purge`, { headers: ADMIN })).status, 200);
        refusedAs(await charge(talk, lawyer, PAGES), 422, 'charged-already', 'Task.output');
        const anew = await runOn(talk, `${lawyer}/$charge`, [PAGES], ADMIN);
        assert.equal(anew.status, 200, anew.text);
      });

      it('are refused as a whole, and of two who charge at once one does', async () => {
        const { talk } = stage();
        const id = await attorney(talk);
        const unknown = await requestBegun(talk, { name: 'requester-class', valueCode: 'attorney' });
        const rows: readonly (readonly [GivenValues, number, string, string])[] = [
          [[], 400, 'bad-parameter-value', 'Parameters.parameter'],
          [[{ name: 'pages', valueUnsignedInt: 0 }], 422, 'nothing-to-charge', 'Task.input'],
          [[PAGES, { name: 'waive', valueString: ' ' }], 400, 'bad-parameter-value', 'Parameters.parameter[1]'],
          [[PAGES, { name: 'language', valueCode: 'tlh' }], 400, 'bad-parameter-value', 'Parameters.parameter[1]'],
        ];
        for (const [given, status, detail, at] of rows) refusedAs(await charge(talk, id, ...given), status, detail, at);
        const payer = await requestBegun(talk, { name: 'requester-class', valueCode: 'payer' });
        refusedAs(await charge(talk, payer, PAGES), 422, 'nothing-to-charge', 'Task.input');
        assert.equal((await runOn(talk, `${id}/$charge`, [PAGES], asRole('reader'))).status, 403);
        const nobody = await runOn<Task>(talk, '$request-records', [
          { name: 'requester-class', valueCode: 'attorney' },
          { name: 'requester', valueString: 'Doe' },
          { name: 'patient-description', valueString: 'Born on a Monday' },
          { name: 'purpose', valueCode: 'HLEGAL' },
          { name: 'delivery', valueCode: 'pickup' },
        ]);
        refusedAs(await charge(talk, nobody.body.id!, PAGES), 422, 'no-patient', 'Task.for');
        await ledTo(talk, unknown, 'log');
        const both = await Promise.all([charge(talk, id, PAGES), charge(talk, id, PAGES)]);
        assert.deepEqual(
          both.filter(({ status }) => status === 200).length,
          1,
          both.map(({ text }) => text).join('\n'),
        );
        assert.equal((await invoicesOf(talk, id)).length, 1);
        assert.equal((await lettersOf(talk, id)).length, 1);
        assert.equal((await aboutTask(talk, 'ChargeItem?subject=Patient/asked-for', id)).length, 1);
      });
    },
    {
      time,
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
