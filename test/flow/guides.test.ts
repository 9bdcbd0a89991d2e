/**
 * Implementation guides from the command line to the answers of a server: what they define counts from the next start on, each version of
 * its own, and processes of one database have the same. https://hl7.org/fhir/R4/implementationguide.html
 */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { CapabilityStatement, OperationOutcome, Parameters, ValueSet } from 'fhir/r4.js';
import { after, before, describe, it } from 'mocha';
import { addGuide, removeGuide } from '../../src/fhir/guide-install.js';
import { type Ended, manyCommands } from '../support/cli.js';
import { temporaryFolder, valueSetOf, writePackage } from '../support/guide-packages.js';
import { parameterOf, statusOf, untilReady, warningsOf } from '../support/reindexed.js';
import { storesInTurn } from '../support/both-stores.js';
import { newStore, type RunningServer, startServer } from '../support/server.js';
import { shared } from '../support/shared.js';
import { idsOf, refusal, type Talk, talkTo } from '../support/talk.js';

const CODES = 'http://example.org/codes';
const COLOURS = 'http://example.org/ValueSet/colours';
const OTHERS = 'http://example.org/other-codes';
const nobody = { registry: undefined, first: false };

const ALL_CODES = ['red', 'blue', 'green'];

/** What a version of the guide has: these codes in its value set, and its own displays in its code system. */
const resourcesOf = (version: string, ...codes: readonly string[]) => [
  valueSetOf(COLOURS, version, ...codes),
  {
    ...{ resourceType: 'CodeSystem', id: 'codes', url: CODES, version, status: 'active', content: 'complete' },
    concept: ALL_CODES.map(code => ({ code, display: `${code} in ${version}`, definition: `What ${code} is.` })),
  },
  {
    ...{ resourceType: 'ConceptMap', id: 'map', url: 'http://example.org/ConceptMap/map', version, status: 'active' },
    group: [
      {
        ...{ source: CODES, target: OTHERS },
        element: [{ code: 'red', target: [{ code: 'rouge', equivalence: 'equivalent' }] }],
      },
    ],
  },
  parameterOf('nickname', { url: 'http://example.org/SearchParameter/nickname', version }),
  {
    ...{
      resourceType: 'StructureDefinition',
      id: 'person',
      url: 'http://example.org/StructureDefinition/person',
      version,
    },
    ...{ name: 'Person', status: 'active', kind: 'resource', abstract: false, type: 'Patient' },
    ...{ baseDefinition: 'http://hl7.org/fhir/StructureDefinition/Patient', derivation: 'constraint' },
    description: 'A person, for people.',
    differential: { element: [{ id: 'Patient', path: 'Patient' }] },
  },
  {
    resourceType: 'ImplementationGuide',
    id: 'ig',
    url: 'http://example.org/ImplementationGuide/ig',
    version,
    name: 'IG',
  },
];

