/**
 * What records cost, by who asks, in which form, and where: profiles/release/fees/schedules.json, or the file that CHARTROOM_FEES names. There is no member for
 * searching or retrieval: 45 CFR 164.524(c)(4) lets nobody charge for it. https://www.ecfr.gov/current/title-45/section-164.524
 */
import { readFileSync } from 'node:fs';
import { isObject, itemsOf, type Json, type JsonObject } from '../../../fhir/resource.js';
import { jsonText } from '../../../interactions/operations/operation.js';
import type { RequesterClasses } from '../requester-classes.js';
import { parseCents, parseRate } from './money.js';

/** Of pages up to and with a number; the last one says none. */
export interface PageRate {
  readonly to?: number;
  /** An amount for each page. */
  readonly amount: string;
}

/** Amounts are decimal texts in the currency of the file. */
export interface FeeSchedule {
  readonly code: string;
  readonly display: string;
  /** Codes of classes of requesters. */
  readonly classes: readonly string[];
  readonly formats: readonly string[];
  /** As in ISO 3166-2; absent: everywhere. */
  readonly jurisdictions?: readonly string[];
  /** Whether nothing is charged. */
  readonly waived?: true;
  /** For all of it. */
  readonly flat?: string;
  /** Of copying, for an hour. */
  readonly labour?: string;
  readonly pages?: readonly PageRate[];
  /** By kind of medium. */
  readonly media?: Readonly<Record<string, string>>;
  /** Whether actual postage is charged. */
  readonly postage?: true;
  /** The most that is charged. */
  readonly cap?: string;
  /** Whether the records may be held back until it is paid. */
  readonly paymentFirst: boolean;
  /** Where it comes from. */
  readonly source?: string;
  /** Whether somebody has compared it with its source; else it is to be looked at before it is used. */
  readonly verified: boolean;
}

export interface FeeSchedules {
  /** ISO 4217. */
  readonly currency: string;
  readonly schedules: readonly FeeSchedule[];
}

export const FEE_FORMATS = ['pdf', 'zip', 'fhir', 'paper'];

const isNames = (value: Json | undefined): boolean =>
  Array.isArray(value) && value.length > 0 && value.every(each => typeof each === 'string' && each !== '');
const isRate = (value: Json | undefined): boolean => typeof value === 'string' && parseRate(value) !== undefined;
const isCents = (value: Json | undefined): boolean => typeof value === 'string' && parseCents(value) !== undefined;
const maybe = (value: Json | undefined, check: (value: Json) => boolean): boolean =>
  value === undefined || check(value);
const isYes = (value: Json): boolean => value === true;

/** Tiers end with one that has no end, and each ends later than the one before. */
const isPages = (value: Json): boolean => {
  const tiers = itemsOf(value).filter(isObject);
  const ends = tiers.map(({ to }) => to ?? Infinity);
  return (
    tiers.length > 0 &&
    tiers.every(({ amount }) => isRate(amount)) &&
    ends.every((end, at) => (Number.isInteger(end) || end === Infinity) && Number(end) > Number(ends[at - 1] ?? 0)) &&
    ends.at(-1) === Infinity
  );
};

const MEMBERS = new Set(
  'code display classes formats jurisdictions waived flat labour pages media postage cap paymentFirst source verified'.split(
    ' ',
  ),
);

const isSchedule = (value: Json): boolean => isObject(value) && hasForm(value) && chargesOneWay(value);

const hasForm = (value: JsonObject): boolean =>
  Object.keys(value).every(name => MEMBERS.has(name)) &&
  typeof value['code'] === 'string' &&
  typeof value['display'] === 'string' &&
  isNames(value['classes']) &&
  isNames(value['formats']) &&
  itemsOf(value['formats']).every(each => FEE_FORMATS.some(format => format === each)) &&
  maybe(value['jurisdictions'], isNames) &&
  maybe(value['waived'], isYes) &&
  maybe(value['flat'], isCents) &&
  maybe(value['labour'], isRate) &&
  maybe(value['pages'], isPages) &&
  maybe(value['media'], each => isObject(each) && Object.values(each).every(isCents)) &&
  maybe(value['postage'], isYes) &&
  maybe(value['cap'], isCents) &&
  typeof value['paymentFirst'] === 'boolean' &&
  maybe(value['source'], each => typeof each === 'string') &&
  typeof value['verified'] === 'boolean';

/** Nothing, a flat fee, or by what it takes. */
const chargesOneWay = ({ waived, flat, labour, pages, media, postage, cap }: JsonObject): boolean => {
  const parts = [labour, pages, media, postage, cap].filter(each => each !== undefined).length;
  return [waived !== undefined, flat !== undefined, parts > 0].filter(each => each).length === 1;
};

/** Throws an Error that names the schedule that has not the form, or for whom there is none. */
export function readFeeSchedules(file: URL, classes: RequesterClasses): FeeSchedules {
  const value = JSON.parse(readFileSync(file, 'utf8')) as Json;
  const currency = isObject(value) ? value['currency'] : undefined;
  if (!isObject(value) || typeof currency !== 'string' || !/^[A-Z]{3}$/.test(currency))
    throw new Error('Schedules of fees have a currency, as in USD.');
  const schedules = itemsOf(value['schedules']);
  const wrong = schedules.find(each => !isSchedule(each));
  if (wrong !== undefined)
    throw new Error(`The schedule of fees ${isObject(wrong) ? jsonText(wrong['code']) : '?'} has not the form of one.`);
  const read: FeeSchedules = { currency, schedules: schedules as unknown as readonly FeeSchedule[] };
  const codes = read.schedules.map(({ code }) => code);
  const twice = codes.find((code, at) => codes.indexOf(code) !== at);
  if (twice !== undefined) throw new Error(`There are two schedules of fees ${twice}.`);
  const strange = read.schedules.find(each => !each.classes.every(one => classes.has(one)));
  if (strange) throw new Error(`The schedule of fees ${strange.code} is for a class that there is not.`);
  for (const requesterClass of classes.keys())
    for (const format of FEE_FORMATS)
      if (!scheduleFor(read, { requesterClass, format, jurisdiction: undefined }))
        throw new Error(`There is no schedule of fees for ${requesterClass} and ${format}.`);
  return read;
}

interface FeeCase {
  readonly requesterClass: string;
  readonly format: string;
  readonly jurisdiction: string | undefined;
}

/** The first that is for all of it, of a jurisdiction before those of everywhere. */
export function scheduleFor(
  { schedules }: FeeSchedules,
  { requesterClass, format, jurisdiction }: FeeCase,
): FeeSchedule | undefined {
  const fits = schedules.filter(each => each.classes.includes(requesterClass) && each.formats.includes(format));
  const isThere = ({ jurisdictions = [] }: FeeSchedule): boolean =>
    jurisdiction !== undefined && jurisdictions.includes(jurisdiction);
  return fits.find(isThere) ?? fits.find(({ jurisdictions }) => jurisdictions === undefined);
}
