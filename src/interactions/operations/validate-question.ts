/**
 * What $validate is asked: a resource itself, or Parameters around one, a mode and profiles. What surrounds the resource must be right, whatever
 * is wrong with the resource. https://hl7.org/fhir/R4/resource-operation-validate.html
 */
import { FhirError } from '../../fhir/error.js';
import { isObject, itemsOf, type Parsed, type Resource } from '../../fhir/resource.js';
import { refuseErrors } from '../../validation/gate/validate.js';
import type { Context } from '../engine.js';
import type { Of } from '../interaction.js';
import { readGiven } from './parameters.js';
import { type GivenValues, givenBy, refusedParameter } from './terminology-question.js';

const MODES = ['create', 'update', 'delete', 'profile'] as const;
type ValidationMode = (typeof MODES)[number];

/** What is to be checked, and how. */
export interface ValidationQuestion {
  readonly mode: ValidationMode | undefined;
  readonly profiles: readonly string[];
  /** What was sent; undefined: nothing was. */
  readonly given: Parsed | undefined;
  /** The path to it in the body: `parameter[1].resource`. */
  readonly at: string;
}

/** Throws `invalid` for what is asked wrongly. */
export async function readValidationQuestion(context: Context, ask: Of<'operation'>): Promise<ValidationQuestion> {
  const { body } = ask;
  const isQuestion = body !== undefined && isAroundResource(body, ask);
  if (isQuestion) await refuseBrokenQuestion(context, body);
  const { body: _, ...bodiless } = ask;
  const values = givenBy(readGiven(context.engine, isQuestion ? ask : bodiless).given);
  const mode = modeAsked(values, ask);
  const profiles = values.texts('profile');
  const resource = isQuestion ? values.object('resource') : body?.resource;
  if (mode === 'profile' && profiles.length === 0)
    throw refusedParameter('mode=profile needs the parameter profile.', values.at('mode'));
  if (!resource && ask.id === undefined)
    throw refusedParameter('$validate needs the resource: as the body, or as the parameter resource.');
  if (!isQuestion || !resource) return { mode, profiles, given: isQuestion ? undefined : body, at: '' };
  const { decimals, large } = body;
  return {
    mode,
    profiles,
    given: { resource: resource as Resource, decimals, ...(large ? { large } : {}) },
    at: `${values.at('resource').replace(/^Parameters\./, '')}.resource`,
  };
}

function modeAsked(values: GivenValues, { id }: Of<'operation'>): ValidationMode | undefined {
  const text = values.text('mode');
  const mode = MODES.find(each => each === text);
  if (text !== undefined && !mode)
    throw refusedParameter(`The parameter mode must be one of ${MODES.join(', ')}.`, values.at('mode'));
  if (mode === 'delete' && id === undefined)
    throw refusedParameter('mode=delete is asked of a resource: Type/id/$validate.', values.at('mode'));
  return mode;
}

/** Parameters may be what is checked themselves. */
const isAroundResource = ({ resource }: Parsed, { type }: Of<'operation'>): boolean =>
  resource.resourceType === 'Parameters' &&
  (type !== 'Parameters' || itemsOf(resource['parameter']).some(namesResource));

const namesResource = (parameter: unknown): boolean => isObject(parameter) && parameter['name'] === 'resource';

/** The Parameters around the resource must be right. */
async function refuseBrokenQuestion({ engine }: Context, { resource, decimals }: Parsed): Promise<void> {
  const parameter = resource['parameter'];
  const shell: Resource = Array.isArray(parameter)
    ? {
        ...resource,
        parameter: parameter.map(each => {
          if (!isObject(each) || !namesResource(each) || !isObject(each['resource'])) return each;
          const { resource: _judged, ...rest } = each;
          return rest;
        }),
      }
    : resource;
  refuseErrors(await engine.validate({ resource: shell, decimals }), 'The Parameters are not valid FHIR R4.');
}

export async function refuseUnknownProfiles({ engine }: Context, { profiles }: ValidationQuestion): Promise<void> {
  const unknown = await engine.judge.unknown(profiles);
  if (unknown.length === 0) return;
  const text = 'A profile that is named is not known here: store its StructureDefinition, or add its guide.';
  throw new FhirError('invalid', text, {
    issues: unknown.map(canonical => ({
      severity: 'error',
      code: 'not-found',
      text,
      expression: 'http.profile',
      detail: 'unknown-profile',
      diagnostics: canonical.slice(0, 1000),
    })),
  });
}
