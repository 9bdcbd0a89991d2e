/** history on three levels, on both stores: https://hl7.org/fhir/R4/http.html#history */
import assert from 'node:assert/strict';
import type { Bundle, Patient } from 'fhir/r4.js';
import { it } from 'mocha';
import { onBothStores } from '../../support/both-stores.js';
import { linkOf, refusal, type Talk, walk } from '../../support/talk.js';

const patient = (id: string, more: Partial<Patient> = {}): Patient => ({ resourceType: 'Patient', id, ...more });

/** `Patient/a 2` of each entry, in order. */
const versionsOf = (...pages: Bundle[]): string[] =>
  pages.flatMap(page =>
    (page.entry ?? []).map(
      ({ fullUrl, response }) => `${fullUrl?.split('/fhir/')[1]} ${response?.etag?.replaceAll(/\D/g, '')}`,
    ),
  );

async function history(talk: Talk, path: string): Promise<Bundle> {
  const reply = await talk.get<Bundle>(path);
  assert.equal(reply.status, 200, reply.text);
  assert.equal(reply.body.type, 'history');
  assert.ok(linkOf(reply.body, 'self'));
  return reply.body;
}

/** Everything that happened to patients and the organisation, oldest first. */
const STORY = ['Patient/a 1', 'Patient/b 1', 'Patient/a 2', 'Organization/o 1', 'Patient/b 2', 'Patient/a 3'];

onBothStores(
  'history',
  stage => {
    it('of an instance: every version newest first, with request and response', async () => {
      const { talk } = stage();
      const found = await history(talk, 'Patient/a/_history');
      assert.equal(found.total, 3);
      assert.deepEqual(versionsOf(found), ['Patient/a 3', 'Patient/a 2', 'Patient/a 1']);
      const [third, second, first] = found.entry ?? [];
      assert.equal(third?.fullUrl, `${talk.base}/Patient/a`);
      assert.deepEqual(third?.request, { method: 'PUT', url: 'Patient/a' });
      assert.equal(third?.response?.status, '201 Created', 'it had been deleted');
      assert.deepEqual(second?.request, { method: 'DELETE', url: 'Patient/a' });
      assert.deepEqual([second?.resource, second?.response?.status], [undefined, '204 No Content']);
      assert.equal(first?.response?.status, '201 Created');
      assert.equal(first?.resource?.meta?.versionId, '1');
    });

    it('of a creation by POST: the request is the one that was made', async () => {
      const { talk } = stage();
      const { body } = await talk.create({ resourceType: 'Organization', name: 'Posted' });
      const [entry] = (await history(talk, `Organization/${body.id}/_history`)).entry ?? [];
      assert.deepEqual(entry?.request, { method: 'POST', url: 'Organization' });
    });

    it('of a type: that type alone', async () => {
      const found = await history(stage().talk, 'Patient/_history');
      assert.deepEqual(versionsOf(found), STORY.filter(text => text.startsWith('Patient')).toReversed());
    });

    it('of the system: all types', async () => {
      const pages = await walk(stage().talk, await history(stage().talk, '_history?_count=1000'));
      const about = versionsOf(...pages).filter(text => STORY.includes(text));
      assert.deepEqual(about, STORY.toReversed());
    });

    it('in pages: each version once, until there is no next link', async () => {
      const { talk } = stage();
      const pages = await walk(talk, await history(talk, 'Patient/_history?_count=2'));
      assert.deepEqual(
        pages.map(page => page.entry?.length),
        [2, 2, 1],
      );
      assert.deepEqual(versionsOf(...pages), versionsOf(await history(talk, 'Patient/_history')));
    });

    it('_since: what happened at that instant or later', async () => {
      const { talk } = stage();
      const { body } = await talk.get<Patient>('Patient/b/_history/2');
      const since = encodeURIComponent(body.meta?.lastUpdated ?? '');
      const found = await history(talk, `Patient/_history?_since=${since}`);
      assert.deepEqual(versionsOf(found), ['Patient/a 3', 'Patient/b 2']);
      assert.deepEqual(versionsOf(await history(talk, 'Patient/_history?_since=2999-01-01T00:00:00Z')), []);
    });

    it('_at: what was current at that time', async () => {
      const { talk } = stage();
      const { body } = await talk.get<Patient>('Patient/b/_history/2');
      const at = encodeURIComponent(body.meta?.lastUpdated ?? '');
      const found = await history(talk, `Patient/_history?_at=${at}`);
      assert.deepEqual(versionsOf(found), ['Patient/b 2', 'Patient/a 2']);
    });

    it('of what never existed: 404; of what was deleted: 200', async () => {
      const { talk } = stage();
      assert.equal(refusal(await talk.get('Patient/nobody/_history')).status, 404);
      await talk.update({ resourceType: 'Basic', id: 'gone', code: { text: 'x' } });
      await talk.delete('Basic/gone');
      assert.deepEqual(versionsOf(await history(talk, 'Basic/gone/_history')), ['Basic/gone 2', 'Basic/gone 1']);
    });

    it('refuses values that are none, and parameters it does not know, with 400', async () => {
      const { talk } = stage();
      for (const query of ['_count=0', '_count=x', '_since=yesterday', '_at=x', '_sort=x', 'family=x', '_page=x'])
        assert.equal(refusal(await talk.get(`Patient/_history?${query}`)).status, 400, query);
    });
  },
  {
    async set({ talk }) {
      await talk.update(patient('a'));
      await talk.update(patient('b'));
      await talk.delete('Patient/a');
      await talk.update({ resourceType: 'Organization', id: 'o', name: 'O' });
      await talk.update(patient('b', { active: true }));
      await talk.update(patient('a', { active: true }));
    },
  },
);
