/**
 * The pages of a PDF as forms: what each draws, upright, from the corner of what it shows; nothing that acts (scripts, links, files) and
 * nothing that no page needs. ISO 32000-2 §8.10
 */
import { deflateSync, inflateSync } from 'node:zlib';
import {
  type PageForm,
  fragmentWriter,
  type FragmentStart,
  type FragmentWriter,
  type PdfFragment,
} from '../pdf/fragment.js';
import { isPdfStream, type ParsedPdf, parsePdf } from '../../../../fhir/content/pdf-parse.js';
import {
  isPdfDictionary,
  isPdfList,
  isPdfName,
  isPdfReference,
  type PdfDictionary,
  type PdfStream,
  type PdfValue,
  pdfDictionary,
  pdfName,
  pdfReference,
} from '../../../../fhir/content/pdf-values.js';
import type { UnmergedReason } from '../order.js';
import { ITEM_LIMITS, TooCostly } from './limits.js';
import { flatten, type OpenPdf, openPdf, savedPdf } from '../../../../fhir/content/pdfium.js';

export interface PdfPages {
  readonly fragment: PdfFragment;
  readonly complete: boolean;
}

export async function pdfPages(bytes: Uint8Array, start: FragmentStart): Promise<PdfPages | UnmergedReason | 'layers'> {
  const open = await openPdf(bytes);
  if (typeof open === 'string') return open;
  try {
    if (open.pages === 0) return 'no-pages';
    if (open.pages > ITEM_LIMITS.pages) return 'too-large';
    const { complete } = flatten(open);
    const parsed = parsePdf(savedPdf(open));
    if (hasHiddenLayers(parsed)) return 'layers';
    const pages = pageDictionaries(parsed);
    if (pages.length !== open.pages) return 'damaged';
    const writer = fragmentWriter(start);
    const copy = copier(parsed, writer);
    return { fragment: writer.end(pages.map(page => pageFormOf(parsed, page, writer, copy))), complete };
  } finally {
    open.close();
  }
}

const memberOf = (parsed: ParsedPdf, value: PdfValue | PdfStream | undefined, key: string): PdfValue | PdfStream =>
  value !== undefined && !isPdfStream(value) && isPdfDictionary(value) ? parsed.resolve(value.get(key)) : null;

function hasHiddenLayers(parsed: ParsedPdf): boolean {
  const layers = memberOf(parsed, memberOf(parsed, parsed.resolve(parsed.trailer.get('Root')), 'OCProperties'), 'D');
  const off = memberOf(parsed, layers, 'OFF');
  const base = memberOf(parsed, layers, 'BaseState');
  return (
    (!isPdfStream(off) && isPdfList(off) && off.length > 0) ||
    (!isPdfStream(base) && isPdfName(base) && base.name !== 'ON')
  );
}

/** What a page has from those above it. */
const INHERITED = ['Resources', 'MediaBox', 'CropBox', 'Rotate'];
const DEEPEST = 64;

function pageDictionaries(parsed: ParsedPdf): PdfDictionary[] {
  const pages: PdfDictionary[] = [];
  let nodes = 0;
  const look = (value: PdfValue | undefined, above: PdfDictionary, depth: number): void => {
    // A branch may hold itself, as often as it likes.
    if (depth > DEEPEST || ++nodes > 4 * ITEM_LIMITS.pages) throw new TooCostly('The tree of pages has no end.');
    const node = parsed.resolve(value);
    if (isPdfStream(node) || !isPdfDictionary(node)) return;
    const own = new Map(node);
    for (const key of INHERITED) if (!own.has(key) && above.has(key)) own.set(key, above.get(key)!);
    const kids = memberOf(parsed, node, 'Kids');
    if (isPdfStream(kids) || !isPdfList(kids)) pages.push(own);
    else for (const kid of kids) look(kid, own, depth + 1);
  };
  const root = parsed.resolve(parsed.trailer.get('Root'));
  look(!isPdfStream(root) && isPdfDictionary(root) ? root.get('Pages') : undefined, new Map(), 0);
  return pages;
}

