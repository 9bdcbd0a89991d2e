/**
 * A Questionnaire as far as answers are checked against it: its items in a tree, found by their linkIds.
 * https://hl7.org/fhir/R4/questionnaire.html, https://hl7.org/fhir/R4/questionnaire-profiles.html (R4's own extensions)
 */
import { isObject, itemsOf, type Json, type JsonObject, type Resource } from '../../fhir/resource.js';

/** The items of a Questionnaire, or below one of its items. */
export interface QuestionItems {
  readonly items: readonly QuestionItem[];
  readonly byLinkId: ReadonlyMap<string, QuestionItem>;
}

export interface QuestionItem extends QuestionItems {
  readonly linkId: string;
  /** Place among its siblings. */
  readonly order: number;
  /** https://hl7.org/fhir/R4/valueset-item-type.html */
  readonly type: string;
  readonly required: boolean;
  readonly repeats: boolean;
  readonly enableWhen: readonly EnableWhen[];
  readonly enableBehavior: 'all' | 'any' | undefined;
  /** Whether an extension says when it is enabled, in a language that is not read here. */
  readonly enabledByExpression: boolean;
  readonly options: readonly JsonObject[];
  /** What nobody may answer otherwise; none where an expression may. */
  readonly fixed: readonly JsonObject[];
  readonly valueSet: string | undefined;
  readonly limits: AnswerLimits;
}

/** Questionnaire.item.enableWhen. */
export interface EnableWhen {
  readonly question: string;
  readonly operator: string;
  /** `answer[x]`, and of which type it is: `Coding`. */
  readonly answer: Json;
  readonly type: string;
}

/** What an item says of its answers beside their type, by maxLength and by extensions of R4. */
export interface AnswerLimits {
  readonly maxLength?: number;
  readonly minLength?: number;
  readonly minValue?: Json;
  readonly maxValue?: Json;
  readonly minOccurs?: number;
  readonly maxOccurs?: number;
  readonly regex?: string;
  /** Bytes of an attachment. */
  readonly maxSize?: number;
  readonly mimeTypes: readonly string[];
  readonly units: readonly JsonObject[];
  readonly unitValueSet?: string;
}

export interface ReadQuestionnaire extends QuestionItems {
  /** Every item, wherever it stands. */
  readonly all: ReadonlyMap<string, QuestionItem>;
  /** linkIds that an item's being enabled hangs on. */
  readonly asked: ReadonlySet<string>;
}

export function readQuestionnaire(questionnaire: Resource | JsonObject): ReadQuestionnaire {
  const all = new Map<string, QuestionItem>();
  const asked = new Set<string>();
  const top = readItems(questionnaire['item'], all);
  for (const { enableWhen } of all.values()) for (const { question } of enableWhen) asked.add(question);
  return { ...top, all, asked };
}

function readItems(value: Json | undefined, all: Map<string, QuestionItem>): QuestionItems {
  const items: QuestionItem[] = [];
  const byLinkId = new Map<string, QuestionItem>();
  for (const each of itemsOf(value)) {
    if (!isObject(each) || typeof each['linkId'] !== 'string') continue;
    const item = readItem(each, each['linkId'], items.length, all);
    items.push(item);
    byLinkId.set(item.linkId, item);
    all.set(item.linkId, item);
  }
  return { items, byLinkId };
}

function readItem(item: JsonObject, linkId: string, order: number, all: Map<string, QuestionItem>): QuestionItem {
  const { type, required, repeats, enableBehavior, answerValueSet } = item;
  return {
    linkId,
    order,
    type: plainText(type) ?? '',
    required: required === true,
    repeats: repeats === true,
    enableWhen: objectsIn(item['enableWhen']).flatMap(readEnableWhen),
    enableBehavior: enableBehavior === 'all' || enableBehavior === 'any' ? enableBehavior : undefined,
    enabledByExpression: objectsIn(item['extension']).some(({ url }) => typeof url === 'string' && ENABLING.test(url)),
    options: objectsIn(item['answerOption']),
    fixed: item['readOnly'] === true && !hasExpression(item) ? objectsIn(item['initial']) : [],
    valueSet: plainText(answerValueSet),
    limits: readLimits(item),
    ...readItems(item['item'], all),
  };
}

