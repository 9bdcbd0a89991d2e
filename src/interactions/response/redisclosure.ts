/**
 * What is said of records under 42 CFR Part 2 where they are given out: that they must not be passed on without consent.
 * https://www.ecfr.gov/current/title-42/part-2/section-2.32 (the short form of the notice). Such resources have the label NORDSCLCD, which the rules of
 * labels put beside 42CFRPart2; a Bundle of an answer that holds one has it, too. It tells those alone who are shown the resource itself.
 */
import { ACT_CODE } from '../../access/labels.js';
import type { StoreView } from '../../access/view.js';
import { ATTACHMENT } from '../../access/binaries.js';
import { all, type Where } from '../../search/query.js';
import { refersTo } from '../../search/separate.js';
import type { BundleEntry } from './bundle.js';
import { metaOf } from '../write/meta-labels.js';

export const NOTICE = '42 CFR part 2 prohibits unauthorized use or disclosure of these records.';
const NO_REDISCLOSURE = { system: ACT_CODE, code: 'NORDSCLCD' } as const;
const CODE = Buffer.from(NO_REDISCLOSURE.code);

/** Labels of a Bundle of an answer with these entries. */
export const labelsOfAnswer = (entries: readonly BundleEntry[]): { readonly security?: readonly object[] } =>
  entries.some(({ text }) => text?.includes(CODE) && metaOf(text)?.includes(CODE))
    ? { security: [{ ...NO_REDISCLOSURE, display: 'no redisclosure without consent directive' }] }
    : {};

/** Whether bytes belong to a document that somebody sees and that must not be passed on. */
export async function isUnderNotice(view: StoreView, binary: string): Promise<boolean> {
  const label: Where = { kind: 'param', code: '_security', test: { kind: 'token', any: [NO_REDISCLOSURE] } };
  const where = all(refersTo(ATTACHMENT, [{ type: 'Binary', id: binary }]), label);
  return view.shows('DocumentReference') && (await view.count({ types: ['DocumentReference'], where }, 1)).count > 0;
}
