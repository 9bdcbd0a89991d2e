/** What is counted before a body is parsed: up to the limit it is taken, beyond it refused. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { loadDefinitions } from '../../../src/fhir/definitions.js';
import { FhirError } from '../../../src/fhir/error.js';
import { parseJson, readJson } from '../../../src/fhir/json/json.js';
import { parseXml } from '../../../src/fhir/xml/read.js';

const LIMITS = { maxDepth: 64, maxValues: 200_000 };
const row = (count: number, unit: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => unit(i)).join();
const body = (members: string): Buffer => Buffer.from(`{"resourceType":"X"${members === '' ? '' : `,${members}`}}`);

async function detailOf(bytes: Buffer): Promise<string> {
  try {
    await readJson(bytes, LIMITS);
    return 'taken';
  } catch (error) {
    assert.ok(error instanceof FhirError && error.status === 413);
    return error.issues[0]!.detail!;
  }
}

describe('limits of a JSON body', () => {
  const rows: [string, string, string][] = [
    // The object and its two members are three of the values.
    ['too-many-values', `"a":[${row(199_997, () => '1')}]`, `"a":[${row(200_001, () => '1')}]`],
    ['too-many-members', row(999, i => `"a${i}":1`), row(1000, i => `"a${i}":1`)],
    [
      'too-many-names',
      `"a":[${row(99, i => `{${row(100, k => `"${'n'.repeat(30)}${i * 100 + k}":1`)}}`)}]`,
      `"a":[${row(101, i => `{${row(100, k => `"${'n'.repeat(30)}${i * 100 + k}":1`)}}`)}]`,
    ],
    ['too-many-digits', `"a":[${row(50_000, () => '1.0')}]`, `"a":[${row(50_001, () => '1.0')}]`],
  ];
  for (const [detail, most, more] of rows)
    it(`${detail}: up to the limit it is taken, beyond it refused`, async () => {
      assert.equal(await detailOf(body(most)), 'taken');
      assert.equal(await detailOf(body(more)), detail);
    });

  it('are none for what is stored already', () => {
    const more = body(`"a":[${row(200_001, () => '1')}],${row(1000, i => `"a${i}":1`)}`);
    assert.ok(parseJson(more, { maxDepth: 64 }).resource);
  });

  it('call large what is no attachment', () => {
    const is = (value: string) => parseJson(body(`"a":${JSON.stringify(value)}`), LIMITS).large === true;
    assert.equal(is(Buffer.alloc(300_000, 7).toString('base64')), false);
    assert.equal(is('A note of words. '.repeat(20_000)), true);
    assert.equal(is(`<div>${'<b>x</b>'.repeat(20_000)}</div>`), true);
    assert.equal(is('A short note.'), false);
  });
});

describe('limits of an XML body', () => {
  const definitions = loadDefinitions();
  const patient = (content: string): Buffer => Buffer.from(`<Patient xmlns="http://hl7.org/fhir">${content}</Patient>`);
  const parse = (content: string) => parseXml(patient(content), definitions, { maxDepth: 64, maxValues: 100 });
  const tooMany = (error: unknown): boolean =>
    error instanceof FhirError && error.issues[0]!.detail === 'too-many-values';

  it('count elements, attributes and comments', () => {
    assert.ok(parse('<name><family value="x"/></name>'.repeat(50)));
    assert.throws(() => parse('<name><family value="x"/></name>'.repeat(70)), tooMany);
    assert.throws(() => parse('<!--x-->'.repeat(300)), tooMany);
    assert.throws(() => parse(`<active ${Array.from({ length: 300 }, (_, i) => `a${i}="1"`).join(' ')}/>`), tooMany);
  });
});
