/**
 * Which items of a QuestionnaireResponse are enabled, by what else is answered in it.
 * https://hl7.org/fhir/R4/questionnaire-definitions.html#Questionnaire.item.enableWhen
 *
 * A question that occurs several times is meant where it is nearestAnswers: in the same group, else in the one around it. Undefined: that cannot
 * be said, as of several conditions without enableBehavior.
 */
import { isObject, itemsOf, type Json, type JsonObject } from '../../fhir/resource.js';
import { type AnswerIndex, answerKey, compareAnswers, indexAnswers, isSameAnswer } from './compare-answers.js';
import { type ChosenValue, type EnableWhen, type QuestionItem, chosenValue } from './questionnaire.js';

/** What holds items: the response, an item, or an answer. */
export interface AnswerScope {
  readonly above: AnswerScope | undefined;
  /** Answers below, by the linkIds that somebody asks for. */
  readonly answers: Map<string, ChosenValue[]>;
}

/** Finds the scope of every object that holds items. `asked`: linkIds whose answers matter. */
export function scopesOf(response: JsonObject, asked: ReadonlySet<string>): ReadonlyMap<JsonObject, AnswerScope> {
  const scopes = new Map<JsonObject, AnswerScope>();
  const visit = (holder: JsonObject, above: AnswerScope | undefined): void => {
    const scope: AnswerScope = { above, answers: new Map() };
    scopes.set(holder, scope);
    for (const item of itemsOf(holder['item'])) {
      if (!isObject(item)) continue;
      if (typeof item['linkId'] === 'string' && asked.has(item['linkId']))
        collect(scope, item['linkId'], item['answer']);
      if (item['item'] !== undefined) visit(item, scope);
      for (const answer of itemsOf(item['answer']))
        if (isObject(answer) && answer['item'] !== undefined) visit(answer, scope);
    }
  };
  visit(response, undefined);
  return scopes;
}

function collect(scope: AnswerScope, linkId: string, answers: Json | undefined): void {
  const values = itemsOf(answers).flatMap(answer => (isObject(answer) ? (chosenValue(answer, 'value') ?? []) : []));
  for (let at: AnswerScope | undefined = scope; at; at = at.above) {
    const known = at.answers.get(linkId);
    if (known) for (const value of values) known.push(value);
    else at.answers.set(linkId, [...values]);
  }
}

/** Whether an item that stands, or would stand, in this scope is enabled. `spend` counts the answers that are compared. */
export function isEnabled(
  { enableWhen, enableBehavior, enabledByExpression }: QuestionItem,
  scope: AnswerScope,
  spend: (steps: number) => void,
): boolean | undefined {
  if (enabledByExpression) return undefined;
  if (enableWhen.length === 0) return true;
  const held = enableWhen.map(condition => {
    const answers = nearestAnswers(scope, condition.question);
    spend(1);
    return holds(condition, answers, spend);
  });
  if (held.length === 1) return held[0];
  if (enableBehavior === undefined) return held.every(each => each === held[0]) ? held[0] : undefined;
  const deciding = enableBehavior === 'any';
  if (held.includes(deciding)) return deciding;
  return held.includes(undefined) ? undefined : !deciding;
}

function nearestAnswers(scope: AnswerScope, linkId: string): readonly ChosenValue[] {
  for (let at: AnswerScope | undefined = scope; at; at = at.above) {
    const answers = at.answers.get(linkId);
    if (answers) return answers;
  }
  return [];
}

function holds(
  { operator, answer, type }: EnableWhen,
  answers: readonly ChosenValue[],
  spend: (steps: number) => void,
): boolean | undefined {
  if (operator === 'exists') return answer === answers.length > 0;
  const expected = { type, value: answer };
  const told = holdsByKey(operator, expected, answers, spend);
  if (told !== 'open') return told;
  spend(answers.length);
  if (operator === '!=') {
    // R4 has it that no answer is this one, HL7's validator that there is another one: what both say holds.
    const same = answers.map(given => isSameAnswer(given, expected));
    return same.length > 0 && same.every(each => each === same[0] && each !== undefined) ? !same[0] : undefined;
  }
  let open = false;
  for (const given of answers) {
    const held = operator === '=' ? isSameAnswer(given, expected) : ordered(operator, given, expected);
    if (held) return true;
    open ||= held === undefined;
  }
  return open ? undefined : false;
}

const indexes = new WeakMap<readonly ChosenValue[], AnswerIndex>();

/** What keys alone decide: the same answers are asked for by many items. */
function holdsByKey(
  operator: string,
  expected: ChosenValue,
  answers: readonly ChosenValue[],
  spend: (steps: number) => void,
): boolean | 'open' | undefined {
  const key = operator === '=' || operator === '!=' ? answerKey(expected) : undefined;
  if (key === undefined) return 'open';
  let index = indexes.get(answers);
  if (!index) {
    spend(answers.length);
    index = indexAnswers(answers);
    indexes.set(answers, index);
  }
  const { keys, others } = index;
  if (operator === '=') return keys.has(key);
  if (answers.length === 0) return undefined;
  if (!keys.has(key)) return true;
  return keys.size === 1 && others.length === 0 ? false : undefined;
}

function ordered(operator: string, given: ChosenValue, expected: ChosenValue): boolean | undefined {
  const order = compareAnswers(expected.type, given.value, expected.value);
  if (order === undefined) return undefined;
  if (operator === '>') return order > 0;
  if (operator === '<') return order < 0;
  if (operator === '>=') return order >= 0;
  return operator === '<=' ? order <= 0 : undefined;
}
