/**
 * `Task/[id]/$estimate-fee`: what a request would cost, before anybody decides; it writes nothing. `Task/[id]/$charge`: the same as ChargeItems and an Invoice with
 * its letter, in one commit. Defined in profiles/release/. https://hl7.org/fhir/R4/invoice.html
 */
import { print } from '../../../fhir/json/print.js';
import { isObject, itemsOf, type Decimals, type JsonObject, type Resource } from '../../../fhir/resource.js';
import type { OperationImplementation } from '../../../interactions/engine.js';
import type { Companion } from '../../../interactions/interaction.js';
import { jsonText } from '../../../interactions/operations/operation.js';
import { badParameter, type GivenParameter, readGiven } from '../../../interactions/operations/parameters.js';
import { newId } from '../../../platform/ids.js';
import { type CheckGround, readRequest } from '../check-operation.js';
import { letterLanguage, letterWritten, placesOf, type WrittenLetter } from '../letters/letter.js';
import { languageGiven } from '../letters/letter-operation.js';
import { inputOf, INVOICE_OUTPUT, outputOf } from '../request-task.js';
import { type Fee, FEE_WORDS, feeBy } from './fee.js';
import { type FeeAsked, feeAsked } from './fee-asked.js';
import { chargeItems, invoiceOf, type Priced } from './fee-resources.js';
import type { FeeSchedules } from './fee-schedules.js';
import { centsText, moneyOf } from './money.js';
import { PAYMENT_FIRST, refusePayment, standingInvoice } from './payment-hook.js';

export interface FeeGround extends CheckGround {
  readonly fees: FeeSchedules;
}

/** What is told of a fee. */
function told({ fees: { currency } }: FeeGround, { schedule }: FeeAsked, fee: Fee, decimals: Decimals): JsonObject[] {
  return [
    { name: 'schedule', valueCode: schedule.code },
    { name: 'display', valueString: schedule.display },
    ...fee.lines.map(({ kind, quantity, amount }) => ({
      name: 'line',
      part: [
        { name: 'code', valueCode: kind },
        { name: 'quantity', valueUnsignedInt: quantity },
        { name: 'amount', valueMoney: moneyOf(amount, currency, decimals) },
      ],
    })),
    ...fee.reductions.map(({ kind, amount }) => ({
      name: 'reduction',
      part: [
        { name: 'code', valueCode: kind },
        { name: 'amount', valueMoney: moneyOf(amount, currency, decimals) },
      ],
    })),
    { name: 'total', valueMoney: moneyOf(fee.total, currency, decimals) },
    { name: 'payment-first', valueBoolean: schedule.paymentFirst },
    { name: 'verified', valueBoolean: schedule.verified },
    ...(schedule.source === undefined ? [] : [{ name: 'source', valueString: schedule.source }]),
  ];
}

export const estimateFeeOperation = (ground: FeeGround): OperationImplementation => ({
  shows: 'Parameters',
  async run(context, ask) {
    const { given } = readGiven(context.engine, ask);
    const { row, task } = await readRequest(context, ask.id!);
    const asked = feeAsked(ground.fees, task, given);
    const decimals: Decimals = new Map();
    const parameter = told(ground, asked, feeBy(asked.schedule, asked.work), decimals);
    const text = Buffer.from(print({ resourceType: 'Parameters', parameter }, decimals));
    return { result: { status: 200, text, patients: row.patients } };
  },
});

const LONGEST = 1000;

