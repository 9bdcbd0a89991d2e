/**
 * Every row of the specification (test/conformance/search) over HTTP, on both stores: by GET, a fifth of them by POST, too (all
 * in a full run), and a tenth of them as XML. https://hl7.org/fhir/R4/http.html#search
 */
import assert from 'node:assert/strict';
import type { Bundle } from 'fhir/r4.js';
import { describe, it } from 'mocha';
import { onBothStores } from '../../support/both-stores.js';
import { FULL } from '../../support/depth.js';
import { idsOf, refusal, type Talk } from '../../support/talk.js';
import { EVERYTHING } from '../search/everything.js';
import type { Row } from '../search/row.js';
import { ROWS } from '../search/rows.js';

/** The row's query as a client library writes it. */
function encoded(row: Row, base: string): { type: string; form: string } {
  const [type = '', query = ''] = row.query.replaceAll('{base}', base).split('?');
  return { type, form: new URLSearchParams(query).toString() };
}

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

async function check(talk: Talk, row: Row, byPost: boolean): Promise<void> {
  const { type, form } = encoded(row, talk.base);
  const replies = await Promise.all([
    talk.get<Bundle>(`${type}?${form}`),
    ...(byPost ? [talk.send<Bundle>('POST', `${type}/_search`, { headers: FORM, body: form })] : []),
  ]);
  for (const reply of replies)
    if ('expect' in row) {
      assert.equal(reply.status, 200, reply.text);
      assert.deepEqual(idsOf(reply.body).toSorted(), row.expect.toSorted());
      assert.equal(reply.body.total, row.expect.length);
      for (const { fullUrl, resource, search } of reply.body.entry ?? []) {
        // An id that resources of several types have is answered with a word of warning.
        if (resource?.resourceType === 'OperationOutcome' && search?.mode === 'outcome') continue;
        assert.equal(search?.mode, 'match');
        assert.equal(fullUrl, `${talk.base}/${type}/${resource?.id}`);
      }
    } else assert.deepEqual(refusal(reply), { status: row.status, detail: row.detail });
}

async function checkXml(talk: Talk, row: Row): Promise<void> {
  const { type, form } = encoded(row, talk.base);
  const reply = await talk.get(`${type}?${form}`, { accept: 'application/fhir+xml' });
  assert.equal(reply.header('content-type'), 'application/fhir+xml; charset=utf-8');
  if ('expect' in row) {
    const ids = [...reply.text.matchAll(/<fullUrl value="[^"]*\/([^"/]+)"\/>/g)].map(([, id]) => id ?? '');
    assert.deepEqual(ids.toSorted(), row.expect.toSorted());
    assert.ok(reply.text.includes(`<total value="${row.expect.length}"/>`));
  } else {
    assert.equal(reply.status, row.status);
    assert.ok(reply.text.includes(`<code value="${row.detail}"/>`), reply.text);
  }
}

/** Rows whose requests are under way while one is looked at: nobody waits for a round trip. */
const AHEAD = 6;

/** A test for each row. A row that is asked ahead of its turn fails in its own test alone. */
function each(rows: readonly Row[], run: (row: Row, at: number) => Promise<void>): void {
  const asked = new Map<Row, Promise<void>>();
  rows.forEach((row, at) =>
    it(row.name, () => {
      rows.slice(at, at + AHEAD).forEach((next, ahead) => {
        if (asked.has(next)) return;
        const running = run(next, at + ahead);
        running.catch(() => {});
        asked.set(next, running);
      });
      return asked.get(row);
    }),
  );
}

onBothStores(
  'search over HTTP',
  stage => {
    describe('as JSON, by GET and by POST', () =>
      each(ROWS, (row, at) => check(stage().talk, row, FULL || at % 5 === 0)));
    describe('as XML', () =>
      each(
        ROWS.filter((_, at) => at % 10 === 0),
        row => checkXml(stage().talk, row),
      ));
  },
  {
    // Values are there to be found, impossible ones too.
    config: { validateBase: 'off' },
    async set({ talk }) {
      const put = async (resource: (typeof EVERYTHING)[number]) => {
        const reply = await talk.send('PUT', `${resource.resourceType}/${resource.id}`, {
          headers: { 'content-type': 'application/fhir+json' },
          body: JSON.stringify(resource),
        });
        assert.equal(reply.status, 201, reply.text);
      };
      for (let at = 0; at < EVERYTHING.length; at += 20) await Promise.all(EVERYTHING.slice(at, at + 20).map(put));
    },
  },
);
