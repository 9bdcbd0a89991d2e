/**
 * Operations: https://hl7.org/fhir/R4/operations.html. One file per operation in operations/, one line in the table here;
 * routes, /metadata and the access decision follow from it.
 */
import { FhirError } from '../../fhir/error.js';
import type { Principal } from '../../identity/principal.js';
import { validate } from '../../validation/beside.js';
import type { Context } from '../engine.js';
import type { Of, Outcome } from '../interaction.js';
import { everything } from './everything.js';
import { meta, metaAdd, metaDelete } from './meta.js';
import { purge } from './purge.js';
import { reindex, reindexStatus } from './reindex.js';
import { viewOf } from '../response/resource-text.js';
import { readView, VIEW } from '../response/summary-view.js';

export type Level = 'system' | 'type' | 'instance' | 'version';

export interface Operation {
  readonly levels: readonly Level[];
  /** GET only where asking changes nothing. */
  readonly methods: readonly ('GET' | 'POST')[];
  /** Id of its OperationDefinition among those that the server brings along. */
  readonly definition: string;
  /** Who may run it, at least. */
  readonly role: Principal['role'];
  /** What it does to what it is asked of: nothing is `changed` that cannot be changed. */
  readonly effect: 'reads' | 'changes';
  /** The answer is a resource of this type, of which `_summary` and `_elements` show a part. */
  readonly shows?: string;
  /** Types that it is offered for, below the system level; absent: all. */
  readonly types?: readonly string[];
  /** `ask.body` is a valid resource. */
  run(context: Context, ask: Of<'operation'>): Promise<Outcome>;
}

/** By code, without the dollar sign. */
export const OPERATIONS: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  ['everything', everything],
  ['meta', meta],
  ['meta-add', metaAdd],
  ['meta-delete', metaDelete],
  ['purge', purge],
  ['reindex', reindex],
  ['reindex-status', reindexStatus],
]);

export async function operate(context: Context, ask: Of<'operation'>): Promise<Outcome> {
  const operation = OPERATIONS.get(ask.operation);
  if (!operation)
    throw new FhirError('unknown-type', 'This server offers no such operation: see /metadata.', {
      detail: 'unknown-operation',
    });
  if (ask.body) {
    const issues = await validate(ask.body, context.engine.definitions);
    if (issues.some(({ severity }) => severity === 'error' || severity === 'fatal'))
      throw new FhirError('invalid', 'The body is not valid FHIR R4.', { issues });
  }
  const { shows } = operation;
  if (shows === undefined) return operation.run(context, ask);
  const view = readView(context.engine, shows, ask.parameters);
  const isView = ([name]: readonly [string, string]): boolean => VIEW.some(each => each === name);
  const parameters = ask.parameters.filter(pair => !isView(pair));
  const { result, ...rest } = await operation.run(context, { ...ask, parameters });
  const shown = result.text && (await viewOf(context.engine, result.text, view));
  return { ...rest, result: { ...result, ...shown } };
}
