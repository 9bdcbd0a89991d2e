/**
 * $validate-code of a ValueSet or a CodeSystem, and $batch-validate-code, which asks several of them at once:
 * https://hl7.org/fhir/R4/valueset-operation-validate-code.html, https://hl7.org/fhir/R4/codesystem-operation-validate-code.html,
 * https://hl7.org/fhir/uv/tx-ecosystem/
 */
import { asFhirError, FhirError } from '../../fhir/error.js';
import { outcome } from '../../fhir/outcome.js';
import { isObject, itemsOf, type JsonObject, type Resource } from '../../fhir/resource.js';
import { breathe } from '../../platform/pieces.js';
import { MAX_VALIDATIONS, refuseMoreThan } from '../../terminology/budget.js';
import { systemIsSupplement, systemIsValueSet, unknownSystem } from '../../terminology/code-issues.js';
import type { CodeSystem, Coding, ValueSet } from '../../terminology/resources.js';
import { type CodeQuestion, refusedAnswer } from '../../terminology/code-answer.js';
import { validateCode } from '../../terminology/validate-code.js';
import type { Context, OperationImplementation } from '../engine.js';
import type { Of, Outcome } from '../interaction.js';
import { type GivenParameter, readGiven } from './parameters.js';
import {
  answerWith,
  refusedParameter,
  codingAsked,
  languagesAsked,
  ownParameters,
  type Question,
  terminologyQuestion,
  readTerminologyQuestion,
  supplementsAsked,
  valueSetAsked,
} from './terminology-question.js';

export const validateCodeOperation: OperationImplementation = {
  lenientBody: true,
  shows: 'Parameters',
  run: async (context, ask) => answerWith(await answerTo(readTerminologyQuestion(context, ask), ask)),
};
export const batchValidateOperation: OperationImplementation = {
  lenientBody: true,
  shows: 'Parameters',
  run: runBatch,
};

const answerTo = (question: Question, ask: Of<'operation'>): Promise<JsonObject> =>
  ask.type === 'CodeSystem' ? inCodeSystem(question, ask) : inValueSet(question, ask);

async function inValueSet(question: Question, ask: Of<'operation'>): Promise<JsonObject> {
  const set = await valueSetAsked(question, ask);
  const supplements = await supplementsAsked(question, set);
  const asked = codeAsked(question, ['coding', 'code', 'system', 'systemVersion'], set);
  const [{ system } = {}] = asked.codings;
  if (asked.kind === 'code' && system === undefined && !asked.inferSystem)
    throw refusedParameter('A code needs its system, or inferSystem.');
  const answer = await validateCode(supplements.sources, set, asked, question.budget);
  supplements.refuseUnused();
  return answer;
}

async function inCodeSystem(question: Question, ask: Of<'operation'>): Promise<JsonObject> {
  const { given, resources } = question;
  const whole = given.object('codeSystem') as CodeSystem | undefined;
  const own = ask.id === undefined ? whole : await resources.codeSystem({ id: ask.id });
  if (ask.id !== undefined && !own) throw new FhirError('not-found', 'There is no CodeSystem with this id.');
  const asked = codeAsked(question, ['coding', 'code', 'url', 'version']);
  const { url, version } = systemAsked(question, asked, own);
  if (url === undefined)
    throw refusedParameter('$validate-code needs a code system: url, or a coding with its system.');
  const supplements = await supplementsAsked(whole ? { ...question, sources: resources.once([whole]) } : question);
  const codings = asked.kind === 'code' ? asked.codings.map(each => ({ ...each, system: url })) : asked.codings;
  const about: CodeQuestion = { ...asked, codings, inferSystem: false, ofSystem: true };
  const refused = await unknownHere(supplements.sources, about, url, version);
  if (refused) return refused;
  const answer = await validateCode(supplements.sources, wholeSystem(url, version), about, question.budget);
  supplements.refuseUnused();
  return answer;
}

