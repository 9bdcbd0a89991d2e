/**
 * A package as one PDF: cover, index, the pages of the items with their number and notices below them, and as attachments what has no pages.
 * It is written as it is made: of what has been written only places and sizes are kept.
 */
import { createHash } from 'node:crypto';
import { itemFileName } from './file-names.js';
import { coverRows, frontSheet, indexRows, qrOperators } from './cover.js';
import { mergedItem } from './merge-item.js';
import {
  ENGLISH,
  type ItemOutcome,
  type MadeForm,
  type PackageItem,
  type PackageOrder,
  PackageRefused,
  type PackageWords,
} from './order.js';
import { encryptDictionary, fileKey } from './pdf/cipher.js';
import type { PageForm } from './pdf/fragment.js';
import {
  escapedName,
  type PdfDictionary,
  pdfDictionary,
  pdfName,
  pdfReference,
  type PdfStream,
  pdfTextString,
  type PdfValue,
} from '../../../fhir/content/pdf-values.js';
import { type PdfWriter, pdfWriter } from './pdf/writer.js';
import type { Paper } from './read/picture.js';
import { type ItemPool, laidOut } from './read/read-item.js';
import { textForm } from './read/text-form.js';
import { checkedBytes, withEnd } from './source-bytes.js';
import { breathe } from '../../../platform/pieces.js';
import { type GlyphFonts, glyphFonts } from './text/glyph-fonts.js';
import type { LaidOut, Sheet, TextRow, TextRun } from './text/lay-out.js';

export interface MadePdf extends MadeForm {
  readonly pages: number;
}

/** What every form is made from. */
export interface FormMaking {
  readonly order: PackageOrder;
  /** Of all that the file follows from, and says in its identifier. */
  readonly digest: string;
  readonly pool: ItemPool;
}

export interface PdfMaking extends FormMaking {
  /** Those of the order, or some of them. */
  readonly items: readonly PackageItem[];
  /** Cover and index. */
  readonly front: boolean;
}

const PAPERS: Readonly<Record<'letter' | 'a4', Paper>> = {
  letter: { width: 612, height: 792 },
  a4: { width: 595, height: 842 },
};

/** A page of the package before it is written. */
interface PlannedPage extends PageForm {
  readonly notices: readonly string[];
  readonly redacted: boolean;
}

/** What the parts of one file share. */
interface Making extends PdfMaking {
  readonly writer: PdfWriter;
  readonly words: PackageWords;
  readonly paper: Paper;
  readonly glyphs: GlyphFonts;
  readonly key: Buffer | undefined;
  /** What was laid out with boxes for characters that no font has. */
  readonly lacking: { any: boolean };
  /** Numbers of objects that are written last. */
  readonly fonts: number;
  readonly tree: number;
}

export async function* makePdf(given: PdfMaking): AsyncGenerator<Uint8Array, MadePdf> {
  const { order, digest } = given;
  const key = order.passphrase === undefined ? undefined : await fileKey(order.passphrase, digest);
  const writer = pdfWriter(digest, key);
  const words = order.words ?? ENGLISH;
  const making: Making = {
    ...given,
    ...{ writer, words, key, paper: PAPERS[order.paper ?? 'letter'], glyphs: glyphFonts(), lacking: { any: false } },
    ...{ fonts: writer.reserve(), tree: writer.reserve() },
  };
  yield writer.header();
  const body: PlannedPage[] = [];
  const outcomes: ItemOutcome[] = [];
  const files: AttachedFile[] = [];
  for (const [at, item] of given.items.entries()) {
    outcomes.push(yield* writeItem(making, { item, at }, body, files));
    await breathe();
  }
  // A file has a page at least: of an item that is withheld it says so.
  const front = given.front
    ? yield* writeFront(making, outcomes)
    : body.length === 0
      ? yield* writeIndex(making, outcomes)
      : [];
  const items = outcomes.map(outcome => numbered(outcome, front.length));
  const pages = [...front, ...body];
  const kids = yield* writePages(making, pages);
  yield* writeEnd(making, kids, files, items);
  return { pages: pages.length, items, ...(making.lacking.any ? { missingGlyphs: true } : {}) };
}

