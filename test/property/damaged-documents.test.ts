/** Documents that are cut off or changed anywhere are read or not, shown or not; nothing of them is a fault, and no page is unsafe. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { contentTypeOf } from '../../src/fhir/content/content-type.js';
import { UnreadableXml } from '../../src/features/documents/read/cda-xml.js';
import { metadataIn } from '../../src/features/documents/read/kinds.js';
import { TooMuchHtml } from '../../src/features/documents/render/narrative.js';
import { htmlPage } from '../../src/interactions/response/shown-page.js';
import { shownPage } from '../../src/features/documents/render/pages.js';
import { depthOf } from '../support/depth.js';
import { DOCUMENTS, readPayloads } from '../support/documents.js';
import { skipWithout } from '../support/shared.js';
import { unsafeParts } from '../support/strict-html.js';

const NOTHING = htmlPage('', '');

/** What is shown of it; undefined where its reader gives up. */
function pageOrNone(bytes: Uint8Array, type: string): string | undefined {
  try {
    return shownPage(Buffer.from(bytes), type);
  } catch (error) {
    assert.ok(error instanceof UnreadableXml || error instanceof TooMuchHtml, String(error));
    return undefined;
  }
}

describe('damaged documents', () => {
  it('are read and shown or not, wherever they are cut off or changed', async function () {
    const payloads = readPayloads(skipWithout(this, ...DOCUMENTS));
    let seed = 11;
    const next = (below: number) => (seed = (seed * 48_271) % 2_147_483_647) % below;
    const outcomes = { read: 0, not: 0 };
    for (const { file, bytes } of payloads) {
      const type = (await contentTypeOf(bytes))!;
      // Every tenth byte, where a file is as small as that.
      const step = Math.max(10, Math.ceil(bytes.length / depthOf('DOCUMENTS')));
      for (let end = 0; end < bytes.length; end += step) {
        const changed = new Uint8Array(bytes);
        for (let n = 0; n < 4; n++) changed[next(Math.min(bytes.length, 4096))] = next(256);
        for (const damaged of [new Uint8Array(bytes.subarray(0, end)), changed]) {
          const found = await metadataIn(damaged, type);
          if (found) {
            outcomes.read++;
            assert.ok(found.contentType !== '' && (found.pages ?? 1) > 0 && (found.width ?? 1) > 0, file);
          } else outcomes.not++;
          assert.deepEqual(unsafeParts(pageOrNone(damaged, type) ?? NOTHING), [], file);
        }
      }
    }
    assert.ok(outcomes.read > 0 && outcomes.not > 0, JSON.stringify(outcomes));
  });
});
