/**
 * Jobs over HTTP. `$jobs` lists them, with how far each is. An operation that may be long is done as a job where the client asks for
 * it (`Prefer: respond-async`): 202 with the address of its status in Content-Location. That address (`$jobs-status`) answers
 * 202 with X-Progress until the job has ended, then with what came of it; DELETE there, or `$jobs-cancel`, ends the job for good.
 * https://hl7.org/fhir/R4/async.html
 *
 * Choices: what came of a job is a Bundle of type batch-response with one entry, as later versions of the standard have it
 * (https://hl7.org/fhir/R5/async-bundle.html); a job that failed answers with its OperationOutcome and that status. Everybody sees their own
 * jobs, and those whose role has `jobs-of-others` all of them; another one's job is not there (404), and neither is one that was cancelled.
 */
import { FhirError, type Issue, KINDS } from '../../fhir/error.js';
import { outcomeText } from '../../fhir/outcome.js';
import type { JsonObject } from '../../fhir/resource.js';
import type { JobNote } from '../../jobs/kind.js';
import type { Context, OperationImplementation } from '../engine.js';
import type { Of, Outcome, Result } from '../interaction.js';
import { jsonText } from './operation.js';
import { readGiven } from './parameters.js';

export const jobsOperation: OperationImplementation = { shows: 'Parameters', run: listJobs };
export const jobsStatus: OperationImplementation = { deletedBy: 'jobs-cancel', run: showStatus };
export const jobsCancel: OperationImplementation = { run: cancelJob };

/** As roles name the right to see and to cancel everybody's jobs. */
export const JOBS_OF_OTHERS = 'jobs-of-others';

/** Seconds after which a client may look again. */
const LOOK_AGAIN = 1;

/** Notes a job for an operation, and says where its status is. */
export async function respondLater(context: Context, kind: string, input: unknown): Promise<Outcome> {
  const id = await context.engine.jobs.start(context, kind, input);
  const at = `$jobs-status?job=${id}`;
  return { result: { ...told(202, 'The work has begun: its status is at Content-Location.'), later: { at } } };
}

async function listJobs(context: Context, ask: Of<'operation'>): Promise<Outcome> {
  const [given] = readGiven(context.engine, ask).given;
  const jobs = given
    ? [await jobNamed(context, jsonText(given.value))]
    : (await context.engine.jobs.list()).filter(job => maySee(context, job));
  const parameter = jobs.map(job => ({ name: 'job', part: partsOf(job) }));
  const text = JSON.stringify({ resourceType: 'Parameters', ...(parameter.length > 0 ? { parameter } : {}) });
  return { result: { status: 200, text: Buffer.from(text), patients: [] } };
}

async function showStatus(context: Context, ask: Of<'operation'>): Promise<Outcome> {
  const job = await jobNamed(context, jsonText(readGiven(context.engine, ask).given[0]!.value));
  const { status, error, expires } = job;
  if (status === 'cancelled') throw notThere();
  const later = expires === undefined ? {} : { expires };
  if (error)
    return {
      result: { status: KINDS[error.kind].status, text: outcomeText(error.issues), patients: [], later },
    };
  if (status === 'completed') return { result: { status: 200, text: bundleOf(job), patients: [], later } };
  const progress = progressOf(job);
  return {
    result: { ...told(202, `The job is under way: ${progress}.`), later: { progress, retryAfter: LOOK_AGAIN } },
  };
}

async function cancelJob(context: Context, ask: Of<'operation'>): Promise<Outcome> {
  const { id } = await jobNamed(context, jsonText(readGiven(context.engine, ask).given[0]!.value));
  const isCancelled = await context.engine.jobs.cancel(id, context);
  return { result: told(202, isCancelled ? 'The job is cancelled.' : 'The job had ended; it is forgotten now.') };
}

/** Throws `not-found` where there is none that the caller may see. */
async function jobNamed(context: Context, id: string): Promise<JobNote> {
  const job = await context.engine.jobs.find(id);
  if (!job || !maySee(context, job)) throw notThere();
  return job;
}

const notThere = (): FhirError =>
  new FhirError('not-found', 'There is no such job, or none any more.', {
    detail: 'unknown-job',
    expression: 'http.job',
  });

/** Jobs of the server itself are nobody's own. */
function maySee({ engine, principal }: Context, { by }: JobNote): boolean {
  if (by && by.principal.name === principal.name) return true;
  return engine.decide(principal, { operation: JOBS_OF_OTHERS }).allow;
}

function progressOf({ status, done, total, failures }: JobNote): string {
  if (status === 'waiting') return 'waiting';
  const rests = failures > 0 ? `, resting after ${failures} failures` : '';
  return `${done}${total === undefined ? '' : ` of about ${Math.max(done, total)}`} done${rests}`;
}

/** A Bundle with the one answer. */
function bundleOf({ result }: JobNote): Buffer {
  const response = { status: '200' };
  const entry = result === undefined ? { response } : { resource: result, response };
  return Buffer.from(JSON.stringify({ resourceType: 'Bundle', type: 'batch-response', entry: [entry] }));
}

function partsOf(job: JobNote): JsonObject[] {
  const { id, kind, by, done, total, error } = job;
  const instant = (name: string, at: number | undefined) =>
    at === undefined ? [] : [{ name, valueInstant: new Date(at).toISOString() }];
  return [
    { name: 'id', valueId: id },
    { name: 'kind', valueCode: kind },
    { name: 'status', valueCode: job.idle ? 'idle' : job.status },
    ...(by?.principal.name === undefined ? [] : [{ name: 'by', valueString: by.principal.name }]),
    { name: 'done', valueInteger: done },
    ...(total === undefined ? [] : [{ name: 'total', valueInteger: Math.max(done, total) }]),
    ...(job.failures > 0 ? [{ name: 'failures', valueInteger: job.failures }] : []),
    ...(error ? [{ name: 'error', valueCode: error.kind }] : []),
    ...instant('asked', job.asked),
    ...instant('begun', job.begun),
    ...instant('ended', job.ended),
    ...instant('expires', job.expires),
  ];
}

function told(status: number, text: string): Result {
  const issue: Issue = { severity: 'information', code: 'informational', text };
  return { status, text: outcomeText([issue]), patients: [] };
}
