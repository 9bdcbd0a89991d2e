/**
 * Answers compared with each other, with options and with limits. https://hl7.org/fhir/R4/valueset-questionnaire-enable-operator.html
 *
 * Choice: what cannot be decided (a month and a day in it, quantities of units that do not measure the same) is undefined, and nobody is
 * accused for it.
 */
import { parseDateTime } from '../../fhir/datetime.js';
import { isObject, type Json, type JsonObject } from '../../fhir/resource.js';
import { baseOf } from '../../search/units.js';
import type { ChosenValue } from './questionnaire.js';

/** Less than 0: `one` comes before `other`; undefined where that cannot be said. */
export function compareAnswers(type: string, one: Json, other: Json): number | undefined {
  if (typeof one === 'number' && typeof other === 'number') return one - other;
  if (typeof one === 'string' && typeof other === 'string')
    return type === 'Date' || type === 'DateTime' ? compareTimes(one, other) : compareTexts(one, other);
  if (type === 'Quantity' && isObject(one) && isObject(other)) return compareQuantities(one, other);
  return undefined;
}

const compareTexts = (one: string, other: string): number => (one < other ? -1 : Number(one > other));

function compareTimes(one: string, other: string): number | undefined {
  if (one === other) return 0;
  const first = parseDateTime(one);
  const second = parseDateTime(other);
  if (!first || !second) return undefined;
  if (first.high < second.low) return -1;
  if (first.low > second.high) return 1;
  return first.low === second.low && first.high === second.high ? 0 : undefined;
}

function compareQuantities(one: JsonObject, other: JsonObject): number | undefined {
  if (typeof one['value'] !== 'number' || typeof other['value'] !== 'number') return undefined;
  if (one['code'] !== undefined && one['code'] === other['code'] && one['system'] === other['system'])
    return one['value'] - other['value'];
  const first = inBase(one, one['value']);
  const second = inBase(other, other['value']);
  return first && second && first.unit === second.unit ? first.low - second.low : undefined;
}

function inBase({ system, code }: JsonObject, value: number) {
  return typeof system === 'string' && typeof code === 'string' ? baseOf(system, code, value, value) : undefined;
}

/** Whether an answer is the other one, or an option; undefined where that cannot be said. Codings are the same by system and code, references by their text. */
export function isSameAnswer(one: ChosenValue, other: ChosenValue): boolean | undefined {
  if (one.type === 'Coding' && other.type === 'Coding') return isSameCoding(one.value, other.value);
  if (one.type === 'Reference' && isObject(one.value) && isObject(other.value))
    return one.value['reference'] === other.value['reference'];
  if (one.type !== other.type) return false;
  if (typeof one.value === 'boolean') return one.value === other.value;
  const order = compareAnswers(one.type, one.value, other.value);
  return order === undefined ? undefined : order === 0;
}

/** By system and code; by display where there is no code. */
export const isSameCoding = (value: Json, option: Json): boolean =>
  isObject(value) &&
  isObject(option) &&
  value['code'] === option['code'] &&
  value['system'] === option['system'] &&
  (option['code'] !== undefined || value['display'] === option['display']);

/**
 * Two answers with a key are the same where their keys are, one with and one without a key never. Undefined: of a kind of which that cannot
 * always be said.
 */
export function answerKey({ type, value }: ChosenValue): string | undefined {
  if (type === 'Coding' && isObject(value)) {
    const { system, code, display } = value;
    return JSON.stringify([type, system, code, code === undefined ? display : undefined]);
  }
  if (type === 'Reference' && isObject(value)) return JSON.stringify([type, value['reference']]);
  if (!EXACT.has(type) || (typeof value === 'object' && value !== null)) return undefined;
  return JSON.stringify([type, value]);
}

/** Types of which equal values are written alike. */
const EXACT: ReadonlySet<string> = new Set(['Boolean', 'Integer', 'Decimal', 'String', 'Time', 'Uri']);

/** Answers, or options, as one of them is looked for. */
export interface AnswerIndex {
  readonly keys: ReadonlySet<string>;
  /** Those without a key. */
  readonly others: readonly ChosenValue[];
}

export function indexAnswers(all: readonly ChosenValue[]): AnswerIndex {
  const keys = new Set<string>();
  const others: ChosenValue[] = [];
  for (const each of all) {
    const key = answerKey(each);
    if (key === undefined) others.push(each);
    else keys.add(key);
  }
  return { keys, others };
}
