/**
 * Whether a resource is valid: a pipeline of steps, each of which gives issues of its own. The first step is the structure
 * that R4 defines; main.ts composes the pipeline, so that features can add steps (profiles, codes). Creates, updates, patches
 * and the bodies of operations pass the same one.
 */
import type { Definitions } from '../../fhir/definitions.js';
import { FhirError, type Issue } from '../../fhir/error.js';
import type { Parsed } from '../../fhir/resource.js';
import { validateBeside } from './beside.js';

/** Gives the issues of a resource in which the steps before found no error. */
export type ValidationStep = (parsed: Parsed) => Promise<readonly Issue[]>;

/** Issues of all steps; those after a step that found an error are left out: what they say rests on what is wrong. */
export type Validate = (parsed: Parsed) => Promise<readonly Issue[]>;

export function createValidation(steps: readonly ValidationStep[]): Validate {
  return async parsed => {
    const found: Issue[] = [];
    for (const step of steps) {
      const issues = await step(parsed);
      found.push(...issues);
      if (hasErrors(issues)) break;
    }
    return found;
  };
}

/** The structure of R4, beside the event loop where the resource is large. */
export const structureStep =
  (definitions: Definitions): ValidationStep =>
  parsed =>
    validateBeside(parsed, definitions);

export const hasErrors = (issues: readonly Issue[]): boolean =>
  issues.some(({ severity }) => severity === 'error' || severity === 'fatal');

/** Throws `invalid` with all issues, under this message, where one of them is an error. */
export function refuseErrors(issues: readonly Issue[], message: string): void {
  if (hasErrors(issues)) throw new FhirError('invalid', message, { issues });
}
