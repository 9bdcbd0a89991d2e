/** Packages of what people file: every payload of the reference data, names of all scripts, forms and passphrases. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import type { Bundle, FhirResource } from 'fhir/r4.js';
import jsqr from 'jsqr';
import { before, describe, it } from 'mocha';
import type { Resource } from '../../../src/fhir/resource.js';
import { validateStructure } from '../../../src/validation/gate/structure.js';
import { definitions } from '../../support/structure-rows.js';
import { drawnPage, openPdf } from '../../../src/fhir/content/pdfium.js';
import type { ItemOutcome } from '../../../src/features/release/package/order.js';
import { DOCUMENTS, type Payload, readPayloads } from '../../support/documents.js';
import { plainPdf } from '../../support/hostile-pdfs.js';
import { pageTexts, skipWithoutProgram, toolOutput } from '../../support/pdf-tools.js';
import { itemOf, type MadePackage, markedItem, orderOf, packageOf } from '../../support/release-order.js';
import { skipWithout } from '../../support/shared.js';
import { readZip } from '../../support/zip-reader.js';

const PART_2 = '42 CFR part 2 prohibits unauthorized use or disclosure of these records.';
/** What goes in as it is, and why. */
const ATTACHED: Readonly<Record<string, string>> = {
  'ccda-ccd.xml': 'not-printable',
  'ccda-unstructured-embedded-pdf.xml': 'not-printable',
  'pdf-encrypted.pdf': 'encrypted',
  'dicom-ct.dcm': 'not-printable',
  'dicom-mr.dcm': 'not-printable',
  'dicom-ecg-waveform.dcm': 'not-printable',
  'dicom-us-rgb.dcm': 'not-printable',
};
/** Of files with more than one page. */
const PAGES: Readonly<Record<string, number>> = {
  'ccda-unstructured-sample.pdf': 3,
  'ccda-mcbee.pdf': 7,
  'lab-report-164947.pdf': 3,
  'uscore-polst.pdf': 3,
  'pdf-4-pages.pdf': 4,
  'scan-g4-multipage.tiff': 3,
  'multipage.tiff': 3,
};

