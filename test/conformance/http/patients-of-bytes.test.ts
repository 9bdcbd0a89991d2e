/**
 * A look at the bytes of a Binary is recorded as one at the record of the patients of the resources that point at it, on both stores:
 * https://hl7.org/fhir/R4/binary.html#security, https://profiles.ihe.net/ITI/BALP
 */
import assert from 'node:assert/strict';
import type { AuditEvent, FhirResource } from 'fhir/r4.js';
import { it } from 'mocha';
import { examine } from '../../../src/cli/verify.js';
import { onStoresInTurn } from '../../support/both-stores.js';

onStoresInTurn(
  'the patients of bytes',
  stage => {
    const upload = (id: string, more: Record<string, string> = {}) =>
      stage().talk.send('PUT', `Binary/${id}`, {
        headers: { 'content-type': 'text/plain', prefer: 'return=minimal', ...more },
        body: Buffer.from(`bytes of ${id}`),
      });
    const document = (url: string, patient: string): FhirResource => ({
      resourceType: 'DocumentReference',
      status: 'current',
      subject: { reference: `Patient/${patient}` },
      content: [{ attachment: { contentType: 'text/plain', url } }],
    });
    const report = (url: string, patient: string): FhirResource => ({
      resourceType: 'DiagnosticReport',
      status: 'final',
      code: { text: 'x' },
      subject: { reference: `Patient/${patient}` },
      presentedForm: [{ url, title: 'x' }],
    });
    /** Patients of the event of a read of the bytes. */
    const told = async (id: string): Promise<string[]> => {
      const { talk, server } = stage();
      const mark = `read-${id}-${Math.random()}`.replace('.', '');
      const answer = await fetch(`${server.base}/Binary/${id}`, { headers: { accept: '*/*', 'x-request-id': mark } });
      assert.equal(answer.status, 200);
      const { entry = [] } = await talk.search<AuditEvent>(`AuditEvent?entity=Binary/${id}&action=R&_count=100`);
      return entry
        .filter(({ resource }) => JSON.stringify(resource).includes(mark))
        .flatMap(({ resource }) => resource?.entity ?? [])
        .flatMap(({ what }) => (what?.reference?.startsWith('Patient/') ? [what.reference] : []))
        .toSorted();
    };

    it('are none, as long as nothing points at them', async () => {
      await upload('alone');
      assert.deepEqual(await told('alone'), []);
    });

    it('are those of whatever points at them, by whatever address of this server', async () => {
      const { talk, server } = stage();
      const addresses = [
        (id: string) => `Binary/${id}`,
        (id: string) => `${server.base}/Binary/${id}`,
        (id: string) => `Binary/${id}/_history/1`,
      ];
      for (const [i, address] of addresses.entries()) {
        await upload(`to${i}`);
        await talk.create(document(address(`to${i}`), 'p1'));
        assert.deepEqual(await told(`to${i}`), ['Patient/p1'], address(''));
      }
      await upload('foreign');
      await talk.create({ ...document('https://elsewhere.example/fhir/Binary/foreign', 'p1') });
      assert.deepEqual(await told('foreign'), []);
      await upload('shared');
      await talk.create(document('Binary/shared', 'p1'));
      await talk.create(report('Binary/shared', 'p2'));
      assert.deepEqual(await told('shared'), ['Patient/p1', 'Patient/p2']);
    });

    it('come with a transaction that has both, and stay when the bytes are exchanged', async () => {
      const { talk } = stage();
      const entry = [
        {
          fullUrl: 'urn:uuid:8a4b1c55-6d0e-4d86-9d04-d1fbd76e5f5e',
          resource: { resourceType: 'Binary', contentType: 'text/plain', data: 'QUJD' },
          request: { method: 'PUT', url: 'Binary/together' },
        },
        { resource: report('Binary/together', 'p2'), request: { method: 'POST', url: 'DiagnosticReport' } },
      ];
      (entry[0]!.resource as { id?: string }).id = 'together';
      const body = JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry });
      const done = await talk.send('POST', '', { headers: { 'content-type': 'application/fhir+json' }, body });
      assert.equal(done.status, 200, done.text);
      assert.deepEqual(await told('together'), ['Patient/p2']);
      assert.equal((await upload('together')).status, 200);
      assert.deepEqual(await told('together'), ['Patient/p2']);
    });

    it('stay when what points at them is moved, superseded, retracted or deleted', async () => {
      const { talk } = stage();
      await upload('followed');
      const named = { ...document('Binary/followed', 'p1'), id: 'followed' };
      const steps: readonly [FhirResource, string[]][] = [
        [named, ['Patient/p1']],
        [{ ...named, status: 'superseded' } as FhirResource, ['Patient/p1']],
        [{ ...document('Binary/followed', 'p2'), id: 'followed' }, ['Patient/p1', 'Patient/p2']],
        [{ ...named, status: 'entered-in-error' } as FhirResource, ['Patient/p1', 'Patient/p2']],
      ];
      for (const [resource, patients] of steps) {
        const reply = await talk.update({ ...resource, id: 'followed' });
        assert.ok(reply.status < 300, reply.text);
        assert.deepEqual(await told('followed'), patients);
      }
      assert.equal((await talk.send('DELETE', 'DocumentReference/followed')).status, 204);
      assert.deepEqual(await told('followed'), ['Patient/p1', 'Patient/p2']);
    });

    it('are those of what the securityContext names', async () => {
      const { talk } = stage();
      await upload('beside');
      const target = await talk.update({ ...document('Binary/beside', 'p1'), id: 'context' });
      assert.equal(target.status, 201, target.text);
      await upload('guarded', { 'x-security-context': 'DocumentReference/context' });
      assert.deepEqual(await told('guarded'), ['Patient/p1']);
      await upload('own', { 'x-security-context': 'Patient/p2' });
      assert.deepEqual(await told('own'), ['Patient/p2']);
    });

    it('leave a store that agrees with itself', async () => {
      assert.deepEqual([...(await examine(stage().server.engine, 100)).findings], []);
    });
  },
  {
    set: async ({ talk }) => {
      for (const id of ['p1', 'p2']) await talk.update({ resourceType: 'Patient', id });
    },
  },
);
