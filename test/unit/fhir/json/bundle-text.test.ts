import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { takeApart } from '../../../../src/fhir/json/bundle-text.js';
import { atOnce } from '../../../../src/platform/pieces.js';
import { runsOf } from '../../../support/depth.js';

class TooMany extends Error {}
const apart = (text: string, most = Infinity) => {
  const { around, entries } = atOnce(
    takeApart(Buffer.from(text), most, () => {
      throw new TooMany();
    }),
  );
  return { around: around.toString(), entries: entries?.map(String) };
};
/** What is read from the parts; undefined where one of them is no JSON. */
const read = (text: string): unknown => {
  const { around, entries } = apart(text);
  try {
    const whole = JSON.parse(around) as Record<string, unknown>;
    if (entries) {
      assert.deepEqual(whole['entry'], []);
      whole['entry'] = entries.map(entry => JSON.parse(entry) as unknown);
    }
    return whole;
  } catch {
    return undefined;
  }
};

describe('the text of a Bundle', () => {
  it('is taken apart into its entries and what is around them', () =>
    assert.deepEqual(apart('{"a":1, "entry" : [ {"b":[1,{"entry":[2]}]} , {"c":"],{"} ],"d":{"entry":[3]}}'), {
      around: '{"a":1, "entry" : [],"d":{"entry":[3]}}',
      entries: ['{"b":[1,{"entry":[2]}]} ', '{"c":"],{"} '],
    }));

  for (const text of ['{"entry":[]}', '{"entry":[ ]}', '{"\\u0065ntry":[1]}', '{"entry":[1,"\\\\",{"x":"\\""}]}'])
    it(`says the same as ${text}`, () => assert.deepEqual(read(text), JSON.parse(text)));

  it('leaves what is no array where it is', () => {
    for (const text of ['{"entry":{"a":[1]}}', '{"a":"entry","b":[1]}', '[{"entry":[1]}]', '{}', '"entry"'])
      assert.deepEqual(apart(text), { around: text, entries: undefined });
  });

  for (const text of [
    '{"entry":[1,]}',
    '{"entry":[,1]}',
    '{"entry":[1}',
    '{"entry":[{]}',
    '{"entry":[1',
    '{"entry":[{"a":1}}',
    '{"entry":["a]}',
    '{"entry":[1]]}',
    '{"entry":[1]}}',
    '{"entry":[1 2]}',
  ])
    it(`is no JSON where ${text} is none`, () => {
      assert.throws(() => JSON.parse(text));
      assert.equal(read(text), undefined);
    });

  it('has no more entries than it may', () => {
    assert.equal(apart('{"entry":[1,2,3]}', 3).entries?.length, 3);
    assert.throws(() => apart('{"entry":[1,2,3,4]}', 3), TooMany);
    assert.throws(() => apart(`{"entry":[${'{},'.repeat(1000)}`, 3), TooMany);
  });

  it('says what the whole says, whatever is damaged', () => {
    const bundle = fc.record({
      type: fc.string(),
      entry: fc.array(fc.jsonValue({ maxDepth: 3 }), { maxLength: 4 }),
      link: fc.jsonValue({ maxDepth: 2 }),
    });
    const damaged = fc
      .tuple(bundle, fc.nat(), fc.nat(3), fc.constantFrom('', '"', '\\', '{', ']', ':', ',', '0'))
      .map(([value, at, cut, put]) => {
        const text = JSON.stringify(value);
        return text.slice(0, at % text.length) + put + text.slice((at % text.length) + cut);
      });
    fc.assert(
      fc.property(damaged, text => {
        let whole: unknown;
        try {
          whole = JSON.parse(text);
        } catch {
          whole = undefined;
        }
        // The same name twice is refused by whoever parses the parts.
        if ((text.match(/"entry"/g) ?? []).length < 2) assert.deepEqual(read(text), whole);
      }),
      { numRuns: runsOf(3000) },
    );
  });

  it('finds the end of long strings', () => {
    for (const length of [200, 254, 255, 256, 257, 300, 5000])
      for (const tail of ['', '\\\\', '\\"', '\\\\\\"x'])
        assert.deepEqual(apart(`{"entry":["${'x'.repeat(length)}${tail}",2]}`).entries, [
          `"${'x'.repeat(length)}${tail}"`,
          '2',
        ]);
  });
});
