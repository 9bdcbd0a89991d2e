/** `chartroom intake <folder>` with a server: what is put into a folder comes in once, whatever is killed when. docs/records-desk.md */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DocumentReference, Task } from 'fhir/r4.js';
import { after, it } from 'mocha';
import { realPause } from '../../src/platform/real-time.js';
import { serverMark } from '../../src/features/intake/sheets/sheet-text.js';
import { onStoresInTurn, type Stage } from '../support/both-stores.js';
import { command, manyCommands } from '../support/cli.js';
import { createRandom } from '../support/random.js';
import { depthOf, fullIt } from '../support/depth.js';
import { sheetPage, WRITTEN_PAGE } from '../support/separator-sheets.js';
import { aPdf } from '../support/scans.js';
import { ANN, BEN, intakeTokens, intakeWorld, stepAs, tokenOf } from '../support/intake.js';

const newFolder = (): string => mkdtempSync(join(tmpdir(), 'chartroom-scans-'));
interface Asking {
  readonly who?: 'ann' | 'cleo';
  /** Its address, where it is another one. */
  readonly server?: string;
  readonly quiet?: string;
}
const wordsOf = (
  stage: Stage,
  folder: string,
  { who = 'ann', server = stage.server.base, quiet = '0' }: Asking,
  ...more: string[]
): readonly string[] => {
  const token = join(newFolder(), 'token');
  writeFileSync(token, tokenOf(who));
  return ['intake', folder, '--server', server, '--token-file', token, '--quiet', quiet, ...more];
};
const taking = (stage: Stage, folder: string, asking: Asking, ...more: string[]) =>
  command(wordsOf(stage, folder, asking, ...more));
const many = manyCommands();
after(() => many.end());
/** Where it ends by itself: in the process that all of these share. */
const taken = (stage: Stage, folder: string, asking: Asking, ...more: string[]) =>
  many.run(wordsOf(stage, folder, asking, ...more));
/** Some other server, on loopback. */
async function otherServer(answer: (body: string) => readonly [status: number, body: string]) {
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const [status, body] = answer(Buffer.concat(parts).toString());
      response.writeHead(status, status === 302 ? { location: '/elsewhere' } : {}).end(body);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = (): Promise<void> => {
    server.closeAllConnections();
    return new Promise(done => server.close(() => done()));
  };
  return { base: `http://127.0.0.1:${(server.address() as AddressInfo).port}/fhir`, close };
}
const filesOf = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true }).flatMap(each => (each.isFile() ? [each.name] : []));
const titles = async ({ talk }: Stage): Promise<string[]> => {
  const { entry = [] } = await talk.search<DocumentReference>('DocumentReference?_count=200', ANN);
  return entry.map(({ resource }) => resource!.content[0]!.attachment.title ?? '').toSorted();
};

