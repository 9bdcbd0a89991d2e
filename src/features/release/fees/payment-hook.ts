/**
 * What an Invoice means to its request: there is one at a time, and where payment was made a condition nothing is released before it is paid. Which requests may
 * have that condition is said by their schedule (fee-schedules.ts); nobody adds it otherwise.
 */
import { isDeepStrictEqual } from 'node:util';
import { FhirError } from '../../../fhir/error.js';
import { parseJson, STORED_JSON } from '../../../fhir/json/json.js';
import { parseReference } from '../../../fhir/reference.js';
import { isObject, itemsOf, type Json, type Resource } from '../../../fhir/resource.js';
import type { Context } from '../../../interactions/engine.js';
import { jsonText } from '../../../interactions/operations/operation.js';
import { type FeatureHook, isPurge } from '../../../interactions/write/hooks.js';
import type { FeeSchedules } from './fee-schedules.js';
import {
  inputValues,
  INVOICE_OUTPUT,
  isRecordsRequest,
  outputsOfKind,
  RELEASED,
  requestState,
} from '../request-task.js';

/** A kind of input of a request. */
export const PAYMENT_FIRST = 'payment-first';
export const INVOICE_CODES = 'urn:chartroom:invoice';

type InvoiceView = Pick<Context['view'], 'read'>;

/** Its status; undefined: it cannot be read. What is erased is off, for those who see that it was there. */
async function invoiceStatus(
  reference: Json | undefined,
  view: InvoiceView,
  bases: readonly string[],
): Promise<string | undefined> {
  const text = isObject(reference) && typeof reference['reference'] === 'string' ? reference['reference'] : '';
  const target = parseReference(text, bases);
  const row = target?.kind === 'local' && target.type === 'Invoice' ? await view.read('Invoice', target.id) : undefined;
  return row && (row.text ? jsonText(parseJson(row.text, STORED_JSON).resource['status']) : 'entered-in-error');
}

const isOfRelease = ({ type }: Resource): boolean =>
  (isObject(type) ? itemsOf(type['coding']) : []).some(
    each => isObject(each) && each['system'] === INVOICE_CODES && each['code'] === 'release-of-information',
  );

const isOff = (status: string): boolean => status === 'cancelled' || status === 'entered-in-error';

/** Whether a request has an Invoice that stands. One that cannot be read stands. */
export async function standingInvoice(task: Resource, view: InvoiceView, bases: readonly string[]): Promise<boolean> {
  for (const output of outputsOfKind(task, INVOICE_OUTPUT)) {
    const status = await invoiceStatus(output['valueReference'], view, bases);
    if (status === undefined || !isOff(status)) return true;
  }
  return false;
}

export const paymentHook = ({
  bases,
  fees,
}: {
  readonly bases: readonly string[];
  readonly fees: FeeSchedules;
}): FeatureHook => ({
  types: ['Task'],
  async check({ resource: task, before, view }) {
    if (!task || !isRecordsRequest(task)) return;
    const former = before?.text ? parseJson(before.text, STORED_JSON).resource : undefined;
    const [conditions, agreed] = [inputValues(task, PAYMENT_FIRST), former ? inputValues(former, PAYMENT_FIRST) : []];
    const isHeld = (one: Json, among: readonly Json[]): boolean => among.some(each => isDeepStrictEqual(each, one));
    if (!agreed.every(each => isHeld(each, conditions)))
      throw refusePayment('That payment comes first stays said: cancel the Invoice.', 'Task.input', 'payment-altered');
    const requesterClass = inputValues(task, 'requester-class')[0];
    const may = fees.schedules.some(each => each.paymentFirst && each.classes.some(one => one === requesterClass));
    if (!may && !conditions.every(each => isHeld(each, agreed)))
      throw refusePayment(
        'Records of this class of requester are not held back until they are paid for.',
        ...(['Task.input', 'payment-no-condition'] as const),
      );
    if (requestState(task).code !== RELEASED || (former && requestState(former).code === RELEASED)) return;
    for (const reference of conditions) {
      const status = await invoiceStatus(reference, view, bases);
      if (status !== undefined && (isOff(status) || status === 'balanced')) continue;
      throw refusePayment(
        'These records are paid for before they are released: the Invoice is open.',
        ...(['Task.businessStatus', 'payment-pending'] as const),
      );
    }
  },
});

/** Deleted, it would hold its request for ever: nobody could pay it or cancel it. */
export const invoiceHook = (): FeatureHook => ({
  types: ['Invoice'],
  prepare({ before, resource, agent, interaction }) {
    const former = before?.text ? parseJson(before.text, STORED_JSON).resource : undefined;
    if (
      agent === 'release' ||
      isPurge({ interaction, resource }) ||
      !former ||
      !isOfRelease(former) ||
      (resource && isOfRelease(resource))
    )
      return undefined;
    throw refusePayment(
      'The Invoice of a request for records is not deleted, and stays one: cancel it.',
      ...(['Invoice.type', 'invoice-kept'] as const),
    );
  },
});

export const refusePayment = (text: string, expression: string, detail: string): FhirError =>
  new FhirError('unprocessable', text, { expression, detail });
