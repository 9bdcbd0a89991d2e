/** CDA documents as pages: what is shown of each example, and that nothing of an attacker's is. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'mocha';
import { SaxesParser } from 'saxes';
import { documentPage, READING_POOL } from '../../../src/features/documents/read/read-document.js';
import { safeAddress } from '../../../src/platform/html.js';
import { PAGE_POLICY } from '../../../src/interactions/response/shown-page.js';
import { isShowable, shownPage } from '../../../src/features/documents/render/pages.js';
import { FhirError } from '../../../src/fhir/error.js';
import { createPool } from '../../../src/platform/pool.js';
import { attackedDocument } from '../../support/attacked-documents.js';
import { DOCUMENTS, readCdaExamples, readPayloads } from '../../support/documents.js';
import { createRandom } from '../../support/random.js';
import { skipWithout } from '../../support/shared.js';
import { unsafeParts } from '../../support/strict-html.js';

const render = (text: string): string => shownPage(Buffer.from(text), 'application/xml')!;
const EXAMPLES = ['data', 'ccda-hl7-examples'] as const;
const isDocument = ({ text }: { text: string }) => /<ClinicalDocument[\s>]/.test(text);
/** Some are parts that leave the declarations of their prefixes away. */
const isWhole = ({ text }: { text: string }) => {
  let whole = true;
  const parser = new SaxesParser({ xmlns: true });
  parser.on('error', () => (whole = false));
  parser.write(text).close();
  return whole;
};
const examplesIn = (folder: string) => readCdaExamples(folder).filter(isDocument).filter(isWhole);

const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const section = (text: string, rest = '') =>
  `<component><section><title>Findings</title><text>${text}</text>${rest}</section></component>`;
const doc = (sections: string) =>
  `<ClinicalDocument xmlns="urn:hl7-org:v3"><title>A note</title><component><structuredBody>${sections}</structuredBody></component></ClinicalDocument>`;
/** Of the only section. */
const narrativeOf = (text: string, rest = ''): string => {
  const page = render(doc(section(text, rest)));
  assert.deepEqual(unsafeParts(page), []);
  return /<h2>Findings<\/h2>([\s\S]*)<\/section>/.exec(page)![1]!;
};

