/**
 * Operations: https://hl7.org/fhir/R4/operations.html. One file per operation beside this one, one line in the table here, and
 * an OperationDefinition among the profiles that the server brings along, and its code in profiles/roles.json beside those who may run it.
 */
import { FhirError, type Issue } from '../../fhir/error.js';
import type { Resource } from '../../fhir/resource.js';
import { isOfElementsAlone, MAX_STRUCTURE_ISSUES } from '../../validation/gate/explain.js';
import { refuseErrors } from '../../validation/gate/validate.js';
import type { Context, Operation, OperationImplementation, Operations } from '../engine.js';
import type { Of, Outcome } from '../interaction.js';
import { viewText } from '../response/resource-text.js';
import { readView, VIEW } from '../response/summary-view.js';
import { auditCheckpoint } from './audit-checkpoint.js';
import { backupOperation } from './backup.js';
import { BREAK_GLASS, BREAK_GLASS_END, breakGlass, breakGlassEnd } from './break-glass.js';
import { discloseOperation } from './disclose.js';
import { everything } from './everything.js';
import { expandOperation } from './expand.js';
import { horizonOperation } from './horizon.js';
import { lookupOperation, subsumesOperation } from './lookup.js';
import { meta, metaAdd, metaDelete } from './meta.js';
import { offerOf } from './operation.js';
import { importOperation } from './import.js';
import { jobsCancel, jobsOperation, jobsStatus, respondLater } from './jobs.js';
import { proofOperation } from './proof.js';
import { purge } from './purge.js';
import { reindexOperation, reindexStatus } from './reindex.js';
import { translateOperation } from './translate.js';
import { validateOperation } from './validate.js';
import { batchValidateOperation, validateCodeOperation } from './validate-code.js';

/** By code, without the dollar sign. */
export const OPERATIONS: Readonly<Record<string, OperationImplementation>> = {
  'audit-checkpoint': auditCheckpoint,
  'batch-validate-code': batchValidateOperation,
  [BREAK_GLASS]: breakGlass,
  [BREAK_GLASS_END]: breakGlassEnd,
  disclose: discloseOperation,
  everything,
  expand: expandOperation,
  horizon: horizonOperation,
  import: importOperation,
  jobs: jobsOperation,
  'jobs-cancel': jobsCancel,
  'jobs-status': jobsStatus,
  lookup: lookupOperation,
  meta,
  'meta-add': metaAdd,
  'meta-delete': metaDelete,
  proof: proofOperation,
  purge,
  reindex: reindexOperation,
  'reindex-status': reindexStatus,
  subsumes: subsumesOperation,
  translate: translateOperation,
  validate: validateOperation,
  'validate-code': validateCodeOperation,
};

/** What a store in a file needs beside them: a database has tools of its own. */
export const FILE_OPERATIONS: Readonly<Record<string, OperationImplementation>> = { backup: backupOperation };

/**
 * The operations of an engine: each implementation with what its definition says. `definitions`: the first one with a code
 * counts. Throws where an operation has none: it could be neither reached nor described.
 */
export function composeOperations(
  implementations: Readonly<Record<string, OperationImplementation>>,
  definitions: readonly Resource[],
): Operations {
  const operations = new Map<string, Operation>();
  for (const [code, implementation] of Object.entries(implementations)) {
    const definition = definitions.find(each => each.resourceType === 'OperationDefinition' && each['code'] === code);
    if (!definition) throw new Error(`The operation $${code} has no OperationDefinition.`);
    const { ofVersions = false } = implementation;
    operations.set(code, { ...implementation, ...offerOf(definition, ofVersions) });
  }
  return operations;
}

/** Runs an operation: its body, if it has one, must be valid, and its answer is shown as `_summary` and `_elements` say. */
export async function operate(context: Context, ask: Of<'operation'>): Promise<Outcome> {
  const operation = context.engine.operations.get(ask.operation);
  if (!operation)
    throw new FhirError('unknown-type', 'This server offers no such operation: see /metadata.', {
      detail: 'unknown-operation',
    });
  if (ask.body && !operation.judgesBody) {
    const issues = await context.engine.validate(ask.body);
    refuseErrors(operation.lenientBody ? withoutMissing(issues) : issues, 'The body is not valid FHIR R4.');
  }
  if (ask.later && operation.job) {
    const { kind, input } = await operation.job(context, ask);
    return respondLater(context, kind, input);
  }
  const { shows } = operation;
  if (shows === undefined) return operation.run(context, ask);
  const view = readView(context.engine, shows, ask.parameters);
  const isView = ([name]: readonly [string, string]): boolean => VIEW.some(each => each === name);
  const parameters = ask.parameters.filter(pair => !isView(pair));
  const { result, ...rest } = await operation.run(context, { ...ask, parameters });
  const { text, blobs, ...told } = result;
  const shown = text && (await viewText(context.engine, blobs ? { text, blobs } : { text }, view));
  return { ...rest, result: { ...told, ...shown } };
}

/**
 * Without those that say no more of a resource in a parameter, or in the place of all parameters, than that it lacks elements or
 * has some that R4 does not know.
 */
const withoutMissing = (issues: readonly Issue[]): readonly Issue[] =>
  issues.length >= MAX_STRUCTURE_ISSUES
    ? issues
    : issues.filter(
        issue =>
          !isOfElementsAlone(issue) ||
          /^Parameters(?!\.parameter\[\d+\](?:\.part\[\d+\])*\.resource)/.test(issue.expression ?? ''),
      );
