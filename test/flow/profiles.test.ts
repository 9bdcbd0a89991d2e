/**
 * Search parameters from files that are there at the start: US Core as it is published, single resources, Bundles; and
 * what the API says of the same urls. https://hl7.org/fhir/us/core/general-guidance.html#search-syntax
 */
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Bundle, CapabilityStatement, FhirResource, SearchParameter } from 'fhir/r4.js';
import { after, before, describe, it } from 'mocha';
import { fullDescribe, fullIt } from '../support/depth.js';
import { storesInTurn } from '../support/both-stores.js';
import { command, manyCommands } from '../support/cli.js';
import { parameterOf, statusOf, untilReady, warningsOf } from '../support/reindexed.js';
import { newStore, type RunningServer, startServer } from '../support/server.js';
import { readArchive, shared, skipWithout } from '../support/shared.js';
import { idsOf, refusal, type Talk, talkTo } from '../support/talk.js';

const folder = mkdtempSync(join(tmpdir(), 'chartroom-profiles-'));
const many = manyCommands();
after(async () => {
  await many.end();
  rmSync(folder, { recursive: true, force: true });
});
const US_CORE = 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-';
const PACKAGE = ['data', 'ig-packages', 'hl7.fhir.us.core-7.0.0.tgz'];

const CDC = 'urn:oid:2.16.840.1.113883.6.238';
const category = (url: string, code: string) => ({
  url: `${US_CORE}${url}`,
  extension: [
    { url: 'ombCategory', valueCoding: { system: CDC, code, display: 'x' } },
    { url: 'text', valueString: 'x' },
  ],
});
const subject = { reference: 'Patient/ada' };
const RESOURCES: FhirResource[] = [
  {
    resourceType: 'Patient',
    id: 'ada',
    extension: [
      category('race', '2106-3'),
      category('ethnicity', '2135-2'),
      {
        url: `${US_CORE}genderIdentity`,
        valueCodeableConcept: { coding: [{ system: 'http://snomed.info/sct', code: '446141000124107' }] },
      },
    ],
  },
  { resourceType: 'Patient', id: 'eve', extension: [category('race', '2028-9')] },
  { resourceType: 'Goal', id: 'goal', lifecycleStatus: 'active', description: { text: 'x' }, subject },
  {
    resourceType: 'Goal',
    id: 'walking',
    lifecycleStatus: 'active',
    description: { coding: [{ system: 'urn:goals', code: 'walk' }] },
    subject,
  },
  {
    resourceType: 'Condition',
    id: 'condition',
    subject,
    extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/condition-assertedDate', valueDateTime: '2024-05-06' }],
  },
  {
    resourceType: 'CareTeam',
    id: 'team',
    subject,
    participant: [{ role: [{ coding: [{ system: 'http://snomed.info/sct', code: '223366009' }] }] }],
  },
  {
    resourceType: 'Encounter',
    id: 'visit',
    status: 'finished',
    class: { code: 'IMP' },
    subject,
    hospitalization: { dischargeDisposition: { coding: [{ system: 'urn:out', code: 'home' }] } },
  },
];
const FOUND: [query: string, ids: string[]][] = [
  ['Patient?race=2106-3', ['ada']],
  ['Patient?race=2106-3,2028-9', ['ada', 'eve']],
  ['Patient?race=1002-5', []],
  ['Patient?ethnicity=2135-2', ['ada']],
  ['Patient?gender-identity=446141000124107', ['ada']],
  ['Patient?gender-identity:missing=true', ['eve']],
  ['Goal?description=urn:goals|walk', ['walking']],
  ['Goal?patient=ada&description=walk', ['walking']],
  ['Condition?asserted-date=2024-05', ['condition']],
  ['Condition?patient=ada&asserted-date=ge2025', []],
  ['CareTeam?role=http://snomed.info/sct|223366009', ['team']],
  ['Encounter?patient=ada&discharge-disposition=home', ['visit']],
];
const finds = async (talk: Talk): Promise<void> => {
  for (const [query, ids] of FOUND) {
    let found = await talk.search(query);
    // Searches hear a moment later that what they ask for is indexed.
    for (; warningsOf(found).length > 0; found = await talk.search(query)) await pause(50);
    assert.deepEqual(idsOf(found).toSorted(), ids, query);
  }
};

