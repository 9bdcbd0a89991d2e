/** Backups of a server that goes on: by the command line beside it, and by $backup, at once and as a job. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { AuditEvent, Bundle, CapabilityStatement, OperationOutcome, Parameters } from 'fhir/r4.js';
import { after, before, describe, it } from 'mocha';
import type { DataMoved } from '../../src/identity/happening.js';
import {
  holdNote,
  keepTellingNotes,
  leaveNote,
  type NotesSeen,
  prepareNotes,
  tellNotes,
} from '../../src/interactions/told-later.js';
import { command, manyCommands } from '../support/cli.js';
import { newStore, startServer } from '../support/server.js';
import { type SpawnedServer, spawnServer } from '../support/spawn.js';
import { talkTo } from '../support/talk.js';
import { bearerOf, tokenFile } from '../support/tokens.js';

import { fullIt } from '../support/depth.js';
const folder = mkdtempSync(join(tmpdir(), 'chartroom-backup-'));
const data = join(folder, 'data');
/** What a descriptor is of; nothing where it was closed meanwhile. */
function linkOf(fd: string): string {
  try {
    return readlinkSync(fd);
  } catch {
    return '';
  }
}

const MOVED: DataMoved = {
  what: 'data-exported',
  by: 'backup',
  lifecycle: 'archive',
  sha256: 'a'.repeat(64),
  done: '2026-01-31T10:00:00.000Z',
  counts: { bytes: 1 },
};

const many = manyCommands();
after(() => many.end());
const tokens = tokenFile({ admin: 'admin', anna: 'writer' });

