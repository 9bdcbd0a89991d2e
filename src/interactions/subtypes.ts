/**
 * What features call what they do in the audit trail, beside the names that FHIR has for it: a code of a profile's transaction, as of
 * http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle or urn:ihe:event-type-code. https://hl7.org/fhir/R4/auditevent-definitions.html#AuditEvent.subtype
 */
import type { AuditSubtype } from '../audit/event.js';
import { DICOM_CODES } from '../audit/patterns.js';
import { isObject, itemsOf } from '../fhir/resource.js';
import type { Interaction, Target } from './interaction.js';
import { INTERACTIONS } from './kinds.js';

/** Features know nothing of the audit trail itself. */
export type { AuditSubtype } from '../audit/event.js';

export interface AuditSubtypes {
  /** By whose it is and what is done. */
  readonly named: ReadonlyMap<string, AuditSubtype>;
  /** Of what clients ask for themselves: the first that has a name for it. */
  readonly asked: readonly NameOfAsked[];
}

/** What a profile calls an interaction that a client asks for; of one that was refused before it was read less is known. */
export type NameOfAsked = (ask: Interaction | Target) => AuditSubtype | undefined;

/** Whoever looks into the trail is in it: https://dicom.nema.org/medical/dicom/current/output/chtml/part15/sect_A.5.3.html (Audit Log Used) */
export const AUDIT_LOG_USED: AuditSubtype = { system: DICOM_CODES, code: '110101', display: 'Audit Log Used' };

const TRAIL_TYPE = 'AuditEvent';
const READ_BY: ReadonlySet<string> = new Set(['read', 'vread', 'search', 'history']);

/** What asks for events: by their type, among others by `_type`, or as what is to be included. */
export const trailRead: NameOfAsked = ask => {
  if (ask.kind === 'operation') return givenTo(ask).some(namesTrail) ? AUDIT_LOG_USED : undefined;
  if (!READ_BY.has(ask.kind)) return undefined;
  const type = 'type' in ask ? ask.type : undefined;
  if (type === TRAIL_TYPE) return AUDIT_LOG_USED;
  const isAmong = 'parameters' in ask && ask.parameters.some(type === undefined ? namesTrail : includesTrail);
  return isAmong ? AUDIT_LOG_USED : undefined;
};

type Given = readonly [name: string, value: string];

const includesTrail = ([name, value]: Given): boolean =>
  /^_(?:rev)?include(?::|$)/.test(name) && value.split(':').includes(TRAIL_TYPE);
const namesTrail = (given: Given): boolean =>
  includesTrail(given) || (given[0] === '_type' && given[1].split(',').includes(TRAIL_TYPE));

/** In the address and in the body. */
function givenTo(ask: Interaction | Target): readonly Given[] {
  const inAddress = 'parameters' in ask ? ask.parameters : [];
  const resource = 'body' in ask && ask.body && 'resource' in ask.body ? ask.body.resource : undefined;
  const inBody = itemsOf(resource?.['parameter']).flatMap(each => {
    if (!isObject(each) || typeof each['name'] !== 'string') return [];
    const { name, ...values } = each;
    return Object.values(values).flatMap(value => (typeof value === 'string' ? [[name, value] as const] : []));
  });
  return [...inAddress, ...inBody];
}

/** Of the server's own operations, by code. */
export const OWN_SUBTYPES: Readonly<Record<string, AuditSubtype>> = {
  proof: AUDIT_LOG_USED,
  'audit-checkpoint': AUDIT_LOG_USED,
};

/** What a feature may name. */
interface HasSubtypes {
  readonly operations?: Readonly<Record<string, unknown>>;
  readonly routes?: readonly { readonly path: string }[];
  readonly subtypes?: Readonly<Record<string, AuditSubtype>>;
}

/** Adds the subtypes of a feature. Throws for one that no event could have. */
export function addSubtypes(subtypes: Map<string, AuditSubtype>, owner: string, parts: HasSubtypes): void {
  const { operations = {}, routes = [] } = parts;
  for (const [name, subtype] of Object.entries(parts.subtypes ?? {})) {
    const isOperation = Object.hasOwn(operations, name);
    if (!isOperation && !Object.hasOwn(INTERACTIONS, name) && !routes.some(({ path }) => path === name))
      throw new Error(`A subtype of ${owner} is of ${name}, which is no operation or route of it, and no interaction.`);
    if (!isSubtype(subtype))
      throw new Error(`The subtype of ${owner} for ${name} must have a system (a URI), a code and a display.`);
    const { system, code, display } = subtype;
    subtypes.set(`${owner} ${name}`, { system, code, display });
    if (isOperation) subtypes.set(servedAs(name), { system, code, display });
  }
}

export const servedAs = (operation: string): string => `$${operation}`;

/** As R4 wants them: https://hl7.org/fhir/R4/datatypes.html#code, #uri */
const isSubtype = ({ system, code, display }: Partial<AuditSubtype>): boolean =>
  typeof system === 'string' &&
  /^[a-z][a-z0-9+.-]*:\S+$/i.test(system) &&
  typeof code === 'string' &&
  /^\S+( \S+)*$/.test(code) &&
  typeof display === 'string' &&
  display.trim() !== '' &&
  display.length <= 200;

/** The one of an operation, whoever runs it; else that of an interaction that a feature performs for somebody, or a client asks for. */
export function subtypeOf(
  { named, asked }: AuditSubtypes,
  agent: string | undefined,
  ask: Interaction | Target,
): AuditSubtype | undefined {
  const { kind } = ask;
  const operation = 'operation' in ask ? ask.operation : undefined;
  if (agent === undefined) {
    const served = operation === undefined ? undefined : named.get(servedAs(operation));
    if (served) return served;
    for (const name of asked) {
      const found = name(ask);
      if (found) return found;
    }
    return undefined;
  }
  const own = operation === undefined ? undefined : named.get(`${agent} ${operation}`);
  return own ?? named.get(`${agent} ${kind}`);
}
