/** What files are printed as: texts of several kinds, pictures, and PDFs with annotations and layers. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { htmlAsText } from '../../../src/features/release/package/read/html-text.js';
import { fileKind } from '../../../src/features/release/package/read/file-kind.js';
import { drawnPage, openPdf } from '../../../src/fhir/content/pdfium.js';
import { rtfText } from '../../../src/features/release/package/read/rtf.js';
import { pdfOf, plainPdf } from '../../support/hostile-pdfs.js';
import { pageTexts, skipWithoutProgram } from '../../support/pdf-tools.js';
import { itemOf, markedItem, orderOf, packageOf } from '../../support/release-order.js';
import { aGreyJpeg, aPng, aTiff } from '../../support/scans.js';

const rtfRead = (text: string) => rtfText(Buffer.from(text, 'latin1'));
const rtf = (text: string): string => rtfRead(text).text;

describe('RTF', () => {
  it('is its text, without what it looks like', () => {
    const source =
      '{\\rtf1\\ansi\\ansicpg1252{\\fonttbl{\\f0 Arial;}}{\\colortbl;\\red0;}{\\*\\generator Word;}{\\info{\\author Nobody}}' +
      "\\pard\\b Diagn\\'f3stico:\\b0\\par \\u1055?\\u1077?\\tab 5\\'b5g {\\v hidden}\\{x\\}\\line end}";
    assert.equal(rtf(source), 'Diagnóstico:\nПе\t5µg {x}\nend');
  });

  it('has the characters of its code page', () => {
    assert.equal(rtf("{\\rtf1\\ansicpg1251 \\'cf\\'e5}"), 'Пе');
    assert.equal(rtf("{\\rtf1\\ansicpg932 \\'93\\'fa}"), '日');
    assert.equal(rtf('{\\rtf1\\uc2\\u26085ab\\uc0\\u26412 x}'), '日本x');
  });

  it('passes over bytes that are no text, and survives what is none', () => {
    assert.equal(rtf('{\\rtf1 a{\\pict\\bin3 }}}}b}'), 'ab');
    assert.equal(rtf('{\\rtf1 }}}}\\'), '');
  });

  it('shows again what is no longer hidden, and has the characters of its fonts', () => {
    assert.equal(rtf('{\\rtf1 a\\v b\\v0 c{\\v d\\plain e}}'), 'ace');
    const fonts = '{\\fonttbl{\\f0\\fcharset0 A;}{\\f1\\fcharset204 B;}}';
    assert.equal(rtf(`{\\rtf1\\ansicpg1252\\deff1${fonts}\\'cf{\\f0 \\'e9}\\'e5}`), 'Пéе');
  });

  it('has the texts of shapes, and says that it is not all', () => {
    const read = rtfRead('{\\rtf1 a{\\shp{\\*\\shpinst{\\sp{\\sn x}}{\\shptxt  b}}}}');
    assert.match(read.text, /^a.*b$/);
    assert.equal(read.complete, false);
    assert.equal(rtfRead('{\\rtf1 a}').complete, true);
    assert.equal(rtfRead('{\\rtf1{\\fonttbl{\\f3\\fcharset2 S;}}\\f3 a}').complete, false);
  });
});

describe('HTML', () => {
  it('is what a reader would see', () => {
    const { text, pictures } = htmlAsText(
      '<!DOCTYPE html><html><head><title>no</title><style>p{}</style></head><body onload="x()"><h1>Note</h1><p>a  b<br>c &lt;d&gt; &eacute; &#x3b1; &amp;unknown;</p>' +
        '<script>if (a < b) document.write("<p>no</p>")</script><!-- <p>no</p> --><ul><li>one<li>two</ul><table><tr><td>x</td><td>y</td></tr></table><img src="//evil"/><p title="a>b">end</body>',
    );
    assert.equal(text, 'Note\na b\nc <d> é α &unknown;\n• one\n• two\nx y\nend');
    assert.equal(pictures, 1);
  });

  it('needs no end of its head, and keeps words of its own', () => {
    const { text, complete } = htmlAsText('<html><head><title>no</title><body><p>&constructor; a</p>');
    assert.deepEqual({ text, complete }, { text: '&constructor; a', complete: true });
  });

  it('is not all of the file where something is never closed or hidden, or is a choice', () => {
    const sources = [
      '<p>a<svg><p>b',
      '<p hidden>b</p>a',
      '<p style="display: none">b</p>a',
      '<style>.x{display:none}</style>a',
    ];
    for (const source of sources) {
      const read = htmlAsText(source);
      assert.ok(!read.complete && read.text.includes('a'), source);
    }
    const { text, pictures } = htmlAsText('<select><option>a<option>b<p>c');
    assert.deepEqual({ text, pictures }, { text: 'a\nb\nc', pictures: 1 });
    assert.equal(htmlAsText('<svg><svg></svg>x</svg><p>a').text, 'a');
  });

  it('keeps lines that are laid out', () => assert.equal(htmlAsText('<pre>a  b\n  c</pre>d').text, 'a  b\n  c\nd'));
});

describe('a file', () => {
  const kinds: readonly (readonly [bytes: string, said: string, kind: string | undefined])[] = [
    ['%PDF-1.4', 'image/png', 'pdf'],
    ['junk before\n%PDF-1.4', 'application/pdf', 'pdf'],
    ['\xff\xd8\xff\xe0', 'application/octet-stream', 'jpeg'],
    ['II*\0', 'image/tiff', 'tiff'],
    ['{\\rtf1 x}', 'application/msword', 'rtf'],
    ['<html>', 'text/plain', 'html'],
    ['<?xml version="1.0"?><ClinicalDocument/>', 'text/xml', 'structured'],
    ['{"resourceType":"Bundle"}', 'application/fhir+json', 'structured'],
    ['MSH|^~\\&|', 'x-application/hl7-v2+er7', 'text'],
    ['words', 'text/plain; charset=utf-8', 'text'],
    ['words', 'application/octet-stream', undefined],
    [`${'\0'.repeat(128)}DICM`, 'application/dicom', undefined],
    ['GIF89a', 'image/gif', undefined],
    ['\0\x01\x02', 'text/plain', undefined],
  ];
  for (const [bytes, said, kind] of kinds)
    it(`is printed as ${kind ?? 'nothing'}: ${JSON.stringify(bytes.slice(0, 12))} (${said})`, () =>
      assert.equal(fileKind(Buffer.from(bytes, 'latin1'), said), kind));
});

/** What pages of items show, by item. */
async function shownTexts(test: Mocha.Context, items: Parameters<typeof orderOf>[0]): Promise<readonly string[]> {
  skipWithoutProgram(test, 'pdftotext');
  const { bytes, manifest } = await packageOf(orderOf(items));
  const texts = pageTexts(bytes);
  return manifest.items.map(({ firstPage = 0, pages = 0 }) =>
    texts.slice(firstPage - 1, firstPage - 1 + pages).join(''),
  );
}

