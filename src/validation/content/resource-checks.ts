/** What is asked of resources of a type beside their definition. https://hl7.org/fhir/R4/validation.html */
import type { Definitions } from '../../fhir/definitions.js';
import type { FindDefinition } from '../../fhir/structure-definition.js';
import type { LookAtSystem } from '../binding.js';
import { createBundleCheck } from './bundle.js';
import { createContentCheck } from './content.js';
import { createDefinitionChecks } from './definition-checks.js';
import { createQuestionnaireResponseCheck } from '../questionnaire/questionnaire-response.js';
import type { ElementCheck } from '../run.js';

export interface ResourceCheckParts {
  /** Finds Questionnaires. */
  readonly find: FindDefinition;
  readonly definitions: Definitions;
  readonly lookAtSystem: LookAtSystem;
}

/** The checks of a type; each is given the site of a resource of it. */
export function createResourceChecks({
  find,
  definitions,
  lookAtSystem,
}: ResourceCheckParts): (type: string) => readonly ElementCheck[] {
  const all = [createContentCheck(definitions)];
  const ofDefinitions = Object.entries(createDefinitionChecks(definitions, lookAtSystem)).map(([type, check]) => [
    type,
    [...all, check],
  ]);
  const checks: Readonly<Record<string, readonly ElementCheck[]>> = {
    ...Object.fromEntries(ofDefinitions),
    Bundle: [...all, createBundleCheck(definitions)],
    QuestionnaireResponse: [...all, createQuestionnaireResponseCheck(find, lookAtSystem)],
  };
  return type => checks[type] ?? all;
}
