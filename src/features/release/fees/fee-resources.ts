/**
 * A fee as resources: a ChargeItem of each line, and the Invoice of all of them. https://hl7.org/fhir/R4/chargeitem.html, https://hl7.org/fhir/R4/invoice.html
 */
import { isObject, itemsOf, type Decimals, type JsonObject, type Resource } from '../../../fhir/resource.js';
import { TRACKING_SYSTEM } from '../request-task.js';
import { type Fee, FEE_WORDS } from './fee.js';
import type { FeeSchedule } from './fee-schedules.js';
import { moneyOf } from './money.js';
import { INVOICE_CODES } from './payment-hook.js';

/** A fee that is charged. */
export interface Priced {
  readonly task: { readonly id: string; readonly resource: Resource };
  readonly subject: JsonObject;
  readonly schedule: FeeSchedule;
  readonly fee: Fee;
  readonly ids: { readonly invoice: string; readonly items: readonly string[] };
  /** ms since 1970. */
  readonly now: number;
  /** Why it is waived; undefined: it is not. */
  readonly why: string | undefined;
  readonly currency: string;
  /** Gets the digits of what is made. */
  readonly decimals: Decimals;
}

const codeOfFee = (code: keyof typeof FEE_WORDS): JsonObject => ({
  coding: [{ system: 'urn:chartroom:fee', code, display: FEE_WORDS[code] }],
});

/** In the order of the lines. */
export const chargeItems = ({ task, subject, schedule, fee, now, currency, decimals }: Priced): readonly Resource[] =>
  fee.lines.map(({ kind, quantity, amount }) => ({
    resourceType: 'ChargeItem',
    definitionUri: [`urn:chartroom:fee-schedule:${schedule.code}`],
    status: 'billed',
    code: codeOfFee(kind),
    subject,
    occurrenceDateTime: new Date(now).toISOString(),
    quantity: { value: quantity },
    priceOverride: moneyOf(amount, currency, decimals),
    overrideReason: schedule.display,
    supportingInformation: [{ reference: `Task/${task.id}` }],
  }));

/** Types that an Invoice is for, beside a name. */
const RECIPIENT = /^(?:Organization|Patient|RelatedPerson)\/[A-Za-z0-9.-]{1,64}$/;

export function invoiceOf({ task, subject, fee, ids, now, why, currency, decimals }: Priced): Resource {
  const { requester, identifier } = task.resource;
  const tracking = itemsOf(identifier).filter(each => isObject(each) && each['system'] === TRACKING_SYSTEM);
  const named = isObject(requester) && typeof requester['reference'] === 'string' ? requester['reference'] : '';
  const display = isObject(requester) ? requester['display'] : undefined;
  const recipient: JsonObject = {
    ...(RECIPIENT.test(named) ? { reference: named } : {}),
    ...(typeof display === 'string' ? { display } : {}),
  };
  const money = (cents: bigint): JsonObject => moneyOf(cents, currency, decimals);
  return {
    resourceType: 'Invoice',
    ...(tracking.length > 0 ? { identifier: tracking } : {}),
    status: fee.total === 0n ? 'balanced' : 'issued',
    type: { coding: [{ system: INVOICE_CODES, code: 'release-of-information' }] },
    subject,
    ...(Object.keys(recipient).length > 0 ? { recipient } : {}),
    date: new Date(now).toISOString(),
    lineItem: fee.lines.map(({ kind, amount }, at) => ({
      sequence: at + 1,
      chargeItemReference: { reference: `ChargeItem/${ids.items[at]!}` },
      priceComponent: [{ type: 'base', code: codeOfFee(kind), amount: money(amount) }],
    })),
    ...(fee.reductions.length > 0
      ? {
          totalPriceComponent: fee.reductions.map(({ kind, amount }) => ({
            ...{ type: 'deduction', code: codeOfFee(kind), amount: money(-amount) },
          })),
        }
      : {}),
    totalNet: money(fee.total),
    totalGross: money(fee.total),
    ...(why === undefined ? {} : { note: [{ text: why }] }),
  };
}
