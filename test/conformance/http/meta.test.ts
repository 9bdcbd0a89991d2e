/**
 * $meta, $meta-add, $meta-delete, and what an update does to labels: https://hl7.org/fhir/R4/resource.html#Meta,
 * https://hl7.org/fhir/R4/resource-operation-meta-add.html
 */
import assert from 'node:assert/strict';
import type { AuditEvent, Meta, Parameters, Patient } from 'fhir/r4.js';
import { it } from 'mocha';
import { onBothStores } from '../../support/both-stores.js';
import { refusal, type Reply, type Stored } from '../../support/talk.js';

const FHIR = { 'content-type': 'application/fhir+json' };
const tag = (code: string, more: object = {}) => ({ system: 'urn:tags', code, ...more });
const metaOf = (meta: object): string =>
  JSON.stringify({ resourceType: 'Parameters', parameter: [{ name: 'meta', valueMeta: meta }] });

onBothStores('labels in meta', stage => {
  const patient = (meta?: Meta) =>
    stage().talk.create<Patient>({ resourceType: 'Patient', active: true, ...(meta ? { meta } : {}) });
  const operate = (path: string, meta: object): Promise<Reply<Parameters>> =>
    stage().talk.send<Parameters>('POST', path, { headers: FHIR, body: metaOf(meta) });
  const returned = (reply: Reply<Parameters>): Meta | undefined => {
    assert.equal(reply.status, 200, reply.text);
    return reply.body.parameter?.find(({ name }) => name === 'return')?.valueMeta;
  };

  it('$meta shows them', async () => {
    const { id } = (await patient({ tag: [tag('a')], profile: ['http://example.org/p'] })).body;
    const meta = returned(await stage().talk.get<Parameters>(`Patient/${id}/$meta`));
    assert.deepEqual([meta?.tag, meta?.profile, meta?.versionId], [[tag('a')], ['http://example.org/p'], '1']);
  });

  it('$meta-add adds to them as a new version, and finds the resource by them', async () => {
    const { talk } = stage();
    const { id } = (await patient({ tag: [tag('a')] })).body;
    const added = {
      tag: [tag('b')],
      security: [{ system: 'urn:s', code: 'R' }],
      profile: ['http://example.org/added'],
    };
    const meta = returned(await operate(`Patient/${id}/$meta-add`, added));
    assert.deepEqual(meta?.tag, [tag('a'), tag('b')]);
    const read = (await talk.get<Patient & Stored>(`Patient/${id}`)).body;
    assert.deepEqual([read.meta.versionId, read.meta.security, read.active], ['2', added.security, true]);
    for (const query of ['_tag=urn:tags|b', '_security=urn:s|R', '_profile=http://example.org/added'])
      assert.equal((await talk.search(`Patient?_id=${id}&${query}`)).entry?.length, 1, query);
    returned(await operate(`Patient/${id}/$meta-add`, added));
    assert.equal(
      (await talk.get<Patient & Stored>(`Patient/${id}`)).body.meta.versionId,
      '2',
      'nothing new, no version',
    );
  });

  it('$meta-delete takes them away, and nothing else', async () => {
    const { talk } = stage();
    const { id } = (await patient({ tag: [tag('a', { display: 'A' }), tag('b')], profile: ['http://example.org/p'] }))
      .body;
    const meta = returned(
      await operate(`Patient/${id}/$meta-delete`, { tag: [tag('a')], profile: ['http://example.org/p'] }),
    );
    assert.deepEqual([meta?.tag, meta?.profile], [[tag('b')], undefined]);
    assert.equal((await talk.search(`Patient?_id=${id}&_tag=urn:tags|a`)).entry, undefined);
    assert.equal((await talk.search(`Patient?_id=${id}&_tag=urn:tags|b`)).entry?.length, 1);
  });

  it('an update keeps labels that it does not mention, a patch removes what it names', async () => {
    const { talk } = stage();
    const { id } = (await patient({ tag: [tag('a', { display: 'old' }), tag('b')], profile: ['http://example.org/p'] }))
      .body;
    const update = await talk.update<Patient>({
      resourceType: 'Patient',
      id,
      active: false,
      meta: { tag: [tag('c'), tag('a', { display: 'renamed' })] },
    });
    assert.deepEqual(update.body.meta.tag, [tag('a', { display: 'renamed' }), tag('b'), tag('c')]);
    assert.deepEqual(update.body.meta.profile, ['http://example.org/p']);
    const bare = await talk.update<Patient>({ resourceType: 'Patient', id, active: true });
    assert.equal(bare.body.meta.tag?.length, 3);
    const patched = await talk.send<Patient>('PATCH', `Patient/${id}`, {
      headers: { 'content-type': 'application/json-patch+json' },
      body: JSON.stringify([{ op: 'remove', path: '/meta/tag/0' }]),
    });
    assert.deepEqual(patched.body.meta?.tag, [tag('b'), tag('c')]);
    await talk.delete(`Patient/${id}`);
    const again = await talk.update<Patient>({ resourceType: 'Patient', id });
    assert.equal(again.body.meta.tag, undefined, 'what was deleted leaves no labels');
  });

  it('every other byte stays, and raw bytes keep their labels', async () => {
    const { talk } = stage();
    const body =
      '{"resourceType":"Observation","status":"final","code":{"text":"\\u00e9 x"},"valueQuantity":{"value":1.00}}';
    const { id } = (await talk.send<Stored>('POST', 'Observation', { headers: FHIR, body })).body;
    returned(await operate(`Observation/${id}/$meta-add`, { tag: [tag('a')] }));
    assert.match(
      (await talk.get(`Observation/${id}`)).text,
      /"code":\{"text":"\\u00e9 x"\},"valueQuantity":\{"value":1\.00\}\}$/,
    );
    const raw = { 'content-type': 'application/pdf' };
    const { id: binary } = (
      await talk.send<Stored>('POST', 'Binary', {
        headers: FHIR,
        body: '{"resourceType":"Binary","contentType":"text/plain","data":"QUJD"}',
      })
    ).body;
    returned(await operate(`Binary/${binary}/$meta-add`, { tag: [tag('a')] }));
    assert.equal((await talk.send('PUT', `Binary/${binary}`, { headers: raw, body: 'PDF' })).status, 200);
    assert.deepEqual(returned(await talk.get<Parameters>(`Binary/${binary}/$meta`))?.tag, [tag('a')]);
  });

  it('refuses what is no meta, and what cannot be changed', async () => {
    const { talk } = stage();
    const { id } = (await patient()).body;
    for (const body of ['{"resourceType":"Patient"}', metaOf({ versionId: '3' }), '{"resourceType":"Parameters"}'])
      assert.equal(
        refusal(await talk.send('POST', `Patient/${id}/$meta-add`, { headers: FHIR, body })).status,
        400,
        body,
      );
    assert.equal(refusal(await operate(`Patient/never-was/$meta-add`, { tag: [tag('a')] })).status, 404);
    assert.equal(refusal(await operate(`AuditEvent/x/$meta-delete`, { tag: [tag('a')] })).status, 405);
    assert.equal(refusal(await talk.get(`Patient/${id}/$meta-add`)).status, 405);
    assert.equal(refusal(await talk.get(`Patient/$meta`)).status, 404);
    await talk.delete(`Patient/${id}`);
    assert.equal(refusal(await operate(`Patient/${id}/$meta-add`, { tag: [tag('a')] })).status, 410);
  });

  it('of 32 callers who add different tags all survive, and each is recorded (AUD-1)', async () => {
    const { talk } = stage();
    const { id } = (await patient()).body;
    const codes = Array.from({ length: 32 }, (_, i) => `t${i}`);
    await Promise.all(
      codes.map(async code => returned(await operate(`Patient/${id}/$meta-add`, { tag: [tag(code)] }))),
    );
    const { meta } = (await talk.get<Patient & Stored>(`Patient/${id}`)).body;
    assert.deepEqual(new Set(meta.tag?.map(({ code }) => code)), new Set(codes));
    const events = await talk.search<AuditEvent>(`AuditEvent?entity=Patient/${id}&subtype=operation&_count=100`);
    assert.equal(events.entry?.length, 32);
  });
});
