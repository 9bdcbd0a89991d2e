/**
 * The records of a glass that was broken (operations/glass-records.ts): the server makes them and nobody else, they stay, say what they
 * said, and are not in the hands of whoever broke it.
 */
import { isDeepStrictEqual } from 'node:util';
import { FhirError } from '../../fhir/error.js';
import { parseJson, STORED_JSON } from '../../fhir/json/json.js';
import { isObject, type Json, type Resource } from '../../fhir/resource.js';
import { fixedInGlassRecord, IN_GLASS_RECORDS, whoAsked } from '../operations/glass-records.js';
import type { Hook, HookedWrite } from './hooks.js';

export const glassReviewHook: Hook = {
  types: ['Task', 'Communication'],
  check: checkGlassRecord,
  staysAsLabelled: (_, text) => isGlassRecord(text),
};

/** Throws `forbidden`, `unprocessable`. */
function checkGlassRecord({ before, type, resource, principal, agent, interaction }: HookedWrite): void {
  const kept = before?.text && perhapsGlassRecord(before.text);
  const fixed = kept && fixedInGlassRecord(kept);
  if (fixed) {
    if (isDeepStrictEqual(whoBroke(kept), whoAsked(principal)))
      throw new FhirError('forbidden', 'Somebody else than who broke the glass reviews it.', { detail: 'same-person' });
    if (!resource) throw new FhirError('forbidden', 'The records of a broken glass stay.', { detail: 'review-stays' });
    const changed = fixed.find(name => !isDeepStrictEqual(kept[name], resource[name]));
    if (changed !== undefined)
      throw new FhirError('unprocessable', 'The record of a broken glass goes on saying what it is about.', {
        expression: `${type}.${changed}`,
        detail: 'review-altered',
      });
  } else if (resource && fixedInGlassRecord(resource) && !(agent === 'chartroom' && interaction === 'create'))
    throw new FhirError('unprocessable', 'The server makes the records of a broken glass, and nobody else.', {
      expression: type === 'Task' ? 'Task.code' : 'Communication.category',
      detail: 'review-of-nothing',
    });
}

/** What stands in a stored text; undefined: it is surely no such record. */
const perhapsGlassRecord = (text: Buffer): Resource | undefined =>
  IN_GLASS_RECORDS.some(each => text.includes(each)) ? parseJson(text, STORED_JSON).resource : undefined;

/** `text`: of any stored Task or Communication. */
function isGlassRecord(text: Buffer): boolean {
  const resource = perhapsGlassRecord(text);
  return resource !== undefined && fixedInGlassRecord(resource) !== undefined;
}

/** As both records name them. */
function whoBroke({ requester, sender }: Resource): Json | undefined {
  const named = requester ?? sender;
  return isObject(named) ? named['identifier'] : undefined;
}
