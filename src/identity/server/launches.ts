/**
 * Launch contexts: what an EHR says of a launch before it (a handle, good once, for five minutes), and what goes with a grant until it ends.
 * https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#launch-context-arrives-with-your-access_token
 */
import { randomBytes } from 'node:crypto';
import { FhirError } from '../../fhir/error.js';
import { isObject, type Json, type JsonObject } from '../../fhir/resource.js';
import { realNow } from '../../platform/real-time.js';
import type { Records } from '../../store/records.js';
import { groupOfGrant } from './adapter.js';

export interface LaunchContext {
  readonly patient?: string;
  readonly encounter?: string;
  readonly fhirContext?: readonly JsonObject[];
  readonly need_patient_banner?: boolean;
}

const LAUNCH = 'launch';
const CONTEXT = 'grant-context';
/** s. */
export const LAUNCH_LIFE = 300;
/** Like the longest grant. */
const CONTEXT_LIFE = 91 * 24 * 60 * 60_000;
const RESOURCE_ID = /^[A-Za-z0-9.-]{1,64}$/;
const MEMBERS = ['patient', 'encounter', 'fhirContext', 'need_patient_banner'];
const MOST_FHIR_CONTEXT = 4096;

/** Throws `invalid`. */
export function readLaunch(given: Json): LaunchContext {
  const wrong = (text: string): FhirError => new FhirError('invalid', text);
  if (!isObject(given)) throw wrong(`A launch is an object with ${MEMBERS.join(', ')}.`);
  for (const name of Object.keys(given)) if (!MEMBERS.includes(name)) throw wrong(`A launch has no member ${name}.`);
  const { patient, encounter, fhirContext, need_patient_banner: banner } = given;
  for (const id of [patient, encounter])
    if (id !== undefined && (typeof id !== 'string' || !RESOURCE_ID.test(id)))
      throw wrong('patient and encounter are ids of resources of this server.');
  if (encounter !== undefined && patient === undefined) throw wrong('A launch in an encounter names its patient, too.');
  const isList = Array.isArray(fhirContext) && fhirContext.every(isObject);
  if (fhirContext !== undefined && (!isList || JSON.stringify(fhirContext).length > MOST_FHIR_CONTEXT))
    throw wrong(`fhirContext is a list of objects, ${MOST_FHIR_CONTEXT} bytes at most.`);
  if (banner !== undefined && typeof banner !== 'boolean') throw wrong('need_patient_banner is true or false.');
  return given;
}

export class Launches {
  readonly #records: Records;

  constructor(records: Records) {
    this.#records = records;
  }

  /** Gives the handle. */
  async begin(context: LaunchContext): Promise<string> {
    const id = randomBytes(24).toString('base64url');
    const expires = realNow() + LAUNCH_LIFE * 1000;
    await this.#records.put({ kind: LAUNCH, id, value: JSON.stringify(context), expires });
    return id;
  }

  /** Undefined: there is none, or it was used, or is over. */
  async look(id: string): Promise<LaunchContext | undefined> {
    if (id === '' || id.length > 64) return undefined;
    return contextIn(await this.#records.get(LAUNCH, id));
  }

  /** The same, once. */
  async use(id: string): Promise<LaunchContext | undefined> {
    if (id === '' || id.length > 64) return undefined;
    return contextIn(await this.#records.take(LAUNCH, id));
  }

  async keep(grantId: string, context: LaunchContext): Promise<void> {
    const group = groupOfGrant(grantId);
    const expires = realNow() + CONTEXT_LIFE;
    await this.#records.put({ kind: CONTEXT, id: grantId, value: JSON.stringify(context), group, expires });
  }

  async of(grantId: string): Promise<LaunchContext> {
    return contextIn(await this.#records.get(CONTEXT, grantId)) ?? {};
  }
}

const contextIn = (record: { readonly value: string } | undefined): LaunchContext | undefined =>
  record && (JSON.parse(record.value) as LaunchContext);
