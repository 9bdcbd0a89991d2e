/** What the embedded store promises about its file: one process, no acknowledged commit lost, backups, honest refusals. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { after, afterEach, describe, it } from 'mocha';
import { type Cursor, ANY_RESOURCE } from '../../src/search/query.js';
import { backUpFile } from '../../src/store/embedded/backup.js';
import { connect } from '../../src/store/embedded/connection.js';
import { protect } from '../../src/store/embedded/files.js';
import { openEmbedded } from '../../src/store/embedded/index.js';
import type { Store } from '../../src/store/store.js';
import { layout, put, remove } from '../support/changes.js';
import { countStreams, entryIn } from '../support/ledger.js';
import { queryOf } from '../support/queries.js';

const CHILD = fileURLToPath(new URL('../../programs/embedded-program.js', import.meta.url));
/** Takes away records, what tells of damaged bytes, and when they were put. */
const OLDER_BYTES =
  'DROP TABLE object; DROP INDEX blob_here; DROP INDEX blob_moved; ALTER TABLE blob DROP COLUMN o; ALTER TABLE blob DROP COLUMN c; DROP TABLE ledger; DROP TABLE deed; DROP TABLE deed_key; DROP TABLE deed_part; DROP TABLE deed_shape; DROP TABLE record; DROP INDEX blob_at; ALTER TABLE blob DROP COLUMN at; ALTER TABLE chunk DROP COLUMN c;';
/** Makes the outbox what it was before messages had times, and bytes too. */
const OLDER_OUTBOX =
  OLDER_BYTES +
  'DROP INDEX outbox_topic; DROP INDEX outbox_timed; DROP INDEX outbox_due; ALTER TABLE outbox DROP COLUMN due; CREATE INDEX outbox_topic ON outbox(topic);';
const PATIENTS = { types: ['Patient'], where: ANY_RESOURCE };
const patient = (id: string) => put({ resourceType: 'Patient', id, identifier: [{ value: id }] });

