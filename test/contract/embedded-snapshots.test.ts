/** What the embedded store puts back one by one is, row by row, what was kept; and it is put back so, not copied as a whole. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'mocha';
import { openEmbedded } from '../../src/store/embedded/index.js';
import { type Connection, connect } from '../../src/store/embedded/connection.js';
import type { Commit, Snapshots, Store } from '../../src/store/store.js';
import { layout, put, remove } from '../support/changes.js';
import { createRandom } from '../support/random.js';

const ROUNDS = 40;
const IDS = 30;

describe('a state of the embedded store that is put back', () => {
  const folder = mkdtempSync(join(tmpdir(), 'chartroom-put-back-'));
  const file = join(folder, 'chartroom.db');
  const random = createRandom(19);
  let store: Store;
  let snapshots: Snapshots;
  let connection: Connection;

  before(async () => {
    store = await openEmbedded({ file, layout, falling: true });
    snapshots = await store.snapshots();
    await snapshots.claim();
    for (let i = 0; i < 60; i++) await deed();
    await snapshots.take('kept');
    connection = connect(file);
    connection.prepare('ATTACH ? AS kept').run(join(folder, 'chartroom.db-snapshots', 'kept.db'));
  });
  after(async () => {
    connection.close();
    await store.close();
    rmSync(folder, { recursive: true });
  });

  async function commit(given: Commit): Promise<void> {
    snapshots.touched(given);
    await store.commit(given);
  }
  /** Something that is written. */
  async function deed(): Promise<void> {
    const id = `p${random.below(IDS)}`;
    const current = await store.read('Patient', id);
    const kind = random.below(6);
    if (kind === 0) {
      snapshots.touched('bytes');
      const blob = await store.blobs.put(Buffer.from(`bytes ${random.below(1000)}`));
      const holder = put({ resourceType: 'Patient', id }, current ? { replaces: current } : {});
      await commit({ changes: [{ ...holder, blobs: [{ at: 1, ...blob }] }] });
    } else if (kind === 1) await commit({ changes: [], messages: [{ topic: 'told', body: id }] });
    else if (current?.text && kind === 2)
      await commit({ changes: [random.below(2) === 0 ? { ...remove(current), erases: true } : remove(current)] });
    else {
      const family = `Family${random.below(5)}`;
      const change = put(
        { resourceType: 'Patient', id, name: [{ family }], birthDate: `19${10 + random.below(80)}-01-01` },
        current ? { replaces: current } : {},
      );
      await commit({ changes: [change] });
    }
  }
  const tables = (): readonly string[] =>
    connection
      .prepare(
        "SELECT name FROM main.sqlite_schema WHERE type='table' AND name NOT LIKE 'word%' AND name NOT IN ('fact','note')",
      )
      .all()
      .map(([name]) => String(name));
  /** The tables whose rows are not those that were kept. Numbers of uploads are never given twice. */
  const different = (): readonly string[] =>
    tables().filter(table => {
      const rows = (schema: string) =>
        `SELECT * FROM ${schema}.${table}${table === 'sqlite_sequence' ? " WHERE name<>'blob'" : ''}`;
      const sql = `SELECT 1 FROM (${rows('main')} EXCEPT ${rows('kept')}) UNION ALL SELECT 1 FROM (${rows('kept')} EXCEPT ${rows('main')})`;
      return connection.prepare(sql).first() !== undefined;
    });
  const wordsOf = async (): Promise<string> => {
    const found: string[] = [];
    for (let i = 0; i < 5; i++) {
      const words = { kind: 'word', word: `family${i}` } as const;
      const rows = await store.searchText({ types: ['Patient'], among: 'content', words }, 100);
      found.push(
        rows.found
          .map(({ id }) => id)
          .toSorted()
          .join(),
      );
    }
    return found.join(' ');
  };

  it(`is what it was, after ${ROUNDS} times some random writes`, async () => {
    assert.deepEqual(different(), []);
    const words = await wordsOf();
    assert.match(words, /p\d/);
    const seen = new Set<string>();
    for (let round = 0; round < ROUNDS; round++) {
      for (let i = random.below(12); i >= 0; i--) await deed();
      for (const table of different()) seen.add(table);
      await snapshots.restore('kept');
      assert.deepEqual(different(), [], `in round ${round}`);
      assert.equal(await wordsOf(), words, `in round ${round}`);
    }
    // The control: all of them were others at some time.
    for (const table of ['resource', 'version', 'entry', 'sorted', 'held', 'outbox', 'blob', 'sqlite_sequence'])
      assert.ok(seen.has(table), table);
  });

  it('leaves alone what nobody said was touched (the control: it is not copied as a whole)', async () => {
    connection.prepare("UPDATE main.resource SET m='X' WHERE n=(SELECT max(n) FROM main.resource)").run();
    await snapshots.restore('kept');
    assert.deepEqual(different(), ['resource']);
    await snapshots.restore();
    await snapshots.restore('kept');
    assert.deepEqual(different(), []);
  });
});
