/** A published FHIR client (fhir-kit-client) uses the server as its documentation says, on both stores. */
import assert from 'node:assert/strict';
import type { Bundle, CapabilityStatement, Patient } from 'fhir/r4.js';
import { Client } from 'fhir-kit-client';
import { it } from 'mocha';
import { onStoresInTurn } from '../support/both-stores.js';
import { idsOf } from '../support/talk.js';

const person = (family: string) => ({ resourceType: 'Patient', name: [{ family, given: ['Kit'] }] });

onStoresInTurn('a FHIR client', stage => {
  const client = () => new Client({ baseUrl: stage().server.base });
  const create = async (family: string) =>
    (await client().create({ resourceType: 'Patient', body: person(family) })) as unknown as Patient & { id: string };
  const status = (error: unknown) => (error as { response?: { status?: number } }).response?.status;

  it('creates, reads and updates a resource, and reads its first version again', async () => {
    const { id } = await create('Client');
    const found = (await client().read({ resourceType: 'Patient', id })) as unknown as Patient;
    assert.equal(found.name?.[0]?.family, 'Client');
    const body = { ...found, active: false };
    const updated = (await client().update({ resourceType: 'Patient', id, body })) as unknown as Patient;
    assert.deepEqual([updated.active, updated.meta?.versionId], [false, '2']);
    const first = (await client().vread({ resourceType: 'Patient', id, version: '1' })) as unknown as Patient;
    assert.deepEqual([first.active, first.meta?.versionId], [undefined, '1']);
  });

  it('searches by GET and by POST', async () => {
    const { id } = await create('Searched');
    const searchParams = { family: 'searched', _elements: 'name' };
    const got = (await client().search({ resourceType: 'Patient', searchParams })) as unknown as Bundle;
    assert.deepEqual(idsOf(got), [id]);
    const options = { postSearch: true };
    const posted = (await client().search({ resourceType: 'Patient', searchParams, options })) as unknown as Bundle;
    assert.deepEqual(idsOf(posted), [id]);
  });

  it('follows pages to the end and back', async () => {
    const made = new Set<string>();
    for (let n = 0; n < 5; n++) made.add((await create('Paged')).id);
    const pages: Bundle[] = [];
    let page: unknown = await client().search({
      resourceType: 'Patient',
      searchParams: { family: 'paged', _count: 2 },
    });
    while (page !== undefined) {
      pages.push(page as Bundle);
      page = await client().nextPage({ bundle: page as Parameters<Client['nextPage']>[0]['bundle'] });
    }
    assert.deepEqual(new Set(pages.flatMap(idsOf)), made);
    assert.equal(pages.length, 3);
    const bundle = pages[2] as unknown as Parameters<Client['prevPage']>[0]['bundle'];
    const previous = (await client().prevPage({ bundle })) as unknown as Bundle;
    assert.deepEqual(idsOf(previous), idsOf(pages[1]!));
  });

  it('reads the history of a resource, a type and the system', async () => {
    const { id } = await create('History');
    await client().delete({ resourceType: 'Patient', id });
    const instance = (await client().history({ resourceType: 'Patient', id })) as unknown as Bundle;
    assert.deepEqual(
      instance.entry?.map(({ request }) => request?.method),
      ['DELETE', 'POST'],
    );
    for (const which of [{ resourceType: 'Patient' }, {}]) {
      const found = (await client().history(which)) as unknown as Bundle;
      assert.ok(found.entry?.some(({ request }) => request?.url === `Patient/${id}`));
    }
  });

  it('deletes a resource, and is told that it is gone', async () => {
    const { id } = await create('Gone');
    await client().delete({ resourceType: 'Patient', id });
    await assert.rejects(client().read({ resourceType: 'Patient', id }), error => status(error) === 410);
  });

  it('is told what is wrong in an OperationOutcome', async () => {
    const body = { resourceType: 'Patient', birthDate: 'soon' };
    await assert.rejects(client().create({ resourceType: 'Patient', body }), (error: unknown) => {
      const { data } = (error as { response: { data: { resourceType: string } } }).response;
      return status(error) === 400 && data.resourceType === 'OperationOutcome';
    });
  });

  it('patches, runs an operation, and sends a transaction and a batch', async () => {
    const { id } = await create('Patched');
    const jsonPatch = [{ op: 'replace' as const, path: '/name/0/family', value: 'Mended' }];
    const patched = (await client().patch({ resourceType: 'Patient', id, jsonPatch })) as unknown as Patient;
    assert.equal(patched.name?.[0]?.family, 'Mended');
    const whole = (await client().operation({
      resourceType: 'Patient',
      id,
      name: 'everything',
      method: 'GET',
    })) as unknown as Bundle;
    assert.deepEqual(idsOf(whole), [id]);
    const entry = [{ resource: person('Together'), request: { method: 'POST', url: 'Patient' } }];
    for (const type of ['transaction', 'batch'] as const) {
      const body = { resourceType: 'Bundle', type, entry };
      const answer = (await client()[type]({ body })) as unknown as Bundle;
      assert.deepEqual([answer.type, answer.entry?.[0]?.response?.status], [`${type}-response`, '201 Created']);
    }
  });

  it('reads the capability statement', async () => {
    const found = (await client().capabilityStatement()) as unknown as CapabilityStatement;
    assert.deepEqual([found.resourceType, found.fhirVersion], ['CapabilityStatement', '4.0.1']);
  });
});
