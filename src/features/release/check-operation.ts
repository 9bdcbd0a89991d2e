/**
 * `Task/[id]/$check-authorization`: each element that a request must have, with its verdict and remedy. What a person has looked at is confirmed; a defect makes
 * the letter that asks for what is missing, and sends the request back. The hook beside it lets no request be accepted whose check does not hold, whoever writes.
 * Defined in profiles/release/operationdefinition-check-authorization.json
 */
import { FhirError } from '../../fhir/error.js';
import { parseJson, STORED_JSON } from '../../fhir/json/json.js';
import { parseReference } from '../../fhir/reference.js';
import { isObject, itemsOf, type Json, type JsonObject, type Parsed, type Resource } from '../../fhir/resource.js';
import type { Context, OperationImplementation } from '../../interactions/engine.js';
import { jsonText } from '../../interactions/operations/operation.js';
import { badParameter, readGiven } from '../../interactions/operations/parameters.js';
import { readCurrent } from '../../interactions/read.js';
import type { FeatureHook } from '../../interactions/write/hooks.js';
import { checkAuthorization, type JudgedElement, outcomeOfCheck } from './authorization.js';
import { type PermitRules, permitElements, wordsFor } from './authorization-rules.js';
import { letterLanguage, letterWritten, placesOf, type WrittenLetter } from './letters/letter.js';
import type { LetterGround } from './letters/refusal-hook.js';
import type { RequesterClasses, RequestNeed } from './requester-classes.js';
import {
  CHOSEN_STATES,
  inputOf,
  inputValues,
  isRecordsRequest,
  requestState,
  SEARCHING,
  stateConcept,
} from './request-task.js';

export interface CheckGround {
  readonly classes: RequesterClasses;
  readonly rules: PermitRules;
  readonly letters: LetterGround;
  readonly now: () => number;
  /** Of this server. */
  readonly bases: readonly string[];
}

