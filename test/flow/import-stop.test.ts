/**
 * An import that is stopped at any point (a signal, a kill) and begun again leaves what one go leaves: as many resources and
 * as many versions, those without an id included; and what is finished is not done again.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Resource } from 'fhir/r4.js';
import { after, before, describe, it } from 'mocha';
import { storesInTurn } from '../support/both-stores.js';
import { depthOf, FULL } from '../support/depth.js';
import { versionsIn } from '../support/import.js';
import { readNdjson } from '../support/examples.js';
import { createRandom } from '../support/random.js';
import { newStore, startServer } from '../support/server.js';
import { shared } from '../support/shared.js';

/** Stops of one store, one after the other; half of them kills. */
const STOPS = depthOf('STOPS');
const CHILD = fileURLToPath(new URL('../../programs/import-program.js', import.meta.url));

interface Ended {
  /** Null: killed. */
  readonly status: number | null;
  readonly out: string;
}

/** Sends `signal` as soon as the progress says `at` resources. */
async function load(
  words: readonly string[],
  env: Readonly<Record<string, string>>,
  stop?: { readonly at: number; readonly signal: NodeJS.Signals },
): Promise<Ended> {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('CHARTROOM_'));
  const child = spawn(process.execPath, [CHILD, ...words], {
    env: { ...Object.fromEntries(inherited), CHARTROOM_LOG: 'warn', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let out = '';
  let sent = false;
  child.stdout.on('data', (text: Buffer) => {
    out += text.toString();
    const said = [...out.matchAll(/ ([\d,]+) resources,/g)].at(-1)?.[1]?.replaceAll(',', '');
    // A second signal would end it at once.
    if (stop && !sent && Number(said ?? -1) >= stop.at) sent = child.kill(stop.signal);
  });
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, out: out.replaceAll(/^\d+ %.*\n/gm, '') };
}

const loadedBy = ({ out }: Ended) => Number(/^Loaded (\d+) resources/m.exec(out)?.[1] ?? Number.NaN);

for (const store of storesInTurn(1))
  describe(`an import that is stopped (${store})`, function () {
    const folder = mkdtempSync(join(tmpdir(), 'chartroom-stop-'));
    let sent = 0;
    before(() => {
      const seed = shared('data', 'synthea-seed');
      const some: Resource[] = Array.from({ length: FULL ? 1200 : 400 }, (_, i) => ({
        resourceType: 'Patient',
        ...(i % 3 ? {} : { id: `p${i}` }),
      }));
      const lines = FULL && seed ? readNdjson(join(seed, 'ndjson')).map(each => ({ ...each, id: undefined })) : some;
      writeFileSync(join(folder, 'lines.ndjson'), lines.map(line => JSON.stringify(line)).join('\n'));
      const post = (resource: Resource) => ({ resource, request: { method: 'POST', url: resource.resourceType } });
      const basic = { resourceType: 'Basic', code: { text: 'x' } };
      const bundle = (type: string, resources: readonly Resource[]) =>
        JSON.stringify({ resourceType: 'Bundle', type, entry: resources.map(post) });
      writeFileSync(
        join(folder, 'batch.json'),
        bundle(
          'batch',
          Array.from({ length: 150 }, () => basic),
        ),
      );
      writeFileSync(
        join(folder, 'whole.json'),
        bundle(
          'transaction',
          Array.from({ length: 50 }, () => basic),
        ),
      );
      sent = lines.length + 150 + 50;
    });
    after(() => rmSync(folder, { recursive: true, force: true }));

    const words = () =>
      readdirSync(folder)
        .filter(name => name.endsWith('json'))
        .map(name => join(folder, name));
    const versions = async (named: string, data: string) => {
      const server = await startServer({ store: named, config: { data } });
      const counts = await versionsIn(server.engine);
      await server.stop();
      return counts;
    };

    it('leaves what one go leaves, and a second go writes nothing', async function () {
      const random = createRandom(7);
      const one = { CHARTROOM_STORE: await newStore(this, store), CHARTROOM_DATA: join(folder, 'one') };
      const whole = await load(words(), one);
      assert.deepEqual([whole.status, loadedBy(whole)], [0, sent], whole.out);
      const wanted = await versions(one.CHARTROOM_STORE, one.CHARTROOM_DATA);
      const again = await load(words(), one);
      assert.deepEqual([again.status, loadedBy(again)], [0, 0], again.out);
      assert.match(again.out, /passed over: 3 /);
      assert.deepEqual(await versions(one.CHARTROOM_STORE, one.CHARTROOM_DATA), wanted);

      const cut = { CHARTROOM_STORE: await newStore(this, store), CHARTROOM_DATA: join(folder, 'cut') };
      const share = Math.floor(sent / STOPS);
      let stopped = 0;
      for (let i = 0; i < STOPS; i++) {
        const signal = i % 2 ? 'SIGKILL' : i % 4 ? 'SIGTERM' : 'SIGINT';
        const ended = await load(words(), cut, { at: random.below(share), signal });
        if (signal === 'SIGKILL') stopped += ended.status === null ? 1 : 0;
        else if (ended.status !== 0) {
          assert.equal(ended.status, signal === 'SIGINT' ? 130 : 143, ended.out);
          assert.match(ended.out, /the same command goes on/);
          stopped++;
        }
      }
      assert.ok(stopped >= STOPS / 2, `${stopped} of ${STOPS} ended before their end`);
      const last = await load(words(), cut);
      assert.equal(last.status, 0, last.out);
      assert.deepEqual(await versions(cut.CHARTROOM_STORE, cut.CHARTROOM_DATA), wanted);
    });
  });
