/** Bindings, by strength, type of data, and what is known of the code: https://hl7.org/fhir/R4/terminologies.html#strength */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { Json } from '../../../src/fhir/resource.js';
import type { Binding } from '../../../src/fhir/structure-definition.js';
import { createMemberships } from '../../../src/terminology/membership.js';
import { createTerminology } from '../../../src/terminology/terminology.js';
import { createBindings } from '../../../src/validation/binding.js';
import { compileCodingCheck } from '../../../src/validation/coding.js';
import { elementOf, fakeRun, findingsOf } from '../../support/checked.js';
import { codeSystem, concepts, loadFrom, valueSet } from '../../support/terms.js';

const CS = 'http://example.org/cs';
const OPEN = 'http://example.org/not-known';
const VS = 'http://example.org/vs';
const SECRET = 'secret-7';

const resources = [
  codeSystem(
    CS,
    [
      { code: 'a', display: 'Alpha', designation: [{ language: 'de', value: 'Alfa' }] },
      { code: 'b', display: 'Beta' },
      { code: 'old', display: 'Old', property: [{ code: 'inactive', valueBoolean: true }] },
    ],
    { version: '1.0' },
  ),
  codeSystem('http://example.org/more', concepts('m'), { supplements: CS }),
  codeSystem('http://example.org/part', concepts('p'), { content: 'fragment' }),
  { ...valueSet(VS, { system: CS, concept: concepts('a', 'old') }), version: '2.0', title: 'Greek' },
  valueSet(`${VS}-mixed`, { system: CS, concept: concepts('a') }, { system: OPEN }),
  valueSet(`${VS}-listed`, { system: OPEN, concept: concepts('x') }),
  valueSet(`${VS}-imports`, { valueSet: [`${VS}-nowhere`] }, { system: CS, concept: concepts('a') }),
  valueSet(`${VS}-circle`, { valueSet: [`${VS}-circle`] }),
  valueSet(`${VS}-units`, { system: 'http://unitsofmeasure.org', concept: concepts('kg', 'g') }),
];

const { resources: known } = createTerminology(loadFrom(resources), { bases: [] });
const membership = createMemberships({ sources: () => known.once() });
const bindings = createBindings(membership);

const bound = (binding: Binding, type: string, value: Json | undefined) =>
  findingsOf(bindings.compileBinding(binding, type, 'r4'), type, value);

/** `severity detail` of what is found. */
async function told(binding: Binding, type: string, value: Json | undefined): Promise<string[]> {
  const { found } = await bound(binding, type, value);
  for (const { text, at } of found) {
    assert.ok(!text.includes(SECRET), text);
    assert.equal(at, 'X.e');
  }
  return found.map(({ severity, detail }) => `${severity} ${detail}`);
}

const coding = (code: string, system: string = CS, more = {}): Json => ({ system, code, display: SECRET, ...more });
const concept = (...all: Json[]): Json => ({ coding: all, text: SECRET });

/** What each strength says of a code that is not in the set, and of one of which that is not known. */
const STRENGTHS = [
  ['required', 'error binding-required', 'warning not-checked'],
  ['extensible', 'warning binding-extensible', 'warning not-checked'],
  ['preferred', 'information binding-preferred', 'information not-checked'],
  ['example', undefined, undefined],
] as const;

const list = (one: string | undefined): string[] => (one === undefined ? [] : [one]);