export const chargeOperation = (ground: FeeGround): OperationImplementation => ({
  async run(context, ask) {
    const { given } = readGiven(context.engine, ask);
    const find = (name: string) => given.find(each => each.name === name);
    const wanted = languageGiven(ground, find('language'));
    const why = reasonGiven(find('waive'));
    const { row, task, decimals } = await readRequest(context, ask.id!);
    const { for: subject } = task;
    if (!isObject(subject))
      throw refusePayment('Whose records? The request names no patient yet.', 'Task.for', 'no-patient');
    const asked = feeAsked(ground.fees, task, given);
    const { schedule, work } = asked;
    const first = find('payment-first');
    const isFirst = jsonText(first?.value) === 'true';
    if (isFirst && !schedule.paymentFirst)
      throw refusePayment(
        `By the schedule ${schedule.code} records are not held back until they are paid for: leave payment-first out.`,
        ...([first!.at, 'payment-no-condition'] as const),
      );
    if (await standingInvoice(task, context.view, ground.bases))
      throw refusePayment(
        'There is an Invoice for this request: cancel that one first.',
        ...(['Task.output', 'charged-already'] as const),
      );
    const fee = feeBy(schedule, work);
    if (fee.lines.length === 0)
      throw refusePayment(
        `By the schedule ${schedule.code} nothing is charged for this.`,
        ...(['Task.input', 'nothing-to-charge'] as const),
      );
    const now = ground.now();
    const ids = { invoice: newId(now), items: fee.lines.map(() => newId(now)) };
    const priced: Priced = {
      ...{ task: { id: ask.id!, resource: task }, subject, schedule, fee, ids, now, why },
      ...{ currency: ground.fees.currency, decimals: new Map() },
    };
    const letter = invoiceLetter(ground, priced, isFirst, wanted);
    const body = { resource: withInvoice(task, ids.invoice, isFirst), decimals };
    const companions: readonly Companion[] = [
      { kind: 'update', type: 'Task', id: ask.id!, ifMatch: [String(row.version)], body },
      ...feeWritten(priced),
      ...letter.companions,
    ];
    const answered: Decimals = new Map();
    const parameter: JsonObject[] = [
      { name: 'invoice', valueReference: { reference: `Invoice/${ids.invoice}` } },
      { name: 'letter', valueReference: { reference: `DocumentReference/${letter.document}` } },
      ...told(ground, asked, fee, answered),
    ];
    const text = Buffer.from(print({ resourceType: 'Parameters', parameter }, answered));
    return {
      result: { status: 200, patients: row.patients, text },
      accompaniment: {
        companions: companions.map(each => ({ owner: 'release', ask: each })),
        ...{ messages: [], mustNotMatch: [] },
      },
    };
  },
});

/** Throws `invalid`. */
function reasonGiven(given: GivenParameter | undefined): string | undefined {
  if (!given) return undefined;
  const why = jsonText(given.value).trim();
  if (why !== '' && why.length <= LONGEST) return why;
  throw badParameter(`waive says why, in ${LONGEST} characters at most.`, given.at);
}

function invoiceLetter(
  { letters: { templates, head } }: FeeGround,
  { task, fee, currency, now }: Priced,
  isFirst: boolean,
  wanted: string | undefined,
): WrittenLetter {
  return letterWritten(templates, {
    ...{ kind: 'invoice', language: letterLanguage(templates, task.resource, wanted), now, task },
    places: {
      ...placesOf(task.resource, head),
      lines: fee.lines.map(({ kind, quantity, amount }) => lineText(kind, quantity, amount, currency)),
      reductions: fee.reductions.map(({ kind, amount }) => lineText(kind, 1, -amount, currency)),
      total: `${centsText(fee.total)} ${currency}`,
      first: isFirst ? 'yes' : '',
      unconditional: isFirst ? '' : 'yes',
    },
  });
}

/** ChargeItems and their Invoice: the server keeps them on its own account. */
function feeWritten(priced: Priced): readonly Companion[] {
  const { ids, decimals } = priced;
  const own = (resource: Resource, id: string): Companion => ({
    ...({ kind: 'create', own: true } as const),
    ...{ type: resource.resourceType, id, body: { resource, decimals } },
  });
  return [...chargeItems(priced).map((item, at) => own(item, ids.items[at]!)), own(invoiceOf(priced), ids.invoice)];
}

const lineText = (kind: keyof typeof FEE_WORDS, quantity: number, cents: bigint, currency: string): string =>
  `${FEE_WORDS[kind]}${quantity === 1 ? '' : ` (${quantity})`}: ${centsText(cents)} ${currency}`;

/** The request with its Invoice, which may be a condition of the release. */
function withInvoice(task: Resource, invoice: string, isFirst: boolean): Resource {
  const value = { valueReference: { reference: `Invoice/${invoice}` } };
  return {
    ...task,
    ...(isFirst ? { input: [...itemsOf(task['input']), inputOf(PAYMENT_FIRST, value)] } : {}),
    output: [...itemsOf(task['output']), outputOf(INVOICE_OUTPUT, value)],
  };
}