describe('a backup of a server that goes on', () => {
  let server: SpawnedServer;
  const as = (name: string) => talkTo(server.base, bearerOf(name));
  const copies = () => readdirSync(join(data, 'backups')).toSorted();
  const fileOf = ({ parameter = [] }: Parameters) => parameter.find(({ name }) => name === 'file')!.valueString!;

  before('starts it', async () => {
    server = await spawnServer({ CHARTROOM_DATA: data, CHARTROOM_AUTH: 'token', CHARTROOM_TOKENS: tokens });
    for (let i = 0; i < 20; i++) await as('anna').update({ resourceType: 'Patient', id: `p${i}` });
  });
  after(async () => {
    await server.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });

  const sayingOf = (name: string): string => {
    const bytes = readFileSync(join(data, 'backups', name));
    return ['archive backup admin', name, createHash('sha256').update(bytes).digest('hex'), bytes.length].join(' ');
  };
  /** What the trail says of copies, the newest first. */
  const exported = async (): Promise<string[]> =>
    ((await as('admin').search<AuditEvent>('AuditEvent?type=110106&_sort=-date')).entry ?? []).map(({ resource }) => {
      const { subtype = [], agent, entity = [] } = resource!;
      const person = agent.find(({ requestor }) => requestor)?.name;
      const details = entity[0]!.detail?.map(({ valueString }) => valueString) ?? [];
      return [...subtype.map(({ code }) => code), person, entity[0]!.name, ...details].join(' ');
    });

  /** Starts a server on the copy, and gives how many patients it has. */
  async function patientsIn(copy: string): Promise<number> {
    const restored = join(folder, `restored-${Math.random()}`);
    assert.equal((await many.run(['backup', join(folder, 'of-none.db')], { CHARTROOM_DATA: restored })).status, 2);
    mkdirSync(restored);
    copyFileSync(copy, join(restored, 'chartroom.db'));
    const other = await spawnServer({ CHARTROOM_DATA: restored });
    try {
      const activity = await talkTo(other.base).search<AuditEvent>('AuditEvent?type=110100&_sort=date');
      assert.deepEqual(
        activity.entry?.map(({ resource }) => [resource!.subtype?.[0]?.code, resource!.outcome].join(' ')),
        ['110120 0', '110121 8', '110120 0'],
        'the start of the one that was copied, which did not stop, and that of the copy',
      );
      return (await talkTo(other.base).search('Patient?_summary=count')).total!;
    } finally {
      await other.kill('SIGKILL');
    }
  }

  it('is made by the command, beside the server, which goes on', async () => {
    const copy = join(folder, 'copy.db');
    const { status, out, err } = await command(['backup', copy], { CHARTROOM_DATA: data }).ended;
    assert.deepEqual([status, out, err], [0, `Wrote ${copy}.\n`, '']);
    const made = Date.now();
    while ((await exported()).length === 0) await pause(200);
    const bytes = readFileSync(copy);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    assert.deepEqual(await exported(), [`archive backup chartroom  ${sha256} ${bytes.length}`]);
    const [event] = (await as('admin').search<AuditEvent>('AuditEvent?type=110106')).entry!;
    const { end } = event!.resource!.period!;
    assert.ok(Math.abs(Date.parse(end!) - made) < 60_000, end);
    writeFileSync(join(data, 'untold', 'else.json'), JSON.stringify({ what: 'data-exported', by: 'somebody' }));
    const left = () => readdirSync(join(data, 'untold'));
    while (!left().includes('else.json.unreadable')) await pause(200);
    assert.deepEqual(left(), ['else.json.unreadable'], 'each is told once, and nothing that is no note');
    assert.equal((await exported()).length, 1);
    assert.equal((await as('anna').update({ resourceType: 'Patient', id: 'after' })).status, 201);
    assert.equal(await patientsIn(copy), 20);
    assert.equal((await many.run(['backup', copy], { CHARTROOM_DATA: data })).status, 1);
  });

  it('has its name only when there is a note of it', async () => {
    const ofNone = join(folder, 'no-note');
    mkdirSync(ofNone);
    copyFileSync(join(folder, 'copy.db'), join(ofNone, 'chartroom.db'));
    const copy = join(folder, 'noted.db');
    const backUp = () => many.run(['backup', copy], { CHARTROOM_DATA: ofNone });
    writeFileSync(join(ofNone, 'untold'), '');
    assert.deepEqual([(await backUp()).status, existsSync(copy), existsSync(`${copy}.part`)], [1, false, false]);
    rmSync(join(ofNone, 'untold'));
    writeFileSync(`${copy}.part`, 'of another one');
    const { status, err } = await backUp();
    assert.deepEqual([status, existsSync(copy)], [1, false], err);
    assert.match(err, /noted\.db\.part is there/);
    assert.equal(readFileSync(`${copy}.part`, 'utf8'), 'of another one');
    rmSync(`${copy}.part`);
    assert.equal((await backUp()).status, 0);
    assert.deepEqual([existsSync(`${copy}.part`), readdirSync(join(ofNone, 'untold')).length], [false, 1]);
  });

  it('is made by $backup, which keeps as many as it is asked to', async () => {
    for (let i = 0; i < 3; i++) {
      const reply = await as('admin').send<Parameters>('POST', '$backup?keep=2');
      assert.equal(reply.status, 200, reply.text);
      assert.ok(existsSync(join(data, fileOf(reply.body))));
    }
    assert.equal(copies().length, 2);
    const [newest] = await exported();
    assert.equal(newest, sayingOf(copies().at(-1)!));
    assert.equal(await patientsIn(join(data, 'backups', copies().at(-1)!)), 21);
  });

  fullIt('is told by the next start where the server dies before it is recorded', async () => {
    const own = mkdtempSync(join(tmpdir(), 'chartroom-held-'));
    try {
      const told: DataMoved = { ...MOVED, file: 'chartroom-2026-01-31T10-00-00-000Z-a.db' };
      holdNote(own, told);
      holdNote(own, MOVED).drop();
      const given = await startServer({ store: 'embedded' });
      const engine = { ...given.engine, settings: { ...given.engine.settings, data: own } };
      const events = async (): Promise<string[]> => {
        const { body } = await given.request.get('/fhir/AuditEvent?type=110106').expect(200);
        return (body as Bundle<AuditEvent>).entry?.map(({ resource }) => resource!.entity![0]!.name ?? '') ?? [];
      };
      await tellNotes(engine, { failed: new Set(), told: new Set() });
      assert.deepEqual(await events(), [], 'it is under way');
      await (await keepTellingNotes(engine))();
      assert.deepEqual(await events(), [told.file]);
      assert.deepEqual(readdirSync(join(own, 'untold')), []);
      await given.stop();
    } finally {
      rmSync(own, { recursive: true, force: true });
    }
    assert.deepEqual(
      readdirSync(join(data, 'untold')).filter(name => name.endsWith('.held')),
      [],
      'none is left of those that were recorded',
    );
  });

  it('is made as a job', async () => {
    const asked = await as('admin').send('POST', '$backup', { headers: { prefer: 'respond-async' } });
    assert.equal(asked.status, 202, asked.text);
    const at = asked.header('content-location')!;
    let reply = await as('admin').get<Bundle<Parameters>>(at);
    for (; reply.status === 202; reply = await as('admin').get(at)) await pause(50);
    assert.equal(reply.status, 200, reply.text);
    const file = fileOf(reply.body.entry![0]!.resource!);
    assert.ok(copies().includes(file.replace('backups/', '')));
    assert.ok(
      copies().every(name => name.endsWith('.db')),
      'nothing half made',
    );
    assert.deepEqual((await exported()).slice(0, 1), [sayingOf(file.replace('backups/', ''))]);
  });

  fullIt('gives back the disk of copies that are removed', async function () {
    if (process.platform !== 'linux') this.skip();
    for (let i = 0; i < 2; i++) assert.equal((await as('admin').send('POST', '$backup?keep=1')).status, 200);
    const open = readdirSync(`/proc/${server.pid}/fd`).map(fd => linkOf(`/proc/${server.pid}/fd/${fd}`));
    assert.deepEqual(
      open.filter(path => path.includes('backups')),
      [],
    );
  });

  fullIt('says that its folder is none, and makes two at once', async () => {
    const two = await Promise.all([1, 2].map(() => as('admin').send<Parameters>('POST', '$backup')));
    assert.equal(new Set(two.map(({ body }) => fileOf(body))).size, 2);
    rmSync(join(data, 'backups'), { recursive: true });
    writeFileSync(join(data, 'backups'), '');
    const reply = await as('admin').send<OperationOutcome>('POST', '$backup');
    assert.equal(reply.status, 503, reply.text);
    assert.match(reply.body.issue[0]!.details!.text!, /folder backups/);
    rmSync(join(data, 'backups'));
  });

  it('is for administrators alone', async () => {
    assert.equal((await as('anna').send('POST', '$backup')).status, 403);
    for (const keep of ['0', '-1', 'x'])
      assert.equal((await as('admin').send('POST', `$backup?keep=${keep}`)).status, 400);
  });

  it('is not offered of a database that has tools of its own', async function () {
    const store = await newStore(this, 'mongo');
    const other = await startServer({ store });
    try {
      const talk = talkTo(other.base);
      assert.equal((await talk.send('POST', '$backup')).status, 404);
      const { rest } = (await talk.get<CapabilityStatement>('metadata')).body;
      assert.ok(!rest![0]!.operation!.some(({ name }) => name === 'backup'));
    } finally {
      await other.stop();
    }
  });
});

