/**
 * A look at what names several patients is one at the data of each of them (row AUD-1): Bundle, List, Group, Schedule, Composition.
 * https://profiles.ihe.net/ITI/BALP, https://hl7.org/fhir/R4/auditevent.html
 */
import assert from 'node:assert/strict';
import type { AuditEvent, Basic, FhirResource } from 'fhir/r4.js';
import { before, it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';

const basic = (more: Partial<Basic>): Basic => ({ resourceType: 'Basic', code: { text: 'x' }, ...more });
const to = (id: string) => ({ reference: `Patient/${id}` });
const NAMING: readonly FhirResource[] = [
  { resourceType: 'Group', id: 'n', type: 'person', actual: true, member: [{ entity: to('a') }, { entity: to('b') }] },
  {
    ...{ resourceType: 'List', id: 'n', status: 'current', mode: 'working', subject: to('a') },
    entry: [{ item: to('b') }, { item: { reference: 'https://elsewhere.example/fhir/Patient/c' } }],
  },
  { resourceType: 'Schedule', id: 'n', actor: [to('a'), to('b')] },
  {
    ...{ resourceType: 'Composition', id: 'n', status: 'final', type: { text: 'x' }, subject: to('a'), title: 'x' },
    ...{ date: '2026-01-01', author: [{ display: 'x' }], section: [{ entry: [to('b')], title: 'x' }] },
  },
  {
    ...{ resourceType: 'Bundle', id: 'n', type: 'collection' },
    entry: [
      { fullUrl: 'urn:uuid:0c3a1b5e-0000-4000-8000-000000000001', resource: { resourceType: 'Patient', id: 'inside' } },
      {
        fullUrl: 'urn:uuid:0c3a1b5e-0000-4000-8000-000000000002',
        resource: basic({ subject: to('a') }),
      },
      {
        fullUrl: 'urn:uuid:0c3a1b5e-0000-4000-8000-000000000003',
        resource: basic({ author: to('b') }),
      },
    ],
  },
];

onStoresInTurn('patients of what is read', stage => {
  before('stores what names them', async () => {
    const { talk } = stage();
    for (const id of ['a', 'b', 'c', 'inside']) await talk.update({ resourceType: 'Patient', id });
    for (const resource of NAMING) await talk.update(resource);
    await talk.update({ resourceType: 'Patient', id: 'linked', link: [{ other: to('a'), type: 'seealso' }] });
    const finding = { resourceType: 'Observation', code: { text: 'x' } } as const;
    await talk.update({ ...finding, id: 'of-a', status: 'preliminary', subject: to('a') });
    await talk.update({ ...finding, id: 'of-b', status: 'final', subject: to('b'), performer: [to('a')] });
    // As some systems write JSON: any character may be an escape.
    const group = JSON.stringify({ ...NAMING[0], id: 'escaped' });
    const escaped = group.replaceAll('Patient/', String.raw`\u0050atient\u002F`).replace('"b"', String.raw`"\u0062"`);
    const headers = { 'content-type': 'application/fhir+json' };
    assert.equal((await talk.send('PUT', 'Group/escaped', { headers, body: escaped })).status, 201);
  });
  /** Whom the events of a request name. */
  const namedBy = async (path: string): Promise<string[]> => {
    const { talk } = stage();
    const reply = await talk.get(path);
    assert.equal(reply.status, 200, reply.text);
    const found = await talk.search<AuditEvent>(`AuditEvent?entity:identifier=${reply.header('x-request-id')}`);
    return (found.entry ?? [])
      .flatMap(({ resource }) =>
        resource!.entity!.flatMap(({ type, what }) => (type?.code === '1' ? what!.reference! : [])),
      )
      .toSorted();
  };
  const BOTH = ['Patient/a', 'Patient/b'];

  for (const { resourceType: type } of NAMING)
    it(`are all whom it names, of a ${type}`, async () => {
      for (const path of [`${type}/n`, `${type}/n/_history/1`, `${type}/n/_history`, `${type}?_id=n`, `?_type=${type}`])
        assert.deepEqual(await namedBy(path), BOTH, path);
    });

  it('are all whom it names however it was written', async () => {
    assert.deepEqual(await namedBy('Group/escaped'), BOTH);
  });

  it('are those of all that is shown where the question names somebody, too', async () => {
    for (const question of ['_filter=patient eq Patient/a or status eq final', 'performer=Patient/a'])
      assert.deepEqual(await namedBy(`Observation?${question}`), BOTH, question);
    assert.deepEqual(await namedBy('Patient?link=Patient/a'), ['Patient/a', 'Patient/linked']);
    // The control: of the others nothing is told.
    assert.deepEqual(await namedBy('Observation?_id=of-a&patient=Patient/a'), ['Patient/a']);
    assert.deepEqual(await namedBy('Observation?patient=Patient/c'), ['Patient/c']);
  });

  it('are those beside it of everything else, and all of a List that was asked for by one of them', async () => {
    assert.deepEqual(await namedBy('Patient/c'), ['Patient/c']);
    assert.deepEqual(await namedBy('List?patient=a'), BOTH);
    assert.deepEqual(await namedBy('Basic?_id=none'), []);
  });
});
