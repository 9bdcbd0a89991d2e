/**
 * Security labels: how confidential a resource is, by the highest of its labels, and who sees what. A label stands in `meta.security`, of a
 * document also in `securityLabel`, of a Composition in `confidentiality`; one without a label is N, normal.
 * https://hl7.org/fhir/R4/security-labels.html, https://terminology.hl7.org/CodeSystem-v3-Confidentiality.html
 */
import { parseJson, STORED_JSON } from '../fhir/json/json.js';
import {
  ACT_CODE,
  type Confidentiality,
  CONFIDENTIALITY_CODES,
  CONFIDENTIALITY_LEVELS,
  NORMALLY,
  OTHER_SYSTEMS,
  placeOfLevel,
  type Protection,
  protectionIn,
} from '../fhir/security-labels.js';
import { isObject, itemsOf, type Json, type JsonObject, type Resource } from '../fhir/resource.js';
import type { SearchParameters } from '../search/parameters.js';
import { any, type Test, type TokenValue, type Where } from '../search/query.js';
import { ruledBy } from './row-rule.js';

/** What patients are not shown of their own record. https://terminology.hl7.org/CodeSystem-v3-ActCode.html#NOPAT */
const NOT_FOR_PATIENTS: TokenValue = { system: ACT_CODE, code: 'NOPAT' };

/** Parameters by which labels are found, where a type has them. */
const LABEL_CODES = ['_security', 'security-label', 'confidentiality'] as const;

/** A label of the type is one of these. */
export function carriesLabel(parameters: SearchParameters, type: string, labels: readonly TokenValue[]): Where {
  const levels = labels.filter(({ system }) => system === CONFIDENTIALITY_CODES);
  const others = OTHER_SYSTEMS.flatMap(system => levels.map(({ code }): TokenValue => ({ system, code: code! })));
  const test: Test = { kind: 'token', any: [...labels, ...others] };
  // What is a code and no coding is kept without its system.
  const bare: Test = {
    kind: 'token',
    any: levels.map(({ code }) => ({ code: code! })),
  };
  const codes = LABEL_CODES.filter(code => parameters.get(type, code)?.type === 'token');
  return any(...codes.map((code): Where => ({ kind: 'param', code, test: code === 'confidentiality' ? bare : test })));
}

const labelsOf = (levels: readonly Confidentiality[]): readonly TokenValue[] =>
  levels.map(code => ({ system: CONFIDENTIALITY_CODES, code }));

/** It is this confidential at most; undefined: everything is. */
export function atMostAs(parameters: SearchParameters, type: string, level: Confidentiality): Where | undefined {
  const above = labelsOf(CONFIDENTIALITY_LEVELS.slice(placeOfLevel(level) + 1));
  return above.length === 0 ? undefined : { kind: 'not', of: carriesLabel(parameters, type, above) };
}

/** It is this confidential at least; undefined: everything is. */
export function atLeastAs(parameters: SearchParameters, type: string, level: Confidentiality): Where | undefined {
  if (level === 'U') return undefined;
  const labelled = carriesLabel(parameters, type, labelsOf(CONFIDENTIALITY_LEVELS.slice(placeOfLevel(level))));
  if (placeOfLevel(level) > placeOfLevel(NORMALLY)) return labelled;
  // What has no label is normal.
  const below = carriesLabel(parameters, type, labelsOf(CONFIDENTIALITY_LEVELS.slice(0, placeOfLevel(level))));
  return any(labelled, { kind: 'not', of: below });
}

/** Who sees what. */
export interface Sight {
  readonly most: Confidentiality;
  /** They are the patient, or ask in their name. */
  readonly asPatient: boolean;
}

/** One of these stands in the text of whatever has a label that hides it; any character may be written as an escape. */
const IN_TEXT = ['"security', '"confidentiality"', '\\u'].map(text => Buffer.from(text));

/** What somebody sees of a type by its labels, or because it is `lifted`; undefined: everything. Most rows are decided by a look at their bytes. */
export function seenByLabels(
  parameters: SearchParameters,
  type: string,
  sight: Sight,
  lifted?: Where,
): Where | undefined {
  const { most, asPatient } = sight;
  const hidden = [
    ...labelsOf(CONFIDENTIALITY_LEVELS.slice(placeOfLevel(most) + 1)),
    ...(asPatient ? [NOT_FOR_PATIENTS] : []),
  ];
  if (hidden.length === 0) return undefined;
  const open: Where = { kind: 'not', of: carriesLabel(parameters, type, hidden) };
  const where = lifted ? any(open, lifted) : open;
  return ruledBy(where, {
    byRow: false,
    ofNewest: 'each',
    allows: ({ text }, holds) => !text || !IN_TEXT.some(each => text.includes(each)) || holds(where),
  });
}

/** Of the text of a stored version. */
export function protectionOf(text: Buffer): Protection {
  if (!IN_TEXT.some(each => text.includes(each))) return UNLABELLED;
  return protectionIn(parseJson(text, STORED_JSON).resource);
}

export const UNLABELLED: Protection = { level: NORMALLY, others: new Set() };

/**
 * The meta of a Bundle, known to be valid, with the highest level of what its entries hold; undefined: it needs none. What a whole reveals is not less
 * confidential than its parts. Levels alone: what a refrain code says of one entry would tell of it.
 */
export function withHighestOfEntries(meta: Json | undefined, bundle: Resource): JsonObject | undefined {
  const level = highestIn(bundle);
  if (placeOfLevel(level) <= placeOfLevel(NORMALLY)) return undefined;
  const own = isObject(meta) ? meta : {};
  if (placeOfLevel(protectionIn({ resourceType: 'Bundle', meta: own }).level) >= placeOfLevel(level)) return undefined;
  return { ...own, security: [...itemsOf(own['security']), { system: CONFIDENTIALITY_CODES, code: level }] };
}

/** Of what the entries of a Bundle hold, Bundles among them. */
function highestIn({ entry: entries }: Resource): Confidentiality {
  let highest = NORMALLY;
  const raise = (level: Confidentiality): void => {
    if (placeOfLevel(level) > placeOfLevel(highest)) highest = level;
  };
  for (const entry of itemsOf(entries)) {
    const held = isObject(entry) ? entry['resource'] : undefined;
    if (!isObject(held)) continue;
    raise(protectionIn(held as Resource).level);
    if (held['resourceType'] === 'Bundle') raise(highestIn(held as Resource));
  }
  return highest;
}

/** Whether something that protected the resource before does not any more. */
export const isLowered = (before: Protection, after: Protection): boolean =>
  placeOfLevel(after.level) < placeOfLevel(before.level) || [...before.others].some(label => !after.others.has(label));
