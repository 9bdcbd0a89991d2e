/** `:in`. https://hl7.org/fhir/R4/valueset.html#compositions */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type {
  Concept,
  ConceptFilterDefinition,
  ValueSetInclude,
  Property,
  ValueSet,
} from '../../../src/terminology/resources.js';
import { BASE, codeSystem, concepts, refusal, terms, valueSet } from '../../support/terms.js';

const S = 'http://example.org/s';
const T = 'http://example.org/t';
const V = 'http://example.org/v';
const W = 'http://example.org/w';

const having = (code: string, ...property: Property[]): Concept => ({ code, property });

/** root(groups) > (a > (a1, a2), b(inactive)), c, d(retired) */
const system = codeSystem(
  S,
  [
    {
      code: 'root',
      property: [{ code: 'notSelectable', valueBoolean: true }],
      concept: [
        {
          code: 'a',
          property: [{ code: 'kind', valueString: 'x' }],
          concept: [having('a1', { code: 'size', valueInteger: 1 }), { code: 'a2' }],
        },
        having('b', { code: 'inactive', valueBoolean: true }, { code: 'kind', valueString: 'y' }),
      ],
    },
    having('c', { code: 'other', valueCoding: { system: T, code: 'z' } }, { code: 'kind', valueString: 'x' }),
    having('d', { code: 'status', valueCode: 'retired' }, { code: 'likes', valueCode: 'a1' }),
  ],
  { property: [{ code: 'unused' }] },
);
const all = ['a', 'a1', 'a2', 'b', 'c', 'd'];
const of = (...codes: string[]): string[] => codes.map(code => `${S}|${code}`).toSorted();

const filtered = (...filter: ConceptFilterDefinition[]): Promise<string[]> =>
  terms([system, valueSet(V, { system: S, filter })]).within(V);
const included = (...include: ValueSetInclude[]): Promise<string[]> =>
  terms([system, valueSet(V, ...include)]).within(V);
const excluding = (include: ValueSetInclude[], exclude: ValueSetInclude[], ...more: ValueSet[]): Promise<string[]> =>
  terms([system, ...more, { resourceType: 'ValueSet', url: V, compose: { include, exclude } }]).within(V);