describe('notes of what commands have done', () => {
  // The temporary folder of a test run may be closed to the other users of these tests.
  const own = mkdtempSync(join(process.getuid?.() === 0 ? '/tmp' : tmpdir(), 'chartroom-notes-'));
  const notes = join(own, 'untold');
  before(() => writeFileSync(join(own, 'chartroom.db'), ''));
  after(() => rmSync(own, { recursive: true, force: true }));

  it('belong to whom the store belongs, or the command refuses', function () {
    if (process.getuid?.() !== 0) {
      process.stdout.write('      skipped: only root can give files to others\n');
      this.skip();
    }
    chownSync(join(own, 'chartroom.db'), 4242, 4243);
    prepareNotes(own);
    leaveNote(own, MOVED);
    const [name] = readdirSync(notes);
    for (const path of [notes, join(notes, name!)]) {
      const { uid, gid, mode } = statSync(path);
      assert.deepEqual([uid, gid, mode & 0o077], [4242, 4243, 0], path);
    }
    chownSync(own, 4244, 4244);
    rmSync(notes, { recursive: true });
    process.seteuid!(4244);
    try {
      assert.throws(() => prepareNotes(own), /user to whom chartroom\.db belongs/);
    } finally {
      process.seteuid!(0);
    }
    rmSync(notes, { recursive: true });
    chownSync(own, 0, 0);
    chownSync(join(own, 'chartroom.db'), 0, 0);
  });

  it('are told beside one that cannot be, which is logged once', async () => {
    const server = await startServer({ store: 'embedded' });
    try {
      prepareNotes(own);
      mkdirSync(join(notes, '0-cannot-be-read.json'));
      const logged: unknown[] = [];
      const warn = (members: { readonly note: string }) => logged.push(members.note);
      const engine = {
        ...server.engine,
        log: Object.assign(Object.create(server.engine.log), { warn }),
        settings: { ...server.engine.settings, data: own },
      };
      const seen: NotesSeen = { failed: new Set(), told: new Set() };
      for (let round = 0; round < 2; round++) {
        leaveNote(own, MOVED);
        await tellNotes(engine, seen);
        assert.deepEqual(readdirSync(notes), ['0-cannot-be-read.json']);
        const { body } = await server.request.get('/fhir/AuditEvent?type=110106&_summary=count').expect(200);
        assert.deepEqual([body.total, logged], [round + 1, ['0-cannot-be-read.json']]);
      }
    } finally {
      await server.stop();
    }
  });
});
