/**
 * A request for records that is denied, or whose term is extended: whoever writes the Task says by which ground, and the requester is told by a letter in the
 * same commit. The ground is a coding of Task.statusReason, its justification the text beside. 45 CFR 164.524(b)(2)(ii), (d)(2):
 * https://www.ecfr.gov/current/title-45/section-164.524
 */
import { FhirError } from '../../../fhir/error.js';
import { parseJson, STORED_JSON } from '../../../fhir/json/json.js';
import { isObject, itemsOf, type Resource } from '../../../fhir/resource.js';
import type { FeatureHook } from '../../../interactions/write/hooks.js';
import { wordsFor } from '../authorization-rules.js';
import { DENIED_STATE, isRecordsRequest, requestState } from '../request-task.js';
import { dueOf, type LetterHead, letterLanguage, type LetterPlaces, letterWritten, placesOf } from './letter.js';
import type { LetterTemplates } from './letter-templates.js';
import {
  GROUND_SYSTEM,
  groundCode,
  groundsOf,
  MORE_TIME,
  type Refusal,
  type RefusalGrounds,
} from './refusal-grounds.js';

export interface LetterGround {
  readonly templates: LetterTemplates;
  readonly grounds: RefusalGrounds;
  readonly head: LetterHead;
}

/** On a Task whose term was extended, as the work kernel writes it: the last day that it had before. */
const EXTENDED = 'urn:chartroom:extended';

/** The last day that the term of a request had before it was extended; undefined: it was not. */
export function formerTerm({ extension }: Resource): string | undefined {
  const extended = itemsOf(extension).find(each => isObject(each) && each['url'] === EXTENDED);
  const day = isObject(extended) ? extended['valueDate'] : undefined;
  return typeof day === 'string' ? day : undefined;
}

/** What the letter about a denial says beside. */
export function denialPlaces({ grounds }: LetterGround, task: Resource, language: string): LetterPlaces {
  const { display, paragraph, reviewable } = grounds.get(groundCode(task) ?? '') ?? {};
  const isOfAccess = paragraph?.includes('164.524') === true;
  return {
    ground: display && wordsFor(display, language),
    paragraph,
    reviewable: reviewable === true ? 'yes' : '',
    unreviewable: reviewable === false && isOfAccess ? 'yes' : '',
  };
}

/** What the letter about an extension says beside. */
export function extensionPlaces({ grounds }: LetterGround, task: Resource, language: string): LetterPlaces {
  const { statusReason } = task;
  const text = isObject(statusReason) ? statusReason['text'] : undefined;
  const words = grounds.get(groundCode(task) ?? MORE_TIME)?.display;
  const known = words === undefined ? '' : wordsFor(words, language);
  return { former: formerTerm(task), reason: typeof text === 'string' ? text : known };
}

export const refusalHook = (ground: LetterGround, now: () => number): FeatureHook => ({
  types: ['Task'],
  prepare({ id, before, resource: task }) {
    if (!task || !isRecordsRequest(task)) return undefined;
    const former = before?.text ? parseJson(before.text, STORED_JSON).resource : undefined;
    const isDenied =
      requestState(task).code === DENIED_STATE && (!former || requestState(former).code !== DENIED_STATE);
    const isExtended = former && formerTerm(task) !== undefined && formerTerm(former) === undefined;
    if (!isDenied && !isExtended) return undefined;
    const resource = isDenied ? task : withGround(task);
    checkGround(ground.grounds, resource, isDenied ? 'denial' : 'delay');
    const { templates, head } = ground;
    const language = letterLanguage(templates, resource);
    const places = isDenied ? denialPlaces(ground, resource, language) : extensionPlaces(ground, resource, language);
    const letter = letterWritten(templates, {
      kind: isDenied ? 'denial' : 'extension',
      ...{ language, task: { id, resource }, now: now() },
      places: { ...placesOf(resource, head), due: dueOf(resource), ...places },
    });
    return { resource, companions: letter.companions };
  },
});

/** A delay that names no ground has that of 45 CFR 164.524(b)(2)(ii). */
function withGround(task: Resource): Resource {
  const { statusReason } = task;
  if (groundCode(task) !== undefined || !isObject(statusReason)) return task;
  const coding = [...itemsOf(statusReason['coding']), { system: GROUND_SYSTEM, code: MORE_TIME }];
  return { ...task, statusReason: { ...statusReason, coding } };
}

/** Throws `unprocessable` where the ground is none, or nobody says why it is one. */
function checkGround(grounds: RefusalGrounds, task: Resource, refusal: Refusal): void {
  const known = groundsOf(grounds, refusal);
  const { statusReason } = task;
  const text = isObject(statusReason) ? statusReason['text'] : undefined;
  const isKnown = known.includes(groundCode(task) ?? '');
  if (isKnown && typeof text === 'string' && text.trim() !== '') return;
  throw new FhirError(
    'unprocessable',
    isKnown
      ? 'Why does this ground hold? The text of statusReason must say it.'
      : `By which ground? statusReason must have a code of ${GROUND_SYSTEM}: ${known.join(', ')}.`,
    { expression: 'Task.statusReason', detail: isKnown ? 'no-justification' : 'no-ground' },
  );
}
