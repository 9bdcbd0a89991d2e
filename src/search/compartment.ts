/**
 * Makes a compartment a condition: `Patient/1/Observation` is every Observation that refers to Patient/1
 * by one of the parameters that the compartment's definition names. https://hl7.org/fhir/R4/compartmentdefinition.html
 *
 * Choice: the resource that the compartment is named after belongs to it.
 */
import { withArticle } from '../fhir/article.js';
import type { Definitions } from '../fhir/definitions.js';
import { FhirError } from '../fhir/error.js';
import type { SearchParameters } from './parameters.js';
import { any, type Where } from './query.js';

/** Types of which resources can belong to compartments of this type; undefined: there are none. */
export function compartmentTypes(definitions: Definitions, type: string): readonly string[] | undefined {
  const found = definitions.compartments.find(({ code }) => code === type);
  return found && [...new Set([type, ...Object.keys(found.resources)])].toSorted();
}

/** Throws FhirError `unknown-type` where there is no such compartment, or resources of a type never belong to it. */
export function compartmentWhere(
  definitions: Definitions,
  parameters: SearchParameters,
  owner: { readonly type: string; readonly id: string },
  types: readonly string[],
): Where {
  const compartment = definitions.compartments.find(({ code }) => code === owner.type);
  if (!compartment) {
    const offered = definitions.compartments.map(({ code }) => code).join(', ');
    throw new FhirError('unknown-type', `There are compartments of ${offered}, none of ${owner.type}.`);
  }
  const itself: Where = { kind: 'param', code: '_id', test: { kind: 'token', any: [{ code: owner.id }] } };
  const conditions = types.map((type): Where => {
    const codes = compartment.resources[type] ?? [];
    if (codes.length === 0 && type !== owner.type)
      throw new FhirError('unknown-type', `${type} never belongs to the compartment of ${withArticle(owner.type)}.`);
    const links = codes
      .filter(code => parameters.get(type, code)?.type === 'reference')
      .map((code): Where => ({ kind: 'param', code, test: { kind: 'reference', to: { kind: 'local', ...owner } } }));
    return any(...links, ...(type === owner.type ? [itself] : []));
  });
  return types.length === 1 ? conditions[0]! : any(...conditions.map((where, i) => ofType(types[i]!, where)));
}

const ofType = (type: string, where: Where): Where => ({ kind: 'of', type, where });
