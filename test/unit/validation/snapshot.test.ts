/** Snapshots made from differentials: one rule a row, over a few small definitions. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { FhirError } from '../../../src/fhir/error.js';
import type { JsonObject } from '../../../src/fhir/resource.js';
import type { FindDefinition, ProfileElement, StructureDefinition } from '../../../src/fhir/structure-definition.js';
import { generateSnapshot } from '../../../src/validation/snapshots/snapshot.js';
import { SNAPSHOT_LIMITS } from '../../../src/validation/snapshots/snapshot-tree.js';

const CORE = 'http://hl7.org/fhir/StructureDefinition/';
type Element = Partial<ProfileElement> & { path: string };

const element = (
  path: string,
  min: number,
  max: string,
  type: string,
  more: Partial<ProfileElement> = {},
): Element => ({
  path,
  min,
  max,
  type: type.split(' ').map(code => ({ code })),
  ...more,
});

const core = (type: string, ...elements: Element[]): StructureDefinition =>
  ({
    resourceType: 'StructureDefinition',
    url: CORE + type,
    type,
    kind: 'complex-type',
    derivation: 'specialization',
    snapshot: { element: [{ path: type, min: 0, max: '*' }, ...elements] },
  }) as unknown as StructureDefinition;

const profile = (name: string, elements: Element[], more: JsonObject = {}): StructureDefinition =>
  ({
    resourceType: 'StructureDefinition',
    url: `http://example.org/${name}`,
    version: '1',
    type: 'Thing',
    kind: 'resource',
    derivation: 'constraint',
    baseDefinition: `${CORE}Thing`,
    ...more,
    differential: { element: elements },
  }) as unknown as StructureDefinition;

const rule = (key: string) => ({ key, severity: 'error' as const, human: key, expression: 'true' });

const DEFINITIONS: readonly StructureDefinition[] = [
  core('Element', element('Element.id', 0, '1', 'string'), element('Element.extension', 0, '*', 'Extension')),
  core(
    'Extension',
    element('Extension.id', 0, '1', 'string'),
    element('Extension.extension', 0, '*', 'Extension'),
    element('Extension.url', 1, '1', 'uri'),
    element('Extension.value[x]', 0, '1', 'string Coding'),
  ),
  core('Coding', element('Coding.system', 0, '1', 'uri'), element('Coding.code', 0, '1', 'code')),
  core('Quantity', element('Quantity.value', 0, '1', 'decimal'), element('Quantity.code', 0, '1', 'code')),
  core('CodeableConcept', element('CodeableConcept.coding', 0, '*', 'Coding')),
  core(
    'Thing',
    element('Thing.extension', 0, '*', 'Extension'),
    element('Thing.name', 0, '1', 'string', { constraint: [rule('one')], condition: ['one'] }),
    element('Thing.code', 0, '*', 'Coding', { binding: { strength: 'example', valueSet: 'http://a' } }),
    element('Thing.value[x]', 0, '1', 'Quantity string'),
    element('Thing.part', 0, '*', 'Element'),
    element('Thing.part.id', 0, '1', 'string'),
    element('Thing.part.code', 0, '1', 'CodeableConcept'),
    element('Thing.part.value[x]', 0, '1', 'Quantity string'),
    { path: 'Thing.part.part', min: 0, max: '*', contentReference: '#Thing.part' },
  ),
  profile('coding', [{ path: 'Coding.system', min: 1 }], { type: 'Coding', baseDefinition: `${CORE}Coding` }),
  profile(
    'extension',
    [
      { path: 'Extension', max: '1', isModifier: true, constraint: [rule('ext')] },
      { path: 'Extension.url', fixedUri: 'http://example.org/extension' },
      { path: 'Extension.value[x]', type: [{ code: 'string' }] },
    ],
    { type: 'Extension', baseDefinition: `${CORE}Extension` },
  ),
  profile('sliced', [
    { path: 'Thing.code', slicing: { discriminator: [{ type: 'value', path: 'system' }], rules: 'open' } },
    { path: 'Thing.code', sliceName: 'a', min: 1, max: '1' },
    { path: 'Thing.code.system', fixedUri: 'http://a' },
    { path: 'Thing.code', sliceName: 'b' },
  ]),
];

const finding =
  (definitions: readonly StructureDefinition[]): FindDefinition =>
  async (_type, canonical) => {
    const resource = definitions.find(({ url }) => url === canonical);
    return resource && { resource, origin: 'r4' };
  };

const make = (definition: StructureDefinition, more: readonly StructureDefinition[] = []) =>
  generateSnapshot(definition, finding([...DEFINITIONS, ...more]));

/** The elements of a profile of Thing by their ids. */
async function snapshot(elements: Element[], more: JsonObject = {}): Promise<Record<string, ProfileElement>> {
  const made = await make(profile('own', elements, more));
  return Object.fromEntries(made.map(each => [each.id!, each]));
}

