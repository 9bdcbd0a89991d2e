/** Who may run an operation, and what the audit trail says of it. https://hl7.org/fhir/R4/operations.html */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AuditEvent, Bundle, Patient } from 'fhir/r4.js';
import { after, it } from 'mocha';
import { onBothStores } from '../support/both-stores.js';
import { refusal, talkTo } from '../support/talk.js';

const folder = mkdtempSync(join(tmpdir(), 'chartroom-operation-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const ROLES = ['admin', 'writer', 'reader'];
const tokens = join(folder, 'tokens.json');
const tokenOf = (role: string) => `token-of-the-${role}`;
writeFileSync(tokens, JSON.stringify(ROLES.map(role => ({ token: tokenOf(role), name: role, role }))));

onBothStores(
  'an operation',
  stage => {
    const as = (role: string, requestId = 'x') =>
      talkTo(stage().server.base, { authorization: `Bearer ${tokenOf(role)}`, 'x-request-id': requestId });

    for (const method of ['GET', 'POST'])
      for (const [role, status] of [
        ['admin', 200],
        ['writer', 403],
        ['reader', 403],
        ['nobody', 401],
      ] as const)
        it(`${method} $reindex answers ${status} to ${role}, and is in the audit trail`, async () => {
          const requestId = `${method}-${role}`;
          const reply = await as(role, requestId).send(method, '$reindex');
          assert.equal(reply.status, status, reply.text);
          const found = await as('admin').search<AuditEvent>(`AuditEvent?entity:identifier=${requestId}`);
          assert.equal(found.entry?.length, 1);
          const event = found.entry[0]!.resource!;
          assert.deepEqual(
            [event.type.code, event.subtype?.[0]?.code, event.action, event.outcome, event.meta?.profile],
            ['rest', 'operation', 'E', status === 200 ? '0' : '4', undefined],
          );
          const asked = event.entity?.find(({ query }) => query)?.query ?? '';
          assert.equal(Buffer.from(asked, 'base64').toString(), `${method} /fhir/$reindex`);
        });

    it('is refused before its body is read', async () => {
      const options = { body: 'no JSON', headers: { 'content-type': 'application/fhir+json' } };
      assert.equal(refusal(await as('writer').send('POST', '$reindex', options)).status, 403);
      assert.equal(refusal(await as('admin').send('POST', '$reindex', options)).status, 400);
    });

    it('is for whom it is made: reading for readers, labels for writers, erasure for administrators', async () => {
      const meta = '{"resourceType":"Parameters","parameter":[{"name":"meta","valueMeta":{"tag":[{"code":"x"}]}}]}';
      const post = (role: string, path: string, body: string) =>
        as(role).send('POST', path, { headers: { 'content-type': 'application/fhir+json' }, body });
      await as('admin').update({ resourceType: 'Patient', id: 'p' });
      for (const [role, ...statuses] of [
        ['reader', 200, 403, 403, 200, 403],
        ['writer', 200, 200, 403, 200, 403],
        ['admin', 200, 200, 200, 200, 200],
      ] as const) {
        const replies = [
          await as(role).get('Patient/p/$meta'),
          await post(role, 'Patient/p/$meta-add', meta),
          await post(role, 'Patient/p/$purge', '{"resourceType":"Parameters"}'),
        ];
        await as('admin').update({ resourceType: 'Patient', id: 'p' });
        replies.push(
          await as(role).get('Patient/p/$everything'),
          await as(role).get('Patient/p/$everything?_type=AuditEvent'),
        );
        assert.deepEqual(
          replies.map(({ status }) => status),
          statuses,
          role,
        );
      }
    });

    it('or a write inside of a Bundle is decided by itself', async () => {
      const bundle = (type: string) =>
        JSON.stringify({
          resourceType: 'Bundle',
          type,
          entry: [
            { request: { method: 'GET', url: 'Patient/p' } },
            { request: { method: 'PUT', url: 'Patient/p' }, resource: { resourceType: 'Patient', id: 'p' } },
            { request: { method: 'GET', url: 'AuditEvent?_count=1' } },
          ],
        });
      const send = (role: string, type: string) =>
        as(role).send<Bundle>('POST', '', { headers: { 'content-type': 'application/fhir+json' }, body: bundle(type) });
      const statusesOf = ({ body }: { readonly body: Bundle }) =>
        body.entry?.map(({ response }) => response?.status.slice(0, 3));
      assert.deepEqual(statusesOf(await send('reader', 'batch')), ['200', '403', '403']);
      assert.deepEqual(statusesOf(await send('writer', 'batch')), ['200', '200', '403']);
      const { meta } = (await as('admin').get<Patient>('Patient/p')).body;
      assert.equal((await send('writer', 'transaction')).status, 403);
      assert.equal((await as('admin').get<Patient>('Patient/p')).body.meta?.versionId, meta?.versionId);
      assert.deepEqual(statusesOf(await send('admin', 'transaction')), ['200', '200', '200']);
    });

    it('that does not exist is unknown to everybody', async () => {
      for (const role of ROLES)
        assert.deepEqual(refusal(await as(role).get('$nosuch')), { status: 404, detail: 'unknown-operation' });
    });
  },
  { config: { auth: 'token', tokens } },
);
