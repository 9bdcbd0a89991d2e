/**
 * What is said of records under 42 CFR Part 2 where they are given out: that they must not be passed on without consent.
 * https://www.ecfr.gov/current/title-42/part-2/section-2.32 (the short form of the notice). Such resources have the label NORDSCLCD, which the rules of
 * labels put beside 42CFRPart2; a Bundle of an answer that holds one has it, too; a page, and bytes, are sent with the notice. It tells those alone who are
 * shown what it is about.
 */
import { pointingTypes } from '../../access/binaries.js';
import { ACT_CODE } from '../../fhir/security-labels.js';
import { all, type Where } from '../../search/query.js';
import type { Listing, Version } from '../../store/store.js';
import type { Context } from '../engine.js';
import { metaOf } from '../write/meta-labels.js';
import { type PointingRows, pointsAt } from './pointing-rows.js';
import type { BundleEntry } from './bundle.js';

export const NOTICE = '42 CFR part 2 prohibits unauthorized use or disclosure of these records.';
const NO_REDISCLOSURE = { system: ACT_CODE, code: 'NORDSCLCD' } as const;
const CODE = Buffer.from(NO_REDISCLOSURE.code);

/** How R4 writes a label into a header: https://hl7.org/fhir/R4/security-labels.html#break-the-glass */
export const NOTICE_CATEGORY = `${NO_REDISCLOSURE.system}#${NO_REDISCLOSURE.code}; scheme="http://hl7.org/fhir/tag/security"; label="${NOTICE}"`;

/** Whether the text of a resource has the label. */
const mayNotBePassedOn = (text: Buffer): boolean => text.includes(CODE) && metaOf(text)?.includes(CODE) === true;

/** Of entries of an answer. */
export const holdsUnderNotice = (entries: readonly BundleEntry[]): boolean =>
  entries.some(({ text }) => text !== undefined && mayNotBePassedOn(text));

/** Of rows of an answer, as they are stored. */
export const listsUnderNotice = ({ ids, texts, starts, ends }: Listing): boolean =>
  texts.includes(CODE) && ids.some((_, row) => mayNotBePassedOn(texts.subarray(starts[row], ends[row])));

/** `meta` of a Bundle of an answer. `horizon`: ms, up to when it is complete. */
export const metaOfAnswer = (horizon: number, isUnder: boolean) => ({
  lastUpdated: new Date(horizon).toISOString(),
  ...(isUnder ? { security: [{ ...NO_REDISCLOSURE, display: 'no redisclosure without consent directive' }] } : {}),
});

/** Whether the bytes of a Binary must not be passed on: by its own label, or by that of something that points at them and that whoever asks sees. */
export async function isUnderNotice(
  { engine, view }: Context,
  binary: Pick<Version, 'id' | 'text'>,
  { rows, areAll }: PointingRows,
): Promise<boolean> {
  if (binary.text && mayNotBePassedOn(binary.text)) return true;
  // As they are shown, labels may be those of another copy.
  if (areAll && rows.every(({ text, masked }) => text && !masked))
    return rows.some(({ text }) => mayNotBePassedOn(text!));
  const types = pointingTypes(engine).filter(type => view.shows(type));
  const label: Where = { kind: 'param', code: '_security', test: { kind: 'token', any: [NO_REDISCLOSURE] } };
  return (await view.count({ types, where: all(pointsAt(binary.id), label) }, 1)).count > 0;
}
