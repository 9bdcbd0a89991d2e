/** $purge on both stores: profiles/operationdefinition-purge.json. What is erased, what stays, who may ask. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AuditEvent, Binary, Bundle, DocumentReference, Observation, Parameters, Patient } from 'fhir/r4.js';
import { after, it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';
import { refusal, type Talk, talkTo } from '../../support/talk.js';

const folder = mkdtempSync(join(tmpdir(), 'chartroom-purge-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const tokens = join(folder, 'tokens.json');
const tokenOf = (role: string) => `token-of-the-${role}`;
writeFileSync(
  tokens,
  JSON.stringify(['admin', 'writer', 'reader'].map(role => ({ token: tokenOf(role), name: role, role }))),
);

const patient = (id: string, family: string): Patient => ({ resourceType: 'Patient', id, name: [{ family }] });
const purge = (talk: Talk, path: string) => talk.send<Parameters>('POST', `${path}/$purge`);
const told = async (talk: Talk, path: string) => {
  const reply = await purge(talk, path);
  assert.equal(reply.status, 200, reply.text);
  return Object.fromEntries(reply.body.parameter?.map(({ name, valueInteger }) => [name, valueInteger]) ?? []);
};
const historyOf = async (talk: Talk, path: string) =>
  (await talk.search<Bundle>(`${path}/_history`)).entry?.map(({ request, response }) => [
    request?.method,
    response?.etag,
  ]);

onStoresInTurn(
  '$purge',
  stage => {
    const as = (role: string) => talkTo(stage().server.base, { authorization: `Bearer ${tokenOf(role)}` });

    it('erases every version: reads answer 410, searches find nothing, the history shows the deletion alone', async () => {
      const talk = as('admin');
      for (const family of ['Wrong', 'Wronger', 'Wrongest']) await talk.update(patient('p1', family));
      assert.equal((await talk.get('Patient/p1/_history/1')).status, 200);
      assert.equal((await talk.search('Patient?family=Wrongest')).total, 1);
      assert.deepEqual(await told(talk, 'Patient/p1'), { versions: 3, attachments: 0 });
      assert.equal((await talk.get('Patient/p1')).status, 410);
      for (const version of [1, 2, 3]) assert.equal((await talk.get(`Patient/p1/_history/${version}`)).status, 404);
      assert.equal((await talk.search('Patient?family=Wrongest')).total, 0);
      assert.deepEqual(await historyOf(talk, 'Patient/p1'), [['DELETE', 'W/"4"']]);
      const system = await talk.get('_history?_count=1000');
      assert.equal(system.status, 200);
      assert.ok(!system.text.includes('Wrong'));
    });

    it('lets the id be used again, with versions that go on', async () => {
      const talk = as('admin');
      await talk.update(patient('p2', 'Wrong'));
      await purge(talk, 'Patient/p2');
      const reply = await talk.update(patient('p2', 'Right'));
      assert.deepEqual([reply.status, reply.header('etag')], [201, 'W/"3"']);
      assert.deepEqual(await historyOf(talk, 'Patient/p2'), [
        ['PUT', 'W/"3"'],
        ['DELETE', 'W/"2"'],
      ]);
    });

    it('works on what is deleted, and says when nothing is left to erase', async () => {
      const talk = as('admin');
      await talk.update(patient('p3', 'Wrong'));
      await talk.delete('Patient/p3');
      assert.deepEqual(await told(talk, 'Patient/p3'), { versions: 2, attachments: 0 });
      assert.deepEqual(await historyOf(talk, 'Patient/p3'), [['DELETE', 'W/"3"']]);
      assert.deepEqual(await told(talk, 'Patient/p3'), { versions: 0, attachments: 0 });
      assert.deepEqual(await historyOf(talk, 'Patient/p3'), [['DELETE', 'W/"3"']]);
      assert.equal((await purge(talk, 'Patient/never-was')).status, 404);
    });

    it('erases attachment bytes of all versions, but those that another resource refers to', async () => {
      const talk = as('admin');
      const { blobs } = stage().server.engine.store;
      const [early, late, shared] = [randomBytes(20_000), randomBytes(20_000), randomBytes(20_000)];
      const document = (id: string, ...files: Buffer[]): DocumentReference => ({
        resourceType: 'DocumentReference',
        id,
        status: 'current',
        content: files.map(file => ({
          attachment: { contentType: 'application/octet-stream', data: file.toString('base64') },
        })),
      });
      await talk.update(document('a1', early, shared));
      await talk.update(document('a1', late, shared));
      await talk.update(document('a2', shared));
      const kept = async () =>
        Promise.all(
          [early, late, shared].map(
            async bytes => (await blobs.get(createHash('sha256').update(bytes).digest('hex'))) !== undefined,
          ),
        );
      assert.deepEqual(await kept(), [true, true, true]);
      assert.deepEqual(await told(talk, 'DocumentReference/a1'), { versions: 2, attachments: 2 });
      assert.deepEqual(await kept(), [false, false, true]);
      const { body } = await talk.get<DocumentReference>('DocumentReference/a2');
      assert.equal(body.content[0]?.attachment.data, shared.toString('base64'));
    });

    it('does the same as an entry of a transaction', async () => {
      const talk = as('admin');
      const bytes = randomBytes(20_000);
      const binary = {
        resourceType: 'Binary',
        id: 't1',
        contentType: 'image/png',
        data: bytes.toString('base64'),
      } as const;
      await talk.update<Binary>(binary);
      const reply = await talk.send<Bundle>('POST', '', {
        headers: { 'content-type': 'application/fhir+json' },
        body: JSON.stringify({
          resourceType: 'Bundle',
          type: 'transaction',
          entry: [
            { request: { method: 'POST', url: 'Binary/t1/$purge' } },
            { resource: patient('t1', 'Right'), request: { method: 'PUT', url: 'Patient/t1' } },
          ],
        }),
      });
      assert.deepEqual(
        reply.body.entry?.map(({ response }) => response?.status.slice(0, 3)),
        ['200', '201'],
        reply.text,
      );
      assert.deepEqual((reply.body.entry?.[0]?.resource as Parameters | undefined)?.parameter?.[1]?.valueInteger, 1);
      const hash = createHash('sha256').update(bytes).digest('hex');
      assert.equal(await stage().server.engine.store.blobs.get(hash), undefined);
    });

    it('keeps the audit trail, and adds to it who asked for what', async () => {
      const talk = as('admin');
      await talk.update(patient('p4', 'Wrong'));
      await purge(talk, 'Patient/p4');
      const events = (await talk.search<AuditEvent>('AuditEvent?entity=Patient/p4&_count=100')).entry ?? [];
      const deeds = events.map(({ resource }) => `${resource?.subtype?.[0]?.code} by ${resource?.agent[2]?.name}`);
      assert.deepEqual(deeds.toSorted(), ['110132 by admin', 'delete by admin', 'update by admin']);
      const operation = events.find(({ resource }) => resource?.subtype?.[0]?.code === '110132')?.resource;
      const asked = operation?.entity?.find(({ query }) => query)?.query ?? '';
      assert.equal(Buffer.from(asked, 'base64').toString(), 'POST /fhir/Patient/p4/$purge');
    });

    it('is for administrators, never for audit events, by POST, and without parameters', async () => {
      const talk = as('admin');
      await talk.update(patient('p5', 'Right'));
      for (const [role, status] of [
        ['writer', 403],
        ['reader', 403],
        ['nobody', 401],
      ] as const)
        assert.equal((await purge(as(role), 'Patient/p5')).status, status, role);
      const event = (await talk.search<AuditEvent>('AuditEvent?_count=1')).entry?.[0]?.resource?.id;
      assert.equal((await purge(talk, `AuditEvent/${event}`)).status, 405);
      assert.equal((await talk.get(`AuditEvent/${event}`)).status, 200);
      assert.equal((await talk.get('Patient/p5/$purge')).status, 405);
      assert.equal((await talk.send('POST', 'Patient/p5/$purge?cascade=true')).status, 400);
      for (const path of ['$purge', 'Patient/$purge']) assert.equal((await talk.send('POST', path)).status, 404, path);
      assert.equal((await talk.get('Patient/p5')).status, 200);
    });

    it('takes a search parameter out of force', async () => {
      const talk = as('admin');
      const parameter = {
        resourceType: 'SearchParameter',
        id: 'purged',
        url: 'http://x.example/purged',
        name: 'Purged',
        status: 'active',
        description: 'x',
        code: 'purged',
        base: ['Patient'],
        type: 'token',
        expression: 'Patient.maritalStatus',
      } as const;
      assert.equal((await talk.update(parameter as never)).status, 201);
      assert.equal((await talk.get('Patient?purged=M')).status, 200);
      await purge(talk, 'SearchParameter/purged');
      assert.equal((await talk.get('Patient?purged=M')).status, 400);
    });
  },
  { config: { auth: 'token', tokens } },
);

onStoresInTurn(
  '$purge where integrity is enforced',
  stage => {
    it('refuses while something refers to the resource', async () => {
      const { talk } = stage();
      await talk.update(patient('e1', 'Wrong'));
      const observation: Observation = {
        resourceType: 'Observation',
        id: 'e1',
        status: 'final',
        code: { text: 'x' },
        subject: { reference: 'Patient/e1' },
      };
      await talk.update(observation);
      assert.deepEqual(refusal(await purge(talk, 'Patient/e1')), { status: 409, detail: 'still-referenced' });
      assert.equal((await talk.get('Patient/e1/_history/1')).status, 200);
      await talk.delete('Observation/e1');
      assert.deepEqual(await told(talk, 'Patient/e1'), { versions: 1, attachments: 0 });
    });
  },
  { config: { integrity: 'enforce' } },
);
