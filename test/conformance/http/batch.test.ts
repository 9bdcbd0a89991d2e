/** batch on both stores: https://hl7.org/fhir/R4/http.html#transaction, #brules */
import assert from 'node:assert/strict';
import type { Bundle, Observation, OperationOutcome, Patient } from 'fhir/r4.js';
import { it } from 'mocha';
import { onBothStores } from '../../support/both-stores.js';
import { answered, audited, entry, nameOf, refused, send, statuses } from '../../support/bundles.js';

const family = (name: string, more: Partial<Patient> = {}): Patient => ({
  resourceType: 'Patient',
  name: [{ family: name }],
  ...more,
});

onBothStores('batch', stage => {
  const post = (entries: Parameters<typeof send>[2], headers: Record<string, string> = {}) =>
    send(stage().talk, 'batch', entries, headers);

  it('answers every entry for itself, in their order, and 200 for the whole', async () => {
    const { talk } = stage();
    await talk.update(family('Batch', { id: 'b1' }));
    const requestId = 'batch-all';
    const reply = await post(
      [
        entry('POST Patient', family('Batch')),
        entry('POST Patient', family('Batch', { birthDate: '1980-13' })),
        entry('GET Patient/never'),
        entry('PUT Patient/b1', family('Batch', { id: 'b1' }), { ifMatch: 'W/"9"' }),
        entry('GET Patient/b1'),
        { resource: family('Batch') },
        entry('POST Elephant', family('Batch')),
        entry('POST Patient'),
        entry('POST /', { resourceType: 'Bundle', type: 'batch' }),
        entry('DELETE Patient/b1'),
      ],
      { 'x-request-id': requestId },
    );
    assert.equal(reply.body.type, 'batch-response');
    assert.deepEqual(
      statuses(reply).map(status => status?.slice(0, 3)),
      ['201', '400', '404', '412', '410', '400', '404', '400', '400', '204'],
    );
    const [made, invalid, , stale, , requestless] = answered(reply);
    assert.equal((await talk.get(nameOf(made))).status, 200);
    const placeOf = (at: typeof made) => {
      const outcome = at?.response?.outcome;
      return (outcome as OperationOutcome | undefined)?.issue[0]?.expression?.[0];
    };
    assert.equal(placeOf(invalid), 'Bundle.entry[1].resource.birthDate');
    assert.equal(placeOf(stale), 'Bundle.entry[3].request.ifMatch');
    assert.equal(placeOf(requestless), 'Bundle.entry[5].request');
    assert.equal((await talk.search('Patient?family=Batch')).total, 1);
    assert.deepEqual(await audited(talk, requestId), [
      'create 0',
      'create 4',
      'create 4',
      'delete 0',
      'read 4',
      'read 4',
      'transaction 4',
      'update 4',
    ]);
  });

  it('runs in the order of a transaction: what is read last sees what was written', async () => {
    const reply = await post([
      entry('GET Patient?family=Ordered'),
      entry('PUT Patient/o1', family('Ordered', { id: 'o1' })),
      entry('POST Patient', family('Ordered')),
    ]);
    assert.equal((answered(reply)[0]?.resource as Bundle).total, 2);
  });

  it('writes one resource as often as it is asked to', async () => {
    const puts = Array.from({ length: 20 }, () => entry('PUT Patient/often', family('Often', { id: 'often' })));
    const reply = await post(puts);
    assert.ok(statuses(reply).every(status => status === '200 OK' || status === '201 Created'));
    assert.equal((await stage().talk.get('Patient/often')).header('etag'), 'W/"20"');
  });

  it('creates once for one If-None-Exist, however often it comes', async () => {
    const resource = family('Once', { identifier: [{ system: 'urn:ids', value: 'batch-once' }] });
    const reply = await post(
      Array.from({ length: 10 }, () =>
        entry('POST Patient', resource, { ifNoneExist: 'identifier=urn:ids|batch-once' }),
      ),
    );
    assert.deepEqual(statuses(reply).toSorted(), [...Array<string>(9).fill('200 OK'), '201 Created']);
  });

  it('rewrites no references: its entries know nothing of each other', async () => {
    const fullUrl = 'urn:uuid:2c7f3e1b-8d5b-4b2a-9c43-9f0d3d6c1a03';
    const observation: Observation = {
      resourceType: 'Observation',
      status: 'final',
      code: { text: 'b' },
      subject: { reference: fullUrl },
    };
    const reply = await post([
      entry('POST Patient', family('Ref'), { fullUrl }),
      entry('POST Observation', observation),
    ]);
    const { body } = await stage().talk.get<Observation>(nameOf(answered(reply)[1]));
    assert.equal(body.subject?.reference, fullUrl);
  });

  it('shows resources as asked: of writes for return=representation, of reads always', async () => {
    await stage().talk.update(family('Shown', { id: 'shown' }));
    const entries = [entry('POST Patient', family('Shown')), entry('GET Patient/shown'), entry('HEAD Patient/shown')];
    const shown = async (prefer: string) =>
      answered(await post(entries, { prefer })).map(({ resource }) => resource?.resourceType);
    assert.deepEqual(await shown('return=minimal'), [undefined, 'Patient', undefined]);
    assert.deepEqual(await shown('return=representation'), ['Patient', 'Patient', undefined]);
  });

  it('takes a Bundle without entries, and refuses one that is no valid Bundle', async () => {
    const empty = await post([]);
    assert.deepEqual([empty.status, empty.body.type, empty.body.entry], [200, 'batch-response', undefined]);
    assert.equal(refused(await post([entry('post Patient', family('Lower'))]))[0], 400);
  });
});
