/**
 * The Tasks and Communications of anomalies (anomaly-task.ts): the server makes them and nobody else, also none of the ids that it would give, or there would be none of
 * the hit; they stay, say what they said, and who is looked at does not write in them. The Communication is for reading alone.
 */
import { isDeepStrictEqual } from 'node:util';
import { FhirError } from '../../fhir/error.js';
import { parseJson, STORED_JSON } from '../../fhir/json/json.js';
import { isObject, itemsOf, type Resource } from '../../fhir/resource.js';
import type { FeatureHook, HookedWrite } from '../../interactions/write/hooks.js';
import { ANOMALY_ID, PERSON_OF_HIT } from './anomaly-task.js';
import { lineOfText, PRIVACY_FEATURE, textGiven } from './told-event.js';

export const anomalyReviewHook: FeatureHook = {
  types: ['Task', 'Communication'],
  check: checkAnomalyRecord,
  staysAsLabelled: id => id.startsWith(ANOMALY_ID),
};

const FIXED = [
  ...['code', 'focus', 'for', 'authoredOn', 'reasonCode', 'restriction', 'description', 'intent', 'priority', 'input'],
] as const;
/** May be changed in a Communication, by operations on labels. */
const META = 'meta';

/** Throws `forbidden`, `unprocessable`. */
function checkAnomalyRecord({ before, type, id, resource, principal, agent, interaction }: HookedWrite): void {
  if (!id.startsWith(ANOMALY_ID)) return;
  if (!before?.text) {
    if (resource && !(agent === PRIVACY_FEATURE && interaction === 'create'))
      throw new FhirError('unprocessable', `The server gives ids that begin with ${ANOMALY_ID}: choose another one.`, {
        expression: `${type}.id`,
        detail: 'review-of-nothing',
      });
    return;
  }
  const kept = parseJson(before.text, STORED_JSON).resource;
  if (isPerson(principal, kept))
    throw new FhirError('forbidden', 'Somebody else than who is looked at reviews it.', { detail: 'same-person' });
  if (!resource) throw new FhirError('forbidden', 'What was made of an anomaly stays.', { detail: 'review-stays' });
  const fixed = type === 'Task' ? FIXED : [...new Set([...Object.keys(kept), ...Object.keys(resource)])].filter(isSaid);
  const changed = fixed.find(name => !isDeepStrictEqual(kept[name], resource[name]));
  if (changed !== undefined)
    throw new FhirError('unprocessable', 'What was made of an anomaly goes on saying what it is about.', {
      expression: `${type}.${changed}`,
      detail: 'review-altered',
    });
}

const isSaid = (name: string): boolean => name !== META && name !== 'id';

/** Whether it is they who are looked at, by any name that an event may have of them. */
function isPerson({ name, subject, fhirUser }: HookedWrite['principal'], { input }: Resource): boolean {
  const people = new Set(
    itemsOf(input).flatMap(each =>
      isObject(each) && isDeepStrictEqual(each['type'], PERSON_OF_HIT) ? [textGiven(each['valueString'])] : [],
    ),
  );
  return [name, subject, fhirUser].some(each => each !== undefined && each !== '' && people.has(lineOfText(each)));
}
