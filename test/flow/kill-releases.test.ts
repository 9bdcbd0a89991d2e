/**
 * `kill -9` at random points of requests for records on their way to a release: what is released has the event of its disclosure, nothing else has one, and every
 * package that is there is whole.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { AuditEvent, DocumentReference, List, Task } from 'fhir/r4.js';
import { after, before, describe, it } from 'mocha';
import { storesInTurn } from '../support/both-stores.js';
import { depthOf } from '../support/depth.js';
import { endJobLease } from '../support/leases.js';
import { createRandom } from '../support/random.js';
import { type GivenValues, runOn } from '../support/records-request.js';
import { documentRead, inputsOf, jobEnded, outputsOf } from '../support/release-story.js';
import { freePort } from '../support/mongod.js';
import { newStore, STORES } from '../support/server.js';
import { type SpawnedServer, spawnServer } from '../support/spawn.js';
import { type Reply, type Talk, talkTo } from '../support/talk.js';
import { lead, workStateOf } from '../support/work.js';

const KILLS = Math.ceil(depthOf('RELEASE_KILLS') / STORES.length);
const NOBODY = {};
const ASKED: GivenValues = [
  { name: 'requester-class', valueCode: 'treating-provider' },
  { name: 'requester', valueString: 'Dr. Doe' },
  { name: 'patient', valueReference: { reference: 'Patient/killed' } },
  { name: 'purpose', valueCode: 'TREAT' },
  { name: 'format', valueCode: 'zip' },
  { name: 'delivery', valueCode: 'portal' },
];
/** State → the transition that leads on. */
const NEXT: Readonly<Record<string, string>> = {
  ...{ received: 'log', 'identity-check': 'identify', 'authorization-check': 'accept', released: 'close' },
};

for (const store of storesInTurn(0))
  describe(`kill -9 amid releases (${store} store)`, () => {
    const random = createRandom(77);
    let url = '';
    let data = '';
    let port = '';
    let server: SpawnedServer | undefined;

    before(async function () {
      url = await newStore(this, store);
      port = String(await freePort());
      data = mkdtempSync(join(tmpdir(), 'chartroom-kill-releases-'));
    });
    after(async () => {
      await server?.kill('SIGKILL');
      if (data !== '') rmSync(data, { recursive: true, force: true });
    });

    const start = async (): Promise<Talk> => {
      server = await spawnServer({
        CHARTROOM_STORE: url,
        CHARTROOM_DATA: data,
        CHARTROOM_PORT: port,
        CHARTROOM_SECRET: 'a secret of thirty-two characters',
      });
      if (store === 'mongo') await endJobLease(url);
      return talkTo(server.base);
    };
    const tasks = async (talk: Talk): Promise<readonly Task[]> =>
      ((await talk.search<Task>('Task?code=urn:chartroom:task|release-of-information&_count=1000')).entry ?? []).map(
        ({ resource }) => resource!,
      );

    /** One step of the request that is open, or the begin of another one. */
    async function step(talk: Talk): Promise<void> {
      const open = (await tasks(talk)).find(each => workStateOf(each) !== 'closed');
      if (!open) return judgeReply(await runOn(talk, '$request-records', ASKED, NOBODY));
      const [id, state] = [open.id!, workStateOf(open)!];
      const name = NEXT[state];
      if (name) return judgeReply(await lead(talk, id, { name, reason: 'So it goes on.' }, NOBODY));
      if (state === 'searching') return judgeReply(await runOn(talk, `${id}/$release-select`, [], NOBODY));
      if (state === 'ready') return judgeReply(await runOn(talk, `${id}/$release`, [], NOBODY));
      const chosen = inputsOf(open, 'chosen').map(each => documentRead(each.valueReference!.reference!));
      judgeReply(await runOn(talk, `${id}/$release-confirm`, chosen, NOBODY));
      const packing = await runOn(talk, `${id}/$release-package`, [], NOBODY);
      judgeReply(packing);
      // The job goes on after a kill, too. What was refused, or has failed, is asked for again.
      if (packing.status === 202) await jobEnded(talk, packing, NOBODY);
    }
    const judgeReply = ({ status, text }: Reply<unknown>): void =>
      assert.ok((status >= 200 && status < 300) || status === 409 || status === 503, text);

    async function examine(talk: Talk): Promise<number> {
      const found = await talk.search<AuditEvent>(
        'AuditEvent?type=http://dicom.nema.org/resources/ontology/DCM|110106&patient=Patient/killed&_count=1000',
      );
      const told = new Map<string, number>();
      for (const { resource } of found.entry ?? []) {
        const detail = resource!.entity!.flatMap(each => each.detail ?? []).find(({ type }) => type === 'request');
        if (detail?.valueString !== undefined) told.set(detail.valueString, (told.get(detail.valueString) ?? 0) + 1);
      }
      let released = 0;
      for (const task of await tasks(talk)) {
        const state = workStateOf(task)!;
        const isReleased = state === 'released' || state === 'closed';
        assert.equal(told.get(`Task/${task.id}`) ?? 0, isReleased ? 1 : 0, state);
        if (isReleased) released++;
        if (isReleased || state === 'ready') await examinePackage(talk, task);
      }
      assert.equal(
        [...told.values()].reduce((sum, each) => sum + each, 0),
        released,
      );
      return released;
    }

    async function examinePackage(talk: Talk, task: Task): Promise<void> {
      const [pack] = outputsOf(task, 'package');
      const [set] = outputsOf(task, 'frozen-set');
      const { body } = await talk.get<DocumentReference>(pack!.valueReference!.reference!);
      const reply = await fetch(body.content[0]!.attachment.url!, { headers: { accept: 'application/zip' } });
      const bytes = Buffer.from(await reply.arrayBuffer());
      assert.equal(createHash('sha256').update(bytes).digest('hex'), pack!.extension![0]!.valueString);
      const { body: list } = await talk.get<List>(set!.valueReference!.reference!);
      assert.deepEqual(
        list.entry!.map(({ item }) => item.reference),
        ['DocumentReference/killed-1/_history/1'],
      );
    }

    it(`tells each release in ${KILLS} kills, and nothing else`, async () => {
      const first = await start();
      await first.update({
        ...{ resourceType: 'Patient', id: 'killed', birthDate: '1970-02-03' },
        identifier: [{ system: 'urn:mrn', value: 'MRN-1' }],
      });
      const data64 = Buffer.from('Words.').toString('base64');
      await first.update({
        ...{ resourceType: 'DocumentReference', id: 'killed-1', status: 'current', docStatus: 'final' },
        ...{
          subject: { reference: 'Patient/killed' },
          content: [{ attachment: { contentType: 'text/plain', data: data64 } }],
        },
      });
      await server!.kill('SIGKILL');
      for (let kill = 0; kill < KILLS; kill++) {
        const talk = await start();
        await examine(talk);
        let left = random.below(10);
        const rest = random.below(60);
        let killed: Promise<void> | undefined;
        try {
          for (;;) {
            if (left-- === 0) killed = pause(rest).then(() => server!.kill('SIGKILL'));
            await step(talk);
          }
        } catch (error) {
          // Whatever was asked then had no answer.
          if (!killed || error instanceof assert.AssertionError) throw error;
        }
        await killed;
      }
      const talk = await start();
      const told = await examine(talk);
      while ((await examine(talk)) <= told) await step(talk);
    });
  });
