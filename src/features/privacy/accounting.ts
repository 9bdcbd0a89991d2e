/**
 * What an accounting of disclosures has (45 CFR 164.528): of six years at most each disclosure of which the patient is to be told, those to the same recipient
 * for the same purpose as one entry with their number, first and last, and research of which fifty patients or more were a part by its protocol.
 * https://www.ecfr.gov/current/title-45/section-164.528
 */
import { parseReference } from '../../fhir/reference.js';
import { FhirError } from '../../fhir/error.js';
import type { Resource } from '../../fhir/resource.js';
import type { Context } from '../../interactions/engine.js';
import type { Disclosure } from '../../interactions/tell.js';
import { all } from '../../search/query.js';
import { isAccounted, legalBasis, purposeInWords, RESEARCH } from './bases.js';
import { describer } from './brief.js';
import { isTellable } from './masked.js';
import { givenOutAt, wasGivenWithin } from './questions.js';
import { conceptInWords, lineOfText, textGiven, type ToldEvent } from './told-event.js';
import { DISCLOSURES, eventsOfTrail, ofPatient } from './trail-reader.js';

/** Of one recipient and purpose. */
export interface AccountingEntry {
  /** Day, or as much of it as is known. */
  readonly first: string;
  readonly last: string;
  readonly number: number;
  readonly recipient: string;
  readonly address: string;
  readonly what: string;
  readonly purpose: string;
  readonly basis: string;
  readonly note: string;
}

export interface AccountingSpan {
  /** ms since 1970. */
  readonly from: number;
  readonly to: number;
}

const MOST_ENTRIES = 10_000;
/** 164.528(b)(4)(i): of so many individuals research is told by its protocol. */
const MANY = 50;
const MOST_PROTOCOLS = 50;
const MAY_OR_MAY_NOT =
  'The protected health information of the individual may or may not have been disclosed for this protocol.';

interface Sum {
  readonly disclosure: Disclosure;
  first: ToldEvent;
  last: ToldEvent;
  number: number;
}

/** The oldest first. `now`: ms. Throws `too-costly`. */
export async function accountingEntries(
  context: Context,
  patient: string,
  { from, to }: AccountingSpan,
  now: number,
): Promise<readonly AccountingEntry[]> {
  const sums = new Map<string, Sum>();
  const protocols = new Set<string>();
  for await (const event of eventsOfTrail(context, all(ofPatient(patient), DISCLOSURES), { from, to: now })) {
    const { disclosure } = event;
    if (disclosure?.direction !== 'given' || disclosure.patient !== patient) continue;
    if (!wasGivenWithin(event, from, to) || !isAccounted(disclosure) || !isTellable(event, now)) continue;
    const protocol = protocolOf(disclosure);
    if (protocol !== undefined && protocols.size < MOST_PROTOCOLS) protocols.add(protocol);
    addToSum(sums, event, disclosure, protocol);
    if (sums.size > MOST_ENTRIES) throw tooManyEntries();
  }
  const many = await researchEntries(context, protocols, { from, to }, now);
  const describe = describer(context);
  const told: { readonly at: number; readonly entry: AccountingEntry }[] = [];
  for (const { disclosure, first, last, number } of sums.values()) {
    if (many.has(protocolOf(disclosure) ?? '')) continue;
    // What is described is the first of them.
    const entry = entryTold(
      first.disclosure!,
      { first: dayTold(first), last: dayTold(last), number },
      await describe(first.disclosure!),
    );
    told.push({ at: givenOutAt(first), entry });
  }
  return [...told.toSorted((a, b) => a.at - b.at).map(({ entry }) => entry), ...many.values()];
}

function addToSum(sums: Map<string, Sum>, event: ToldEvent, disclosure: Disclosure, protocol = ''): void {
  const { other, purpose, basis } = disclosure;
  const key = [other.reference ?? other.name, other.address, purpose, basis, protocol].join('\u0000');
  const sum = sums.get(key);
  if (!sum) {
    sums.set(key, { disclosure, first: event, last: event, number: 1 });
    return;
  }
  sum.number += 1;
  if (givenOutAt(event) < givenOutAt(sum.first)) sum.first = event;
  if (givenOutAt(event) > givenOutAt(sum.last)) sum.last = event;
}

