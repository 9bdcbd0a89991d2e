/** Who may run an operation, and what the audit trail says of it. https://hl7.org/fhir/R4/operations.html */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AuditEvent, Bundle, Patient } from 'fhir/r4.js';
import { after, before, describe, it } from 'mocha';
import { onStoresInTurn } from '../support/both-stores.js';
import { refusal, type Stored, talkTo } from '../support/talk.js';

const folder = mkdtempSync(join(tmpdir(), 'chartroom-operation-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const ROLES = ['admin', 'writer', 'reader'];
const tokens = join(folder, 'tokens.json');
const tokenOf = (role: string) => `token-of-the-${role}`;
writeFileSync(tokens, JSON.stringify(ROLES.map(role => ({ token: tokenOf(role), name: role, role }))));

/** Type, subtype, action and outcome of the event of an answer. */
const KINDS_OF_EVENTS = {
  200: ['rest', 'operation', 'E', '0'],
  401: ['110114', '110122', 'E', '8'],
  403: ['110113', 'AuthZ-Role', 'E', '8'],
} as const;

onStoresInTurn(
  'an operation',
  stage => {
    const as = (role: string, requestId = 'x') =>
      talkTo(stage().server.base, { authorization: `Bearer ${tokenOf(role)}`, 'x-request-id': requestId });

    for (const [method, path, others] of [
      ['GET', '$reindex-status', 403],
      ['POST', '$reindex', 403],
      ['GET', '$horizon', 200],
    ] as const)
      for (const [role, status] of [
        ['admin', 200],
        ['writer', others],
        ['reader', others],
        ['nobody', 401],
      ] as const)
        it(`${method} ${path} answers ${status} to ${role}, and is in the audit trail`, async () => {
          const requestId = `${method}-${path.slice(1)}-${role}`;
          const reply = await as(role, requestId).send(method, path);
          assert.equal(reply.status, status, reply.text);
          const found = await as('admin').search<AuditEvent>(`AuditEvent?entity:identifier=${requestId}`);
          assert.equal(found.entry?.length, 1);
          const event = found.entry[0]!.resource!;
          assert.deepEqual(
            [event.type.code, event.subtype?.[0]?.code, event.action, event.outcome, event.meta?.profile],
            [...KINDS_OF_EVENTS[status], undefined],
          );
          const asked = event.entity?.find(({ query }) => query)?.query ?? '';
          assert.equal(Buffer.from(asked, 'base64').toString(), `${method} /fhir/${path}`);
        });

    describe('on one resource', () => {
      const path = (operation: string) => `Patient/labelled/$${operation}`;
      const changing = ['meta-add', 'meta-delete'];
      /** Changes something whenever it is run by turns. */
      const body = JSON.stringify({
        resourceType: 'Parameters',
        parameter: [{ name: 'meta', valueMeta: { tag: [{ system: 'urn:tags', code: 'a' }] } }],
      });
      const ask = (role: string, operation: string, requestId = 'x') =>
        operation === 'meta'
          ? as(role, requestId).get(path(operation))
          : as(role, requestId).send('POST', path(operation), {
              body,
              headers: { 'content-type': 'application/fhir+json' },
            });
      const version = async () => (await as('admin').get<Patient & Stored>('Patient/labelled')).body.meta.versionId;
      before('makes it', async () => {
        const made = await as('admin').update<Patient>({ resourceType: 'Patient', id: 'labelled' });
        assert.ok(made.status === 200 || made.status === 201);
      });

      for (const [operation, allowed] of [
        ['meta', ['reader', 'writer', 'admin']],
        ['meta-add', ['writer', 'admin']],
        ['meta-delete', ['writer', 'admin']],
        ['purge', []],
      ] as const)
        for (const role of ['reader', 'writer', 'admin', 'nobody'] as const)
          if (operation !== 'purge' || role !== 'admin')
            it(`$${operation} is ${(allowed as readonly string[]).includes(role) ? 'run for' : 'refused to'} ${role}, and the event says so`, async () => {
              const may = (allowed as readonly string[]).includes(role);
              // What is to be taken away must be there.
              if (operation === 'meta-delete') assert.equal((await ask('admin', 'meta-add')).status, 200);
              if (operation === 'meta-add') assert.equal((await ask('admin', 'meta-delete')).status, 200);
              const earlier = Number(await version());
              const requestId = `${operation}-${role}`;
              const reply = await ask(role, operation, requestId);
              assert.equal(reply.status, may ? 200 : role === 'nobody' ? 401 : 403, reply.text);
              const later = Number(await version());
              assert.equal(later, earlier + (may && changing.includes(operation) ? 1 : 0));
              const found = await as('admin').search<AuditEvent>(`AuditEvent?entity:identifier=${requestId}`);
              assert.equal(found.entry?.length, 1, 'one event');
              const { subtype, action, outcome, entity, agent } = found.entry[0]!.resource!;
              assert.deepEqual(
                [subtype?.[0]?.code, action, outcome, entity?.[0]?.what?.reference],
                [
                  ...KINDS_OF_EVENTS[reply.status as 200].slice(1),
                  `Patient/labelled${may ? `/_history/${later}` : ''}`,
                ],
              );
              assert.equal(agent.find(({ requestor }) => requestor)?.name, role === 'nobody' ? undefined : role);
            });

      it('that changes it is not offered for audit events, one that reads it only to administrators (AUD-3)', async () => {
        const { entry } = await as('admin').search<AuditEvent>('AuditEvent?_count=1');
        const event = `AuditEvent/${entry![0]!.resource!.id}`;
        const headers = { 'content-type': 'application/fhir+json' };
        for (const role of ROLES) {
          assert.equal((await as(role).get(`${event}/$meta`)).status, role === 'admin' ? 200 : 403, role);
          for (const operation of [...changing, 'purge'])
            assert.equal(refusal(await as(role).send('POST', `${event}/$${operation}`, { body, headers })).status, 405);
        }
      });

      it('is allowed in a batch as it is alone', async () => {
        const batch = (role: string) =>
          as(role).send<Bundle>('POST', '', {
            headers: { 'content-type': 'application/fhir+json' },
            body: JSON.stringify({
              resourceType: 'Bundle',
              type: 'batch',
              entry: [
                { request: { method: 'GET', url: path('meta') } },
                { request: { method: 'POST', url: path('meta-add') }, resource: JSON.parse(body) as unknown },
              ],
            }),
          });
        const statuses = async (role: string) =>
          (await batch(role)).body.entry?.map(({ response }) => response?.status.slice(0, 3));
        assert.deepEqual(await statuses('reader'), ['200', '403']);
        assert.deepEqual(await statuses('writer'), ['200', '200']);
      });

      it('is unknown for types that it is not for, and where it has no meaning', async () => {
        const unknown = { status: 404, detail: 'unknown-operation' };
        for (const role of ROLES)
          for (const each of ['Observation/1/$everything', 'Patient/labelled/$reindex', '$meta-add', 'Patient/$purge'])
            assert.deepEqual(refusal(await as(role).send('POST', each)), unknown, each);
        assert.equal((await as('reader').get('Patient/labelled/$everything')).status, 200);
      });

      it('has methods of its own, and says which', async () => {
        for (const [operation, method, allow] of [
          ['meta-add', 'GET', 'POST, OPTIONS'],
          ['meta-delete', 'DELETE', 'POST, OPTIONS'],
          ['meta', 'PUT', 'GET, POST, HEAD, OPTIONS'],
        ] as const) {
          const reply = await as('reader').send(method, path(operation));
          assert.deepEqual([refusal(reply).status, reply.header('allow')], [405, allow], operation);
        }
      });
    });

    it('is refused before its body is read', async () => {
      const options = { body: 'no JSON', headers: { 'content-type': 'application/fhir+json' } };
      assert.equal(refusal(await as('writer').send('POST', '$reindex', options)).status, 403);
      assert.equal(refusal(await as('admin').send('POST', '$reindex', options)).status, 400);
    });

    it('that does not exist is unknown to everybody', async () => {
      for (const role of ROLES)
        assert.deepEqual(refusal(await as(role).get('$nosuch')), { status: 404, detail: 'unknown-operation' });
    });
  },
  { config: { auth: 'token', tokens } },
);
