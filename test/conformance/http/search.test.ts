/**
 * Every row of the specification (test/conformance/search) over HTTP, on both stores: a tenth of them by GET and by POST, the others
 * in batches, each on one of the stores (in a full run all in every way), and a tenth of them as XML. https://hl7.org/fhir/R4/http.html#search
 */
import assert from 'node:assert/strict';
import type { Bundle } from 'fhir/r4.js';
import { describe, it } from 'mocha';
import { hasTurn, onBothStores, type Stage } from '../../support/both-stores.js';
import { FULL } from '../../support/depth.js';
import { idsOf, putTogether, refusal, type Reply, type Talk } from '../../support/talk.js';
import { EVERYTHING } from '../search/everything.js';
import type { Row } from '../search/row.js';
import { ROWS } from '../search/rows.js';

/** The row's query as a client library writes it. */
function encoded(row: Row, base: string): { type: string; form: string } {
  const [type = '', query = ''] = row.query.replaceAll('{base}', base).split('?');
  return { type, form: new URLSearchParams(query).toString() };
}

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

function assertAnswer(talk: Talk, row: Row, reply: Reply<Bundle>): void {
  const { type } = encoded(row, talk.base);
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

async function check(talk: Talk, row: Row): Promise<void> {
  const { type, form } = encoded(row, talk.base);
  const replies = await Promise.all([
    talk.get<Bundle>(`${type}?${form}`),
    talk.send<Bundle>('POST', `${type}/_search`, { headers: FORM, body: form }),
  ]);
  for (const reply of replies) assertAnswer(talk, row, reply);
}

/** Answers of the entries of one batch, as if each had been asked alone. */
async function askTogether(talk: Talk, rows: readonly Row[]): Promise<readonly Reply<Bundle>[]> {
  const entry = rows.map(row => {
    const { type, form } = encoded(row, talk.base);
    return { request: { method: 'GET', url: `${type}?${form}` } };
  });
  const batch = await talk.send<Bundle>('POST', '', {
    headers: { 'content-type': 'application/fhir+json' },
    body: JSON.stringify({ resourceType: 'Bundle', type: 'batch', entry }),
  });
  assert.equal(batch.status, 200, batch.text);
  assert.equal(batch.body.entry?.length, rows.length);
  return batch.body.entry.map(({ resource, response }) => {
    const body = (resource ?? response?.outcome) as Bundle;
    return { status: Number(response?.status.slice(0, 3)), header: () => undefined, text: JSON.stringify(body), body };
  });
}

/** One of so many rows is asked alone, by GET and by POST. */
const ALONE = 10;

/** Rows of one batch. */
const TOGETHER = 25;

/** A test for each row of batches; each batch is asked when the first of its rows has its turn. */
function together(stage: () => Stage, rows: readonly Row[]): void {
  for (let from = 0; from < rows.length; from += TOGETHER) {
    const some = rows.slice(from, from + TOGETHER);
    let asked: ReturnType<typeof askTogether> | undefined;
    some.forEach((row, at) =>
      it(row.name, async () => {
        const replies = await (asked ??= askTogether(stage().talk, some));
        assertAnswer(stage().talk, row, replies[at]!);
      }),
    );
  }
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
function each(rows: readonly Row[], run: (row: Row) => Promise<void>): void {
  const asked = new Map<Row, Promise<void>>();
  rows.forEach((row, at) =>
    it(row.name, () => {
      rows.slice(at, at + AHEAD).forEach(next => {
        if (asked.has(next)) return;
        const running = run(next);
        running.catch(() => {});
        asked.set(next, running);
      });
      return asked.get(row);
    }),
  );
}

onBothStores(
  'search over HTTP',
  (stage, store) => {
    describe('as JSON, by GET and by POST', () =>
      each(
        ROWS.filter((_, at) => FULL || (at % ALONE === 0 && hasTurn(at / ALONE, store))),
        row => check(stage().talk, row),
      ));
    describe('as JSON, in batches', () =>
      together(
        stage,
        ROWS.filter((_, at) => FULL || (at % ALONE > 0 && hasTurn(at, store))),
      ));
    describe('as XML', () =>
      each(
        ROWS.filter((_, at) => at % 10 === 0 && hasTurn(at / 10, store)),
        row => checkXml(stage().talk, row),
      ));
  },
  {
    // Values are there to be found, impossible ones too, and addresses that no document may have.
    config: { validateBase: 'off' },
    features: [],
    async set({ talk }) {
      await putTogether(talk, EVERYTHING);
    },
  },
);