/** `sdc-questionnaire-enableWhenExpression` and its like. */
const ENABLING = /enablewhen(expression)?$/i;

/** Whether an extension computes the answers. */
const hasExpression = (item: JsonObject): boolean =>
  objectsIn(item['extension']).some(extension => 'valueExpression' in extension);

function readEnableWhen(condition: JsonObject): EnableWhen[] {
  const { question, operator } = condition;
  const answer = chosenValue(condition, 'answer');
  if (typeof question !== 'string' || typeof operator !== 'string' || !answer) return [];
  return [{ question, operator, answer: answer.value, type: answer.type }];
}

const EXTENSIONS = 'http://hl7.org/fhir/StructureDefinition/';
const SDC = 'http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-';

function readLimits(item: JsonObject): AnswerLimits {
  const found = new Map<string, Json[]>();
  for (const extension of objectsIn(item['extension'])) {
    const { url } = extension;
    const value = chosenValue(extension, 'value');
    if (typeof url !== 'string' || !value) continue;
    const values = found.get(url);
    if (values) values.push(value.value);
    else found.set(url, [value.value]);
  }
  const first = (...urls: string[]): Json | undefined => urls.flatMap(url => found.get(url) ?? [])[0];
  const number = (url: string): number | undefined => {
    const value = first(url);
    return typeof value === 'number' ? value : undefined;
  };
  const { maxLength } = item;
  return defined({
    maxLength: typeof maxLength === 'number' ? maxLength : undefined,
    minLength: number(`${EXTENSIONS}minLength`),
    // What R4 has for all other types, SDC has for quantities.
    minValue: first(`${EXTENSIONS}minValue`, `${SDC}minQuantity`),
    maxValue: first(`${EXTENSIONS}maxValue`, `${SDC}maxQuantity`),
    minOccurs: number(`${EXTENSIONS}questionnaire-minOccurs`),
    maxOccurs: number(`${EXTENSIONS}questionnaire-maxOccurs`),
    regex: plainText(first(`${EXTENSIONS}regex`)),
    maxSize: number(`${EXTENSIONS}maxSize`),
    mimeTypes: (found.get(`${EXTENSIONS}mimeType`) ?? []).filter(each => typeof each === 'string'),
    units: (found.get(`${EXTENSIONS}questionnaire-unitOption`) ?? []).filter(isObject),
    unitValueSet: plainText(first(`${EXTENSIONS}questionnaire-unitValueSet`)),
  });
}

type Defined<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/** The members that have a value. */
const defined = <T extends object>(all: T): Defined<T> =>
  Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as Defined<T>;

const plainText = (value: Json | undefined): string | undefined => (typeof value === 'string' ? value : undefined);

const objectsIn = (value: Json | undefined): JsonObject[] => itemsOf(value).filter(isObject);

/** Whether an option excludes all others. */
export const isExclusive = (option: JsonObject): boolean =>
  objectsIn(option['extension']).some(
    ({ url, valueBoolean }) => url === `${EXTENSIONS}questionnaire-optionExclusive` && valueBoolean === true,
  );

export interface ChosenValue {
  readonly type: string;
  readonly value: Json;
}

/** The value of a choice: `valueCoding` of `value`, with its type as it stands in the name: `Coding`, `DateTime`. */
export function chosenValue(object: JsonObject, stem: 'value' | 'answer'): ChosenValue | undefined {
  for (const key in object) {
    const first = key.charCodeAt(stem.length);
    const value = object[key];
    if (key.startsWith(stem) && first >= 65 && first <= 90 && value !== undefined)
      return { type: key.slice(stem.length), value };
  }
  return undefined;
}