describe('a package of every payload', () => {
  let payloads: readonly Payload[];
  let made: MadePackage;
  const outcomeOf = (file: string): ItemOutcome => made.manifest.items.find(({ title }) => title === file)!;

  before(async function () {
    payloads = readPayloads(skipWithout(this, ...DOCUMENTS));
    const items = payloads.map(({ file, contentType, bytes }, n) =>
      itemOf(file, contentType, bytes, n % 7 === 0 ? { notices: [PART_2] } : {}),
    );
    made = await packageOf(orderOf(items, { notices: [PART_2] }));
  });

  it('has the pages of each that can be printed, and says of the others why not', () => {
    for (const { file } of payloads) {
      const { state, reason, pages } = outcomeOf(file);
      const expected = ATTACHED[file];
      if (expected === undefined)
        assert.deepEqual([state, reason, pages], ['merged', undefined, PAGES[file] ?? 1], file);
      else assert.deepEqual([state, reason, pages], ['attached', expected, undefined], file);
    }
    assert.equal(made.manifest.items.length, payloads.length);
  });

  it('counts its pages without a gap', () => {
    let next = made.manifest.items[0]!.firstPage!;
    for (const { firstPage, pages, title } of made.manifest.items) {
      if (firstPage === undefined) continue;
      assert.equal(firstPage, next, title);
      next += pages!;
    }
    assert.equal(next - 1, made.manifest.pages);
  });

  it('says its own hash and size, and those of its items', () => {
    assert.equal(made.manifest.sha256, createHash('sha256').update(made.bytes).digest('hex'));
    assert.equal(made.manifest.size, made.bytes.length);
    for (const { file, bytes } of payloads)
      assert.equal(outcomeOf(file).sha256, createHash('sha256').update(bytes).digest('hex'), file);
  });

  it('is without a fault for qpdf', function () {
    skipWithoutProgram(this, 'qpdf');
    assert.match(toolOutput('qpdf', made.bytes, ['--check']), /No syntax or stream encoding errors/);
  });

  it('has the number of each page below it, the notices of its item, and an index that leads to it', function () {
    skipWithoutProgram(this, 'pdftotext');
    const texts = pageTexts(made.bytes);
    const { pages = 0, items } = made.manifest;
    assert.equal(texts.length, pages);
    for (const [n, text] of texts.entries()) assert.match(text, new RegExp(`\\b${n + 1} of ${pages}\\b`));
    for (const [at, { firstPage, title }] of items.entries()) {
      if (firstPage === undefined) continue;
      assert.equal(texts[firstPage - 1]!.includes(PART_2), at % 7 === 0, title);
    }
    const index = pageTexts(made.bytes, ['-layout', '-f', '2', '-l', String(items[0]!.firstPage! - 1)]).join('\n');
    for (const { title, firstPage } of items)
      assert.match(index, new RegExp(`${title.replaceAll('.', '\\.')} +${firstPage ?? 'attached'}\\n`), title);
    assert.match(texts[0]!, /ROI-2024-0001[^]*Dr\. Recipient[^]*General Hospital[^]*Ada Lindqvist/);
    assert.ok(texts[0]!.includes(PART_2));
  });

  it('has the texts of its items', function () {
    skipWithoutProgram(this, 'pdftotext');
    const page = (file: string): string => pageTexts(made.bytes)[outcomeOf(file).firstPage! - 1]!;
    assert.match(page('lab-report-164947.pdf'), /Antinuclear Antibodies/);
    assert.match(page('pdf-minimal.pdf'), /Lorem ipsum/);
  });

  it('has attachments that are the files, byte by byte', function () {
    skipWithoutProgram(this, 'qpdf');
    const listed = toolOutput('qpdf', made.bytes, ['--list-attachments']);
    for (const file of Object.keys(ATTACHED)) {
      const name = outcomeOf(file).file!;
      assert.ok(listed.includes(name), file);
    }
    assert.equal(listed.trim().split('\n').length, Object.keys(ATTACHED).length);
  });

  it('leads by its QR code to where its order says', async () => {
    const open = await openPdf(made.bytes);
    assert.ok(typeof open !== 'string');
    const { width, height, rgb } = drawnPage(open, 0, 110, 4_000_000);
    open.close();
    const rgba = new Uint8ClampedArray(width * height * 4);
    for (let pixel = 0; pixel < width * height; pixel++)
      rgba.set([rgb[3 * pixel]!, rgb[3 * pixel + 1]!, rgb[3 * pixel + 2]!, 255], 4 * pixel);
    assert.equal(jsqr.default(rgba, width, height)?.data, 'https://records.example.org/r/ROI-2024-0001');
  });

  it('draws the strips of a fax as they are', async () => {
    const open = await openPdf(made.bytes);
    assert.ok(typeof open !== 'string');
    const { rgb } = drawnPage(open, outcomeOf('scan-fax-page-g4.tif').firstPage! - 1, 50, 1_000_000);
    open.close();
    const dark = rgb.reduce((count, value) => count + (value < 128 ? 1 : 0), 0) / rgb.length;
    // A page of print with a large dark picture: neither blank, nor its negative.
    assert.ok(dark > 0.1 && dark < 0.45, `${dark}`);
  });
});

