/**
 * What becomes of a StructureDefinition that is written: one that cannot be used is kept all the same, as it may be right elsewhere or
 * become so when its base arrives, and is told to be out of force. https://hl7.org/fhir/R4/structuredefinition.html
 *
 * It is compiled as it would be for the first resource that claims it, with what is known now: of definitions that are written together
 * one may be told not to know another.
 */
import type { Issue } from '../fhir/error.js';
import { STORED } from '../fhir/find-definition.js';
import { parseCanonical } from '../fhir/reference.js';
import type { Resource } from '../fhir/resource.js';
import type { FindDefinition } from '../fhir/structure-definition.js';
import { refTo } from './profiles/compiled.js';
import { createProfileCache, type ProfileSource } from './profiles/profile-cache.js';

/** Warnings of a resource that is written; none of what is no StructureDefinition. Throws what the store throws. */
export type AdviseWrite = (resource: Resource) => Promise<readonly Issue[]>;

export const createDefinitionAdvice =
  (source: ProfileSource): AdviseWrite =>
  async resource => {
    if (resource.resourceType !== 'StructureDefinition' || typeof resource['url'] !== 'string') return NO_ADVICE;
    const { url, version, status } = resource;
    const cache = createProfileCache({ ...source, find: findWith(resource, source.find), generation: () => 0 });
    const ref = refTo(typeof version === 'string' ? `${url}|${version}` : url, STORED);
    await cache.load(ref);
    const profile = cache.peek(ref);
    return [
      ...(status === 'retired' ? [advice('not-in-force', RETIRED)] : NO_ADVICE),
      ...(profile && !profile.usable
        ? [
            advice(
              'not-in-force',
              `It is kept, and not in force: nothing is checked against it. ${profile.reason ?? 'No canonical can name its url.'}`,
            ),
          ]
        : NO_ADVICE),
      ...(profile?.usable ? profile.flaws : []).map(flaw =>
        advice('not-checked', `It is in force but for a part that has a flaw, which is not checked. ${flaw}`),
      ),
    ];
  };

const NO_ADVICE: readonly Issue[] = [];

const RETIRED = 'It is retired: it is kept, and in force only where no other definition has its url.';

const advice = (detail: 'not-in-force' | 'not-checked', text: string): Issue => ({
  severity: 'warning',
  code: 'business-rule',
  text,
  expression: 'StructureDefinition',
  detail,
});

/** With this definition as if it were stored already. */
const findWith =
  (own: Resource, find: FindDefinition): FindDefinition =>
  async (type, canonical, from) => {
    const { url, version } = parseCanonical(canonical);
    const isOwn =
      type === own.resourceType && url === own['url'] && (version === undefined || version === own['version']);
    return isOwn && (from === undefined || from === STORED)
      ? { resource: own, origin: STORED }
      : find(type, canonical, from);
  };
