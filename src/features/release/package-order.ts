/** A request with its documents → the order of its package (package/order.ts): who gets what from whom, why, and under which notices. */
import { ACT_CODE, CONFIDENTIALITY_CODES, placeOfLevel, protectionIn } from '../../fhir/security-labels.js';
import { isObject, itemsOf, type Json, type JsonObject, type Resource } from '../../fhir/resource.js';
import { NOTICE } from '../../interactions/response/redisclosure.js';
import { ENGLISH, type PackageForm, type PackageItem, type PackageOrder } from './package/order.js';
import type { Paper } from './package/read/picture.js';
import { inputValues, TRACKING_SYSTEM } from './request-task.js';
import { saidConcept } from './document-bytes.js';

/** Letter, in points: what packages are printed on, and what pages that the server makes are marked on. */
export const PAPER: Paper = { width: 612, height: 792 };

/** By what was asked for. */
const FORMS: Readonly<Record<string, PackageForm>> = { pdf: 'pdf', paper: 'pdf', zip: 'zip', fhir: 'document' };
export const PACKAGE_FORMS: readonly PackageForm[] = ['pdf', 'zip', 'both', 'document'];

export const formAsked = (task: Resource): PackageForm =>
  FORMS[trimmedText(inputValues(task, 'format')[0]) ?? ''] ?? 'pdf';

/** Statements that go with a document: of 42 CFR Part 2. */
export function noticesOf(document: Resource): readonly string[] {
  const { others } = protectionIn(document);
  return others.has('42CFRPart2') || others.has('NORDSCLCD') ? [NOTICE] : [];
}

export interface OrderGiven {
  readonly task: Resource;
  readonly patient: Resource;
  readonly items: readonly PackageItem[];
  readonly form: PackageForm;
  /** A FHIR instant: when the package was asked for. */
  readonly at: string;
  readonly sender: readonly string[];
  readonly passphrase: string | undefined;
}

export function orderOfRequest({ task, patient, items, form, at, sender, passphrase }: OrderGiven): PackageOrder {
  const { requester, reasonCode } = task;
  const named = isObject(requester) ? trimmedText(requester['display']) : undefined;
  const address = trimmedText(inputValues(task, 'delivery-address')[0]);
  return {
    form,
    trackingId: trackingOf(task),
    recipient: [...(named === undefined ? [] : [named]), ...(address === undefined ? [] : [address])],
    sender,
    patient: patientLines(patient),
    purpose: saidConcept(reasonCode) ?? '',
    released: at,
    notices: [...new Set(items.flatMap(({ notices = [] }) => notices))],
    ...(passphrase === undefined ? {} : { passphrase }),
    // Made now; it goes out when somebody releases it.
    words: { ...ENGLISH, date: 'Prepared' },
    items,
  };
}

export function trackingOf({ identifier }: Resource): string {
  const found = itemsOf(identifier).find(each => isObject(each) && each['system'] === TRACKING_SYSTEM);
  return (isObject(found) ? trimmedText(found['value']) : undefined) ?? '';
}

/** Name, birth date and identifiers. */
function patientLines({ name, birthDate, identifier }: Resource): readonly string[] {
  const identifiers = itemsOf(identifier).filter(isObject);
  return [
    fullNameOf(itemsOf(name)[0]),
    trimmedText(birthDate),
    ...identifiers.map(each => [saidConcept(each['type']), trimmedText(each['value'])].filter(Boolean).join(' ')),
  ].flatMap(line => (line === undefined || line === '' ? [] : [line]));
}

/** A HumanName as it is written. */
export function fullNameOf(name: Json | undefined): string | undefined {
  if (!isObject(name)) return undefined;
  const parts = [...itemsOf(name['given']), name['family']].filter(each => typeof each === 'string');
  return trimmedText(name['text']) ?? (parts.length > 0 ? parts.join(' ') : undefined);
}

const trimmedText = (value: Json | undefined): string | undefined =>
  typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;

/** Labels that what holds such documents must have: the highest level, and whatever else protects one of them. */
export function labelsOfAll(documents: readonly Resource[]): readonly JsonObject[] {
  const all = documents.map(protectionIn);
  const level = all
    .map(each => each.level)
    .toSorted((a, b) => placeOfLevel(b) - placeOfLevel(a))
    .at(0);
  const others = [...new Set(all.flatMap(each => [...each.others]))].toSorted();
  return [
    ...(level === undefined ? [] : [{ system: CONFIDENTIALITY_CODES, code: level }]),
    ...others.map(code => ({ system: ACT_CODE, code })),
  ];
}