describe('a CDA document as a page', () => {
  it('is safe for each of the examples, and holds the words of their narratives', async function () {
    const examples = examplesIn(skipWithout(this, ...EXAMPLES));
    assert.ok(examples.length >= 24, `${examples.length} documents`);
    let words = 0;
    for (const { name, text } of examples) {
      const page = render(text);
      assert.deepEqual(unsafeParts(page), [], name);
      const plain = page.replaceAll(/<[^>]*>/g, ' ');
      const narratives = [...text.replaceAll(/<!--[\s\S]*?-->/g, '').matchAll(/<text>([\s\S]*?)<\/text>/g)];
      for (const [, cell] of narratives.flatMap(([, inner]) => [...inner!.matchAll(/<t[dh]>([\w ,.()]+)<\/t[dh]>/g)])) {
        words++;
        assert.ok(plain.includes(cell!), `${name}: ${cell}`);
      }
    }
    assert.ok(words > 500, `${words} cells`);
  });

  it('has the header as a table', async function () {
    const bytes = readFileSync(join(skipWithout(this, ...DOCUMENTS), 'ccda-ccd.xml'));
    const page = shownPage(bytes, 'application/xml')!;
    assert.match(page, /<html lang="en-US">.*<title>Patient Chart Summary<\/title>/s);
    for (const [label, value] of [
      ['Patient', 'Eve Betterhalf / Eve Everywoman'],
      ['Birth date', '1975-05-01'],
      ['Patient ids', '444222222'],
      ['Kind', 'Summary of episode note'],
      ['Created', '2013-08-15T10:30:00-08:00'],
      ['Kept by', 'Good Health HIE'],
      ['Document id', 'TT988'],
    ])
      assert.ok(page.includes(`<tr><th>${label}</th><td>${value}</td></tr>`), label);
    assert.ok((page.match(/<h2>/g) ?? []).length >= 10);
  });

  const rows: [what: string, narrative: string, html: string][] = [
    ['text', 'a &lt;b> &amp; c', 'a &lt;b&gt; &amp; c'],
    ['paragraphs and breaks', '<paragraph>a<br/>b</paragraph>', '<div class="paragraph">a<br/>b</div>'],
    [
      'styles that are known',
      '<content styleCode="Bold xLabel Italics">a</content>',
      '<span class="bold italics">a</span>',
    ],
    [
      'lists',
      '<list listType="ordered"><caption>c</caption><item>a</item></list>',
      '<ol><li><div class="caption">c</div></li><li>a</li></ol>',
    ],
    ['lists without an order', '<list> <item>a</item> <item>b</item> </list>', '<ul><li>a</li><li>b</li></ul>'],
    [
      'tables',
      '<table border="1"><caption>c</caption><colgroup><col width="9"/></colgroup><thead><tr><th>h</th></tr></thead><tbody><tr><td colspan="2" align="right">a</td></tr></tbody></table>',
      '<table><caption>c</caption><thead><tr><th>h</th></tr></thead><tbody><tr><td class="right" colspan="2">a</td></tr></tbody></table>',
    ],
    ['tables without groups', '<table><tr><td>a</td></tr></table>', '<table><tr><td>a</td></tr></table>'],
    [
      'text that a table has no place for',
      '<table>x<tbody>y<tr>z<td>a</td></tr></tbody></table>',
      '<table><tbody><tr><td>x</td></tr></tbody><tbody><tr><td>y</td></tr><tr><td>z</td><td>a</td></tr></tbody></table>',
    ],
    ['cells that stand outside a table', '<td>a</td><item>b</item>', 'ab'],
    ['small letters', 'H<sub>2</sub>O m<sup>2</sup>', 'H<sub>2</sub>O m<sup>2</sup>'],
    [
      'links to pages',
      '<linkHtml href="https://example.org/a?b=1&amp;c=2">a</linkHtml>',
      '<a rel="noopener noreferrer" href="https://example.org/a?b=1&amp;c=2">a</a>',
    ],
    [
      'links to mailboxes',
      '<linkHtml href="mailto:a@example.org">a</linkHtml>',
      '<a rel="noopener noreferrer" href="mailto:a@example.org">a</a>',
    ],
    ['links to files beside it', '<linkHtml href="advance.pdf">a</linkHtml>', 'a'],
    [
      'links within it',
      '<linkHtml href="#p1">a</linkHtml><content ID="p1">b</content>',
      '<a href="#n1">a</a><span id="n1">b</span>',
    ],
    [
      'links within links',
      '<linkHtml href="#p1">a<linkHtml href="https://example.org">b</linkHtml></linkHtml>',
      '<a href="#n1">ab</a>',
    ],
    [
      'footnotes',
      '<footnote ID="f">a</footnote><footnoteRef IDREF="f"/>',
      '<small id="n1">a</small><a href="#n1">*</a>',
    ],
    ['unknown elements', '<blink>a<content>b</content></blink>', 'a<span>b</span>'],
    ['elements of others', 'a<x xmlns="http://www.w3.org/1999/xhtml">b</x>', 'a'],
    ['links to scripts', '<linkHtml href="javascript:alert(1)">a</linkHtml>', 'a'],
  ];
  for (const [what, narrative, html] of rows) it(`shows ${what}`, () => assert.equal(narrativeOf(narrative), html));

  const media = (value: string, id = 'M') => `<entry><observationMedia ID="${id}">${value}</observationMedia></entry>`;
  const png = `<value mediaType="image/png" representation="B64">${PNG}</value>`;
  const show = '<renderMultiMedia referencedObject="M"/>';

  it('shows the images that it brings along, each once', () => {
    const img = `<img alt="" src="data:image/png;base64,${PNG}"/>`;
    assert.equal(narrativeOf(show, media(png)), img);
    assert.equal(narrativeOf(show + show, media(png)), `${img}<em>[image]</em>`);
    const region = `<entry><regionOfInterest ID="M"><entryRelationship><observationMedia ID="X">${png}</observationMedia></entryRelationship></regionOfInterest></entry>`;
    assert.equal(narrativeOf(show, region), img);
    assert.equal(
      narrativeOf('<renderMultiMedia referencedObject="M"><caption>c</caption></renderMultiMedia>', media(png)),
      `${img}<div class="caption">c</div>`,
    );
  });

  it('shows no image that is elsewhere, too large, or not what it says', () => {
    const large = Buffer.concat([Buffer.from(PNG, 'base64'), Buffer.alloc(1024 * 1024)]).toString('base64');
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>').toString('base64');
    for (const value of [
      '<value mediaType="image/png"><reference value="https://example.org/a.png"/></value>',
      `<value mediaType="image/png" representation="B64">${large}</value>`,
      `<value mediaType="image/png" representation="B64">${svg}</value>`,
      `<value mediaType="image/png" representation="B64">${PNG}&lt;</value>`,
      `<value mediaType="image/png">${PNG}</value>`,
    ])
      assert.equal(narrativeOf(show, media(value)), '<em>[image]</em>', value.slice(0, 80));
  });

  it('shows sections within sections', () => {
    const page = render(
      doc(
        `<component><section><title>A</title><component><section><title>B</title><text>b</text></section></component></section></component>`,
      ),
    );
    assert.match(page, /<section><h2>A<\/h2><section><h3>B<\/h3>b<\/section><\/section>/);
  });

  it('of text, of an image, and of what is neither', async function () {
    const folder = skipWithout(this, ...DOCUMENTS);
    for (const { file, bytes, contentType } of readPayloads(folder)) {
      const page = shownPage(bytes, contentType);
      assert.equal(page !== undefined, isShowable(contentType), file);
      assert.equal(isShowable(contentType), /^(?:application\/xml|image\/(?:png|jpeg))$/.test(contentType), file);
      if (page !== undefined) assert.deepEqual(unsafeParts(page), [], file);
    }
    for (const bytes of [Buffer.from('a <script>\n'), Buffer.from('\uFEFFÄ <script>\n', 'utf16le')]) {
      const page = shownPage(bytes, 'text/plain')!;
      assert.deepEqual(unsafeParts(page), []);
      assert.match(page, /<pre>(?:a|Ä) &lt;script&gt;\n<\/pre>/);
    }
    assert.match(shownPage(Buffer.from('a'), 'text/plain')!, /<pre>a<\/pre>/);
  });

  it('is under a policy that lets its style sheet apply and nothing else', () => {
    const style = /<style>([\s\S]*?)<\/style>/.exec(shownPage(Buffer.from('a'), 'text/plain')!)![1]!;
    const hash = createHash('sha256').update(style).digest('base64');
    assert.equal(
      PAGE_POLICY,
      `default-src 'none'; style-src 'sha256-${hash}'; img-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'self'; sandbox`,
    );
  });

  it('links to pages and mailboxes alone', () => {
    for (const good of ['http://a.example/', 'https://a.example/', 'mailto:a@b.example'])
      assert.equal(safeAddress(good), good);
    for (const bad of [
      'javascript:alert(1)',
      'JAVASCRIPT:alert(1)',
      ' java\nscript:alert(1)',
      'data:text/html,a',
      'file:///a',
      'ftp://a/',
      'blob:https://a/b',
      '//a.example/',
      'a.html',
      '',
      `https://a.example/${'a'.repeat(2000)}`,
    ])
      assert.equal(safeAddress(bad), undefined, bad);
  });
});