describe('the same order', () => {
  const items = (part: number) => [
    itemOf('Note', 'text/plain', Buffer.from('A note.\n'.repeat(200)), {}, part),
    itemOf('Letter', 'application/pdf', plainPdf('A letter', 3), { notices: [PART_2] }, part),
    itemOf('Bytes', 'application/octet-stream', Buffer.from('\0\x01'.repeat(5000)), {}, part),
  ];

  for (const more of [{}, { passphrase: 'pass phrase é' }, { form: 'zip' }, { form: 'both' }] as const)
    it(`gives the same bytes (${JSON.stringify(more)})`, async () => {
      const first = await packageOf(orderOf(items(100_000), more));
      const second = await packageOf(orderOf(items(777), more));
      assert.equal(first.manifest.sha256, second.manifest.sha256);
      assert.deepEqual(first.manifest, second.manifest);
      const other = await packageOf(orderOf(items(777), { ...more, released: '2024-05-06T07:08:11Z' }));
      assert.notEqual(other.manifest.sha256, first.manifest.sha256);
    });
});

/** Names as seed/people and the world have them. */
const WORLD = [
  'Höoö Öo',
  'ثبت بيت تيب',
  'محمد عبد الله',
  'דוד כהן',
  '张伟',
  '田中太郎',
  '김민수',
  'Иван Петрович',
  'Ελένη Παπαδοπούλου',
  'हिन्दी क्षत्रिय',
];

describe('names', () => {
  it('of all demo people, and in every script, are what a reader finds in the PDF', async function () {
    skipWithoutProgram(this, 'pdftotext');
    const people = new URL('../../../../seed/people/', import.meta.url);
    const names = readdirSync(people)
      .flatMap(file => namesIn(JSON.parse(readFileSync(new URL(file, people), 'utf8'))))
      .concat(WORLD)
      .map(name => name.normalize('NFC'));
    const all = [...new Set(names)];
    assert.ok(all.length > 20 && all.includes('रेणु शर्मा'), all.join(', '));
    const items = all.map((name, n) => itemOf(`${n}`, 'text/plain', Buffer.from('x'), { title: name }));
    const { bytes } = await packageOf(orderOf([items[0]!], { patient: all }));
    const text = pageTexts(bytes).join('\n').replaceAll(/\s+/g, ' ');
    for (const name of all) assert.ok(text.includes(name), name);
  });
});

/** All names of a transaction of the demo data. */
function namesIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const { name, resourceType } = value as { readonly name?: unknown; readonly resourceType?: unknown };
  const own =
    Array.isArray(name) && typeof resourceType === 'string'
      ? (name as { readonly given?: readonly string[]; readonly family?: string }[]).map(
          ({ given = [], family = '' }) => [...given, family].join(' ').trim(),
        )
      : [];
  return [...own.filter(one => one !== ''), ...Object.values(value).flatMap(namesIn)];
}

describe('a passphrase', () => {
  it('opens the package, its pages and attachments, and nothing else does', async function () {
    skipWithoutProgram(this, 'qpdf');
    const items = [
      itemOf('Letter', 'application/pdf', plainPdf('Confidential words')),
      itemOf('Bytes', 'application/octet-stream', Buffer.from('\0\x01\x02')),
    ];
    const { bytes, manifest } = await packageOf(orderOf(items, { passphrase: 'Schlüssel 日本' }));
    assert.equal(manifest.encrypted, true);
    assert.throws(() => toolOutput('qpdf', bytes, ['--check']), /invalid password/);
    const checked = toolOutput('qpdf', bytes, ['--check', '--password=Schlüssel 日本']);
    assert.match(checked, /R = 6[^]*No syntax or stream encoding errors/);
    assert.match(
      toolOutput('qpdf', bytes, ['--show-encryption', '--password=Schlüssel 日本']),
      /stream encryption method: AESv3/,
    );
    const name = manifest.items[1]!.file!;
    const shown = toolOutput('qpdf', bytes, ['--password=Schlüssel 日本', `--show-attachment=${name}`]);
    assert.equal(shown, '\0\x01\x02');
    assert.ok(!bytes.includes('Confidential') && !bytes.includes('Ada Lindqvist'));
  });
});

