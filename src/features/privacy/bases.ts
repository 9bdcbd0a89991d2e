/**
 * By which paragraph of 45 CFR 164 something is given out, and whether a patient is told of it in an accounting: 164.528(a)(1) leaves out what is listed there,
 * and nothing else. https://www.ecfr.gov/current/title-45/section-164.528
 */
import type { Disclosure } from '../../interactions/tell.js';

export interface LegalBasis {
  /** Of 45 CFR; those below it are meant, too, but for what has a row of its own. */
  readonly paragraph: string;
  readonly title: string;
  readonly accounted: boolean;
}

const leftOut = (paragraph: string, title: string): LegalBasis => ({ paragraph, title, accounted: false });
const toldOf = (paragraph: string, title: string): LegalBasis => ({ paragraph, title, accounted: true });

const BASES: readonly LegalBasis[] = [
  leftOut('164.506', 'treatment, payment and health care operations'),
  leftOut('164.502(a)(1)(i)', 'to the individual'),
  leftOut('164.502(a)(1)(ii)', 'treatment, payment and health care operations'),
  leftOut('164.502(a)(1)(iii)', 'incident to what is permitted'),
  leftOut('164.502(a)(2)(i)', 'to the individual'),
  leftOut('164.524', 'right of access, and whom the individual directs'),
  leftOut('164.508', 'authorized by the individual'),
  leftOut('164.510', 'directory, and persons involved in the care'),
  leftOut('164.512(k)(2)', 'national security and intelligence'),
  leftOut('164.512(k)(5)', 'correctional institutions and custody'),
  leftOut('164.514(e)', 'limited data set'),
  toldOf('164.502(a)(2)(ii)', 'to the Secretary, for compliance'),
  toldOf('164.512(a)', 'required by law'),
  toldOf('164.512(b)', 'public health'),
  toldOf('164.512(c)', 'victims of abuse, neglect or violence'),
  toldOf('164.512(d)', 'health oversight'),
  toldOf('164.512(e)', 'judicial and administrative proceedings'),
  toldOf('164.512(f)', 'law enforcement'),
  toldOf('164.512(g)', 'coroners and funeral directors'),
  toldOf('164.512(h)', 'organ, eye or tissue donation'),
  toldOf('164.512(i)', 'research'),
  toldOf('164.512(j)', 'serious threat to health or safety'),
  toldOf('164.512(k)', 'specialized government functions'),
  toldOf('164.512(l)', "workers' compensation"),
  toldOf('164.404', 'breach, or sent to the wrong recipient'),
  toldOf('164.402', 'breach, or sent to the wrong recipient'),
];

export const RESEARCH = '164.512(i)';

/** Of what names no paragraph, by its purpose of use: what is for treatment, payment, operations, or for the patient. */
const OF_PURPOSES: ReadonlySet<string> = new Set([
  'TREAT',
  'ETREAT',
  'CAREMGT',
  'HPAYMT',
  'COVERAGE',
  'HOPERAT',
  'HQUALIMP',
  'PATSFTY',
  'PATRQT',
]);

/** The most particular row; undefined: no row has it. */
export function legalBasis(paragraph: string): LegalBasis | undefined {
  const of = BASES.filter(each => paragraph === each.paragraph || paragraph.startsWith(`${each.paragraph}(`)).toSorted(
    (a, b) => b.paragraph.length - a.paragraph.length,
  );
  return of[0];
}

/** What is not known is told: a patient is kept from nothing by a paragraph that somebody has mistyped. */
export function isAccounted({ basis, purpose }: Pick<Disclosure, 'basis' | 'purpose'>): boolean {
  if (basis === '') return !OF_PURPOSES.has(purpose);
  return legalBasis(basis)?.accounted ?? true;
}

/** Words for codes of http://terminology.hl7.org/CodeSystem/v3-ActReason that disclosures have. */
const PURPOSE_WORDS: Readonly<Record<string, string>> = {
  HLEGAL: 'legal proceedings',
  PUBHLTH: 'public health',
  HRESCH: 'research',
  THREAT: 'a serious threat',
  DISASTER: 'disaster relief',
  HOPERAT: 'health care operations',
  HPAYMT: 'payment',
  TREAT: 'treatment',
  PATRQT: 'a request of the patient',
  COVERAGE: 'coverage',
  RECORDMGT: 'records management',
};

/** "A brief statement of the purpose" (164.528(b)(2)(iv)), from what was recorded. */
export function purposeInWords({ basis, purpose }: Pick<Disclosure, 'basis' | 'purpose'>): string {
  const row = legalBasis(basis);
  const words = PURPOSE_WORDS[purpose] ?? purpose;
  const why = row && row.title !== words ? [words, row.title].filter(each => each !== '').join(': ') : words;
  return why === '' ? 'not stated' : why;
}
