/** history on three levels, on both stores: https://hl7.org/fhir/R4/http.html#history */
import assert from 'node:assert/strict';
import type { Bundle, Patient } from 'fhir/r4.js';
import { it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';
import { linkOf, refusal, type Talk, walk } from '../../support/talk.js';

const patient = (id: string, more: Partial<Patient> = {}): Patient => ({ resourceType: 'Patient', id, ...more });

const NARRATIVE = { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">b</div>' } as const;

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

onStoresInTurn(
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
      const queries = [
        ...['_count=x', '_count=-1', '_since=yesterday', '_at=x', '_at=', 'family=x', '_page=x', '_count=1&_count=2'],
        ...['_sort=x', '_sort=family', '_sort=_lastUpdated,_id', '_summary=bogus', '_summary=', '_total=some'],
        ...['_elements=bogus', '_elements=id,bogus', '_elements=', '_elements=status', '_type=Patient', '_list=x'],
      ];
      for (const query of queries)
        assert.equal(refusal(await talk.get(`Patient/_history?${query}`)).status, 400, query);
      for (const path of ['_history?_type=Nothing', '_history?_elements=bogus', 'Patient/a/_history?_type=Patient'])
        assert.equal(refusal(await talk.get(path)).status, 400, path);
    });

    const LEVELS = ['Patient/b/_history', 'Patient/_history', '_history'];
    for (const level of LEVELS)
      it(`${level}: _summary and _elements show of each version what a search would`, async () => {
        const { talk } = stage();
        const ofB = async (query: string) => {
          const found = await history(talk, `${level}?_count=1000&${query}`);
          return found.entry?.find(({ request, resource }) => request?.method === 'PUT' && resource?.id === 'b')
            ?.resource;
        };
        const whole = (await ofB('_summary=false')) as Patient;
        assert.deepEqual([whole.gender, whole.text?.status, whole.meta?.tag], ['male', 'generated', undefined]);
        const tag = [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue', code: 'SUBSETTED' }];
        for (const [query, gender, div] of [
          ['_summary=true', 'male', undefined],
          ['_summary=text', undefined, 'generated'],
          ['_summary=data', 'male', undefined],
          ['_elements=gender', 'male', undefined],
          ['_elements=text', undefined, 'generated'],
          ['_elements=gender&_summary=text', 'male', undefined],
        ] as const) {
          const shown = (await ofB(query)) as Patient;
          assert.deepEqual([shown.gender, shown.text?.status, shown.meta?.tag], [gender, div, tag], query);
          assert.equal(shown.meta?.versionId, '2', query);
        }
      });

    for (const [level, count] of [
      ['Patient/a/_history', 3],
      ['Patient/_history', 5],
      ['Patient/_history?_since=2999-01-01T00:00:00Z', 0],
    ] as const)
      it(`${level}: counts alone with _summary=count and _count=0`, async () => {
        for (const how of ['_summary=count', '_count=0', '_summary=count&_count=1', '_count=0&_summary=true']) {
          const found = await history(stage().talk, `${level}${level.includes('?') ? '&' : '?'}${how}`);
          assert.deepEqual([found.total, found.entry, found.link?.length], [count, undefined, 1], how);
        }
      });

    it('of nobody: 404 where it is counted, too', async () => {
      assert.equal(refusal(await stage().talk.get('Patient/nobody/_history?_summary=count')).status, 404);
    });

    it('a total beyond one page: where it is asked for, and then on every page', async () => {
      const { talk } = stage();
      assert.equal((await history(talk, 'Patient/_history?_count=2')).total, undefined);
      assert.equal((await history(talk, 'Patient/_history?_count=2&_total=none')).total, undefined);
      for (const how of ['accurate', 'estimate']) {
        const pages = await walk(talk, await history(talk, `Patient/_history?_count=2&_total=${how}`));
        assert.deepEqual(
          pages.map(({ total }) => total),
          [5, 5, 5],
        );
      }
    });

    for (const level of ['Patient/a/_history', 'Patient/_history'])
      it(`${level}: _sort=_lastUpdated is oldest first, page by page; previous links lead back`, async () => {
        const { talk } = stage();
        const newest = versionsOf(await history(talk, level));
        assert.deepEqual(versionsOf(await history(talk, `${level}?_sort=-_lastUpdated`)), newest);
        for (const [sort, expected] of [
          ['_lastUpdated', newest.toReversed()],
          ['-_lastUpdated', newest],
        ] as const) {
          const forward = await walk(talk, await history(talk, `${level}?_count=2&_sort=${sort}`));
          assert.deepEqual(versionsOf(...forward), expected);
          assert.equal(linkOf(forward[0]!, 'previous'), undefined);
          const back = await walk(talk, forward.at(-1)!, 'previous');
          assert.deepEqual(
            back.toReversed().map(page => versionsOf(page)),
            forward.map(page => versionsOf(page)),
          );
        }
      });

    it('of the system without the audit trail, which _type names where it is wanted', async () => {
      const { talk } = stage();
      const typesOf = (found: Bundle) => new Set(found.entry?.map(({ fullUrl }) => fullUrl?.split('/').at(-2)));
      const total = async (path: string) => (await history(talk, path)).total!;
      const before = await total('_history?_summary=count');
      await talk.get('Patient/a');
      assert.equal(await total('_history?_summary=count'), before, 'a look is no change');
      assert.deepEqual(typesOf(await history(talk, '_history?_type=AuditEvent&_count=5')), new Set(['AuditEvent']));
      assert.ok((await total('_history?_type=AuditEvent&_summary=count')) > before);
      const some = await history(talk, '_history?_type=Organization,Patient&_count=1000');
      assert.deepEqual(typesOf(some), new Set(['Organization', 'Patient']));
      assert.equal(linkOf(some, 'self'), `${talk.base}/_history?_type=Organization,Patient&_count=1000`);
    });
  },
  {
    async set({ talk }) {
      await talk.update(patient('a'));
      await talk.update(patient('b'));
      await talk.delete('Patient/a');
      await talk.update({ resourceType: 'Organization', id: 'o', name: 'O' });
      await talk.update(patient('b', { gender: 'male', text: NARRATIVE }));
      await talk.update(patient('a', { active: true }));
    },
  },
);