/**
 * Pages, from 0, that are turned by no multiple of 90: one program draws them upright and another does not, so that nobody knows where on it an area is.
 * ISO 32000-2 §7.7.3.3
 */
export function oddlyTurnedPages(open: OpenPdf): ReadonlySet<number> {
  const parsed = parsePdf(savedPdf(open));
  const turns = pageDictionaries(parsed).map(page => parsed.resolve(page.get('Rotate')));
  return new Set(turns.flatMap((turn, index) => (typeof turn === 'number' && turn % 90 !== 0 ? [index] : [])));
}

type Copy = (value: PdfValue) => PdfValue;

/** Members whose dictionaries have names of their own choice, of glyphs, fonts and other resources: nothing is left out of those. */
const NAMED = new Set([
  ...['CharProcs', 'ColorSpace', 'Colorants', 'ExtGState', 'Font', 'Pattern', 'Properties', 'Shading', 'XObject'],
]);
/** Members that lead away from what is drawn. */
const LEFT_OUT = new Set([
  'AA',
  'A',
  'Metadata',
  'PieceInfo',
  'StructParent',
  'StructParents',
  'Parent',
  'AF',
  'OPI',
  'Alternates',
]);

/** Copies values with all that they lead to, each object once, with new numbers. */
function copier(parsed: ParsedPdf, writer: FragmentWriter): Copy {
  const numbers = new Map<number, number>();
  const waiting: { readonly old: number; readonly named: boolean }[] = [];
  const renumbered = (value: PdfValue, named = false): PdfValue => {
    if (isPdfReference(value)) {
      let number = numbers.get(value.ref);
      if (number === undefined) {
        number = writer.reserve();
        numbers.set(value.ref, number);
        waiting.push({ old: value.ref, named });
      }
      return pdfReference(number);
    }
    if (isPdfList(value)) return value.map(one => renumbered(one));
    if (isPdfDictionary(value)) return kept(value, named);
    return value;
  };
  const kept = (value: PdfDictionary, named = false): PdfDictionary =>
    new Map(
      [...value]
        .filter(([key]) => named || !LEFT_OUT.has(key))
        .map(([key, member]) => [key, renumbered(member, !named && NAMED.has(key))]),
    );
  return value => {
    const copied = renumbered(value);
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const { old, named } = next;
      const found = parsed.object(old);
      const whole = isPdfStream(found)
        ? { dictionary: new Map([...kept(found.dictionary)].filter(([key]) => key !== 'Length')), data: found.data }
        : renumbered(found, named);
      writer.write(numbers.get(old)!, whole);
    }
    return copied;
  };
}

/** Points: a page that is larger or smaller cannot be printed, and one without a box has that of Letter. */
const LETTER_BOX = [0, 0, 612, 792] as const;
const LARGEST = 14_400;

function pageFormOf(parsed: ParsedPdf, page: PdfDictionary, writer: FragmentWriter, copy: Copy): PageForm {
  const media = boxOf(parsed, page.get('MediaBox')) ?? LETTER_BOX;
  const crop = boxOf(parsed, page.get('CropBox')) ?? media;
  const box = intersection(media, crop) ?? media;
  const rotated = parsed.resolve(page.get('Rotate'));
  const turns = typeof rotated === 'number' ? ((Math.round(rotated / 90) % 4) + 4) % 4 : 0;
  const [left, bottom, right, top] = box;
  const [width, height] = [right - left, top - bottom];
  const matrix = [
    [1, 0, 0, 1, -left, -bottom],
    [0, -1, 1, 0, -bottom, right],
    [-1, 0, 0, -1, right, top],
    [0, 1, -1, 0, top, -left],
  ][turns]!;
  const resources = parsed.resolve(page.get('Resources'));
  const content = contentOf(parsed, page.get('Contents'));
  const form = writer.add({
    dictionary: new Map([
      ...pdfDictionary({
        ...{ Type: pdfName('XObject'), Subtype: pdfName('Form'), BBox: box, Matrix: matrix },
        Resources: isPdfStream(resources) || !isPdfDictionary(resources) ? new Map() : copy(resources),
        Group: page.has('Group') ? copy(page.get('Group')!) : undefined,
      }),
      ...content.filter,
    ]),
    data: content.data,
  });
  return { form, ...(turns % 2 === 1 ? { width: height, height: width } : { width, height }) };
}

