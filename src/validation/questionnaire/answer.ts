/**
 * One answer of a QuestionnaireResponse against its question: type, options, value set and limits.
 * https://hl7.org/fhir/R4/questionnaireresponse.html#link, https://hl7.org/fhir/R4/valueset-item-type.html
 */
import { FhirError } from '../../fhir/error.js';
import { isObject, itemsOf, type Json, type JsonObject } from '../../fhir/resource.js';
import type { Origin } from '../../fhir/structure-definition.js';
import { bytesOfBase64 } from '../content/attachment.js';
import { charactersOf } from '../gate/checks.js';
import type { IsAnswerNamed } from './answer-display.js';
import {
  type AnswerIndex,
  answerKey,
  compareAnswers,
  indexAnswers,
  isSameAnswer,
  isSameCoding,
} from './compare-answers.js';
import { matchesWhole } from '../invariants/invariant-texts.js';
import { type AnswerLimits, type ChosenValue, type QuestionItem, chosenValue } from './questionnaire.js';
import type { CheckRun, ElementPlace, Finding } from '../run.js';

/** What the answers of one response are checked with. */
export interface AnswerContext {
  readonly run: CheckRun;
  /** Where the Questionnaire comes from. */
  readonly from: Origin;
  /** A value set that stands in the Questionnaire or in the response, by its id. */
  readonly containedSet: (id: string) => JsonObject | undefined;
  readonly isNamed: IsAnswerNamed;
}

/** Item type → types of its answers, as they stand in `valueCoding`. A choice may have options of several types. */
const TYPES: Readonly<Record<string, readonly string[]>> = {
  boolean: ['Boolean'],
  decimal: ['Decimal'],
  integer: ['Integer'],
  date: ['Date'],
  dateTime: ['DateTime'],
  time: ['Time'],
  string: ['String'],
  text: ['String'],
  url: ['Uri'],
  choice: ['Coding', 'String', 'Date', 'Time', 'Integer', 'Reference'],
  'open-choice': ['Coding', 'String', 'Date', 'Time', 'Integer', 'Reference'],
  attachment: ['Attachment'],
  reference: ['Reference'],
  quantity: ['Quantity'],
};

export const answerFinding = (detail: string, code: string, text: string): Finding => ({
  severity: 'error',
  code,
  detail,
  text,
});

/** Reports what is wrong with the value of an answer; `place` is that of the answer. */
export function checkAnswerValue(
  question: QuestionItem,
  answer: JsonObject,
  place: ElementPlace,
  context: AnswerContext,
): void {
  const given = chosenValue(answer, 'value');
  if (!given) return;
  const { run } = context;
  const at: ElementPlace = { above: place, name: 'value', index: -1 };
  const types = TYPES[question.type];
  if (types && !types.includes(given.type)) {
    const text = `The answer must be of the type that its question asks for (${question.type}).`;
    run.report(at, answerFinding('answer-type', 'value', text));
    return;
  }
  checkOptions(question, given, at, context);
  checkLimits(question.limits, given, at, context);
}

function checkOptions(question: QuestionItem, given: ChosenValue, at: ElementPlace, context: AnswerContext): void {
  const { options, valueSet, type } = question;
  if (type === 'open-choice' && given.type === 'String') return;
  if (options.length > 0) {
    if (!isAmong(options, given, context.run))
      context.run.report(
        at,
        answerFinding('answer-option', 'code-invalid', 'The answer is none of the options of its question.'),
      );
  } else if (valueSet !== undefined && given.type === 'Coding') {
    const text = 'The answer is not in the value set of its question.';
    checkSetMember(given.value, valueSet, at, { text, detail: 'answer-option' }, context);
    if (!valueSet.startsWith('#') && context.isNamed(given.value, valueSet, context.from, context.run) === false)
      context.run.report(at, { ...answerFinding('answer-display', 'code-invalid', MISNAMED), diagnostics: valueSet });
  }
}

const MISNAMED =
  'The display of the answer is no name of its code: give the one that the question offers, or leave it out.';

const indexes = new WeakMap<readonly JsonObject[], AnswerIndex>();

/** Whether an answer is one of these options, or may be. */
function isAmong(options: readonly JsonObject[], given: ChosenValue, run: CheckRun): boolean {
  let index = indexes.get(options);
  if (!index) {
    run.spend(options.length);
    index = indexAnswers(options.flatMap(option => chosenValue(option, 'value') ?? []));
    indexes.set(options, index);
  }
  const key = answerKey(given);
  if (key !== undefined) return index.keys.has(key);
  run.spend(index.others.length);
  return index.others.some(option => isSameAnswer(given, option) !== false);
}

/** Whether an answer is an option, or may be. */
export function isChosen(option: JsonObject, given: ChosenValue): boolean {
  const own = chosenValue(option, 'value');
  return own !== undefined && isSameAnswer(given, own) !== false;
}

