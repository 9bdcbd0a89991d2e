/**
 * What was chosen, confirmed, packed and released stands in a Task that clerks may write: nothing but the operations of this feature changes those parts
 * of it, so that nobody confirms what nobody has looked at. What was released stays as it was: the List that freezes it is not changed any more.
 */
import { isDeepStrictEqual } from 'node:util';
import { FhirError } from '../../fhir/error.js';
import { parseJson, STORED_JSON } from '../../fhir/json/json.js';
import { isObject, itemsOf, type Resource } from '../../fhir/resource.js';
import type { FeatureHook } from '../../interactions/write/hooks.js';
import { keptParts } from './chosen.js';
import { isRecordsRequest } from './request-task.js';

export const keptHook = (): FeatureHook => ({
  types: ['Task'],
  check({ resource: task, before, agent }) {
    if (agent === 'release' || !task || !isRecordsRequest(task)) return;
    const former = before?.text ? parseJson(before.text, STORED_JSON).resource : undefined;
    if (isDeepStrictEqual(keptParts(former), keptParts(task))) return;
    throw new FhirError(
      'unprocessable',
      'What was chosen, confirmed, packed or released is written by $release-select, $release-confirm, $release-package and $release alone: send it as it was.',
      { expression: 'Task.input', detail: 'release-kept' },
    );
  },
});

const isFrozen = (list: Resource | undefined): boolean => {
  const code = list?.['code'];
  const codings = isObject(code) ? itemsOf(code['coding']) : [];
  return codings.some(
    each => isObject(each) && each['system'] === 'urn:chartroom:list' && each['code'] === 'frozen-set',
  );
};

/** ROI-3 */
export const frozenHook = (): FeatureHook => ({
  types: ['List'],
  prepare({ before, resource, agent }) {
    const former = before?.text ? parseJson(before.text, STORED_JSON).resource : undefined;
    if (agent === 'release' || !(isFrozen(former) || (!former && isFrozen(resource)))) return undefined;
    throw new FhirError('unprocessable', 'What was released is told by a List that stays as it was made.', {
      ...{ expression: 'List.code', detail: 'frozen-set' },
    });
  },
});
