/** The port over the SQLite driver: what it binds, what it gives back, and what errors become. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'mocha';
import { createApply } from '../../src/store/embedded/apply.js';
import { columnsOf } from '../../src/store/embedded/columns.js';
import { blobBytes, connect, type Connection, type SqlValue } from '../../src/store/embedded/connection.js';
import { fromDriver, resultCode } from '../../src/store/embedded/errors.js';
import { protect } from '../../src/store/embedded/files.js';
import type { Job } from '../../src/store/embedded/job.js';
import { migrate, PRAGMAS } from '../../src/store/embedded/schema.js';
import { startThread } from '../../src/store/embedded/thread.js';

describe('the SQLite driver port', () => {
  const folder = mkdtempSync(join(tmpdir(), 'chartroom-test-'));
  const file = join(folder, 'plain');
  let connection: Connection;
  before(() => {
    protect(file);
    connection = connect(file, PRAGMAS);
    connection.exec('CREATE TABLE thing(n INTEGER PRIMARY KEY, t TEXT, i INT, r REAL, b BLOB)');
  });
  after(() => {
    connection.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const insert = (...values: unknown[]): number =>
    connection.prepare('INSERT INTO thing(t,i,r,b) VALUES(?,?,?,?)').run(...(values as SqlValue[]));

  it('keeps what it is given', () => {
    const bytes = Buffer.from([0, 255, 1, 0]);
    assert.equal(insert('Ærø 🩺 \'"?', 9_007_199_254_740_991, 0.1, bytes), 1);
    assert.equal(insert(null, -9_007_199_254_740_991, -1e300, Buffer.alloc(0)), 1);
    const rows = connection.prepare('SELECT t,i,r,b FROM thing ORDER BY n').all();
    assert.deepEqual(rows[0]?.slice(0, 3), ['Ærø 🩺 \'"?', 9_007_199_254_740_991, 0.1]);
    assert.ok(blobBytes(rows[0]?.[3])?.equals(bytes));
    assert.deepEqual(rows[1]?.slice(0, 3), [null, -9_007_199_254_740_991, -1e300]);
    assert.equal(blobBytes(rows[1]?.[3])?.length, 0);
    const types = connection.prepare('SELECT typeof(i),typeof(r) FROM thing').all();
    assert.deepEqual(types[0], ['integer', 'real']);
  });

  it('binds a lone Buffer', () => {
    const bytes = Buffer.from('alone');
    assert.equal(connection.prepare('INSERT INTO thing(b) VALUES(?)').run(bytes), 1);
    assert.equal(connection.prepare('SELECT count(*) FROM thing WHERE b=?').all(bytes)[0]?.[0], 1);
  });

  // The driver would end the process on some of these.
  for (const [name, value] of [
    ['a boolean', true],
    ['a Date', new Date(0)],
    ['an object', { t: 1 }],
    ['an array', ['x']],
    ['undefined', undefined],
    ['NaN', Number.NaN],
    ['infinity', Number.POSITIVE_INFINITY],
    ['a bigint', 1n],
  ] as const)
    it(`refuses to bind ${name}`, () => {
      assert.throws(() => insert(value, 1, 1, null), TypeError);
      assert.throws(() => connection.prepare('SELECT ?').all(value as unknown as SqlValue), TypeError);
    });

  it('refuses too few and too many values', () => {
    assert.throws(() => connection.prepare('SELECT ?,?').all(1), RangeError);
    assert.throws(() => connection.prepare('SELECT ?').all(1, 2), RangeError);
    assert.deepEqual(connection.prepare("SELECT '?',?").all(1), [['?', 1]]);
  });

  it('gives rows as arrays, however many there are', () => {
    const counting = 'WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM c WHERE i<?) SELECT i,i FROM c';
    for (const count of [1, 99, 100, 101, 1000]) {
      const rows = connection.prepare(counting).all(count);
      assert.equal(rows.length, count);
      assert.deepEqual(rows.at(-1), [count, count]);
    }
  });

  it('takes back everything of a transaction that throws', () => {
    const count = (): unknown => connection.prepare('SELECT count(*) FROM thing').all()[0]?.[0];
    const already = count();
    assert.throws(() =>
      connection.atomic(() => {
        insert('never', 1, 1, null);
        throw new Error('changed my mind');
      }),
    );
    assert.equal(count(), already);
    connection.atomic(() => insert('kept', 1, 1, null));
    assert.equal(count(), Number(already) + 1);
  });

  it('turns errors of SQLite into kinds', () => {
    const other = connect(file, [], 0);
    const kindOf = (work: () => void): string => {
      try {
        work();
      } catch (error) {
        return fromDriver(error).kind;
      }
      return 'none';
    };
    connection.exec('BEGIN IMMEDIATE');
    assert.equal(
      kindOf(() => other.exec('BEGIN IMMEDIATE')),
      'unavailable',
    );
    connection.exec('ROLLBACK');
    assert.equal(
      kindOf(() => void other.prepare('INSERT INTO thing(n) VALUES(1),(1)').run()),
      'fault',
    );
    assert.equal(
      kindOf(() => void other.prepare('SELECT nonsense').all()),
      'fault',
    );
    assert.equal(
      kindOf(() => void connect(join(folder, 'no', 'such', 'folder')).pragma('user_version')),
      'unavailable',
    );
    other.close();
    assert.equal(resultCode(new Error('x')), 0);
    assert.equal(resultCode({ errcode: 1 + 256 * 5 + 9 }), 10);
    assert.equal(resultCode({ code: 'SQLITE_FULL' }), 13);
  });
});

describe('a group of jobs on a full disk', () => {
  const folder = mkdtempSync(join(tmpdir(), 'chartroom-test-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const creation = (id: string, size: number): Job => ({
    kind: 'commit',
    changes: [
      {
        type: 'Patient',
        id: `Pa.${id}`,
        version: 1,
        updated: 1,
        method: 'POST',
        patients: '',
        blobs: null,
        newHashes: [],
        text: Buffer.alloc(size, 'x'),
        columns: columnsOf({
          byDate: ['Pa'],
          byArrival: [],
          filterOnly: [],
          ranges: [],
          mainDate: 0,
          mainDateEnd: 0,
          sortTexts: {},
        }),
        words: undefined,
        replaces: undefined,
        erases: false,
      },
    ],
    mustNotMatch: [],
    mustExist: [],
    alsoAbout: [],
    messages: [],
    acknowledges: [],
    deeds: [],
    catalogEntries: [],
  });

  it('fails with no-space, keeps what there is room for, and goes on when there is space again', () => {
    protect(join(folder, 'full'));
    const connection = connect(join(folder, 'full'), PRAGMAS);
    migrate(connection, 'any');
    const apply = createApply(connection);
    const pages = Number(connection.pragma('page_count')[0]![0]);
    connection.pragma(`max_page_count=${pages + 20}`);
    const outcomes = apply([creation('small', 100), creation('big', 1_000_000), creation('another', 100)]);
    assert.deepEqual(
      outcomes.map(outcome => ('ok' in outcome ? 'ok' : outcome.failed.kind)),
      ['ok', 'no-space', 'ok'],
    );
    const ids = connection.prepare('SELECT id FROM resource ORDER BY n').all();
    assert.deepEqual(ids, [['Pa.small'], ['Pa.another']]);
    assert.equal(connection.prepare('SELECT count(*) FROM entry').all()[0]?.[0], 2);
    connection.pragma('max_page_count=1000000');
    assert.deepEqual(apply([creation('big', 1_000_000)]), [{ ok: 1 }]);
    assert.deepEqual(connection.pragma('integrity_check'), [['ok']]);
    connection.close();
  });
});

describe('a thread of the embedded store', () => {
  it('refuses what was asked, and what is asked later, when it has died', async () => {
    const thread = startThread<string, string>(new URL('./no-such-file.js', import.meta.url), {});
    await assert.rejects(thread.ask('anything'), { name: 'FhirError', kind: 'unavailable' });
    await assert.rejects(thread.ask('more'), { kind: 'unavailable' });
    assert.equal(thread.failure?.kind, 'unavailable');
    await assert.rejects(thread.opened, { kind: 'unavailable' });
    await thread.close();
  });

  /** Answers each question with how many came in its message; the first message waits until it may be answered. */
  const COUNTING = new URL(
    `data:text/javascript,${encodeURIComponent(`
      import { parentPort, workerData } from 'node:worker_threads';
      parentPort.on('message', message => {
        if (message === 'close') return parentPort.close();
        Atomics.wait(workerData, 0, 0);
        parentPort.postMessage(message.map(({ ticket }) => ({ ticket, answer: message.length })));
      });`)}`,
  );
  const turn = () => new Promise(setImmediate);

  for (const [what, gathers, counts] of [
    ['sends what was asked meanwhile as one message', true, [1, 2, 2]],
    ['sends at once what it is not to gather', false, [1, 1, 1]],
  ] as const)
    it(what, async () => {
      const gate = new Int32Array(new SharedArrayBuffer(4));
      const thread = startThread<string, number>(COUNTING, gate, gathers);
      const asked: Promise<number>[] = [];
      for (const question of ['a', 'b', 'c']) {
        asked.push(thread.ask(question));
        await turn();
      }
      Atomics.store(gate, 0, 1);
      Atomics.notify(gate, 0);
      assert.deepEqual(await Promise.all(asked), counts);
      await thread.close();
    });

  it('does all that it was asked before it closes', async () => {
    const gate = new Int32Array(new SharedArrayBuffer(4));
    const thread = startThread<string, number>(COUNTING, gate, true);
    const first = thread.ask('a');
    await turn();
    const last = thread.ask('b');
    const closed = thread.close();
    Atomics.store(gate, 0, 1);
    Atomics.notify(gate, 0);
    assert.deepEqual(await Promise.all([first, last]), [1, 1]);
    await closed;
  });
});
