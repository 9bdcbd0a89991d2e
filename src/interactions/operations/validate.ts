/**
 * $validate: https://hl7.org/fhir/R4/resource-operation-validate.html. What is sent, or what is stored, against the structure of R4, its
 * invariants and bindings, the profiles that it claims and those that are named. Nothing is stored.
 *
 * Choices:
 * - 200 whenever it could be checked; what could not be read as JSON or XML at all, or is asked wrongly, is an error of the request.
 * - Without a mode each fault has its own severity. With `create` and `update` the answer is that of the server: an error is what would
 *   refuse the write, what the operator has set to warnings is one. Hooks of features are not asked.
 * - `profile` may be given several times. `mode=profile` needs one.
 */
import { withArticle } from '../../fhir/article.js';
import { FhirError, type Issue } from '../../fhir/error.js';
import { readJson, STORED_JSON } from '../../fhir/json/json.js';
import { print } from '../../fhir/json/print.js';
import { outcomeText } from '../../fhir/outcome.js';
import { placeIssues } from '../../fhir/place-issues.js';
import type { Parsed } from '../../fhir/resource.js';
import type { Version } from '../../store/store.js';
import { checkFurther } from '../../validation/gate/further.js';
import { tombstone } from '../delete.js';
import type { Context, OperationImplementation } from '../engine.js';
import type { Of, Outcome } from '../interaction.js';
import { MAX_ATTACHED } from '../patch.js';
import { auditSubject, readCurrent } from '../read.js';
import { wholeText } from '../response/resource-text.js';
import { nextIdentity } from '../update.js';
import { integrityIssues } from '../write/integrity.js';
import { refuseUnfit } from '../write/prepare.js';
import { readValidationQuestion, refuseUnknownProfiles, type ValidationQuestion } from './validate-question.js';

export const validateOperation: OperationImplementation = {
  judgesBody: true,
  shows: 'OperationOutcome',
  run: runValidate,
};

async function runValidate(context: Context, ask: Of<'operation'>): Promise<Outcome> {
  const { type = '', id, sent } = ask;
  if (sent?.faults) return answered(sent.faults, placeIssues({ ...sent, at: '' }, sent.faults));
  const question = await readValidationQuestion(context, ask);
  const { mode, given, at } = question;
  await refuseUnknownProfiles(context, question);
  const row = id === undefined || (given && mode !== 'delete') ? undefined : await readCurrent(context, type, id);
  if (mode === 'delete') {
    const issues = await integrityIssues(context, [tombstone(context, row!)]);
    return answered(issues, issues, row);
  }
  const parsed = given ?? (await storedBody(context, row!));
  const issues = await findIssues(context, ask, question, parsed);
  return answered(issues, sent && given ? placeIssues({ ...sent, at }, issues) : issues, row);
}

/** A stored resource with its attachments. */
async function storedBody({ engine }: Context, row: Version): Promise<Parsed> {
  if ((row.blobs ?? []).reduce((sum, { size }) => sum + size, 0) > MAX_ATTACHED)
    throw new FhirError('too-large', 'The attachments of this resource are too large to be checked.');
  return readJson(await wholeText(engine, row), STORED_JSON);
}

async function findIssues(
  context: Context,
  ask: Of<'operation'>,
  { mode, profiles }: ValidationQuestion,
  parsed: Parsed,
): Promise<readonly Issue[]> {
  const { type = '' } = ask;
  const { engine } = context;
  const { resource } = parsed;
  const { resourceType } = resource;
  const isOther = resourceType !== type && engine.definitions.resourceTypes.includes(resourceType);
  const wrong = isOther ? [wrongType(type, resourceType)] : [];
  const structure = await engine.validate(parsed);
  const found = await checkFurther(structure, parsed, sound =>
    mode === 'create' || mode === 'update'
      ? asWritten(context, ask, { mode, profiles }, sound)
      : engine.judge.examined(sound, profiles),
  );
  return [...wrong, ...found];
}

const wrongType = (type: string, expression: string): Issue => ({
  severity: 'error',
  code: 'invalid',
  text: `The resource must be ${withArticle(type)}: its resourceType says otherwise.`,
  expression,
  detail: 'wrong-resource-type',
});

/** What would refuse a write of this resource, or be told of it. */
async function asWritten(
  context: Context,
  { type = '', id: addressed }: Of<'operation'>,
  { mode, profiles }: { readonly mode: 'create' | 'update'; readonly profiles: readonly string[] },
  parsed: Parsed,
): Promise<readonly Issue[]> {
  const { resource, decimals } = parsed;
  const given = typeof resource['id'] === 'string' ? resource['id'] : undefined;
  const issues = [...(await context.engine.judge.asWritten(parsed, profiles))];
  if (mode === 'update' && (given === undefined || (addressed !== undefined && given !== addressed)))
    issues.push({
      severity: 'error',
      code: 'invalid',
      text: 'The resource must have the id of the one that it replaces.',
      expression: `${type}.id`,
      detail: 'id-mismatch',
    });
  try {
    refuseUnfit(resource, mode === 'update' ? (addressed ?? given ?? '') : '');
  } catch (error) {
    if (!(error instanceof FhirError)) throw error;
    issues.push(...error.issues);
  }
  const identity = nextIdentity(context, type, mode === 'update' ? given : undefined, undefined, 'PUT');
  const text = Buffer.from(print(resource, decimals));
  return [...issues, ...(await integrityIssues(context, [{ ...identity, text, entries: [], patients: [] }]))];
}

const NOTHING_FOUND: Issue = { severity: 'information', code: 'informational', text: 'No issues detected.' };

/** `row`: what was read for it. */
function answered(found: readonly Issue[], told: readonly Issue[], row?: Version): Outcome {
  const text = outcomeText(found.length === 0 ? [NOTHING_FOUND] : told);
  const { version: _, ...read } = row ? auditSubject(row) : { version: undefined, patients: [] };
  return { result: { status: 200, text, ...read } };
}
