/** Texts that may label elements: a look at their bytes, before anything is parsed. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { mayLabelElements } from '../../../src/access/inline-labels.js';
import { labelledTypes } from '../../../src/access/masked-search.js';

const URL = 'http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label';
const inText = (url: string): string => `{"resourceType":"Basic","extension":[{"url":"${url}"}]}`;
const escaped = (char: string): string => String.raw`\u00${char.codePointAt(0)!.toString(16)}`;

describe('a text that may label elements', () => {
  const says = (text: string): boolean => {
    const told = mayLabelElements(text);
    assert.equal(mayLabelElements(Buffer.from(text)), told);
    return told;
  };

  it('has the address of the extension, whichever character of its name is an escape', () => {
    assert.ok(says(inText(URL)));
    const name = URL.slice(URL.lastIndexOf('/') + 1);
    for (const char of new Set(name)) {
      for (const escape of [escaped(char), escaped(char).toUpperCase().replace('U', 'u')]) {
        const hidden = URL.replaceAll(char, escape);
        assert.equal(JSON.parse(`"${hidden}"`), URL);
        assert.ok(says(inText(hidden)), escape);
      }
    }
  });

  it('has no other one, and escapes of other characters do not count', () => {
    assert.ok(!says(inText('http://hl7.org/fhir/StructureDefinition/other')));
    assert.ok(!says(String.raw`{"div":"\u00e9 \u0022 \u003c \u2d00 \u0150 \"\\"}`));
  });
});

describe('types with elements that have labels', () => {
  it('are asked of the store, once they are found: audit events as well, which others may have sent', async () => {
    let asked = 0;
    const store = {
      count: async () => ({ count: ++asked > 0 ? 1 : 0, exact: true }),
      find: () => Promise.reject(new Error('nothing is looked at')),
    };
    for (let time = 0; time < 2; time++)
      assert.deepEqual(await labelledTypes(store, ['AuditEvent', 'Binary']), ['AuditEvent']);
    assert.equal(asked, 1);
  });
});
