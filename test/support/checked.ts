/** Runs one check over one element, as the driver does: again and again, until nothing more is asked for. */
import type { Json } from '../../src/fhir/resource.js';
import type { CheckedElement, CheckRun, ElementCheck, Finding } from '../../src/validation/run.js';
import { fhirPathOf } from '../../src/validation/run.js';

export interface FoundThere extends Finding {
  readonly at: string;
}

const PASSES = 5;

/** `passes`: how often the check was run. */
export async function findingsOf(
  check: ElementCheck | undefined,
  type: string,
  value: Json | undefined,
): Promise<{ readonly found: readonly FoundThere[]; readonly passes: number }> {
  const loaded = new Set<string>();
  for (let passes = 1; passes <= PASSES; passes++) {
    const found: FoundThere[] = [];
    const needs: (() => Promise<void>)[] = [];
    const run = fakeRun(
      (place, finding) => found.push({ ...finding, at: fhirPathOf(place) }),
      (key, load) => {
        if (loaded.has(key)) return;
        loaded.add(key);
        needs.push(load);
      },
    );
    check?.(elementOf(type, value), run);
    if (needs.length === 0) return { found, passes };
    for (const load of needs) await load();
  }
  throw new Error('The check asks for ever more.');
}

export const fakeRun = (report: CheckRun['report'], need: CheckRun['need'] = () => {}): CheckRun => ({
  decimals: undefined,
  options: {
    unknownExtensions: 'ignore',
    bestPractice: 'ignore',
    htmlInStrings: 'ignore',
    exampleUrls: 'ignore',
    mustSupport: false,
  },
  report,
  need,
  spend: () => {},
  compilesNow: () => true,
  apart: false,
  resolve: () => ({ kind: 'outside' }),
  conforms: () => undefined,
  isMember: () => undefined,
});

export function elementOf(type: string, value: Json | undefined): CheckedElement {
  const holder = { value: value ?? null };
  const place = { above: undefined, name: 'X', index: -1 };
  const site = {
    resource: { resourceType: 'Basic' },
    place,
    outer: undefined,
    as: 'root' as const,
    fullUrl: undefined,
  };
  return { value, sibling: undefined, holder, key: 'value', type, place: { above: place, name: 'e', index: -1 }, site };
}
