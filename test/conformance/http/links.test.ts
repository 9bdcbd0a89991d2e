/**
 * What the links and totals of searches, histories and records say, on both stores: the parameters as they were used, the
 * form of the answer on every page, and numbers that do not grow with every look.
 * https://hl7.org/fhir/R4/bundle.html#searchset, https://hl7.org/fhir/R4/http.html#paging
 */
import assert from 'node:assert/strict';
import type { Bundle, FhirResource } from 'fhir/r4.js';
import { it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';
import { linkOf, refusal } from '../../support/talk.js';

const observation = (n: number): FhirResource => ({
  resourceType: 'Observation',
  id: `o${n}`,
  status: 'final',
  code: { text: 'x' },
  subject: { reference: 'Patient/p' },
  performer: [{ reference: 'Practitioner/dr' }],
  note: [{ text: 'n' }],
  effectiveDateTime: `2020-01-0${n + 1}T12:00:00+02:00`,
});
const OBSERVATIONS = 4;

/** Each has several pages of two. */
const PAGED = ['Observation?', 'Observation?_sort=date&', '?_type=Observation&', 'Observation/_history?', '_history?'];
const RECORD = 'Patient/p/$everything?';

onStoresInTurn(
  'links and totals',
  stage => {
    for (const path of [...PAGED, RECORD, 'Patient/p/*?', 'Patient/p/Observation?'])
      it(`${path}: every page keeps _format and _pretty, and what is shown`, async () => {
        const { talk } = stage();
        const isWanted = (url: string | undefined) => {
          const query = new URL(url ?? '').searchParams;
          assert.deepEqual([query.get('_format'), query.get('_pretty')], ['application/fhir+xml', 'true'], url);
          assert.equal(query.getAll('_format').length, 1);
        };
        let url = `${path}_count=2&_format=application/fhir%2Bxml&_pretty=true&_elements=status`;
        for (let page = 0; page < 2; page++) {
          const reply = await talk.get(url);
          const { status, text } = reply;
          assert.equal(status, 200, text);
          assert.match(reply.header('content-type') ?? '', /xml/);
          assert.match(text, /\n {2}<entry>/);
          assert.doesNotMatch(text, /effectiveDateTime/);
          const links = [...text.matchAll(/<relation value="(\w+)"\/>\s*<url value="([^"]+)"/g)];
          for (const [, , link] of links) isWanted(link?.replaceAll('&amp;', '&'));
          url = links.find(([, relation]) => relation === 'next')?.[2]?.replaceAll('&amp;', '&') ?? '';
          assert.ok(url !== '' || page > 0, text);
          if (url === '') return;
        }
      });

    for (const path of [...PAGED, RECORD])
      it(`${path}: the self link has the _count that was used`, async () => {
        const { talk } = stage();
        for (const [asked, used] of [
          ['2', '2'],
          ['20', '20'],
          ['21', '20'],
          ['5000', '20'],
        ] as const) {
          const { body } = await talk.get<Bundle>(`${path}_count=${asked}`);
          assert.equal(new URL(linkOf(body, 'self') ?? '').searchParams.get('_count'), used, asked);
        }
      });

    it('$everything has a total where one answer holds everything: its matches', async () => {
      const { talk } = stage();
      for (const query of ['', '_count=20', '_format=json', '_summary=true']) {
        const { body, text } = await talk.get<Bundle>(RECORD + query);
        assert.equal(body.total, OBSERVATIONS + 1, text);
        assert.equal(body.entry?.length, OBSERVATIONS + 2, 'the practitioner is included');
      }
      const nothing = await talk.get<Bundle>(`${RECORD}_since=2999-01-01`);
      assert.deepEqual([nothing.body.total, nothing.body.entry], [0, undefined]);
      const { body } = await talk.get<Bundle>(`${RECORD}_count=2`);
      assert.equal(body.total, undefined, 'there is more than this page');
      assert.equal((await talk.get<Bundle>(linkOf(body, 'next') ?? '')).body.total, undefined);
      assert.match((await talk.get(`${RECORD}_format=xml`)).text, /<total value="5"\/>/);
    });

    it('$everything shows resources by _summary and _elements, and refuses what is none', async () => {
      const { talk } = stage();
      const ofObservation = async (query: string) =>
        (await talk.get<Bundle>(RECORD + query)).body.entry?.find(({ resource }) => resource?.id === 'o0')?.resource;
      const keys = async (query: string) => Object.keys((await ofObservation(query)) ?? {});
      assert.ok((await keys('')).includes('note'));
      assert.ok(!(await keys('_summary=true')).includes('note'));
      assert.deepEqual(await keys('_elements=code'), ['resourceType', 'id', 'meta', 'status', 'code']);
      for (const query of ['_summary=count', '_summary=x', '_elements=bogus', '_summary='])
        assert.equal(refusal(await talk.get(RECORD + query)).status, 400, query);
    });

    it('a plus sign that nobody has escaped is one, wherever an address has a date', async () => {
      const { talk } = stage();
      for (const path of [
        ...['Observation?date=ge', 'Observation?_lastUpdated=ge', 'Patient?_has:Observation:patient:date=ge'],
        'Observation?_filter=status eq final and date ge ',
        ...['Observation/_history?_since=', 'Observation/o0/_history?_since=', '_history?_since=', '_history?_at='],
        ...['Patient/p/$everything?_since=', 'Patient/p/$everything?start=', 'Patient/p/$everything?end='],
      ]) {
        const at = '2020-01-01T12:00:00+02:00';
        const [plain, escaped] = [
          await talk.get<Bundle>(path + at),
          await talk.get<Bundle>(path + encodeURIComponent(at)),
        ];
        assert.equal(plain.status, 200, `${path}: ${plain.text}`);
        assert.equal(plain.body.entry?.length, escaped.body.entry?.length, path);
      }
      for (const path of ['Observation/_history?_since=2020-01-01 10:00', 'Patient/p/$everything?start=2020-01-01 '])
        assert.equal(refusal(await talk.get(encodeURI(path))).status, 400, path);
    });

    it('searches of the whole server and of a compartment pass over the audit trail, unless _type names it', async () => {
      const { talk } = stage();
      for (const [path, named] of [
        ['?', '?_type=AuditEvent'],
        ['Patient/p/*?', 'Patient/p/AuditEvent?'],
      ] as const) {
        const total = async (query: string) => (await talk.search(`${query}&_summary=count`)).total!;
        const [before, trail] = [await total(path), await total(named)];
        await talk.get('Patient/p');
        assert.equal(await total(path), before, path);
        assert.ok((await total(named)) > trail, named);
        const { entry } = await talk.search(`${path}_count=20`);
        assert.ok(entry?.every(({ resource }) => resource?.resourceType !== 'AuditEvent'));
      }
    });
  },
  {
    config: { maxPageSize: '20', pageSize: '20' },
    async set({ talk }) {
      await talk.update({ resourceType: 'Practitioner', id: 'dr' });
      await talk.update({ resourceType: 'Patient', id: 'p', active: true });
      for (let n = 0; n < OBSERVATIONS; n++) await talk.update(observation(n));
    },
  },
);
