/** Streams of a PDF without their filters: ISO 32000-2 §7.4; pages that are filtered so come alone, and look as before. */
import assert from 'node:assert/strict';
import { deflateSync } from 'node:zlib';
import { describe, it } from 'mocha';
import { unfilteredPdf } from '../../../../src/fhir/content/pdf-filters.js';
import { parsePdf } from '../../../../src/fhir/content/pdf-parse.js';
import { pdfDictionary, pdfName, type PdfValue } from '../../../../src/fhir/content/pdf-values.js';

const MOST = 1_000_000;
const empty = parsePdf(
  Buffer.from('%PDF-1.7\nxref\n0 1\n0000000000 65535 f \ntrailer << /Size 1 >>\nstartxref\n9\n%%EOF\n'),
);

function plain(
  filters: string | readonly string[],
  data: Uint8Array | string,
  parameters?: Readonly<Record<string, number>>,
  most = MOST,
): string {
  const filter: PdfValue = typeof filters === 'string' ? pdfName(filters) : filters.map(pdfName);
  const DecodeParms = parameters ? pdfDictionary(parameters) : undefined;
  const dictionary = pdfDictionary({ Filter: filter, DecodeParms });
  return Buffer.from(
    unfilteredPdf({ dictionary, data: Buffer.from(data) }, value => empty.resolve(value), most),
  ).toString('latin1');
}

/** Codes of as many bits as the table asks for, each text with the next byte a new one. */
function lzw(text: string, early: 0 | 1): Buffer {
  const codes = new Map(Array.from({ length: 256 }, (_, byte) => [String.fromCodePoint(byte), byte]));
  let [bits, next, known] = ['', 258, ''];
  const put = (code: number): void => {
    const width = next + early <= 512 ? 9 : next + early <= 1024 ? 10 : next + early <= 2048 ? 11 : 12;
    bits += code.toString(2).padStart(width, '0');
  };
  put(256);
  for (const char of text) {
    if (codes.has(known + char)) known += char;
    else {
      put(codes.get(known)!);
      codes.set(known + char, next++);
      known = char;
    }
  }
  put(codes.get(known)!);
  next++;
  put(257);
  return Buffer.from(bits.match(/.{1,8}/g)!.map(each => Number.parseInt(each.padEnd(8, '0'), 2)));
}

const LONG = Array.from({ length: 900 }, (_, at) => `${at} ${at * 7} m `).join('');

describe('a stream of a PDF', () => {
  it('is read from hexadecimal digits, whatever white space there is (§7.4.2)', () => {
    assert.equal(plain('ASCIIHexDecode', '71 20\n51>zz'), 'q Q');
    assert.equal(plain('AHx', '717>'), 'qp');
    assert.throws(() => plain('ASCIIHexDecode', '7g>'), RangeError);
  });

  it('is read from base 85 (§7.4.3)', () => {
    assert.equal(plain('ASCII85Decode', '<~9jqo^BlbD-BleB1DJ+*+F(f,q~>'), 'Man is distinguished');
    assert.equal(plain('A85', '9jqo\n^z9jn~>'), 'Man \0\0\0\0Ma');
    for (const none of ['vvvv~>', 'uuuuu~>', '9~>']) assert.throws(() => plain('A85', none), RangeError);
  });

  it('is read from runs (§7.4.5)', () => {
    assert.equal(plain('RunLengthDecode', Buffer.of(2, 97, 98, 99, 254, 100, 128, 1)), 'abcddd');
  });

  it('is read from LZW codes, with the example of the standard, and with tables that fill up (§7.4.4)', () => {
    const example = Buffer.from('800B6050220C0C8501', 'hex');
    assert.equal(plain('LZWDecode', example), '-----A---B');
    assert.equal(plain('LZWDecode', lzw(LONG, 1)), LONG);
    assert.equal(plain('LZW', lzw(LONG, 0), { EarlyChange: 0 }), LONG);
    assert.throws(() => plain('LZWDecode', Buffer.from('8067ff', 'hex')), RangeError);
  });

  it('is read from what was predicted, by rows of PNG and of TIFF (§7.4.4.4)', () => {
    const rows = Buffer.of(0, 1, 2, 3, 1, 1, 1, 1, 2, 1, 1, 1, 3, 1, 1, 1, 4, 1, 1, 1);
    // None, left, up, the mean of both, and Paeth's: by hand.
    const made = [1, 2, 3, 1, 2, 3, 2, 3, 4, 2, 3, 4, 3, 4, 5];
    const given = { Predictor: 15, Columns: 3 };
    assert.deepEqual([...Buffer.from(plain('FlateDecode', deflateSync(rows), given), 'latin1')], made);
    const tiff = deflateSync(Buffer.of(1, 2, 1, 1, 5, 5, 1, 1));
    assert.deepEqual(
      [...Buffer.from(plain('Fl', tiff, { Predictor: 2, Colors: 2, Columns: 2 }), 'latin1')],
      [1, 2, 2, 3, 5, 5, 6, 6],
    );
    assert.throws(() => plain('Fl', deflateSync(Buffer.of(9, 1, 2, 3)), given), RangeError);
    assert.throws(() => plain('Fl', tiff, { Predictor: 2, BitsPerComponent: 1, Columns: 9 }), RangeError);
  });

  it('is read through several filters in their order', () => {
    const hex = `${deflateSync('q 1 0 0 1 0 0 cm Q').toString('hex')}>`;
    assert.equal(plain(['ASCIIHexDecode', 'FlateDecode'], hex), 'q 1 0 0 1 0 0 cm Q');
    assert.equal(plain([], 'as it is'), 'as it is');
  });

  it('is no longer than what is read of one, whatever its filter, and has no filter of pictures', () => {
    const bombs: Readonly<Record<string, Buffer>> = {
      FlateDecode: deflateSync(Buffer.alloc(5000)),
      LZWDecode: lzw('\0'.repeat(5000), 1),
      RunLengthDecode: Buffer.alloc(200, 129),
      ASCII85Decode: Buffer.from('z'.repeat(2000)),
      ASCIIHexDecode: Buffer.from('00'.repeat(2000)),
    };
    for (const [filter, bomb] of Object.entries(bombs)) {
      assert.throws(() => plain(filter, bomb, undefined, 1000), RangeError, filter);
      assert.ok(plain(filter, bomb).length >= 2000, filter);
    }
    for (const filter of ['JPXDecode', 'DCTDecode', 'Crypt', 'constructor'])
      assert.throws(() => plain(filter, ''), RangeError, filter);
    assert.throws(() => plain('Fl', deflateSync('a'), { Predictor: -1 }), RangeError);
  });
});