describe('a value set', () => {
  it('is found by url, url|version, ValueSet/id, id and our own address', async () => {
    const { within } = terms([
      { ...valueSet(V, { system: S, concept: concepts('old') }), id: 'v1', version: '1' },
      { ...valueSet(V, { system: S, concept: concepts('new') }), id: 'v2', version: '2' },
    ]);
    assert.deepEqual(await within(V), of('new'));
    assert.deepEqual(await within(`${V}|1`), of('old'));
    assert.deepEqual(await within('ValueSet/v1'), of('old'));
    assert.deepEqual(await within('v2'), of('new'));
    assert.deepEqual(await within(`${BASE}/ValueSet/v1`), of('old'));
    const own = terms([{ ...valueSet(`${BASE}/ValueSet/mine`, { system: S }), id: 'another' }]);
    assert.deepEqual(await own.within(`${BASE}/ValueSet/mine`), [`${S}|`]);
  });

  it('is named in the error where it is not known', async () => {
    const { within } = terms([{ ...valueSet(V, { system: S }), version: '1' }]);
    for (const value of [W, `${V}|2`, 'ValueSet/none', 'none', `${BASE}/ValueSet/none`, 'urn:oid:1.2.3']) {
      const { status, code, detail } = await refusal(within(value));
      assert.deepEqual([status, code, detail], [400, 'not-found', 'unknown-value-set'], value);
    }
    assert.match((await refusal(within(W))).message, /http:\/\/example\.org\/w is not known here\. Store it/);
    for (const value of ['Patient/1', '#x', '', 'ValueSet/a/_history/1', 'two words', 'ValueSet/a|1'])
      assert.deepEqual((await refusal(within(value))).detail, 'invalid-value', value);
  });

  it('keeps a whole code system as one, known or not', async () => {
    assert.deepEqual(await included({ system: S }), [`${S}|`]);
    assert.deepEqual(await included({ system: T }, { system: S, concept: concepts('a') }), [...of('a'), `${T}|`]);
    assert.deepEqual(await included({ system: S, concept: concepts('a') }, { system: S }), [`${S}|`]);
  });

  it('takes listed concepts as they stand, known or not, grouping or not', async () => {
    assert.deepEqual(await included({ system: S, concept: concepts('root', 'nowhere') }), of('root', 'nowhere'));
    assert.deepEqual(await included({ system: T, concept: concepts('x') }), [`${T}|x`]);
  });

  it('is the union of its includes', async () => {
    assert.deepEqual(
      await included({ system: S, concept: concepts('a', 'b') }, { system: S, concept: concepts('b', 'c') }),
      of('a', 'b', 'c'),
    );
  });

  it('loses what is excluded', async () => {
    const some = { system: S, concept: concepts('a', 'b', 'c') };
    assert.deepEqual(await excluding([some], [{ system: S, concept: concepts('b') }]), of('a', 'c'));
    assert.deepEqual(await excluding([some], [{ system: S }]), []);
    assert.deepEqual(await excluding([some], [{ system: T }]), of('a', 'b', 'c'));
    assert.deepEqual(await excluding([{ system: S }], [{ system: T, concept: concepts('a') }]), [`${S}|`]);
    assert.deepEqual(
      await excluding([some], [{ valueSet: [W] }], valueSet(W, { system: S, concept: concepts('a') })),
      of('b', 'c'),
    );
  });

  it('writes a whole system out where something of it is excluded, without what only groups', async () => {
    assert.deepEqual(
      await excluding([{ system: S }], [{ system: S, filter: [{ property: 'concept', op: 'is-a', value: 'a' }] }]),
      of('b', 'c', 'd'),
    );
    const { detail } = await refusal(excluding([{ system: T }], [{ system: T, concept: concepts('a') }]));
    assert.equal(detail, 'unknown-code-system');
  });

  it('intersects within an include: several value sets, and the system with them', async () => {
    const { within } = terms([
      system,
      valueSet(W, { system: S, concept: concepts('a', 'b') }, { system: T, concept: concepts('t') }),
      valueSet('http://example.org/x', { system: S, concept: concepts('b', 'c') }, { system: T }),
      valueSet(V, { valueSet: [W, 'http://example.org/x'] }),
      valueSet('http://example.org/y', { system: S, valueSet: [W] }),
      valueSet('http://example.org/z', { valueSet: [W] }, { valueSet: ['http://example.org/x'] }),
      valueSet('http://example.org/q', {
        system: S,
        filter: [{ property: 'concept', op: 'is-a', value: 'a' }],
        valueSet: [W],
      }),
    ]);
    assert.deepEqual(await within(V), [...of('b'), `${T}|t`]);
    assert.deepEqual(await within('http://example.org/y'), of('a', 'b'));
    assert.deepEqual(await within('http://example.org/z'), [...of('a', 'b', 'c'), `${T}|`]);
    assert.deepEqual(await within('http://example.org/q'), of('a'));
  });

  it('leaves inactive concepts out where it says so, and only there', async () => {
    const set = (inactive: boolean | undefined, include: ValueSetInclude): ValueSet => ({
      resourceType: 'ValueSet',
      url: V,
      compose: { ...(inactive === undefined ? {} : { inactive }), include: [include] },
    });
    const ask = (inactive: boolean | undefined, include: ValueSetInclude) =>
      terms([system, set(inactive, include)]).within(V);
    const some = { system: S, concept: concepts('a', 'b', 'd') };
    assert.deepEqual(await ask(undefined, some), of('a', 'b', 'd'));
    assert.deepEqual(await ask(true, some), of('a', 'b', 'd'));
    assert.deepEqual(await ask(false, some), of('a'));
    assert.deepEqual(await ask(false, { system: S }), of('a', 'a1', 'a2', 'c'));
    assert.deepEqual(await ask(false, { system: T }), [`${T}|`]);
  });

  it('without compose is what its expansion lists, if that is all', async () => {
    const expanded = (expansion: NonNullable<ValueSet['expansion']>) =>
      terms([{ resourceType: 'ValueSet', url: V, expansion }]).within(V);
    const contains = [
      {
        system: S,
        code: 'group',
        abstract: true,
        contains: [
          { system: S, code: 'x' },
          { system: T, code: 'y' },
        ],
      },
      { code: 'bare' },
    ];
    assert.deepEqual(await expanded({ contains, total: 4 }), [...of('x'), `${T}|y`, '|bare'].toSorted());
    assert.deepEqual((await refusal(expanded({ contains, total: 5 }))).detail, 'invalid-value-set');
    const extension = [{ url: 'http://hl7.org/fhir/StructureDefinition/valueset-unclosed', valueBoolean: true }];
    assert.deepEqual((await refusal(expanded({ contains, extension }))).detail, 'invalid-value-set');
    assert.deepEqual(
      (await refusal(terms([{ resourceType: 'ValueSet', url: V }]).within(V))).detail,
      'invalid-value-set',
    );
    const both = { ...valueSet(V, { system: S, concept: concepts('a') }), expansion: { contains } };
    assert.deepEqual(await terms([both]).within(V), of('a'));
  });

  it('may hold others to a depth of 20, none twice on one path', async () => {
    const chain = (length: number): ValueSet[] =>
      Array.from({ length }, (_, index) =>
        index === length - 1
          ? valueSet(`${V}${index}`, { system: S })
          : valueSet(`${V}${index}`, { valueSet: [`${V}${index + 1}`] }),
      );
    assert.deepEqual(await terms(chain(20)).within(`${V}0`), [`${S}|`]);
    assert.match((await refusal(terms(chain(21)).within(`${V}0`))).message, /more than 20 value sets/);
    const cycle = terms([valueSet(V, { valueSet: [W] }), valueSet(W, { system: S }, { valueSet: [V] })]);
    assert.match((await refusal(cycle.within(V))).message, /includes itself/);
    // Twice beside each other is no cycle, and doubles no work.
    const diamonds = Array.from({ length: 19 }, (_, index) =>
      valueSet(`${V}${index}`, { valueSet: [`${V}${index + 1}`] }, { valueSet: [`${V}${index + 1}`] }),
    );
    assert.deepEqual(await terms([...diamonds, valueSet(`${V}19`, { system: S })]).within(`${V}0`), [`${S}|`]);
  });

  it('is refused where it is too large or made of too many', async () => {
    const numbers = (count: number): Concept[] =>
      Array.from({ length: count }, (_, index) => ({ code: String(index) }));
    const whole = (count: number) => terms([valueSet(V, { system: S, concept: numbers(count) })]).within(V);
    assert.equal((await whole(50_000)).length, 50_000);
    const { status, code } = await refusal(whole(50_001));
    assert.deepEqual([status, code], [400, 'too-costly']);
    const parts = Array.from({ length: 600 }, (_, index) => valueSet(`${V}${index}`, { system: S }));
    const many = valueSet(V, ...parts.map(({ url }): ValueSetInclude => ({ valueSet: [url!] })));
    assert.equal((await refusal(terms([...parts, many]).within(V))).code, 'too-costly');
    const big = valueSet(W, { system: S, concept: numbers(40_000) });
    const again = valueSet(V, ...Array.from({ length: 100 }, (): ValueSetInclude => ({ valueSet: [W] })));
    assert.equal((await refusal(terms([big, again]).within(V))).code, 'too-costly');
  });

  it('is refused where it is no composition', async () => {
    const faults: ValueSetInclude[] = [
      {},
      { concept: concepts('a') },
      { system: S, concept: concepts('a'), filter: [{ property: 'concept', op: '=', value: 'a' }] },
    ];
    for (const include of faults) assert.deepEqual((await refusal(included(include))).detail, 'invalid-value-set');
    assert.deepEqual((await refusal(included({ valueSet: [W] }))).detail, 'unknown-value-set');
  });

  it('bears values that were left out for an extension', async () => {
    const include = { system: S, concept: [{}, { code: 'a' }], valueSet: [null] };
    assert.deepEqual(await included(include), of('a'));
    assert.deepEqual((await refusal(filtered({ property: 'concept', op: '=' }))).detail, 'unsupported-filter');
  });
});

