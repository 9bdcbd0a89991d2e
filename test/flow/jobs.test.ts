/** Jobs over HTTP, on both stores: asked for, looked at, cancelled, failed; for whom they are there; what is recorded of them. */
import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import type { AuditEvent, Basic, Bundle, OperationOutcome, Parameters, Task } from 'fhir/r4.js';
import { describe, it } from 'mocha';
import { FhirError } from '../../src/fhir/error.js';
import type { Feature } from '../../src/interactions/feature.js';
import type { FeatureJob, PerformedByJob } from '../../src/interactions/jobs.js';
import { welcome } from '../sample/welcome.js';
import { onStoresInTurn } from '../support/both-stores.js';
import { depthOf } from '../support/depth.js';
import { idsOf, type Reply, refusal, talkTo } from '../support/talk.js';
import { bearerOf, tokenFile } from '../support/tokens.js';

const folder = mkdtempSync(join(tmpdir(), 'chartroom-jobs-'));
writeFileSync(
  join(folder, 'operationdefinition-write-many.json'),
  JSON.stringify({
    ...{
      resourceType: 'OperationDefinition',
      id: 'write-many',
      name: 'WriteMany',
      status: 'active',
      kind: 'operation',
    },
    ...{ code: 'write-many', affectsState: true, system: true, type: false, instance: false },
    parameter: [
      { name: 'count', use: 'in', min: 1, max: '1', type: 'integer' },
      { name: 'how', use: 'in', min: 0, max: '1', type: 'code' },
    ],
  }),
);

const CANCELLED = depthOf('CANCELLED_JOBS');

/** Steps wait while it is closed. */
const gate = { open: true };

type Input = { readonly count: number; readonly how: string };
const basic = (id: string, more: object): PerformedByJob => ({
  kind: 'update',
  type: 'Basic',
  id,
  body: { resource: { resourceType: 'Basic', id, code: { text: 'x' }, ...more }, decimals: undefined },
});
const writing: FeatureJob<Input, { readonly at: number; readonly refused: number }> = {
  kind: 'write-many',
  attempts: 1,
  begin: ({ input }) => ({ state: { at: 0, refused: 0 }, total: input.count }),
  async step({ id, input: { count, how }, state, signal }) {
    while (!gate.open && !signal.aborted) await pause(5);
    if (how === 'refused') throw new FhirError('unprocessable', 'It is not for now.', { detail: 'not-for-now' });
    if (how === 'broken') throw new Error('Mrs. Secret');
    const { at, refused } = state;
    const next = { state: { at: at + 1, refused }, done: at + 1, last: at + 1 >= count };
    const strange = how === 'partly' && at === 1 ? { unknown: 1 } : {};
    return {
      ...next,
      performs: basic(`${id}-${at}`, strange),
      refused: () => ({ ...next, state: { at: at + 1, refused: refused + 1 } }),
    };
  },
  finish: ({ state: { at, refused } }) => ({
    result: {
      resourceType: 'Parameters',
      parameter: [
        { name: 'written', valueInteger: at - refused },
        { name: 'refused', valueInteger: refused },
      ],
    },
  }),
};
const feature: Feature = {
  name: 'writing',
  profiles: pathToFileURL(`${folder}/`),
  open: () => ({
    duties: { writer: { operations: ['write-many'] } },
    jobs: [writing],
    operations: {
      'write-many': {
        async job(_, ask) {
          const given = new Map(ask.parameters);
          return { kind: 'write-many', input: { count: Number(given.get('count')), how: given.get('how') ?? '' } };
        },
        run: async () => ({
          result: { status: 200, text: Buffer.from('{"resourceType":"Parameters"}'), patients: [] },
        }),
      },
    },
  }),
};

const tokens = tokenFile({ admin: 'admin', anna: 'writer', bert: 'writer', rita: 'reader' });
const LATER = { prefer: 'respond-async' };