describe('texts', () => {
  it('are read in the encoding that they have', async function () {
    const texts = ['Größe αβ', 'Größe αβ', 'Größe'];
    const files = [
      Buffer.from(texts[0]!),
      Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(texts[1]!, 'utf16le')]),
      Buffer.from(texts[2]!, 'latin1'),
    ];
    const shown = await shownTexts(
      this,
      files.map((bytes, n) => itemOf(`Note ${n}`, 'text/plain', bytes)),
    );
    for (const [n, text] of texts.entries()) assert.ok(shown[n]!.includes(text), shown[n]);
  });

  it('go over pages, begin one at a form feed, and lose nothing', async function () {
    const words = Array.from({ length: 300 }, (_, n) => `word${n}`);
    const long = 'x'.repeat(700);
    const [shown = ''] = await shownTexts(this, [
      itemOf('Note', 'text/plain', Buffer.from(`${words.join('\n')}\f${long}`)),
    ]);
    for (const word of words) assert.ok(shown.includes(word), `${word}: ${shown.slice(0, 300)}`);
    assert.equal(shown.replaceAll(/[^x]/g, '').length, 700);
  });

  it('of sections are what the server shows of them, with the file beside what has pictures', async function () {
    const shown = { contentType: 'text/html', bytes: Buffer.from('<p>Shown words</p><img src="x">') };
    const item = itemOf('CCD', 'text/xml', Buffer.from('<?xml version="1.0"?><x/>'), { shown: async () => shown });
    const [text] = await shownTexts(this, [item]);
    assert.match(text!, /Shown words/);
    const { manifest } = await packageOf(orderOf([item]));
    assert.deepEqual([manifest.items[0]!.state, manifest.items[0]!.reason], ['merged', 'partly-printable']);
    assert.equal(manifest.items[0]!.file, '001-CCD.xml');
  });

  it('of sections that hold a file are its pages, also where a part is withheld', async function () {
    const more = { shown: async () => ({ contentType: 'application/pdf', bytes: plainPdf('Held words') }) };
    const xml = Buffer.from('<?xml version="1.0"?><x/>');
    const closed = await markedItem(itemOf('B', 'text/xml', xml, more), [
      { page: 1, areas: [{ x: 0, y: 0, width: 1, height: 0.2 }] },
    ]);
    const texts = await shownTexts(this, [itemOf('A', 'text/xml', xml, more), closed]);
    assert.match(texts[0]!, /Held words/);
    assert.doesNotMatch(texts[1]!, /Held words/);
  });
});