describe('a filter', () => {
  const code = (op: string, value: string): Promise<string[]> => filtered({ property: 'concept', op, value });

  it('is-a, descendent-of, is-not-a, generalizes follow the hierarchy', async () => {
    assert.deepEqual(await code('is-a', 'a'), of('a', 'a1', 'a2'));
    assert.deepEqual(await code('is-a', 'root'), of('a', 'a1', 'a2', 'b'));
    assert.deepEqual(await code('descendent-of', 'a'), of('a1', 'a2'));
    assert.deepEqual(await code('is-not-a', 'a'), of('b', 'c', 'd'));
    assert.deepEqual(await code('generalizes', 'a1'), of('a', 'a1'));
  });

  it('in, not-in take lists', async () => {
    assert.deepEqual(await code('in', 'a1, c,nowhere'), of('a1', 'c'));
    assert.deepEqual(await code('not-in', 'a1,a2,b'), of('a', 'c', 'd'));
    assert.deepEqual(await filtered({ property: 'kind', op: 'in', value: 'x,q' }), of('a', 'c'));
    assert.deepEqual(await filtered({ property: 'kind', op: 'not-in', value: 'x,q' }), of('a1', 'a2', 'b', 'd'));
  });

  it('regex matches whole codes and values', async () => {
    assert.deepEqual(await code('regex', 'a[0-9]'), of('a1', 'a2'));
    assert.deepEqual(await filtered({ property: 'code', op: 'regex', value: '[ab]' }), of('a', 'b'));
    assert.deepEqual(await filtered({ property: 'kind', op: 'regex', value: '[^x]' }), of('b'));
    assert.deepEqual((await refusal(code('regex', '(a)\\1'))).detail, 'unsupported-pattern');
  });

  it('= compares properties of every type, the code, parents and children', async () => {
    const equals = (property: string, value: string) => filtered({ property, op: '=', value });
    assert.deepEqual(await equals('concept', 'a'), of('a'));
    assert.deepEqual(await equals('kind', 'x'), of('a', 'c'));
    assert.deepEqual(await equals('size', '1'), of('a1'));
    assert.deepEqual(await equals('other', 'z'), of('c'));
    assert.deepEqual(await equals('other', `${T}|z`), of('c'));
    assert.deepEqual(await equals('status', 'retired'), of('d'));
    assert.deepEqual(await equals('inactive', 'true'), of('b', 'd'));
    assert.deepEqual(await equals('inactive', 'false'), of('a', 'a1', 'a2', 'c'));
    assert.deepEqual(await equals('parent', 'a'), of('a1', 'a2'));
    assert.deepEqual(await equals('child', 'a1'), of('a'));
    assert.deepEqual(await equals('unused', 'x'), []);
  });

  it('exists asks whether there is a value', async () => {
    assert.deepEqual(await filtered({ property: 'kind', op: 'exists', value: 'true' }), of('a', 'b', 'c'));
    assert.deepEqual(await filtered({ property: 'kind', op: 'exists', value: 'false' }), of('a1', 'a2', 'd'));
    assert.deepEqual(
      await filtered({ property: 'child', op: 'exists', value: 'false' }),
      of('a1', 'a2', 'b', 'c', 'd'),
    );
    const { detail } = await refusal(filtered({ property: 'kind', op: 'exists', value: 'maybe' }));
    assert.equal(detail, 'unsupported-filter');
  });

  it('follows the hierarchy from a property that holds a code', async () => {
    assert.deepEqual(await filtered({ property: 'likes', op: 'is-a', value: 'a' }), of('d'));
    assert.deepEqual(await filtered({ property: 'likes', op: 'is-a', value: 'c' }), []);
  });

  it('holds together with others', async () => {
    assert.deepEqual(
      await filtered({ property: 'concept', op: 'is-a', value: 'root' }, { property: 'kind', op: '=', value: 'x' }),
      of('a'),
    );
    assert.deepEqual(await filtered({ property: 'concept', op: 'not-in', value: 'root' }), of(...all));
  });

  it('is refused where it cannot be followed', async () => {
    assert.equal((await refusal(code('is-a', 'nowhere'))).detail, 'unknown-code');
    assert.equal((await refusal(code('like', 'a'))).detail, 'unsupported-filter');
    const { detail, code: issue, status } = await refusal(filtered({ property: 'colour', op: '=', value: 'red' }));
    assert.deepEqual([status, issue, detail], [400, 'not-supported', 'unsupported-filter']);
    const { detail: unknown } = await refusal(
      included({ system: T, filter: [{ property: 'concept', op: 'is-a', value: 'x' }] }),
    );
    assert.equal(unknown, 'unknown-code-system');
    const parts = { ...system, hierarchyMeaning: 'part-of' };
    const set = valueSet(V, { system: S, filter: [{ property: 'concept', op: 'is-a', value: 'a' }] });
    assert.equal((await refusal(terms([parts, set]).within(V))).detail, 'no-subsumption');
    const direct = valueSet(V, { system: S, filter: [{ property: 'parent', op: '=', value: 'a' }] });
    assert.deepEqual(await terms([parts, direct]).within(V), of('a1', 'a2'));
  });

  it('asks for the version of the code system that it names', async () => {
    const set = (version: string) =>
      valueSet(V, { system: S, version, filter: [{ property: 'concept', op: 'regex', value: '.*' }] });
    const versions = [
      codeSystem(S, concepts('old'), { version: '1' }),
      codeSystem(S, concepts('new'), { version: '2' }),
    ];
    assert.deepEqual(await terms([...versions, set('1')]).within(V), of('old'));
    assert.deepEqual((await refusal(terms([...versions, set('3')]).within(V))).detail, 'unknown-code-system');
  });
});