onStoresInTurn(
  'a folder that is taken in',
  stage => {
    it('comes in once, file by file, and what is not taken in stays aside with the reason', async () => {
      const folder = newFolder();
      writeFileSync(join(folder, 'one.txt'), 'The first note.\n');
      writeFileSync(join(folder, 'same.txt'), 'The first note.\n');
      writeFileSync(join(folder, 'program'), Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0]));
      writeFileSync(join(folder, 'empty.txt'), '');
      writeFileSync(join(folder, '.hidden'), 'Not yet.');
      symlinkSync('/etc/hostname', join(folder, 'link'));
      mkdirSync(join(folder, 'deeper'));
      const { status, out } = await taking(stage(), folder, {}, '--once').ended;
      assert.equal(status, 1, 'something failed');
      assert.match(out, /one\.txt: taken in\n/);
      assert.match(out, /same\.txt: was taken in before/);
      assert.deepEqual(filesOf(join(folder, 'done')), ['one.txt', 'same.txt']);
      assert.deepEqual(filesOf(join(folder, 'failed')), [
        'empty.txt',
        'empty.txt.reason.txt',
        'program',
        'program.reason.txt',
      ]);
      assert.match(readFileSync(join(folder, 'failed', 'program.reason.txt'), 'utf8'), /taken in of these types/);
      assert.deepEqual(filesOf(folder), ['.hidden']);
      assert.deepEqual(await titles(stage()), ['one.txt']);
    });

    fullIt(
      'is taken apart at separator sheets where that is said, as far as a file can hold several documents (S4)',
      async () => {
        const sheet = sheetPage({ server: serverMark(stage().server.base), patient: '1', pages: 1 });
        const file = aPdf([sheet, WRITTEN_PAGE, sheet, WRITTEN_PAGE.replace('12 Tf', '13 Tf')]);
        const folder = newFolder();
        writeFileSync(join(folder, 'pile.pdf'), file);
        writeFileSync(join(folder, 'alone.txt'), 'A note alone.');
        const { status, err } = await taking(stage(), folder, {}, '--once', '--separated').ended;
        assert.equal(status, 0, err);
        const all = await titles(stage());
        for (const title of ['pile.pdf', 'pile.pdf (1)', 'pile.pdf (2)', 'alone.txt'])
          assert.ok(all.includes(title), title);
      },
    );

    it('stays as it is where the server wants somebody else to ask, or is away', async () => {
      const folder = newFolder();
      writeFileSync(join(folder, 'note.txt'), 'A note.\n');
      const refused = await taken(stage(), folder, { who: 'cleo' }, '--once');
      assert.equal(refused.status, 1);
      assert.match(refused.err, /does not let this token/);
      const wrong = await many.run(['intake', folder, '--server', 'http://example.org/fhir', '--once']);
      assert.equal(wrong.status, 2);
      assert.deepEqual(filesOf(folder), ['note.txt']);
    });

    fullIt('stays as it is where the address is wrong, or is that of somebody who takes no scans', async () => {
      const folder = newFolder();
      writeFileSync(join(folder, 'note.txt'), 'A note.\n');
      const answers: [number, string][] = [
        [404, '{"resourceType":"OperationOutcome"}'],
        [405, ''],
        [302, ''],
        [200, '<p>Welcome</p>'],
        [422, 'no'],
      ];
      for (const answer of answers) {
        const other = await otherServer(() => answer);
        const { status, err } = await taken(stage(), folder, { server: other.base });
        await other.close();
        assert.equal(status, 1, `${answer[0]}: ${err}`);
        assert.match(err, /--server/);
        assert.deepEqual([filesOf(folder), filesOf(join(folder, 'failed'))], [['note.txt'], []]);
      }
    });

    fullIt('comes in past a file with which the server does not get on, and under names as they are', async () => {
      const folder = newFolder();
      const long = `${'n'.repeat(246)}.txt`;
      const accepted = JSON.stringify({ resourceType: 'Parameters', parameter: [] });
      const refusal = { resourceType: 'OperationOutcome', issue: [{ details: { text: 'Not this one.' } }] };
      const other = await otherServer(body => {
        if (body.includes('"a-bad.txt"')) return [500, ''];
        if (body.includes('"b-slow.txt"')) return [408, ''];
        if (body.includes('"large.txt"')) return [413, '<p>large</p>'];
        return body.includes('"refused.txt"') || body.includes('nnnn')
          ? [422, JSON.stringify(refusal)]
          : [201, accepted];
      });
      mkdirSync(join(folder, 'failed'));
      const outside = join(newFolder(), 'outside');
      writeFileSync(outside, 'Not to be written over.');
      symlinkSync(outside, join(folder, 'failed', 'refused.txt.reason.txt'));
      for (const name of ['a-bad.txt', 'b-slow.txt', 'large.txt', 'refused.txt', 'z-good.txt', long])
        writeFileSync(join(folder, name), `Note ${name}`);
      const { child, ended } = taking(stage(), folder, { server: other.base });
      while (child.exitCode === null && filesOf(folder).length > 2) await realPause(20);
      child.kill('SIGTERM');
      const { err } = await ended;
      await other.close();
      assert.deepEqual(filesOf(folder), ['a-bad.txt', 'b-slow.txt'], err);
      assert.deepEqual(filesOf(join(folder, 'done')), ['z-good.txt']);
      const failed = filesOf(join(folder, 'failed'));
      assert.equal(failed.length, 6, failed.join());
      const reasonOf = (name: string): string => {
        const moved = failed.find(each => each.includes(name) && each.endsWith('.reason.txt'))!;
        assert.ok(failed.includes(moved.slice(0, -'.reason.txt'.length)), 'beside its file');
        return readFileSync(join(folder, 'failed', moved), 'utf8');
      };
      assert.match(reasonOf('large'), /CHARTROOM_MAX_BODY/);
      assert.match(reasonOf('-refused'), /Not this one/);
      assert.match(reasonOf('nnnn'), /Not this one/);
      assert.equal(readFileSync(outside, 'utf8'), 'Not to be written over.');
    });

    fullIt('is left to the next look while it is written, and is not moved when it has changed meanwhile', async () => {
      const folder = newFolder();
      const file = join(folder, 'note.txt');
      writeFileSync(file, 'Half a note');
      const bodies: string[] = [];
      const other = await otherServer(body => {
        bodies.push(Buffer.from(/"data":"([^"]*)"/.exec(body)![1]!, 'base64').toString());
        if (bodies.length === 1) writeFileSync(file, 'Half a note, and the rest.');
        return [201, JSON.stringify({ resourceType: 'Parameters' })];
      });
      const { status, err } = await taken(stage(), folder, { server: other.base }, '--once');
      await other.close();
      assert.equal(status, 0, err);
      assert.deepEqual(bodies, ['Half a note', 'Half a note, and the rest.']);
      assert.equal(readFileSync(join(folder, 'done', 'note.txt'), 'utf8'), 'Half a note, and the rest.');
    });

    fullIt('waits for a server that is away, and says once why', async () => {
      const folder = newFolder();
      writeFileSync(join(folder, 'note.txt'), 'A note.');
      const away = await otherServer(() => [503, '']);
      const busy = taking(stage(), folder, { server: away.base });
      let told = '';
      busy.child.stderr?.on('data', (part: Buffer) => (told += part.toString()));
      while (busy.child.exitCode === null && !told.includes('503')) await realPause(20);
      await away.close();
      while (busy.child.exitCode === null && !told.includes('outgoing-unreachable')) await realPause(20);
      busy.child.kill('SIGTERM');
      const { err } = await busy.ended;
      assert.deepEqual(err.match(/does not take files in just now/g)?.length, 2, err);
      assert.deepEqual(filesOf(folder), ['note.txt']);
    });

    fullIt('is left while it is young', async () => {
      const folder = newFolder();
      for (const name of ['old.txt', 'young.txt']) writeFileSync(join(folder, name), `Note ${name}`);
      utimesSync(join(folder, 'old.txt'), 1_700_000_000, 1_700_000_000);
      const other = await otherServer(() => [201, JSON.stringify({ resourceType: 'Parameters' })]);
      const { child, ended } = taking(stage(), folder, { server: other.base, quiet: '86400' });
      while (child.exitCode === null && filesOf(folder).length > 1) await realPause(20);
      child.kill('SIGTERM');
      await ended;
      await other.close();
      assert.deepEqual([filesOf(folder), filesOf(join(folder, 'done'))], [['young.txt'], ['old.txt']]);
    });

    fullIt('fails where all of it was rejected before', async () => {
      const { talk } = stage();
      const folder = newFolder();
      writeFileSync(join(folder, 'twice.txt'), 'Twice a note.\n');
      assert.equal((await taken(stage(), folder, {}, '--once')).status, 0);
      const { entry = [] } = await talk.search<DocumentReference>('DocumentReference?_count=200', ANN);
      const document = entry.find(({ resource }) => resource!.content[0]!.attachment.title === 'twice.txt')!.resource!;
      const about = await talk.search<Task>(`Task?focus=DocumentReference/${document.id}`, ANN);
      const rejected = await stepAs(talk, about.entry![0]!.resource!.id!, 'reject', BEN, 'illegible');
      assert.equal(rejected.status, 200, rejected.text);
      writeFileSync(join(folder, 'twice.txt'), 'Twice a note.\n');
      assert.equal((await taken(stage(), folder, {}, '--once')).status, 1);
      assert.deepEqual(filesOf(join(folder, 'failed')), ['twice.txt', 'twice.txt.reason.txt']);
      assert.match(readFileSync(join(folder, 'failed', 'twice.txt.reason.txt'), 'utf8'), /were rejected/);
    });

    it('comes in whole and once, though it is killed again and again', async () => {
      const random = createRandom(23);
      const folder = newFolder();
      const before = await titles(stage());
      const names = Array.from({ length: 12 }, (_, n) => `scan-${String(n).padStart(2, '0')}.txt`);
      for (const name of names) writeFileSync(join(folder, name), `Note ${name}\n`);
      for (let kill = 0; kill < depthOf('INTAKE_KILLS'); kill++) {
        const { child, ended } = taking(stage(), folder, {});
        const left = filesOf(folder).length;
        const enough = 1 + random.below(4);
        while (child.exitCode === null && left - filesOf(folder).length < enough && filesOf(folder).length > 0)
          await realPause(random.below(20));
        child.kill('SIGKILL');
        await ended;
      }
      assert.equal((await taken(stage(), folder, {}, '--once')).status, 0);
      assert.deepEqual(await titles(stage()), [...before, ...names].toSorted());
      assert.deepEqual(filesOf(join(folder, 'done')), names);
      assert.deepEqual(filesOf(folder), []);
    });
  },
  { config: { tokens: intakeTokens, auth: 'token', intakeWait: '120' }, set: intakeWorld },
);
