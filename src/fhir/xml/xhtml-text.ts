/**
 * The text of a narrative's div as a reader sees it: without tags, attributes and comments, entities decoded.
 * https://hl7.org/fhir/R4/narrative.html
 *
 * Choices: elements within a line (b, sub, span …) join what they stand between, so that `H<sub>2</sub>O` is one word;
 * all others part it. Linear in the length of the div, whatever it holds: what is not well-formed is read as far as it goes.
 */

/** Elements that do not part words. */
const INLINE = new Set(
  'a abbr acronym b bdo big cite code dfn em i kbd q samp small span strong sub sup tt var'.split(' '),
);

const TAG_NAME = /\/?([\w:.-]*)/y;

export function textOfXhtml(div: string): string {
  let text = '';
  let at = 0;
  for (;;) {
    const open = div.indexOf('<', at);
    if (open < 0) return text + decodeEntities(div.slice(at));
    text += decodeEntities(div.slice(at, open));
    if (div.startsWith('<!--', open)) at = behind(div, '-->', open + 4);
    else if (div.startsWith('<![CDATA[', open)) {
      at = behind(div, ']]>', open + 9);
      text += div.slice(open + 9, Math.max(open + 9, at - 3));
    } else {
      TAG_NAME.lastIndex = open + 1;
      const name = TAG_NAME.exec(div)?.[1] ?? '';
      if (!INLINE.has(name.slice(name.indexOf(':') + 1))) text += ' ';
      at = endOfTag(div, open + 1);
    }
  }
}

const behind = (text: string, end: string, from: number): number => {
  const found = text.indexOf(end, from);
  return found < 0 ? text.length : found + end.length;
};

/** Behind the `>` that is in no attribute's value. */
function endOfTag(div: string, from: number): number {
  for (let at = from; at < div.length; at++) {
    const char = div[at];
    if (char === '>') return at + 1;
    if (char !== '"' && char !== "'") continue;
    const close = div.indexOf(char, at + 1);
    if (close < 0) return div.length;
    at = close;
  }
  return div.length;
}

const ENTITY = /&(?:#x([\da-f]{1,6})|#(\d{1,7})|(amp|lt|gt|quot|apos));/gi;
const NAMED_ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

const decodeEntities = (text: string): string =>
  text.includes('&')
    ? text.replace(ENTITY, (_, hex?: string, decimal?: string, name?: string) => {
        if (name !== undefined) return NAMED_ENTITIES[name.toLowerCase()]!;
        const point = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
        return point <= 0x10ffff ? String.fromCodePoint(point) : ' ';
      })
    : text;
