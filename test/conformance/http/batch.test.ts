/** batch: https://hl7.org/fhir/R4/http.html#transaction */
import assert from 'node:assert/strict';
import type { AuditEvent, Bundle, OperationOutcome, Patient } from 'fhir/r4.js';
import { it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';
import { done, entry, named, post, put, send, statuses, uuid } from '../../support/bundles.js';

onStoresInTurn('a batch', stage => {
  it('does each entry by itself: a bad one is nothing to the others', async () => {
    const { talk } = stage();
    await talk.update({ resourceType: 'Patient', id: 'b1' });
    const answers = await done(
      send(talk, 'batch', [
        post({ resourceType: 'Patient' }),
        post({ resourceType: 'Patient', active: 'yes' } as never),
        entry('GET', 'Patient/b1'),
        entry('GET', 'Patient/never-was'),
        entry('GET', 'Nothing/1'),
        entry('DELETE', 'AuditEvent/x'),
        entry('POST', 'Patient'),
        put({ resourceType: 'Patient', id: 'b2' }),
        put({ resourceType: 'Patient', id: 'b1' }, { ifMatch: 'W/"9"' }),
        entry('GET', 'Patient?_id=b1'),
        entry('GET', 'metadata'),
        entry('GET', 'Patient/b1', undefined, { ifNoneMatch: 'W/"1"' }),
      ]),
    );
    assert.deepEqual(statuses(answers), [
      '201',
      '400',
      '200',
      '404',
      '404',
      '405',
      '400',
      '201',
      '412',
      '200',
      '200',
      '304',
    ]);
    for (const [i, { response, resource }] of answers.entries())
      if (Number(response?.status.slice(0, 3)) >= 400) {
        assert.equal(response?.outcome?.resourceType, 'OperationOutcome', String(i));
        assert.match(JSON.stringify(response?.outcome), new RegExp(`Bundle\\.entry\\[${i}\\]`));
        assert.equal(resource, undefined);
      }
    assert.equal((await talk.get(named(answers[0]))).status, 200);
  });

  it('takes no token in an address, and keeps none', async () => {
    const { talk } = stage();
    const headers = { 'x-request-id': 'batch-with-a-token' };
    const [answer] = await done(
      send(talk, 'batch', [entry('GET', 'Patient?Access_Token=s3cr3t&active=true')], headers),
    );
    const { issue } = answer!.response!.outcome as OperationOutcome;
    assert.deepEqual(
      [answer!.response!.status, issue[0]!.details?.coding?.[0]?.code],
      ['400 Bad Request', 'misplaced-token'],
    );
    const told = await talk.search<AuditEvent>('AuditEvent?entity:identifier=batch-with-a-token');
    const asked = told.entry!.flatMap(({ resource }) => resource!.entity!.map(({ query = '' }) => atob(query)));
    assert.ok(
      asked.some(line => line.endsWith('/Patient')),
      JSON.stringify(asked),
    );
    assert.ok(asked.every(line => !line.includes('s3cr3t')));
  });

  it('refuses references to the names of other entries', async () => {
    const answers = await done(
      send(stage().talk, 'batch', [
        post({ resourceType: 'Patient' }, { fullUrl: uuid(1) }),
        post({ resourceType: 'Observation', status: 'final', code: { text: 'x' }, subject: { reference: uuid(1) } }),
      ]),
    );
    assert.deepEqual(statuses(answers), ['201', '400']);
    const outcome = answers[1]?.response?.outcome as OperationOutcome;
    assert.deepEqual(outcome.issue[0]?.expression, ['Bundle.entry[1].resource.subject.reference']);
    assert.equal(outcome.issue[0]?.details?.coding?.[0]?.code, 'reference-within-batch');
  });

  it('records each entry, the refused ones too (AUD-1)', async () => {
    const { talk } = stage();
    await send(talk, 'batch', [put({ resourceType: 'Patient', id: 'audited' }), entry('GET', 'Patient/unseen')], {
      'x-request-id': 'batch-1',
    });
    const events = (await talk.search<AuditEvent>('AuditEvent?_sort=-_lastUpdated&_count=10')).entry ?? [];
    const own = events.flatMap(({ resource }) =>
      resource?.entity?.some(({ what }) => what?.identifier?.value === 'batch-1') ? [resource] : [],
    );
    assert.deepEqual(own.map(({ subtype, outcome }) => `${subtype?.[0]?.code} ${outcome}`).toSorted(), [
      'read 4',
      'update 0',
    ]);
  });

  it('runs in the order of a transaction: what is read sees what is written', async () => {
    const family = [{ family: 'Ordered' }];
    const [found] = await done(
      send(stage().talk, 'batch', [
        entry('GET', 'Patient?family=Ordered'),
        put({ resourceType: 'Patient', id: 'ordered', name: family }),
        post({ resourceType: 'Patient', name: family }),
      ]),
    );
    assert.equal((found?.resource as Bundle | undefined)?.total, 2);
  });

  it('writes one resource as often as it is asked to, and creates once by the same criteria', async () => {
    const { talk } = stage();
    const often = Array.from({ length: 20 }, (_, i) =>
      put({ resourceType: 'Patient', id: 'often', name: [{ text: `${i}` }] }),
    );
    assert.deepEqual(new Set(statuses(await done(send(talk, 'batch', often)))), new Set(['201', '200']));
    assert.equal((await talk.get('Patient/often')).header('etag'), 'W/"20"');
    const patient: Patient = { resourceType: 'Patient', identifier: [{ system: 'urn:batch', value: 'once' }] };
    const once = Array.from({ length: 10 }, () => post(patient, { ifNoneExist: 'identifier=urn:batch|once' }));
    assert.deepEqual(statuses(await done(send(talk, 'batch', once))).toSorted(), [
      ...Array<string>(9).fill('200'),
      '201',
    ]);
  });

  it('shows what was read always, what was written as Prefer asks, and of a HEAD nothing', async () => {
    const { talk } = stage();
    await talk.update({ resourceType: 'Patient', id: 'shown' });
    const entries = [post({ resourceType: 'Patient' }), entry('GET', 'Patient/shown'), entry('HEAD', 'Patient/shown')];
    const shown = async (prefer: string) =>
      (await done(send(talk, 'batch', entries, { prefer }))).map(({ resource }) => resource?.resourceType);
    assert.deepEqual(await shown('return=minimal'), [undefined, 'Patient', undefined]);
    assert.deepEqual(await shown('return=representation'), ['Patient', 'Patient', undefined]);
  });

  it('an entry that is nothing but a resource is its own fault; a shape that no entry has is the fault of all', async () => {
    const { talk } = stage();
    const good = post({ resourceType: 'Patient' });
    const own = await done(send(talk, 'batch', [{ resource: { resourceType: 'Patient' } }, good]));
    assert.deepEqual(statuses(own), ['400', '201']);
    const lower = entry('post' as 'POST', 'Patient', { resourceType: 'Patient' });
    assert.equal((await send(talk, 'batch', [lower, good])).status, 400);
  });
});