type Rectangle = readonly [number, number, number, number];

function boxOf(parsed: ParsedPdf, value: PdfValue | undefined): Rectangle | undefined {
  const found = parsed.resolve(value);
  if (isPdfStream(found) || !isPdfList(found) || found.length < 4) return undefined;
  const [a, b, c, d] = found.map(one => parsed.resolve(one));
  if (typeof a !== 'number' || typeof b !== 'number' || typeof c !== 'number' || typeof d !== 'number')
    return undefined;
  const box: Rectangle = [Math.min(a, c), Math.min(b, d), Math.max(a, c), Math.max(b, d)];
  const [width, height] = [box[2] - box[0], box[3] - box[1]];
  return width >= 1 && height >= 1 && width <= LARGEST && height <= LARGEST ? box : undefined;
}

function intersection(a: Rectangle, b: Rectangle): Rectangle | undefined {
  const box: Rectangle = [Math.max(a[0], b[0]), Math.max(a[1], b[1]), Math.min(a[2], b[2]), Math.min(a[3], b[3])];
  return box[2] - box[0] >= 1 && box[3] - box[1] >= 1 ? box : undefined;
}

interface FormContent {
  readonly filter: PdfDictionary;
  readonly data: Uint8Array;
}

/** One stream goes in as it is; several are one text, which may break anywhere between two of them. */
function contentOf(parsed: ParsedPdf, value: PdfValue | undefined): FormContent {
  const found = parsed.resolve(value);
  const streams = isPdfStream(found)
    ? [found]
    : isPdfList(found)
      ? found.map(one => parsed.resolve(one)).filter(isPdfStream)
      : [];
  if (streams.length === 1) return { filter: streamFilter(parsed, streams[0]!), data: streams[0]!.data };
  const parts = streams.flatMap(stream => [plain(parsed, stream), Buffer.from('\n')]);
  return { filter: pdfDictionary({ Filter: pdfName('FlateDecode') }), data: deflateSync(Buffer.concat(parts)) };
}

/** How a stream is filtered; parameters are resolved, for they may be objects of their own. */
function streamFilter(parsed: ParsedPdf, { dictionary }: PdfStream): PdfDictionary {
  const flat = (value: PdfValue | undefined): PdfValue | undefined => {
    const found = parsed.resolve(value);
    if (isPdfStream(found) || found === null) return undefined;
    return isPdfList(found) ? found.map(one => flat(one) ?? null) : found;
  };
  return pdfDictionary({ Filter: flat(dictionary.get('Filter')), DecodeParms: flat(dictionary.get('DecodeParms')) });
}

function plain(parsed: ParsedPdf, stream: PdfStream): Uint8Array {
  const filter = streamFilter(parsed, stream).get('Filter');
  const names = (isPdfList(filter) ? filter : filter === undefined ? [] : [filter]).map(one =>
    isPdfName(one) ? one.name : '',
  );
  if (names.length === 0) return stream.data;
  if (
    names.length > 1 ||
    (names[0] !== 'FlateDecode' && names[0] !== 'Fl') ||
    streamFilter(parsed, stream).has('DecodeParms')
  )
    throw new TooCostly('A page is filtered in a way that is not known.');
  return inflateSync(stream.data, { maxOutputLength: ITEM_LIMITS.content });
}
