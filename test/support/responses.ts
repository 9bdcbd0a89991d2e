/** Small Questionnaires and their responses. */
import type { JsonObject, Resource } from '../../src/fhir/resource.js';
import type { FindDefinition } from '../../src/fhir/structure-definition.js';
import { createQuestionnaireResponseCheck } from '../../src/validation/questionnaire/questionnaire-response.js';
import { type CheckParts, inShort, runCheck } from './resource-check.js';

export const URL = 'http://example.org/q';
export const R4 = 'http://hl7.org/fhir/StructureDefinition/';

export const ask = (linkId: string, type: string, more: JsonObject = {}): JsonObject => ({ linkId, type, ...more });
export const say = (linkId: string, ...values: JsonObject[]): JsonObject => ({ linkId, answer: values });
export const text = (value: string): JsonObject => ({ valueString: value });
export const coding = (code: string, system = 'http://a'): JsonObject => ({ valueCoding: { system, code } });
export const limit = (name: string, value: JsonObject): JsonObject => ({ extension: [{ url: R4 + name, ...value }] });

export function findingOf(questionnaire: JsonObject): FindDefinition {
  const resource = { resourceType: 'Questionnaire', status: 'active', url: URL, ...questionnaire } as Resource;
  return async (type, canonical) =>
    type === 'Questionnaire' && canonical === URL ? { resource, origin: 'stored' } : undefined;
}

export const response = (items: JsonObject[], more: JsonObject = {}): JsonObject => ({
  resourceType: 'QuestionnaireResponse',
  questionnaire: URL,
  status: 'completed',
  item: items,
  ...more,
});

export async function findings(
  questions: JsonObject[],
  items: JsonObject[],
  more: JsonObject = {},
  parts: CheckParts = {},
): Promise<string[]> {
  const check = createQuestionnaireResponseCheck(findingOf({ item: questions }), () => undefined);
  return inShort(await runCheck(check, 'QuestionnaireResponse', response(items, more), parts)).map(each =>
    each.replace('QuestionnaireResponse.', ''),
  );
}

export const kg = (value: number, code = 'kg'): JsonObject => ({ system: 'http://unitsofmeasure.org', code, value });
