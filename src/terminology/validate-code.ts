/**
 * $validate-code: what there is to say of a code, a Coding or a CodeableConcept and a value set or code system, as Parameters.
 * https://hl7.org/fhir/R4/valueset-operation-validate-code.html, https://hl7.org/fhir/R4/codesystem-operation-validate-code.html
 *
 * A CodeableConcept is valid where one of its codings is in the value set and none has an error of its own. Beside what R4 asks for
 * the answer has the issues as an OperationOutcome, and `x-unknown-system` where a code system would have to be known first.
 */
import { FhirError } from '../fhir/error.js';
import type { JsonObject } from '../fhir/resource.js';
import { breathe } from '../platform/pieces.js';
import { type Budget, MAX_CODINGS, refuseMoreThan } from './budget.js';
import type { Sources } from './canonical-resources.js';
import { checkMember } from './check-code.js';
import { checkDisplay } from './check-display.js';
import { answerOfCode, type CodeQuestion, type LookedUp, refusedAnswer } from './code-answer.js';
import { type CodeCheck, type Found, namesOfFound, noteStatus } from './code-check.js';
import { createCodeIssues, noCode, notInValueSet } from './code-issues.js';
import { lookElsewhere, withSystem } from './look-elsewhere.js';
import { prepareSet } from './prepare-set.js';
import type { Coding, ValueSet } from './resources.js';
import type { TxIssue } from './tx-issue.js';

/** Throws FhirError for what is no answer about the code: a value set that cannot be used. */
export async function validateCode(
  sources: Sources,
  set: ValueSet,
  question: CodeQuestion,
  budget: Budget,
): Promise<JsonObject> {
  const issues = createCodeIssues();
  const unknown = new Set<string>();
  const { options } = question;
  refuseMoreThan(MAX_CODINGS, question.codings.length, 'The codings of a concept', 'CodeableConcept.coding');
  noteStatus({ issues }, 'ValueSet', set, set);
  let imports: ReadonlyMap<string, ValueSet>;
  try {
    imports = await prepareSet(set, sources, options.rules, budget);
  } catch (error) {
    const issue = importThatIsMissing(error);
    if (!issue) throw error;
    return refusedAnswer(question, issue);
  }
  const looked: LookedUp[] = [];
  for (const [at, coding] of question.codings.entries()) {
    await breathe();
    const path = codePath(question, at);
    if (coding.code === undefined || coding.code === '') {
      issues.add(noCode(path), 'told');
      break;
    }
    const asked = { asked: new Map(), askedQuietly: new Map() };
    const check: CodeCheck = { sources, budget, options, issues, unknown, path, coding, imports, ...asked };
    looked.push(await lookAt(check, set, question));
  }
  return answerOfCode(set, question, looked, { issues, unknown });
}

const codePath = ({ kind }: CodeQuestion, at: number): string =>
  kind === 'code' ? '' : kind === 'coding' ? 'Coding' : `CodeableConcept.coding[${at}]`;

/** An import that is not known makes a code invalid; whatever else is wrong with a value set is an error. */
function importThatIsMissing(error: unknown): TxIssue | undefined {
  const issue = error instanceof FhirError ? (error.issues[0] as TxIssue | undefined) : undefined;
  return issue?.terminology?.message === 'Unable_to_resolve_value_Set_' ? issue : undefined;
}

async function lookAt(given: CodeCheck, set: ValueSet, question: CodeQuestion): Promise<LookedUp> {
  const infers = question.inferSystem && question.kind === 'code' && given.coding.system === undefined;
  const check = infers ? await withSystem(given, set) : given;
  if (!check) return { coding: given.coding, path: given.path, isMember: false, found: undefined, inferred: false };
  const { coding, path, issues, sources } = check;
  const { isMember, found } = await checkMember(check, set);
  if (isMember === false && question.kind === 'codeableConcept' && !question.ofSystem)
    issues.add(notInValueSet(path, coding, set, 'one'));
  const known = isMember === true ? found : await lookElsewhere(check, set, { isMember, found });
  const detailed =
    known?.concept === undefined ? known : { ...known, concepts: await detailedFor(sources, known, question, coding) };
  if (detailed?.concept !== undefined) {
    const severity = question.lenientDisplay ? 'warning' : 'error';
    checkDisplay(issues, path, { coding, names: namesOfFound(detailed), languages: question.languages, severity });
  }
  return { coding, path, isMember, found: detailed, inferred: infers };
}

/** Designations are read only where they can matter. */
const detailedFor = (
  sources: Sources,
  { concepts, concept }: Found,
  { languages }: CodeQuestion,
  { display }: Coding,
) =>
  languages || (display !== undefined && display !== concepts.display(concept!))
    ? sources.detailed(concepts)
    : concepts;