for (const store of storesInTurn(1))
  describe(`a server with guides (${store})`, () => {
    const root = temporaryFolder();
    const guides = join(root, 'guides');
    let kept = '';
    let server: RunningServer | undefined;
    let talk: Talk;

    const start = async (): Promise<void> => {
      server = await startServer({ store: kept, config: { guides, ...(store === 'embedded' ? { data: root } : {}) } });
      talk = talkTo(server.base);
    };
    before(async function () {
      kept = await newStore(this, store);
      const from = join(root, 'from');
      mkdirSync(from);
      const first = { name: 'colours.one', version: '1.0.0', resources: resourcesOf('1.0.0', 'red') };
      const second = { name: 'colours.one', version: '2.0.0', resources: resourcesOf('2.0.0', 'red', 'blue') };
      for (const made of [first, second]) await addGuide(guides, writePackage(from, made), nobody);
      await start();
    });
    after(() => server?.stop());

    const expand = async (query: string): Promise<(string | undefined)[] | undefined> => {
      const reply = await talk.get<ValueSet>(`ValueSet/$expand?url=${COLOURS}${query}`);
      assert.equal(reply.status, 200, reply.text);
      return reply.body.expansion?.contains?.map(({ code }) => code);
    };
    const ask = async (path: string): Promise<Map<string, unknown>> => {
      const reply = await talk.get<Parameters>(path);
      assert.equal(reply.status, 200, reply.text);
      return new Map((reply.body.parameter ?? []).map(({ name, ...rest }) => [name, Object.values(rest)[0]]));
    };

    it('says which, and which profiles they have', async () => {
      const { implementationGuide, rest } = (await talk.get<CapabilityStatement>('metadata')).body;
      const versions = ['1.0.0', '2.0.0'];
      assert.deepEqual(
        implementationGuide,
        versions.map(each => `http://example.org/ImplementationGuide/ig|${each}`),
      );
      const profilesOf = (type: string) => rest?.[0]?.resource?.find(each => each.type === type)?.supportedProfile;
      assert.deepEqual(
        profilesOf('Patient'),
        versions.map(each => `http://example.org/StructureDefinition/person|${each}`),
      );
      assert.equal(profilesOf('Observation'), undefined);
    });

    it('expands their value sets, each version by itself, the first where none is named', async () => {
      assert.deepEqual(await expand(''), ['red']);
      assert.deepEqual(await expand('&valueSetVersion=1.0.0'), ['red']);
      assert.deepEqual(await expand('&valueSetVersion=2.0.0'), ['red', 'blue']);
      // The code system that a value set names without a version is that of its own guide.
      for (const version of ['1.0.0', '2.0.0']) {
        const reply = await talk.get<ValueSet>(`ValueSet/$expand?url=${COLOURS}&valueSetVersion=${version}`);
        assert.equal(reply.body.expansion?.contains?.[0]?.display, `red in ${version}`);
      }
      assert.equal((await talk.get(`ValueSet/$expand?url=${COLOURS}&valueSetVersion=3.0.0`)).status, 400);
    });

    it('answers from their code systems and maps', async () => {
      const system = encodeURIComponent(CODES);
      const found = await ask(`CodeSystem/$lookup?system=${system}&code=red&version=2.0.0`);
      assert.deepEqual([found.get('display'), found.get('version')], ['red in 2.0.0', '2.0.0']);
      const valid = await ask(`ValueSet/$validate-code?url=${COLOURS}&system=${system}&code=blue`);
      assert.equal(valid.get('result'), false);
      const translated = await ask(
        `ConceptMap/$translate?system=${system}&code=red&targetsystem=${encodeURIComponent(OTHERS)}`,
      );
      assert.equal(translated.get('result'), true);
      const search = await talk.search('Observation?code:in=http://example.org/ValueSet/colours');
      assert.deepEqual(idsOf(search), []);
    });

    it('lets a stored one go before them', async () => {
      const stored = {
        ...valueSetOf(COLOURS, '1.0.0', 'green'),
        resourceType: 'ValueSet' as const,
        status: 'active' as const,
      };
      const { text: _text, ...valueSet } = stored;
      const reply = await talk.update({ ...valueSet, id: 'mine' });
      assert.equal(reply.status, 201, reply.text);
      assert.deepEqual(await expand(''), ['green']);
      assert.deepEqual(await expand('&valueSetVersion=1.0.0'), ['green']);
      assert.deepEqual(await expand('&valueSetVersion=2.0.0'), ['red', 'blue']);
      await talk.delete('ValueSet/mine');
      assert.deepEqual(await expand(''), ['red']);
    });

    it('finds by their search parameters, one of each url', async () => {
      const nick = { url: 'http://a.example/nick', valueString: 'Bob' };
      await talk.update({ resourceType: 'Patient', id: 'bob', extension: [nick] });
      await untilReady(talk);
      const codes = [...(await statusOf(talk)).keys()];
      assert.deepEqual(
        codes.filter(code => code.startsWith('nick')),
        ['nickname'],
      );
      // The job is through before every process has heard of it.
      let found = await talk.search('Patient?nickname=bob');
      while (warningsOf(found).includes('parameter-indexing')) {
        await pause(50);
        found = await talk.search('Patient?nickname=bob');
      }
      assert.deepEqual([idsOf(found), warningsOf(found)], [['bob'], []]);
    });

    it('has their definitions for whoever hands them out, whole, and those of R4 as a part', async () => {
      const { shelf } = server!.engine;
      const url = 'http://example.org/StructureDefinition/person';
      const all = await shelf.list('StructureDefinition', url);
      assert.deepEqual(
        all.map(({ origin, version }) => `${origin} ${version}`),
        ['colours.one@1.0.0 1.0.0', 'colours.one@2.0.0 2.0.0'],
      );
      assert.equal((await shelf.list('StructureDefinition', url, '3.0.0')).length, 0);
      const whole = await (await shelf.byId('StructureDefinition', 'person'))?.read();
      assert.equal(whole?.['description'], 'A person, for people.');
      for (const [type, id] of [
        ['StructureDefinition', 'Patient'],
        ['SearchParameter', 'Patient-active'],
        ['ValueSet', 'administrative-gender'],
        ['CodeSystem', 'administrative-gender'],
        ['ConceptMap', 'cm-address-use-v3'],
      ] as const) {
        const part = await (await shelf.byId(type, id))?.read();
        assert.deepEqual([part?.resourceType, part?.['id']], [type, id]);
        assert.match(JSON.stringify(part?.['meta']), /SUBSETTED/);
      }
      assert.equal(await shelf.byId('ValueSet', 'nobody'), undefined);
    });

    it('does without one that is taken away, and says so after a restart', async () => {
      await removeGuide(guides, 'colours.one@1.0.0');
      // The running server knows the index, and finds no file.
      assert.equal((await talk.get(`ValueSet/$expand?url=${COLOURS}&valueSetVersion=1.0.0`)).status < 500, true);
      await server?.stop();
      if (store === 'mongo') {
        await assert.rejects(start(), /have other guides than this one.*colours\.one@1\.0\.0.*chartroom ig accept/s);
        const { acceptGuides } = await import('../../src/main.js');
        const { loadConfig } = await import('../../src/platform/config.js');
        const config = loadConfig({ flags: { store: kept, guides, data: root, log: 'silent' }, env: {} });
        const { readGuideList } = await import('../../src/fhir/guide-list.js');
        await acceptGuides(config, readGuideList(guides));
      }
      await start();
      assert.deepEqual(await expand(''), ['red', 'blue']);
    });
  });