const dayTold = (event: ToldEvent): string => event.disclosure?.when?.slice(0, 10) ?? event.day;

const entryTold = (
  disclosure: Disclosure,
  when: Pick<AccountingEntry, 'first' | 'last' | 'number'>,
  what: string,
): AccountingEntry => ({
  ...when,
  recipient: lineOfText(disclosure.other.name) || 'not recorded',
  address: lineOfText(disclosure.other.address),
  what: what === '' ? 'not recorded' : what,
  purpose: purposeInWords(disclosure),
  basis: disclosure.basis,
  note: '',
});

/** The ResearchStudy for which research was given data: what asked for it, or what is named with it. */
function protocolOf({ basis, request = '', data }: Disclosure): string | undefined {
  if (legalBasis(basis)?.paragraph !== RESEARCH) return undefined;
  // Its versions are one protocol.
  return [request, ...data].map(each => /^ResearchStudy\/[^/]+/.exec(each)?.[0]).find(each => each !== undefined);
}

/** Of protocols of which many individuals were a part; each of the others is told by itself. */
async function researchEntries(
  context: Context,
  protocols: ReadonlySet<string>,
  { from, to }: AccountingSpan,
  now: number,
): Promise<ReadonlyMap<string, AccountingEntry>> {
  const individuals = new Map([...protocols].map(protocol => [protocol, new Set<string>()]));
  const many = new Map<string, AccountingEntry>();
  if (protocols.size === 0) return many;
  const [first = '', last = ''] = [new Date(from), new Date(to)].map(each => each.toISOString().slice(0, 10));
  for await (const event of eventsOfTrail(context, DISCLOSURES, { from, to: now })) {
    const { disclosure } = event;
    const protocol = disclosure?.direction === 'given' ? protocolOf(disclosure) : undefined;
    const known = protocol === undefined ? undefined : individuals.get(protocol);
    if (!disclosure || !known || protocol === undefined || many.has(protocol)) continue;
    known.add(disclosure.patient);
    if (known.size < MANY) continue;
    const { other } = disclosure;
    const study = await studyOf(context, protocol);
    many.set(protocol, {
      ...{ first, last, number: 0, recipient: lineOfText(other.name), address: lineOfText(other.address) },
      what: study.description === '' ? 'as the protocol says' : study.description,
      purpose: `research by the protocol ${study.title}`,
      basis: RESEARCH,
      note: `${MAY_OR_MAY_NOT}${study.contact === '' ? '' : ` Contact: ${study.contact}.`}`,
    });
    if (many.size === protocols.size) break;
  }
  return many;
}

/** What 164.528(b)(4)(i) wants said of a protocol, as far as whoever asks may read it. */
async function studyOf({ engine, view }: Context, protocol: string) {
  const target = parseReference(protocol, engine.settings.bases);
  const row = target?.kind === 'local' ? await view.read(target.type, target.id) : undefined;
  const study: Resource = row?.text ? (JSON.parse(row.text.toString()) as Resource) : { resourceType: 'ResearchStudy' };
  const contacts = Array.isArray(study['contact']) ? study['contact'] : [];
  const named = contacts.flatMap(contact => {
    const { name, telecom } = contact as { name?: string; telecom?: readonly { value?: string }[] };
    return [name, ...(telecom ?? []).map(({ value }) => value)].filter(each => typeof each === 'string');
  });
  return {
    title: lineOfText(study['title']) || protocol,
    description: lineOfText(study['description']) || textGiven(conceptInWords(study['primaryPurposeType'])),
    contact: lineOfText(named.join(', ')),
  };
}

const tooManyEntries = (): FhirError =>
  new FhirError(
    'too-costly',
    `An accounting has ${MOST_ENTRIES} entries at most: ask for a shorter time, with start and end.`,
    {
      expression: 'Parameters.parameter',
    },
  );