const ids = (made: Record<string, ProfileElement>, below: string): string[] =>
  Object.keys(made).filter(id => id.startsWith(below));

async function refusal(promise: Promise<unknown>): Promise<Record<string, unknown>> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof FhirError, String(error));
  assert.equal(error.status, 422);
  return error.issues[0] as unknown as Record<string, unknown>;
}

describe('the snapshot of a differential', () => {
  it('has what the base says where the differential says nothing', async () => {
    const made = await snapshot([]);
    assert.deepEqual(ids(made, ''), [
      'Thing',
      'Thing.extension',
      'Thing.name',
      'Thing.code',
      'Thing.value[x]',
      'Thing.part',
      'Thing.part.id',
      'Thing.part.code',
      'Thing.part.value[x]',
      'Thing.part.part',
    ]);
    assert.deepEqual(made['Thing.code']!.binding, { strength: 'example', valueSet: 'http://a' });
  });

  it('puts cardinality, types, values, bindings and flags in the place of what was there', async () => {
    const over = {
      min: 1,
      max: '3',
      mustSupport: true,
      binding: { strength: 'required' as const, valueSet: 'http://b' },
    };
    const made = await snapshot([
      { path: 'Thing.code', ...over },
      { path: 'Thing.value[x]', type: [{ code: 'string' }], patternString: 'a' },
    ]);
    const { min, max, mustSupport, binding } = made['Thing.code']!;
    assert.deepEqual({ min, max, mustSupport, binding }, over);
    assert.deepEqual(made['Thing.value[x]']!.type, [{ code: 'string' }]);
    assert.equal(made['Thing.value[x]']!.patternString, 'a');
    assert.equal(made['Thing.name']!.min, 0);
  });

  it('adds constraints up, with their source, and lets none be loosened', async () => {
    const looser = { ...rule('one'), expression: 'false' };
    const made = await snapshot([{ path: 'Thing.name', constraint: [rule('two'), looser], condition: ['two'] }]);
    assert.deepEqual(made['Thing.name']!.constraint, [
      rule('one'),
      { ...rule('two'), source: 'http://example.org/own' },
    ]);
    assert.deepEqual(made['Thing.name']!.condition, ['one', 'two']);
  });

  it('takes in the children of a type, of a profile of it, and of what a content reference leads to', async () => {
    const made = await snapshot([
      { path: 'Thing.code.code', min: 1 },
      { path: 'Thing.part.part.code.coding.system', min: 1 },
    ]);
    assert.deepEqual(ids(made, 'Thing.code'), ['Thing.code', 'Thing.code.system', 'Thing.code.code']);
    assert.equal(made['Thing.code.code']!.min, 1);
    assert.equal(made['Thing.part.part.code.coding.system']!.min, 1);
    assert.equal(made['Thing.part.part']!.contentReference, undefined);
    assert.equal(made['Thing.part.part.part']!.contentReference, `${CORE}Thing#Thing.part`);
    const profiled = await snapshot([
      { path: 'Thing.code', type: [{ code: 'Coding', profile: ['http://example.org/coding'] }] },
      { path: 'Thing.code.code', min: 1 },
    ]);
    assert.equal(profiled['Thing.code.system']!.min, 1);
  });

  it('takes in what elements of several types have in common', async () => {
    const made = await snapshot([{ path: 'Thing.value[x].extension', max: '0' }]);
    assert.deepEqual(ids(made, 'Thing.value[x].'), ['Thing.value[x].id', 'Thing.value[x].extension']);
    const issue = await refusal(snapshot([{ path: 'Thing.value[x].code', max: '0' }]));
    assert.equal(issue['expression'], 'StructureDefinition.differential.element[0]');
  });

  it('makes slices that need not be there, of what is said of the element so far', async () => {
    const made = await snapshot([
      { path: 'Thing.code', min: 1, max: '4', mustSupport: true, constraint: [rule('all')] },
      { path: 'Thing.code.system', min: 1 },
      { path: 'Thing.code', sliceName: 'a' },
      { path: 'Thing.code.code', fixedCode: 'a' },
      { path: 'Thing.code', sliceName: 'b', max: '1' },
    ]);
    assert.deepEqual(ids(made, 'Thing.code:'), [
      'Thing.code:a',
      'Thing.code:a.system',
      'Thing.code:a.code',
      'Thing.code:b',
      'Thing.code:b.system',
      'Thing.code:b.code',
    ]);
    const { sliceName, path, min, max, constraint, mustSupport } = made['Thing.code:a']!;
    assert.deepEqual(
      { sliceName, path, min, max, constraint, mustSupport },
      { sliceName: 'a', path: 'Thing.code', min: 0, max: '4', constraint: undefined, mustSupport: undefined },
    );
    assert.equal(made['Thing.code:b.system']!.min, 1);
    assert.equal(made['Thing.code:b.code']!.fixedCode, undefined);
  });

  it('needs an element as often as its slices together', async () => {
    const made = await snapshot([
      { path: 'Thing.code', sliceName: 'a', min: 1 },
      { path: 'Thing.code', sliceName: 'b', min: 2 },
    ]);
    assert.equal(made['Thing.code']!.min, 3);
  });

  it('follows ids where elements do not stand in order, and order where there are no ids', async () => {
    const made = await snapshot([
      { id: 'Thing.code:a', path: 'Thing.code', sliceName: 'a' },
      { id: 'Thing.code:b', path: 'Thing.code', sliceName: 'b' },
      { id: 'Thing.code:a.code', path: 'Thing.code.code', min: 1 },
    ]);
    assert.equal(made['Thing.code:a.code']!.min, 1);
    assert.equal(made['Thing.code:b.code'], undefined);
    const byOrder = await snapshot([
      { path: 'Thing.code', sliceName: 'a' },
      { id: 'odd', path: 'Thing.code', sliceName: 'b' },
      { id: 'odd', path: 'Thing.code.code', min: 1 },
    ]);
    assert.equal(byOrder['Thing.code:b.code']!.min, 1);
    assert.equal(byOrder['Thing.code:a.code'], undefined);
  });

  it('reads valueQuantity as a slice by type, closed if it must be there', async () => {
    const open = await snapshot([{ path: 'Thing.valueQuantity.code', min: 1 }]);
    assert.deepEqual(open['Thing.value[x]']!.slicing, {
      discriminator: [{ type: 'type', path: '$this' }],
      ordered: false,
      rules: 'open',
    });
    assert.deepEqual(open['Thing.value[x]:valueQuantity']!.type, [{ code: 'Quantity' }]);
    assert.equal(open['Thing.value[x]:valueQuantity.code']!.min, 1);
    assert.equal(open['Thing.value[x]']!.type!.length, 2);
    const closed = await snapshot([{ path: 'Thing.valueQuantity', min: 1 }]);
    assert.equal(closed['Thing.value[x]']!.slicing!.rules, 'closed');
    assert.equal(closed['Thing.value[x]']!.min, 1);
    assert.deepEqual(closed['Thing.value[x]']!.type, [{ code: 'Quantity' }]);
  });

  it('reads valueQuantity inside of a slice as the one type that is left', async () => {
    const made = await snapshot([
      { path: 'Thing.part', sliceName: 'a' },
      { path: 'Thing.part.valueQuantity', min: 1 },
    ]);
    assert.deepEqual(made['Thing.part:a.value[x]']!.type, [{ code: 'Quantity' }]);
    assert.equal(made['Thing.part:a.value[x]']!.slicing, undefined);
    assert.equal(made['Thing.part.value[x]']!.type!.length, 2);
    const single = await snapshot([
      { path: 'Thing.value[x]', type: [{ code: 'Quantity' }] },
      { path: 'Thing.valueQuantity.code', min: 1 },
    ]);
    assert.equal(single['Thing.value[x].code']!.min, 1);
  });

  it('goes on with the slices of a profile, and slices them again', async () => {
    const made = await snapshot(
      [
        { id: 'Thing.code:a.code', path: 'Thing.code.code', min: 1 },
        { path: 'Thing.code', sliceName: 'a', mustSupport: true },
        { path: 'Thing.code', sliceName: 'a/x', min: 1, fixedCoding: { code: 'x' } },
        { path: 'Thing.code', sliceName: 'c' },
      ],
      { baseDefinition: 'http://example.org/sliced' },
    );
    const slices = Object.values(made).flatMap(({ sliceName = [] }) => sliceName);
    assert.deepEqual(slices, ['a', 'a/x', 'b', 'c']);
    assert.deepEqual(made['Thing.code:a/x.system']!.fixedUri, 'http://a');
    assert.equal(made['Thing.code:a/x.code']!.min, 1);
    assert.equal(made['Thing.code:a/x']!.mustSupport, true);
    assert.equal(made['Thing.code:a']!.min, 1);
    assert.equal(made['Thing.code:c.system'], undefined);
  });

  it('slices extensions by url, and takes from their definition how many there may be and what holds', async () => {
    const type = [{ code: 'Extension', profile: ['http://example.org/extension'] }];
    const made = await snapshot([{ path: 'Thing.extension', sliceName: 'x', type }]);
    assert.deepEqual(made['Thing.extension']!.slicing!.discriminator, [{ type: 'value', path: 'url' }]);
    const { min, max, isModifier, constraint, binding } = made['Thing.extension:x']!;
    assert.deepEqual({ min, max, isModifier, binding }, { min: 0, max: '1', isModifier: true, binding: undefined });
    assert.deepEqual(
      constraint?.map(({ key }) => key),
      ['ext'],
    );
    const more = await snapshot([{ path: 'Thing.extension', sliceName: 'x', max: '0', type }]);
    assert.equal(more['Thing.extension:x']!.max, '0');
    const unknown = await snapshot([
      { path: 'Thing.extension', sliceName: 'x', type: [{ code: 'Extension', profile: ['http://x'] }] },
    ]);
    assert.equal(unknown['Thing.extension:x']!.max, '*');
  });

  it('makes the extensions of a complex extension', async () => {
    const elements = [
      { path: 'Extension.extension', sliceName: 'a', min: 1 },
      { path: 'Extension.extension.url', fixedUri: 'a' },
      { path: 'Extension.extension.value[x]', type: [{ code: 'Coding' }] },
      { path: 'Extension.value[x]', max: '0' },
    ];
    const made = await snapshot(elements, { type: 'Extension', baseDefinition: `${CORE}Extension` });
    assert.equal(made['Extension.extension:a.url']!.fixedUri, 'a');
    assert.equal(made['Extension.extension']!.min, 1);
    assert.equal(made['Extension.value[x]']!.max, '0');
    assert.equal(made['Extension.extension:a.value[x]']!.max, '1');
  });

  it('of a specialization and of a logical model has elements of its own', async () => {
    const own = [
      element('Model', 0, '*', 'Element'),
      element('Model.a', 1, '1', 'Element'),
      element('Model.a.b', 0, '1', 'string'),
    ];
    const model = { type: 'http://example.org/Model', kind: 'logical', derivation: 'specialization' };
    const made = await snapshot(own, { ...model, baseDefinition: `${CORE}Element` });
    assert.deepEqual(ids(made, ''), [
      'Model',
      'Model.id',
      'Model.extension',
      'Model.a',
      'Model.a.id',
      'Model.a.extension',
      'Model.a.b',
    ]);
    assert.deepEqual(
      made['Model.a']!.constraint?.map(({ key }) => key),
      ['ele-1'],
    );
    const based = await snapshot(own.slice(1, 2), { ...model, baseDefinition: `${CORE}Base` });
    assert.deepEqual(ids(based, ''), ['Model', 'Model.a']);
    const issue = await refusal(snapshot([element('Thing.a', 1, '1', 'string')]));
    assert.equal(issue['detail'], 'profile-element');
  });

  it('is made of profiles that have differentials alone, and of the same definition for all', async () => {
    const middle = profile('middle', [{ path: 'Thing.name', min: 1 }]);
    const made = await make(
      profile('own', [{ path: 'Thing.name', max: '1' }], { baseDefinition: 'http://example.org/middle' }),
      [middle],
    );
    assert.equal(made.find(({ id }) => id === 'Thing.name')!.min, 1);
  });

  it('is refused where the base or a type is not known, or an element belongs elsewhere', async () => {
    const base = await refusal(snapshot([], { baseDefinition: 'http://x' }));
    assert.deepEqual([base['detail'], base['diagnostics']], ['unknown-profile', 'http://x']);
    const type = [{ code: 'Coding', profile: ['http://y'] }];
    const unknown = await refusal(snapshot([{ path: 'Thing.code', type }, { path: 'Thing.code.code' }]));
    assert.deepEqual([unknown['detail'], unknown['diagnostics']], ['unknown-profile', 'http://y']);
    const other = await refusal(snapshot([{ path: 'Thing.name' }, { path: 'Other.name' }]));
    assert.deepEqual([other['detail'], other['diagnostics']], ['profile-element', 'http://example.org/own|1']);
    assert.equal(other['expression'], 'StructureDefinition.differential.element[1]');
    const lost = await refusal(
      snapshot([{ path: 'Thing.part.part.code' }], { baseDefinition: 'http://example.org/lost' }),
    );
    assert.equal(lost['detail'], 'unknown-profile');
    const pathless = await refusal(snapshot([{ path: 'Thing.name' }, {} as never]));
    assert.equal(pathless['expression'], 'StructureDefinition.differential.element[1]');
    const nowhere = core('Nowhere', { path: 'Nowhere.a', min: 0, max: '1', contentReference: '#Nowhere.b' });
    const led = await refusal(
      make(profile('own', [{ path: 'Nowhere.a.c' }], { type: 'Nowhere', baseDefinition: `${CORE}Nowhere` }), [nowhere]),
    );
    assert.equal(led['detail'], 'profile-element');
  });

  it('is refused where definitions are built in a circle', async () => {
    const one = profile('one', [], { baseDefinition: 'http://example.org/two' });
    const two = profile('two', [], { baseDefinition: 'http://example.org/one' });
    assert.equal((await refusal(make(one, [one, two])))['detail'], 'profile-circular');
    const chain = Array.from({ length: SNAPSHOT_LIMITS.depth + 1 }, (_, at) =>
      profile(`c${at}`, [], { baseDefinition: `http://example.org/c${at + 1}` }),
    );
    assert.equal((await refusal(make(chain[0]!, chain)))['detail'], 'too-costly');
    // A profile may go into what it is a profile of.
    const self = [{ path: 'Thing.code', type: [{ code: 'Coding', profile: ['http://example.org/own'] }] }];
    assert.ok((await make(profile('own', self))).length > 5);
  });

  it('is refused where it has too many elements or slices, or goes too deep', async () => {
    const slices = (count: number) =>
      Array.from({ length: count }, (_, at) => ({ path: 'Thing.name', sliceName: `s${at}` }));
    assert.ok((await make(profile('own', slices(1_000)))).length > 1_000);
    const many = await refusal(make(profile('own', slices(SNAPSHOT_LIMITS.slices + 1))));
    assert.equal(many['expression'], `StructureDefinition.differential.element[${SNAPSHOT_LIMITS.slices}]`);
    const wide = (count: number) => Array.from({ length: count }, (_, at) => element(`Model.e${at}`, 0, '1', 'string'));
    const model = { kind: 'logical', derivation: 'specialization', baseDefinition: `${CORE}Base` };
    assert.equal((await make(profile('own', wide(1_000), model))).length, 1_001);
    assert.equal(
      (await refusal(make(profile('own', wide(SNAPSHOT_LIMITS.elements + 1), model))))['detail'],
      'profile-element',
    );
    const deep = (levels: number) => [{ path: `Thing${'.part'.repeat(levels)}` }];
    assert.ok((await make(profile('own', deep(20)))).length > 60);
    assert.equal((await refusal(make(profile('own', deep(100)))))['detail'], 'profile-element');
    const fine = [{ path: 'Thing.code', sliceName: 'a/'.repeat(100) }];
    assert.equal((await refusal(make(profile('own', fine))))['detail'], 'profile-element');
  });

  it('is refused where the snapshot that it is made of is broken', async () => {
    for (const elements of [
      [],
      [{ path: 'Bad.a' }],
      [{ path: 'Bad' }, { path: 'Bad.a.b' }],
      [{ path: 'Bad' }, { path: 'Bad.a', sliceName: 's' }],
    ]) {
      const bad = { ...core('Bad'), snapshot: { element: elements } } as unknown as StructureDefinition;
      const own = profile('own', [{ path: 'Bad.z' }], { type: 'Bad', baseDefinition: `${CORE}Bad` });
      assert.equal((await refusal(make(own, [bad])))['detail'], 'profile-element');
    }
  });
});
