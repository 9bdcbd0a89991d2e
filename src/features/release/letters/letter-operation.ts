/**
 * `Task/[id]/$letter`: a letter about a request for records, from its template: a document in the record and a Communication to the requester, in one commit.
 * A letter says what is so: one that the request gives no reason for is refused. Defined in profiles/release/operationdefinition-letter.json
 */
import { FhirError } from '../../../fhir/error.js';
import type { Resource } from '../../../fhir/resource.js';
import type { Context, OperationImplementation } from '../../../interactions/engine.js';
import { jsonText } from '../../../interactions/operations/operation.js';
import { badParameter, type GivenParameter, readGiven } from '../../../interactions/operations/parameters.js';
import { type CheckGround, checkedOf, DEFICIENT, defectsOf, needOf, readRequest } from '../check-operation.js';
import { COME_TO_NOTHING, DENIED_STATE, requestState } from '../request-task.js';
import { letterLanguage, type LetterPlaces, letterWritten, placesOf } from './letter.js';
import { languageFor } from './letter-templates.js';
import { denialPlaces, extensionPlaces, formerTerm } from './refusal-hook.js';

interface LetterReason {
  readonly ground: CheckGround;
  readonly task: Resource;
  readonly language: string;
  readonly view: Context['view'];
}

/** What a letter says beside; undefined: there is no reason for it. */
type PlacesOfKind = (reason: LetterReason) => LetterPlaces | undefined | Promise<LetterPlaces | undefined>;

/** States in which nothing may be given out, by now or for ever. */
const CLOSED = new Set(['received', 'identity-check', 'authorization-check', DEFICIENT, ...COME_TO_NOTHING]);
/** Those to whom an authorization discloses: 45 CFR 164.508(c)(2)(iii). */
const BY_AUTHORIZATION = 'authorization';

const withRecords: PlacesOfKind = ({ ground, task }) => {
  if (CLOSED.has(requestState(task).code)) return undefined;
  return { redisclosure: needOf(ground, task) === BY_AUTHORIZATION ? 'yes' : '' };
};

/** By kind of letter; what is not here is not written by hand. */
const LETTER_KINDS: Readonly<Record<string, PlacesOfKind>> = {
  acknowledged: ({ task }) => (COME_TO_NOTHING.has(requestState(task).code) ? undefined : {}),
  [DEFICIENT]: async ({ ground, task, language, view }) =>
    requestState(task).code === DEFICIENT
      ? { elements: defectsOf(ground, await checkedOf(ground, task, view), language) }
      : undefined,
  extension: ({ ground, task, language }) =>
    formerTerm(task) === undefined ? undefined : extensionPlaces(ground.letters, task, language),
  denial: ({ ground, task, language }) =>
    requestState(task).code === DENIED_STATE ? denialPlaces(ground.letters, task, language) : undefined,
  cover: withRecords,
  'part-2-notice': withRecords,
};

export const letterOperation = (ground: CheckGround): OperationImplementation => ({
  async run(context, ask) {
    const { given } = readGiven(context.engine, ask);
    const find = (name: string): GivenParameter | undefined => given.find(each => each.name === name);
    const { head, templates } = ground.letters;
    const kind = jsonText(find('kind')!.value);
    const known = Object.hasOwn(LETTER_KINDS, kind) ? LETTER_KINDS[kind] : undefined;
    if (!known) throw badParameter(`kind is one of ${Object.keys(LETTER_KINDS).join(', ')}.`, find('kind')!.at);
    const wanted = languageGiven(ground, find('language'));
    const remark = remarkGiven(find('remark'));
    const { row, task } = await readRequest(context, ask.id!);
    const language = letterLanguage(templates, task, wanted);
    const places = await known({ ground, task, language, view: context.view });
    if (!places)
      throw new FhirError('unprocessable', `The request gives no reason for the letter ${kind} as it is now.`, {
        ...{ expression: find('kind')!.at, detail: 'no-reason-for-letter' },
      });
    const letter = letterWritten(templates, {
      ...{ kind, language, now: ground.now(), task: { id: ask.id!, resource: task } },
      places: { remark, ...placesOf(task, head), ...places },
    });
    const parameter = [
      { name: 'letter', valueReference: { reference: `DocumentReference/${letter.document}` } },
      { name: 'communication', valueReference: { reference: `Communication/${letter.communication}` } },
    ];
    const text = Buffer.from(JSON.stringify({ resourceType: 'Parameters', parameter }));
    return {
      result: { status: 200, text, patients: row.patients },
      accompaniment: {
        companions: letter.companions.map(each => ({ owner: 'release', ask: each })),
        ...{ messages: [], mustNotMatch: [] },
      },
    };
  },
});

/** Throws `invalid` for a language without templates. */
export function languageGiven(
  { letters: { templates } }: Pick<CheckGround, 'letters'>,
  given: GivenParameter | undefined,
): string | undefined {
  if (!given) return undefined;
  const language = languageFor(templates, jsonText(given.value));
  if (language !== undefined) return language;
  throw badParameter(`There are letters in ${[...templates.keys()].toSorted().join(', ')}.`, given.at);
}

const LONGEST_REMARK = 1000;

/** Throws `invalid`. */
function remarkGiven(given: GivenParameter | undefined): string {
  if (!given) return '';
  const remark = jsonText(given.value).trim();
  if (remark !== '' && remark.length <= LONGEST_REMARK) return remark;
  throw badParameter(`remark has ${LONGEST_REMARK} characters at most, and not none.`, given.at);
}