describe('a ZIP', () => {
  it('holds the originals under safe names, and a manifest with their hashes', async () => {
    const items = [
      itemOf('../../etc/passwd', 'text/plain', Buffer.from('one')),
      itemOf('CON: "a|b"?', 'application/pdf', plainPdf('two')),
      itemOf('Résumé 概要', 'application/dicom', Buffer.from('\0three')),
    ];
    const { bytes, manifest } = await packageOf(orderOf(items, { form: 'both' }));
    const entries = readZip(bytes);
    assert.deepEqual(
      entries.map(({ name }) => name),
      ['001-etc-passwd.txt', '002-CON-a-b.pdf', '003-Résumé-概要.dcm', 'release.pdf', 'manifest.json'],
    );
    const told = JSON.parse(entries.at(-1)!.bytes.toString()) as {
      readonly files: readonly { file: string; sha256: string; size: number }[];
    };
    for (const { name, bytes: content } of entries.slice(0, -1)) {
      const { sha256, size } = told.files.find(({ file }) => file === name)!;
      assert.deepEqual([sha256, size], [createHash('sha256').update(content).digest('hex'), content.length], name);
    }
    for (const [n, item] of items.entries()) assert.equal(manifest.items[n]!.sha256, item.sha256);
    assert.equal(manifest.items[2]!.reason, 'not-printable');
    assert.equal(manifest.pages, 4);
  });
});

describe('a document', () => {
  it('holds the items as Binaries behind a Composition, byte by byte', async () => {
    const sizes = [0, 1, 2, 3, 10_000].map(size => Buffer.alloc(size, 'abc'));
    const items = sizes.map((bytes, n) => itemOf(`Note ${n}`, 'text/plain', bytes, { notices: [PART_2] }, 7));
    const { bytes, manifest } = await packageOf(orderOf(items, { form: 'document', notices: ['<Notice> & more'] }));
    const again = await packageOf(orderOf(items, { form: 'document', notices: ['<Notice> & more'] }));
    assert.equal(again.manifest.sha256, manifest.sha256);
    assert.equal(manifest.contentType, 'application/fhir+json');
    const text = bytes.toString();
    const bundle = JSON.parse(text) as Bundle<FhirResource>;
    assert.deepEqual(validateStructure(bundle as unknown as Resource, definitions), []);
    const resources = new Map(bundle.entry!.map(({ fullUrl, resource }) => [fullUrl!, resource!]));
    assert.equal(resources.size, 1 + 2 * items.length);
    const [composition] = resources.values();
    assert.ok(composition?.resourceType === 'Composition');
    for (const [n, { reference }] of composition.section![0]!.entry!.entries()) {
      const document = resources.get(reference!);
      assert.ok(document?.resourceType === 'DocumentReference');
      const binary = resources.get(document.content[0]!.attachment.url!);
      assert.ok(binary?.resourceType === 'Binary');
      assert.deepEqual(Buffer.from(binary.data ?? '', 'base64'), sizes[n]);
      assert.ok(document.description!.includes(PART_2));
    }
    assert.equal(new Set(manifest.items.map(({ file }) => file)).size, items.length);
  });

  it('holds no original of what is withheld in part', async () => {
    const letter = itemOf('Letter', 'text/plain', Buffer.from('Topsecret'));
    const item = await markedItem(letter, [{ page: 1, areas: 'all' }]);
    const { bytes } = await packageOf(orderOf([item], { form: 'document' }));
    const { entry = [] } = JSON.parse(bytes.toString()) as Bundle<FhirResource>;
    const binary = entry.at(-1)!.resource;
    assert.ok(binary?.resourceType === 'Binary' && binary.contentType === 'application/pdf');
    assert.ok(Buffer.from(binary.data!, 'base64').subarray(0, 5).equals(Buffer.from('%PDF-')));
    assert.ok(!bytes.includes(Buffer.from('Topsecret').toString('base64')) && !bytes.includes(item.sha256));
  });
});
