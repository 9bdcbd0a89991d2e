/** `chartroom intake <folder>` with a server: what is put into a folder comes in once, whatever is killed when. docs/records-desk.md */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DocumentReference } from 'fhir/r4.js';
import { it } from 'mocha';
import { realPause } from '../../src/platform/real-time.js';
import { onStoresInTurn, type Stage } from '../support/both-stores.js';
import { command } from '../support/cli.js';
import { createRandom } from '../support/random.js';
import { depthOf } from '../support/depth.js';
import { ANN, intakeTokens, intakeWorld, tokenOf } from '../support/intake.js';

const newFolder = (): string => mkdtempSync(join(tmpdir(), 'chartroom-scans-'));
const taking = ({ server }: Stage, folder: string, who: 'ann' | 'cleo' = 'ann', ...more: string[]) => {
  const token = join(newFolder(), 'token');
  writeFileSync(token, tokenOf(who));
  return command(['intake', folder, '--server', server.base, '--token-file', token, ...more]);
};
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
      const { status, out } = await taking(stage(), folder, 'ann', '--once').ended;
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

    it('stays as it is where the server wants somebody else to ask, or is away', async () => {
      const folder = newFolder();
      writeFileSync(join(folder, 'note.txt'), 'A note.\n');
      const refused = await taking(stage(), folder, 'cleo', '--once').ended;
      assert.equal(refused.status, 1);
      assert.match(refused.err, /does not let this token/);
      const wrong = await command(['intake', folder, '--server', 'http://example.org/fhir', '--once']).ended;
      assert.equal(wrong.status, 2);
      assert.deepEqual(filesOf(folder), ['note.txt']);
    });

    it('comes in whole and once, though it is killed again and again', async () => {
      const random = createRandom(23);
      const folder = newFolder();
      const before = await titles(stage());
      const names = Array.from({ length: 12 }, (_, n) => `scan-${String(n).padStart(2, '0')}.txt`);
      for (const name of names) writeFileSync(join(folder, name), `Note ${name}\n`);
      for (let kill = 0; kill < depthOf('INTAKE_KILLS'); kill++) {
        const { child, ended } = taking(stage(), folder);
        const left = filesOf(folder).length;
        const enough = 1 + random.below(4);
        while (child.exitCode === null && left - filesOf(folder).length < enough && filesOf(folder).length > 0)
          await realPause(random.below(20));
        child.kill('SIGKILL');
        await ended;
      }
      assert.equal((await taking(stage(), folder, 'ann', '--once').ended).status, 0);
      assert.deepEqual(await titles(stage()), [...before, ...names].toSorted());
      assert.deepEqual(filesOf(join(folder, 'done')), names);
      assert.deepEqual(filesOf(folder), []);
    });
  },
  { config: { tokens: intakeTokens, auth: 'token' }, set: intakeWorld },
);
