/**
 * A PDF that was made of some pages of another, without what these do not use: pages have resources from a node above them, or share a
 * dictionary of them, and with it the pictures of pages that went elsewhere, which may be of other patients. ISO 32000-2 §7.8.3
 */
import { drawnPage, type OpenPdf, openPdf, savedPdf } from '../../../fhir/content/pdfium.js';
import { unfilteredPdf } from '../../../fhir/content/pdf-filters.js';
import { isPdfStream, type ParsedPdf, parsePdf, pdfSpanOf } from '../../../fhir/content/pdf-parse.js';
import {
  isPdfDictionary,
  isPdfList,
  isPdfName,
  isPdfString,
  type PdfDictionary,
  type PdfStream,
  type PdfValue,
} from '../../../fhir/content/pdf-values.js';

/** Resources that may hold pictures or words, by the operators that name them. */
const NAMED_BY_OPERATOR: Readonly<Record<string, string>> = {
  ...{
    Do: 'XObject',
    gs: 'ExtGState',
    Tf: 'Font',
    scn: 'Pattern',
    SCN: 'Pattern',
    BDC: 'Properties',
    DP: 'Properties',
  },
};
const RESOURCE_KINDS = [...new Set(Object.values(NAMED_BY_OPERATOR))];
/** What no reader needs to draw a page, and what may lead to other pages, or run something. */
const PRIVATE = ['PieceInfo', 'B', 'AA'];
/** The same of notes and fields: where they lead to was another file, and media may bring scripts along. ISO 32000-2 §12.6, §13.6, §13.7 */
const ACTIVE = ['AA', 'PA', 'Dest', '3DD', 'RichMediaContent'];
/** An address of the web leads there still, as long as it is no script. */
const WEB = /^(?:https?|mailto):/i;
/** Bytes of what draws a page, or a form. */
const MOST_CONTENT = 64 * 1024 * 1024;
const DEEPEST = 64;
/** To see whether pages look as before. */
const [DOTS, PIXELS] = [50, 1_000_000];

/** Nobody can tell what pages use of what they share with others. */
export class SharedResources extends Error {
  override readonly name = 'SharedResources';
}

/**
 * `saved`: by savedPdf; it is changed in place. Pages look as before. Throws SharedResources where nobody can tell what they use,
 * or where they looked otherwise without the rest.
 */
export async function withOwnResources(saved: Buffer): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = timeless(saved);
  const spans = unusedSpans(bytes);
  if (spans.length === 0) return new Uint8Array(bytes);
  const before = await opened(bytes, pictures);
  for (const [from, to] of spans) bytes.fill(' ', from, to);
  const own = await opened(bytes, open => {
    const { pdfium: module, document } = open;
    const alone = module.FPDF_CreateNewDocument();
    try {
      // Only what pages still lead to comes along.
      if (!module.FPDF_ImportPages(alone, document, `1-${open.pages}`, 0))
        throw new SharedResources('The pages cannot be taken out.');
      return timeless(savedPdf({ ...open, document: alone }));
    } finally {
      module.FPDF_CloseDocument(alone);
    }
  });
  const after = await opened(own, pictures);
  if (before.length !== after.length || before.some((each, at) => !each.equals(after[at]!)))
    throw new SharedResources('The pages look otherwise without the rest.');
  return new Uint8Array(own);
}

async function opened<T>(bytes: Uint8Array, read: (open: OpenPdf) => T): Promise<T> {
  const open = await openPdf(bytes);
  if (typeof open === 'string') throw new SharedResources('The pages cannot be read.');
  try {
    return read(open);
  } finally {
    open.close();
  }
}

const pictures = (open: OpenPdf): readonly Buffer[] =>
  Array.from({ length: open.pages }, (_, at) => drawnPage(open, at, DOTS, PIXELS).rgb);

/** Of what no page uses. */
function unusedSpans(bytes: Buffer): readonly (readonly [number, number])[] {
  try {
    const use = new Use(parsePdf(bytes));
    use.pages();
    return use.unused();
  } catch {
    throw new SharedResources('Nobody can tell what the pages use.');
  }
}

