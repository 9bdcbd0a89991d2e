/** What stands before the root element of an XML document: https://www.w3.org/TR/xml/#sec-prolog-dtd */

/**
 * Behind the byte order mark, white space, comments and processing instructions at the beginning of `text`; undefined where
 * one of them has no end in it.
 */
export function endOfProlog(text: string): number | undefined {
  let at = text.startsWith('\uFEFF') ? 1 : 0;
  for (;;) {
    while (/\s/.test(text[at] ?? '')) at++;
    const end = text.startsWith('<!--', at) ? '-->' : text.startsWith('<?', at) ? '?>' : undefined;
    if (end === undefined) return at;
    const found = text.indexOf(end, at);
    if (found < 0) return undefined;
    at = found + end.length;
  }
}