describe('the file of the embedded store', () => {
  const folder = mkdtempSync(join(tmpdir(), 'chartroom-test-'));
  const open: Store[] = [];
  const children: ChildProcess[] = [];
  let serial = 0;
  const fresh = (): string => join(folder, `store${serial++}`);
  const start = async (file: string): Promise<Store> => {
    const store = await openEmbedded({ file, layout });
    open.push(store);
    return store;
  };
  /** A child process and the lines that it prints. */
  const startChild = (file: string): { child: ChildProcess; lines: AsyncIterableIterator<string> } => {
    const child = spawn(process.execPath, [CHILD, file], { stdio: ['ignore', 'pipe', 'inherit'] });
    children.push(child);
    return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
  };
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    await Promise.all(open.splice(0).map(store => store.close()));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('loses nothing acknowledged when the process is killed, and takes away a half upload', async () => {
    const file = fresh();
    const acknowledged: string[] = [];
    const { child, lines } = startChild(file);
    let uploading = false;
    for await (const line of lines) {
      assert.doesNotMatch(line, /failed/);
      if (line.startsWith('k')) acknowledged.push(line);
      uploading ||= line === 'uploading';
      if (acknowledged.length > 200 && uploading) child.kill('SIGKILL');
    }
    const left = connect(file);
    assert.equal(
      left.prepare('SELECT count(*) FROM blob WHERE hash IS NULL').all()[0]?.[0],
      1,
      'there was a half upload',
    );
    left.close();

    const store = await start(file);
    for (const id of acknowledged) {
      assert.equal((await store.read('Patient', id))?.version, 1);
      assert.equal((await store.count(queryOf(`Patient?identifier=${id}`))).count, 1);
    }
    const [stream] = await countStreams(store);
    const sealed = new Set(stream!.deeds.map(deed => entryIn(deed)['id']));
    for (const id of acknowledged) assert.ok(sealed.has(id));
    // What was not acknowledged may be there, but only whole.
    const { count } = await store.count(PATIENTS);
    assert.ok(count >= acknowledged.length);
    assert.equal(stream!.deeds.length, count + 1);
    assert.equal((await store.pendingMessages('kill', 100_000)).length, count);
    const raw = connect(file);
    assert.deepEqual(raw.pragma('integrity_check'), [['ok']]);
    assert.equal(raw.prepare('SELECT count(*) FROM blob').all()[0]?.[0], 0);
    assert.equal(raw.prepare('SELECT count(*) FROM chunk').all()[0]?.[0], 0);
    raw.close();
    await store.commit({ changes: [patient('afterwards')] });
  });

  it('is refused to a second process, with a remedy, until the first has ended', async () => {
    const file = fresh();
    const { child, lines } = startChild(file);
    for await (const line of lines) if (line === 'open') break;
    await assert.rejects(start(file), (error: { kind?: string; message: string }) => {
      assert.equal(error.kind, 'unavailable');
      assert.match(error.message, /another process .* stop that server/i);
      return true;
    });
    child.kill('SIGKILL');
    await once(child, 'exit');
    assert.ok(await (await start(file)).count(PATIENTS));

    const second = startChild(file);
    assert.match((await second.lines.next()).value as string, /^failed unavailable Another process/);
  });

  it('is refused to the same process a second time', async () => {
    const file = fresh();
    const store = await start(file);
    await assert.rejects(openEmbedded({ file, layout }), { kind: 'unavailable' });
    await store.commit({ changes: [patient('undisturbed')] });
    assert.ok(await store.read('Patient', 'undisturbed'));
  });

  it('is stamped no earlier when the clock is set back between two starts, unless it had been far ahead', async () => {
    const HOUR = 3_600_000;
    for (const [ahead, expected] of [
      [HOUR, true],
      [48 * HOUR, false],
    ] as const) {
      const file = fresh();
      const first = await openEmbedded({ file, layout, now: () => Date.now() + ahead });
      const stamp = first.openStamp();
      const updated = stamp.now();
      await first.commit({ stamp, changes: [put({ resourceType: 'Patient', id: 'p' }, { updated })] });
      stamp.close();
      await first.close();
      const again = await start(file);
      const next = again.openStamp();
      assert.equal(next.now() >= updated && again.horizon() >= updated, expected);
      next.close();
    }
  });

  it('is copied whole while others write, and a start on the copy restores it', async () => {
    const store = await start(fresh());
    await store.commit({ changes: Array.from({ length: 300 }, (_, i) => patient(`b${i}`)) });
    const { hash } = await store.blobs.put(Buffer.alloc(300_000, 'blob'));
    const copy = join(folder, 'copy');
    const backup = store.backup!(copy);
    const meanwhile = Array.from({ length: 50 }, (_, i) => store.commit({ changes: [patient(`m${i}`)] }));
    await Promise.all([backup, ...meanwhile]);
    assert.deepEqual(
      readdirSync(folder).filter(name => name.startsWith('copy')),
      ['copy'],
    );

    const restored = await start(copy);
    const { count } = await restored.count(PATIENTS);
    assert.ok(count >= 300 && count <= 350);
    assert.equal((await restored.count(queryOf('Patient?identifier=b7'))).count, 1);
    assert.deepEqual((await restored.read('Patient', 'b7'))?.text, (await store.read('Patient', 'b7'))?.text);
    assert.equal((await restored.blobs.get(hash))?.size, 300_000);
    await restored.commit({ changes: [patient('only-there')] });
    assert.equal(await store.read('Patient', 'only-there'), undefined);
  });

  it('is copied by another process, too, and is none the worse for it', async () => {
    const file = fresh();
    const store = await start(file);
    await store.commit({ changes: Array.from({ length: 100 }, (_, i) => patient(`a${i}`)) });
    const copy = join(folder, 'copy-beside');
    const program = `import('${new URL('../../src/store/embedded/backup.js', import.meta.url).href}').then(m => m.backUpFile(...process.argv.slice(1)))`;
    const child = spawn(process.execPath, ['-e', program, '--', file, copy], { stdio: ['ignore', 'ignore', 'pipe'] });
    const ended = once(child, 'exit');
    for (let i = 0; child.exitCode === null; i++) await store.commit({ changes: [patient(`b${i}`)] });
    assert.deepEqual(await ended, [0, null]);
    await store.commit({ changes: [patient('after')] });
    await store.close();
    const again = await start(file);
    assert.ok(await again.read('Patient', 'after'));
    const restored = await start(copy);
    assert.equal((await restored.count(queryOf('Patient?identifier=a7'))).count, 1);
    assert.ok((await restored.count(PATIENTS)).count >= 100);
    assert.throws(() => backUpFile(file, copy), { kind: 'conflict' });
    assert.throws(() => backUpFile(join(folder, 'none'), join(folder, 'copy-of-none')), { kind: 'unavailable' });
    assert.equal(existsSync(join(folder, 'copy-of-none')), false);
  });

  it('says that it must be indexed anew where its keys were made by another table', async () => {
    const file = fresh();
    const other = { ...layout, hash: 'another table' };
    const first = await start(file);
    await first.commit({ changes: [patient('old')] });
    assert.equal(await first.needsReindex(), false);
    await first.close();
    const second = await openEmbedded({ file, layout: other });
    open.push(second);
    assert.equal(await second.needsReindex(), true);
    await second.markReindexed();
    assert.equal(await second.needsReindex(), false);
    await second.close();
    assert.equal(await (await start(file)).needsReindex(), true);
  });

  it('says so, too, where another table was in use between', async () => {
    const file = fresh();
    await (await start(file)).close();
    const second = await openEmbedded({ file, layout: { ...layout, hash: 'another table' } });
    open.push(second);
    await second.commit({ changes: [patient('theirs')] });
    await second.close();
    const third = await start(file);
    assert.equal(await third.needsReindex(), true);
    await third.markReindexed();
    assert.equal(await third.needsReindex(), false);
  });

  it('keeps an index of words that is whole, however often they change', async () => {
    const file = fresh();
    const store = await start(file);
    const note = (id: number, round: number) => ({
      resourceType: 'Basic',
      id: `w${id}`,
      code: { text: `word${id} round${round} ${'common '.repeat(round)}` },
    });
    let current = Array.from({ length: 40 }, (_, i) => put(note(i, 0)));
    await store.commit({ changes: current });
    for (let round = 1; round <= 30; round++) {
      current = current.map((was, i) => put(note(i, round), { replaces: was }));
      await Promise.all(current.map(change => store.commit({ changes: [change] })));
    }
    await store.commit({ changes: current.slice(0, 20).map(change => remove(change)) });
    await store.close();
    const connection = connect(file);
    connection.exec("INSERT INTO word(word) VALUES('integrity-check')");
    assert.deepEqual(connection.prepare("SELECT count(*) FROM word WHERE word MATCH 'round30'").all(), [[20]]);
    assert.deepEqual(connection.prepare("SELECT count(*) FROM word WHERE word MATCH 'round29'").all(), [[0]]);
    assert.deepEqual(connection.prepare('SELECT count(*) FROM word_docsize').all(), [[20]]);
    connection.close();
  });

  it('is not asked with a cursor that belongs to no page of the search', async () => {
    const store = await start(fresh());
    const query = { ...queryOf('Observation?_sort=date'), limit: 3 };
    const cursors = [[], [1], [1, 2, 3], [true, 1], [{}, 1], ['x', undefined], [Number.NaN, 1]] as unknown as Cursor[];
    for (const cursor of cursors) {
      const kind = cursor.length === 2 ? 'invalid' : 'expired';
      await assert.rejects(store.find({ ...query, after: cursor }), { kind });
      await assert.rejects(store.find({ ...query, before: cursor }), { kind });
      if (cursor.length !== 3) await assert.rejects(store.history({ limit: 3, after: cursor }), { kind: 'invalid' });
    }
    assert.deepEqual((await store.find({ ...query, after: [null, 1] })).rows, []);
  });

  it('is never copied over a file that is there', async () => {
    const store = await start(fresh());
    const taken = join(folder, 'taken');
    writeFileSync(taken, 'precious');
    await assert.rejects(store.backup!(taken), { kind: 'conflict' });
    assert.ok(existsSync(taken));
    await assert.rejects(store.backup!(join(folder, 'no', 'such', 'folder', 'copy')), { kind: 'unavailable' });
    await store.ping();
  });

  it('of an older layout learns which resources refer to bytes kept apart', async () => {
    const file = fresh();
    const store = await start(file);
    const [own, shared] = await Promise.all(['own', 'shared'].map(text => store.blobs.put(Buffer.from(text))));
    const holding = (id: string, ...blobs: (typeof own)[]) => ({
      ...patient(id),
      blobs: blobs.map(blob => ({ at: 1, ...blob! })),
    });
    const first = holding('first', own);
    const second = { ...holding('first', shared), version: 2, method: 'PUT' as const, replaces: first };
    const other = holding('other', shared);
    await store.commit({ changes: [first] });
    await store.commit({ changes: [second, other] });
    await store.close();
    connectAnd(
      file,
      `${OLDER_OUTBOX} DROP INDEX blob_until; ALTER TABLE blob DROP COLUMN until; DROP TABLE held; ALTER TABLE resource DROP COLUMN c; ALTER TABLE version DROP COLUMN c; PRAGMA user_version=3`,
    );
    const later = await start(file);
    await later.commit({ changes: [{ ...remove(second), erases: true }] });
    assert.equal(await later.blobs.get(own!.hash), undefined);
    assert.ok(await later.blobs.get(shared!.hash));
    await later.commit({ changes: [{ ...remove(other), erases: true }] });
    assert.equal(await later.blobs.get(shared!.hash), undefined);
  });

  it('of an older layout gives its bytes as they were, and sweeps those that nothing refers to', async () => {
    const file = fresh();
    const store = await start(file);
    const bytes = Buffer.alloc(700_000, 'older bytes ');
    const used = await store.blobs.put(bytes);
    const left = await store.blobs.put(Buffer.from('left by a broken write'));
    await store.commit({ changes: [{ ...patient('holding'), blobs: [{ at: 1, ...used }] }] });
    await store.close();
    connectAnd(file, `${OLDER_BYTES} PRAGMA user_version=7`);
    const later = await start(file);
    assert.equal(await later.blobs.sweep(0), 1);
    assert.equal(await later.blobs.get(left.hash), undefined);
    const parts: Buffer[] = [];
    for await (const part of (await later.blobs.get(used.hash))!.bytes) parts.push(part);
    assert.ok(bytes.equals(Buffer.concat(parts)));
  });

  it('of an older layout keeps its messages, and takes some with a time', async () => {
    const file = fresh();
    const store = await start(file);
    const message = (body: string) => ({ topic: 'kept', body });
    await store.commit({ changes: [], messages: [message('a'), message('b')] });
    await store.close();
    connectAnd(file, `${OLDER_OUTBOX} PRAGMA user_version=6`);
    const later = await start(file);
    await later.commit({ changes: [], messages: [{ ...message('late'), notBefore: 7 }, message('c')] });
    const bodies = async (dueBy?: number) => (await later.pendingMessages('kept', 10, dueBy)).map(({ body }) => body);
    assert.deepEqual(await bodies(), ['a', 'b', 'late', 'c']);
    assert.deepEqual(await bodies(6), ['a', 'b', 'c']);
  });

  const refusals: readonly (readonly [string, (file: string) => void, RegExp])[] = [
    ['of a newer layout', file => connectAnd(file, 'PRAGMA user_version=999'), /layout 999.*newer server/],
    ['of another program', file => connectAnd(file, 'CREATE TABLE theirs(x)'), /another program/],
    ['that is no database', file => writeFileSync(file, 'Dear diary, '.repeat(1000)), /damaged.*backup/],
    ['that is a folder', file => mkdirSync(file, { recursive: false }), /disk of the data folder/],
  ];
  for (const [what, make, message] of refusals)
    it(`is refused, and left alone, where it is one ${what}`, async () => {
      const file = fresh();
      make(file);
      await assert.rejects(openEmbedded({ file, layout }), (error: { name?: string; message: string }) => {
        assert.equal(error.name, 'FhirError');
        assert.match(error.message, message);
        return true;
      });
    });

  it('has only ever existed for a while where none is named', async () => {
    const before = process.env['TMPDIR'];
    const place = mkdtempSync(join(folder, 'temporary-'));
    process.env['TMPDIR'] = place;
    try {
      const store = await openEmbedded({ file: ':memory:', layout });
      await store.commit({ changes: [patient('brief')] });
      assert.ok(await store.read('Patient', 'brief'));
      assert.equal(readdirSync(place).length, 1);
      await store.close();
      assert.deepEqual(readdirSync(place), []);
    } finally {
      if (before === undefined) delete process.env['TMPDIR'];
      else process.env['TMPDIR'] = before;
    }
  });
});

function connectAnd(file: string, statement: string): void {
  protect(file);
  const connection = connect(file);
  connection.exec(statement);
  connection.close();
}
