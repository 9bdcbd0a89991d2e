/**
 * What a write does beside resources that its sender may not see. What is read: test/property/view.test.ts.
 * https://hl7.org/fhir/R4/security.html#AccessDenied
 */
import assert from 'node:assert/strict';
import type { Patient } from 'fhir/r4.js';
import { after, before, beforeEach, describe, it } from 'mocha';
import { UNRESTRICTED } from '../../../src/access/permission.js';
import { partly, restricted, type RestrictedServer } from '../../support/restricted.js';
import { newStore, STORES, startServer } from '../../support/server.js';
import { refusal } from '../../support/talk.js';

const tagged = (code: string) => ({ tag: [{ system: 'urn:t', code }] });
const [open, hidden] = [tagged('open'), tagged('closed')];
const patient = (id: string, meta: object, value = id): Patient & { id: string } => ({
  resourceType: 'Patient',
  id,
  meta,
  identifier: [{ system: 'urn:p', value }],
});

for (const store of STORES)
  for (const integrity of ['off', 'enforce'] as const)
    describe(`writes beside what is hidden (${store}, integrity ${integrity})`, () => {
      let server: RestrictedServer | undefined;
      const talk = () => server!.talk;

      before(async function () {
        server = restricted(await startServer({ store: await newStore(this, store), config: { integrity } }));
        for (const one of [patient('o1', open), patient('h1', hidden), patient('h2', hidden)]) await talk().update(one);
        const refers = { status: 'final' as const, code: { text: 'x' }, subject: { reference: 'Patient/o1' } };
        await talk().update({ resourceType: 'Observation', id: 'ho', meta: hidden, ...refers });
      });
      beforeEach(() => void (server!.sees = partly('Patient', 'Observation')));
      after(() => server?.stop());

      it('makes a resource where only what is hidden matches If-None-Exist', async () => {
        const { id: _, ...body } = patient('', open, 'h1');
        const reply = await talk().create(body, { 'if-none-exist': 'identifier=urn:p|h1' });
        assert.equal(reply.status, 201);
        const again = await talk().create(body, { 'if-none-exist': 'identifier=urn:p|h1' });
        assert.equal(again.status, 200);
      });

      it('makes no resource under the id of a hidden one, and tells nothing of it', async () => {
        for (const id of ['h1', 'never']) {
          const reply = await talk().update(patient(id, open));
          assert.deepEqual(refusal(reply), { status: 404, detail: 'id-not-chosen' });
          assert.ok(!reply.text.includes('closed'));
        }
        const { status } = await talk().send('PUT', 'Patient?identifier=urn:p|none', {
          headers: { 'content-type': 'application/fhir+json' },
          body: JSON.stringify(patient('h2', open)),
        });
        assert.equal(status, 404);
        server!.sees = UNRESTRICTED;
        assert.equal((await talk().get('Patient/h1')).header('etag'), 'W/"1"');
      });

      it('takes references to what is hidden as those to nothing', async () => {
        for (const to of ['h1', 'never']) {
          const reply = await talk().create({
            resourceType: 'Observation',
            meta: open,
            status: 'final',
            code: { text: 'x' },
            subject: { reference: `Patient/${to}` },
          });
          assert.equal(reply.status, 201, `${to}: ${reply.text}`);
        }
      });

      it('does not name what is hidden and refers to what is deleted', async () => {
        for (const cascade of ['', '?_cascade=delete']) {
          await talk().update(patient('o1', open));
          const reply = await talk().delete(`Patient/o1${cascade}`);
          assert.ok(!reply.text.includes('Observation/ho'), reply.text);
          assert.equal(reply.status, integrity === 'enforce' ? 409 : 204, reply.text);
        }
        server!.sees = UNRESTRICTED;
        assert.equal((await talk().get('Observation/ho')).status, 200);
      });

      it('does not expand a hidden value set', async () => {
        server!.sees = UNRESTRICTED;
        const url = 'http://example.org/vs';
        const include = [{ system: 'http://hl7.org/fhir/administrative-gender', concept: [{ code: 'male' }] }];
        await talk().update({ resourceType: 'ValueSet', id: 'v', url, status: 'active', compose: { include } });
        assert.equal((await talk().get(`Patient?gender:in=${url}`)).status, 200);
        server!.sees = partly('ValueSet');
        const missing = await talk().get('Patient?gender:in=http://example.org/none');
        const reply = await talk().get(`Patient?gender:in=${url}`);
        assert.equal(reply.status, missing.status);
        assert.ok(reply.status >= 400);
      });
    });