describe('chartroom ig', () => {
  const root = temporaryFolder();
  const many = manyCommands();
  after(() => many.end());
  const run = (words: readonly string[], more: Readonly<Record<string, string>> = {}): Promise<Ended> =>
    many.run(['ig', ...words], { CHARTROOM_DATA: join(root, 'data'), CHARTROOM_REGISTRY: 'off', ...more });
  let file = '';
  before(() => {
    const from = join(root, 'from');
    mkdirSync(from);
    writePackage(from, { name: 'two.guide', version: '1.0.0', resources: [{ resourceType: 'ValueSet' }] });
    const dependencies = { 'two.guide': '1.0.0', 'three.guide': '1.0.0' };
    file = writePackage(from, {
      name: 'one.guide',
      version: '1.0.0',
      dependencies,
      resources: resourcesOf('1.0.0', 'a'),
    });
  });

  it('adds, lists, verifies and removes', async () => {
    const added = await run(['add', file]);
    assert.deepEqual([added.status, added.err], [0, '']);
    assert.match(added.out, /^Added one\.guide@1\.0\.0: 6 definitions\.$/m);
    assert.match(added.out, /^ {2}left out package\/resource-0\.json: it has no url$/m);
    assert.match(
      added.out,
      /^Missing three\.guide@1\.0\.0, which one\.guide@1\.0\.0 depends on: no registry may be asked$/m,
    );
    assert.match((await run(['list'])).out, /^one\.guide@1\.0\.0 {2}6 definitions, without three\.guide@1\.0\.0\n/);
    assert.deepEqual((await run(['verify'])).status, 0);
    const lock = join(root, 'data', 'guides', 'guides.lock.json');
    writeFileSync(lock, readFileSync(lock, 'utf8').replace(/"sha256": "./, '"sha256": "f'));
    const damaged = await run(['verify']);
    assert.equal(damaged.status, 1);
    assert.match(damaged.out, /^Damaged {2}one\.guide@1\.0\.0$/m);
    const removed = await run(['remove', 'two.guide@1.0.0']);
    assert.deepEqual([removed.status, removed.out.split('\n')[0]], [0, 'Removed two.guide@1.0.0.']);
  });

  const wrong: readonly (readonly [string, number, RegExp])[] = [
    ['', 2, /needs one of add, list, remove, verify, accept/],
    ['toString', 2, /needs one of add/],
    ['add', 2, /needs the name of a guide/],
    ['remove', 2, /needs the name of a guide/],
    ['remove nobody@1.0.0', 2, /There is no guide/],
    ['list more', 2, /takes no further words/],
    ['verify --first', 2, /--first is a flag of chartroom ig add/],
    ['add some.guide@1.0.0', 2, /no registry may be asked/],
    ['add some.guide@latest', 2, /another package tomorrow/],
    ['accept', 2, /nothing is to be agreed on/],
  ];
  for (const [words, status, message] of wrong)
    it(`says what is wrong with "ig ${words}"`, async () => {
      const ended = await run(words.split(' ').filter(Boolean));
      assert.deepEqual([ended.status, ended.out], [status, '']);
      assert.match(ended.err, message);
    });

  it('serves US Core as it is published, where its package is at hand', async function () {
    const us = shared('data', 'ig-packages', 'hl7.fhir.us.core-8.0.0.tgz');
    if (us === undefined) return this.skip();
    const guides = join(root, 'us-core');
    await addGuide(guides, us, nobody);
    const server = await startServer({ store: 'embedded', config: { guides } });
    try {
      const talk = talkTo(server.base);
      const { rest } = (await talk.get<CapabilityStatement>('metadata')).body;
      const patient = rest?.[0]?.resource?.find(({ type }) => type === 'Patient');
      assert.ok(
        patient?.supportedProfile?.includes('http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient|8.0.0'),
      );
      assert.ok((await statusOf(talk)).has('race'));
      const found = await server.engine.findDefinition(
        'StructureDefinition',
        'http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient',
      );
      assert.equal(found?.origin, 'hl7.fhir.us.core@8.0.0');
      const url = 'http://hl7.org/fhir/us/core/ValueSet/us-core-provenance-participant-type';
      const expanded = await talk.get<ValueSet | OperationOutcome>(`ValueSet/$expand?url=${url}`);
      assert.equal(expanded.status, 200, expanded.text);
      assert.equal(refusal(await talk.get('Patient?nothing-of-this=1')).status, 400);
    } finally {
      await server.stop();
    }
  });
});
