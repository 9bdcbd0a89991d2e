/** Definitions that are stored count at once, in every process: https://hl7.org/fhir/R4/references.html#canonical */
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import type { OperationOutcome, StructureDefinition } from 'fhir/r4.js';
import { after, before, describe, it } from 'mocha';
import { StoredDefinitions } from '../../src/conformance/stored-definitions.js';
import type { DefinitionSource } from '../../src/fhir/definition-file.js';
import { createFindDefinition } from '../../src/fhir/find-definition.js';
import type { Resource } from '../../src/fhir/resource.js';
import type { Store } from '../../src/store/store.js';
import type { UnparsedResource } from '../../src/terminology/terminology.js';
import { onStoresInTurn } from '../support/both-stores.js';
import { newStore, type RunningServer, startServer } from '../support/server.js';
import { type Talk, talkTo } from '../support/talk.js';

const URL_OF = 'http://example.org/StructureDefinition/named-patient';
const profile = (id: string, more: Partial<StructureDefinition> = {}): StructureDefinition => ({
  resourceType: 'StructureDefinition',
  id,
  url: URL_OF,
  name: 'NamedPatient',
  status: 'active',
  kind: 'resource',
  abstract: false,
  type: 'Patient',
  baseDefinition: 'http://hl7.org/fhir/StructureDefinition/Patient',
  derivation: 'constraint',
  differential: { element: [{ id: 'Patient.name', path: 'Patient.name', min: 1 }] },
  ...more,
});
/** Whether a server knows the profile. */
const knows = async (talk: Talk, canonical = URL_OF): Promise<boolean> => {
  const reply = await talk.send('POST', `Patient/$validate?profile=${encodeURIComponent(canonical)}`, {
    headers: { 'content-type': 'application/fhir+json' },
    body: '{"resourceType":"Patient","name":[{"text":"a"}]}',
  });
  assert.ok(reply.status === 200 || /unknown-profile/.test(reply.text), reply.text);
  return reply.status === 200;
};

onStoresInTurn('a stored profile', stage => {
  it('counts when its write is answered, and no longer when its deletion is', async () => {
    const { talk } = stage();
    assert.equal(await knows(talk), false);
    await talk.update(profile('p'));
    assert.equal(await knows(talk), true);
    assert.equal(await knows(talk, `${URL_OF}|1`), false);
    await talk.update(profile('p', { version: '1' }));
    assert.equal(await knows(talk, `${URL_OF}|1`), true);
    await talk.delete('StructureDefinition/p');
    assert.equal(await knows(talk), false);
  });

  const rows: [what: string, more: Partial<StructureDefinition>, told: [detail: string, text: RegExp] | undefined][] = [
    ['that can be used', {}, undefined],
    ['whose base is not known', { baseDefinition: 'http://example.org/none' }, ['not-in-force', /base/]],
    [
      'that names an element its type does not have',
      { differential: { element: [{ id: 'Patient.nonsense', path: 'Patient.nonsense', min: 1 }] } },
      ['not-in-force', /element/],
    ],
    [
      'of which nothing can be made: its base is itself',
      { baseDefinition: URL_OF },
      ['not-in-force', /built on itself/],
    ],
    [
      'of a logical model',
      { kind: 'logical', type: URL_OF, differential: { element: [{ id: 'Named', path: 'Named' }] } },
      ['not-in-force', /logical model/],
    ],
    ['that is retired', { status: 'retired' }, ['not-in-force', /retired/]],
    [
      'with a flaw',
      {
        differential: {
          element: [
            {
              id: 'Patient.name',
              path: 'Patient.name',
              slicing: { discriminator: [{ type: 'value', path: 'nonsense' }], rules: 'open' },
            },
            { id: 'Patient.name:one', path: 'Patient.name', sliceName: 'one', min: 1 },
          ],
        },
      },
      ['not-checked', /flaw/],
    ],
  ];
  for (const [what, more, told] of rows)
    it(`${what} is accepted, and told what becomes of it`, async () => {
      const { talk } = stage();
      const headers = { 'content-type': 'application/fhir+json', prefer: 'return=OperationOutcome' };
      const body = JSON.stringify(profile('told', more));
      const {
        status,
        text,
        body: outcome,
      } = await talk.send<OperationOutcome>('PUT', 'StructureDefinition/told', {
        headers,
        body,
      });
      assert.ok(status === 200 || status === 201, text);
      const warnings = (outcome.issue ?? []).filter(({ details }) =>
        ['not-in-force', 'not-checked'].includes(details?.coding?.[0]?.code ?? ''),
      );
      assert.deepEqual(
        warnings.map(({ severity, details }) => [severity, details?.coding?.[0]?.code]),
        told ? [['warning', told[0]]] : [],
        text,
      );
      if (told) assert.match(warnings[0]!.details!.text!, told[1]);
      const asked = await talk.send<OperationOutcome>('POST', 'StructureDefinition/$validate', {
        headers: { 'content-type': 'application/fhir+json' },
        body: JSON.stringify({
          resourceType: 'Parameters',
          parameter: [
            { name: 'mode', valueCode: 'create' },
            { name: 'resource', resource: profile('told', more) },
          ],
        }),
      });
      assert.equal(asked.text.includes(told?.[0] ?? 'not-in-force'), told !== undefined, asked.text);
      await talk.delete('StructureDefinition/told');
    });
});