for (const store of storesInTurn(1))
  describe(`US Core from its package (${store})`, () => {
    let server: RunningServer | undefined;
    let talk: Talk;

    before(async function () {
      const packed = skipWithout(this, ...PACKAGE);
      const profiles = join(folder, `us-core-${store}`);
      mkdirSync(profiles);
      copyFileSync(packed, join(profiles, basename(packed)));
      // In test-harness mode no other process has to learn first of what comes into force.
      server = await startServer({ store: await newStore(this, store), config: { profiles, harness: 'on' } });
      talk = talkTo(server.base);
    });
    after(() => server?.stop());

    it('has the parameters that US Core adds, under its urls, and the standard’s own where it repeats them', async () => {
      const { rest } = (await talk.get<CapabilityStatement>('metadata')).body;
      const definitionOf = (type: string, code: string) =>
        rest?.[0]?.resource?.find(each => each.type === type)?.searchParam?.find(({ name }) => name === code)
          ?.definition;
      const core = 'http://hl7.org/fhir/us/core/SearchParameter/us-core-';
      assert.equal(definitionOf('Patient', 'race'), `${core}race`);
      assert.equal(definitionOf('Condition', 'asserted-date'), `${core}condition-asserted-date`);
      assert.equal(definitionOf('Patient', 'family'), 'http://hl7.org/fhir/SearchParameter/individual-family');
      assert.deepEqual([...(await statusOf(talk)).keys()].toSorted(), [
        'asserted-date',
        'description',
        'discharge-disposition',
        'ethnicity',
        'gender-identity',
        'race',
        'role',
      ]);
    });

    it('finds by them', async () => {
      for (const resource of RESOURCES) {
        const reply = await talk.update(resource);
        assert.equal(reply.status, 201, reply.text);
      }
      await untilReady(talk);
      await finds(talk);
    });

    fullIt('stores every SearchParameter of the guide, and goes on finding', async () => {
      let stored = 0;
      for (const { name, text } of readArchive(shared(...PACKAGE)!)) {
        if (!name.startsWith('package/SearchParameter-')) continue;
        const reply = await talk.update(JSON.parse(text) as SearchParameter & { id: string });
        assert.equal(reply.status, 201, `${name}: ${reply.text}`);
        stored += 1;
      }
      assert.ok(stored > 90, `${stored}`);
      await untilReady(talk);
      await finds(talk);
    });

    fullIt(
      'takes one of the files out of force where the stored one is retired, and back when it is deleted',
      async () => {
        const id = 'us-core-race';
        const { body } = await talk.get<SearchParameter & { id: string }>(`SearchParameter/${id}`);
        await talk.update({ ...body, status: 'retired' });
        assert.equal(refusal(await talk.get('Patient?race=2106-3')).status, 400);
        await talk.delete(`SearchParameter/${id}`);
        await untilReady(talk);
        await finds(talk);
      },
    );
  });

