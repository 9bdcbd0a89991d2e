/**
 * $translate of a ConceptMap: https://hl7.org/fhir/R4/conceptmap-operation-translate.html
 *
 * The names of R5 (sourceCode, targetSystem …) are taken, too.
 */
import { FhirError } from '../../fhir/error.js';
import { isObject, itemsOf, type JsonObject } from '../../fhir/resource.js';
import type { Coding, ConceptMap } from '../../terminology/resources.js';
import { translate } from '../../terminology/translate.js';
import { conceptMapNotFound } from '../../terminology/tx-issue.js';
import type { Context, OperationImplementation } from '../engine.js';
import type { Of, Outcome } from '../interaction.js';
import { jsonText } from './operation.js';
import {
  answerWith,
  refusedParameter,
  codingAsked,
  type Question,
  readTerminologyQuestion,
} from './terminology-question.js';

export const translateOperation: OperationImplementation = {
  lenientBody: true,
  shows: 'Parameters',
  run: runTranslate,
};

async function runTranslate(context: Context, ask: Of<'operation'>): Promise<Outcome> {
  const question = readTerminologyQuestion(context, ask);
  const { given, sources } = question;
  const backwards = codingsAt(question, 'target');
  const codings = backwards.length > 0 ? backwards : [...codingsAt(question, ''), ...codingsAt(question, 'source')];
  if (codings.length === 0)
    throw refusedParameter('$translate needs a code with its system, a coding or a codeableConcept.');
  const reverse = backwards.length > 0 || given.flag('reverse') === true;
  const first = (...names: string[]): string | undefined => names.map(name => given.text(name)).find(Boolean);
  return answerWith(
    await translate(sources, await mapsAsked(question, ask), {
      codings,
      reverse,
      bothEnds: backwards.length > 0,
      otherSystem: backwards.length > 0 ? given.text('sourceSystem') : first('targetsystem', 'targetSystem'),
      source: first('source', 'sourceScope'),
      target: first('target', 'targetScope'),
      dependencies: new Set(given.objects('dependency').flatMap(dependencyTexts)),
    }),
  );
}

/** `end`: '' in R4, `source` or `target` in R5. */
function codingsAt(question: Question, end: '' | 'source' | 'target'): Coding[] {
  const named = (name: string): string => (end === '' ? name : `${end}${name[0]!.toUpperCase()}${name.slice(1)}`);
  const concept = question.given.object(named('codeableConcept'));
  if (concept) return itemsOf(concept['coding']).filter(isObject) as Coding[];
  const system = end === '' ? 'system' : `${end}System`;
  const coding = codingAsked(question, [named('coding'), named('code'), system, 'version']);
  return coding ? [coding] : [];
}

/** Undefined: all that are known. */
async function mapsAsked(
  { given, resources, sources }: Question,
  { id }: Of<'operation'>,
): Promise<readonly ConceptMap[] | undefined> {
  if (id !== undefined) {
    const found = await resources.conceptMap({ id });
    if (!found) throw new FhirError('not-found', 'There is no ConceptMap with this id.');
    return [found];
  }
  const whole = given.object('conceptMap');
  if (whole) return [whole as unknown as ConceptMap];
  const named = given.text('url');
  if (named === undefined) return undefined;
  const [url = '', version = given.text('conceptMapVersion')] = named.split('|');
  const found = await sources.conceptMaps(version === undefined ? { url } : { url, version });
  if (found.length === 0) throw conceptMapNotFound(named, given.at('url'));
  return found;
}

/** `element|code` of a dependency. */
function dependencyTexts({ part }: JsonObject): string[] {
  const parts = itemsOf(part).filter(isObject);
  const element = parts.find(({ name }) => name === 'element')?.['valueUri'];
  const concept = parts.find(({ name }) => name === 'concept')?.['valueCodeableConcept'];
  const codings = isObject(concept) ? itemsOf(concept['coding']).filter(isObject) : [];
  return codings.map(({ code }) => `${jsonText(element)}|${jsonText(code)}`);
}