describe('the body of a document that is not XML', () => {
  it('is named with its type and size where a page cannot show it', function () {
    const folder = skipWithout(this, ...DOCUMENTS);
    const page = render(readFileSync(join(folder, 'ccda-unstructured-embedded-pdf.xml'), 'utf8'));
    const { size } = statSync(join(folder, 'ccda-unstructured-sample.pdf'));
    assert.ok(page.includes(`a file of type application/pdf, ${size} bytes`));
    const structured = render(readFileSync(join(folder, 'ccda-ccd.xml'), 'utf8'));
    assert.ok(!structured.includes('a file of type') && !structured.includes('kept elsewhere'));
  });

  const body = (text: string) =>
    `<ClinicalDocument xmlns="urn:hl7-org:v3"><component><nonXMLBody>${text}</nonXMLBody></component></ClinicalDocument>`;

  it('is shown where it is text or an image, and named where it is not', () => {
    const shown = (text: string) => {
      const page = render(body(text));
      assert.deepEqual(unsafeParts(page), []);
      return page;
    };
    assert.match(shown('<text mediaType="text/plain">a &lt;b></text>'), /<pre>a &lt;b&gt;<\/pre>/);
    assert.match(
      shown('<text mediaType="text/plain" representation="B64">YSAm\n IGI=</text>'),
      /<pre>a &amp; b<\/pre>/,
    );
    assert.ok(shown(`<text mediaType="image/png" representation="B64">${PNG}</text>`).includes(`base64,${PNG}"/>`));
    assert.match(
      shown('<text mediaType="application/pdf&quot;&gt;&lt;script&gt;" representation="B64">YQ==</text>'),
      /a file of type application\/pdf&quot;&gt;&lt;script&gt;, 1 bytes/,
    );
    assert.match(
      shown('<text mediaType="text/html" representation="B64">PHNjcmlwdD4=</text>'),
      /a file of type text\/html/,
    );
    assert.match(shown('<text mediaType="application/pdf"><reference value="a.pdf"/></text>'), /kept elsewhere/);
  });
});

