/** Patients whom a long text names are found wherever it is cut, and however they are written. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { withoutEscapes } from '../../../src/access/patients-named.js';
import { patientsRead } from '../../../src/interactions/patients-read.js';
import { atOnce } from '../../../src/platform/pieces.js';

const ENTRIES = 3000;

describe('patients of a long text', () => {
  it('are all found, each once, with those beside it', async () => {
    const written = [
      (id: string) => `{"item":{"reference":"Patient/${id}"}}`,
      (id: string) => `{"item":{"reference":"http://here/fhir/Patient/${id}"}}`,
      (id: string) => String.raw`{"item":{"r\u0065ference" :  "\u0050atient\/${id}"}}`,
      (id: string) => String.raw`{"item":{"reference":"http://elsewhere/Patient/${id}","display":"\\u0050 {é"}}`,
    ];
    const entry = Array.from({ length: ENTRIES }, (_, at) => written[at % 4]!(`p${at}`) + ' '.repeat(at % 400));
    const text = Buffer.from(`{"resourceType":"List","entry":[${entry.join(',')}]}`);
    assert.ok(text.length > 2 * 256 * 1024);
    JSON.parse(text.toString());
    const row = { type: 'List', text, patients: ['beside', 'p0'] };
    const found = await patientsRead([row, { ...row, type: 'Basic', patients: ['other'] }], ['http://here/fhir']);
    const expected = entry.flatMap((_, at) => (at % 4 === 3 ? [] : [`p${at}`]));
    assert.deepEqual(found.toSorted(), [...expected, 'beside', 'other'].toSorted());
  });

  it('say the same without escapes', () => {
    const json = String.raw`{"\u0072ef":"\u0050a\/\\u0050\\\u0041\"\u0022\u005c\u005C\u00e9\n\u000a\u007b"}`;
    const plain = atOnce(withoutEscapes(Buffer.from(json))).toString();
    assert.deepEqual(JSON.parse(plain), JSON.parse(json));
    assert.ok(plain.includes(String.raw`"ref":"Pa/\\u0050\\A`), plain);
    const none = Buffer.from('{"é":1}');
    assert.equal(atOnce(withoutEscapes(none)), none);
    // Longer than what is done in one turn.
    const long = `{"a":"${String.raw`\u0050é\n`.repeat(200_000)}"}`;
    const turns = withoutEscapes(Buffer.from(long));
    assert.equal(turns.next().done, false);
    assert.deepEqual(JSON.parse(atOnce(turns).toString()), JSON.parse(long));
  });
});
