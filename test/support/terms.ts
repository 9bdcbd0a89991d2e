/** A terminology over resources that a test writes down, and its answers as short texts: `system|code`. */
import { FhirError } from '../../src/fhir/error.js';
import type { Resource } from '../../src/fhir/resource.js';
import type { ConceptTest, TokenValue } from '../../src/search/query.js';
import type { CodeSystem, Concept, ValueSetInclude, ValueSet } from '../../src/terminology/resources.js';
import { type Standard, standardFrom } from '../../src/terminology/standard.js';
import { createTerminology, type LoadCanonical } from '../../src/terminology/terminology.js';

export const BASE = 'http://localhost:8080/fhir';

export const codeSystem = (url: string, concept: readonly Concept[], more: Partial<CodeSystem> = {}): CodeSystem => ({
  resourceType: 'CodeSystem',
  url,
  content: 'complete',
  concept,
  ...more,
});

export const valueSet = (url: string, ...include: ValueSetInclude[]): ValueSet => ({
  resourceType: 'ValueSet',
  url,
  compose: { include },
});

/** Concepts without anything else. */
export const concepts = (...codes: readonly string[]): Concept[] => codes.map(code => ({ code }));

/** Finds resources by id, or by url and version; the last one given wins. */
export function loadFrom(resources: readonly (CodeSystem | ValueSet)[]): LoadCanonical {
  return (type, by) =>
    Promise.resolve(
      resources.findLast(
        each =>
          each.resourceType === type &&
          ('id' in by
            ? each.id === by.id
            : each.url === by.url && (by.version === undefined || each.version === by.version)),
      ) as unknown as Resource | undefined,
    );
}

const nothing = (): Promise<Standard> => Promise.resolve(standardFrom({ codeSystems: [], valueSets: [] }));

/** Without the standard's own resources, unless asked for. */
export function terms(resources: readonly (CodeSystem | ValueSet)[], standard: 'standard' | 'alone' = 'alone') {
  const terminology = createTerminology(loadFrom(resources), {
    bases: [BASE],
    ...(standard === 'alone' ? { standard: nothing } : {}),
  });
  const ask = async (test: Omit<ConceptTest, 'kind'>): Promise<string[]> =>
    (await terminology.codesOf({ kind: 'concept', ...test })).map(textOf).toSorted();
  return {
    within: (value: string) => ask({ relation: 'in', value }),
    below: (system: string | undefined, value: string) =>
      ask({ relation: 'below', value, ...(system === undefined ? {} : { system }) }),
    above: (system: string, value: string) => ask({ relation: 'above', system, value }),
  };
}

/** `system|code`; `system|` for the whole system. */
export const textOf = ({ system, code }: TokenValue): string => `${system}|${code ?? ''}`;

/** The error that something ends with: status, issue code and detail. */
export async function refusal(
  of: Promise<unknown>,
): Promise<{ status: number; code: string; detail: string; message: string }> {
  try {
    await of;
  } catch (error) {
    if (!(error instanceof FhirError)) throw error;
    const [issue] = error.issues;
    return { status: error.status, code: issue?.code ?? '', detail: issue?.detail ?? '', message: error.message };
  }
  throw new Error('It was not refused.');
}
