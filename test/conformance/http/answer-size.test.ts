/**
 * Answers are bounded in bytes, on both stores: pages end early with a link to what follows, entries of Bundles that have no
 * room say so, and what was written is told as written. https://hl7.org/fhir/R4/http.html#paging
 */
import assert from 'node:assert/strict';
import type { Bundle, BundleEntry, FhirResource, OperationOutcome } from 'fhir/r4.js';
import { it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';
import { FULL } from '../../support/depth.js';
import { idsOf, linkOf, type Reply, type Talk } from '../../support/talk.js';

const MB = 1024 * 1024;
const MAX = 3 * MB;
const COUNT = 6;
const patient = (id: string, bytes: number): FhirResource => ({
  resourceType: 'Patient',
  id,
  generalPractitioner: [{ reference: 'Organization/big' }],
  managingOrganization: { reference: 'Organization/big' },
  name: [{ text: 'x'.repeat(bytes) }],
});
const names = Array.from({ length: COUNT }, (_, i) => `p${i}`);

/** Every page, and that each is small enough. */
async function pages(talk: Talk, path: string, relation = 'next'): Promise<Bundle[]> {
  const found: Bundle[] = [];
  for (let url: string | undefined = path; url !== undefined; url = linkOf(found.at(-1)!, relation)) {
    const { status, text, body }: Reply<Bundle> = await talk.get<Bundle>(url);
    assert.equal(status, 200, text.slice(0, 500));
    assert.ok(text.length <= MAX + 64 * 1024 || body.entry?.length === 1, `${path}: ${text.length}`);
    assert.ok((body.entry?.length ?? 0) > 0);
    found.push(body);
    assert.ok(found.length < 50);
  }
  return found;
}

const batch = (type: 'batch' | 'transaction', ...requests: readonly (string | BundleEntry)[]) =>
  JSON.stringify({
    resourceType: 'Bundle',
    type,
    entry: requests.map(each => (typeof each === 'string' ? { request: { method: 'GET', url: each } } : each)),
  });
const JSON_BODY = { 'content-type': 'application/fhir+json' };
const statuses = (reply: Bundle) => (reply.entry ?? []).map(({ response }) => Number(response!.status.slice(0, 3)));

onStoresInTurn(
  'the size of answers',
  stage => {
    for (const [path, total] of [
      ['Patient?_count=1000', COUNT],
      ['Patient?_count=1000&_sort=_lastUpdated', COUNT],
      ['Patient?_count=1000&_sort=-_lastUpdated,_id', COUNT],
      ['Patient/_history?_count=1000', COUNT + 1],
      ['Patient/p0/_history?_count=1000', 2],
      ['?_type=Patient,Basic&_count=1000', COUNT + 1],
      ['DocumentReference?_count=1000', 4],
    ] as const)
      it(`${path}: pages end early, none is lost, and the way back is the same`, async () => {
        const { talk } = stage();
        const forward = await pages(talk, path);
        const ids = forward.flatMap(idsOf);
        assert.equal(ids.length, total);
        if (forward.length === 1) return assert.equal(total, 2);
        const back = await pages(talk, linkOf(forward.at(-1)!, 'previous') ?? '', 'previous');
        const last = idsOf(forward.at(-1)!);
        assert.deepEqual([...back.toReversed().flatMap(idsOf), ...last], ids);
      });

    it('$everything in pages ends them early, too; in one Bundle it is sent as it is read', async () => {
      const { talk } = stage();
      const found = (await pages(talk, 'Group/all/$everything?_count=1000')).flatMap(idsOf);
      const whole = await talk.get<Bundle>('Group/all/$everything');
      assert.deepEqual(idsOf(whole.body), found);
      assert.ok(found.includes('p5') && found.includes('big'));
      assert.equal(whole.body.total, found.length - 1);
    });

    it('what has no room beside the matches is left out, and told', async () => {
      const { talk } = stage();
      for (const query of ['_include=*', '_revinclude=Patient:organization'])
        for (const of of ['Patient?_count=1', 'Organization?_id=big']) {
          const { body, text } = await talk.get<Bundle>(`${of}&${query}`);
          assert.ok(text.length <= MAX + 64 * 1024, `${of}&${query}: ${text.length}`);
          assert.ok(idsOf(body).length > 0);
        }
      const { body } = await talk.get<Bundle>('Organization?_id=big&_revinclude=Patient:organization');
      const outcome = body.entry?.find(({ search }) => search?.mode === 'outcome')?.resource as OperationOutcome;
      assert.equal(outcome.issue[0]?.details?.coding?.[0]?.code, 'include-cut');
    });

    it('a batch answers what has room, and refuses the rest entry by entry', async () => {
      const { talk } = stage();
      const requests = [
        ...names.map(id => `Patient/${id}`),
        ...Array.from({ length: FULL ? 300 : 60 }, () => 'metadata'),
      ];
      const reply = await talk.send<Bundle>('POST', '', { headers: JSON_BODY, body: batch('batch', ...requests) });
      assert.equal(reply.status, 200);
      assert.ok(reply.text.length < MAX + 512 * 1024, `${reply.text.length}`);
      const got = statuses(reply.body);
      assert.equal(got.length, requests.length);
      assert.ok(got.includes(200) && got.includes(413) && got.every(status => status === 200 || status === 413));
      const refused = reply.body.entry!.find(({ response }) => response!.status.startsWith('413'))!;
      const outcome = refused.response!.outcome as OperationOutcome;
      assert.equal(outcome.issue[0]?.details?.coding?.[0]?.code, 'answer-too-large');
    });

    for (const type of ['batch', 'transaction'] as const)
      it(`a ${type} tells every write as done, with or without its resource`, async () => {
        const { talk } = stage();
        const puts = names.map((_, i): BundleEntry => {
          const resource = patient(`${type}${i}`, MB - 1000);
          return { resource, request: { method: 'PUT', url: `Patient/${type}${i}` } };
        });
        const body = batch(type, ...puts, 'Patient/p0');
        const reply = await talk.send<Bundle>('POST', '', {
          headers: { ...JSON_BODY, prefer: 'return=representation' },
          body,
        });
        assert.equal(reply.status, 200, reply.text.slice(0, 500));
        assert.ok(reply.text.length < MAX + 64 * 1024);
        const entries = reply.body.entry!.slice(0, COUNT);
        assert.ok(entries.every(({ response }) => response!.status === '201 Created' && response!.etag === 'W/"1"'));
        const shown = entries.filter(({ resource }) => resource !== undefined);
        assert.ok(shown.length > 0 && shown.length < COUNT);
        for (const { resource, response } of entries)
          if (!resource) assert.match(JSON.stringify(response!.outcome), /answer-too-large/);
        assert.match(reply.body.entry![COUNT]!.response!.status, /^(413|200)/);
        for (const i of names.keys()) assert.equal((await talk.get(`Patient/${type}${i}`)).status, 200);
        for (const i of names.keys()) await talk.delete(`Patient/${type}${i}`);
      });

    it('one resource is shown however large it is, in every form', async () => {
      const { talk } = stage();
      for (const query of [
        '',
        '?_format=xml',
        '?_pretty=true',
        '?_elements=extension',
        '/_history/1',
        '/_history?_format=xml',
      ])
        assert.ok((await talk.get(`Basic/huge${query}`)).text.length > 4 * MB, query);
      for (const query of ['?_summary=true', '?_elements=id', '/$meta'])
        assert.ok((await talk.get(`Basic/huge${query}`)).text.length < 1000, query);
      const head = await talk.send('HEAD', 'Basic/huge');
      assert.deepEqual([head.status, head.text], [200, '']);
    });
  },
  {
    config: { maxAnswer: String(MAX) },
    async set({ talk }) {
      await talk.update({ resourceType: 'Organization', id: 'big', name: 'y'.repeat(MB - 100) });
      for (const id of names) await talk.update(patient(id, MB - 1000));
      await talk.update(patient('p0', MB - 2000));
      const parts = Array.from({ length: 5 }, () => 'z'.repeat(MB - 100));
      await talk.update({
        resourceType: 'Basic',
        id: 'huge',
        code: { text: 'x' },
        extension: parts.map(valueString => ({ url: 'http://example.org/x', valueString })),
      });
      const member = names.map(id => ({ entity: { reference: `Patient/${id}` } }));
      await talk.update({ resourceType: 'Group', id: 'all', type: 'person', actual: true, member });
      for (let i = 0; i < 4; i++)
        await talk.update({
          resourceType: 'DocumentReference',
          id: `d${i}`,
          status: 'current',
          content: [{ attachment: { contentType: 'text/plain', data: Buffer.alloc(MB, i).toString('base64') } }],
        });
    },
  },
);
