/** C-CDA documents with attacks planted in them, where a renderer could pass them on. */
import type { Random } from './random.js';
import { escaped, PAYLOADS } from './markup-attacks.js';

const SVG = 'xmlns="http://www.w3.org/2000/svg"';
const HTML = 'xmlns="http://www.w3.org/1999/xhtml"';

/** Markup of a narrative, around a payload. */
const PLANTED: readonly ((payload: string) => string)[] = [
  // As elements of CDA, which a renderer that passes names on would run.
  () => '<img src="x" onerror="RUN"/>',
  () => '<a href="javascript:RUN">a</a>',
  () => '<details open="open" ontoggle="RUN"><summary>a</summary></details>',
  () => '<content><video><source onerror="RUN"/></video><input autofocus="autofocus" onfocus="RUN"/></content>',
  payload => escaped(payload),
  payload => `<![CDATA[${payload}]]>`,
  payload => `<content ID="${escaped(`x" onmouseover="RUN`)}" styleCode="${escaped(payload)}">a</content>`,
  payload => `<content onmouseover="RUN" style="background:url(https://evil.example/x)">${escaped(payload)}</content>`,
  () => '<linkHtml href="javascript:RUN">a</linkHtml>',
  () => '<linkHtml href=" &#10;java&#10;script:RUN">a</linkHtml>',
  () => '<linkHtml href="data:text/html,&lt;script>RUN&lt;/script>">a</linkHtml>',
  () => '<linkHtml href="vbscript:RUN">a</linkHtml>',
  () => '<linkHtml href="//evil.example/a">a</linkHtml>',
  () => '<linkHtml href="https://good.example/&quot; onclick=&quot;RUN">a</linkHtml>',
  () => '<linkHtml href="#&quot; onclick=&quot;RUN">a</linkHtml>',
  payload => `<script>RUN</script><style>@import "https://evil.example/x";</style>${escaped(payload)}`,
  () => `<h:script ${HTML.replace('xmlns', 'xmlns:h')}>RUN</h:script>`,
  () => `<svg ${SVG} onload="RUN"><script>RUN</script></svg>`,
  () => `<iframe ${HTML} src="javascript:RUN"/><object data="javascript:RUN"/><img src="x" onerror="RUN"/>`,
  () => '<renderMultiMedia referencedObject="MMX MMY https://evil.example/x.png"/>',
  () => '<table onclick="RUN"><tr><td colspan="1&quot; onclick=&quot;RUN" rowspan="-1">a</td></tr></table>',
  payload =>
    `<table><caption>${escaped(payload)}</caption>text<tr>more<content>a</content></tr><script>RUN</script></table>`,
  payload =>
    `<list listType="&quot;><script>RUN</script>"><item>${escaped(payload)}</item>${escaped(payload)}</list>`.replaceAll(
      '"&quot;><script>RUN</script>"',
      '"&quot;&gt;&lt;script&gt;RUN&lt;/script&gt;"',
    ),
  () => '<footnoteRef IDREF="&quot;&gt;&lt;img src=x onerror=RUN&gt;"/>',
  payload =>
    `<paragraph><paragraph><table><tbody><tr><td><list><item>${escaped(payload)}</item></list></td></tr></tbody></table></paragraph></paragraph>`,
  () => '<?php RUN ?><!-- --><script>RUN</script> --><br onload="RUN"/>',
];

/** A drawing that calls itself an image, and an image with a handler in its type. */
const MEDIA = `<entry><observationMedia ID="MMX"><value mediaType="image/svg+xml" representation="B64">${Buffer.from(`<svg ${SVG} onload="RUN"/>`).toString('base64')}</value></observationMedia></entry>
<entry><observationMedia ID="MMY"><value mediaType="image/png&quot; onerror=&quot;RUN" representation="B64">${Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64').toString('base64')}</value></observationMedia></entry>`;

/** Places of a document: behind which markup, and whether it is narrative there. */
const PLACES: readonly (readonly [before: RegExp, narrative: boolean])[] = [
  [/<text>/g, true],
  [/<td>/g, true],
  [/<item>/g, true],
  [/<paragraph>/g, true],
  [/<title>/g, false],
  [/<family>/g, false],
  [/<given>/g, false],
  [/<name>/g, false],
];

/** One of the documents, changed in some places; `RUN` stands for what would run. */
export function attackedDocument(random: Random, documents: readonly string[]): string {
  let text = random.pick(documents);
  for (let n = 0; n < 4; n++) {
    const [before, narrative] = random.pick(PLACES);
    const places = [...text.matchAll(before)].map(({ index, 0: found }) => index + found.length);
    if (places.length === 0) continue;
    const at = random.pick(places);
    const payload = random.pick(PAYLOADS);
    const planted = narrative ? random.pick(PLANTED)(payload) : escaped(payload);
    text = `${text.slice(0, at)}${planted}${text.slice(at)}`;
  }
  const section = text.indexOf('</text>');
  return section < 0 ? text : `${text.slice(0, section + 7)}${MEDIA}${text.slice(section + 7)}`;
}
