/** Markup that runs where nothing guards, and a browser that tells whether it did. */
import assert from 'node:assert/strict';
import { renderedPage } from './chromium.js';

/** What an attacker wants to have run; `RUN` becomes a call that the page notes. */
export const PAYLOADS: readonly string[] = [
  '<img src="x" onerror="RUN"/>',
  '<img src="x" onerror="RUN">',
  '<IMG SRC=x ONERROR=RUN>',
  '<svg xmlns="http://www.w3.org/2000/svg" onload="RUN"></svg>',
  '<svg><image href="x" onerror="RUN"/></svg>',
  '<svg><animate onbegin="RUN" attributeName="x" dur="1s"/></svg>',
  '<math><mtext><table><mglyph><style><img src="x" onerror="RUN"/></style></mglyph></table></mtext></math>',
  '<iframe srcdoc="&lt;script&gt;parent.RUN&lt;/script&gt;"></iframe>',
  '<iframe src="javascript:parent.RUN"></iframe>',
  '<object data="javascript:RUN"></object>',
  '<embed src="javascript:RUN"/>',
  '<video><source onerror="RUN"/></video>',
  '<audio src="x" onerror="RUN"></audio>',
  '<details open="open" ontoggle="RUN"><summary>a</summary></details>',
  '<input autofocus="autofocus" onfocus="RUN"/>',
  '<a href="javascript:RUN">a</a>',
  '<a href=" &#1;java&#10;script:RUN">a</a>',
  '<form action="javascript:RUN"><button>a</button></form>',
  '<b style="animation: x" onanimationstart="RUN">a</b>',
  '<noscript><p title="&lt;/noscript&gt;&lt;img src=x onerror=RUN&gt;">a</p></noscript>',
];

/** As text of XML, or the value of an attribute. */
export const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;').replaceAll("'", '&apos;');

const pageWith = (narratives: readonly string[]): string => `<!doctype html><meta charset="utf-8">
<pre id="ran"></pre>
<script type="application/json" id="given">${JSON.stringify(narratives).replaceAll('<', '\\u003c')}</script>
<script>
const ran = new Set();
const note = number => { ran.add(number); document.getElementById('ran').textContent = JSON.stringify([...ran]); };
JSON.parse(document.getElementById('given').textContent).forEach((markup, number) => {
  const box = document.createElement('section');
  document.body.append(box);
  box.innerHTML = markup;
  for (const link of box.querySelectorAll('a[href]')) if (link.protocol === 'javascript:') note(number);
});
</script>`;

/** Which of the narratives ran, by their numbers. */
export async function thatRan(browser: string, narratives: readonly string[]): Promise<number[]> {
  const page = await renderedPage(
    browser,
    pageWith(narratives.map((text, at) => text.replaceAll('RUN', `note(${at})`))),
  );
  const found = /<pre id="ran">([^<]*)<\/pre>/.exec(page);
  assert.ok(found, 'the page came up');
  return JSON.parse(found[1] || '[]') as number[];
}
