/**
 * What a caller may not search stays unseen, whatever he writes: criteria, references by criteria and checks of integrity
 * would tell of it by their outcome. https://hl7.org/fhir/R4/security.html#AccessDenied, https://hl7.org/fhir/R4/http.html#ccreate
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AuditEvent, Basic, BundleEntry, Patient } from 'fhir/r4.js';
import { after, before, describe, it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';
import { entry, post, put, send } from '../../support/bundles.js';
import { type Reply, talkTo } from '../../support/talk.js';

const folder = mkdtempSync(join(tmpdir(), 'chartroom-unseen-'));
const tokens = join(folder, 'tokens.json');
const ROLES = ['admin', 'writer', 'reader'] as const;
type Role = (typeof ROLES)[number];
writeFileSync(tokens, JSON.stringify(ROLES.map(role => ({ token: `token-of-the-${role}`, name: role, role }))));
after(() => rmSync(folder, { recursive: true, force: true }));

const event = (more: Partial<AuditEvent> = {}): AuditEvent => ({
  resourceType: 'AuditEvent',
  type: { system: 'http://terminology.hl7.org/CodeSystem/audit-event-type', code: 'rest' },
  recorded: '2020-01-01T00:00:00Z',
  agent: [{ requestor: true }],
  source: { observer: { display: 'An app' } },
  ...more,
});
const basic = (reference: string): Basic => ({
  resourceType: 'Basic',
  code: { text: 'x' },
  subject: { reference },
});
const patient: Patient = { resourceType: 'Patient' };
const JSON_BODY = { 'content-type': 'application/fhir+json' };
const PATCH = { 'content-type': 'application/json-patch+json' };

for (const integrity of ['off', 'enforce'] as const)
  onStoresInTurn(
    `what a role may not search, with integrity ${integrity}`,
    stage => {
      const as = (role: Role) => talkTo(stage().talk.base, { authorization: `Bearer token-of-the-${role}` });
      /** Id of an event that is there, and one that is not. */
      let there = '';
      const nobody = '00000000-0000-0000-0000-000000000000';

      before('files an event', async () => {
        const made = await as('writer').create(event({ agent: [{ requestor: true, name: 'Seen' }] }));
        assert.equal(made.status, 201, made.text);
        there = made.body.id;
        await as('writer').update({ ...patient, id: 'known' });
      });

      /** Writes whose criteria look into the audit trail, each asked once of what is there and once of what is not. */
      const paths: readonly (readonly [title: string, ask: (role: Role, id: string) => Promise<Reply>])[] = [
        ['If-None-Exist', (role, id) => as(role).create(event(), { 'if-none-exist': `_id=${id}` })],
        [
          'If-None-Exist with a body that is none',
          (role, id) =>
            as(role).send('POST', 'AuditEvent', {
              headers: { ...JSON_BODY, 'if-none-exist': `_id=${id}` },
              body: '{"resourceType":"AuditEvent","nonsense":1}',
            }),
        ],
        [
          'If-None-Exist with a body that cannot be read',
          (role, id) =>
            as(role).send('POST', 'AuditEvent', {
              headers: { ...JSON_BODY, 'if-none-exist': `_id=${id}` },
              body: '{',
            }),
        ],
        ['If-None-Exist by words', role => as(role).create(event(), { 'if-none-exist': '_content=Seen' })],
        [
          'If-None-Exist by filter',
          (role, id) => as(role).create(event(), { 'if-none-exist': `_filter=_id eq ${id}` }),
        ],
        ['If-None-Exist by a list', role => as(role).create(event(), { 'if-none-exist': '_list=known' })],
        [
          'If-None-Exist by what is missing',
          role => as(role).create(event(), { 'if-none-exist': 'agent:missing=false' }),
        ],
        [
          '_has in If-None-Exist',
          (role, id) => as(role).create(patient, { 'if-none-exist': `_has:AuditEvent:entity:_id=${id}` }),
        ],
        [
          '_has in _has',
          (role, id) =>
            as(role).create(patient, {
              'if-none-exist': `_has:Observation:patient:_has:AuditEvent:entity:_id=${id}`,
            }),
        ],
        [
          'a chain',
          (role, id) => as(role).create(basic('Patient/known'), { 'if-none-exist': `subject:AuditEvent._id=${id}` }),
        ],
        [
          'a conditional update',
          (role, id) =>
            as(role).send('PUT', `Patient?_has:AuditEvent:entity:_id=${id}`, {
              headers: JSON_BODY,
              body: JSON.stringify(patient),
            }),
        ],
        [
          'a conditional patch',
          (role, id) =>
            as(role).send('PATCH', `Patient?_has:AuditEvent:entity:_id=${id}`, {
              headers: PATCH,
              body: '[{"op":"add","path":"/active","value":true}]',
            }),
        ],
        ['a conditional delete', (role, id) => as(role).delete(`Patient?_has:AuditEvent:entity:_id=${id}`)],
      ];
      const inBundles: readonly (readonly [title: string, ask: (id: string) => BundleEntry])[] = [
        ['ifNoneExist', id => post(event(), { ifNoneExist: `_id=${id}` })],
        ['ifNoneExist without a resource', id => entry('POST', 'AuditEvent', undefined, { ifNoneExist: `_id=${id}` })],
        ['ifNoneExist by _has', id => post(patient, { ifNoneExist: `_has:AuditEvent:entity:_id=${id}` })],
        ['PUT by _has', id => entry('PUT', `Patient?_has:AuditEvent:entity:_id=${id}`, patient)],
        ['DELETE by _has', id => entry('DELETE', `Patient?_has:AuditEvent:entity:_id=${id}`)],
      ];

      for (const role of ['writer', 'reader'] as const) {
        for (const [title, ask] of paths)
          it(`${title}: 403 for a ${role}, the same whether something matches`, async () => {
            const [yes, no] = [await ask(role, there), await ask(role, nobody)];
            assert.deepEqual([yes.status, no.status], [403, 403], yes.text + no.text);
            assert.deepEqual(yes.body, no.body);
            assert.ok(!yes.text.includes(there) && !yes.text.includes('Seen'), yes.text);
          });
        for (const [title, ask] of inBundles)
          for (const type of ['batch', 'transaction'] as const)
            it(`${title} of a ${type}: 403 for a ${role}, the same whether something matches`, async () => {
              const texts = [];
              for (const id of [there, nobody]) {
                const reply = await send(as(role), type, [put({ ...patient, id: 'known' }), ask(id)]);
                const status =
                  type === 'batch' ? reply.body.entry?.[1]?.response?.status.slice(0, 3) : String(reply.status);
                assert.equal(status, '403', reply.text);
                texts.push(
                  JSON.stringify(type === 'batch' ? reply.body.entry?.[1]?.response?.outcome : reply.body).replaceAll(
                    id,
                    '',
                  ),
                );
              }
              assert.equal(texts[0], texts[1]);
            });
      }

      it('an administrator, who may search, uses the same criteria', async () => {
        const found = await as('admin').create(event(), { 'if-none-exist': `_id=${there}` });
        assert.deepEqual([found.status, found.body.id], [200, there]);
        assert.equal((await as('admin').create(event(), { 'if-none-exist': `_id=${nobody}` })).status, 201);
        const [, again] = (
          await send(as('admin'), 'batch', [
            put({ ...patient, id: 'known' }),
            post(event(), { ifNoneExist: `_id=${there}` }),
          ])
        ).body.entry!;
        assert.equal(again?.response?.status.slice(0, 3), '200');
      });

      it('a writer uses criteria of what he may search, and files events without any', async () => {
        const found = await as('writer').create(patient, { 'if-none-exist': '_id=known' });
        assert.deepEqual([found.status, found.body.id], [200, 'known']);
        assert.equal((await as('writer').create(event())).status, 201);
      });

      describe('a reference to what he may not see', () => {
        const statusesOf = async (write: (id: string) => Promise<Reply<unknown>>) => [
          (await write(there)).status,
          (await write(nobody)).status,
        ];
        it('is taken as it is, whether it is there or not', async () => {
          const writer = as('writer');
          assert.deepEqual(await statusesOf(id => writer.create(basic(`AuditEvent/${id}`))), [201, 201]);
          assert.deepEqual(await statusesOf(id => writer.create(basic(`AuditEvent/${id}/_history/1`))), [201, 201]);
          const inside = (id: string) => [post(basic(`AuditEvent/${id}`))];
          assert.deepEqual(await statusesOf(id => send(writer, 'transaction', inside(id))), [200, 200]);
          if (integrity === 'enforce')
            assert.deepEqual(await statusesOf(id => as('admin').create(basic(`AuditEvent/${id}`))), [201, 422]);
        });
        it('by criteria is refused with 403 in every write, the same whether something matches', async () => {
          const writer = as('writer');
          await writer.update({ ...basic('Patient/known'), id: 'refers' });
          const writes: readonly ((reference: string) => Promise<Reply<unknown>>)[] = [
            reference => writer.create(basic(reference)),
            reference => writer.create({ ...basic(reference), code: { text: '' } }),
            reference => writer.update({ ...basic(reference), id: 'refers' }),
            reference =>
              writer.send('PATCH', 'Basic/refers', {
                headers: PATCH,
                body: JSON.stringify([{ op: 'replace', path: '/subject/reference', value: reference }]),
              }),
            reference => send(writer, 'transaction', [post(basic(reference))]),
          ];
          for (const write of writes)
            for (const criteria of ['AuditEvent?_id=ID', 'Patient?_has:AuditEvent:entity:_id=ID']) {
              const replies = [];
              for (const id of [there, nobody]) replies.push(await write(criteria.replace('ID', id)));
              assert.deepEqual(
                replies.map(({ status }) => status),
                [403, 403],
              );
              assert.deepEqual(replies[0]?.body, replies[1]?.body);
            }
          const entries = [there, nobody].map(id => post(basic(`AuditEvent?_id=${id}`)));
          const { entry: answers = [] } = (await send(writer, 'batch', entries)).body;
          assert.deepEqual(
            answers.map(({ response }) => response?.status.slice(0, 3)),
            ['403', '403'],
          );
          assert.equal(
            (await as('admin').create(basic(`AuditEvent?_id=${there}`))).body.subject?.reference,
            `AuditEvent/${there}`,
          );
        });
      });
    },
    { config: { auth: 'token', tokens, integrity } },
  );