/** An item with redactions as a PDF of its own, for forms that hold files: its pages, or the statement that it is withheld. */
export async function* redactedItem(
  { order, digest, pool }: FormMaking,
  item: PackageItem,
  at: number,
): AsyncGenerator<Uint8Array, ItemOutcome> {
  const own = createHash('sha256').update(`${digest}:${at}`).digest('hex');
  const { items } = yield* makePdf({ order, items: [item], front: false, digest: own, pool });
  const { id, title, sha256, size, contentType, state, pages, reason, redacted } = items[0]!;
  return {
    ...{ id, title, sha256, size, contentType, state },
    ...(pages === undefined ? {} : { pages }),
    ...(reason === undefined ? {} : { reason }),
    ...(redacted === undefined ? {} : { redacted }),
  };
}

const numbered = (outcome: ItemOutcome, before: number): ItemOutcome =>
  outcome.firstPage === undefined ? outcome : { ...outcome, firstPage: outcome.firstPage + before };

interface AttachedFile {
  readonly name: string;
  readonly title: string;
  readonly specification: number;
}

type ItemPlace = { readonly item: PackageItem; readonly at: number };

/** Its first page is counted from the first of all items. */
async function* writeItem(
  making: Making,
  place: ItemPlace,
  body: PlannedPage[],
  files: AttachedFile[],
): AsyncGenerator<Uint8Array, ItemOutcome> {
  const { item } = place;
  const { writer, pool, paper, key } = making;
  const before = body.length;
  const marked = new Set((item.redactions ?? []).map(({ page }) => page));
  const parts = mergedItem(item, {
    ...{ pool, paper },
    start: () => ({ first: writer.next, ...(key ? { key } : {}) }),
  });
  const ended = withEnd(parts);
  for await (const fragment of ended.parts) {
    yield writer.fragment(fragment);
    for (const form of fragment.pages)
      body.push({ ...form, notices: item.notices ?? [], redacted: marked.has(body.length - before + 1) });
  }
  const end = ended.end();
  const partly = marked.size > 0 ? 'partly-drawn' : 'partly-printable';
  const reason = 'reason' in end ? end.reason : end.complete ? undefined : partly;
  const { id, title, sha256, size, contentType } = item;
  const said = { id, title, sha256: sha256.toLowerCase(), size, contentType, ...(reason ? { reason } : {}) };
  const merged = body.length > before ? { firstPage: before + 1, pages: body.length - before } : {};
  const redacted = marked.size > 0 && 'complete' in end ? { redacted: [...marked].toSorted((a, b) => a - b) } : {};
  // What must be withheld in part goes in as pictures, or not at all.
  if (reason === undefined || marked.size > 0)
    return { ...said, state: 'pages' in merged ? 'merged' : 'withheld', ...merged, ...redacted };
  const file = yield* attachFile(making, place, files);
  return { ...said, state: 'pages' in merged ? 'merged' : 'attached', ...merged, file };
}

async function* writeText(
  making: Making,
  text: LaidOut,
  sheet: Sheet,
): AsyncGenerator<Uint8Array, readonly PageForm[]> {
  const { writer, glyphs, fonts } = making;
  making.lacking.any ||= text.missing;
  const forms: PageForm[] = [];
  for (const runs of text.pages) {
    const form = writer.reserve();
    yield writer.object(form, textForm(runs, sheet, { glyphs, outlines: text.outlines, fonts }));
    forms.push({ form, width: sheet.width, height: sheet.height });
    await breathe();
  }
  return forms;
}

async function* attachFile(
  { writer }: Making,
  { item, at }: ItemPlace,
  files: AttachedFile[],
): AsyncGenerator<Uint8Array, string> {
  const name = itemFileName(item, at);
  const [stream, specification] = [writer.reserve(), writer.reserve()];
  const dictionary = pdfDictionary({
    ...{ Type: pdfName('EmbeddedFile'), Subtype: escapedName(item.contentType) },
    Params: pdfDictionary({ Size: item.size }),
  });
  yield* writer.stream(stream, dictionary, checkedBytes(item));
  const embedded = pdfReference(stream);
  yield writer.object(
    specification,
    pdfDictionary({
      ...{
        Type: pdfName('Filespec'),
        F: pdfTextString(name),
        UF: pdfTextString(name),
        Desc: pdfTextString(item.title),
      },
      ...{ AFRelationship: pdfName('Source'), EF: pdfDictionary({ F: embedded, UF: embedded }) },
    }),
  );
  files.push({ name, title: item.title, specification });
  return name;
}