describe('a retired definition', () => {
  const source = (origin: string, ...all: Partial<StructureDefinition>[]): DefinitionSource => ({
    origin,
    find: async () => all[0] as Resource | undefined,
  });
  const originOf = async (...sources: DefinitionSource[]) =>
    (await createFindDefinition({ sources: () => sources })('StructureDefinition', URL_OF))?.origin;

  it('is in force where no other source has one, and nowhere else', async () => {
    const retired = profile('r', { status: 'retired' });
    const none = source('none');
    assert.equal(await originOf(source('stored', retired), none, source('guide', profile('g'))), 'guide');
    assert.equal(await originOf(source('stored', retired), none, source('guide', retired)), 'stored');
    assert.equal(await originOf(source('stored', profile('s')), source('guide', profile('g'))), 'stored');
    assert.equal(await originOf(none), undefined);
  });
});

onStoresInTurn('a stored value set or code system with a canonical of R4', stage => {
  const patient = (language: string, gender = 'male') => ({
    ...{ resourceType: 'Patient', id: 'x', gender },
    communication: [{ language: { coding: [{ system: 'urn:ietf:bcp:47', code: language }] } }],
    maritalStatus: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-MaritalStatus', code: 'M' }] },
    language,
  });
  const put = async (resource: { resourceType: string; id: string }): Promise<number> =>
    (
      await stage().talk.send('PUT', `${resource.resourceType}/${resource.id}`, {
        headers: { 'content-type': 'application/fhir+json' },
        body: JSON.stringify(resource),
      })
    ).status;
  const stored = async (...concepts: { system: string; code: string }[]): Promise<void> => {
    const include = concepts.map(({ system, code }) => ({ system, concept: [{ code }] }));
    for (const [id, version] of [
      ['pinned', '4.0.1'],
      ['newer', '9.0.0'],
    ]) {
      const made = { resourceType: 'ValueSet', id: id!, url: 'http://hl7.org/fhir/ValueSet/all-languages', version };
      assert.ok((await put({ ...made, ...{ status: 'active', compose: { include } } })) < 300);
    }
  };

  it('stops no writes, and allows none, by what R4 itself demands', async () => {
    const LANGUAGE = 'urn:ietf:bcp:47';
    assert.ok((await put(patient('de'))) < 300);
    assert.equal(await put(patient('not a language')), 400);
    await stored({ system: LANGUAGE, code: 'tlh' });
    assert.ok((await put(patient('de'))) < 300);
    await stored({ system: LANGUAGE, code: 'not a language' });
    assert.equal(await put(patient('not a language')), 400);
    const system = {
      resourceType: 'CodeSystem',
      id: 'languages',
      url: LANGUAGE,
      status: 'active',
      content: 'complete',
    };
    assert.ok((await put({ ...system, ...{ concept: [{ code: 'not a language' }] } })) < 300);
    assert.ok((await put(patient('de'))) < 300);
    assert.equal(await put(patient('not a language')), 400);
  });

  it('counts for whoever asks for it by itself', async () => {
    const asked = 'url=http://hl7.org/fhir/ValueSet/all-languages&valueSetVersion=4.0.1&system=urn:ietf:bcp:47';
    const reply = await stage().talk.send('GET', `ValueSet/$validate-code?${asked}&code=de`);
    assert.match(reply.text, /"valueBoolean": ?false/);
  });
});

onStoresInTurn('a stored ImplementationGuide', stage => {
  it('asks for profiles of whoever validates, refuses no write, and ends with its deletion', async () => {
    const { talk } = stage();
    const told = async (): Promise<boolean> => {
      const reply = await talk.send('POST', 'Patient/$validate', {
        headers: { 'content-type': 'application/fhir+json' },
        body: '{"resourceType":"Patient","active":true}',
      });
      return reply.text.includes('profile-min');
    };
    assert.equal(await told(), false);
    await talk.update(profile('p'));
    await talk.update({
      ...{ resourceType: 'ImplementationGuide', id: 'g', url: 'http://example.org/g', name: 'G', status: 'active' },
      ...{ packageId: 'a.g', fhirVersion: ['4.0.1'], global: [{ type: 'Patient', profile: URL_OF }] },
    });
    assert.equal(await told(), true);
    await talk.update({ resourceType: 'Patient', id: 'unnamed', active: true });
    await talk.delete('ImplementationGuide/g');
    assert.equal(await told(), false);
  });
});

describe('a stored profile, of two processes on one MongoDB database', () => {
  const servers: RunningServer[] = [];
  before(async function () {
    const store = await newStore(this, 'mongo');
    for (let i = 0; i < 2; i++) servers.push(await startServer({ store }));
    for (const { engine } of servers) engine.live.start();
  });
  after(() => Promise.all(servers.map(server => server.stop())));

  it('counts in the other one soon after', async () => {
    const [one, other] = servers.map(({ base }) => talkTo(base)) as [Talk, Talk];
    assert.equal(await knows(other), false);
    await one.update(profile('p'));
    assert.equal(await knows(one), true);
    while (!(await knows(other))) await pause(100);
    await other.delete('StructureDefinition/p');
    while (await knows(one)) await pause(100);
  });
});

