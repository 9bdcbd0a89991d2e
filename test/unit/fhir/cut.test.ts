/** The data of a Binary is cut out of its body as that comes, wherever it is divided: https://hl7.org/fhir/R4/binary.html */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'mocha';
import { BinaryCut } from '../../../src/fhir/content/cut.js';
import { createRandom } from '../../support/random.js';

interface Taken {
  readonly bytes: Buffer;
  readonly body: string;
  readonly cut: boolean;
}

/** `sizes`: of the parts, one after the other. */
function take(format: 'json' | 'xml', body: string, size: () => number, most = 10_000): Taken {
  const cutting = new BinaryCut(format, most);
  const whole = Buffer.from(body);
  const found: Buffer[] = [];
  for (let at = 0; at < whole.length; ) {
    const next = at + size();
    const bytes = cutting.take(whole.subarray(at, next));
    if (bytes) found.push(bytes);
    at = next;
  }
  cutting.end();
  const { body: rest, cut } = cutting.rest();
  return { bytes: Buffer.concat(found), body: rest.toString(), cut };
}

const BYTES = randomBytes(3001);
const DATA = BYTES.toString('base64');
const lines = (every: number, end: string): string =>
  Array.from({ length: Math.ceil(DATA.length / every) }, (_, i) => DATA.slice(i * every, (i + 1) * every)).join(end);

/** Bodies with `@` where the data stands, and the data as it is written there. */
const ROWS: readonly (readonly [format: 'json' | 'xml', around: string, data: string])[] = [
  ['json', '{"resourceType":"Binary","contentType":"a/b","data":"@"}', DATA],
  ['json', ' {\n "data" : \t"@" , "resourceType":"Binary","contentType":"a/b"}', DATA],
  ['json', '{"meta":{"extension":[{"data":"x"}],"tag":[{"code":"data"}]},"data":"@","id":"data"}', DATA],
  ['json', '{"id":"\\"data\\":\\"","a":"data","contentType":"x\\\\","data":"@"}', DATA],
  ['json', '{"_data":{"id":"x"},"data":"@"}', DATA],
  ['json', '{"data":"@"}', DATA.replaceAll('/', '\\/')],
  ['json', '{"data":"@"}', DATA.replaceAll('/', '\\u002f').replaceAll('+', '\\u002B').replaceAll('=', '\\u003d')],
  ['json', '{"data":"@"}', lines(76, '\\r\\n')],
  ['json', '{"data":"@"}', ` ${lines(5, ' ')}\\t`],
  ['xml', '<Binary xmlns="http://hl7.org/fhir"><contentType value="a/b"/><data value="@"/></Binary>', DATA],
  ['xml', "<f:Binary xmlns:f='http://hl7.org/fhir'><f:data id='a' value = '@' /></f:Binary>", DATA],
  ['xml', '<?xml version="1.0"?><!-- <data value="x"/> > --><Binary>\n<data\n value="@"></data></Binary>', DATA],
  ['xml', '<Binary><meta><data value="x"/></meta><id value="a>b"/><data value="@"/></Binary>', DATA],
  ['xml', '<Binary><metadata value="x"/><data xvalue="x" value="@"/></Binary>', DATA],
  ['xml', '<Binary><data value="@"/></Binary>', lines(76, '\r\n')],
  ['xml', '<Binary><data value="@"/></Binary>', lines(76, '&#10;')],
  ['xml', '<Binary><data value="@"/></Binary>', lines(60, '&#xD;&#x0A;').replaceAll('+', '&#43;')],
];

describe('the data of a Binary', () => {
  const random = createRandom(3);
  for (const [format, around, data] of ROWS)
    it(`is cut out of ${around.slice(0, 60)} with ${JSON.stringify(data.slice(70, 90))}`, () => {
      const body = around.replace('@', () => data);
      for (const size of [() => 1, () => 7, () => 1000, () => 100_000, () => 1 + random.below(90)]) {
        const taken = take(format, body, size);
        assert.ok(taken.bytes.equals(BYTES));
        assert.deepEqual([taken.cut, taken.body], [true, around.replace('@', 'AAAA')]);
      }
    });

  it('is not looked for elsewhere', () => {
    for (const [format, body] of [
      ['json', '{"resourceType":"Binary","meta":{"data":"QUJD"}}'],
      ['json', '[{"data":"QUJD"}]'],
      ['json', '{"data":["QUJD"],"data2":"QUJD","x":"data"}'],
      ['xml', '<Binary><meta><data value="QUJD"/></meta></Binary>'],
      ['xml', '<data value="QUJD"/>'],
      ['xml', '<Binary><data id="QUJD"/></Binary>'],
    ] as const)
      assert.deepEqual(
        take(format, body, () => 3),
        { bytes: Buffer.alloc(0), body, cut: false },
      );
  });

  it('is refused where it is no base64, and where it does not end', () => {
    for (const data of [
      'QUJ',
      'QUJDR',
      'QUJ=QUJD',
      'Q===',
      '=',
      'QU-D',
      'QUJ_',
      'QU*D',
      'QUJD\\u0041=',
      'QUJDä',
      'QUJD\\',
    ])
      for (const size of [1, 2, 100])
        assert.throws(() => take('json', `{"data":"${data}"}`, () => size), { kind: 'invalid' }, data);
    for (const data of ['QU&lt;', 'QUJD&#x', 'QUJ&#300;'])
      assert.throws(() => take('xml', `<Binary><data value="${data}"/></Binary>`, () => 2), { kind: 'invalid' }, data);
    for (const body of ['{"data":"QUJD', '{"data":"', '{"data":"QUJDR'])
      assert.throws(() => take('json', body, () => 4), { kind: 'invalid' }, body);
  });

  it('may be of any size, what stands around it may not', () => {
    const cutting = new BinaryCut('json', 100);
    cutting.take(Buffer.from('{"data":"'));
    let size = 0;
    for (let i = 0; i < 1000; i++) size += cutting.take(Buffer.from(DATA.slice(0, 1000)))!.length;
    cutting.take(Buffer.from('"}'));
    assert.equal(size, 750_000);
    assert.equal(cutting.rest().body.toString(), '{"data":"AAAA"}');
    assert.throws(() => take('json', `{"id":"${'x'.repeat(200)}","data":"QUJD"}`, () => 50, 100), {
      kind: 'too-large',
    });
    assert.throws(() => take('json', `{"data":"QUJD","id":"${'x'.repeat(200)}"}`, () => 50, 100), {
      kind: 'too-large',
    });
  });
});
