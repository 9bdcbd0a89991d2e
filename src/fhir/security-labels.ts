/**
 * What labels say of a resource: how confidential it is, by the highest of them, and what else protects it. A label stands in `meta.security`, of a document also in
 * `securityLabel`, of a Composition in `confidentiality`. Who sees what follows in access/labels.ts.
 * https://hl7.org/fhir/R4/security-labels.html, https://terminology.hl7.org/CodeSystem-v3-Confidentiality.html
 */
import { isObject, itemsOf, type Json, type JsonObject, type Resource } from './resource.js';

export const CONFIDENTIALITY_CODES = 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality';
/** In which its codes stand, too: of before it moved, and none. What was meant to be protected is, and a code of any of them counts. */
export const OTHER_SYSTEMS = ['http://hl7.org/fhir/v3/Confidentiality', ''] as const;
export const ACT_CODE = 'http://terminology.hl7.org/CodeSystem/v3-ActCode';

/** From unrestricted to very restricted. */
export const CONFIDENTIALITY_LEVELS = ['U', 'L', 'M', 'N', 'R', 'V'] as const;
export type Confidentiality = (typeof CONFIDENTIALITY_LEVELS)[number];
export const NORMALLY: Confidentiality = 'N';

export const isLevel = (code: unknown): code is Confidentiality =>
  (CONFIDENTIALITY_LEVELS as readonly unknown[]).includes(code);
export const placeOfLevel = (level: Confidentiality): number => CONFIDENTIALITY_LEVELS.indexOf(level);

/** Labels that are kinds of another one. https://terminology.hl7.org/CodeSystem-v3-ActCode.html */
const KINDS_OF_LABELS: Readonly<Record<string, readonly string[]>> = {
  SPI: ['BH', 'COGN', 'DVD', 'EMOTDIS', 'MH', 'PSY', 'PSYTHPN', 'SUD', 'ETHUD', 'OPIOIDUD'],
  BH: ['COGN', 'DVD', 'EMOTDIS'],
  SUD: ['ETHUD', 'OPIOIDUD'],
  // As PCF has them.
  ETH: ['ETHUD', 'OPIOIDUD', 'SUD'],
};

/** A label and those that are kinds of it. */
export function kindsOfLabel<T extends { readonly system?: string; readonly code?: string }>(
  label: T,
): readonly (T | { readonly system: string; readonly code: string })[] {
  const { system, code = '' } = label;
  const kinds = system === ACT_CODE ? (KINDS_OF_LABELS[code] ?? []) : [];
  return [label, ...kinds.map(each => ({ system: ACT_CODE, code: each }))];
}

/** How confidential a label says that something is; undefined: it says something else. */
export const levelOf = ({ system = '', code }: JsonObject): Confidentiality | undefined =>
  isOfLevels(system) && isLevel(code) ? code : undefined;

const isOfLevels = (system: Json): boolean =>
  system === CONFIDENTIALITY_CODES || (OTHER_SYSTEMS as readonly Json[]).includes(system);

/** Labels that protect a resource. */
export interface Protection {
  readonly level: Confidentiality;
  /** Codes of sensitivity, policy, obligation and refrain. */
  readonly others: ReadonlySet<string>;
}

/** The meta of what the server makes for others than the patient: of this level, where it is given. */
export const protectedAs = (level?: Confidentiality): JsonObject => ({
  security: [
    ...(level === undefined ? [] : [{ system: CONFIDENTIALITY_CODES, code: level }]),
    { system: ACT_CODE, code: 'NOPAT' },
  ],
});

/** Of a resource. */
export function protectionIn({ meta, securityLabel, confidentiality }: Resource): Protection {
  const concepts = itemsOf(securityLabel).flatMap(each => (isObject(each) ? itemsOf(each['coding']) : []));
  const labels = [...itemsOf(isObject(meta) ? meta['security'] : undefined), ...concepts].filter(isObject);
  const found = [...labels.map(levelOf), confidentiality].filter(isLevel);
  const level = found.reduce<Confidentiality | undefined>(
    (highest, each) => (highest === undefined || placeOfLevel(each) > placeOfLevel(highest) ? each : highest),
    undefined,
  );
  const others = labels.flatMap(({ system, code }) => (system === ACT_CODE && typeof code === 'string' ? [code] : []));
  return { level: level ?? NORMALLY, others: new Set(others) };
}