describe('of stored definitions with one url', () => {
  const stored = async (...all: StructureDefinition[]) => {
    let asked = 0;
    const rows = all.map((each, at) => ({
      ...{ type: 'StructureDefinition', id: each.id!, version: 1, updated: at, method: 'PUT' as const, patients: [] },
      text: Buffer.from(JSON.stringify(each)),
    }));
    const store = {
      find: async () => {
        asked++;
        return { rows, cursors: [], more: false };
      },
      findIds: async () => ({ found: rows, complete: true }),
    } as unknown as Store;
    const definitions = new StoredDefinitions(store);
    const find = async (version?: string) => (await definitions.find('StructureDefinition', URL_OF, version))?.['id'];
    const table = definitions.tables().find(({ type }) => type === 'StructureDefinition')!;
    const change = (other: StructureDefinition): void => {
      rows.splice(0, rows.length, { ...rows[0]!, version: 2, text: Buffer.from(JSON.stringify(other)) });
      table.changed([other.id!]);
    };
    return { find, table, change, definitions, asked: () => asked };
  };

  it('the highest version counts, and the one that is asked for', async () => {
    const { find } = await stored(profile('a', { version: '1.9' }), profile('b', { version: '1.10' }), profile('c'));
    assert.deepEqual([await find(), await find('1.9'), await find('2')], ['b', 'a', undefined]);
  });

  it('the one written last counts where they are alike', async () => {
    const { find } = await stored(profile('a'), profile('b'));
    assert.equal(await find(), 'b');
  });

  it('a retired one counts where there is no other', async () => {
    const retired = profile('a', { version: '2', status: 'retired' });
    assert.equal(await (await stored(retired, profile('b', { version: '1' }))).find(), 'b');
    assert.equal(await (await stored(retired)).find(), 'a');
  });

  it('the store is asked once, until something changes', async () => {
    const { find, table, definitions, asked } = await stored(profile('a', { version: '1' }));
    for (let i = 0; i < 3; i++) assert.deepEqual([await find(), await find('9')], ['a', undefined]);
    assert.equal(asked(), 2);
    const earlier = definitions.generationOf('StructureDefinition');
    table.changed(['a']);
    assert.equal(await find(), 'a');
    assert.equal(asked(), 3);
    assert.ok(definitions.generationOf('StructureDefinition') > earlier);
    assert.equal(definitions.generationOf('ValueSet'), 0);
  });

  it('the terminology module asks the store once, until something changes', async () => {
    const { definitions, change, asked } = await stored(profile('a', { version: '1' }));
    const { load, list } = definitions.canonicals();
    const type = 'StructureDefinition' as 'ValueSet';
    const names = async (): Promise<unknown[]> => {
      const [one, all] = [await load(type, { url: URL_OF }), await list(type, { url: URL_OF })];
      return Promise.all([one, ...all].map(async each => (await (each as UnparsedResource).read())['version']));
    };
    for (let i = 0; i < 3; i++) assert.deepEqual(await names(), ['1', '1']);
    assert.equal(asked(), 2);
    change(profile('a', { version: '2' }));
    assert.deepEqual(await names(), ['2', '2']);
    assert.equal(asked(), 4);
  });

  it('the terminology module keeps no long texts', async () => {
    const { definitions, asked } = await stored(profile('a', { description: 'a'.repeat(100_000) }));
    const { list } = definitions.canonicals();
    for (let i = 0; i < 3; i++)
      assert.equal((await list('StructureDefinition' as 'ValueSet', { url: URL_OF })).length, 1);
    assert.equal(asked(), 3);
  });
});

onStoresInTurn('a stored value set', stage => {
  const put = async (...codes: readonly string[]): Promise<void> => {
    const compose = { include: [{ system: 'http://example.org/letters', concept: codes.map(code => ({ code })) }] };
    await stage().talk.update({
      ...{
        resourceType: 'ValueSet',
        id: 'letters',
        url: 'http://example.org/ValueSet/letters',
        status: 'active',
        compose,
      },
    });
  };
  const codes = async (): Promise<unknown> => {
    const { status, text } = await stage().talk.send('GET', 'ValueSet/$expand?url=http://example.org/ValueSet/letters');
    return status === 200 ? [...text.matchAll(/"code": ?"(\w)"/g)].map(([, code]) => code) : status;
  };

  it('counts when its write is answered, and no longer when its deletion is', async () => {
    const unknown = await codes();
    assert.equal(typeof unknown, 'number');
    await put('a');
    assert.deepEqual(await codes(), ['a']);
    await put('b', 'c');
    assert.deepEqual(await codes(), ['b', 'c']);
    await stage().talk.delete('ValueSet/letters');
    assert.equal(await codes(), unknown);
    await put('d');
    assert.deepEqual(await codes(), ['d']);
  });
});
