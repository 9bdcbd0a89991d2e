/** $import: files of NDJSON and Bundles that are loaded as a job, on both stores; and what is refused of them. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import type { AuditEvent, Bundle, FhirResource, OperationOutcome, Parameters, Patient } from 'fhir/r4.js';
import { describe, it } from 'mocha';
import { onStoresInTurn } from '../support/both-stores.js';
import { readText, skipWithout } from '../support/shared.js';
import { type Headers, idsOf, type Reply, talkTo } from '../support/talk.js';
import { bearerOf, tokenFile } from '../support/tokens.js';

const NDJSON: Headers = { 'content-type': 'application/fhir+ndjson' };
const JSON_FILE: Headers = { 'content-type': 'application/fhir+json' };
const tokens = tokenFile({ admin: 'admin', anna: 'writer', rita: 'reader' });

const patient = (id: string, more: object = {}): object => ({ resourceType: 'Patient', id, ...more });
const lines = (resources: readonly object[]): string => resources.map(each => JSON.stringify(each)).join('\n');

onStoresInTurn(
  '$import',
  stage => {
    const as = (name: string) => talkTo(stage().server.base, bearerOf(name));
    const send = (name: string, body: string | Buffer, headers = NDJSON) =>
      as(name).send<OperationOutcome>('POST', '$import', { headers, body });
    const over = async (name: string, at: string): Promise<Reply<Bundle<Parameters>>> => {
      for (;;) {
        const reply = await as(name).get<Bundle<Parameters>>(at);
        if (reply.status !== 202) return reply;
        await pause(20);
      }
    };
    const begun = async (name: string, body: string | Buffer, headers = NDJSON): Promise<string> => {
      const reply = await send(name, body, headers);
      assert.equal(reply.status, 202, reply.text);
      return reply.header('content-location')!;
    };
    const loaded = async (name: string, body: string | Buffer, headers = NDJSON): Promise<Told> => {
      const reply = await over(name, await begun(name, body, headers));
      assert.equal(reply.status, 200, reply.text);
      return tellingOf(reply.body.entry![0]!.resource!);
    };
    /** Of all imports so far: each is a commit. */
    const steps = async (): Promise<number> => {
      const { text } = await stage().server.request.get('/metrics');
      return Number(/^chartroom_job_steps(?:_total)?\{kind="import"\} (\d+)$/m.exec(text)?.[1] ?? 0);
    };
    const ids = async (query: string) => idsOf(await as('admin').search(query)).toSorted();

    it('loads every line once, whatever its end, and says how many', async () => {
      const many = Array.from({ length: 450 }, (_, i) => patient(`n${i}`, { identifier: [{ value: 'many' }] }));
      const file = `${lines(many)}\r\n\n  \n${JSON.stringify({ resourceType: 'Patient', identifier: [{ value: 'many' }] })}`;
      assert.deepEqual(await loaded('anna', file), { loaded: 451, refused: 0, failures: [] });
      assert.equal((await as('admin').search('Patient?identifier=many&_summary=count')).total, 451);
      assert.equal((await as('admin').get<Patient>('Patient/n449')).body.meta?.versionId, '1');
      assert.deepEqual(
        await loaded('anna', gzipSync(lines([patient('zipped')])), { ...NDJSON, 'content-encoding': 'gzip' }),
        {
          ...{ loaded: 1, refused: 0, failures: [] },
        },
      );
    });

    it('tells what is refused with line and reason, and loads the rest', async () => {
      const file = [
        ...Array.from({ length: 30 }, (_, i) => JSON.stringify(patient(`r${i}`))),
        '{"resourceType":"Patient","id":"bad","gender":"unheard-of"}',
        'not JSON',
        '{"resourceType":"Nonsense","id":"x"}',
        JSON.stringify(
          patient('r30', { managingOrganization: { reference: 'Organization?identifier=urn:none|none' } }),
        ),
        ...Array.from({ length: 30 }, (_, i) => JSON.stringify(patient(`s${i}`))),
      ].join('\n');
      const told = await loaded('anna', file);
      assert.deepEqual([told.loaded, told.refused], [60, 4]);
      assert.deepEqual(
        told.failures.map(({ line }) => line),
        [31, 32, 33, 34],
      );
      const first = told.failures.find(({ line }) => line === 31)!;
      assert.equal(first.type, 'Patient');
      assert.deepEqual(first.outcome.issue[0]!.expression, ['Patient.gender']);
      assert.ok(!JSON.stringify(told).includes('unheard-of'), 'no value of a resource');
      assert.equal((await ids('Patient?_id=r0,r29,s0,s29')).length, 4);
    });

    it('finds many that are at fault, and the others need not go one by one', async () => {
      const before = await steps();
      const file = lines(
        Array.from({ length: 60 }, (_, i) => patient(`f${i}`, i % 3 === 0 ? { birthDate: 'never' } : {})),
      );
      const told = await loaded('anna', file);
      assert.deepEqual([told.loaded, told.refused, told.failures.length], [40, 20, 20]);
      assert.deepEqual(
        told.failures.map(({ line }) => line),
        Array.from({ length: 20 }, (_, i) => i * 3 + 1),
      );
      // The beginning, all lines in one, the end of the file, and that of the job.
      const taken = (await steps()) - before;
      assert.ok(taken >= 1 && taken <= 4, String(taken));
    });

    it('tries one by one what only a commit can refuse (the control of the one before)', async () => {
      const before = await steps();
      const wants = { managingOrganization: { reference: 'Organization?identifier=urn:never|none' } };
      const file = lines(Array.from({ length: 30 }, (_, i) => patient(`g${i}`, i % 2 === 0 ? wants : {})));
      const told = await loaded('anna', file);
      assert.deepEqual([told.loaded, told.refused], [15, 15]);
      assert.deepEqual(
        told.failures.map(({ line }) => line),
        Array.from({ length: 15 }, (_, i) => i * 2 + 1),
      );
      assert.ok((await steps()) - before > 15);
    });

    it('loads at the end what refers to something that comes later', async () => {
      const wants = { managingOrganization: { reference: 'Organization?identifier=urn:later|one' } };
      const file = lines([
        patient('early', wants),
        patient('other'),
        { resourceType: 'Organization', id: 'one', identifier: [{ system: 'urn:later', value: 'one' }] },
      ]);
      assert.deepEqual(await loaded('anna', file), { loaded: 3, refused: 0, failures: [] });
      assert.deepEqual(await ids('Patient?organization=Organization/one'), ['early']);
    });

    it('takes a transaction whole or not at all, and the entries of a batch each by itself', async () => {
      const entry = (id: string, more: object = {}) => ({
        resource: patient(id, more),
        request: { method: 'PUT', url: `Patient/${id}` },
      });
      const bundle = (type: string, entries: readonly object[]) =>
        JSON.stringify({ resourceType: 'Bundle', type, entry: entries });
      const bad = { gender: 'unheard-of' };
      const refusedAll = await loaded('anna', bundle('transaction', [entry('t1'), entry('t2', bad)]), JSON_FILE);
      assert.deepEqual([refusedAll.loaded, refusedAll.refused, refusedAll.failures[0]?.line], [0, 2, 2]);
      const some = await loaded('anna', bundle('batch', [entry('t3'), entry('t4', bad), entry('t5')]), JSON_FILE);
      assert.deepEqual([some.loaded, some.refused, some.failures[0]?.line], [2, 1, 2]);
      const collection = bundle('collection', [{ resource: patient('t6') }, { resource: patient('t7', bad) }]);
      const rest = await loaded('anna', collection, JSON_FILE);
      assert.deepEqual([rest.loaded, rest.refused], [1, 1]);
      assert.deepEqual(await ids('Patient?_id=t1,t2,t3,t4,t5,t6,t7'), ['t3', 't5', 't6']);
    });

    it('passes over nothing in silence', async () => {
      const collection = (entry: unknown) => JSON.stringify({ resourceType: 'Bundle', type: 'collection', entry });
      const strange = [
        { resource: patient('good') },
        { resource: { id: 'no-type' } },
        { resource: [1] },
        { fullUrl: 'urn:uuid:x' },
      ];
      const told = await loaded('anna', collection([...strange, { fullUrl: 5, resource: patient('bad') }]), JSON_FILE);
      assert.deepEqual([told.loaded, told.refused], [1, 4]);
      assert.deepEqual(
        told.failures.map(({ line }) => line!).toSorted((a, b) => a - b),
        [2, 3, 4, 5],
      );
      assert.equal((await over('anna', await begun('anna', collection('x'), JSON_FILE))).status, 400);
      const outcome = { resource: { resourceType: 'OperationOutcome', issue: [] }, search: { mode: 'outcome' } };
      assert.deepEqual(await loaded('anna', collection([outcome, { resource: patient('found') }]), JSON_FILE), {
        ...{ loaded: 1, refused: 0, failures: [] },
      });
    });

    it('tells nothing of a type that is none', async () => {
      const told = await loaded(
        'anna',
        lines([{ resourceType: 'Jane Doe 1980-01-01' }, { resourceType: '__proto__' }, patient('typed')]),
      );
      assert.deepEqual([told.loaded, told.refused], [1, 2]);
      assert.ok(!/Jane|__proto__/.test(JSON.stringify(told)));
      const long = lines(Array.from({ length: 20 }, () => ({ resourceType: 'T'.repeat(2000) })));
      assert.equal((await loaded('anna', long)).refused, 20);
    });

    it('is recorded as done for whoever asked', async () => {
      await loaded('anna', lines([patient('audited')]));
      const { entry = [] } = await as('admin').search<AuditEvent>('AuditEvent?entity=Patient/audited');
      assert.equal(entry.length, 1);
      const agents = entry[0]!.resource!.agent.map(({ who, name }) => who?.display ?? name ?? who?.identifier?.value);
      assert.ok(JSON.stringify(entry[0]!.resource!.agent).includes('anna'), String(agents));
      assert.ok(JSON.stringify(entry[0]!.resource!.agent).includes('import'), String(agents));
    });

    it('loads nothing for whoever may not write, and nothing that they may not', async () => {
      assert.equal((await send('rita', lines([patient('by-rita')]))).status, 403);
      const told = await loaded('anna', lines([{ resourceType: 'AuditEvent' }, patient('by-anna')]));
      assert.deepEqual([told.loaded, told.refused], [1, 1]);
      assert.deepEqual(await ids('Patient?_id=by-rita,by-anna'), ['by-anna']);
    });

    describe('refuses', () => {
      const file = lines([patient('refused')]);
      const rows: readonly (readonly [what: string, body: string, headers: Headers, status: number])[] = [
        ['another media type', file, { 'content-type': 'text/csv' }, 415],
        ['no media type', file, { 'content-type': '' }, 415],
        ['nothing', '', NDJSON, 400],
        ['more than it takes', 'x'.repeat(70_000), NDJSON, 413],
      ];
      for (const [what, body, headers, status] of rows)
        it(`${what}: ${status}`, async () => {
          const reply = await send('anna', body, headers);
          assert.equal(reply.status, status, reply.text);
          assert.equal(reply.body.resourceType, 'OperationOutcome');
        });

      it('parameters, and what is no Bundle', async () => {
        const reply = await as('anna').send('POST', '$import?type=Patient', { headers: NDJSON, body: file });
        assert.equal(reply.status, 400, reply.text);
        const at = await begun('anna', JSON.stringify(['no', 'Bundle']), JSON_FILE);
        const answer = await over('anna', at);
        assert.equal(answer.status, 400);
        assert.equal((answer.body as unknown as OperationOutcome).resourceType, 'OperationOutcome');
      });

      it('to be an entry of a Bundle', async () => {
        const reply = await as('anna').send<Bundle>('POST', '', {
          headers: JSON_FILE,
          body: JSON.stringify({
            ...{ resourceType: 'Bundle', type: 'batch' },
            entry: [{ request: { method: 'POST', url: '$import' }, resource: patient('x') }],
          }),
        });
        assert.match(reply.body.entry![0]!.response!.status, /^400/);
      });
    });

    it('loads Synthea’s lines', async function () {
      const folder = skipWithout(this, 'data', 'synthea-seed', 'ndjson');
      const name = readdirSync(folder).find(each => each.startsWith('Encounter'))!;
      const all = readText(join(folder, name));
      const count = all.split('\n').filter(line => line.trim() !== '').length;
      assert.ok(count > 50);
      const half = all.slice(0, 60_000).split('\n').slice(0, -1);
      assert.deepEqual(await loaded('admin', half.join('\n')), { loaded: half.length, refused: 0, failures: [] });
    });
  },
  { config: { auth: 'token', tokens, maxImport: '65536' } },
);

interface Told {
  readonly loaded: number;
  readonly refused: number;
  readonly failures: readonly { readonly line?: number; readonly type?: string; readonly outcome: OperationOutcome }[];
}

function tellingOf({ parameter = [] }: Parameters): Told {
  const count = (name: string) => parameter.find(each => each.name === name)!.valueInteger!;
  const failures = parameter
    .filter(({ name }) => name === 'failure')
    .map(({ part = [] }) => ({
      ...(part.find(({ name }) => name === 'line')
        ? { line: part.find(({ name }) => name === 'line')!.valueInteger! }
        : {}),
      ...(part.find(({ name }) => name === 'type')
        ? { type: part.find(({ name }) => name === 'type')!.valueCode! }
        : {}),
      outcome: part.find(({ name }) => name === 'outcome')!.resource as FhirResource as OperationOutcome,
    }));
  return { loaded: count('loaded'), refused: count('refused'), failures };
}