describe('a binding', () => {
  for (const [strength, wrong, open] of STRENGTHS)
    describe(`that is ${strength}`, () => {
      const of = (set: string): Binding => ({ strength, valueSet: set });
      for (const type of ['code', 'string', 'uri'])
        it(`to a ${type}`, async () => {
          assert.deepEqual(await told(of(VS), type, 'a'), []);
          assert.deepEqual(await told(of(VS), type, SECRET), list(wrong));
          assert.deepEqual(await told(of(`${VS}-mixed`), type, 'a'), []);
          assert.deepEqual(await told(of(`${VS}-mixed`), type, SECRET), list(open));
        });
      it('to a Coding', async () => {
        assert.deepEqual(await told(of(VS), 'Coding', coding('a')), []);
        assert.deepEqual(await told(of(`${VS}|2.0`), 'Coding', coding('a')), []);
        assert.deepEqual(await told(of(VS), 'Coding', coding('b')), list(wrong));
        assert.deepEqual(await told(of(VS), 'Coding', coding('a', OPEN)), list(wrong));
        assert.deepEqual(await told(of(VS), 'Coding', { code: 'a' }), list(wrong));
        assert.deepEqual(await told(of(`${VS}-mixed`), 'Coding', coding(SECRET, OPEN)), list(open));
        assert.deepEqual(await told(of(`${VS}-mixed`), 'Coding', coding('b')), list(wrong));
        assert.deepEqual(await told(of(`${VS}-listed`), 'Coding', coding('x', OPEN)), []);
        assert.deepEqual(await told(of(`${VS}-listed`), 'Coding', coding(SECRET, OPEN)), list(wrong));
      });
      it('to a CodeableConcept', async () => {
        assert.deepEqual(await told(of(VS), 'CodeableConcept', concept(coding('b'), coding('a'))), []);
        assert.deepEqual(
          await told(of(VS), 'CodeableConcept', concept(coding('b'), coding(SECRET, OPEN))),
          list(wrong),
        );
        assert.deepEqual(
          await told(of(`${VS}-mixed`), 'CodeableConcept', concept(coding('b'), coding(SECRET, OPEN))),
          list(open),
        );
        const none = strength === 'preferred' ? [] : list(wrong);
        assert.deepEqual(await told(of(VS), 'CodeableConcept', { text: SECRET }), none);
      });
      it('to a Quantity', async () => {
        const quantity = (code: string): Json => ({
          value: 1,
          system: 'http://unitsofmeasure.org',
          code,
          unit: SECRET,
        });
        assert.deepEqual(await told(of(`${VS}-units`), 'Quantity', quantity('kg')), []);
        assert.deepEqual(await told(of(`${VS}-units`), 'Age', quantity('m')), list(wrong));
        assert.deepEqual(await told(of(`${VS}-units`), 'Quantity', { value: 1, unit: SECRET }), []);
      });
      it('to a value set of which nothing is known', async () => {
        for (const name of ['-nowhere', '-circle', '|9.9'])
          assert.deepEqual(await told(of(`${VS}${name}`), 'Coding', coding('a')), list(open), name);
        assert.deepEqual(await told(of(`${VS}-imports`), 'Coding', coding('a')), []);
        assert.deepEqual(await told(of(`${VS}-imports`), 'Coding', coding('b')), list(open));
      });
    });

  it('names the value set, and what would have to be known', async () => {
    const text = async (set: string, value: Json) =>
      (await bound({ strength: 'required', valueSet: set }, 'Coding', value)).found.map(each => each.text).join();
    assert.match(await text(VS, coding('b')), /"Greek" \(http:\/\/example\.org\/vs\|2\.0\)/);
    assert.match(
      await text(`${VS}-mixed`, coding('x', OPEN)),
      /vs-mixed.*http:\/\/example\.org\/not-known is not known/,
    );
    assert.match(await text(`${VS}-nowhere`, coding('a')), /vs-nowhere: the value set is not known/);
  });

  it('with a largest value set is as strict as a required one', async () => {
    const url = 'http://hl7.org/fhir/StructureDefinition/elementdefinition-maxValueSet';
    const binding: Binding = {
      strength: 'preferred',
      valueSet: VS,
      extension: [{ url, valueCanonical: `${VS}-mixed` }],
    };
    assert.deepEqual(await told(binding, 'Coding', coding('a')), []);
    assert.deepEqual(await told(binding, 'Coding', coding('b')), [
      'information binding-preferred',
      'error binding-required',
    ]);
  });

  it('that is required wants a code where there are extensions alone', async () => {
    assert.deepEqual(await told({ strength: 'required', valueSet: VS }, 'code', undefined), ['error binding-required']);
    assert.deepEqual(await told({ strength: 'extensible', valueSet: VS }, 'code', undefined), []);
    assert.deepEqual(await told({ strength: 'required', valueSet: VS }, 'string', undefined), []);
  });

  it('goes by the version that a code says', async () => {
    const binding: Binding = { strength: 'required', valueSet: VS };
    assert.deepEqual(await told(binding, 'Coding', coding('a', CS, { version: '1.0' })), []);
    assert.deepEqual(await told(binding, 'Coding', coding('a', CS, { version: '7.0' })), ['warning not-checked']);
  });

  it('is nothing for other types of data', () => {
    for (const type of ['boolean', 'HumanName', 'decimal'])
      assert.equal(bindings.compileBinding({ strength: 'required', valueSet: VS }, type, 'r4'), undefined, type);
  });

  it('asks once, and then answers at once', async () => {
    let generation = 0;
    const fresh = createMemberships({ sources: () => known.once(), generation: () => generation });
    const check = createBindings(fresh).compileBinding({ strength: 'required', valueSet: VS }, 'code', 'r4');
    assert.equal((await findingsOf(check, 'code', 'a')).passes, 2);
    assert.equal((await findingsOf(check, 'code', SECRET)).passes, 1);
    generation += 1;
    assert.equal((await findingsOf(check, 'code', SECRET)).passes, 2);
  });
});