onStoresInTurn(
  'jobs',
  stage => {
    const as = (name: string) => talkTo(stage().server.base, bearerOf(name));
    const ask = (name: string, query: string, headers = LATER) =>
      as(name).send('POST', `$write-many?${query}`, { headers });
    const begun = async (name: string, query: string): Promise<string> => {
      const reply = await ask(name, query);
      assert.equal(reply.status, 202, reply.text);
      const at = reply.header('content-location') ?? '';
      assert.ok(at.startsWith(`${stage().server.base}/$jobs-status?job=`), at);
      return at;
    };
    const idIn = (at: string): string => at.replace(/.*=/, '');
    const untilOver = async (name: string, at: string): Promise<Reply<Bundle<Parameters>>> => {
      for (;;) {
        const reply = await as(name).get<Bundle<Parameters>>(at);
        if (reply.status !== 202) return reply;
        await pause(20);
      }
    };
    const listed = async (name: string) =>
      ((await as(name).get<Parameters>('$jobs')).body.parameter ?? []).map(({ part = [] }) =>
        Object.fromEntries(part.map(({ name: key, ...value }) => [key, Object.values(value)[0] as unknown])),
      );

    it('is done at once where nobody asks for it to be later', async () => {
      assert.equal((await ask('anna', 'count=1', { prefer: 'return=minimal' })).status, 200);
      assert.deepEqual(await listed('anna'), []);
    });

    it('says how far it is, and then what came of it, in the formats of every answer', async () => {
      gate.open = false;
      const at = await begun('anna', 'count=3');
      let status = await as('anna').get<OperationOutcome>(at);
      while (status.header('x-progress') === 'waiting') status = await as('anna').get(at);
      assert.deepEqual(
        [status.status, status.header('x-progress'), status.header('retry-after'), status.body.resourceType],
        [202, '0 of about 3 done', '1', 'OperationOutcome'],
      );
      const job = (await listed('anna')).find(({ id }) => id === idIn(at));
      assert.deepEqual(
        [job?.['kind'], job?.['status'], job?.['by'], job?.['done'], job?.['total']],
        ['write-many', 'running', 'anna', 0, 3],
      );
      gate.open = true;
      const over = await untilOver('anna', at);
      const { status: code, body } = over;
      assert.deepEqual(
        [code, body.type, body.entry],
        [
          200,
          'batch-response',
          [
            {
              resource: {
                resourceType: 'Parameters',
                parameter: [
                  { name: 'written', valueInteger: 3 },
                  { name: 'refused', valueInteger: 0 },
                ],
              },
              response: { status: '200' },
            },
          ],
        ],
      );
      assert.ok(Date.parse(over.header('expires') ?? '') > Date.now());
      const xml = await as('anna').get(at, { accept: 'application/fhir+xml' });
      assert.match(xml.text, /<type value="batch-response"\/>/);
    });

    it('does what it does as whoever asked, and is recorded at its beginning and its end', async () => {
      const at = await begun('anna', 'count=2');
      await untilOver('anna', at);
      const found = await as('anna').search<Basic>(`Basic?_id=${[0, 1].map(n => `${idIn(at)}-${n}`).join()}`);
      assert.equal(idsOf(found).length, 2);
      const { entry = [] } = await as('admin').search<AuditEvent>(`AuditEvent?entity=Basic/${idIn(at)}-1`);
      assert.deepEqual(
        entry.map(({ resource }) => resource?.agent.slice(2).map(({ name }) => name)),
        [['anna', 'writing']],
      );
      assert.deepEqual(await recorded(at), [
        ['0', undefined, 'anna', 'begin'],
        ['0', undefined, 'anna', 'end'],
      ]);
    });
    /** Outcome, reason, person and moment of the events of a job. */
    const recorded = async (at: string) => {
      const { entry = [] } = await as('admin').search<AuditEvent>(
        'AuditEvent?subtype=operation&_sort=date&_count=1000',
      );
      return entry.flatMap(({ resource }) => {
        const query = atob(resource?.entity?.find(each => each.query)?.query ?? '');
        if (!query.startsWith(`JOB write-many/${idIn(at)} `)) return [];
        const person = resource?.agent.find(({ requestor }) => requestor)?.name;
        return [[resource?.outcome, resource?.outcomeDesc, person, query.replace(/.* /, '')]];
      });
    };

    it('goes on where its step says so though what it performs is refused', async () => {
      const at = await begun('anna', 'count=3&how=partly');
      const { body } = await untilOver('anna', at);
      assert.deepEqual(
        body.entry?.[0]?.resource?.parameter?.map(({ valueInteger }) => valueInteger),
        [2, 1],
      );
      const found = await as('anna').search<Basic>(`Basic?_id=${[0, 1, 2].map(n => `${idIn(at)}-${n}`).join()}`);
      assert.deepEqual(idsOf(found).toSorted(), [`${idIn(at)}-0`, `${idIn(at)}-2`]);
    });

    it('is there for whoever asked and for an administrator, and for nobody else', async () => {
      gate.open = false;
      const at = await begun('anna', 'count=1');
      for (const [name, code] of [
        ['anna', 202],
        ['admin', 202],
        ['bert', 404],
        ['rita', 404],
      ] as const) {
        assert.equal((await as(name).get(at)).status, code, name);
        assert.equal(
          (await listed(name)).some(({ id }) => id === idIn(at)),
          code === 202,
          name,
        );
        assert.equal((await as(name).get(`$jobs?job=${idIn(at)}`)).status, code === 202 ? 200 : 404, name);
      }
      assert.equal((await as('bert').delete(at)).status, 404);
      assert.equal((await as('bert').send('POST', `$jobs-cancel?job=${idIn(at)}`)).status, 404);
      assert.equal((await talkTo(stage().server.base).get(at)).status, 401);
      gate.open = true;
      assert.equal((await untilOver('anna', at)).status, 200);
      assert.equal((await as('bert').get(at)).status, 404);
    });

    it('is cancelled by DELETE of its status, or by the operation, and then is not there', async () => {
      gate.open = false;
      for (const how of ['DELETE', 'operation', 'by an administrator']) {
        const at = await begun('anna', 'count=3');
        const reply =
          how === 'DELETE'
            ? await as('anna').delete(at)
            : await as(how === 'operation' ? 'anna' : 'admin').send('POST', `$jobs-cancel?job=${idIn(at)}`);
        assert.equal(reply.status, 202, reply.text);
        const gone = await as('anna').get<OperationOutcome>(at);
        assert.deepEqual(refusal(gone), { status: 404, detail: 'unknown-job' });
        assert.deepEqual(gone.body.issue[0]!.expression, ['http.job']);
        const job = (await listed('anna')).find(({ id }) => id === idIn(at));
        assert.equal(job?.['status'], 'cancelled');
        assert.deepEqual(await recorded(at), [
          ['0', undefined, 'anna', 'begin'],
          ['0', 'cancelled', how === 'by an administrator' ? 'admin' : 'anna', 'cancel'],
        ]);
        // Once more: it is forgotten.
        assert.equal((await as('anna').delete(at)).status, 202);
        assert.equal((await as('anna').get(`$jobs?job=${idIn(at)}`)).status, 404);
        assert.equal((await as('anna').delete(at)).status, 404);
      }
      gate.open = true;
    });

    it('answers with the error that it failed by, as often as it is asked', async () => {
      const refused = await begun('anna', 'count=1&how=refused');
      for (const _ of [1, 2])
        assert.deepEqual(refusal(await untilOver('anna', refused)), { status: 422, detail: 'not-for-now' });
      assert.deepEqual((await recorded(refused)).at(-1), ['4', 'unprocessable', 'anna', 'end']);
      const broken = await begun('anna', 'count=1&how=broken');
      const { status, text } = await untilOver('anna', broken);
      assert.equal(status, 500);
      assert.ok(!text.includes('Secret'));
      assert.deepEqual((await recorded(broken)).at(-1), ['12', 'fault', 'anna', 'end']);
    });

    it('refuses questions that are none', async () => {
      assert.equal((await as('anna').get('$jobs-status')).status, 400);
      assert.equal((await as('anna').get('$jobs-status?job=nobody')).status, 404);
      assert.equal((await as('anna').get('$jobs-status?job=1&x=1')).status, 400);
      assert.equal((await as('anna').send('POST', '$jobs-cancel?job=nobody')).status, 404);
      assert.equal((await as('anna').send('GET', '$jobs-cancel?job=nobody')).status, 405);
      assert.equal((await as('anna').delete('$jobs')).status, 405);
      assert.equal((await ask('rita', 'count=1')).status, 403);
    });

    it('is begun by a route of a feature, as in the example', async () => {
      const { body } = await as('anna').create({ resourceType: 'Patient' });
      const post = (name: string) =>
        fetch(`http://127.0.0.1:${stage().server.port}/welcome/${body.id}`, {
          method: 'POST',
          headers: bearerOf(name),
        });
      // A step may do what the person may, and no more.
      const refused = await (await post('rita')).text();
      assert.equal((await untilOver('rita', `$jobs-status?job=${refused}`)).status, 403);
      const id = await (await post('anna')).text();
      assert.equal((await untilOver('anna', `$jobs-status?job=${id}`)).status, 200);
      assert.equal(idsOf(await as('anna').search<Task>(`Task?patient=${body.id}`)).length, 2);
    });

    it('index everything anew, as whoever asks for it later may follow, or cancel', async () => {
      const admin = as('admin');
      const reindex = async (query = '') => {
        const reply = await admin.send('POST', `$reindex${query}`, { headers: LATER });
        assert.equal(reply.status, 202, reply.text);
        return reply.header('content-location') ?? '';
      };
      const { body } = await untilOver('admin', await reindex('?type=Patient'));
      const count = (await admin.search('Patient?_summary=count')).total ?? 0;
      assert.deepEqual(body.entry?.[0]?.resource?.parameter, [{ name: 'done', valueInteger: count }]);
      assert.equal((await admin.send('POST', '$reindex?type=Pasta', { headers: LATER })).status, 400);
      assert.equal((await as('anna').send('POST', '$reindex', { headers: LATER })).status, 403);
      // Nothing is indexed any more for a request that was cancelled.
      const { engine } = stage().server;
      const requests = async () =>
        (await admin.get<Parameters>('$reindex-status')).body.parameter?.filter(({ name }) => name === 'request') ?? [];
      const whole = await reindex();
      while ((await requests()).length === 0 && (await admin.get(whole)).status === 202) await pause(5);
      assert.equal((await admin.delete(whole)).status, 202);
      // The step that is under way comes to its end.
      while ((await requests()).length > 0) await pause(5);
      assert.ok(engine.jobs.known().some(({ kind }) => kind === 'index'));
    });

    describe(`${CANCELLED} of them`, () => {
      it('are cancelled, and nothing is left of them but their names', async () => {
        const { engine } = stage().server;
        const by = {
          principal: { name: 'bert', role: 'writer' },
          requestId: 'x',
          address: '::1',
          request: 'x',
        } as const;
        gate.open = false;
        await engine.jobs.stop();
        const ids: string[] = [];
        for (let at = 0; at < CANCELLED; at++)
          ids.push(await engine.jobs.start(by, 'write-many', { count: 1, how: '' }));
        engine.jobs.run();
        for (const id of ids) assert.equal(await engine.jobs.cancel(id, by), true);
        const mine = await listed('bert');
        assert.deepEqual(new Set(mine.map(({ status }) => status)), new Set(['cancelled']));
        assert.equal(mine.length, CANCELLED);
        gate.open = true;
        const at = await begun('bert', 'count=2');
        assert.equal((await untilOver('bert', at)).status, 200);
      });
    });
  },
  { config: { auth: 'token', tokens, metrics: 'open' }, features: [feature, welcome] },
);
