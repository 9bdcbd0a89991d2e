/** transaction on both stores: https://hl7.org/fhir/R4/http.html#transaction, #trules, #transaction-response */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bundle, DocumentReference, FhirResource, Observation, Patient } from 'fhir/r4.js';
import { after, describe, it } from 'mocha';
import { onBothStores } from '../../support/both-stores.js';
import { answered, audited, entry, nameOf, refused, send, statuses } from '../../support/bundles.js';
import { talkTo } from '../../support/talk.js';

const family = (name: string, more: Partial<Patient> = {}): Patient => ({
  resourceType: 'Patient',
  name: [{ family: name }],
  ...more,
});
const known = (value: string, more: Partial<Patient> = {}): Patient => ({
  resourceType: 'Patient',
  identifier: [{ system: 'urn:ids', value }],
  ...more,
});
const observation = (code: string, more: Partial<Observation> = {}): Observation => ({
  resourceType: 'Observation',
  status: 'final',
  code: { text: code },
  ...more,
});
const JSON_TYPE = { 'content-type': 'application/fhir+json' };
const none = (value: string) => ({ ifNoneExist: `identifier=urn:ids|${value}` });

onBothStores('transaction', stage => {
  const post = (entries: Parameters<typeof send>[2], headers: Record<string, string> = {}) =>
    send(stage().talk, 'transaction', entries, headers);
  const total = async (query: string) => (await stage().talk.search(query)).total;

  describe('the answer', () => {
    it('has an entry per entry, in their order, with status, location, etag and lastModified', async () => {
      const { talk } = stage();
      await talk.update({ ...family('Order'), id: 'order-del' });
      await talk.update({ ...family('Order'), id: 'order-put' });
      const reply = await post([
        entry('GET Patient/order-put'),
        entry('PUT Patient/order-put', { ...family('Order', { active: true }), id: 'order-put' }),
        entry('POST Patient', family('Order')),
        entry('DELETE Patient/order-del'),
      ]);
      assert.deepEqual(statuses(reply), ['200 OK', '200 OK', '201 Created', '204 No Content']);
      const { type, id, meta } = reply.body;
      assert.equal(type, 'transaction-response');
      assert.ok(id && meta?.lastUpdated);
      const [read, put, made, gone] = answered(reply);
      assert.equal((read?.resource as Patient).active, true, 'a GET sees what the Bundle wrote');
      assert.equal(put?.response?.location, 'Patient/order-put/_history/2');
      assert.deepEqual([put?.response?.etag, made?.response?.etag, gone?.response?.etag], ['W/"2"', 'W/"1"', 'W/"2"']);
      const stored = (await talk.get<Patient>(nameOf(made))).body;
      assert.equal(made?.response?.lastModified, stored.meta?.lastUpdated);
      assert.equal(put?.resource, undefined, 'what is written is not sent back unless asked for');
      assert.equal((await talk.get('Patient/order-del')).status, 410);
    });

    it('is an empty Bundle for an empty Bundle', async () => {
      const reply = await post([]);
      assert.deepEqual(answered(reply), []);
      assert.equal(reply.body.type, 'transaction-response');
    });

    it('shows resources for return=representation, outcomes for return=OperationOutcome', async () => {
      const whole = answered(await post([entry('POST Patient', family('Seen'))], { prefer: 'return=representation' }));
      const { resource } = whole[0]!;
      assert.equal((resource as Patient).name?.[0]?.family, 'Seen');
      assert.equal(`Patient/${resource?.id}`, nameOf(whole[0]));
      const told = answered(await post([entry('POST Patient', family('Seen'))], { prefer: 'return=OperationOutcome' }));
      assert.equal(told[0]?.response?.outcome?.resourceType, 'OperationOutcome');
      assert.equal(told[0]?.resource, undefined);
    });

    it('comes as XML for a Bundle in XML, with the same entries', async () => {
      const { talk } = stage();
      const resource = '<Patient xmlns="http://hl7.org/fhir"><name><family value="Xml"/></name></Patient>';
      const body = `<Bundle xmlns="http://hl7.org/fhir"><type value="transaction"/><entry><fullUrl value="urn:uuid:9f0d3d6c-8d5b-4b2a-9c43-0c7f3e1b1a01"/><resource>${resource}</resource><request><method value="POST"/><url value="Patient"/></request></entry></Bundle>`;
      const headers = { 'content-type': 'application/fhir+xml', accept: 'application/fhir+xml' };
      const reply = await talk.send('POST', '', { headers, body });
      assert.equal(reply.status, 200, reply.text);
      assert.match(reply.text, /^(<\?xml[^>]*>)?<Bundle xmlns="http:\/\/hl7.org\/fhir">/);
      assert.match(reply.text, /<status value="201 Created"\/><location value="Patient\/[^"]+\/_history\/1"\/>/);
      assert.equal(await total('Patient?family=Xml'), 1);
    });

    it('leaves the resource out for HEAD, and says 304 for what is unchanged', async () => {
      await stage().talk.update({ ...family('Head'), id: 'head' });
      const answers = answered(
        await post([
          entry('GET Patient/head'),
          entry('HEAD Patient/head'),
          entry('GET Patient/head', undefined, { ifNoneMatch: 'W/"1"' }),
        ]),
      );
      assert.deepEqual(
        answers.map(({ resource, response }) => [resource !== undefined, response?.status, response?.etag]),
        [
          [true, '200 OK', 'W/"1"'],
          [false, '200 OK', 'W/"1"'],
          [false, '304 Not Modified', 'W/"1"'],
        ],
      );
    });
  });

  describe('all or nothing', () => {
    it('stores nothing where one entry is invalid, and names the element', async () => {
      const { talk } = stage();
      const requestId = 'tx-one-invalid';
      const data = Buffer.alloc(6000, 'x').toString('base64');
      const entries = [
        entry('POST Patient', family('Atomic')),
        entry('POST Binary', { resourceType: 'Binary', id: 'b', contentType: 'text/plain', data }),
        entry('PUT Patient/atomic', family('Atomic', { id: 'atomic' })),
      ];
      const bad = [...entries, entry('POST Patient', family('Atomic', { birthDate: '1980-13' }))];
      const reply = await post(bad, { 'x-request-id': requestId });
      assert.deepEqual(refused(reply).slice(0, 3), [400, refused(reply)[1], 'Bundle.entry[3].resource.birthDate']);
      assert.equal(await total('Patient?family=Atomic'), 0);
      assert.equal(await total('Binary'), 0);
      assert.equal((await talk.get('Patient/atomic')).status, 404);
      assert.deepEqual(await audited(talk, requestId), ['transaction 4']);
      assert.deepEqual(statuses(await post(entries)), ['201 Created', '201 Created', '201 Created']);
      assert.equal(await total('Patient?family=Atomic'), 2);
      assert.equal(await total('Binary'), 1);
    });

    it('stores nothing for a stale If-Match, a failing read or an entry that cannot be understood', async () => {
      const { talk } = stage();
      await talk.update({ ...family('Stale'), id: 'stale' });
      const good = entry('POST Patient', family('Whole'));
      const patch = (value: FhirResource) => entry('PATCH Patient/stale', value);
      const rows: [string, Parameters<typeof post>[0][number], number, string][] = [
        [
          'If-Match',
          entry('PUT Patient/stale', { ...family('S'), id: 'stale' }, { ifMatch: 'W/"7"' }),
          412,
          'request.ifMatch',
        ],
        ['read of nothing', entry('GET Patient/never'), 404, ''],
        ['no resource', entry('POST Patient'), 400, 'resource'],
        ['no request', { resource: family('Whole') }, 400, 'request'],
        ['other type', entry('POST Observation', family('Whole')), 400, 'resource.resourceType'],
        ['other id', entry('PUT Patient/one', { ...family('S'), id: 'two' }), 400, 'resource.id'],
        ['odd id', entry('PUT Patient/a_b', { ...family('S'), id: 'a_b' }), 400, 'resource.id'],
        ['long id', entry(`PUT Patient/${'x'.repeat(65)}`, family('S')), 400, 'resource.id'],
        ['unknown type', entry('POST Elephant', family('S')), 404, ''],
        ['elsewhere', entry('PUT http://other.example/fhir/Patient/stale', family('S')), 400, 'request'],
        ['a urn', entry('PUT urn:uuid:0c7f3e1b-8d5b-4b2a-9c43-9f0d3d6c1a01', family('S')), 400, 'request'],
        ['not allowed', entry('DELETE metadata'), 405, ''],
        ['nested', entry('POST /', { resourceType: 'Bundle', type: 'transaction' }), 400, 'request'],
        ['no patch', patch(family('S')), 400, 'resource'],
        ['broken escape', entry('GET Patient?family=%E0%A4%A'), 400, ''],
        ['update of everything', entry('PUT Patient?', family('S')), 400, 'request'],
        ['audit', entry('DELETE AuditEvent/x'), 405, ''],
      ];
      for (const [what, bad, status, place] of rows) {
        for (const entries of [
          [good, bad],
          [bad, good],
        ]) {
          const reply = await post(entries);
          const at = `Bundle.entry[${entries.indexOf(bad)}]${place === '' ? '' : `.${place}`}`;
          const [given, , expression] = refused(reply);
          assert.equal(given, status, `${what}: ${reply.text}`);
          assert.ok(expression?.startsWith(at), `${what}: ${expression}, not ${at}`);
        }
      }
      assert.equal(await total('Patient?family=Whole'), 0);
      assert.equal((await talk.get('Patient/stale')).header('etag'), 'W/"1"');
      assert.deepEqual(statuses(await post([good])), ['201 Created']);
      assert.equal(await total('Patient?family=Whole'), 1);
    });

    it('refuses what is no Bundle of requests', async () => {
      const { talk } = stage();
      const bodies: [unknown, string | undefined][] = [
        [family('No'), 'not-a-batch'],
        [{ resourceType: 'Bundle', type: 'collection' }, 'not-a-batch'],
        [{ resourceType: 'Bundle' }, 'not-a-batch'],
        [{ resourceType: 'Bundle', type: 'transaction', entry: 'x' }, undefined],
        [{ resourceType: 'Bundle', type: 'transaction', entry: [{ resource: 'x', request: {} }] }, undefined],
        [{ resourceType: 'Bundle', type: 'transaction', entry: [null] }, undefined],
        [{ resourceType: 'Bundle', type: 'transaction', entry: [entry('post Patient', family('No'))] }, undefined],
        [
          { resourceType: 'Bundle', type: 'transaction', entry: [entry('POST Patient', {} as Patient)] },
          'json-no-resource',
        ],
      ];
      for (const [body, detail] of bodies) {
        const reply = await talk.send('POST', '', { headers: JSON_TYPE, body: JSON.stringify(body) });
        const [status, code] = refused(reply);
        assert.equal(status, 400, reply.text);
        if (detail !== undefined) assert.equal(code, detail);
      }
      assert.equal((await talk.search('Patient?family=No')).total, 0);
    });
  });

  describe('one resource, one entry', () => {
    it('refuses two writes of one resource, whatever they are and in whatever order', async () => {
      const { talk } = stage();
      await talk.update({ ...known('dup', { id: 'dup' }) });
      const put = entry('PUT Patient/dup', known('dup', { id: 'dup', active: true }));
      const others = [
        put,
        entry('DELETE Patient/dup'),
        entry('DELETE Patient?identifier=urn:ids|dup'),
        entry('PUT Patient?identifier=urn:ids|dup', known('dup')),
        entry('PATCH Patient/dup', {
          resourceType: 'Binary',
          contentType: 'application/json-patch+json',
          data: Buffer.from('[{"op":"add","path":"/gender","value":"other"}]').toString('base64'),
        }),
      ];
      for (const other of others)
        for (const entries of [
          [put, other],
          [other, put],
        ]) {
          const reply = await post(entries);
          assert.deepEqual(refused(reply).slice(0, 2), [400, 'duplicate-target'], reply.text);
        }
      assert.equal((await talk.get('Patient/dup')).header('etag'), 'W/"1"');
      assert.deepEqual(statuses(await post([put])), ['200 OK']);
    });

    it('refuses an update by criteria beside another entry that writes what they match', async () => {
      for (const made of [
        entry('POST Patient', known('apart')),
        entry('PUT Patient/apart', known('apart', { id: 'apart' })),
        entry('PUT Patient?identifier=urn:ids|apart', known('apart')),
      ]) {
        const byCriteria = entry('PUT Patient?identifier=urn:ids|apart', known('apart'));
        assert.deepEqual(refused(await post([made, byCriteria])).slice(0, 2), [400, 'duplicate-target']);
        assert.deepEqual(refused(await post([byCriteria, made])).slice(0, 2), [400, 'duplicate-target']);
      }
      assert.equal(await total('Patient?identifier=urn:ids|apart'), 0);
    });

    it('refuses one fullUrl for two resources', async () => {
      const fullUrl = 'urn:uuid:1c7f3e1b-8d5b-4b2a-9c43-9f0d3d6c1a02';
      const twice = [
        entry('POST Patient', family('Url'), { fullUrl }),
        entry('POST Patient', family('Url'), { fullUrl }),
      ];
      assert.deepEqual(refused(await post(twice)), [400, 'duplicate-full-url', 'Bundle.entry[1].fullUrl']);
      assert.deepEqual(statuses(await post(twice.slice(0, 1))), ['201 Created']);
    });
  });

  describe('criteria', () => {
    it('creates once for the same If-None-Exist twice, and not at all where it is there', async () => {
      const twice = [
        entry('POST Patient', known('once'), none('once')),
        entry('POST Patient', known('once'), none('once')),
      ];
      const first = await post(twice, { prefer: 'return=representation' });
      assert.deepEqual(statuses(first), ['201 Created', '200 OK']);
      const [made, same] = answered(first);
      assert.equal(same?.response?.location, made?.response?.location);
      assert.equal(same?.response?.etag, 'W/"1"');
      assert.deepEqual(same?.resource, made?.resource);
      const again = answered(await post(twice));
      assert.deepEqual(
        again.map(({ response }) => response?.status),
        ['200 OK', '200 OK'],
      );
      assert.deepEqual(again.map(nameOf), [nameOf(made), nameOf(made)]);
      assert.equal(await total('Patient?identifier=urn:ids|once'), 1);
    });

    it('finds what another entry creates without criteria, in whatever order, and by any kind of identifier', async () => {
      const document = (value: string): DocumentReference => ({
        resourceType: 'DocumentReference',
        status: 'current',
        masterIdentifier: { system: 'urn:docs', value },
        content: [{ attachment: { url: 'http://documents.example/1' } }],
      });
      for (const [value, swap] of [
        ['m1', false],
        ['m2', true],
      ] as const) {
        const plain = entry('POST DocumentReference', document(value));
        const careful = entry('POST DocumentReference', document(value), { ifNoneExist: `identifier=${value}` });
        const reply = await post(swap ? [careful, plain] : [plain, careful]);
        assert.deepEqual(statuses(reply).toSorted(), ['200 OK', '201 Created']);
        assert.equal(await total(`DocumentReference?identifier=urn:docs|${value}`), 1);
      }
      const named = entry('POST Patient', family('Criterion'), { ifNoneExist: 'family:exact=Criterion' });
      assert.deepEqual(statuses(await post([named, named])), ['201 Created', '200 OK']);
    });

    it('does not count what the same Bundle deletes', async () => {
      const { talk } = stage();
      await talk.update(known('swap', { id: 'swap' }));
      const create = entry('POST Patient', known('swap'), none('swap'));
      assert.deepEqual(statuses(await post([create])), ['200 OK']);
      assert.deepEqual(statuses(await post([create, entry('DELETE Patient/swap')])), ['201 Created', '204 No Content']);
      assert.equal(await total('Patient?identifier=urn:ids|swap'), 1);
    });

    it('updates by criteria: what matches, or a new one; several are refused', async () => {
      const { talk } = stage();
      const put = entry('PUT Patient?identifier=urn:ids|by', known('by', { active: true }));
      const [made] = answered(await post([put]));
      assert.equal(made?.response?.status, '201 Created');
      const [changed] = answered(await post([put]));
      assert.equal(changed?.response?.location, `${nameOf(made)}/_history/2`);
      await talk.create(known('by'));
      assert.deepEqual(refused(await post([put])).slice(0, 3), [
        412,
        refused(await post([put]))[1],
        'Bundle.entry[0].request',
      ]);
      const both = entry('DELETE Patient?identifier=urn:ids|by');
      const one = await post([both]);
      // How many one deletion may take is a setting.
      assert.ok([200, 412].includes(one.status), one.text);
    });

    it('lets one of two Bundles create what both want at the same time', async () => {
      const replies = await Promise.all(
        Array.from({ length: 6 }, () =>
          post([entry('POST Patient', known('race'), none('race')), entry('POST Patient', family('Race'))]),
        ),
      );
      const made = replies.map(reply => statuses(reply)[0]);
      assert.deepEqual(made.toSorted(), [...Array<string>(5).fill('200 OK'), '201 Created']);
      assert.equal(await total('Patient?identifier=urn:ids|race'), 1);
      assert.equal(await total('Patient?family=Race'), 6);
    });
  });

  describe('what entries hold', () => {
    it('keeps every digit of every entry', async () => {
      const { talk } = stage();
      const quantity = (text: string) =>
        `{"resource":{"resourceType":"Observation","status":"final","code":{"text":"digits"},"valueQuantity":{"value":${text}}},"request":{"method":"POST","url":"Observation"}}`;
      const digits = ['1.00', '1e2', '0.10', '12345678901234567890.10'];
      const body = `{"resourceType":"Bundle","type":"transaction","entry":[${digits.map(quantity).join()}]}`;
      const reply = await talk.send<Bundle>('POST', '', { headers: JSON_TYPE, body });
      for (const [i, answer] of answered(reply).entries()) {
        const { text } = await talk.get(nameOf(answer));
        assert.ok(text.includes(`"value":${digits[i]}}`), text);
      }
    });

    it('takes a Binary as the resource that it is, small or large', async () => {
      const { talk } = stage();
      for (const size of [10, 100_000]) {
        const bytes = Buffer.alloc(size, 'abc');
        const binary = { resourceType: 'Binary', contentType: 'text/plain', data: bytes.toString('base64') } as const;
        const [made] = answered(await post([entry('POST Binary', binary)]));
        assert.equal((await talk.get(nameOf(made), { accept: 'text/plain' })).text, bytes.toString());
      }
    });

    it('patches by FHIRPath Patch and by JSON Patch', async () => {
      const { talk } = stage();
      await talk.update(family('P', { id: 'p1' }));
      await talk.update(family('P', { id: 'p2' }));
      const data = Buffer.from('[{"op":"add","path":"/active","value":true}]').toString('base64');
      const reply = await post([
        entry('PATCH Patient/p1', {
          resourceType: 'Parameters',
          parameter: [
            {
              name: 'operation',
              part: [
                { name: 'type', valueCode: 'add' },
                { name: 'path', valueString: 'Patient' },
                { name: 'name', valueString: 'active' },
                { name: 'value', valueBoolean: true },
              ],
            },
          ],
        }),
        entry('PATCH Patient/p2', { resourceType: 'Binary', contentType: 'application/json-patch+json', data }),
      ]);
      assert.deepEqual(statuses(reply), ['200 OK', '200 OK']);
      for (const id of ['p1', 'p2']) assert.equal((await talk.get<Patient>(`Patient/${id}`)).body.active, true);
    });

    it('takes addresses with a slash in front and below its own base, and searches', async () => {
      const { talk } = stage();
      const reply = await post([
        entry('PUT /Patient/slash', family('Slash', { id: 'slash' })),
        entry(`PUT ${talk.base}/Patient/full`, family('Slash', { id: 'full' })),
        entry('GET Patient?family=Slash&_format=xml'),
        entry('GET Patient/slash/_history'),
      ]);
      assert.deepEqual(statuses(reply), ['201 Created', '201 Created', '200 OK', '200 OK']);
      const [, , found, past] = answered(reply).map(({ resource }) => resource as Bundle);
      assert.equal(found?.total, 2);
      assert.equal(past?.entry?.length, 1);
    });
  });

  describe('audit', () => {
    it('records every entry as what it is', async () => {
      const { talk } = stage();
      const requestId = 'tx-audit';
      await post(
        [
          entry('POST Patient', known('audit'), none('audit')),
          entry('POST Patient', known('audit'), none('audit')),
          entry('PUT Observation/audit', observation('a', { id: 'audit' })),
          entry('DELETE Patient/nobody'),
          entry('GET Observation/audit'),
        ],
        { 'x-request-id': requestId },
      );
      assert.deepEqual(await audited(talk, requestId), ['create 0', 'create 0', 'delete 0', 'read 0', 'update 0']);
      await post([], { 'x-request-id': 'tx-empty' });
      assert.deepEqual(await audited(talk, 'tx-empty'), ['transaction 0']);
    });
  });
});