/** Cover and index: how many pages they are is known before the numbers in them. */
async function* writeFront(
  making: Making,
  outcomes: readonly ItemOutcome[],
): AsyncGenerator<Uint8Array, PlannedPage[]> {
  const { order, words, paper, pool, writer, items: all } = making;
  const sheet = frontSheet(paper);
  const cover = coverRows(order, words, sheet);
  const rowsWith = (items: readonly ItemOutcome[]): readonly TextRow[] => [
    ...cover,
    ...indexRows(all, words, items, sheet),
  ];
  const { pages: before } = await laidOut(pool, [{ rows: rowsWith(outcomes), sheet }]);
  const items = outcomes.map(outcome => numbered(outcome, before.length));
  const text = await laidOut(pool, [{ rows: rowsWith(items), sheet }]);
  const forms = yield* writeText(making, text, sheet);
  const code = writer.reserve();
  yield writer.object(code, {
    dictionary: pdfDictionary({
      ...{ Type: pdfName('XObject'), Subtype: pdfName('Form'), BBox: [0, 0, sheet.width, sheet.height] },
      Resources: pdfDictionary({ XObject: pdfDictionary({ T: pdfReference(forms[0]!.form) }) }),
    }),
    data: Buffer.from(`${qrOperators(order.link ?? order.trackingId, sheet)}/T Do\n`),
  });
  return forms.map((form, n) => plainPage(n === 0 ? { ...form, form: code } : form));
}

async function* writeIndex(
  making: Making,
  outcomes: readonly ItemOutcome[],
): AsyncGenerator<Uint8Array, PlannedPage[]> {
  const { words, paper, pool, items } = making;
  const sheet = frontSheet(paper);
  const text = await laidOut(pool, [{ rows: indexRows(items, words, outcomes, sheet), sheet }]);
  return (yield* writeText(making, text, sheet)).map(plainPage);
}

const plainPage = (form: PageForm): PlannedPage => ({ ...form, notices: [], redacted: false });

/** Points below a page, for its number and the notices of its item: as high as they are, and no higher than this. */
const STRIP = { height: 4000, side: 24, edge: 5, size: 7.5, small: 6 };
const NARROWEST = 240;
/** Pages whose numbers are laid out together. */
const AT_ONCE = 50;

/** Each page with its number below it, so that nothing of it is covered. Gives the numbers of their objects. */
async function* writePages(
  making: Making,
  pages: readonly PlannedPage[],
): AsyncGenerator<Uint8Array, readonly number[]> {
  const { writer, fonts, tree, glyphs, pool } = making;
  const kids: number[] = [];
  for (let from = 0; from < pages.length; from += AT_ONCE) {
    const some = pages.slice(from, from + AT_ONCE);
    const documents = some.map((page, n) => stripOf(making, page, from + n + 1, pages.length));
    const text = await laidOut(pool, documents);
    making.lacking.any ||= text.missing;
    if (text.pages.length > some.length)
      throw new PackageRefused('bad-order', 'The notices of an item are longer than the strip below a page.');
    for (const [n, { form, width, height }] of some.entries()) {
      const runs = text.pages[n]!;
      const lowest = Math.min(...runs.map(({ y }) => y)) - STRIP.edge;
      const strip = STRIP.height - lowest;
      const lowered = runs.map((run): TextRun => ({ ...run, y: run.y - lowest }));
      const [page, contents] = [writer.reserve(), writer.reserve()];
      const operators = `q 1 0 0 1 0 ${strip.toFixed(2)} cm /P Do Q\n${glyphs.written(lowered, text.outlines)}\n`;
      yield writer.object(contents, { dictionary: new Map(), data: Buffer.from(operators, 'latin1') });
      yield writer.object(
        page,
        pdfDictionary({
          ...{ Type: pdfName('Page'), Parent: pdfReference(tree), Contents: pdfReference(contents) },
          MediaBox: [0, 0, Math.max(width, NARROWEST), height + Number(strip.toFixed(2))],
          Resources: pdfDictionary({
            ...{ XObject: pdfDictionary({ P: pdfReference(form) }), Font: pdfReference(fonts) },
          }),
        }),
      );
      kids.push(page);
      await breathe();
    }
  }
  return kids;
}

