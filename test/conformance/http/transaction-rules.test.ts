/**
 * transaction in the corners: what entries mean to each other in whatever order, where a fault is, who may do what.
 * https://hl7.org/fhir/R4/http.html#trules
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bundle, BundleEntry, DocumentReference, FhirResource, Observation, Patient } from 'fhir/r4.js';
import { after, describe, it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';
import { audited, done, entry, named, post, put, refused, send, statuses, uuid } from '../../support/bundles.js';
import { talkTo } from '../../support/talk.js';

const SYSTEM = 'urn:rules';
const known = (value: string, more: Partial<Patient> = {}): Patient => ({
  resourceType: 'Patient',
  identifier: [{ system: SYSTEM, value }],
  ...more,
});
const by = (value: string) => `identifier=${SYSTEM}|${value}`;
const jsonPatch = (...operations: object[]): FhirResource => ({
  resourceType: 'Binary',
  contentType: 'application/json-patch+json',
  data: Buffer.from(JSON.stringify(operations)).toString('base64'),
});

onStoresInTurn('the rules of a transaction', stage => {
  const transact = (entries: readonly BundleEntry[], headers = {}) =>
    send(stage().talk, 'transaction', entries, headers);
  const make = (entries: readonly BundleEntry[], headers = {}) => done(transact(entries, headers));
  const total = async (query: string) => (await stage().talk.search(query)).total;

  describe('the answer', () => {
    it('has that of operations, and what they change is a part of the whole', async () => {
      const { talk } = stage();
      await talk.update({ resourceType: 'Patient', id: 'labelled' });
      const label = (code: string): FhirResource => ({
        resourceType: 'Parameters',
        parameter: [{ name: 'meta', valueMeta: { tag: [{ code }] } }],
      });
      const add = (code: string) => entry('POST', 'Patient/labelled/$meta-add', label(code));
      const answers = await make([add('x'), entry('GET', 'Patient/labelled/$everything')]);
      assert.deepEqual(statuses(answers), ['200', '200']);
      assert.equal((answers[1]!.resource as Bundle).entry?.[0]?.resource?.id, 'labelled');
      const tags = async () => (await talk.get<Patient>('Patient/labelled')).body.meta?.tag;
      assert.deepEqual(await tags(), [{ code: 'x' }]);
      const twice = await transact([add('y'), put({ resourceType: 'Patient', id: 'labelled' })]);
      assert.equal(twice.status, 400, 'two entries write it');
      assert.deepEqual(await tags(), [{ code: 'x' }]);
    });

    it('has no resource for HEAD, 304 for what is unchanged, and the times of what is stored', async () => {
      const { talk } = stage();
      await talk.update(known('seen', { id: 'seen' }));
      const answers = await make([
        entry('GET', 'Patient/seen'),
        entry('HEAD', 'Patient/seen'),
        entry('GET', 'Patient/seen', undefined, { ifNoneMatch: 'W/"1"' }),
        post(known('timed')),
      ]);
      assert.deepEqual(
        answers.map(({ resource, response }) => [resource !== undefined, response?.status, response?.etag]),
        [
          [true, '200 OK', 'W/"1"'],
          [false, '200 OK', 'W/"1"'],
          [false, '304 Not Modified', 'W/"1"'],
          [false, '201 Created', 'W/"1"'],
        ],
      );
      const { meta } = (await talk.get<Patient>(named(answers[3]))).body;
      assert.equal(answers[3]?.response?.lastModified, meta?.lastUpdated);
    });

    it('takes addresses with a slash in front and below its own base, and reads the past of what it writes', async () => {
      const answers = await make([
        entry('PUT', '/Patient/slash', known('slash', { id: 'slash' })),
        entry('PUT', `${stage().talk.base}/Patient/full`, known('slash', { id: 'full' })),
        entry('GET', `Patient?${by('slash')}&_format=xml`),
        entry('GET', 'Patient/slash/_history'),
        entry('GET', 'Patient/slash/_history/1'),
      ]);
      assert.deepEqual(statuses(answers), ['201', '201', '200', '200', '200']);
      assert.equal((answers[2]?.resource as Bundle | undefined)?.total, 2);
      assert.equal((answers[3]?.resource as Bundle | undefined)?.entry?.length, 1);
    });

    it('takes a Binary as the resource that it is, small or large', async () => {
      for (const size of [10, 100_000]) {
        const bytes = Buffer.alloc(size, 'abc');
        const [made] = await make([
          post({ resourceType: 'Binary', contentType: 'text/plain', data: bytes.toString('base64') }),
        ]);
        const reply = await stage().talk.get(named(made), { accept: 'text/plain' });
        assert.equal(reply.text, bytes.toString());
      }
    });
  });

  describe('a fault', () => {
    it('is told at its element, wherever its entry stands, and nothing is stored', async () => {
      const { talk } = stage();
      await talk.update(known('stale', { id: 'stale' }));
      const good = post(known('whole'));
      const rows: [string, BundleEntry, number, string][] = [
        ['invalid', post(known('x', { birthDate: '1980-13' })), 400, '.resource.birthDate'],
        ['no resource', entry('POST', 'Patient'), 400, '.resource'],
        ['no request', { resource: known('x') }, 400, '.request'],
        ['wrong type', entry('POST', 'Observation', known('x')), 400, '.resource.resourceType'],
        ['wrong id', entry('PUT', 'Patient/one', known('x', { id: 'two' })), 400, '.resource.id'],
        ['odd id', entry('PUT', 'Patient/a_b', known('x', { id: 'a_b' })), 400, '.resource.id'],
        ['long id', entry('PUT', `Patient/${'x'.repeat(65)}`, known('x')), 400, '.resource.id'],
        ['a urn', entry('PUT', uuid(1), known('x')), 400, '.request'],
        ['nested', entry('POST', '/', { resourceType: 'Bundle', type: 'batch' }), 400, '.request'],
        ['broken escape', entry('GET', 'Patient?family=%E0%A4%A'), 400, ''],
        ['everything', entry('PUT', 'Patient?', known('x')), 400, '.request'],
        ['If-Match', put(known('x', { id: 'stale' }), { ifMatch: 'W/"7"' }), 412, '.request.ifMatch'],
        ['read of what goes', entry('GET', 'Patient/never'), 404, ''],
      ];
      for (const [what, bad, status, place] of rows)
        for (const entries of [
          [good, bad],
          [bad, good],
        ]) {
          const reply = await transact(entries);
          const { status: given, at } = refused(reply);
          assert.equal(given, status, `${what}: ${reply.text}`);
          assert.equal(at, `Bundle.entry[${entries.indexOf(bad)}]${place}`, what);
        }
      assert.equal(await total(`Patient?${by('whole')}`), 0);
      assert.deepEqual(statuses(await make([good])), ['201']);
    });

    it('in a Bundle that is stored as one is told below its own entry', async () => {
      const inner = { resourceType: 'Bundle', type: 'collection', entry: [{ fullUrl: 7 }] } as unknown as Bundle;
      assert.match(refused(await transact([post(known('x')), post(inner)])).at ?? '', /^Bundle\.entry\[1\]\.resource/);
    });

    it('of the shape of entries is refused before anything else', async () => {
      for (const odd of ['x', [null], [{ resource: 'x', request: { method: 'GET', url: 'Patient/1' } }], [{}]]) {
        const reply = await stage().talk.send('POST', '', {
          headers: { 'content-type': 'application/fhir+json' },
          body: JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry: odd }),
        });
        assert.equal(reply.status, 400, reply.text);
      }
      assert.equal(refused(await transact([post({} as Patient), post(known('x'))])).status, 400);
    });

    it('of a read is a fault of the whole: what the Bundle deletes is gone', async () => {
      const { talk } = stage();
      await talk.update(known('goes', { id: 'goes' }));
      const both = [entry('GET', 'Patient/goes'), entry('DELETE', 'Patient/goes')];
      assert.equal((await transact(both)).status, 410);
      assert.equal((await talk.get('Patient/goes')).status, 200);
      assert.deepEqual(statuses(await make(both.slice(1))), ['204']);
    });
  });

  describe('one resource, one entry', () => {
    it('whatever the two writes are, and in whatever order', async () => {
      const { talk } = stage();
      await talk.update(known('dup', { id: 'dup' }));
      const one = put(known('dup', { id: 'dup', active: true }));
      const others = [
        entry('DELETE', `Patient?${by('dup')}`),
        entry('PUT', `Patient?${by('dup')}`, known('dup')),
        entry('PATCH', 'Patient/dup', jsonPatch({ op: 'add', path: '/gender', value: 'other' })),
        entry('PATCH', `Patient?${by('dup')}`, jsonPatch({ op: 'add', path: '/gender', value: 'other' })),
      ];
      for (const other of others)
        for (const entries of [
          [one, other],
          [other, one],
        ]) {
          const { status, detail } = refused(await transact(entries));
          assert.deepEqual([status, detail], [400, 'duplicate-target']);
        }
      assert.equal((await talk.get('Patient/dup')).header('etag'), 'W/"1"');
      assert.deepEqual(statuses(await make([one])), ['200']);
    });

    it('an update by criteria and another entry that writes what they match, in whatever order', async () => {
      const update = entry('PUT', `Patient?${by('apart')}`, known('apart'));
      for (const other of [post(known('apart')), put(known('apart', { id: 'apart' }))])
        for (const entries of [
          [update, other],
          [other, update],
        ])
          assert.equal(refused(await transact(entries)).detail, 'duplicate-target');
      assert.equal(await total(`Patient?${by('apart')}`), 0);
      assert.deepEqual(statuses(await make([update])), ['201']);
      assert.deepEqual(statuses(await make([update])), ['200']);
    });

    it('and one fullUrl for two is told at the second', async () => {
      const twice = [post(known('a'), { fullUrl: uuid(1) }), post(known('b'), { fullUrl: uuid(1) })];
      assert.deepEqual(refused(await transact(twice)), {
        status: 400,
        detail: 'duplicate-full-url',
        at: 'Bundle.entry[1].fullUrl',
      });
    });
  });

  describe('If-None-Exist', () => {
    it('finds what another entry creates without it, in whatever order, by any kind of criteria', async () => {
      const document = (value: string): DocumentReference => ({
        resourceType: 'DocumentReference',
        status: 'current',
        masterIdentifier: { system: SYSTEM, value },
        content: [{ attachment: { contentType: 'text/plain' } }],
      });
      for (const [value, criteria] of [
        ['m1', `identifier=m1`],
        ['m2', `identifier=${SYSTEM}|m2`],
        ['m3', `identifier=${SYSTEM}|m3&status=current`],
        ['m4', `identifier=m4,other`],
      ] as const)
        for (const swap of [false, true]) {
          const plain = post(document(`${value}${swap ? 's' : ''}`));
          const careful = post(document(value), {
            ifNoneExist: criteria.replaceAll(value, `${value}${swap ? 's' : ''}`),
          });
          const answers = await make(swap ? [careful, plain] : [plain, careful], { prefer: 'return=representation' });
          assert.deepEqual(statuses(answers), swap ? ['200', '201'] : ['201', '200'], criteria);
          assert.equal(named(answers[0]), named(answers[1]));
          assert.deepEqual(answers[0]?.resource, answers[1]?.resource);
          assert.deepEqual([answers[0]?.response?.etag, answers[1]?.response?.etag], ['W/"1"', 'W/"1"']);
        }
      assert.equal(await total('DocumentReference'), 8);
    });

    it('does not take something else for it', async () => {
      const answers = await make([
        post(known('n1'), { ifNoneExist: by('n1') }),
        post(known('n2'), { ifNoneExist: `${by('n2')}&active=true` }),
        post(known('n2', { active: false })),
      ]);
      assert.deepEqual(statuses(answers), ['201', '201', '201']);
    });

    it('asks for fewer criteria or identifiers, where a Bundle would have to compare too much', async () => {
      const many = Array.from({ length: 1500 }, (_, i) =>
        post({ resourceType: 'Basic', code: { text: `${i}` } }, { ifNoneExist: `created=2001-01-01&_tag=t${i}` }),
      );
      const { status, at } = refused(await transact(many));
      assert.equal(status, 400);
      assert.match(at ?? '', /^Bundle\.entry\[\d+\]\.request$/);
      assert.equal(await total('Basic'), 0);
      assert.equal((await make(many.slice(0, 100))).length, 100);
    });
  });

  it('records every entry as what it is, and a Bundle without any as itself (AUD-1)', async () => {
    const { talk } = stage();
    await make(
      [
        post(known('audit'), { ifNoneExist: by('audit') }),
        post(known('audit'), { ifNoneExist: by('audit') }),
        entry('DELETE', 'Patient/nobody'),
      ],
      { 'x-request-id': 'rules-audit' },
    );
    assert.deepEqual(await audited(talk, 'rules-audit'), ['create 0', 'create 0', 'delete 0']);
    await make([], { 'x-request-id': 'rules-empty' });
    assert.deepEqual(await audited(talk, 'rules-empty'), ['transaction 0']);
  });
});

const folder = mkdtempSync(join(tmpdir(), 'chartroom-bundles-'));
const tokens = join(folder, 'tokens.json');
const ROLES = ['admin', 'writer', 'reader'] as const;
writeFileSync(tokens, JSON.stringify(ROLES.map(role => ({ token: `token-of-the-${role}`, name: role, role }))));
after(() => rmSync(folder, { recursive: true, force: true }));

onStoresInTurn(
  'access to the entries of a transaction',
  stage => {
    const as = (role: string, requestId = 'x') =>
      talkTo(stage().talk.base, { authorization: `Bearer token-of-the-${role}`, 'x-request-id': requestId });

    it('is decided entry by entry, and one refusal is the refusal of all', async () => {
      const writes = [post(known('access')), entry('GET', `Patient?${by('access')}`)];
      const reply = await send(as('reader', 'access-1'), 'transaction', writes);
      assert.deepEqual([reply.status, refused(reply).at], [403, 'Bundle.entry[0]']);
      assert.equal((await as('admin').search(`Patient?${by('access')}`)).total, 0);
      assert.deepEqual(await audited(as('admin'), 'access-1'), ['AuthZ-Role 8', 'AuthZ-Role 8']);
      const broken = await send(as('reader'), 'transaction', [entry('POST', 'Patient')]);
      assert.equal(broken.status, 403, 'who may not write does not learn what is wrong');
      assert.deepEqual(statuses(await done(send(as('writer'), 'transaction', writes))), ['201', '200']);
      assert.deepEqual(statuses(await done(send(as('reader'), 'transaction', writes.slice(1)))), ['200']);
    });

    it('keeps the audit trail from those who may not see it, behind references by criteria, too', async () => {
      const look = [entry('GET', 'AuditEvent?_count=1')];
      assert.equal((await send(as('writer'), 'transaction', look)).status, 403);
      assert.deepEqual(statuses(await done(send(as('admin'), 'transaction', look))), ['200']);
      const observation: Observation = {
        resourceType: 'Observation',
        status: 'final',
        code: { text: 'x' },
        focus: [{ reference: 'AuditEvent?action=C' }],
      };
      assert.equal((await send(as('writer'), 'transaction', [post(observation)])).status, 403);
    });
  },
  { config: { auth: 'token', tokens } },
);
