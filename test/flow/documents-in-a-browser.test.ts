/**
 * Documents with planted attacks in a real browser: what the server shows of them is put into a page that lets everything run, without
 * the policy that the server sends, and nothing runs. A control shows that the documents as they are do.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { shownPage } from '../../src/features/documents/render/pages.js';
import { attackedDocument } from '../support/attacked-documents.js';
import { skipWithoutChromium } from '../support/chromium.js';
import { readCdaExamples } from '../support/documents.js';
import { thatRan } from '../support/markup-attacks.js';
import { createRandom } from '../support/random.js';
import { skipWithout } from '../support/shared.js';

describe('attacked documents in a browser', () => {
  it('run as they are, and not as they are shown', async function () {
    const browser = skipWithoutChromium(this);
    const examples = readCdaExamples(skipWithout(this, 'data', 'ccda-hl7-examples'))
      .map(({ text }) => text)
      .filter(text => /<ClinicalDocument[^>]*xmlns="urn:hl7-org:v3"/.test(text) && text.length < 100_000);
    const random = createRandom(44);
    const attacked = Array.from({ length: 60 }, () => attackedDocument(random, examples));
    const shown = attacked.map(
      text => /<body>([\s\S]*)<\/body>/.exec(shownPage(Buffer.from(text), 'application/xml')!)![1]!,
    );
    assert.ok((await thatRan(browser, attacked)).length > 5, 'some of them run where nothing guards');
    assert.ok(shown.filter(text => text.includes('RUN')).length > 30, 'most are seen, as text');
    assert.deepEqual(await thatRan(browser, shown), []);
  });
});
