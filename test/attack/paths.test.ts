/**
 * Attacks on what a permission hides, by every path: each answer (status, headers, body, links, totals) is searched for canaries and hidden ids, and
 * compared with that to the same question about nothing. With nothing hidden most of them succeed, which shows that they would notice.
 */
import assert from 'node:assert/strict';
import type { Bundle, BundleEntry } from 'fhir/r4.js';
import { it } from 'mocha';
import { FhirError } from '../../src/fhir/error.js';
import type { Identify, Principal } from '../../src/identity/principal.js';
import { onStoresInTurn, type Stage } from '../support/both-stores.js';
import { decideWith } from '../support/roles.js';
import { permissionSeeing } from '../support/restricted.js';
import { linkOf, type Reply, type Talk } from '../support/talk.js';
import { UNRESTRICTED } from '../../src/access/permission.js';
import { tellBeside } from './attack-beside.js';
import { type Attack, attacks } from './attack-cases.js';
import { tellLinks } from './attack-links.js';
import { ATTACKED_ROLES, ATTACKERS, type Attacker, CANARY, DELETED, POPULATION } from './attack-world.js';

const HIDDEN_ID = /\bhid-[\w-]+/g;

/** Those who are somebody else now. */
const principals = new Map<Attacker, Principal>();
const identify: Identify = async ({ headers: { authorization } }) => {
  const who = typeof authorization === 'string' ? authorization.slice('Bearer '.length) : '';
  if (!(who in ATTACKERS)) throw new FhirError('unauthenticated', 'Nobody.');
  return principals.get(who as Attacker) ?? ATTACKERS[who as Attacker];
};
const decide = decideWith(ATTACKED_ROLES);

const as = (who: Attacker) => ({ authorization: `Bearer ${who}` });

/** Lines of the log, of both servers. */
const logged: string[] = [];

async function set({ server, talk }: Stage): Promise<void> {
  const { log } = server.engine;
  for (const level of ['debug', 'info', 'warn', 'error'] as const)
    log[level] = (...said: unknown[]) => void logged.push(JSON.stringify(said));
  Object.assign(server.engine, { identify, decide });
  for (const one of POPULATION) {
    const reply = await talk.update(one, as('owner'));
    assert.ok(reply.status < 300, `${one.resourceType}/${one.id}: ${reply.text}`);
  }
  for (const name of DELETED) assert.equal((await talk.delete(name, as('owner'))).status, 204);
}

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
async function faultOf(talk: Talk, attack: Attack): Promise<string | undefined> {
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

const describeAttack = (attack: Attack, fault: string): string =>
  `${attack.what}, by ${attack.who}: ${attack.method} ${attack.path}\n${fault.slice(0, 1500)}`;

onStoresInTurn(
  'what is hidden',
  stage => {
    it('is told to nobody, by no path', async () => {
      const { talk } = stage();
      const faults: string[] = [];
      const all = attacks();
      assert.ok(all.length >= 150, String(all.length));
      for (const attack of all) {
        const fault = await faultOf(talk, attack);
        if (fault !== undefined) faults.push(describeAttack(attack, fault));
      }
      assert.deepEqual(faults, [], `${faults.length} of ${all.length} attacks:\n${faults.join('\n\n')}`);
    });

    it('is as it was before the attacks', async () => {
      const { talk } = stage();
      const versions = new Map<string, number>();
      for (const { resourceType, id } of POPULATION) {
        const name = `${resourceType}/${id}`;
        if (id!.startsWith('hid-') && !DELETED.includes(name)) versions.set(name, (versions.get(name) ?? 0) + 1);
      }
      for (const [name, version] of versions)
        assert.equal((await talk.get(name, as('owner'))).header('etag'), `W/"${version}"`, name);
    });

    tellLinks(stage, as, (who, principal) => void principals.set(who, principal));
    tellBeside(stage, as, logged);

    it('is hidden by the permission: without it most attacks succeed', async () => {
      const { server, talk } = stage();
      const everything = permissionSeeing(UNRESTRICTED);
      Object.assign(server.engine, {
        decide: () => ({ allow: true, restrictions: UNRESTRICTED, permission: everything }),
      });
      const all = attacks().filter(({ method }) => method === 'GET' || method === 'HEAD');
      let noticed = 0;
      for (const attack of all) if ((await faultOf(talk, attack)) !== undefined) noticed += 1;
      assert.ok(noticed > all.length * 0.75, `${noticed} of ${all.length} attacks notice it`);
      Object.assign(server.engine, { decide });
    });
  },
  { set, config: { pageSize: '50' } },
);