/** The code system of the address or the one given, the one named, or that of the coding. */
function systemAsked({ given }: Question, { codings: [first] }: CodeQuestion, own: CodeSystem | undefined) {
  const named = given.text('url');
  if (own) return { url: own.url, version: own.version };
  const url = named ?? first?.system ?? given.text('system');
  return { url, version: given.text('version') ?? (named === undefined ? first?.version : undefined) };
}

/** The answer where the code system is not known, or none. */
async function unknownHere(
  sources: Question['sources'],
  about: CodeQuestion,
  url: string,
  version: string | undefined,
): Promise<JsonObject | undefined> {
  if (await sources.concepts(url, version)) return undefined;
  const path = about.kind === 'code' ? '' : about.kind === 'coding' ? 'Coding' : 'CodeableConcept.coding[0]';
  const found = await sources.codeSystem(url);
  if (found?.content === 'supplement') return refusedAnswer(about, systemIsSupplement(path, found));
  if (await sources.valueSet(url)) return refusedAnswer(about, systemIsValueSet(path, url));
  const versions = await sources.versions(url);
  const unknown = version === undefined || versions.length === 0 ? url : `${url}|${version}`;
  return refusedAnswer(about, unknownSystem(path, url, version, versions), unknown);
}

const wholeSystem = (url: string, version: string | undefined): ValueSet => ({
  resourceType: 'ValueSet',
  url: `${url}/vs`,
  status: 'active',
  ...(version === undefined ? {} : { version }),
  compose: { include: [{ system: url, ...(version === undefined ? {} : { version }) }] },
});

/** `names`: of the parameters that make a coding. */
function codeAsked(question: Question, names: readonly [string, string, string, string], set?: ValueSet): CodeQuestion {
  const { given, rules } = question;
  const concept = given.object('codeableConcept');
  const coding = concept ? undefined : codingAsked(question, names);
  if (!concept && !coding) throw refusedParameter('$validate-code needs a code, a coding or a codeableConcept.');
  const kind = concept ? 'codeableConcept' : given.object(names[0]) ? 'coding' : 'code';
  return {
    kind,
    codings: concept ? (itemsOf(concept['coding']).filter(isObject) as Coding[]) : [coding!],
    ...(concept ? { codeableConcept: concept } : {}),
    inferSystem: [given.flag('inferSystem'), given.flag('implySystem'), given.flag('guessSystem')].includes(true),
    lenientDisplay: [given.flag('lenient-display-validation'), given.flag('displayWarning')].includes(true),
    languages: languagesAsked(question, set),
    options: {
      rules,
      activeOnly: given.flag('activeOnly') === true,
      abstractAllowed: given.flag('abstract') !== false,
      membershipOnly: given.flag('valueset-membership-only') === true,
      exactly: set !== undefined && ownParameters(set).get('versionsMatch') === 'false',
    },
  };
}

/** What stands beside the questions holds for all of them. */
async function runBatch(context: Context, ask: Of<'operation'>): Promise<Outcome> {
  const { given } = readGiven(context.engine, ask);
  const questions = given.filter(({ name }) => name === 'validation');
  refuseMoreThan(MAX_VALIDATIONS, questions.length, 'Validations of one batch', 'Parameters.parameter');
  const shared = given.filter(({ name }) => name !== 'validation');
  const parameter: JsonObject[] = [];
  for (const { value } of questions) {
    await breathe();
    parameter.push({ name: 'validation', resource: await answerOne(context, ask, shared, value as Resource) });
  }
  return answerWith({ resourceType: 'Parameters', ...(parameter.length > 0 ? { parameter } : {}) });
}

async function answerOne(
  context: Context,
  ask: Of<'operation'>,
  shared: readonly GivenParameter[],
  resource: Resource,
): Promise<JsonObject> {
  try {
    const decimals = ask.body?.decimals;
    const one = { ...ask, operation: 'validate-code', parameters: [], body: { resource, decimals } };
    const { given } = readGiven(context.engine, one);
    return await answerTo(terminologyQuestion(context, one, [...shared, ...given]), one);
  } catch (error) {
    const refused = asFhirError(error);
    if (refused.kind === 'fault') throw error;
    return outcome(refused.issues);
  }
}
