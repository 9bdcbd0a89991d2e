/**
 * What is wrong with a resource, beyond its structure: what has the right shape is checked as well, without the elements that have not
 * (without.ts). For those who ask what is wrong ($validate, the command line); a write is refused for its structure alone.
 */
import { FhirError, type Issue } from '../../fhir/error.js';
import type { Parsed } from '../../fhir/resource.js';
import { MAX_STRUCTURE_ISSUES } from './explain.js';
import { limitIssues } from '../issue-list.js';
import { hasErrors } from './validate.js';
import { withoutFaulty } from './without.js';

/**
 * Issues of the structure, and of what `check` finds in the resource that it is given: what is the same is told once. What `check` refuses
 * (FhirError) is told beside faults of the structure; without them it is thrown.
 */
export async function checkFurther(
  structure: readonly Issue[],
  parsed: Parsed,
  check: (sound: Parsed) => Promise<readonly Issue[]>,
): Promise<readonly Issue[]> {
  if (!hasErrors(structure)) return limitIssues([...structure, ...(await check(parsed))]);
  // Of more faults than are told nobody knows what they are.
  const sound = structure.length < MAX_STRUCTURE_ISSUES ? withoutFaulty(parsed, structure) : undefined;
  if (!sound) return structure;
  const told = new Set(structure.map(nameOfFault));
  const found = await check(sound.parsed).catch(issuesOfRefusal);
  return limitIssues([...structure, ...found.filter(issue => sound.isOwn(issue) && !told.has(nameOfFault(issue)))]);
}

/** What is missing, and a code that is not allowed, is found by the definition of the type, too. */
const nameOfFault = ({ detail, expression = '' }: Issue): string =>
  `${detail === 'element-missing' ? 'profile-min' : (detail ?? '')} ${expression}`;

function issuesOfRefusal(error: unknown): readonly Issue[] {
  if (error instanceof FhirError) return error.issues;
  throw error;
}