const CHECKING = 'authorization-check';
export const DEFICIENT = 'deficient-authorization';
export const LETTER_LANGUAGE = /^[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*$/;

type ConsentView = Pick<Context['view'], 'read'>;

/** What holds of a request now. A request of a class that nobody knows needs an authorization. */
export async function checkedOf(
  ground: CheckGround,
  task: Resource,
  view: ConsentView,
): Promise<readonly JudgedElement[]> {
  const { rules, now, bases } = ground;
  const needs = needOf(ground, task);
  const consent = await consentNamed(task, bases, view);
  return checkAuthorization({ needs, task, consent, now: now() }, permitElements(rules, needs));
}

/** The Consent that a request names, as far as it can be read. */
async function consentNamed(
  task: Resource,
  bases: readonly string[],
  view: ConsentView,
): Promise<Resource | undefined> {
  const named = inputValues(task, 'authorization')[0];
  const text = isObject(named) && typeof named['reference'] === 'string' ? named['reference'] : '';
  const target = parseReference(text, bases);
  const row = target?.kind === 'local' && target.type === 'Consent' ? await view.read('Consent', target.id) : undefined;
  return row?.text ? parseJson(row.text, STORED_JSON).resource : undefined;
}

/** The Consent that a request of any class names, where every element of a directive or an authorization holds of it now. */
export async function consentThatHolds(
  ground: CheckGround,
  task: Resource,
  view: ConsentView,
): Promise<Resource | undefined> {
  const { rules, now, bases } = ground;
  const needs = needOf(ground, task) === 'directive' ? 'directive' : 'authorization';
  const consent = await consentNamed(task, bases, view);
  const checked = checkAuthorization({ needs, task, consent, now: now() }, permitElements(rules, needs));
  return outcomeOfCheck(checked) === 'sufficient' ? consent : undefined;
}

/** The Task of a request for records. Throws `not-found`, `deleted`, `unprocessable`. */
export async function readRequest(
  context: Context,
  id: string,
): Promise<{
  readonly row: Awaited<ReturnType<typeof readCurrent>>;
  readonly task: Resource;
  readonly decimals: Parsed['decimals'];
}> {
  const row = await readCurrent(context, 'Task', id);
  const { resource: task, decimals } = parseJson(row.text!, STORED_JSON);
  if (isRecordsRequest(task)) return { row, task, decimals };
  throw new FhirError('unprocessable', 'This Task is no request for records.', {
    ...{ expression: 'Task.code', detail: 'no-records-request' },
  });
}

/** Whoever looks for records again is asked again when they choose. */
const SEARCHED: ReadonlySet<string> = new Set([SEARCHING, ...CHOSEN_STATES]);

/** A request is accepted when its check holds. */
export const acceptanceHook = (ground: CheckGround): FeatureHook => ({
  types: ['Task'],
  async check({ resource: task, before, view }) {
    if (!task || !isRecordsRequest(task) || requestState(task).code !== SEARCHING) return;
    const former = before?.text ? parseJson(before.text, STORED_JSON).resource : undefined;
    if (former && SEARCHED.has(requestState(former).code)) return;
    await checkedStill(ground, task, view);
  },
});

/** Throws `unprocessable` where what permits a request does not hold now. */
export async function checkedStill(ground: CheckGround, task: Resource, view: ConsentView): Promise<void> {
  const failed = (await checkedOf(ground, task, view)).filter(({ verdict }) => verdict !== 'met');
  if (failed.length === 0) return;
  const names = failed.map(({ element, verdict }) => `${element} (${verdict})`).join(', ');
  throw new FhirError(
    'unprocessable',
    `What permits this release does not hold: ${names}. $check-authorization tells more.`,
    { expression: 'Task.businessStatus', detail: 'authorization-deficient' },
  );
}

export const checkAuthorizationOperation = (ground: CheckGround): OperationImplementation => ({
  async run(context, ask) {
    const { given } = readGiven(context.engine, ask);
    const { row, task: before, decimals } = await readRequest(context, ask.id!);
    const known = permitElements(ground.rules, needOf(ground, before));
    const confirmed = given.flatMap(({ name, value, at }) => {
      if (name !== 'confirmed') return [];
      if (known.includes(jsonText(value))) return [jsonText(value)];
      throw badParameter(`confirmed is one of ${known.join(', ')}.`, at);
    });
    const language = given.find(({ name }) => name === 'language');
    if (language && !LETTER_LANGUAGE.test(jsonText(language.value)))
      throw badParameter('language is a code as in BCP 47.', language.at);
    let task = withConfirmed(before, confirmed);
    const checked = await checkedOf(ground, task, context.view);
    const outcome = outcomeOfCheck(checked);
    const isSentBack = outcome === 'deficient' && requestState(before).code === CHECKING;
    const words = letterLanguage(ground.letters.templates, task, language && jsonText(language.value));
    const letter = isSentBack ? letterOf(ground, { id: ask.id!, task, checked, language: words }) : undefined;
    if (isSentBack) {
      const statusReason = { text: failedOf(checked).join(', ') };
      task = { ...task, status: 'on-hold', businessStatus: stateConcept(DEFICIENT), statusReason };
    }
    const ifMatch = [String(row.version)];
    const change = { kind: 'update', type: 'Task', id: ask.id!, ifMatch, body: { resource: task, decimals } } as const;
    const companions = [...(task === before ? [] : [change]), ...(letter?.companions ?? [])];
    const text = Buffer.from(JSON.stringify(told(ground, checked, outcome, words, letter)));
    return {
      result: { status: 200, text, patients: row.patients },
      accompaniment: {
        companions: companions.map(each => ({ owner: 'release', ask: each })),
        ...{ messages: [], mustNotMatch: [] },
      },
    };
  },
});

/** What a request must have by the class of its requester; of a class that nobody knows an authorization. */
export const needOf = ({ classes }: Pick<CheckGround, 'classes'>, task: Resource): RequestNeed =>
  classes.get(jsonText(inputValues(task, 'requester-class')[0]))?.needs ?? 'authorization';

/** The same Task where nothing new is confirmed. */
function withConfirmed(task: Resource, confirmed: readonly string[]): Resource {
  const there = new Set(inputValues(task, 'confirmed'));
  const more = [...new Set(confirmed)].filter(each => !there.has(each));
  if (more.length === 0) return task;
  return {
    ...task,
    input: [...itemsOf(task['input']), ...more.map(each => inputOf('confirmed', { valueCode: each }))],
  };
}

const failedOf = (checked: readonly JudgedElement[]): string[] =>
  checked.flatMap(({ element, verdict }) => (verdict === 'missing' || verdict === 'wrong' ? [element] : []));

interface LetterNeeded {
  readonly id: string;
  readonly task: Resource;
  readonly checked: readonly JudgedElement[];
  readonly language: string;
}

/** What fails, and its remedy, in a language. */
export const defectsOf = ({ rules }: CheckGround, checked: readonly JudgedElement[], language: string): string[] =>
  failedOf(checked).map(element => {
    const { display, remedy } = rules.get(element)!;
    return `${wordsFor(display, language)}. ${wordsFor(remedy, language)}`;
  });

function letterOf(ground: CheckGround, { id, task, checked, language }: LetterNeeded): WrittenLetter {
  const { templates, head } = ground.letters;
  const places = { ...placesOf(task, head), elements: defectsOf(ground, checked, language) };
  const letter = { kind: DEFICIENT, language, places, task: { id, resource: task } };
  return letterWritten(templates, { ...letter, now: ground.now() });
}

function told(
  { rules }: CheckGround,
  checked: readonly JudgedElement[],
  outcome: string,
  language: string,
  letter: WrittenLetter | undefined,
): JsonObject {
  const elements = checked.map(({ element, verdict }): Json => {
    const { paragraph, display, remedy } = rules.get(element)!;
    return {
      name: 'element',
      part: [
        { name: 'code', valueCode: element },
        { name: 'verdict', valueCode: verdict },
        { name: 'paragraph', valueString: `45 CFR ${paragraph}` },
        { name: 'display', valueString: wordsFor(display, language) },
        ...(verdict === 'met' ? [] : [{ name: 'remedy', valueString: wordsFor(remedy, language) }]),
      ],
    };
  });
  const at = letter ? [{ name: 'letter', valueReference: { reference: `DocumentReference/${letter.document}` } }] : [];
  return { resourceType: 'Parameters', parameter: [{ name: 'outcome', valueCode: outcome }, ...elements, ...at] };
}
