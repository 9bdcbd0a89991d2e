import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, it } from 'mocha';
import {
  base64Length,
  encodeBase64,
  liftBase64,
  liftingBase64,
  partsOfBase64,
} from '../../../../src/fhir/json/base64.js';
import { runsOf } from '../../../support/depth.js';

const bytes = Buffer.from('a page of a document, long enough to be lifted');
const data = bytes.toString('base64');
const lift = (text: string, atLeast = 20) => liftBase64(Buffer.from(text), atLeast);

describe('lifting attachments out of stored text', () => {
  it('cuts the value and names the place between the quotes', () => {
    const { text, lifted } = lift(`{"ü":"€","data":"${data}","b":{"data" : "${data}"}}`);
    assert.equal(text.toString(), '{"ü":"€","data":"","b":{"data" : ""}}');
    assert.equal(lifted.length, 2);
    for (const { at, bytes: got } of lifted) {
      assert.equal(text.subarray(at - 1, at + 1).toString(), '""');
      assert.deepEqual(got, bytes);
    }
  });

  const stays: [string, string][] = [
    ['a value that is too short', `{"data":"QUJD"}`],
    ['a member with another name', `{"hash":"${data}","mydata":"${data}","data2":"${data}"}`],
    ['a string that looks like a member', `{"text":"\\"data\\":\\"${data}\\"","a\\"data":"${data}","b":"data"}`],
    ['a value with line breaks', `{"data":"${data}\\n${data}"}`],
    ['a value without padding', `{"data":"${Buffer.from('x'.repeat(40)).toString('base64').replace(/=+$/, '')}"}`],
    ['a value whose last character has stray bits', `{"data":"${'A'.repeat(26)}B="}`],
    ['the URL alphabet', `{"data":"${'_-'.repeat(20)}"}`],
    ['sampled data', '{"data":"2041 2043 2037 2047 2060 2062 2051 2023"}'],
    ['a value that is no string', `{"data":["${data}"],"x":{"data":{"data":null}}}`],
    ['letters beyond ASCII', `{"data":"${data}ü${data}"}`],
  ];
  for (const [name, text] of stays)
    it(`leaves ${name}`, () => {
      const result = lift(text);
      assert.deepEqual(result.lifted, []);
      assert.equal(result.text.toString(), text);
    });

  it('comes back byte for byte', () => {
    const part = fc.oneof(
      fc.string({ unit: 'grapheme' }).map(value => JSON.stringify({ data: value, '"data": "': value })),
      fc.nat(200).map(size => JSON.stringify({ content: { data: randomBytes(size).toString('base64') } })),
      fc.nat(200).map(size => `{ "data"\n: "${randomBytes(size).toString('base64')}", "ä": "\\"data\\":\\"" }`),
    );
    fc.assert(
      fc.property(fc.array(part), fc.integer({ min: 1, max: 100 }), (parts, atLeast) => {
        const original = Buffer.from(`[${parts.join(',')}]`);
        const { text, lifted } = liftBase64(original, atLeast);
        JSON.parse(text.toString());
        let whole = text.toString('latin1');
        for (const { at, bytes: got } of lifted.toReversed())
          whole = whole.slice(0, at) + got.toString('base64') + whole.slice(at);
        assert.ok(Buffer.from(whole, 'latin1').equals(original));
        const long = [...original.toString().matchAll(/(?<!\\)"data"\s*: ?"([A-Za-z0-9+/]+={0,2})"/g)].filter(
          ([, value]) => value!.length >= atLeast && Buffer.from(value!, 'base64').toString('base64') === value,
        );
        assert.equal(lifted.length, long.length);
      }),
      { numRuns: runsOf(200) },
    );
  });

  it('is encoded as it comes, in chunks of any length', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 9 })), async chunks => {
        const given = (async function* () {
          yield* chunks.map(chunk => Buffer.from(chunk));
        })();
        const parts: Buffer[] = [];
        for await (const part of encodeBase64(given)) parts.push(part);
        const all = Buffer.concat(chunks);
        assert.equal(Buffer.concat(parts).toString(), all.toString('base64'));
        assert.equal(base64Length(all.length), all.toString('base64').length);
      }),
      { numRuns: runsOf(200) },
    );
  });
});

describe('base64 that is long', () => {
  const large = randomBytes(2_500_001);
  const encoded = large.toString('base64');

  it('is lifted in pieces, and comes back as it was', () => {
    const work = liftingBase64(Buffer.from(`{"data":"${encoded}"}`), 20);
    let turns = 0;
    for (let step = work.next(); ; step = work.next(), turns++)
      if (step.done) {
        assert.deepEqual(step.value.lifted, [{ at: 9, bytes: large }]);
        break;
      }
    assert.ok(turns > 2);
  });

  it('stays where it would not come back', () => {
    const padded = `${Buffer.alloc(786_431).toString('base64')}${encoded}`;
    for (const text of [padded, `${encoded}A===`, `${encoded.slice(0, 1_500_000)}-${encoded.slice(1_500_001)}`])
      assert.deepEqual(lift(`{"data":"${text}"}`).lifted, []);
  });

  it('is read in parts, with white space or without', () => {
    const broken = encoded.replaceAll(/(.{76})/g, '$1\r\n');
    for (const text of [encoded, broken, '', 'QQ==', ' Q Q = = '])
      assert.ok(Buffer.concat([...partsOfBase64(text)]).equals(Buffer.from(text, 'base64')), text.slice(0, 20));
    assert.ok([...partsOfBase64(broken)].every(part => part.length <= 1024 * 1024));
  });
});
