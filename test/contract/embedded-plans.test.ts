/** SQLite carries the embedded store's statements out as they are meant: by the driver's index, texts never sorted. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'mocha';
import type { Cursor } from '../../src/search/query.js';
import { compile } from '../../src/store/embedded/compile.js';
import { compileCount, compileProbe } from '../../src/store/embedded/compile-all.js';
import { connect, type Connection } from '../../src/store/embedded/connection.js';
import { protect } from '../../src/store/embedded/files.js';
import { pendingStatement } from '../../src/store/embedded/outbox.js';
import { migrate, PRAGMAS } from '../../src/store/embedded/schema.js';
import type { Sql } from '../../src/store/embedded/sql.js';
import { encode } from '../../src/store/encode.js';
import { createIndexCatalog } from '../../src/store/index-catalog.js';
import { plan } from '../../src/store/plan.js';
import { entriesOf, layout } from '../support/changes.js';
import { createPopulation } from '../support/population.js';
import { parseWords } from '../../src/search/words.js';
import { compileWords } from '../../src/store/embedded/words.js';
import { queryOf } from '../support/queries.js';

/** A search, and the step that SQLite must begin with. */
const WALKS: readonly (readonly [string, RegExp])[] = [
  ['Observation?_sort=-date', /^SEARCH k USING PRIMARY KEY \(key=\?/],
  ['Observation?_sort=date', /^SEARCH k USING PRIMARY KEY \(key=\?/],
  ['Observation?code=http://loinc.org|8480-6&date=lt2021', /^SEARCH k USING PRIMARY KEY \(key=\? AND d>\? AND d<\?/],
  ['Observation?patient=a&status=final', /^SEARCH k USING PRIMARY KEY \(key=\?/],
  ['Patient?identifier=urn:oid:2.16.840.1.113883.19.5|MRN1-3', /^SEARCH k USING PRIMARY KEY \(key=\? AND d=\?/],
  ['Observation?_sort=-_lastUpdated', /^SEARCH r USING INDEX resource_u \(t=\?/],
  ['Patient?_sort=family', /^SEARCH k USING PRIMARY KEY \(p=\?/],
  ['Patient?gender=male&_sort=-family', /^SEARCH k USING PRIMARY KEY \(p=\?/],
  ['Patient?family=sm', /^SEARCH k USING PRIMARY KEY \(key=\?/],
  ['Observation?category=laboratory&_sort=date', /^SEARCH k USING PRIMARY KEY \(key=\?/],
  ['Observation?status=amended', /^SEARCH k USING PRIMARY KEY \(key=\?/],
  ['Patient?_sort=-_id', /^SEARCH r USING INDEX resource_id \(id>\? AND id<\?\)/],
];
const MERGES: readonly (readonly [string, RegExp])[] = [
  ['Observation?code=8480-6,8867-4,718-7', /SCAN j VIRTUAL TABLE[^]*SEARCH k USING PRIMARY KEY \(key=\?/],
  ['Patient?family=sm', /SEARCH k USING PRIMARY KEY \(key>\? AND key<\?/],
  ['Patient?_id=a,b', /SEARCH r USING INDEX resource_id \(id=\?/],
  ['Observation?category=laboratory&_sort=date', /SEARCH k USING PRIMARY KEY \(key=\?/],
  ['Condition?_sort=onset-date', /SEARCH k USING PRIMARY KEY \(key=\?/],
];

describe('how SQLite carries out the statements of the embedded store', () => {
  const folder = mkdtempSync(join(tmpdir(), 'chartroom-test-'));
  const facts = createIndexCatalog();
  let connection: Connection;
  before(() => {
    for (const resource of createPopulation())
      facts.add(encode(layout, resource.resourceType, entriesOf(resource), facts).missing);
    protect(join(folder, 'store'));
    connection = connect(join(folder, 'store'), PRAGMAS);
    migrate(connection, layout.hash);
  });
  after(() => {
    connection.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const steps = ({ text, values }: Sql): string =>
    connection
      .prepare(`EXPLAIN QUERY PLAN ${text}`)
      .all(...values)
      .map(row => row[3])
      .join('\n');
  /** `narrow`: the way that is taken where it has few candidates. */
  const plansOf = (search: string, page: { readonly after?: Cursor; readonly before?: Cursor }, narrow = false) => {
    const first = plan(layout, { ...queryOf(search), limit: 10, ...page }, facts);
    const planned = narrow ? { ...first, ...first.others?.[0] } : first;
    return { planned, legs: compile(planned).scans.map(leg => steps(leg.page(11))) };
  };
  const pages = (cursor: Cursor) => [{}, { after: cursor }, { before: cursor }] as const;
  /** A walk that reads whole tables has no place in a page. */
  const wholeTables = (text: string): boolean => /SCAN (r|k)(\n|$)/.test(text);

  for (const [search, begin] of WALKS)
    it(`walks along an index without sorting anything: ${search}`, () => {
      const { planned } = plansOf(search, {});
      const first =
        planned.order.length === 1 ? [] : [/^(?:sort-string|id)$/.test(planned.order[0]!.by) ? 'm' : 1_600_000_000_000];
      for (const page of pages([...first, 17])) {
        const { legs } = plansOf(search, page);
        assert.ok(
          legs.some(text => begin.test(text)),
          legs.join('\n--\n'),
        );
        for (const text of legs) assert.ok(!/TEMP B-TREE/.test(text) && !wholeTables(text), text);
      }
    });

  for (const [search, begin] of MERGES)
    it(`sorts keys alone and fetches texts for one page: ${search}`, () => {
      const { legs, planned } = plansOf(search, {}, true);
      for (const text of legs) {
        assert.match(text, begin);
        assert.ok(!wholeTables(text), text);
        // The sorter belongs to the inner statement: after the page is made, rows are looked up by number.
        assert.match(text, /SCAN q\nSEARCH r USING INTEGER PRIMARY KEY \(rowid=\?\)$/);
        assert.ok(text.indexOf('TEMP B-TREE') < text.indexOf('SCAN q'), text);
      }
      for (const statement of [compileCount(planned), compileProbe(planned, 10)])
        assert.ok(!wholeTables(steps(statement!)));
    });

  it('bounds the next page by the index itself', () => {
    const { legs } = plansOf('Observation?_sort=-date', { after: [1_600_000_000_000, 17] });
    assert.match(legs[0]!, /^SEARCH k USING PRIMARY KEY \(key=\? AND \(d,n\)<\(\?,\?\)\)/);
  });

  it('reads the first messages of an outbox along an index of its own for those with a time', () => {
    for (const [dueBy, timed] of [
      [undefined, 'INDEX outbox_timed (topic=?)'],
      [7, 'INDEX outbox_due (topic=? AND due<?)'],
    ] as const) {
      const text = steps(pendingStatement('a', 10, dueBy));
      // Nothing is sorted but what the indexes have given.
      for (const index of ['INDEX outbox_topic (topic=?)', timed])
        assert.ok(text.includes(`SEARCH outbox USING ${index}\nSCAN `), text);
    }
  });

  it('looks words up in the index of words, and goes through a type only for what is not said', () => {
    const of = (value: string, types: readonly string[]) =>
      steps(compileWords({ types, among: 'content', words: parseWords('_content', value) }, 10));
    assert.match(
      of('heart -failure', ['Condition']),
      /^SCAN word VIRTUAL TABLE INDEX[^\n]*\nSEARCH r USING INTEGER PRIMARY KEY/,
    );
    assert.match(of('-heart', ['Condition']), /^SCAN j VIRTUAL TABLE[^\n]*\nSEARCH r USING INDEX resource_t \(t=\?\)/);
  });
});