function stripOf({ order, words }: Making, page: PlannedPage, number: number, of: number) {
  const sheet: Sheet = {
    ...{ width: Math.max(page.width, NARROWEST), height: STRIP.height },
    ...{ left: STRIP.side, right: STRIP.side, top: STRIP.edge, bottom: 0 },
  };
  const width = sheet.width - 2 * STRIP.side;
  const half = width / 2;
  const count = `${page.redacted ? `${words.redacted} · ` : ''}${number} ${words.of} ${of}`;
  const rows: TextRow[] = [
    ...page.notices.map((text): TextRow => ({ size: STRIP.small, cells: [{ text, x: 0, width }] })),
    {
      size: STRIP.size,
      cells: [
        { text: order.trackingId, x: 0, width: half },
        { text: count, x: half, width: half, align: 'right' },
      ],
    },
  ];
  return { rows, sheet };
}

/** What leads to all that was written. */
async function* writeEnd(
  making: Making,
  kids: readonly number[],
  files: readonly AttachedFile[],
  items: readonly ItemOutcome[],
): AsyncGenerator<Uint8Array> {
  const { writer, order, words, fonts, tree, glyphs, key } = making;
  const written: Uint8Array[] = [];
  const add = (value: PdfValue | PdfStream): number => {
    const number = writer.reserve();
    written.push(writer.object(number, value));
    return number;
  };
  const names = await glyphs.resources(add);
  written.push(
    writer.object(fonts, names),
    writer.object(tree, pdfDictionary({ Type: pdfName('Pages'), Count: kids.length, Kids: kids.map(pdfReference) })),
  );
  const outlines = outlineOf(writer, items, kids, written);
  const info = add(
    pdfDictionary({
      ...{ Title: pdfTextString(`${words.title} ${order.trackingId}`), Producer: pdfTextString('Chartroom') },
      CreationDate: dateText(order.released),
    }),
  );
  const attachments = files.flatMap(({ name, specification }) => [pdfTextString(name), pdfReference(specification)]);
  const root = add(
    pdfDictionary({
      ...{ Type: pdfName('Catalog'), Pages: pdfReference(tree) },
      ...(outlines === undefined ? {} : { Outlines: pdfReference(outlines) }),
      ...(files.length === 0
        ? {}
        : {
            Names: pdfDictionary({ EmbeddedFiles: pdfDictionary({ Names: attachments }) }),
            AF: files.map(({ specification }) => pdfReference(specification)),
          }),
    }),
  );
  const encrypt = key && encryptDictionary(order.passphrase!, key);
  yield Buffer.concat([...written, writer.trailer(root, info, encrypt)]);
}

/** A bookmark for each item that has pages. */
function outlineOf(
  writer: PdfWriter,
  items: readonly ItemOutcome[],
  kids: readonly number[],
  written: Uint8Array[],
): number | undefined {
  const shown = items.filter(({ firstPage }) => firstPage !== undefined);
  if (shown.length === 0) return undefined;
  const root = writer.reserve();
  const numbers = shown.map(() => writer.reserve());
  const write = (number: number, value: PdfDictionary): void => void written.push(writer.object(number, value));
  for (const [n, { title, firstPage }] of shown.entries()) {
    const [before, behind] = [numbers[n - 1], numbers[n + 1]];
    write(
      numbers[n]!,
      pdfDictionary({
        ...{ Title: pdfTextString(title), Parent: pdfReference(root) },
        Dest: [pdfReference(kids[firstPage! - 1]!), pdfName('Fit')],
        ...(before === undefined ? {} : { Prev: pdfReference(before) }),
        ...(behind === undefined ? {} : { Next: pdfReference(behind) }),
      }),
    );
  }
  write(
    root,
    pdfDictionary({
      ...{ Type: pdfName('Outlines'), Count: numbers.length },
      ...{ First: pdfReference(numbers[0]!), Last: pdfReference(numbers.at(-1)!) },
    }),
  );
  return root;
}

/** An instant as PDF writes it, in UTC. */
const dateText = (instant: string): PdfValue => ({
  string: Buffer.from(
    `D:${new Date(instant)
      .toISOString()
      .replaceAll(/[^0-9]/g, '')
      .slice(0, 14)}Z`,
  ),
});
