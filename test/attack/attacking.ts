/** Asks what an attacker asks, and finds what the answer tells that it must not. */
import type { Bundle, BundleEntry } from 'fhir/r4.js';
import { linkOf, type Reply, type Talk } from '../support/talk.js';
import type { Attack } from './attack-cases.js';
import { CANARY } from './attack-world.js';

const HIDDEN_ID = /\bhid-[\w-]+/g;

export const as = (who: string) => ({ authorization: `Bearer ${who}` });

const textOf = ({ body }: Attack): string =>
  body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body);

const ask = (talk: Talk, attack: Attack, path = attack.path): Promise<Reply> => {
  const text = textOf(attack);
  return talk.send(attack.method, path, {
    headers: {
      ...as(attack.who),
      'accept-encoding': 'identity',
      ...(text === '' ? {} : { 'content-type': attack.type! }),
      ...attack.headers,
    },
    ...(text === '' ? {} : { body: path === attack.path ? text : text.replaceAll('hid-', 'abs-') }),
  });
};

const HEADERS = [
  'content-type',
  'content-length',
  'etag',
  'last-modified',
  'location',
  'allow',
  'cache-control',
  'vary',
  'link',
  'warning',
];
/** Without what every answer has of its own. */
const plain = (reply: Reply): string =>
  [String(reply.status), ...HEADERS.map(name => `${name}: ${reply.header(name)}`), reply.text]
    .join('\n')
    .replaceAll('abs-', 'hid-')
    .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}/g, 'uuid')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'instant')
    .replaceAll(/"(?:id|requestId)":"[0-9a-z]{12,40}"/g, 'id');

/** What the answer tells that the question did not. */
function leakIn(attack: Attack, replies: readonly Reply[]): string | undefined {
  const asked = `${decodeURIComponent(attack.path)} ${textOf(attack)} ${JSON.stringify(attack.headers ?? {})}`;
  for (const reply of replies) {
    let told = `${reply.text}\n${HEADERS.map(name => reply.header(name) ?? '').join('\n')}`;
    // What the client said itself may be said back.
    for (const [said] of asked.matchAll(/CANARY[\w-]*|\bhid-[\w-]+/g)) told = told.replaceAll(said, '');
    if (told.includes(CANARY)) return `a canary: ${told}`;
    const [id] = told.match(HIDDEN_ID) ?? [];
    if (id !== undefined) return `the id ${id}: ${told}`;
  }
  return undefined;
}

const idOf = ({ fullUrl }: BundleEntry): string => fullUrl!.split('/').at(-1)!;

/** What is wrong with the answers; undefined: nothing. */
export async function faultOf(talk: Talk, attack: Attack): Promise<string | undefined> {
  const reply = await ask(talk, attack);
  const replies = [reply];
  const { expect } = attack;
  if (expect !== 'like-absent' && 'ids' in expect) {
    if (reply.status !== 200) return `${reply.status}: ${reply.text}`;
    for (let next = linkOf(reply.body as Bundle, 'next'); next !== undefined; ) {
      const page = await talk.get<Bundle>(next, as(attack.who));
      replies.push(page);
      next = page.status === 200 ? linkOf(page.body, 'next') : undefined;
    }
  }
  const leak = leakIn(attack, replies);
  if (leak !== undefined) return leak;
  if (reply.status >= 500) return `${reply.status}: ${reply.text}`;
  if (expect === 'like-absent') {
    const absent = await ask(talk, attack, attack.path.replaceAll('hid-', 'abs-'));
    return plain(reply) === plain(absent) ? undefined : `${plain(reply)}\ninstead of\n${plain(absent)}`;
  }
  if ('status' in expect) return reply.status === expect.status ? undefined : `${reply.status}: ${reply.text}`;
  const entries = replies
    .flatMap(({ body }) => (body as Bundle).entry ?? [])
    .filter(({ search }) => search?.mode !== 'outcome');
  const [found, wanted] = [entries.map(idOf).toSorted().join(' '), [...expect.ids].toSorted().join(' ')];
  if (attack.path.includes('_summary=count') && expect.ids.length === 0) return undefined;
  if (found !== wanted) return `${found} instead of ${wanted}`;
  const { total, type } = reply.body as Bundle;
  const matches = entries.filter(({ search }) => search?.mode !== 'include').length;
  return total === undefined || type !== 'searchset' || total === matches
    ? undefined
    : `a total of ${total} for ${matches}`;
}

export const describeAttack = (attack: Attack, fault: string): string =>
  `${attack.what}, by ${attack.who}: ${attack.method} ${attack.path}\n${fault.slice(0, 1500)}`;
