/**
 * A part of a resource is not written over the whole, and its mark is not kept: https://hl7.org/fhir/R4/search.html#summary,
 * https://hl7.org/fhir/R4/resource.html#simple-tags
 */
import assert from 'node:assert/strict';
import type { Coding, Patient } from 'fhir/r4.js';
import { describe, it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';
import { done, entry, post, put, refused, send, statuses } from '../../support/bundles.js';
import { refusal, type Stored } from '../../support/talk.js';

const MARK: Coding = { system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue', code: 'SUBSETTED' };
const OLD: Coding = { system: 'http://hl7.org/fhir/v3/ObservationValue', code: 'SUBSETTED' };
const OWN: Coding = { system: 'urn:own', code: 'kept' };
const JSON_BODY = { 'content-type': 'application/fhir+json' };
const patient = (id: string, tag: Coding[] = []): Patient & { id: string } => ({
  resourceType: 'Patient',
  id,
  ...(tag.length > 0 ? { meta: { tag } } : {}),
  name: [{ family: 'Full' }],
  active: true,
});

onStoresInTurn('a part of a resource', stage => {
  const refusedAs = (reply: Parameters<typeof refusal>[0]) => {
    assert.deepEqual(refusal(reply), { status: 422, detail: 'subset' });
    assert.match(reply.text, /without _summary and _elements/);
    assert.equal(refused(reply).at?.replace(/^Bundle\.entry\[0\]\.resource\./, 'Patient.'), 'Patient.meta.tag');
  };
  const patchWith = (id: string, operations: object[]) =>
    stage().talk.send<Patient & Stored>('PATCH', `Patient/${id}`, {
      headers: { 'content-type': 'application/json-patch+json' },
      body: JSON.stringify(operations),
    });
  const labels = (operation: string, id: string, tag: Coding[]) =>
    stage().talk.send('POST', `Patient/${id}/$${operation}`, {
      headers: JSON_BODY,
      body: JSON.stringify({ resourceType: 'Parameters', parameter: [{ name: 'meta', valueMeta: { tag } }] }),
    });
  const tagsOf = async (id: string) => (await stage().talk.get<Patient>(`Patient/${id}`)).body.meta?.tag;
  /** A whole that was stored with the mark, as an earlier server did. */
  async function marked(id: string, tag: Coding[] = [OWN, MARK]) {
    const { talk, server } = stage();
    await talk.update(patient(id, [{ ...OWN, code: 'PLACE' }]));
    const row = (await server.engine.store.read('Patient', id))!;
    const text = row
      .text!.toString()
      .replace(JSON.stringify([{ ...OWN, code: 'PLACE' }]), JSON.stringify(tag))
      .replace('"versionId":"1"', '"versionId":"2"');
    await server.engine.store.commit({
      changes: [{ ...row, version: 2, text: Buffer.from(text), entries: [], replaces: row }],
    });
    assert.deepEqual(await tagsOf(id), tag);
  }

  it('as a read or a search gives it is refused by PUT, and the whole stays', async () => {
    const { talk } = stage();
    await talk.update(patient('whole'));
    for (const query of ['_elements=active', '_summary=true', '_summary=data']) {
      const part = (await talk.get<Patient & { id: string }>(`Patient/whole?${query}`)).body;
      refusedAs(await talk.update(part));
    }
    assert.deepEqual((await talk.get<Patient>('Patient/whole')).body.name, [{ family: 'Full' }]);
  });

  for (const [title, mark] of [
    ['of R4', MARK],
    ['of STU3', OLD],
    ['with a display and a version', { ...MARK, display: 'subsetted', version: '1' }],
  ] as const)
    it(`with the mark ${title} is refused in every write`, async () => {
      const { talk } = stage();
      await talk.update(patient('every'));
      const body = patient('every', [OWN, mark]);
      refusedAs(await talk.update(body));
      refusedAs(await talk.create(body));
      refusedAs(
        await talk.send('PUT', 'Patient?identifier=urn:nobody|x', {
          headers: JSON_BODY,
          body: JSON.stringify({ ...body, id: 'never-was' }),
        }),
      );
      refusedAs(await patchWith('every', [{ op: 'add', path: '/meta/tag', value: [mark] }]));
      refusedAs(await labels('meta-add', 'every', [mark]));
      for (const each of [put(body), post(body)]) {
        refusedAs(await send(talk, 'transaction', [each]));
        assert.deepEqual(statuses(await done(send(talk, 'batch', [each]))), ['422']);
      }
      const xml = `<Patient xmlns="http://hl7.org/fhir"><id value="every"/><meta><tag><system value="${mark.system}"/><code value="SUBSETTED"/></tag></meta></Patient>`;
      refusedAs(
        await talk.send('PUT', 'Patient/every', { headers: { 'content-type': 'application/fhir+xml' }, body: xml }),
      );
      assert.equal((await talk.get('Patient/every')).header('etag'), 'W/"1"');
    });

  it('inside of a Bundle that is stored as one is content', async () => {
    const { talk } = stage();
    const stored = await talk.create({
      resourceType: 'Bundle',
      type: 'collection',
      entry: [{ resource: patient('x', [MARK]) }],
    });
    assert.equal(stored.status, 201);
    const other: Coding[] = [{ system: 'urn:other', code: 'SUBSETTED' }, { code: 'SUBSETTED' }];
    assert.equal((await talk.update(patient('other', other))).status, 201, 'a code of another system');
  });

  describe('in the mark of a whole that was stored with it', () => {
    it('is no longer said after an update, which keeps the other labels', async () => {
      await marked('old-put');
      assert.equal((await stage().talk.update(patient('old-put'))).status, 200);
      assert.deepEqual(await tagsOf('old-put'), [OWN]);
      await marked('old-alone', [MARK]);
      await stage().talk.update(patient('old-alone'));
      assert.equal(await tagsOf('old-alone'), undefined);
    });
    it('is no longer said after a patch, and a patch may take it away', async () => {
      await marked('old-patch');
      assert.equal((await patchWith('old-patch', [{ op: 'replace', path: '/active', value: false }])).status, 200);
      assert.deepEqual(await tagsOf('old-patch'), [OWN]);
      await marked('old-remove');
      assert.equal((await patchWith('old-remove', [{ op: 'remove', path: '/meta/tag/1' }])).status, 200);
      assert.deepEqual(await tagsOf('old-remove'), [OWN]);
    });
    it('is no longer said after $meta-add and $meta-delete', async () => {
      const more: Coding = { system: 'urn:own', code: 'more' };
      await marked('old-add');
      assert.equal((await labels('meta-add', 'old-add', [more])).status, 200);
      assert.deepEqual(await tagsOf('old-add'), [OWN, more]);
      await marked('old-delete');
      assert.equal((await labels('meta-delete', 'old-delete', [MARK])).status, 200);
      assert.deepEqual(await tagsOf('old-delete'), [OWN]);
    });
    it('is no longer said after an update of a raw Binary', async () => {
      const { talk } = stage();
      const headers = { 'content-type': 'application/pdf' };
      await talk.send('PUT', 'Binary/raw', { headers, body: 'x' });
      assert.deepEqual(statuses(await done(send(talk, 'batch', [entry('GET', 'Binary/raw')]))), ['200']);
    });
  });
});
