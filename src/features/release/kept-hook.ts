/**
 * What was chosen, confirmed, packed and released stands in a Task that clerks may write: nothing but the operations of this feature changes those parts
 * of it, so that nobody confirms what nobody has looked at. What is made to be released stays as it was: a package, and the List that freezes what is in it.
 */
import { isDeepStrictEqual } from 'node:util';
import { FhirError } from '../../fhir/error.js';
import { parseJson, STORED_JSON } from '../../fhir/json/json.js';
import { parseReference } from '../../fhir/reference.js';
import { isObject, itemsOf, type Json, type Resource } from '../../fhir/resource.js';
import { type FeatureHook, type HookedWrite, isPurge } from '../../interactions/write/hooks.js';
import { askedParts, keptParts } from './chosen.js';
import { RELEASE_PACKAGE } from './package-records.js';
import { CHOSEN_STATES, DESK_DOCUMENTS, isRecordsRequest, requestState, SEARCHING } from './request-task.js';
import { isPackageOf } from './unreleased.js';

export const keptHook = (): FeatureHook => ({
  types: ['Task'],
  check({ resource: task, before, agent }) {
    if (agent === 'release' || !task || !isRecordsRequest(task)) return;
    const stored = before?.text ? parseJson(before.text, STORED_JSON).resource : undefined;
    // What another Task says by the same words nobody has looked at.
    const former = stored && isRecordsRequest(stored) ? stored : undefined;
    if (former) refuseAskedAnew(former, task);
    if (isDeepStrictEqual(keptParts(former), keptParts(task))) return;
    throw new FhirError(
      'unprocessable',
      'What was chosen, confirmed, packed or released is written by $release-select, $release-confirm, $release-package and $release alone: send it as it was.',
      { expression: 'Task.input', detail: 'release-kept' },
    );
  },
});

/** What was chosen was chosen for what was asked for. Throws `unprocessable`. */
function refuseAskedAnew(former: Resource, task: Resource): void {
  if (!CHOSEN_STATES.has(requestState(former).code) || requestState(task).code === SEARCHING) return;
  const [was, is] = [askedParts(former), askedParts(task)];
  if (isDeepStrictEqual(was, is)) return;
  throw new FhirError(
    'unprocessable',
    'Documents are chosen for what was asked for: reopen the request to change its inputs, its reason or its tracking id.',
    { expression: 'Task.input', detail: 'request-kept' },
  );
}

const hasCode = (concept: Json | undefined, system: string, code: string): boolean =>
  isObject(concept) &&
  itemsOf(concept['coding']).some(each => isObject(each) && each['system'] === system && each['code'] === code);

const isFrozen = (list: Resource | undefined): boolean => hasCode(list?.['code'], 'urn:chartroom:list', 'frozen-set');

/** ROI-3 */
export const frozenHook = (): FeatureHook => ({
  types: ['List'],
  prepare({ before, resource, agent, interaction }) {
    const former = before?.text ? parseJson(before.text, STORED_JSON).resource : undefined;
    if (agent === 'release' || isPurge({ interaction, resource }) || !(isFrozen(former) || isFrozen(resource)))
      return undefined;
    throw new FhirError('unprocessable', 'What was released is told by a List that stays as it was made.', {
      ...{ expression: 'List.code', detail: 'frozen-set' },
    });
  },
});

const isPackage = (document: Resource | undefined): boolean =>
  hasCode(document?.['type'], DESK_DOCUMENTS, RELEASE_PACKAGE);

/** Of what is handed out by links: sealed. */
const SEALED = 'application/jose';

/** Whether a Binary is of a request for records: its package, or what is handed out of it. */
async function isOfRequest(
  { securityContext, contentType }: Resource,
  { whole, id }: Pick<HookedWrite, 'whole' | 'id'>,
  bases: readonly string[],
): Promise<boolean> {
  const reference = isObject(securityContext) ? securityContext['reference'] : undefined;
  const target = typeof reference === 'string' ? parseReference(reference, bases) : undefined;
  const row = target?.kind === 'local' && target.type === 'Task' ? await whole('Task', target.id) : undefined;
  const task = row?.text ? parseJson(row.text, STORED_JSON).resource : undefined;
  if (!task || !isRecordsRequest(task)) return false;
  return contentType === SEALED || isPackageOf(task, id, whole, bases);
}

/** What is delivered is what was released: nobody puts other bytes, or those of another patient, into the place of a package. */
export const packageHook = (bases: readonly string[]): FeatureHook => ({
  types: ['DocumentReference', 'Binary'],
  async prepare(write) {
    const { type, before, resource, agent } = write;
    if (agent === 'release' || isPurge(write)) return undefined;
    const former = before?.text ? parseJson(before.text, STORED_JSON).resource : undefined;
    const isMade =
      type === 'Binary'
        ? former !== undefined && (await isOfRequest(former, write, bases))
        : isPackage(former) || isPackage(resource);
    if (!isMade) return undefined;
    throw new FhirError(
      'unprocessable',
      'A package of a release stays as $release-package has made it: ask that for another one.',
      { expression: type === 'Binary' ? 'Binary' : 'DocumentReference.type', detail: 'package-kept' },
    );
  },
});
