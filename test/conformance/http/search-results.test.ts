/**
 * What shapes the answer of a search, on both stores: _sort, _count, _total, _summary, _elements, links, lenient
 * handling, _type. https://hl7.org/fhir/R4/search.html#return
 */
import assert from 'node:assert/strict';
import type { Bundle, FhirResource, Observation, OperationOutcome, Patient } from 'fhir/r4.js';
import { it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';
import { idsOf, linkOf, refusal } from '../../support/talk.js';

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const LENIENT = { prefer: 'handling=lenient' };

const patient = (id: string, family: string | undefined, birthDate: string | undefined): Patient => ({
  resourceType: 'Patient',
  id,
  text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">A person</div>' },
  active: true,
  ...(family === undefined ? {} : { name: [{ family, given: ['Given'] }] }),
  ...(birthDate === undefined ? {} : { birthDate }),
  photo: [{ title: 'not part of a summary' }],
});

const PEOPLE: readonly FhirResource[] = [
  patient('p1', 'Berg', '1980-01-01'),
  patient('p2', 'Adler', '1990-01-01'),
  patient('p3', 'Berg', '1970-01-01'),
  patient('p4', undefined, '1960-01-01'),
  patient('p5', 'Cole', undefined),
  { resourceType: 'Observation', id: 'o1', status: 'final', code: { text: 'x' }, subject: { reference: 'Patient/p1' } },
  { resourceType: 'Organization', id: 'g1', name: 'Berg' },
];

onStoresInTurn(
  'the answer of a search',
  stage => {
    const ids = async (query: string) => idsOf(await stage().talk.search(query));

    it('_sort orders, ascending and descending, with what has no value at the end', async () => {
      assert.deepEqual(await ids('Patient?_sort=birthdate'), ['p4', 'p3', 'p1', 'p2', 'p5']);
      assert.deepEqual(await ids('Patient?_sort=-birthdate'), ['p2', 'p1', 'p3', 'p4', 'p5']);
      assert.deepEqual((await ids('Patient?_sort=family')).at(-1), 'p4');
      assert.deepEqual((await ids('Patient?_sort=-family')).at(-1), 'p4');
    });

    it('_sort takes several keys, each with its own direction', async () => {
      assert.deepEqual(await ids('Patient?_sort=family,birthdate'), ['p2', 'p3', 'p1', 'p5', 'p4']);
      assert.deepEqual(await ids('Patient?_sort=family,-birthdate'), ['p2', 'p1', 'p3', 'p5', 'p4']);
      assert.deepEqual(await ids('Patient?_sort=-family,birthdate'), ['p5', 'p3', 'p1', 'p2', 'p4']);
    });

    it('_sort by _id and _lastUpdated', async () => {
      assert.deepEqual(await ids('Patient?_sort=-_id'), ['p5', 'p4', 'p3', 'p2', 'p1']);
      assert.deepEqual(await ids('Patient?_sort=_lastUpdated'), ['p1', 'p2', 'p3', 'p4', 'p5']);
      assert.deepEqual(await ids('Patient?_sort=-_lastUpdated'), ['p5', 'p4', 'p3', 'p2', 'p1']);
    });

    it('_count limits the page, total counts all', async () => {
      const found = await stage().talk.search('Patient?_count=2&_total=accurate');
      assert.deepEqual([found.entry?.length, found.total], [2, 5]);
    });

    it('gives the total unasked where one page holds all, and does not count for it otherwise', async () => {
      assert.equal((await stage().talk.search('Patient')).total, 5);
      assert.equal((await stage().talk.search('Patient?_count=2')).total, undefined);
    });

    it('_count=0 and _summary=count give the total alone', async () => {
      for (const query of ['_count=0', '_summary=count', '_summary=count&_count=3', '_count=0&_summary=true']) {
        const found = await stage().talk.search(`Patient?${query}`);
        assert.deepEqual([found.entry, found.total, linkOf(found, 'next')], [undefined, 5, undefined], query);
      }
    });

    it('_total=none leaves the total out, accurate and estimate give it', async () => {
      const { talk } = stage();
      assert.equal((await talk.search('Patient?_total=none&_count=2')).total, undefined);
      assert.equal((await talk.search('Patient?_total=accurate&_count=2')).total, 5);
      assert.ok(((await talk.search('Patient?_total=estimate&_count=2')).total ?? 0) >= 2);
    });

    it('_summary: true, text, data, false; what is shortened says so', async () => {
      const { talk } = stage();
      const one = async (form: string) =>
        (await talk.search<Patient>(`Patient?_id=p1&_summary=${form}`)).entry?.[0]?.resource;
      const tagged = (found: Patient | undefined) =>
        found?.meta?.tag?.some(({ code }) => code === 'SUBSETTED') ?? false;
      const [summary, text, data, whole] = await Promise.all(['true', 'text', 'data', 'false'].map(one));
      assert.deepEqual([summary?.text, summary?.photo, summary?.name?.[0]?.family], [undefined, undefined, 'Berg']);
      assert.deepEqual([text?.text?.status, text?.name, text?.id], ['generated', undefined, 'p1']);
      assert.deepEqual([data?.text, data?.photo?.length, data?.name?.[0]?.family], [undefined, 1, 'Berg']);
      assert.ok(whole?.text && whole.photo);
      assert.deepEqual([summary, text, data, whole].map(tagged), [true, true, true, false]);
    });

    it('_elements gives those elements, with what is mandatory or a modifier', async () => {
      const { talk } = stage();
      const found = await talk.search<Patient>('Patient?_id=p1&_elements=birthDate,name');
      const keys = Object.keys(found.entry?.[0]?.resource ?? {});
      // `active` is a modifier element: leaving it out would change what the rest means.
      assert.deepEqual(keys.toSorted(), ['active', 'birthDate', 'id', 'meta', 'name', 'resourceType']);
      const observed = await talk.search<Observation>('Observation?_elements=subject');
      const observation = observed.entry?.[0]?.resource;
      assert.deepEqual([observation?.status, observation?.subject?.reference], ['final', 'Patient/p1']);
      assert.equal(observation?.meta?.tag?.[0]?.code, 'SUBSETTED');
    });

    it('shows in the self link exactly what was used', async () => {
      const { talk } = stage();
      const self = async (query: string, headers = {}) => linkOf(await talk.search(query, headers), 'self');
      assert.equal(await self('Patient?family=berg&_count=2'), `${talk.base}/Patient?family=berg&_count=2`);
      assert.equal(
        await self('Patient?_format=json&family=berg&_pretty=true'),
        `${talk.base}/Patient?family=berg&_format=json&_pretty=true`,
      );
      assert.equal(await self('Patient?_count=5000'), `${talk.base}/Patient?_count=6`);
      assert.equal(await self('Patient?family=berg&hair=red', LENIENT), `${talk.base}/Patient?family=berg`);
      assert.equal(await self('Patient?_sort=hair,family', LENIENT), `${talk.base}/Patient?_sort=family`);
      assert.equal(await self('Patient?family=%C3%BC%26%3D'), `${talk.base}/Patient?family=%C3%BC%26%3D`);
      assert.equal(await self('Patient'), `${talk.base}/Patient`);
    });

    it('answers the same question by its self link', async () => {
      const { talk } = stage();
      const first = await talk.search('Patient?family=berg,adler&_sort=-birthdate&_elements=name');
      const again = await talk.search(linkOf(first, 'self') ?? '');
      assert.deepEqual(idsOf(again), idsOf(first));
    });

    it('leaves out what it does not know under lenient handling, and says so in the answer', async () => {
      const { talk } = stage();
      const found = await talk.search('Patient?family=berg&hair=red&family:sounds=x&_include:x=Patient:link', LENIENT);
      assert.deepEqual([idsOf(found).toSorted(), found.total], [['p1', 'p3'], 2]);
      const last = found.entry?.at(-1);
      const outcome = last?.resource as OperationOutcome;
      assert.deepEqual([last?.search?.mode, outcome.resourceType], ['outcome', 'OperationOutcome']);
      assert.deepEqual(
        outcome.issue.map(({ severity }) => severity),
        ['warning', 'warning', 'warning'],
      );
      assert.equal(refusal(await talk.get('Patient?hair=red')).status, 400);
      assert.equal(refusal(await talk.get('Patient?hair=red', { prefer: 'handling=strict' })).status, 400);
      assert.equal(
        refusal(await talk.get('Patient?birthdate=x', LENIENT)).status,
        400,
        'a bad value is no unknown name',
      );
    });

    it('combines the parameters of address and body in POST _search', async () => {
      const { talk } = stage();
      const options = { headers: FORM, body: 'birthdate=1970-01-01' };
      const reply = await talk.send<Bundle>('POST', 'Patient/_search?family=berg', options);
      assert.deepEqual(idsOf(reply.body), ['p3']);
      const system = await talk.send<Bundle>('POST', '_search', { headers: FORM, body: '_type=Patient&_id=p1' });
      assert.deepEqual(idsOf(system.body), ['p1']);
    });

    it('searches several types by _type, the common parameters on all of them', async () => {
      assert.deepEqual((await ids('?_type=Patient,Organization&_count=50')).toSorted(), [
        'g1',
        'p1',
        'p2',
        'p3',
        'p4',
        'p5',
      ]);
      assert.deepEqual(await ids('?_type=Patient,Organization,Observation&_id=g1,o1&_sort=_lastUpdated'), ['o1', 'g1']);
      assert.deepEqual((await ids('?_id=p1,o1,g1')).toSorted(), ['g1', 'o1', 'p1']);
      const { talk } = stage();
      assert.equal(refusal(await talk.get('?_type=Person2')).status, 400);
      assert.equal(refusal(await talk.get('?_type=Patient,Organization&birthdate=2000')).status, 400);
    });

    it('never gives more than the largest page', async () => {
      const found = await stage().talk.search('?_type=Patient,Observation,Organization&_count=1000000');
      assert.equal(found.entry?.length, 6);
      assert.ok(linkOf(found, 'next'));
    });
  },
  {
    config: { pageSize: '6', maxPageSize: '6' },
    async set({ talk }) {
      for (const resource of PEOPLE) await talk.update(resource);
    },
  },
);
