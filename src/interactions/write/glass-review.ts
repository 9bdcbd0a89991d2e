/**
 * Tasks by which somebody reviews that the glass was broken (operations/break-glass.ts): the server makes them and nobody else, they stay, say what they
 * said, and are not in the hands of whoever broke it.
 */
import { isDeepStrictEqual } from 'node:util';
import { FhirError } from '../../fhir/error.js';
import { parseJson, STORED_JSON } from '../../fhir/json/json.js';
import { isObject, itemsOf, type Json, type Resource } from '../../fhir/resource.js';
import { GLASS_REVIEW, REVIEW_SYSTEM, whoAsked } from '../operations/break-glass.js';
import type { Hook, HookedWrite } from './hooks.js';

export const glassReviewHook: Hook = { types: ['Task'], check: checkReview };

/** What a review says of what it is about. */
const FIXED = [
  'code',
  'for',
  'authoredOn',
  'requester',
  'reasonCode',
  'restriction',
  'description',
  'intent',
  'priority',
] as const;
/** One of these stands in the text of a review: any character may be written as an escape. */
const IN_TEXT = [GLASS_REVIEW, '\\u'] as const;

/** Throws `forbidden`, `unprocessable`. */
function checkReview({ before, resource, principal, agent, interaction }: HookedWrite): void {
  const text = before?.text;
  const reviewed =
    text && IN_TEXT.some(each => text.includes(each)) ? parseJson(text, STORED_JSON).resource : undefined;
  if (reviewed && isReview(reviewed)) {
    if (isDeepStrictEqual(identifierIn(reviewed['requester']), whoAsked(principal)))
      throw new FhirError('forbidden', 'Somebody else than who broke the glass reviews it.', { detail: 'same-person' });
    if (!resource) throw new FhirError('forbidden', 'The review of a broken glass stays.', { detail: 'review-stays' });
    const changed = FIXED.find(name => !isDeepStrictEqual(reviewed[name], resource[name]));
    if (changed !== undefined)
      throw new FhirError('unprocessable', 'The review of a broken glass goes on saying what it is about.', {
        expression: `Task.${changed}`,
        detail: 'review-altered',
      });
  } else if (resource && isReview(resource) && !(agent === 'chartroom' && interaction === 'create'))
    throw new FhirError('unprocessable', 'The server makes the review of a broken glass, and nobody else.', {
      expression: 'Task.code',
      detail: 'review-of-nothing',
    });
}

function isReview({ code }: Resource): boolean {
  const codings = isObject(code) ? itemsOf(code['coding']) : [];
  return codings.some(each => isObject(each) && each['system'] === REVIEW_SYSTEM && each['code'] === GLASS_REVIEW);
}

const identifierIn = (requester: Json | undefined): Json | undefined =>
  isObject(requester) ? requester['identifier'] : undefined;
