/**
 * HTML as text: what a reader would see of it, a line for each block and row. Nothing of it is run or fetched. Tags are found as
 * https://html.spec.whatwg.org/multipage/parsing.html says, as far as texts need it.
 */

export interface HtmlText {
  readonly text: string;
  /** Pictures and other things that no text can show. */
  readonly pictures: number;
  /** False where what is hidden and what is not cannot be told, or the reader of the file may see more than the text. */
  readonly complete: boolean;
}

/** Elements whose content is no text. */
const UNSEEN = new Set(['script', 'style', 'title', 'template', 'object', 'svg']);
const RAW = new Set(['script', 'style']);
const PICTURES = new Set(
  'img svg math object embed canvas video audio iframe input select textarea meter progress'.split(' '),
);
const BLOCKS = new Set(
  (
    'address article aside blockquote body br caption center dd div dl dt fieldset figure figcaption footer form h1 h2 h3 h4 h5 h6 header hr ' +
    'html li main nav ol option p pre section table tbody tfoot thead tr ul'
  ).split(' '),
);
const ENTITIES: Readonly<Record<string, string>> = {
  ...{
    amp: '&',
    lt: '<',
    gt: '>',
    quot: '"',
    apos: "'",
    nbsp: '\u00A0',
    copy: '©',
    reg: '®',
    deg: '°',
    micro: 'µ',
    plusmn: '±',
  },
  ...{
    ndash: '–',
    mdash: '—',
    lsquo: '‘',
    rsquo: '’',
    ldquo: '“',
    rdquo: '”',
    bull: '•',
    hellip: '…',
    times: '×',
    frac12: '½',
  },
  ...{
    auml: 'ä',
    ouml: 'ö',
    uuml: 'ü',
    Auml: 'Ä',
    Ouml: 'Ö',
    Uuml: 'Ü',
    szlig: 'ß',
    eacute: 'é',
    egrave: 'è',
    agrave: 'à',
  },
  ...{
    ccedil: 'ç',
    ntilde: 'ñ',
    oacute: 'ó',
    iacute: 'í',
    aacute: 'á',
    uacute: 'ú',
    euro: '€',
    middot: '·',
    sect: '§',
    para: '¶',
  },
};

/** Styles and attributes that hide something: what is hidden is written, too, but a reader would not see it. */
const HIDES = /display\s{0,9}:\s{0,9}none|visibility\s{0,9}:\s{0,9}hidden|<[^<>]{0,999}\shidden(?=[\s=>/])/i;

export function htmlAsText(source: string): HtmlText {
  const lines = new TextLines();
  let unseen: string | undefined;
  let depth = 0;
  let pictures = 0;
  for (const token of tokens(source)) {
    if (token.kind === 'text') {
      if (unseen === undefined) lines.write(decoded(token.text));
      continue;
    }
    const { name, closing, empty } = token;
    if (unseen !== undefined) {
      if (name === unseen && (closing || !empty)) depth += closing ? -1 : 1;
      if (depth === 0) unseen = undefined;
      continue;
    }
    if (!closing && PICTURES.has(name)) pictures++;
    if (!closing && UNSEEN.has(name) && (!empty || RAW.has(name))) [unseen, depth] = [name, 1];
    lines.tag(name, closing);
  }
  // What is never closed holds all that is behind it.
  return { text: lines.end(), pictures, complete: unseen === undefined && !HIDES.test(source) };
}

/** Gathers lines: white space is one space, but within `pre`. */
class TextLines {
  readonly #lines: string[] = [];
  #line = '';
  #pre = 0;

  write(text: string): void {
    if (this.#pre === 0) this.#line += text;
    else
      for (const [n, part] of text.split('\n').entries()) {
        if (n > 0) this.#end();
        this.#line += part;
      }
  }

  tag(name: string, closing: boolean): void {
    if (BLOCKS.has(name)) this.#end();
    if (name === 'pre') this.#pre = closing ? Math.max(0, this.#pre - 1) : this.#pre + 1;
    if (!closing && name === 'li') this.#line += '• ';
    if (closing && (name === 'td' || name === 'th')) this.#line += '   ';
  }

  #end(): void {
    const found = this.#pre > 0 ? this.#line.trimEnd() : this.#line.replaceAll(/[ \t\r\n\f]+/g, ' ').trim();
    if (found !== '') this.#lines.push(found);
    this.#line = '';
  }

  end(): string {
    this.#end();
    return this.#lines.join('\n');
  }
}

type Token =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'tag'; readonly name: string; readonly closing: boolean; readonly empty: boolean };

/** Goes through the text once. */
function* tokens(source: string): Generator<Token> {
  for (let at = 0; at < source.length; ) {
    const open = source.indexOf('<', at);
    if (open < 0) {
      yield { kind: 'text', text: source.slice(at) };
      return;
    }
    if (open > at) yield { kind: 'text', text: source.slice(at, open) };
    if (source.startsWith('<!--', open)) {
      const close = source.indexOf('-->', open + 4);
      at = close < 0 ? source.length : close + 3;
      continue;
    }
    const name = /^<(\/?)([a-z][a-z0-9:-]{0,30})/i.exec(source.slice(open, open + 40));
    if (!name && !/^<[!?/]/.test(source.slice(open, open + 2))) {
      yield { kind: 'text', text: '<' };
      at = open + 1;
      continue;
    }
    const close = endOfTag(source, open + (name?.[0].length ?? 1));
    at = close;
    if (!name) continue;
    const tag = name[2]!.toLowerCase();
    const closing = name[1] === '/';
    yield { kind: 'tag', name: tag, closing, empty: source[close - 2] === '/' };
    if (closing || !RAW.has(tag)) continue;
    const behind = source.slice(at).search(new RegExp(`</${tag}`, 'i'));
    at = behind < 0 ? source.length : at + behind;
  }
}

/** Behind the `>` that ends a tag, which is none within quotes. */
function endOfTag(source: string, from: number): number {
  let quote = '';
  for (let at = from; at < source.length; at++) {
    const char = source[at]!;
    if (quote !== '') {
      if (char === quote) quote = '';
    } else if (char === '"' || char === "'") quote = char;
    else if (char === '>') return at + 1;
  }
  return source.length;
}

const decoded = (text: string): string =>
  text.replaceAll(
    /&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|([a-z][a-z0-9]{1,10}));/gi,
    (whole, hex?: string, digits?: string, name?: string) => {
      if (name !== undefined) return Object.hasOwn(ENTITIES, name) ? ENTITIES[name]! : whole;
      const code = hex === undefined ? Number(digits) : Number.parseInt(hex, 16);
      return code > 0 && code <= 0x10_ff_ff && (code < 0xd800 || code > 0xdfff) ? String.fromCodePoint(code) : '\uFFFD';
    },
  );