onBothStores(
  'a transaction of many entries',
  stage => {
    it('is refused with 413 above the limit, whole, and taken below', async () => {
      const { talk } = stage();
      const of = (count: number) => Array.from({ length: count }, () => entry('POST Patient', family('Many')));
      const reply = await send(talk, 'transaction', of(6));
      assert.deepEqual(refused(reply), [413, 'too-many-entries', 'Bundle.entry']);
      assert.equal((await talk.search('Patient?family=Many')).total, 0);
      assert.equal(answered(await send(talk, 'transaction', of(5))).length, 5);
      assert.equal((await talk.search('Patient?family=Many')).total, 5);
    });
  },
  { config: { maxEntries: '5' } },
);

const folder = mkdtempSync(join(tmpdir(), 'chartroom-bundles-'));
const tokens = join(folder, 'tokens.json');
const ROLES = ['admin', 'writer', 'reader'] as const;
writeFileSync(tokens, JSON.stringify(ROLES.map(role => ({ token: `token-of-the-${role}`, name: role, role }))));
after(() => rmSync(folder, { recursive: true, force: true }));

onBothStores(
  'access to the entries of a transaction',
  stage => {
    const as = (role: string, requestId = 'x') =>
      talkTo(stage().talk.base, { authorization: `Bearer token-of-the-${role}`, 'x-request-id': requestId });

    it('is decided entry by entry, and one refusal is the refusal of all', async () => {
      const writes = [entry('POST Patient', family('Access')), entry('GET Patient?family=Access')];
      const reply = await send(as('reader', 'tx-reader'), 'transaction', writes);
      assert.deepEqual([refused(reply)[0], refused(reply)[2]], [403, 'Bundle.entry[0]']);
      assert.equal((await as('admin').search('Patient?family=Access')).total, 0);
      const broken = entry('POST Patient', undefined);
      assert.equal(refused(await send(as('reader'), 'transaction', [broken]))[0], 403, 'and not what is wrong with it');
      assert.deepEqual(await audited(as('admin'), 'tx-reader'), ['create 4', 'transaction 4']);
      assert.deepEqual(statuses(await send(as('writer'), 'transaction', writes)), ['201 Created', '200 OK']);
      assert.deepEqual(statuses(await send(as('reader'), 'transaction', writes.slice(1))), ['200 OK']);
    });

    it('keeps the audit trail from those who may not see it', async () => {
      const look = [entry('GET AuditEvent?_count=1')];
      assert.equal(refused(await send(as('writer'), 'transaction', look))[0], 403);
      assert.deepEqual(statuses(await send(as('admin'), 'transaction', look)), ['200 OK']);
      const byReference = observation('trail', { subject: { reference: 'AuditEvent?action=C' } });
      assert.equal(refused(await send(as('writer'), 'transaction', [entry('POST Observation', byReference)]))[0], 403);
    });
  },
  { config: { auth: 'token', tokens } },
);
