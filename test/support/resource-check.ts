/** Runs a check of resources alone, as the checker of profiles does, and gives what it finds. */
import type { JsonObject, Resource } from '../../src/fhir/resource.js';
import { createTargetResolver } from '../../src/validation/profiles/resolve.js';
import type { CheckRun, ElementCheck, ProfileOptions } from '../../src/validation/run.js';
import { resourceSites } from '../../src/validation/profiles/sites.js';
import { type Found, keptRun } from './check-run.js';

export interface CheckParts {
  readonly options?: Partial<ProfileOptions>;
  readonly isMember?: CheckRun['isMember'];
  readonly spend?: (steps: number) => void;
}

/** What a check finds in the resources of a type inside a resource. */
export async function runCheck(
  check: ElementCheck,
  type: string,
  resource: JsonObject,
  { spend = () => {}, ...parts }: CheckParts = {},
): Promise<Found[]> {
  const sites = resourceSites(resource as Resource);
  const resolver = createTargetResolver(sites);
  const loaded = new Set<string>();
  for (;;) {
    const pending = new Map<string, () => Promise<void>>();
    const kept = keptRun({ ...parts, resolve: (reference, from) => resolver.resolve(reference, from) });
    const run: CheckRun = {
      ...kept,
      spend,
      need: (key, load) => {
        if (!loaded.has(key)) pending.set(key, load);
      },
    };
    for (const site of sites) {
      const { resource: value, place } = site;
      if (value.resourceType !== type) continue;
      check({ value, sibling: undefined, holder: site, key: 'resource', type, place, site }, run);
    }
    if (pending.size === 0) return kept.found;
    for (const [key, load] of pending) {
      await load();
      loaded.add(key);
    }
  }
}

/** Findings in few words: severity if it is no error, detail, expression. */
export const inShort = (found: readonly Found[]): string[] =>
  found.map(
    ({ severity, detail, expression }) => `${severity === 'error' ? '' : `${severity} `}${detail} ${expression}`,
  );
