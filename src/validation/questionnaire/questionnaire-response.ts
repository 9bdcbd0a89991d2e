/**
 * A QuestionnaireResponse against its Questionnaire: linkIds, nesting, order, groups and questions, what is required, what repeats, what is
 * enabled. https://hl7.org/fhir/R4/questionnaireresponse.html#link, https://hl7.org/fhir/R4/questionnaire.html
 *
 * A response that is complete (`completed`, `amended`) must have what is required; others may still lack it. What an item may hold is
 * checked in each. Of SDC nothing but the limits of quantities is known.
 */
import { isObject, itemsOf, type Json, type JsonObject, type Resource } from '../../fhir/resource.js';
import type { FindDefinition, FoundDefinition } from '../../fhir/structure-definition.js';
import type { LookAtSystem } from '../binding.js';
import { type AnswerContext, answerFinding, checkAnswerValue, isChosen } from './answer.js';
import { createAnswerNames } from './answer-display.js';
import { type AnswerScope, isEnabled, scopesOf } from './enable-when.js';
import {
  isExclusive,
  type QuestionItem,
  type QuestionItems,
  type ReadQuestionnaire,
  readQuestionnaire,
  chosenValue,
} from './questionnaire.js';
import type { CheckedElement, CheckRun, ElementCheck, ElementPlace, ResourceSite } from '../run.js';

const COMPLETE = new Set(['completed', 'amended']);

interface ResponseContext extends AnswerContext {
  readonly questionnaire: ReadQuestionnaire;
  readonly scopes: ReadonlyMap<JsonObject, AnswerScope>;
  readonly complete: boolean;
}

/** The check of a resource of type QuestionnaireResponse. */
export function createQuestionnaireResponseCheck(find: FindDefinition, lookAtSystem: LookAtSystem): ElementCheck {
  const isNamed = createAnswerNames(find, lookAtSystem);
  /** What was found for the responses of a resource, by canonical, as long as that is there. */
  const found = new WeakMap<object, Map<string, FoundDefinition | undefined>>();
  return (element, run) => {
    const { questionnaire: canonical } = element.value as Resource;
    if (typeof canonical !== 'string') return;
    if (canonical.startsWith('#')) {
      const contained = containedOf(element, canonical.slice(1));
      if (contained) checkResponse(element, contained, 'stored', { run, isNamed });
      else reportUnknown(element, run, canonical);
      return;
    }
    const root = outermost(element.site).resource;
    const known = found.get(root) ?? new Map<string, FoundDefinition | undefined>();
    found.set(root, known);
    if (!known.has(canonical))
      run.need(`Questionnaire ${canonical}`, async () => {
        known.set(canonical, await find('Questionnaire', canonical));
      });
    const questionnaire = known.get(canonical);
    if (questionnaire) checkResponse(element, questionnaire.resource, questionnaire.origin, { run, isNamed });
    else if (known.has(canonical)) reportUnknown(element, run, canonical);
  };
}

const outermost = (site: ResourceSite): ResourceSite => (site.outer ? outermost(site.outer) : site);

function reportUnknown({ place }: CheckedElement, run: CheckRun, canonical: string): void {
  run.report(
    { above: place, name: 'questionnaire', index: -1 },
    {
      severity: 'warning',
      code: 'not-found',
      detail: 'not-checked',
      text: 'The answers were not checked: the Questionnaire is not known here.',
      diagnostics: canonical,
    },
  );
}

function containedOf({ site }: CheckedElement, id: string): Resource | undefined {
  const { resource } = site.as === 'contained' && site.outer ? site.outer : site;
  return itemsOf(resource['contained']).find(each => isObject(each) && each['id'] === id) as Resource | undefined;
}

const readBefore = new WeakMap<Resource, ReadQuestionnaire>();

function readOnce(questionnaire: Resource): ReadQuestionnaire {
  const known = readBefore.get(questionnaire) ?? readQuestionnaire(questionnaire);
  readBefore.set(questionnaire, known);
  return known;
}

function checkResponse(
  element: CheckedElement,
  questionnaire: Resource,
  from: string,
  { run, isNamed }: Pick<AnswerContext, 'run' | 'isNamed'>,
): void {
  const response = element.value as Resource;
  const read = readOnce(questionnaire);
  const context: ResponseContext = {
    run,
    isNamed,
    from,
    questionnaire: read,
    scopes: scopesOf(response, read.asked),
    complete: typeof response['status'] === 'string' && COMPLETE.has(response['status']),
    containedSet: id =>
      (itemsOf(questionnaire['contained']).find(each => isObject(each) && each['id'] === id) as
        | JsonObject
        | undefined) ?? containedOf(element, id),
  };
  checkItems(read, response, element.place, context);
}

/** An item of the response. */
interface GivenItem {
  readonly item: JsonObject;
  readonly place: ElementPlace;
}

/** The items of a response, an item or an answer, against those of the Questionnaire that may stand there. */
function checkItems(asked: QuestionItems, holder: JsonObject, place: ElementPlace, context: ResponseContext): void {
  const given = itemsOf(holder['item']);
  context.run.spend(given.length + asked.items.length);
  const byQuestion = new Map<QuestionItem, GivenItem[]>();
  let order = -1;
  for (const [index, item] of given.entries()) {
    if (!isObject(item)) continue;
    const at: ElementPlace = { above: place, name: 'item', index };
    const question = asked.byLinkId.get(item['linkId'] as string);
    if (!question) {
      reportStranger(item['linkId'], at, context);
      continue;
    }
    if (question.order < order)
      context.run.report(
        at,
        answerFinding('item-order', 'structure', 'Items must stand in the order of the Questionnaire.'),
      );
    order = Math.max(order, question.order);
    const same = byQuestion.get(question);
    if (same) same.push({ item, place: at });
    else byQuestion.set(question, [{ item, place: at }]);
  }
  const scope = context.scopes.get(holder) ?? { above: undefined, answers: new Map() };
  for (const question of asked.items) checkQuestion(question, byQuestion.get(question) ?? [], place, scope, context);
}

