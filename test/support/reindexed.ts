/** Custom search parameters in tests: definitions in few words, and waiting until they are indexed. */
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import type { Bundle, OperationOutcome, Parameters, SearchParameter } from 'fhir/r4.js';
import type { Talk } from './talk.js';

/** An active SearchParameter of Patient with this code; the id is the code. */
export const parameterOf = (code: string, changes: Partial<SearchParameter> = {}): SearchParameter => ({
  resourceType: 'SearchParameter',
  id: code,
  url: `http://a.example/SearchParameter/${code}`,
  name: code.replaceAll('-', ''),
  status: 'active',
  description: 'For a test.',
  code,
  base: ['Patient'],
  type: 'string',
  expression: "Patient.extension('http://a.example/nick').value",
  xpathUsage: 'normal',
  ...changes,
});

export interface Status {
  readonly status: string;
  readonly done: number;
  readonly total: number;
}

/** What $reindex-status says of each parameter, by url; requests are under `request`. */
async function statusByUrl(talk: Talk): Promise<(Status & { readonly url: string; readonly code: string })[]> {
  const reply = await talk.get<Parameters>('$reindex-status');
  assert.equal(reply.status, 200, reply.text);
  return (reply.body.parameter ?? []).map(({ name, part = [] }) => {
    const of = (which: string) => part.find(each => each.name === which);
    return {
      ...{ url: of('url')?.valueUri ?? name, code: of('code')?.valueCode ?? name },
      ...{ status: of('status')!.valueCode!, done: of('done')!.valueInteger!, total: of('total')!.valueInteger! },
    };
  });
}

/** What it says of each parameter that does not come with the server, by code. */
export async function statusOf(talk: Talk): Promise<Map<string, Status>> {
  const all = await statusByUrl(talk);
  return new Map(
    all
      .filter(({ url }) => !url.startsWith('urn:chartroom:searchparameter:'))
      .map(({ code, status, done, total }) => [code, { status, done, total }]),
  );
}

/** Waits until a parameter is ready, or everything is, with what comes with the server. */
export async function untilReady(talk: Talk, code?: string): Promise<void> {
  for (;;) {
    const waited = (await statusByUrl(talk)).filter(each => code === undefined || each.code === code);
    if ((code === undefined || waited.length > 0) && waited.every(({ status }) => status === 'ready')) return;
    await pause(250);
  }
}

/** The codes of the warnings in an answer. */
export const warningsOf = (found: Bundle): (string | undefined)[] =>
  (found.entry ?? [])
    .filter(({ search }) => search?.mode === 'outcome')
    .flatMap(({ resource }) => (resource as OperationOutcome).issue.map(({ details }) => details?.coding?.[0]?.code));
