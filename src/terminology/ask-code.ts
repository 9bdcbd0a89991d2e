/** One code that a prepared value set cannot decide, because it says a version of its code system: $validate-code decides it. */
import { FhirError } from '../fhir/error.js';
import { isObject, itemsOf, type Json, type JsonObject } from '../fhir/resource.js';
import { createBudget } from './budget.js';
import type { Sources } from './canonical-resources.js';
import type { MemberVerdict } from './member-test.js';
import type { CodeQuestion } from './code-answer.js';
import { validateCode } from './validate-code.js';

export interface AskedCode {
  /** Canonical. */
  readonly valueSet: string;
  readonly system: string;
  readonly version?: string | undefined;
  readonly code: string;
}

export interface CodeVerdict {
  readonly verdict: MemberVerdict;
  readonly weight: number;
}

/** Throws nothing but faults of our own and of the store. */
export async function askCode(sources: Sources, { valueSet, system, version, code }: AskedCode): Promise<CodeVerdict> {
  const set = await sources.valueSet(valueSet);
  const about: CodeQuestion = {
    kind: 'coding',
    codings: [{ system, code, ...(version === undefined ? {} : { version }) }],
    inferSystem: false,
    lenientDisplay: true,
    languages: undefined,
    options: { rules: [], activeOnly: false, abstractAllowed: true, membershipOnly: false, exactly: false },
  };
  try {
    const answer = set && (await validateCode(sources, set, about, createBudget()));
    return { verdict: verdictIn(answer), weight: 1 };
  } catch (error) {
    if (!(error instanceof FhirError) || error.kind === 'fault' || error.kind === 'unavailable') throw error;
    return { verdict: undefined, weight: 1 };
  }
}

/**
 * Of the Parameters of $validate-code; undefined where it is false only because something is not known. A code whose own system is not
 * known (`x-unknown-system`) is in no value set that does not name that system.
 */
export function verdictIn(answer: Json | undefined): MemberVerdict {
  const parameters = isObject(answer) ? itemsOf(answer['parameter']).filter(isObject) : [];
  const named = (name: string): JsonObject | undefined => parameters.find(each => each['name'] === name);
  const result = named('result')?.['valueBoolean'];
  if (typeof result !== 'boolean') return undefined;
  if (result || named('x-unknown-system')) return result;
  if (named('x-caused-by-unknown-system')) return undefined;
  return issuesIn(named('issues')).some(isNotFound) ? undefined : false;
}

const issuesIn = (parameter: JsonObject | undefined): readonly Json[] => {
  const resource = parameter?.['resource'];
  return isObject(resource) ? itemsOf(resource['issue']) : [];
};

function isNotFound(issue: Json): boolean {
  const details = isObject(issue) ? issue['details'] : undefined;
  const coding = isObject(details) ? itemsOf(details['coding']) : [];
  return coding.some(each => isObject(each) && each['code'] === 'not-found');
}
