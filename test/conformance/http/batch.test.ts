/** batch: https://hl7.org/fhir/R4/http.html#transaction */
import assert from 'node:assert/strict';
import type { AuditEvent, Observation } from 'fhir/r4.js';
import { it } from 'mocha';
import { onBothStores } from '../../support/both-stores.js';
import { done, entry, named, post, put, send, statuses, uuid } from '../../support/bundles.js';

onBothStores('a batch', stage => {
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

  it('leaves the names of other entries as they are', async () => {
    const answers = await done(
      send(stage().talk, 'batch', [
        post({ resourceType: 'Patient' }, { fullUrl: uuid(1) }),
        post({ resourceType: 'Observation', status: 'final', code: { text: 'x' }, subject: { reference: uuid(1) } }),
      ]),
    );
    assert.equal((await stage().talk.get<Observation>(named(answers[1]))).body.subject?.reference, uuid(1));
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
});