describe('memberOf', () => {
  it('answers for codes, Codings and CodeableConcepts', async () => {
    await membership.prepareSet(VS, 'r4');
    const run = fakeRun(() => assert.fail('nothing is reported'));
    const of = (value: Json, set = VS) => bindings.isMember(value, set, 'r4', run);
    assert.equal(of('a'), true);
    assert.equal(of('b'), false);
    assert.equal(of(coding('a')), true);
    assert.equal(of(concept(coding('b'), coding('a'))), true);
    assert.equal(of(concept(coding('b'))), false);
    assert.equal(of('a', `${VS}-nobody-asked`), undefined);
  });
});

describe('a code', () => {
  const check = compileCodingCheck(membership, 'r4');
  const of = async (value: Json, type = 'Coding'): Promise<string[]> => {
    const { found } = await findingsOf(check, type, value);
    for (const { text } of found) assert.ok(!text.includes(SECRET), text);
    return found.map(({ severity, detail, at }) => `${severity} ${detail} ${at.slice(4)}`);
  };

  it('must be one of its code system', async () => {
    assert.deepEqual(await of({ system: CS, code: 'a' }), []);
    assert.deepEqual(await of({ system: CS, code: SECRET }), ['error unknown-code code']);
    assert.deepEqual(await of({ system: CS, code: 'A' }), ['error unknown-code code']);
    assert.deepEqual(await of({ system: 'http://example.org/part', code: SECRET }), []);
    assert.deepEqual(await of({ system: OPEN, code: SECRET }), ['information not-checked system']);
    assert.deepEqual(await of({ system: CS, version: '7.0', code: 'a' }), ['information not-checked system']);
    assert.deepEqual(await of({ system: 'http://unitsofmeasure.org', code: 'kg/m2' }), []);
    const furlongs = { system: 'http://unitsofmeasure.org', code: 'furlongs' };
    assert.deepEqual(await of(furlongs), ['error unknown-code code']);
    assert.deepEqual(await of(furlongs, 'Quantity'), ['warning unknown-code code']);
  });

  it('needs a system that is one', async () => {
    assert.deepEqual(await of({ system: 'cs', code: 'a' }), ['error relative-system system']);
    assert.deepEqual(await of({ system: VS, code: 'a' }), ['error not-a-code-system system']);
    assert.deepEqual(await of({ system: 'http://example.org/more', code: 'm' }), ['error not-a-code-system system']);
    assert.deepEqual(await of({ code: 'a' }), []);
    assert.deepEqual(await of({ system: CS }), []);
  });

  it('should be in use, under one of its names', async () => {
    assert.deepEqual(await of({ system: CS, code: 'old' }), ['warning inactive-code code']);
    for (const display of ['Alpha', 'alpha', ' Alpha ', 'Alfa'])
      assert.deepEqual(await of({ system: CS, code: 'a', display }), [], display);
    assert.deepEqual(await of({ system: CS, code: 'a', display: SECRET }), ['warning wrong-display display']);
  });

  it('is looked for in Codings alone', () => {
    check(
      elementOf('string', 'a'),
      fakeRun(() => assert.fail('a text is no Coding')),
    );
  });
});
