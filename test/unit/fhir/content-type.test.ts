/** What bytes are, and whether that contradicts what was said of them. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { contentTypeOf, HEAD_BYTES } from '../../../src/fhir/content/content-type.js';
import { contradicts, hidesType } from '../../../src/features/documents/read/media-kinds.js';
import { DOCUMENTS, readCdaExamples, readPayloads } from '../../support/documents.js';
import { skipWithout } from '../../support/shared.js';

const typeOf = (text: string) => contentTypeOf(Buffer.from(text));

describe('the type of bytes', () => {
  it('is that of each payload, from its beginning alone', async function () {
    const payloads = readPayloads(skipWithout(this, ...DOCUMENTS));
    assert.equal(payloads.length, 32);
    for (const { file, contentType, bytes } of payloads) {
      for (const length of [HEAD_BYTES, 4096, bytes.length])
        assert.equal(await contentTypeOf(bytes.subarray(0, length)), contentType, `${file}, ${length}`);
      assert.equal(contradicts(contentType, await contentTypeOf(bytes)), false);
    }
  });

  it('contradicts what any other payload is called, in each of 1,024 pairs', async function () {
    const payloads = readPayloads(skipWithout(this, ...DOCUMENTS));
    for (const { file, bytes, contentType } of payloads)
      for (const other of payloads)
        assert.equal(
          contradicts(other.contentType, await contentTypeOf(bytes)),
          other.contentType !== contentType,
          `${file} as ${other.contentType}`,
        );
  });

  it('is XML for each C-CDA, under each of its names', async function () {
    const examples = readCdaExamples(skipWithout(this, 'data', 'ccda-hl7-examples'));
    assert.equal(examples.length, 446);
    for (const { name, text } of examples) {
      const found = await typeOf(text);
      assert.ok(found === 'application/xml' || found === 'text/plain', `${name}: ${found}`);
      for (const declared of ['text/xml', 'application/xml', 'application/hl7-cda+xml', 'text/xml; charset=utf-8'])
        assert.equal(contradicts(declared, found), false, name);
      assert.equal(contradicts('application/pdf', found), true, name);
    }
  });

  const rows: [what: string, head: string | Buffer, type: string | undefined][] = [
    ['nothing', '', undefined],
    ['words', 'BMI of 23', 'text/plain'],
    ['words that begin as a program does', 'MZ was seen today', 'text/plain'],
    ['words that begin as an image does', 'GIF89a was the format', 'text/plain'],
    ['a note of HL7 v2', 'MSH|^~\\&|A|B\rPID|1\x1b[0m\r', 'text/plain'],
    ['text in UTF-16', Buffer.from('\uFEFFÄrzte', 'utf16le'), 'text/plain'],
    ['text in Latin-1', Buffer.from('Ärzte', 'latin1'), undefined],
    ['zeros', Buffer.alloc(300), undefined],
    ['a PDF behind a line of mail', '\r\n\r\n%PDF-1.4\n1 0 obj', 'application/pdf'],
    ['a PDF with bytes', Buffer.from('%PDF-1.7\n%\xff\xfe\n', 'latin1'), 'application/pdf'],
    ['what names a PDF too late', `${'a'.repeat(1100)}%PDF-1.4`, 'text/plain'],
    ['RTF', '{\\rtf1\\ansi}', 'application/rtf'],
    ['a TIFF that names its pages later', Buffer.from('49492a00ffffff00', 'hex'), 'image/tiff'],
    ['a TIFF in the other order', Buffer.from('4d4d002a00ffffff', 'hex'), 'image/tiff'],
    [
      'a DICOM file that begins as TIFF',
      Buffer.concat([Buffer.from('49492a00', 'hex'), Buffer.alloc(124), Buffer.from('DICM')]),
      'application/dicom',
    ],
    ['XML with its declaration', '<?xml version="1.0"?>\n<!-- a -->\n<a/>', 'application/xml'],
    ['XML without', '<section xmlns="urn:hl7-org:v3"><title/></section>', 'application/xml'],
    ['XML behind a mark of its encoding', '\uFEFF<?xml version="1.0"?><a/>', 'application/xml'],
    ['XML whose comment does not end', `<?xml version="1.0"?><!-- ${'a'.repeat(9000)}`, 'application/xml'],
    ['XML with entities', '<!DOCTYPE a [<!ENTITY b "c">]><a/>', 'application/xml'],
    ['a drawing', '<svg xmlns="http://www.w3.org/2000/svg" onload="x"/>', 'image/svg+xml'],
    ['a drawing under a prefix', "<s:svg xmlns:s='http://www.w3.org/2000/svg'>", 'image/svg+xml'],
    ['a page of XHTML', '<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"/>', 'application/xhtml+xml'],
    ['a page of HTML', '<!DOCTYPE HTML><html><script>', 'text/html'],
    ['a resource', '<Patient xmlns="http://hl7.org/fhir"/>', 'application/fhir+xml'],
    ['text with a sign', '< 5 mg', 'text/plain'],
    ['JSON', '{"resourceType":"Patient"}', 'text/plain'],
    ['an archive', Buffer.from('504b0506000000000000', 'hex'), 'application/zip'],
    ['what is packed', Buffer.from('1f8b0800000000000003', 'hex'), 'application/gzip'],
  ];
  for (const [what, head, type] of rows)
    it(`is ${type ?? 'unknown'} for ${what}`, async () => {
      assert.equal(await contentTypeOf(typeof head === 'string' ? Buffer.from(head) : head), type);
    });

  it('is found in what is damaged, without a fault', async function () {
    const payloads = readPayloads(skipWithout(this, ...DOCUMENTS));
    let seed = 7;
    const next = (below: number) => (seed = (seed * 48_271) % 2_147_483_647) % below;
    for (const { bytes } of payloads)
      for (let round = 0; round < 40; round++) {
        const head = Buffer.from(bytes.subarray(0, next(HEAD_BYTES)));
        for (let flips = 0; flips < 8 && head.length > 0; flips++) head[next(head.length)] = next(256);
        const found = await contentTypeOf(head);
        assert.ok(found === undefined || /^[a-z]+\/[\w.+-]+$/.test(found), found);
      }
  });
});

describe('a declared type', () => {
  const rows: [declared: string, found: string | undefined, contradiction: boolean][] = [
    ['application/pdf', 'image/png', true],
    ['image/png', 'application/pdf', true],
    ['image/png', 'image/jpeg', true],
    ['text/plain', 'application/pdf', true],
    ['application/pdf', 'text/plain', true],
    ['application/xml', 'application/pdf', true],
    ['application/pdf', 'application/xml', true],
    ['image/svg+xml', 'image/png', true],
    ['image/jp2', 'application/pdf', true],
    ['audio/mpeg', 'application/pdf', true],
    ['application/dicom', 'image/tiff', true],
    ['image/tiff', 'application/dicom', true],
    ['text/xml', 'application/xml', false],
    ['application/fhir+xml', 'application/xml', false],
    ['text/plain', 'application/xml', false],
    ['text/html', 'application/xhtml+xml', false],
    ['application/json', 'text/plain', false],
    ['text/plain;charset=utf-8', 'text/plain', false],
    ['application/octet-stream', 'application/pdf', false],
    ['application/pdf', undefined, false],
    ['text/plain', undefined, false],
    ['IMAGE/JPG', 'image/jpeg', false],
    ['image/x-scan', 'image/png', false],
    ['application/vnd.acme', 'application/zip', false],
    ['application/vnd.acme', 'text/plain', false],
    ['application/vnd.openxmlformats-officedocument.wordprocessingml.document', 'application/zip', false],
    ['application/msword', 'application/x-cfb', false],
    ['application/msword', 'application/pdf', true],
    ['audio/webm', 'video/webm', false],
  ];
  for (const [declared, found, contradiction] of rows)
    it(`of ${declared} ${contradiction ? 'contradicts' : 'fits'} ${found ?? 'what is unknown'}`, () =>
      assert.equal(contradicts(declared, found), contradiction));

  it('hides a type that is known when it says nothing', () => {
    assert.equal(hidesType('application/octet-stream', 'application/pdf'), true);
    assert.equal(hidesType('Application/Octet-Stream; a=b', 'image/png'), true);
    for (const found of [undefined, 'text/plain']) assert.equal(hidesType('application/octet-stream', found), false);
    assert.equal(hidesType('application/pdf', 'application/pdf'), false);
  });
});
