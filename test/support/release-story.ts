/** A release in tests: what a clerk and another one do with a request until its package is made. */
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import type { Bundle, Parameters, ParametersParameter, Task } from 'fhir/r4.js';
import { runOn } from './records-request.js';
import type { Headers, Reply, Talk } from './talk.js';
import { CLERK, asRole } from './work.js';

/** Who confirms what the clerk has chosen. */
export const SECOND = asRole('admin');

export const documentRead = (document: string, more: readonly ParametersParameter[] = []): ParametersParameter => ({
  name: 'document',
  part: [
    { name: 'document', valueReference: { reference: document } },
    { name: 'identifier', valueString: 'MRN-1' },
    { name: 'birth-date', valueDate: '1970-02-03' },
    ...more,
  ],
});

/** References with versions, as an operation tells them. */
export const documentsTold = ({ parameter = [] }: Parameters): readonly string[] =>
  parameter.flatMap(({ name, part }) => (name === 'document' ? (part?.[0]?.valueReference?.reference ?? []) : []));

export const inputsOf = ({ input = [] }: Task, code: string) =>
  input.filter(({ type }) => type.coding?.some(each => each.code === code));
export const outputsOf = ({ output = [] }: Task, code: string) =>
  output.filter(({ type }) => type.coding?.some(each => each.code === code));

/** Waits until a job that an answer names has ended: its answer. */
export async function jobEnded(talk: Talk, begun: Reply<unknown>, headers: Headers = CLERK): Promise<Reply<Bundle>> {
  assert.equal(begun.status, 202, begun.text);
  const at = begun.header('content-location')!.replace(/^.*\/fhir\//, '');
  for (;;) {
    const reply = await talk.get<Bundle>(at, headers);
    if (reply.status !== 202) return reply;
    await pause(30);
  }
}

export const packageResult = ({ body }: Reply<Bundle>): Parameters => body.entry![0]!.resource as Parameters;

/** Chooses, confirms and packs what a request gives out. */
export async function packed(
  talk: Talk,
  id: string,
  more: readonly ParametersParameter[] = [],
): Promise<readonly string[]> {
  const chosen = await runOn(talk, `${id}/$release-select`);
  assert.equal(chosen.status, 200, chosen.text);
  const documents = documentsTold(chosen.body);
  const confirmed = await runOn(
    talk,
    `${id}/$release-confirm`,
    documents.map(each => documentRead(each)),
    SECOND,
  );
  assert.equal(confirmed.status, 200, confirmed.text);
  const ended = await jobEnded(talk, await runOn(talk, `${id}/$release-package`, [...more]));
  assert.equal(ended.status, 200, ended.text);
  return documents;
}