/** An item without a linkId is a fault of the structure. */
function reportStranger(linkId: Json | undefined, at: ElementPlace, { run, questionnaire }: ResponseContext): void {
  if (typeof linkId !== 'string') return;
  const elsewhere = questionnaire.all.has(linkId);
  const text = elsewhere
    ? 'The item stands elsewhere in the Questionnaire: nest it as there.'
    : 'The Questionnaire has no item with this linkId.';
  run.report(at, answerFinding(elsewhere ? 'item-misplaced' : 'item-unknown', 'structure', text));
}

/** What is given for one item of the Questionnaire, in one place. */
function checkQuestion(
  question: QuestionItem,
  given: readonly GivenItem[],
  place: ElementPlace,
  scope: AnswerScope,
  context: ResponseContext,
): void {
  const { run } = context;
  const enabled = isEnabled(question, scope, steps => run.spend(steps));
  if (enabled === false) {
    for (const { item, place: at } of given)
      if (hasAnswers(item))
        run.report(
          at,
          answerFinding('item-disabled', 'business-rule', 'The item is not enabled: leave its answers out.'),
        );
  }
  if (given.length === 0) {
    if (question.required && enabled && context.complete && question.type !== 'display')
      run.report(place, { ...answerFinding('item-required', 'required', MISSING), diagnostics: question.linkId });
    return;
  }
  checkOccurrences(question, given, context);
  // Nothing is required below what is not enabled.
  const below = enabled === false ? { ...context, complete: false } : context;
  for (const { item, place: at } of given) checkItem(question, item, at, enabled, below);
}

const MISSING = 'A required item of the Questionnaire has no answer: its linkId stands in the diagnostics.';

const hasAnswers = (item: JsonObject): boolean =>
  itemsOf(item['answer']).length > 0 || itemsOf(item['item']).some(each => isObject(each) && hasAnswers(each));

function checkOccurrences(
  { repeats, type, limits }: QuestionItem,
  given: readonly GivenItem[],
  { run, complete }: ResponseContext,
): void {
  const isQuestion = type !== 'group' && type !== 'display';
  const count = isQuestion ? given.reduce((sum, { item }) => sum + itemsOf(item['answer']).length, 0) : given.length;
  const { place } = given[0]!;
  if (!repeats && (count > 1 || given.length > 1)) {
    const text = 'The item does not repeat: leave one of it, with one answer.';
    run.report((given[1] ?? given[0]!).place, answerFinding('item-repeated', 'structure', text));
  }
  const { minOccurs, maxOccurs } = limits;
  if (minOccurs !== undefined && complete && count < minOccurs)
    run.report(place, answerFinding('item-min', 'required', `The item must have ${minOccurs} answers or more.`));
  if (maxOccurs !== undefined && count > maxOccurs)
    run.report(place, answerFinding('item-max', 'structure', `The item may have ${maxOccurs} answers at most.`));
}

function checkItem(
  question: QuestionItem,
  item: JsonObject,
  place: ElementPlace,
  enabled: boolean | undefined,
  context: ResponseContext,
): void {
  const { run, complete } = context;
  const answers = itemsOf(item['answer']);
  if (question.type === 'group' || question.type === 'display' || question.type === 'question') {
    if (answers.length > 0)
      run.report(
        place,
        answerFinding(
          'item-without-answers',
          'structure',
          'The item is no question that is answered: leave its answers out.',
        ),
      );
    checkItems(question, item, place, context);
    return;
  }
  if (itemsOf(item['item']).length > 0)
    run.report(place, answerFinding('item-misplaced', 'structure', 'Items below a question stand in its answers.'));
  if (answers.length === 0 && question.required && enabled && complete)
    run.report(place, { ...answerFinding('item-required', 'required', MISSING), diagnostics: question.linkId });
  const exclusive = answers.length > 1 ? question.options.filter(isExclusive) : [];
  for (const [index, answer] of answers.entries()) {
    if (!isObject(answer)) continue;
    const at: ElementPlace = { above: place, name: 'answer', index };
    checkAnswerValue(question, answer, at, context);
    if (question.fixed.length > 0) checkFixed(question.fixed, answer, at, run);
    if (exclusive.length > 0) checkExclusive(exclusive, answer, at, run);
    if (question.items.length > 0 || answer['item'] !== undefined) checkItems(question, answer, at, context);
  }
}

function checkExclusive(exclusive: readonly JsonObject[], answer: JsonObject, at: ElementPlace, run: CheckRun): void {
  const given = chosenValue(answer, 'value');
  if (given && exclusive.some(option => isChosen(option, given)))
    run.report(
      at,
      answerFinding('answer-exclusive', 'business-rule', 'The option excludes all others: leave one answer.'),
    );
}

function checkFixed(fixed: readonly JsonObject[], answer: JsonObject, at: ElementPlace, run: CheckRun): void {
  const given = chosenValue(answer, 'value');
  if (!given || fixed.some(initial => isChosen(initial, given))) return;
  const text = 'The item is read-only: its answer should be the initial one of the Questionnaire.';
  run.report(at, { ...answerFinding('answer-read-only', 'business-rule', text), severity: 'warning' });
}