describe('characters that no font has', () => {
  it('are said to be missing, and can be copied', async function () {
    const thai = 'ผู้ป่วย';
    const items = [itemOf('A', 'text/plain', Buffer.from(`a ${thai} z`)), itemOf('B', 'text/plain', Buffer.from('a'))];
    const { bytes, manifest } = await packageOf(orderOf(items));
    assert.deepEqual(
      manifest.items.map(({ reason }) => reason),
      ['partly-printable', undefined],
    );
    assert.equal(manifest.missingGlyphs, undefined);
    const named = await packageOf(orderOf(items.slice(1), { patient: [thai] }));
    assert.equal(named.manifest.missingGlyphs, true);
    skipWithoutProgram(this, 'pdftotext');
    assert.ok(pageTexts(bytes)[manifest.items[0]!.firstPage! - 1]!.includes(thai));
  });
});

describe('a PDF', () => {
  const page = (members: string): string =>
    `<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R ${members}>>`;
  const draws = (text: string, members = ''): string =>
    `<</Length ${text.length}${members}>>\nstream\n${text}\nendstream`;
  const CATALOG = '<</Type/Catalog/Pages 2 0 R>>';
  const PAGES = '<</Type/Pages/Count 1/Kids[3 0 R]>>';

  it('keeps glyphs and resources whatever they are called', async () => {
    const pdf = pdfOf([
      ...[CATALOG, PAGES, page('/Resources<</Font<</AA 5 0 R>>/XObject<</AF 7 0 R>>>>')],
      draws('BT /AA 100 Tf 100 500 Td (A) Tj ET /AF Do'),
      '<</Type/Font/Subtype/Type3/FontBBox[0 0 1 1]/FontMatrix[1 0 0 1 0 0]/FirstChar 65/LastChar 65/Widths[1]/Resources<<>>' +
        '/Encoding<</Type/Encoding/Differences[65/A]>>/CharProcs<</A 6 0 R>>>>',
      draws('1 0 0 0 1 1 d1 0 0 1 1 re f'),
      draws('300 100 100 100 re f', '/Type/XObject/Subtype/Form/BBox[0 0 612 792]/AF 4 0 R'),
    ]);
    const { bytes, manifest } = await packageOf(orderOf([itemOf('A', 'application/pdf', pdf)]));
    const open = await openPdf(bytes);
    assert.ok(typeof open !== 'string');
    const { rgb } = drawnPage(open, manifest.items[0]!.firstPage! - 1, 72, 1_000_000);
    open.close();
    const black = rgb.reduce((count, value) => count + (value < 60 ? 1 : 0), 0) / 3;
    assert.ok(black > 19_000 && black < 23_000, `${black}`);
  });

  it('is attached as well where print shows less than a screen', async () => {
    const outcome = async (annotation: string): Promise<string | undefined> => {
      const pdf = pdfOf([CATALOG, PAGES, page('/Annots[5 0 R]'), draws(''), annotation]);
      return (await packageOf(orderOf([itemOf('A', 'application/pdf', pdf)]))).manifest.items[0]!.reason;
    };
    const note = '<</Type/Annot/Subtype/Text/Rect[9 9 99 99]/Contents(Note)/F';
    const field = '<</Type/Annot/Subtype/Widget/FT/Tx/T(a)/Rect[9 9 99 99]/F 4';
    assert.equal(await outcome(`${note} 0>>`), 'partly-printable');
    assert.equal(await outcome(`${note} 2>>`), undefined);
    assert.equal(await outcome(`${field}/V(Words)>>`), 'partly-printable');
    assert.equal(await outcome(`${field}>>`), undefined);
  });
});

