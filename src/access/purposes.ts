/**
 * Purposes of use, and what each is a kind of. https://terminology.hl7.org/CodeSystem-v3-ActReason.html, its part PurposeOfUse.
 */
import type { JsonObject } from '../fhir/resource.js';

const ACT_REASON = 'http://terminology.hl7.org/CodeSystem/v3-ActReason';
/** Every purpose is one of these. */
const ANY_PURPOSE = 'PurposeOfUse';
export const OF_PATIENTS = 'PATRQT';

const KINDS_OF_PURPOSES: Readonly<Record<string, readonly string[]>> = {
  TREAT: ['CLINTRL', 'COC', 'ETREAT', 'BTG', 'ERTREAT', 'POPHLTH'],
  ETREAT: ['BTG', 'ERTREAT'],
  HPAYMT: ['CLMATTCH', 'COVAUTH', 'COVERAGE', 'ELIGDTRM', 'ELIGVER', 'ENROLLM', 'MILDCRG', 'REMITADV'],
  COVERAGE: ['ELIGDTRM', 'ELIGVER', 'ENROLLM', 'MILDCRG'],
  HOPERAT: [
    ...['CAREMGT', 'DONAT', 'FRAUD', 'GOV', 'HACCRED', 'HCOMPL', 'HDECD', 'HDIRECT', 'HDM', 'HLEGAL', 'HOUTCOMS'],
    ...['HPRGRP', 'HQUALIMP', 'HSYSADMIN', 'LABELING', 'METAMGT', 'MEMADMIN', 'MILCDM', 'PATADMIN', 'PATSFTY'],
    ...['PERFMSR', 'RECORDMGT', 'SYSDEV', 'HTEST', 'TRAIN'],
  ],
  HSYSADMIN: ['LABELING', 'METAMGT'],
  SYSDEV: ['HTEST'],
  HRESCH: ['BIORCH', 'CLINTRCH', 'CLINTRCHNPC', 'CLINTRCHPC', 'PRECLINTRCH', 'DSRCH', 'POARCH', 'TRANSRCH'],
  CLINTRCH: ['CLINTRCHNPC', 'CLINTRCHPC', 'PRECLINTRCH'],
  HMARKT: [],
  PATRQT: ['FAMRQT', 'PWATRNY', 'SUPNWK'],
  PUBHLTH: ['DISASTER', 'THREAT'],
};
const KNOWN: ReadonlySet<unknown> = new Set([
  ANY_PURPOSE,
  ...Object.keys(KINDS_OF_PURPOSES),
  ...Object.values(KINDS_OF_PURPOSES).flat(),
]);

/** Itself first. */
export const purposeWithKinds = (purpose: string): readonly string[] => [
  purpose,
  ...Object.entries(KINDS_OF_PURPOSES).flatMap(([kind, of]) => (of.includes(purpose) ? [kind] : [])),
  ANY_PURPOSE,
];

/** The code of a Coding that names a purpose: one of v3-ActReason, or any code of another system, which tokens may name; undefined: none. */
export function purposeOf({ system, code }: JsonObject): string | undefined {
  if (typeof code !== 'string') return undefined;
  const isForeign = typeof system === 'string' && system !== ACT_REASON;
  return isForeign || KNOWN.has(code) ? code : undefined;
}
