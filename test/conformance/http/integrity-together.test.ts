/**
 * Referential integrity in transactions and batches: a transaction is judged by what is there when all of it is, the entries
 * of a batch each by itself. https://hl7.org/fhir/R4/http.html#transaction
 */
import assert from 'node:assert/strict';
import type { Bundle, BundleEntry, Observation, OperationOutcome, Patient } from 'fhir/r4.js';
import { it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';
import { refusal, type Reply, type Talk } from '../../support/talk.js';

const patient = (id: string): Patient => ({ resourceType: 'Patient', id });
const observation = (id: string, subject: string): Observation => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { text: 'weight' },
  subject: { reference: subject },
});
const put = (resource: Patient | Observation): BundleEntry => ({
  resource,
  request: { method: 'PUT', url: `${resource.resourceType}/${resource.id}` },
});
const remove = (url: string): BundleEntry => ({ request: { method: 'DELETE', url } });
const send = (talk: Talk, type: 'batch' | 'transaction', ...entry: BundleEntry[]): Promise<Reply<Bundle>> =>
  talk.send<Bundle>('POST', '', {
    headers: { 'content-type': 'application/fhir+json' },
    body: JSON.stringify({ resourceType: 'Bundle', type, entry }),
  });
const placesOf = (reply: Reply<unknown>) =>
  (reply.body as OperationOutcome).issue.map(({ expression }) => expression?.[0]);
const statusesOf = (reply: Reply<Bundle>) => reply.body.entry?.map(({ response }) => response?.status.slice(0, 3));
/** Codes of what each answer tells. */
const toldOf = (reply: Reply<Bundle>) =>
  reply.body.entry?.map(({ response }) =>
    (response?.outcome as OperationOutcome | undefined)?.issue.map(({ details }) => details?.coding?.[0]?.code),
  );

onStoresInTurn(
  'integrity enforced: the entries of a transaction',
  stage => {
    it('may refer to each other, in any order and by any name', async () => {
      const { talk } = stage();
      const entries = [put(observation('t1', 'Patient/t1')), put(patient('t1'))];
      assert.deepEqual(statusesOf(await send(talk, 'transaction', ...entries)), ['201', '201']);
      const versioned = put(observation('t1', 'Patient/t1/_history/2'));
      const same = await send(talk, 'transaction', versioned, put(patient('t1')));
      assert.equal(same.status, 422, 'an update that changes nothing makes no second version');
      const other = put({ ...patient('t1'), active: true });
      assert.deepEqual(statusesOf(await send(talk, 'transaction', versioned, other)), ['200', '200']);
      const fullUrl = 'urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a';
      const named = [
        { resource: observation('x', fullUrl), request: { method: 'POST', url: 'Observation' } },
        { fullUrl, resource: patient('x'), request: { method: 'POST', url: 'Patient' } },
      ] as const;
      assert.deepEqual(statusesOf(await send(talk, 'transaction', ...named)), ['201', '201']);
    });

    it('may not refer to what is nowhere, or goes with them: nothing is written, and the entry is named', async () => {
      const { talk } = stage();
      await send(talk, 'transaction', put(patient('t2')));
      for (const subject of ['Patient/nobody', 'Patient/t2', 'urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0b']) {
        const entries = [put(patient('t2-new')), put(observation('t2', subject)), remove('Patient/t2')];
        const reply = await send(talk, 'transaction', ...entries);
        assert.deepEqual(refusal(reply), { status: 422, detail: 'dangling-reference' }, subject);
        assert.deepEqual(placesOf(reply), ['Bundle.entry[1].resource.subject']);
        assert.equal((await talk.get('Patient/t2-new')).status, 404);
        assert.equal((await talk.get('Patient/t2')).status, 200);
      }
    });

    it('may take away what only they refer to: by going along, or by referring to something else', async () => {
      const { talk } = stage();
      const before = ['t3', 't3-also', 't3-more'].map(id => put(observation(id, 'Patient/t3')));
      await send(talk, 'transaction', put(patient('t3')), put(patient('t3-else')), ...before);
      const entries = [put(observation('t3-also', 'Patient/t3-else')), remove('Patient/t3'), remove('Observation/t3')];
      const refused = await send(talk, 'transaction', ...entries);
      assert.deepEqual(refusal(refused), { status: 409, detail: 'still-referenced' });
      assert.match(refused.text, /: Observation\/t3-more\./);
      assert.deepEqual(placesOf(refused), ['Bundle.entry[1].request']);
      const done = await send(talk, 'transaction', ...entries, remove('Observation/t3-more'));
      assert.deepEqual(statusesOf(done), ['200', '204', '204', '204']);
      assert.equal((await talk.delete('Patient/t3-else')).status, 409);
    });

    it('may delete with what refers to it', async () => {
      const { talk } = stage();
      await send(talk, 'transaction', put(patient('t4')), put(observation('t4', 'Patient/t4')));
      const reply = await send(talk, 'transaction', remove('Patient/t4?_cascade=delete'), put(patient('t4-new')));
      assert.deepEqual(statusesOf(reply), ['204', '201']);
      assert.equal((await talk.get('Observation/t4')).status, 410);
    });

    it('are in a batch each by itself', async () => {
      const { talk } = stage();
      await send(talk, 'batch', put(patient('b1')));
      const reply = await send(
        talk,
        'batch',
        put(observation('b1', 'Patient/b1')),
        put(observation('b2', 'Patient/no')),
      );
      assert.deepEqual(statusesOf(reply), ['201', '422']);
      assert.deepEqual(toldOf(reply), [undefined, ['dangling-reference']]);
    });
  },
  { config: { integrity: 'enforce' } },
);

onStoresInTurn(
  'integrity warns: in the answer to each entry',
  stage => {
    for (const type of ['batch', 'transaction'] as const)
      it(`of a ${type}`, async () => {
        const { talk } = stage();
        const id = (name: string) => `${type}-${name}`;
        await send(talk, 'transaction', put(patient(id('1'))), put(observation(id('1'), `Patient/${id('1')}`)));
        const reply = await send(
          talk,
          type,
          put(observation(id('2'), 'Patient/nobody')),
          put(patient(id('2'))),
          remove(`Patient/${id('1')}`),
        );
        assert.deepEqual(statusesOf(reply), ['201', '201', '204']);
        assert.deepEqual(toldOf(reply), [['dangling-reference'], undefined, ['still-referenced']]);
      });
  },
  { config: { integrity: 'warn' } },
);
