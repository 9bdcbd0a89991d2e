/** `:below` and `:above`. https://hl7.org/fhir/R4/search.html#token, https://hl7.org/fhir/R4/codesystem.html#hierarchy */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { Resource } from '../../../src/fhir/resource.js';
import type { Concept } from '../../../src/terminology/resources.js';
import { createTerminology } from '../../../src/terminology/terminology.js';
import { codeSystem, concepts, refusal, terms } from '../../support/terms.js';

const S = 'http://example.org/animals';
const of = (...codes: string[]): string[] => codes.map(code => `${S}|${code}`).toSorted();

/** animal > mammal > (dog, cat), animal > bird */
const nested: Concept[] = [
  {
    code: 'animal',
    property: [{ code: 'notSelectable', valueBoolean: true }],
    concept: [{ code: 'mammal', concept: concepts('dog', 'cat') }, { code: 'bird' }],
  },
  { code: 'stone' },
];
const parent = (code: string, ...parents: string[]): Concept => ({
  code,
  property: parents.map(valueCode => ({ code: 'parent', valueCode })),
});

describe(':below and :above', () => {
  it('follow nested concepts, the code itself included, grouping ones too', async () => {
    const { below, above } = terms([codeSystem(S, nested)]);
    assert.deepEqual(await below(S, 'animal'), of('animal', 'mammal', 'dog', 'cat', 'bird'));
    assert.deepEqual(await below(S, 'mammal'), of('mammal', 'dog', 'cat'));
    assert.deepEqual(await below(S, 'stone'), of('stone'));
    assert.deepEqual(await above(S, 'dog'), of('animal', 'mammal', 'dog'));
    assert.deepEqual(await above(S, 'stone'), of('stone'));
  });

  it('follow the properties parent, child and subsumedBy', async () => {
    const { below, above } = terms([
      codeSystem(S, [
        parent('dog', 'mammal'),
        { code: 'cat', property: [{ code: 'subsumedBy', valueCode: 'mammal' }] },
        parent('mammal', 'animal', 'warm'),
        { code: 'animal', property: [{ code: 'child', valueCode: 'bird' }] },
        ...concepts('bird', 'warm'),
      ]),
    ]);
    assert.deepEqual(await below(S, 'animal'), of('animal', 'mammal', 'dog', 'cat', 'bird'));
    assert.deepEqual(await below(S, 'warm'), of('warm', 'mammal', 'dog', 'cat'));
    assert.deepEqual(await above(S, 'dog'), of('dog', 'mammal', 'animal', 'warm'));
  });

  it('know a property by its uri, and take none for it that says to be another', async () => {
    const uri = 'http://hl7.org/fhir/concept-properties#parent';
    const { below } = terms([
      codeSystem(S, [{ code: 'dog', property: [{ code: 'isA', valueCode: 'mammal' }] }, ...concepts('mammal')], {
        property: [{ code: 'isA', uri }],
      }),
      codeSystem('http://example.org/other', [
        { code: 'dog', property: [{ code: 'boss', valueCode: 'mammal' }] },
        ...concepts('mammal'),
      ]),
    ]);
    assert.deepEqual(await below(S, 'mammal'), of('dog', 'mammal'));
    assert.deepEqual(await below('http://example.org/other', 'mammal'), ['http://example.org/other|mammal']);
  });

  it('end on a cycle, and take a code in two places as one', async () => {
    const { below, above } = terms([
      codeSystem(S, [parent('a', 'b'), parent('b', 'c'), parent('c', 'a', 'c'), { code: 'd', concept: concepts('b') }]),
    ]);
    assert.deepEqual(await below(S, 'b'), of('a', 'b', 'c'));
    assert.deepEqual(await above(S, 'b'), of('a', 'b', 'c', 'd'));
  });

  it('refuse a hierarchy that means something else, and say so', async () => {
    for (const hierarchyMeaning of ['part-of', 'grouped-by', 'classified-with']) {
      const { below, above } = terms([codeSystem(S, nested, { hierarchyMeaning })]);
      for (const asked of [below(S, 'animal'), above(S, 'dog')]) {
        const { status, detail, message } = await refusal(asked);
        assert.deepEqual([status, detail], [400, 'no-subsumption']);
        assert.match(message, new RegExp(`means ${hierarchyMeaning}, not is-a`));
      }
    }
    const flat = terms([codeSystem(S, concepts('a', 'b'), { hierarchyMeaning: 'part-of' })]);
    assert.deepEqual(await flat.below(S, 'a'), of('a'));
    const said = terms([
      codeSystem(
        S,
        [{ code: 'a', concept: [{ code: 'b', property: [{ code: 'subsumedBy', valueCode: 'c' }] }] }, ...concepts('c')],
        {
          hierarchyMeaning: 'part-of',
        },
      ),
    ]);
    assert.deepEqual(await said.below(S, 'c'), of('b', 'c'));
    assert.deepEqual(await said.below(S, 'a'), of('a'));
  });

  it('need a system, a known one with concepts, and a code of it', async () => {
    const { below } = terms([
      codeSystem(S, nested),
      codeSystem('http://example.org/fragment', nested, { content: 'fragment' }),
      ...['not-present', 'example', 'supplement'].map(content =>
        codeSystem(`http://example.org/${content}`, nested, { content }),
      ),
    ]);
    assert.deepEqual((await refusal(below(undefined, 'dog'))).detail, 'system-needed');
    assert.deepEqual((await refusal(below('', 'dog'))).detail, 'system-needed');
    assert.equal((await below('http://example.org/fragment', 'mammal')).length, 3);
    for (const url of ['none', 'not-present', 'example', 'supplement'].map(end => `http://example.org/${end}`)) {
      const { status, code, detail, message } = await refusal(below(url, 'dog'));
      assert.deepEqual([status, code, detail], [400, 'not-found', 'unknown-code-system']);
      assert.ok(message.includes(url));
    }
    const unknown = await refusal(below(S, 'unicorn'));
    assert.deepEqual([unknown.status, unknown.code, unknown.detail], [400, 'not-found', 'unknown-code']);
    assert.ok(!unknown.message.includes('unicorn'));
  });

  it('name nothing that is no canonical, nothing after a question mark, nothing long', async () => {
    const { below } = terms([]);
    for (const [system, shown] of [
      ['Smith, John', false],
      ['http://example.org/a b', false],
      ['urn:oid:1.2.3', true],
    ] as const)
      assert.equal((await refusal(below(system, 'x'))).message.includes(system), shown, system);
    assert.ok(!(await refusal(below('http://example.org/x?name=Smith', 'x'))).message.includes('Smith'));
    assert.ok((await refusal(below(`http://example.org/${'x'.repeat(5000)}`, 'x'))).message.length < 500);
  });

  it('see a new version at once, and index one version once', async () => {
    let reads = 0;
    let version = 1;
    const terminology = createTerminology(
      (type, by) =>
        Promise.resolve(
          type === 'CodeSystem' && 'url' in by
            ? {
                key: `CodeSystem/animals/${version}`,
                async read() {
                  reads += 1;
                  const last = version === 1 ? 'cat' : 'dog';
                  return codeSystem(S, [{ code: 'mammal', concept: concepts(last) }]) as unknown as Resource;
                },
              }
            : undefined,
        ),
      { bases: [] },
    );
    const ask = () => terminology.codesOf({ kind: 'concept', relation: 'below', system: S, value: 'mammal' });
    assert.deepEqual(await ask(), [
      { system: S, code: 'mammal' },
      { system: S, code: 'cat' },
    ]);
    await ask();
    assert.equal(reads, 1);
    version = 2;
    assert.deepEqual(await ask(), [
      { system: S, code: 'mammal' },
      { system: S, code: 'dog' },
    ]);
    assert.equal(reads, 2);
  });

  it('take a resource by its version and time as well', async () => {
    let versionId = '1';
    let reads = 0;
    const terminology = createTerminology(
      () => {
        const concept = concepts('a');
        return Promise.resolve({
          ...codeSystem(S, []),
          id: 'x',
          meta: { versionId },
          get concept() {
            reads += 1;
            return concept;
          },
        } as unknown as Resource);
      },
      { bases: [] },
    );
    const ask = () => terminology.codesOf({ kind: 'concept', relation: 'below', system: S, value: 'a' });
    await ask();
    const first = reads;
    assert.ok(first > 0);
    await ask();
    assert.equal(reads, first);
    versionId = '2';
    await ask();
    assert.ok(reads > first);
  });

  it('bear a code system of 200,000 concepts, and refuse more than 50,000 codes', async () => {
    const many = codeSystem(
      S,
      Array.from({ length: 200_000 }, (_, index) =>
        index === 0 ? { code: '0' } : parent(String(index), String(Math.floor((index - 1) / 10))),
      ),
      { id: 'many', meta: { versionId: '1' } },
    );
    const { below, above } = terms([many]);
    assert.equal((await below(S, '12')).length, 1 + 10 + 100 + 1000 + 10_000);
    assert.equal((await above(S, '199999')).length, 7);
    const { status, code } = await refusal(below(S, '0'));
    assert.deepEqual([status, code], [400, 'too-costly']);
  });

  it('bear concepts nested very deeply', async () => {
    let concept: Concept = { code: '20000' };
    for (let depth = 19_999; depth >= 0; depth--) concept = { code: String(depth), concept: [concept] };
    const { above } = terms([codeSystem(S, [concept])]);
    assert.equal((await above(S, '20000')).length, 20_001);
  });
});
