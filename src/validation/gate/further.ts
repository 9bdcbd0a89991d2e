/**
 * What is wrong with a resource, beyond its structure where that can be: where its only faults are that elements are missing, or that R4
 * does not have them, what is there has the right shape and is checked as well. For those who ask what is wrong ($validate, the command
 * line); a write is refused for its structure alone.
 */
import { FhirError, type Issue } from '../../fhir/error.js';
import { isOfElementsAlone, MAX_STRUCTURE_ISSUES } from './explain.js';
import { limitIssues } from '../issue-list.js';
import { hasErrors } from './validate.js';

/**
 * Issues of the structure, and of what `check` finds: an element that is missing is told once. What `check` refuses (FhirError) is told
 * beside faults of the structure; without them it is thrown.
 */
export async function checkFurther(
  structure: readonly Issue[],
  check: () => Promise<readonly Issue[]>,
): Promise<readonly Issue[]> {
  if (!hasErrors(structure)) return limitIssues([...structure, ...(await check())]);
  if (!canGoOn(structure)) return structure;
  const missing = new Set(structure.filter(({ code }) => code === 'required').map(({ expression }) => expression));
  const found = await check().catch(issuesOfRefusal);
  return limitIssues([
    ...structure,
    ...found.filter(({ detail, expression }) => detail !== 'profile-min' || !missing.has(expression)),
  ]);
}

/** Of more faults than are told nobody knows what they are; a resource without a type is none that could be checked. */
const canGoOn = (structure: readonly Issue[]): boolean =>
  structure.length < MAX_STRUCTURE_ISSUES &&
  structure.every(issue => isOfElementsAlone(issue) && issue.expression?.endsWith('.resourceType') !== true);

function issuesOfRefusal(error: unknown): readonly Issue[] {
  if (error instanceof FhirError) return error.issues;
  throw error;
}
