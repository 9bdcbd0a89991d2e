/** Base64 is found and decoded however it is written; src/fhir/json/inline-base64.ts */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'mocha';
import { bytesOfInline, inlineBase64 } from '../../../../src/fhir/json/inline-base64.js';
import { parseJson, STORED_JSON } from '../../../../src/fhir/json/json.js';
import { stamp } from '../../../../src/fhir/json/stamp.js';

const bytes = Buffer.from('what a reader would decode, whichever way it is written');
const data = bytes.toString('base64');
const found = (json: string): { texts: string[]; bytes: Buffer[] } => {
  const text = Buffer.from(json);
  const places = [...inlineBase64(text)];
  return {
    texts: places.map(({ start, end }) => text.toString('latin1', start, end)),
    bytes: places.map(place => Buffer.concat([...bytesOfInline(text, place)])),
  };
};
const folded = (text: string, by: string, each = 7): string =>
  text.replaceAll(new RegExp(`.{${each}}`, 'g'), `$&${by}`);

describe('base64 in a text', () => {
  const ways: Readonly<Record<string, string>> = {
    'as the server writes it': data,
    'folded by line breaks': folded(data, '\\n'),
    'folded by CR, LF and tabs': folded(data, '\\r\\n\\t'),
    'with blanks': ` ${folded(data, '  ')} `,
    'with blanks that are numbers': folded(data, '\\u0020\\u000a'),
    'with blanks beyond ASCII': folded(data, '\u00a0\u2028\\u00a0'),
    'with slashes that are escaped': data.replaceAll('/', '\\/').replaceAll('+', '\\u002b'),
    'with other padding bits': data.replace(
      /(.)==$/,
      (_, last: string) => `${String.fromCharCode(last.charCodeAt(0) + 1)}==`,
    ),
  };
  assert.notEqual(ways['with other padding bits'], data);
  for (const [way, text] of Object.entries(ways))
    it(`is found ${way}`, () => {
      for (const name of ['data', 'valueBase64Binary', 'carrierAIDC', 'query'])
        assert.deepEqual(found(`{"ü":"€","${name}" : "${text}","b":["data"]}`).bytes, [bytes], name);
      if (/[^\u0000-\u007f]/.test(text)) return;
      const div = `{"div":"<img src=\\"data:image/jpeg;base64,${text}\\" alt=\\"data\\"/>","data":"${data}"}`;
      assert.deepEqual(found(div).bytes, [bytes, bytes]);
    });

  it('is found where names and values are sent with escapes', () => {
    const hidden = ['"d\\u0061ta":"', '"valueBase\\u0036\\u0034Binary":"', '"div":"data:a/b\\u003bbase64\\u002c'];
    for (const before of hidden)
      for (const value of [data, `\\u00${data.charCodeAt(0).toString(16)}${data.slice(1)}`]) {
        const sent = parseJson(Buffer.from(`{"resourceType":"Binary",${before}${value}"}`), STORED_JSON);
        const stored = stamp(sent, { id: 'a', versionId: '1', lastUpdated: '2026-01-02T03:04:05.678Z' });
        assert.deepEqual(found(stored.toString()).bytes, [bytes], before);
      }
  });

  it('is not found in what is no such value, nor twice, nor where the text ends before it does', () => {
    for (const text of [
      `{"hash":"${data}","mydata":"${data}","data2":"${data}"}`,
      `{"text":"\\"data\\":\\"${data}\\"","b":"data"}`,
      `{"data":["${data}"],"x":{"data":{"data":null}},"y":{"data":""}}`,
      `","data":"`,
    ])
      assert.deepEqual(found(text).texts, [], text);
    assert.deepEqual(found(`{"data":";base64,${data}"}`).texts, [`;base64,${data}`]);
  });

  it('is decoded in parts of bounded size, where escapes and fours lie across them', () => {
    const large = randomBytes(2_500_001);
    for (const by of ['\\n', '\\u000a', ' ', '']) {
      const text = Buffer.from(`{"data":"${folded(large.toString('base64'), by, 75)}"}`);
      const [place] = [...inlineBase64(text)];
      const parts = [...bytesOfInline(text, place!)];
      assert.ok(Buffer.concat(parts).equals(large), by);
      assert.ok(parts.length > 3 && parts.every(part => part.length <= 1024 * 1024));
    }
  });
});