class Use {
  readonly #parsed: ParsedPdf;
  readonly #used = new Map<PdfDictionary, Set<string>>();
  readonly #resources = new Set<PdfDictionary>();
  readonly #seen = new Map<PdfStream, Set<PdfDictionary>>();
  readonly #spans = new Set<readonly [number, number]>();
  /** Contents that wait: forms may be nested as deep as they like. */
  readonly #waiting: (() => void)[] = [];

  constructor(parsed: ParsedPdf) {
    this.#parsed = parsed;
  }

  pages(): void {
    const root = this.#dictionary(this.#parsed.trailer.get('Root'));
    this.#node(this.#dictionary(root.get('Pages')), new Map(), 0);
    for (let next = this.#waiting.pop(); next; next = this.#waiting.pop()) next();
  }

  unused(): readonly (readonly [number, number])[] {
    for (const resources of this.#resources)
      for (const kind of RESOURCE_KINDS) {
        const members = this.#dictionary(resources.get(kind));
        const used = this.#used.get(members);
        for (const key of members.keys()) if (!used?.has(key)) this.#drop(members, key);
      }
    return [...this.#spans];
  }

  #drop(dictionary: PdfDictionary, key: string): void {
    const span = pdfSpanOf(dictionary, key);
    if (span) this.#spans.add(span);
  }

  #dictionary(value: PdfValue | undefined): PdfDictionary {
    const found = this.#parsed.resolve(value);
    if (isPdfStream(found)) return found.dictionary;
    return isPdfDictionary(found) ? found : NOTHING;
  }

  #list(value: PdfValue | undefined): readonly PdfValue[] {
    const found = this.#parsed.resolve(value);
    return !isPdfStream(found) && isPdfList(found) ? found : [];
  }

  #node(node: PdfDictionary, above: PdfDictionary, depth: number): void {
    if (depth > DEEPEST) throw new Error('The tree of pages has no end.');
    const resources = node.has('Resources') ? this.#dictionary(node.get('Resources')) : above;
    if (node.has('Kids'))
      for (const kid of this.#list(node.get('Kids'))) this.#node(this.#dictionary(kid), resources, depth + 1);
    else this.#page(node, resources);
  }

  #page(page: PdfDictionary, resources: PdfDictionary): void {
    for (const key of PRIVATE) if (page.has(key)) this.#drop(page, key);
    const contents = this.#parsed.resolve(page.get('Contents'));
    const streams = isPdfStream(contents)
      ? [contents]
      : this.#list(page.get('Contents'))
          .map(each => this.#parsed.resolve(each))
          .filter(isPdfStream);
    this.#content(streams.map(each => this.#plain(each)).join('\n'), resources);
    for (const each of this.#list(page.get('Annots'))) this.#annotation(this.#dictionary(each), resources);
  }

  #annotation(annotation: PdfDictionary, resources: PdfDictionary): void {
    this.#still(annotation);
    for (const look of this.#dictionary(annotation.get('AP')).values()) {
      const found = this.#parsed.resolve(look);
      if (isPdfStream(found)) this.#stream(found, resources);
      else for (const state of this.#dictionary(look).values()) this.#stream(this.#parsed.resolve(state), resources);
    }
    // The other places of a field are those of other pages, with what is drawn there.
    let field = annotation;
    for (let n = 0; n < DEEPEST && field.has('Parent'); n++) {
      field = this.#dictionary(field.get('Parent'));
      if (field.has('Kids')) this.#drop(field, 'Kids');
      this.#still(field);
    }
  }

  /** It runs nothing any more. */
  #still(annotation: PdfDictionary): void {
    for (const key of ACTIVE) if (annotation.has(key)) this.#drop(annotation, key);
    if (annotation.has('A') && !this.#leadsToWeb(this.#dictionary(annotation.get('A')))) this.#drop(annotation, 'A');
  }

  #leadsToWeb(action: PdfDictionary): boolean {
    const [kind, address] = ['S', 'URI'].map(key => this.#parsed.resolve(action.get(key)));
    if (isPdfStream(kind) || !isPdfName(kind) || kind.name !== 'URI' || action.has('Next')) return false;
    return !isPdfStream(address) && isPdfString(address) && WEB.test(Buffer.from(address.string).toString('latin1'));
  }

  /** Of a form, a tiling pattern or a glyph: without resources of its own it has those of whoever draws it. */
  #stream(stream: PdfValue | PdfStream, above: PdfDictionary): void {
    if (!isPdfStream(stream)) return;
    const own = stream.dictionary.get('Resources');
    const resources = own === undefined ? above : this.#dictionary(own);
    const seen = this.#seen.get(stream) ?? new Set();
    this.#seen.set(stream, seen);
    if (seen.has(resources)) return;
    seen.add(resources);
    this.#waiting.push(() => this.#content(this.#plain(stream), resources));
  }