fullDescribe('a folder of search parameters', () => {
  fullIt('may hold what cannot be in force: it is left out, and the log says which and why', async () => {
    const profiles = join(folder, 'mixed');
    mkdirSync(profiles);
    const bundle: Bundle = {
      resourceType: 'Bundle',
      type: 'collection',
      entry: [
        { resource: parameterOf('good', { expression: 'Patient.name.given' }) },
        { resource: parameterOf('special', { type: 'special' }) },
      ],
    };
    writeFileSync(join(profiles, 'a.json'), JSON.stringify(bundle));
    writeFileSync(join(profiles, 'b.json'), JSON.stringify({ ...parameterOf('later'), base: 'Patient' }));
    writeFileSync(join(profiles, 'c.json'), JSON.stringify(parameterOf('draft', { status: 'draft' })));
    const server = await startServer({ store: 'embedded', config: { profiles } });
    try {
      assert.deepEqual([...(await statusOf(talkTo(server.base))).keys()], ['good']);
    } finally {
      await server.stop();
    }
    const env = { CHARTROOM_DATA: join(folder, 'cli'), CHARTROOM_PROFILES: profiles };
    const { status, err, out } = await command(['reindex'], env).ended;
    assert.equal(status, 0, err);
    assert.match(out, /Indexed 0 resources anew/);
    const lines = err
      .split('\n')
      .filter(line => line.startsWith('{'))
      .map(line => JSON.parse(line) as Record<string, unknown>);
    assert.deepEqual(
      lines.map(({ from, at }) => [from, at]),
      [
        ['b.json', 'SearchParameter.base'],
        ['a.json', 'SearchParameter.type'],
      ],
    );
  });

  it('that is not there, or holds a broken file, ends the start with one line: status 2', async () => {
    const broken = join(folder, 'broken');
    mkdirSync(broken);
    writeFileSync(join(broken, 'a.json'), '{"resourceType":"SearchParameter"');
    for (const profiles of [join(folder, 'none'), broken]) {
      const env = { CHARTROOM_DATA: join(folder, 'cli'), CHARTROOM_PROFILES: profiles };
      const { status, err } = await many.run(['serve'], env);
      assert.equal(status, 2, err);
      assert.match(err, /^[^\n]+\n$/);
    }
  });

  fullIt(
    'is the one that is named, below the folder that the server was started in, and none where none is named',
    async () => {
      const cwd = join(folder, 'elsewhere');
      mkdirSync(join(cwd, 'profiles'), { recursive: true });
      writeFileSync(join(cwd, 'profiles', 'broken.json'), '{"resourceType":"SearchParameter"');
      const env = { CHARTROOM_DATA: join(cwd, 'data') };
      assert.equal((await command(['reindex'], env, cwd).ended).status, 0);
      for (const profiles of ['./profiles', 'profiles', join(cwd, 'profiles')]) {
        const { status, err } = await command(['reindex'], { ...env, CHARTROOM_PROFILES: profiles }, cwd).ended;
        assert.equal(status, 2, profiles);
        assert.match(err, /broken\.json/);
      }
      assert.equal((await command(['reindex', '--profiles', './none'], env, cwd).ended).status, 2);
    },
  );

  fullIt('`chartroom reindex` makes a parameter ready that came with the files after the resources', async () => {
    const profiles = join(folder, 'added');
    mkdirSync(profiles);
    const data = join(folder, 'added-data');
    const env = { CHARTROOM_DATA: data, CHARTROOM_DEMO: 'off', CHARTROOM_PROFILES: profiles };
    const ndjson = join(folder, 'patients.ndjson');
    const patient = (i: number) => ({ resourceType: 'Patient', id: `p${i}`, name: [{ given: ['Nick'] }] });
    writeFileSync(ndjson, Array.from({ length: 20 }, (_, i) => JSON.stringify(patient(i))).join('\n'));
    assert.equal((await many.run(['import', ndjson], env)).status, 0);
    const nick = parameterOf('nick', { expression: 'Patient.name.given' });
    writeFileSync(join(profiles, 'nick.json'), JSON.stringify(nick));
    const { status, out } = await many.run(['reindex'], env);
    assert.deepEqual([status, /Indexed (\d+)/.exec(out)?.[1]], [0, '20']);
    const server = await startServer({ store: 'embedded', config: { profiles, data } });
    try {
      const talk = talkTo(server.base);
      const found = await talk.search('Patient?nick=nick&_summary=count');
      assert.deepEqual([found.total, warningsOf(found)], [20, []]);
    } finally {
      await server.stop();
    }
  });
});