function checkSetMember(
  coding: Json,
  valueSet: string,
  at: ElementPlace,
  { text, detail }: { readonly text: string; readonly detail: string },
  { run, from, containedSet }: AnswerContext,
): void {
  const member = valueSet.startsWith('#')
    ? isListed(coding, containedSet(valueSet.slice(1)), run)
    : run.isMember(coding, valueSet, from);
  if (member === false) run.report(at, { ...answerFinding(detail, 'code-invalid', text), diagnostics: valueSet });
  else if (member === undefined)
    run.report(at, {
      severity: 'warning',
      code: 'not-found',
      detail: 'not-checked',
      text: 'The answer was not checked: what is in the value set of its question is not known here.',
      diagnostics: valueSet,
    });
}

/** Whether a contained value set that lists its codes has this one; undefined where it does more than list them. */
function isListed(coding: Json, set: JsonObject | undefined, run: CheckRun): boolean | undefined {
  const compose = set?.['compose'];
  if (!isObject(compose) || !isObject(coding) || compose['exclude'] !== undefined) return undefined;
  let open = false;
  for (const include of itemsOf(compose['include'])) {
    if (!isObject(include)) continue;
    const { system, concept, valueSet, filter } = include;
    if (valueSet !== undefined || filter !== undefined || concept === undefined) open = true;
    else if (coding['system'] === undefined || system === coding['system']) {
      run.spend(itemsOf(concept).length);
      if (itemsOf(concept).some(each => isObject(each) && each['code'] === coding['code'])) return true;
    }
  }
  return open ? undefined : false;
}

function checkLimits(limits: AnswerLimits, given: ChosenValue, at: ElementPlace, context: AnswerContext): void {
  const { type, value } = given;
  const report = (detail: string, code: string, text: string): void =>
    context.run.report(at, answerFinding(detail, code, text));
  if (typeof value === 'string' && (type === 'String' || type === 'Uri')) checkText(limits, value, at, context.run);
  checkBound('min-value', limits.minValue, given, report);
  checkBound('max-value', limits.maxValue, given, report);
  if (!isObject(value)) return;
  if (type === 'Attachment') {
    const { contentType } = value;
    if (limits.mimeTypes.length > 0 && typeof contentType === 'string' && !limits.mimeTypes.includes(contentType))
      report('answer-media-type', 'value', 'The attachment is of none of the media types that its question allows.');
    if (limits.maxSize !== undefined && attachmentSize(value) > limits.maxSize)
      report('answer-size', 'too-long', 'The attachment is larger than its question allows.');
  }
  if (type === 'Quantity') checkUnit(limits, value, at, context);
}

function checkBound(
  detail: 'min-value' | 'max-value',
  bound: Json | undefined,
  { type, value }: ChosenValue,
  report: (detail: string, code: string, text: string) => void,
): void {
  if (bound === undefined) return;
  const order = compareAnswers(type, value, bound);
  if (order === undefined) {
    if (type === 'Quantity') report(detail, 'value', INCOMPARABLE);
  } else if (detail === 'min-value' ? order < 0 : order > 0)
    report(detail, 'value', `The answer is ${detail === 'min-value' ? 'less' : 'more'} than its question allows.`);
}

const INCOMPARABLE = 'The quantity must have a coded unit that can be compared with the limit of its question.';

function checkText({ maxLength, minLength, regex }: AnswerLimits, text: string, at: ElementPlace, run: CheckRun): void {
  const length = charactersOf(text);
  if (maxLength !== undefined && length > maxLength)
    run.report(at, answerFinding('max-length', 'too-long', `The answer has more than ${maxLength} characters.`));
  if (minLength !== undefined && length < minLength)
    run.report(at, answerFinding('min-length', 'value', `The answer has less than ${minLength} characters.`));
  if (regex === undefined) return;
  try {
    if (!matchesWhole(text, regex, run))
      run.report(
        at,
        answerFinding('answer-format', 'value', 'The answer does not have the form that its question asks for.'),
      );
  } catch (error) {
    if (!(error instanceof FhirError) || error.kind !== 'not-supported') throw error;
    const why = 'The form of the answer was not checked: the regular expression of its question is not understood.';
    run.report(at, { severity: 'warning', code: 'not-supported', detail: 'not-checked', text: why });
  }
}

/** Bytes of an attachment. */
function attachmentSize({ size, data }: JsonObject): number {
  if (typeof data === 'string') return bytesOfBase64(data);
  return typeof size === 'number' ? size : 0;
}

function checkUnit(
  { units, unitValueSet }: AnswerLimits,
  quantity: JsonObject,
  at: ElementPlace,
  context: AnswerContext,
): void {
  const { system, code } = quantity;
  const text = 'The unit of the quantity is none that its question allows.';
  if (units.length > 0 && !units.some(unit => isSameCoding(quantity, unit)))
    context.run.report(at, answerFinding('answer-unit', 'code-invalid', text));
  if (unitValueSet === undefined) return;
  if (code === undefined) context.run.report(at, answerFinding('answer-unit', 'code-invalid', text));
  else
    checkSetMember(
      { ...(system === undefined ? {} : { system }), code },
      unitValueSet,
      at,
      { text, detail: 'answer-unit' },
      context,
    );
}