  #content(text: string, resources: PdfDictionary): void {
    this.#resources.add(resources);
    for (const [, name, operator] of text.matchAll(NAMES)) {
      const kind = NAMED_BY_OPERATOR[operator!]!;
      const members = this.#dictionary(resources.get(kind));
      const plain = plainName(name!);
      const used = this.#used.get(members) ?? new Set();
      this.#used.set(members, used);
      for (const [key, value] of members)
        if (plainName(key) === plain) {
          used.add(key);
          this.#follow(kind, value, resources);
        }
    }
  }

  #follow(kind: string, value: PdfValue, resources: PdfDictionary): void {
    const found = this.#parsed.resolve(value);
    const members = this.#dictionary(value);
    const subtype = this.#parsed.resolve(members.get('Subtype'));
    const isOf = (name: string): boolean => !isPdfStream(subtype) && isPdfName(subtype) && subtype.name === name;
    if (kind === 'Pattern' || (kind === 'XObject' && !isOf('Image'))) this.#stream(found, resources);
    const state = kind === 'Pattern' ? this.#dictionary(members.get('ExtGState')) : members;
    if (kind === 'Pattern' || kind === 'ExtGState') {
      const mask = this.#dictionary(state.get('SMask'));
      this.#stream(this.#parsed.resolve(mask.get('G')), resources);
      const font = this.#list(state.get('Font'))[0];
      if (font !== undefined) this.#follow('Font', font, resources);
    }
    if (kind === 'Font' && isOf('Type3')) {
      const own = members.has('Resources') ? this.#dictionary(members.get('Resources')) : resources;
      for (const glyph of this.#dictionary(members.get('CharProcs')).values())
        this.#stream(this.#parsed.resolve(glyph), own);
    }
  }

  #plain(stream: PdfStream): string {
    return Buffer.from(unfilteredPdf(stream, value => this.#parsed.resolve(value), MOST_CONTENT)).toString('latin1');
  }
}

const NOTHING: PdfDictionary = new Map();

/** A name, the size of a font, and the operator: in strings, too, and in the bytes of pictures, where it is read once too often rather than once too little. */
const NAMES = new RegExp(
  String.raw`/([^\0\s()<>[\]{}/%]+)[\0\s]*(?:(?<=[\0\s])[-+.\d]+[\0\s]+)?(?<=[\0\s])(${Object.keys(NAMED_BY_OPERATOR).join('|')})(?![^\0\s()<>[\]{}/%])`,
  'g',
);

const plainName = (name: string): string =>
  name.replaceAll(/#([\dA-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));

/** Bytes of the start and end of a file that pdfium has written, in which it says when that was, and gives it an id. */
const [HEAD, TAIL] = [600, 300];

/** The same with spaces for these two, which nothing needs: equal pages are equal bytes, whenever they come in. In place. */
function timeless(pdf: Buffer): Buffer {
  blank(pdf, pdf.toString('latin1', 0, HEAD).match(/\/CreationDate\(D:\d+\)/), 0);
  const from = Math.max(0, pdf.length - TAIL);
  blank(pdf, pdf.toString('latin1', from).match(/\/ID\[<[0-9A-F]*><[0-9A-F]*>\]/), from);
  return pdf;
}

function blank(pdf: Buffer, found: RegExpMatchArray | null, from: number): void {
  if (found?.index !== undefined) pdf.fill(' ', from + found.index, from + found.index + found[0].length);
}