describe('pictures', () => {
  it('of JPEG are nothing but what is decoded', async () => {
    const jpeg = aGreyJpeg();
    const comment = (text: string): Buffer =>
      Buffer.concat([Buffer.from([0xff, 0xfe, 0, text.length + 2]), Buffer.from(text)]);
    const told = Buffer.concat([
      ...[jpeg.subarray(0, 2), comment('Topsecret'), jpeg.subarray(2, -2), comment('Topsecret')],
      ...[jpeg.subarray(-2), Buffer.from('Topsecret'), jpeg],
    ]);
    const { bytes, manifest } = await packageOf(orderOf([itemOf('A', 'image/jpeg', told)]));
    assert.deepEqual([manifest.items[0]!.state, manifest.items[0]!.reason], ['merged', undefined]);
    assert.ok(!bytes.includes('Topsecret') && bytes.includes(jpeg));
    const cut = await packageOf(orderOf([itemOf('A', 'image/jpeg', jpeg.subarray(0, -2))]));
    assert.equal(cut.manifest.items[0]!.reason, 'damaged');
  });

  it('are seen as they are: rows of a PNG, and strips that are not packed', async () => {
    const png = aPng(100, 100, (x, y) => x < 50 && y < 50);
    const bits = Buffer.alloc((800 / 8) * 1000);
    // The upper half is black: 1 of a picture in which white is 0.
    bits.fill(0xff, 0, bits.length / 2);
    const tiff = aTiff([{ compression: 1, strip: bits }]);
    const { bytes, manifest } = await packageOf(
      orderOf([itemOf('P', 'image/png', png), itemOf('T', 'image/tiff', tiff)]),
    );
    const open = await openPdf(bytes);
    assert.ok(typeof open !== 'string');
    const dark = manifest.items.map(({ firstPage }) => {
      const { rgb, width, height } = drawnPage(open, firstPage! - 1, 72, 1_000_000);
      const rows = Array.from({ length: height }, (_, y) => rgb.subarray(3 * y * width, 3 * (y + 1) * width));
      const count = (some: readonly Uint8Array[]) =>
        some.flatMap(row => [...row]).filter(value => value < 60).length / 3;
      return { upper: count(rows.slice(0, height / 2)), all: count(rows) };
    });
    open.close();
    // 100 pixels of 96 an inch are 75 points: a quarter of them is 37.5 × 37.5.
    assert.ok(Math.abs(dark[0]!.all - 37.5 ** 2) < 250, JSON.stringify(dark));
    assert.ok(dark[1]!.upper > 100_000 && dark[1]!.all - dark[1]!.upper < 5000, JSON.stringify(dark));
  });

  it('that are cut off or of another form go in as files', async () => {
    const files = [
      itemOf('A', 'image/png', aPng(50, 50).subarray(0, 60)),
      itemOf('B', 'image/jpeg', Buffer.from('ffd8ffe00010', 'hex')),
      itemOf('C', 'image/tiff', aTiff([{ compression: 6, strip: Buffer.alloc(10) }])),
      itemOf('D', 'image/tiff', Buffer.from('II*\0\xff\xff\xff\x7f', 'latin1')),
    ];
    const { manifest } = await packageOf(orderOf(files));
    for (const { state, reason, title } of manifest.items)
      assert.deepEqual([state, reason], ['attached', 'damaged'], title);
  });
});
