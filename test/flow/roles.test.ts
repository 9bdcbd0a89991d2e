/** A server with roles of its operator's own (docs/access.md): what each sees and may do, by clients; and files that keep it from starting. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CapabilityStatement, Observation, Patient } from 'fhir/r4.js';
import { before, describe, it } from 'mocha';
import { ConfigError } from '../../src/platform/config.js';
import { onStoresInTurn } from '../support/both-stores.js';
import { post, send } from '../support/bundles.js';
import { newStore, startServer } from '../support/server.js';
import { idsOf, refusal, talkTo } from '../support/talk.js';

const folder = mkdtempSync(join(tmpdir(), 'chartroom-roles-'));
const fileOf = (name: string, content: unknown): string => {
  const file = join(folder, name);
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content), { mode: 0o600 });
  return file;
};
const guide = readFileSync(new URL('../../../docs/access.md', import.meta.url), 'utf8');
/** The file that the guide shows, and roles beside. */
const roles = {
  ...(JSON.parse(/```json\n(.*?)```/s.exec(guide)![1]!) as object),
  inbox: { types: [{ type: 'Observation', letters: 'c' }] },
  lookup: {
    types: [
      { type: 'Patient', letters: 'r' },
      { type: 'Observation', letters: 'c' },
    ],
  },
};
const tokensOf = (...names: readonly string[]) =>
  fileOf(
    `tokens-${names.join('-')}.json`,
    names.map(role => ({ token: `token-of-the-${role}`.padEnd(24, '-'), name: role, role })),
  );
const config = {
  auth: 'token',
  roles: fileOf('roles.json', roles),
  tokens: tokensOf('admin', 'laboratory', 'inbox', 'lookup'),
};

const observation = (id: string, category: string): Observation => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  category: [{ coding: [{ code: category }] }],
  code: { text: id },
  subject: { reference: 'Patient/p' },
});

onStoresInTurn(
  'roles of one’s own',
  stage => {
    const as = (role: string) =>
      talkTo(stage().server.base, { authorization: `Bearer ${`token-of-the-${role}`.padEnd(24, '-')}` });
    before(async () => {
      const admin = as('admin');
      await admin.update({ resourceType: 'Organization', id: '1' });
      const managingOrganization = { reference: 'Organization/1' };
      await admin.update<Patient>({ resourceType: 'Patient', id: 'p', managingOrganization });
      await admin.update<Patient>({ resourceType: 'Patient', id: 'elsewhere' });
      const elsewhere = { ...observation('elsewhere', 'laboratory'), subject: { reference: 'Patient/elsewhere' } };
      for (const one of [observation('lab', 'laboratory'), observation('vital', 'vital-signs'), elsewhere])
        await admin.update(one);
    });

    it('see what satisfies their condition, and nothing else, by any path', async () => {
      const lab = as('laboratory');
      assert.deepEqual(idsOf(await lab.search('Observation')), ['lab']);
      assert.equal((await lab.search('Observation?_summary=count')).total, 1);
      assert.equal((await lab.get('Observation/lab')).status, 200);
      for (const hidden of ['Observation/vital', 'Observation/elsewhere'])
        assert.deepEqual(refusal(await lab.get(hidden)), refusal(await lab.get('Observation/nosuch')), hidden);
      assert.deepEqual(idsOf(await lab.search('Patient?_has:Observation:subject:_id=vital')), []);
      assert.deepEqual(idsOf(await lab.search('Patient?_has:Observation:subject:_id=lab')), ['p']);
      assert.deepEqual(idsOf(await lab.search('Patient?_revinclude=Observation:subject')).toSorted(), ['lab', 'p']);
      assert.deepEqual((await lab.search('_history')).entry?.map(({ resource }) => resource?.id).toSorted(), [
        'lab',
        'p',
      ]);
      assert.deepEqual(idsOf(await lab.search('Patient/p/$everything')).toSorted(), ['lab', 'p']);
    });

    it('may do what they name alone, and all of it is recorded', async () => {
      const lab = as('laboratory');
      assert.equal((await lab.create(observation('more', 'laboratory'))).status, 201);
      const outside = { status: 403, detail: 'outside-permission' };
      assert.deepEqual(refusal(await lab.create(observation('more', 'vital-signs'))), outside);
      for (const [method, path] of [
        ['GET', 'Encounter'],
        ['GET', 'Encounter/nosuch'],
        ['GET', 'AuditEvent'],
        ['GET', 'Patient/p/$meta'],
        ['GET', 'Patient?_explain=true'],
        ['GET', 'Patient?_has:Encounter:patient:status=finished'],
        ['DELETE', 'DiagnosticReport/nosuch'],
      ] as const)
        assert.deepEqual(refusal(await lab.send(method, path)), { status: 403, detail: 'forbidden' }, path);
      const { values } = await stage().server.engine.metrics.denied.get();
      assert.ok(values.find(({ labels }) => labels.role === 'laboratory')!.value >= 4);
      const trail = await as('admin').search('AuditEvent?agent-name=laboratory&type=110113&outcome=8&_summary=count');
      assert.ok(trail.total! >= 7);
    });

    it('may create what they do not see', async () => {
      const inbox = as('inbox');
      const made = await inbox.create(observation('x', 'laboratory'));
      assert.equal(made.status, 201);
      assert.equal((await inbox.get(`Observation/${made.body.id}`)).status, 403);
      assert.equal((await inbox.create(observation('x', 'x'), { 'if-none-exist': 'code:text=x' })).status, 403);
      assert.equal((await send(inbox, 'transaction', [post(observation('x', 'imaging'))])).status, 200);
    });

    it('search for nothing that they may read by its id alone, not even by references that are criteria', async () => {
      const lookup = as('lookup');
      assert.equal((await lookup.get('Patient/p')).status, 200);
      assert.equal((await lookup.get('Patient/p/_history')).status, 200);
      for (const path of ['Patient', 'Patient?_id=p', 'Patient/_history', 'Patient/p/$everything', '_history', ''])
        assert.deepEqual(refusal(await lookup.get(path)), { status: 403, detail: 'forbidden' }, path);
      const guess = { ...observation('x', 'x'), subject: { reference: 'Patient?_id=p' } };
      assert.equal((await lookup.create(guess)).status, 403);
      assert.equal((await send(lookup, 'transaction', [post(guess)])).status, 403);
      assert.equal((await lookup.create(observation('x', 'x'))).status, 201);
    });

    it('change nothing of what everybody may ask', async () => {
      const { status, body } = await talkTo(stage().server.base).get<CapabilityStatement>('metadata');
      assert.deepEqual([status, body.resourceType], [200, 'CapabilityStatement']);
    });
  },
  { config },
);

describe('a file of roles that cannot be used keeps the server from starting:', () => {
  const rows: readonly (readonly [what: string, more: Readonly<Record<string, string>>, says: RegExp])[] = [
    ['none', { roles: join(folder, 'nosuch.json') }, /nosuch\.json, does not exist/],
    [
      'one with faults',
      { roles: fileOf('faults.json', { ...roles, x: { operations: ['evrything'] } }) },
      /faults\.json, x\.operations\[0\]: .* Did you mean everything\?/,
    ],
    ['one without the role of a token', { tokens: tokensOf('admin', 'reader') }, /entry 2 .* there are admin, labor/],
  ];
  for (const [what, more, says] of rows)
    it(what, async function () {
      const started = startServer({ store: await newStore(this, 'embedded'), config: { ...config, ...more } });
      await assert.rejects(started, (error: unknown) => error instanceof ConfigError && says.test(error.message));
    });
});
