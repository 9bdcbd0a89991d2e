/** Asks what view-requests.ts makes up, and says what is wrong with the answer. */
import assert from 'node:assert/strict';
import type { Bundle, BundleEntry } from 'fhir/r4.js';
import { linkOf, type Reply, type Talk } from '../support/talk.js';
import type { Asked, Expected } from './view-requests.js';
import { nameOf, resourceOf, type Stored, type World } from './view-world.js';

/** Writes the versions of a population. */
export async function load(talk: Talk, { versions }: World): Promise<void> {
  for (const one of versions) {
    const reply = one.body ? await talk.update(resourceOf(one)) : await talk.delete(nameOf(one));
    assert.ok(reply.status < 300, `${nameOf(one)}: ${reply.text}`);
  }
}

/** Name of an entry, and of a history its version. */
function nameOfEntry({ fullUrl, resource, request, response }: BundleEntry): string {
  const name = fullUrl!.split('/').slice(-2).join('/');
  return request ? `${name}/${resource?.meta?.versionId ?? /\d+/.exec(response!.etag!)![0]}` : name;
}

const nextOf = ({ status, body }: Reply): string | undefined =>
  status === 200 && body.resourceType === 'Bundle' ? linkOf(body, 'next') : undefined;

/** Why an answer is not the expected one; undefined: it is. */
export async function faultOf(
  talk: Talk,
  asked: Asked,
  expected: Expected,
  hidden: readonly Stored[],
): Promise<string | undefined> {
  const replies: Reply[] = [
    await talk.send(asked.method, asked.path, {
      headers: { 'content-type': 'application/fhir+json', ...asked.headers },
      ...(asked.body === undefined ? {} : { body: JSON.stringify(asked.body) }),
    }),
  ];
  const [reply] = replies as [Reply];
  if (reply.status !== expected.status) return `${reply.status} instead of ${expected.status}: ${reply.text}`;
  if (reply.status === 200 && asked.method === 'GET')
    for (let next = nextOf(reply); next !== undefined; next = nextOf(replies.at(-1)!))
      replies.push(await talk.get(next));
  const question = JSON.stringify(asked);
  const told = replies.map(({ text }) => text).join('\n');
  const leak = hidden.find(({ marker }) => !question.includes(marker) && told.includes(marker));
  if (leak) return `${nameOf(leak)} is hidden: ${told}`;
  if (asked.what === 'batch' || asked.what === 'transaction') {
    if (reply.status !== 200) return undefined;
    const statuses = (reply.body as Bundle).entry!.map(({ response }) => response!.status.slice(0, 3)).join(' ');
    return statuses === expected.says ? undefined : `${statuses} instead of ${expected.says}: ${told}`;
  }
  if (expected.says !== undefined && !told.includes(expected.says)) return `${expected.says} is missing: ${told}`;
  if (!expected.names) return undefined;
  const entries = replies.flatMap(({ body }) => (body as Bundle).entry ?? []);
  const names = entries.filter(({ search }) => search?.mode !== 'outcome').map(nameOfEntry);
  const difference = `${names.toSorted().join(' ')} instead of ${expected.names.toSorted().join(' ')}`;
  if (names.toSorted().join() !== expected.names.toSorted().join()) return difference;
  const { total } = reply.body as Bundle;
  const isWrong = expected.total !== undefined && total !== undefined && total !== expected.total;
  return isWrong ? `a total of ${total} instead of ${expected.total}` : undefined;
}

/** A question, who asked, and what was wrong, for people. */
export function describeAsked(asked: unknown, who: unknown, fault: string): string {
  const print = (_: string, value: unknown) => (value instanceof Set ? [...value] : value);
  return `${JSON.stringify(asked, print)}\nby ${JSON.stringify(who, print)}\n${fault.slice(0, 3000)}`;
}
