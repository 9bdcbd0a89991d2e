/**
 * Hostile narratives in a real browser: whatever validation accepts is put into a page by innerHTML, as viewers do, and
 * nothing of it may run. Controls show that the attacks do run where nothing guards.
 * https://hl7.org/fhir/R4/narrative.html#xhtml, https://hl7.org/fhir/R4/security.html#narrative
 */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { faultOfNarrative } from '../../src/validation/gate/narrative.js';
import { renderedPage, skipWithoutChromium } from '../support/chromium.js';
import { DIV } from '../support/structure-rows.js';

/** What an attacker wants to have run; `RUN` becomes a call that the page notes. */
const PAYLOADS: readonly string[] = [
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

/** Where the payload hides. */
const HIDDEN: readonly (readonly [where: string, wrap: (payload: string) => string])[] = [
  ['in the open', payload => payload],
  ['in a comment', payload => `<!-- ${payload} -->`],
  ['in a comment that HTML ends at once', payload => `<!-->${payload}-->`],
  ['in a comment that HTML ends after a hyphen', payload => `<!--->${payload}-->`],
  ['in a comment that HTML ends at an exclamation mark', payload => `<!-- --!>${payload}-->`],
  ['in a conditional comment', payload => `<!--[if IE]>${payload}<![endif]-->`],
  ['in CDATA', payload => `<![CDATA[${payload}]]>`],
  ['in CDATA that HTML ends at once', payload => `<![CDATA[>${payload}]]>`],
  ['behind CDATA in two parts', payload => `<![CDATA[<!-- ]]>a<![CDATA[-->${payload}]]>`],
  ['in a processing instruction', payload => `<?x >${payload}?>`],
  ['in a declaration', payload => `<!x >${payload}`],
  ['in an attribute', payload => `<p title='&quot;>${escaped(payload)}'>a</p>`],
  ['in an attribute that closes a comment', payload => `<!-- a --><p title="-->${escaped(payload)}">a</p>`],
  ['as text', payload => escaped(payload)],
  ['as text in a preformatted block', payload => `<pre>\n${escaped(payload)}</pre>`],
  ['under another prefix', payload => `<h:p xmlns:h="http://www.w3.org/1999/xhtml">${payload}</h:p>`],
  ['in a table that HTML takes apart', payload => `<table><caption>${payload}</caption><tr><td/></tr></table>`],
  ['behind elements that HTML does not close', payload => `<b/><i/><a name="a"/>${payload}`],
  ['in an element that holds raw text', payload => `<style>${payload}</style><title>${payload}</title>`],
];

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;').replaceAll("'", '&apos;');

const pageOf = (narratives: readonly string[]): string => `<!doctype html><meta charset="utf-8">
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
async function thatRan(browser: string, narratives: readonly string[]): Promise<number[]> {
  const page = await renderedPage(browser, pageOf(narratives.map((text, at) => text.replaceAll('RUN', `note(${at})`))));
  const found = /<pre id="ran">([^<]*)<\/pre>/.exec(page);
  assert.ok(found, 'the page came up');
  return JSON.parse(found[1] || '[]') as number[];
}

describe('hostile narratives in a browser', () => {
  const attacks = HIDDEN.flatMap(([where, wrap]) =>
    PAYLOADS.map(payload => ({ name: `${payload} ${where}`, div: `${DIV}${wrap(payload)}</div>` })),
  );

  it('run where nothing guards', async function () {
    const browser = skipWithoutChromium(this);
    const ran = await thatRan(
      browser,
      attacks.map(({ div }) => div),
    );
    const where = HIDDEN.filter((_, at) => ran.some(number => Math.floor(number / PAYLOADS.length) === at));
    for (const known of [
      'in the open',
      'in a comment that HTML ends at once',
      'in a comment that HTML ends after a hyphen',
      'in a comment that HTML ends at an exclamation mark',
      'in CDATA that HTML ends at once',
    ])
      assert.ok(
        where.some(([name]) => name === known),
        known,
      );
    assert.ok(ran.length > 100, `${ran.length} of ${attacks.length} ran`);
  });

  it(`do not run once they are accepted, ${attacks.length} of them`, async function () {
    const browser = skipWithoutChromium(this);
    const accepted = attacks.filter(({ div }) => faultOfNarrative(div) === undefined);
    assert.ok(accepted.length >= PAYLOADS.length, 'some are harmless, as text or in a comment, and are accepted');
    const ran = await thatRan(
      browser,
      accepted.map(({ div }) => div),
    );
    assert.deepEqual(
      ran.map(number => accepted[number]!.name),
      [],
    );
  });
});
