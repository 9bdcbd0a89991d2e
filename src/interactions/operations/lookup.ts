/**
 * $lookup and $subsumes of a CodeSystem: https://hl7.org/fhir/R4/codesystem-operation-lookup.html,
 * https://hl7.org/fhir/R4/codesystem-operation-subsumes.html
 */
import { FhirError } from '../../fhir/error.js';
import { lookUp, subsumes } from '../../terminology/lookup.js';
import type { Coding } from '../../terminology/resources.js';
import { pinVersion } from '../../terminology/versions.js';
import type { Context, OperationImplementation } from '../engine.js';
import type { Of, Outcome } from '../interaction.js';
import {
  answerWith,
  refusedParameter,
  codingAsked,
  languagesAsked,
  type Question,
  readTerminologyQuestion,
  supplementsAsked,
} from './terminology-question.js';

export const lookupOperation: OperationImplementation = {
  lenientBody: true,
  shows: 'Parameters',
  run: runLookup,
};
export const subsumesOperation: OperationImplementation = {
  lenientBody: true,
  shows: 'Parameters',
  run: runSubsumes,
};

async function runLookup(context: Context, ask: Of<'operation'>): Promise<Outcome> {
  const question = readTerminologyQuestion(context, ask);
  const coding = codingAsked(question, ['coding', 'code', 'system', 'version']);
  const { code, system } = coding ?? {};
  if (code === undefined || system === undefined)
    throw refusedParameter('$lookup needs a code with its system, or a coding that has both.');
  const supplements = await supplementsAsked(question);
  const found = await lookUp(supplements.sources, {
    system,
    version: pinVersion(question.rules, system, coding?.version).version,
    code,
    languages: languagesAsked(question),
    properties: question.given.texts('property'),
    systemAt: question.given.at('coding', 'system'),
  });
  supplements.refuseUnused();
  return answerWith(found);
}

async function runSubsumes(context: Context, ask: Of<'operation'>): Promise<Outcome> {
  const question = readTerminologyQuestion(context, ask);
  const a = codingAsked(question, ['codingA', 'codeA', 'system', 'version']);
  const b = codingAsked(question, ['codingB', 'codeB', 'system', 'version']);
  const own = await systemOf(question, ask);
  const system = own ?? a?.system;
  if (a?.code === undefined || b?.code === undefined || system === undefined)
    throw refusedParameter(
      '$subsumes needs two codes and their system: codeA, codeB and system, or codingA and codingB.',
    );
  if ([a, b].some((each: Coding) => each.system !== undefined && each.system !== system))
    throw refusedParameter('$subsumes compares codes of one code system.');
  const { version } = pinVersion(question.rules, system, a.version ?? b.version);
  return answerWith(await subsumes(question.sources, { system, version, codeA: a.code, codeB: b.code }));
}

/** Of the CodeSystem that the address names. */
async function systemOf({ resources }: Question, { id }: Of<'operation'>): Promise<string | undefined> {
  if (id === undefined) return undefined;
  const found = await resources.codeSystem({ id });
  if (found?.url === undefined) throw new FhirError('not-found', 'There is no CodeSystem with this id and a url.');
  return found.url;
}
