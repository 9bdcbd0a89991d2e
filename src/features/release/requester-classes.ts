/**
 * Classes of those who ask for records, by which right each asks, and what follows: profiles/release/rules/requester-classes.json.
 * https://www.ecfr.gov/current/title-45/part-164/subpart-E
 */
import { fileURLToPath } from 'node:url';
import { readSettingsFile } from '../../fhir/json/settings-file.js';
import { isObject, type Json } from '../../fhir/resource.js';
import { ConfigError } from '../../platform/config.js';

/**
 * What a request of the class must have: proof of who asks; authority of a representative; a signed directive of the patient; an authorization; a subpoena's
 * assurance; the order.
 */
export type RequestNeed = 'nothing' | 'identity' | 'authority' | 'directive' | 'authorization' | 'assurance' | 'order';

/** Labels of what is given out to a class that may have it so, or where a consent names it. */
export type GuardedLabel = 'R' | 'V' | 'PSYTHPN' | '42CFRPart2';

export interface RequesterClass {
  readonly display: string;
  /** Of 45 CFR: what permits it. */
  readonly paragraph: string;
  readonly needs: RequestNeed;
  readonly minimumNecessary: boolean;
  /** Whether an accounting of disclosures tells of it. */
  readonly accounted: boolean;
  /** Of how many requests in a hundred somebody else than who has chosen looks at what goes out. */
  readonly secondLook: number;
  /** Labels of what goes to them though no consent names it: of 45 CFR 164.524, 164.508(a)(2)(ii), 42 CFR 2.23. */
  readonly withoutConsent: readonly GuardedLabel[];
}

export type RequesterClasses = ReadonlyMap<string, RequesterClass>;

const NEEDS: ReadonlySet<Json | undefined> = new Set<RequestNeed>([
  ...(['nothing', 'identity', 'authority', 'directive'] as const),
  ...(['authorization', 'assurance', 'order'] as const),
]);

const GUARDED: ReadonlySet<Json | undefined> = new Set<GuardedLabel>(['R', 'V', 'PSYTHPN', '42CFRPart2']);

const isPercent = (value: Json | undefined): boolean => typeof value === 'number' && value >= 0 && value <= 100;

/** Throws ConfigError, which names the class that has not the form. */
export function readRequesterClasses(file: URL): RequesterClasses {
  const value = readSettingsFile(fileURLToPath(file), 'The file of classes of requesters');
  if (!isObject(value)) throw new ConfigError('Classes of requesters are an object.');
  for (const [code, each] of Object.entries(value))
    if (
      !isObject(each) ||
      typeof each['display'] !== 'string' ||
      typeof each['paragraph'] !== 'string' ||
      !NEEDS.has(each['needs']) ||
      typeof each['minimumNecessary'] !== 'boolean' ||
      typeof each['accounted'] !== 'boolean' ||
      !isPercent(each['secondLook']) ||
      !Array.isArray(each['withoutConsent']) ||
      !each['withoutConsent'].every(label => GUARDED.has(label))
    )
      throw new ConfigError(`The class of requesters ${code} has not the form of one.`);
  return new Map(Object.entries(value as unknown as Record<string, RequesterClass>));
}
