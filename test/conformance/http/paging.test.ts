/** Paging of searches, on both stores: https://hl7.org/fhir/R4/http.html#paging */
import assert from 'node:assert/strict';
import type { Bundle, Patient } from 'fhir/r4.js';
import { it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';
import { idsOf, linkOf, refusal, type Talk, walk } from '../../support/talk.js';

const KEPT = Array.from({ length: 30 }, (_, n) => `kept-${String(n).padStart(2, '0')}`);
const FAMILIES = ['Adler', 'Berg', 'Cole'];
const patient = (id: string, n: number): Patient => ({
  resourceType: 'Patient',
  id,
  ...(n % 4 === 0 ? {} : { birthDate: `19${50 + (n % 7)}-01-01` }),
  name: [{ family: FAMILIES[n % 3]! }],
});

/** Between two pages others write: new rows everywhere in the order, and rows of theirs that go. */
async function meddle(talk: Talk, round: string): Promise<void> {
  for (let n = 0; n < 6; n++) await talk.update(patient(`new-${round}-${n}`, n));
  await Promise.all([1, 3].map(n => talk.delete(`Patient/new-${round}-${n}`)));
}

onStoresInTurn(
  'paging',
  stage => {
    for (const sort of ['', 'birthdate', '-birthdate', 'family,-birthdate', '-_lastUpdated', '_id'])
      it(`shows every row once while others insert and delete (_sort=${sort || 'none'})`, async () => {
        const { talk } = stage();
        const round = sort.replaceAll(/\W/g, '') || 'none';
        const pages = [await talk.search<Patient>(`Patient?_count=7${sort && `&_sort=${sort}`}`)];
        for (let next = linkOf(pages[0]!, 'next'); next !== undefined; next = linkOf(pages.at(-1)!, 'next')) {
          await meddle(talk, `${round}-${pages.length}`);
          pages.push(await talk.search<Patient>(next));
          assert.ok(pages.length < 40, 'paging comes to an end');
        }
        const seen = pages.flatMap(idsOf);
        assert.equal(new Set(seen).size, seen.length, 'no row twice');
        assert.deepEqual(seen.filter(id => id.startsWith('kept')).toSorted(), KEPT, 'every row that stayed');
      });

    it('goes back the way it came', async () => {
      const { talk } = stage();
      const forward = await walk<Patient>(
        talk,
        await talk.search<Patient>(`Patient?_id=${KEPT.join()}&_count=8&_sort=-birthdate&_total=accurate`),
      );
      assert.deepEqual(
        forward.map(page => page.entry?.length),
        [8, 8, 8, 6],
      );
      assert.equal(linkOf(forward[0]!, 'previous'), undefined);
      const back = await walk<Patient>(talk, forward.at(-1)!, 'previous');
      assert.deepEqual(back.toReversed().map(idsOf), forward.map(idsOf));
      assert.ok(forward.every(page => page.total === KEPT.length));
    });

    it('carries lenient handling and presentation from page to page', async () => {
      const { talk } = stage();
      const first = await talk.search(`Patient?_id=${KEPT.join()}&_count=20&hair=red`, { prefer: 'handling=lenient' });
      const second = await talk.search<Patient>(linkOf(first, 'next') ?? '');
      assert.equal(idsOf(second).length, 10);
      const xml = await talk.get(`${linkOf(first, 'next')}&_format=xml`);
      assert.ok(xml.text.startsWith('<'), 'a client may ask for another format on the way');
    });

    it('returns 410 for a link whose time is over', async () => {
      const { talk, server } = stage();
      const link = new URL(linkOf(await talk.search('Patient?_count=2'), 'next') ?? '');
      const { pageTokens: seal } = server.engine;
      const opened = seal.open(link.searchParams.get('_page') ?? '');
      assert.ok(typeof opened === 'object');
      link.searchParams.set('_page', seal.close(opened.value, -5000));
      assert.deepEqual(refusal(await talk.get(link.href)), { status: 410, detail: 'page-expired' });
    });

    it('returns 400 for a link that was changed, or belongs elsewhere', async () => {
      const { talk } = stage();
      const link = linkOf(await talk.search('Patient?_count=2'), 'next') ?? '';
      const token = new URL(link).searchParams.get('_page') ?? '';
      const middle = Math.floor(token.length / 2);
      const changed = token.slice(0, middle) + (token[middle] === 'A' ? 'B' : 'A') + token.slice(middle + 1);
      const wanted = { status: 400, detail: 'page-invalid' };
      for (const path of [
        `Patient?_page=${changed}`,
        `Patient?_page=${token.slice(0, -4)}`,
        'Patient?_page=x',
        `Observation?_page=${token}`,
        `?_page=${token}`,
        `Patient/_history?_page=${token}`,
      ])
        assert.deepEqual(refusal(await talk.get(path)), wanted, path.slice(0, 40));
      assert.equal((await talk.get<Bundle>(link)).status, 200);
    });

    it('shows nothing of the question in a link', async () => {
      const { talk } = stage();
      const found = await talk.search(`Patient?family=adler&_count=2`);
      assert.doesNotMatch(linkOf(found, 'next') ?? '', /adler/i);
    });
  },
  {
    async set({ talk }) {
      for (const [n, id] of KEPT.entries()) await talk.update(patient(id, n));
    },
  },
);