describe('hostile documents as pages', () => {
  const pool = createPool<never, never>({ ...READING_POOL, threads: 1, time: 120_000 }) as unknown as NonNullable<
    Parameters<typeof documentPage>[2]
  >;
  after(() => pool.close());

  it('hold no script, handler or address of an attacker, in 200 documents with planted attacks', async function () {
    const documents = examplesIn(skipWithout(this, ...EXAMPLES)).map(({ text }) => text);
    const random = createRandom(16);
    let attacks = 0;
    for (let n = 0; n < 200; n++) {
      const attacked = attackedDocument(random, documents);
      const page = render(attacked);
      assert.deepEqual(unsafeParts(page), [], `document ${n}`);
      if (page.includes('RUN')) attacks++;
      for (const [, address] of page.matchAll(/(?:href|src)="([^"]*)"/g))
        assert.ok(!address!.includes('evil'), address);
    }
    // As text, where nothing runs.
    assert.ok(attacks > 100, `${attacks} are seen`);
  });

  it('are no page where they cannot be read, and the next one is', async () => {
    const nested = `<ClinicalDocument xmlns="urn:hl7-org:v3">${'<component>'.repeat(10_000)}`;
    const laughs =
      '<!DOCTYPE a [<!ENTITY a "b">]><ClinicalDocument xmlns="urn:hl7-org:v3"><title>&a;</title></ClinicalDocument>';
    for (const [bytes, type] of [
      [nested, 'application/xml'],
      [laughs, 'application/xml'],
      ['<Patient xmlns="http://hl7.org/fhir"/>', 'application/xml'],
      ['no image', 'image/png'],
      ['%PDF-', 'application/pdf'],
    ] as const)
      assert.equal(await documentPage(Buffer.from(bytes), type, pool), undefined, type);
    assert.match(String(await documentPage(Buffer.from(doc(section('a'))), 'application/xml', pool)), /<h2>Findings/);
  });

  it('keep only so many waiting: the next one is told to come again', async () => {
    const module = new URL('../../support/reading-worker.js', import.meta.url);
    const busy = createPool<never, never>({ ...READING_POOL, module, threads: 1, time: 120_000 });
    const ask = () => documentPage(Buffer.from('a'), 'image/tiff', busy);
    const asked = Array.from({ length: 16 }, ask);
    await assert.rejects(ask(), (error: unknown) => error instanceof FhirError && error.kind === 'throttled');
    await busy.close();
    assert.deepEqual(new Set(await Promise.all(asked)), new Set([undefined]));
    assert.match(String(await documentPage(Buffer.from('a'), 'text/plain', pool)), /<pre>a/);
  });

  it('do not grow by what they repeat', () => {
    const many = narrativeOf('<content>a</content>'.repeat(2000));
    assert.equal(many.length, 2000 * '<span>a</span>'.length);
    const show = '<renderMultiMedia referencedObject="M"/>'.repeat(1000);
    const entry = `<entry><observationMedia ID="M"><value mediaType="image/png" representation="B64">${PNG}</value></observationMedia></entry>`;
    assert.equal(narrativeOf(show, entry).split('<img').length, 2);
  });
});
