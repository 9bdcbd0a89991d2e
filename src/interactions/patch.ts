/**
 * patch and conditional patch: https://hl7.org/fhir/R4/http.html#patch. The patch is applied to the version that is there, and
 * what comes of it is written like any update. It may not change what the resource is (type and id); one that leads to
 * an invalid resource is `unprocessable`, with the validator's words.
 */
import { box, unbox } from '../fhir/digits.js';
import { FhirError } from '../fhir/error.js';
import { applyFhirPathPatch } from '../fhir/fhirpath-patch.js';
import { parseJson } from '../fhir/json.js';
import { applyJsonPatch } from '../fhir/json-patch.js';
import type { Decimals, Json, Resource } from '../fhir/resource.js';
import { validateStructure } from '../validation/structure.js';
import type { Context, Engine, Of, Outcome, Patch } from './interaction.js';
import { prepare, type Prepared } from './prepare.js';
import { about, gone } from './read.js';
import { wholeText } from './release.js';
import { checkPreconditions, locate, next } from './update.js';

/** Depth was limited when the text came in; a patch may add to it. */
const TRUSTED = { maxDepth: 200 };

export async function patch({ engine }: Context, ask: Of<'patch'>, without: readonly string[]): Promise<Outcome> {
  checkPatch(engine, ask.patch);
  const { current } = await locate(engine, ask, without);
  checkPreconditions(current, ask);
  if (!current) throw new FhirError('not-found', `There is no such ${ask.type} to be patched.`);
  if (!current.text) throw gone(current);
  const { resource, decimals } = parseJson(await wholeText(engine, current), TRUSTED);
  const patched = apply(engine, { resource, decimals }, ask.patch);
  if (patched.resource.resourceType !== ask.type || patched.resource['id'] !== current.id)
    throw new FhirError('unprocessable', 'A patch cannot change the type or the id of a resource.', {
      expression: `${ask.type}.id`,
      detail: 'patched-identity',
    });
  const { change, text } = await written(
    prepare(engine, { ...next(engine, ask.type, current.id, current), method: 'PATCH' }, patched),
  );
  const location = `${ask.type}/${change.id}/_history/${change.version}`;
  return { changes: [change], result: { ...about(change), status: 200, ...(text ? { text } : {}), location } };
}

/** The form of the patch itself, before anything is read. */
function checkPatch({ definitions }: Engine, { form, ...given }: Patch): void {
  if (form === 'json' || !('parameters' in given)) return;
  const { resource, decimals } = given.parameters;
  if (resource.resourceType !== 'Parameters')
    throw new FhirError(
      'invalid',
      'A patch is a Parameters resource (FHIRPath Patch), or application/json-patch+json.',
      {
        expression: resource.resourceType,
        detail: 'no-patch',
      },
    );
  const issues = validateStructure(resource, definitions, decimals);
  if (issues.some(({ severity }) => severity === 'error' || severity === 'fatal'))
    throw new FhirError('invalid', 'The patch is not valid FHIR R4.', { issues });
}

function apply(
  { definitions }: Engine,
  given: { readonly resource: Resource; readonly decimals: Decimals | undefined },
  asked: Patch,
): { readonly resource: Resource; readonly decimals: Decimals | undefined } {
  if (asked.form === 'fhirpath') return applyFhirPathPatch(given, asked.parameters, definitions);
  const { value, decimals } = unbox(
    applyJsonPatch(box(given.resource, given.decimals), box(asked.operations, asked.decimals)),
  );
  if (!isResource(value))
    throw new FhirError('unprocessable', 'The patch leaves no resource.', { detail: 'patched-identity' });
  return { resource: value, decimals };
}

const isResource = (value: Json): value is Resource =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && typeof value['resourceType'] === 'string';

/** What the patch made of the resource is no fault of its body. */
async function written(prepared: Promise<Prepared>): Promise<Prepared> {
  try {
    return await prepared;
  } catch (error) {
    if (!(error instanceof FhirError) || error.kind !== 'invalid') throw error;
    throw new FhirError('unprocessable', 'The patch leads to a resource that is not valid FHIR R4.', {
      issues: error.issues,
    });
  }
}
