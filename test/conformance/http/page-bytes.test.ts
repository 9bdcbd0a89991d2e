/**
 * Pages of documents end early where their bytes pass the bound, whether these are a Binary's or attached, on both stores:
 * https://hl7.org/fhir/R4/http.html#paging
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { Binary, Bundle, DocumentReference, FhirResource } from 'fhir/r4.js';
import { it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';
import { idsOf, linkOf, type Reply } from '../../support/talk.js';

const COUNT = 7;
/** As base64 a third of the bound and a little: two have room in a page. */
const SIZE = 280_000;
const MOST = 1024 * 1024;
/** What a Bundle has beside its matches. */
const AROUND = 16 * 1024;
const HUGE = 2_000_000;

onStoresInTurn(
  'the bytes of a page',
  stage => {
    async function walk(first: string, relation: 'next' | 'previous' = 'next'): Promise<Bundle<FhirResource>[]> {
      const found: Bundle<FhirResource>[] = [];
      for (let url: string | undefined = first; url !== undefined; url = linkOf(found.at(-1)!, relation)) {
        const { status, text, body }: Reply<Bundle<FhirResource>> = await stage().talk.get<Bundle<FhirResource>>(url);
        assert.equal(status, 200, text.slice(0, 300));
        const entries = body.entry?.length ?? 0;
        assert.ok(text.length <= MOST + AROUND || entries === 1, `${entries} entries, ${text.length} bytes`);
        found.push(body);
      }
      return found;
    }

    for (const path of [
      'Binary?_count=100',
      'Binary?_count=100&_sort=-_id',
      'Binary/_history?_count=100',
      'DocumentReference?_count=100',
      'DocumentReference?status=current&_count=100',
      '?_type=Binary,DocumentReference&_count=100',
    ])
      it(`are bounded, and the next page goes on: ${path}`, async () => {
        const pages = await walk(path);
        // The inline bytes of each document have a Binary, too.
        const binaries = 2 * COUNT + 1;
        const expected = path.startsWith('?') ? binaries + COUNT : path.startsWith('Binary') ? binaries : COUNT;
        const ids = pages.flatMap(idsOf);
        assert.deepEqual(
          [ids.length, new Set(pages.flatMap(page => (page.entry ?? []).map(each => each.fullUrl))).size],
          [expected, expected],
        );
        assert.ok(pages.length >= Math.ceil(COUNT / 2), `${pages.length} pages`);
        const back = await walk(linkOf(pages.at(-1)!, 'previous')!, 'previous');
        assert.deepEqual([...back.toReversed(), pages.at(-1)!].flatMap(idsOf), ids);
      });

    it('are those that were stored', async () => {
      for (const page of await walk('Binary?_count=100'))
        for (const { resource } of page.entry ?? []) {
          const { id, data = '' } = resource as Binary;
          const raw = await fetch(`${stage().server.base}/Binary/${id}`, { headers: { accept: '*/*' } });
          assert.ok(Buffer.from(data, 'base64').equals(Buffer.from(await raw.arrayBuffer())), id);
        }
      const [page] = await walk('DocumentReference?_count=100');
      const { content } = page!.entry![0]!.resource as DocumentReference;
      assert.equal(Buffer.from(content[0]!.attachment.data!, 'base64').length, SIZE);
    });

    it('in XML are bounded, too', async () => {
      const { talk } = stage();
      const { status, text } = await talk.get('Binary?_count=3', { accept: 'application/fhir+xml' });
      assert.equal(status, 200);
      assert.ok(text.length < HUGE * 2 && text.includes('<relation value="next"/>'));
    });
  },
  {
    config: { maxPageBytes: String(MOST) },
    async set({ talk }) {
      const headers = { 'content-type': 'application/pdf', prefer: 'return=minimal' };
      for (let i = 0; i < COUNT; i++) {
        await talk.send('PUT', `Binary/b${i}`, { headers, body: randomBytes(SIZE) });
        const data = randomBytes(SIZE).toString('base64');
        const content = [{ attachment: { contentType: 'application/octet-stream', data } }];
        await talk.update({ resourceType: 'DocumentReference', id: `d${i}`, status: 'current', content });
      }
      await talk.send('PUT', 'Binary/huge', { headers, body: randomBytes(HUGE) });
    },
  },
);
