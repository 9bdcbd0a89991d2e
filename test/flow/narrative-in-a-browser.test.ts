/**
 * Hostile narratives in a real browser: whatever validation accepts is put into a page by innerHTML, as viewers do, and
 * nothing of it may run. Controls show that the attacks do run where nothing guards.
 * https://hl7.org/fhir/R4/narrative.html#xhtml, https://hl7.org/fhir/R4/security.html#narrative
 */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { faultOfNarrative } from '../../src/validation/gate/narrative.js';
import { skipWithoutChromium } from '../support/chromium.js';
import { escaped, PAYLOADS, thatRan } from '../support/markup-attacks.js';
import { DIV } from '../support/structure-rows.js';

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
