/** FHIR documents as pages: what is shown of them in JSON and XML, and that nothing of an attacker's is. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { isShowable, shownPage } from '../../../src/features/documents/render/pages.js';
import { escaped, PAYLOADS } from '../../support/markup-attacks.js';
import { unsafeParts } from '../../support/strict-html.js';

const XHTML = 'http://www.w3.org/1999/xhtml';
const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

const bundleOf = (div: string, title = 'Findings') => ({
  resourceType: 'Bundle',
  type: 'document',
  identifier: { system: 'urn:ietf:rfc:3986', value: 'urn:uuid:1' },
  entry: [
    {
      fullUrl: 'http://example.org/Composition/c',
      resource: {
        resourceType: 'Composition',
        language: 'en-US',
        status: 'final',
        type: { coding: [{ code: '1', display: 'Note' }] },
        subject: { reference: 'Patient/p' },
        date: '2026-01-02',
        author: [{ reference: 'urn:uuid:o' }, { display: 'Somebody' }],
        title: 'A note',
        section: [
          { title, text: { status: 'generated', div }, section: [{ title: 'Inner', text: { div: divOf('deep') } }] },
        ],
      },
    },
    {
      fullUrl: 'http://example.org/Patient/p',
      resource: {
        resourceType: 'Patient',
        text: { status: 'generated', div: divOf('the patient') },
        name: [{ given: ['Ann', 'B.'], family: `O'Neil` }],
        birthDate: '1970-05',
      },
    },
    { fullUrl: 'urn:uuid:o', resource: { resourceType: 'Organization', name: 'House' } },
  ],
});
const divOf = (inner: string): string => `<div xmlns="${XHTML}">${inner}</div>`;

/** A resource of the test as XML: its members stand in the order of R4. */
function xmlOf(name: string, value: unknown): string {
  if (name === 'div') return String(value);
  if (Array.isArray(value)) return value.map(one => xmlOf(name, one)).join('');
  if (typeof value !== 'object' || value === null) return `<${name} value="${escaped(String(value))}"/>`;
  const { resourceType, ...members } = value as Record<string, unknown>;
  const inside = Object.entries(members)
    .map(([key, one]) => xmlOf(key, one))
    .join('');
  const typed = typeof resourceType === 'string' ? `<${resourceType}>${inside}</${resourceType}>` : inside;
  return name === '' ? typed : `<${name}>${typed}</${name}>`;
}

type Form = (bundle: object) => string | undefined;
const FORMS: readonly (readonly [string, Form])[] = [
  ['JSON', bundle => shownPage(Buffer.from(JSON.stringify(bundle)), 'text/plain')],
  [
    'XML',
    bundle =>
      shownPage(
        Buffer.from(xmlOf('', bundle).replace('<Bundle>', '<Bundle xmlns="http://hl7.org/fhir">')),
        'application/fhir+xml',
      ),
  ],
];

/** Of the section, without the one in it. */
const narrativeOf = (page: string): string => /<h2>Findings<\/h2>([\s\S]*?)<section>/.exec(page)![1]!;

for (const [form, render] of FORMS)
  describe(`a FHIR document in ${form} as a page`, () => {
    it('has its header, and the narratives in their order', () => {
      const page = render(bundleOf(divOf('<p>found</p>')))!;
      assert.deepEqual(unsafeParts(page), []);
      assert.match(page, /<html lang="en-US">.*<title>A note<\/title>/s);
      for (const [label, value] of [
        ['Patient', 'Ann B. O&#39;Neil'],
        ['Birth date', '1970-05'],
        ['Kind', 'Note'],
        ['Authors', 'House; Somebody'],
        ['Document id', 'urn:uuid:1'],
      ])
        assert.ok(page.includes(`<tr><th>${label}</th><td>${value}</td></tr>`), label);
      assert.match(page, /the patient.*<h2>Findings<\/h2><div class="paragraph">found<\/div>.*<h3>Inner<\/h3>deep/s);
    });

    for (const [what, inner, html] of [
      ['headings', '<h1>a</h1>', '<div class="paragraph bold">a</div>'],
      ['emphasis', '<b>a</b><i>b</i>', '<span class="bold">a</span><span class="italics">b</span>'],
      ['lists', '<ol><li>a</li></ol>', '<ol><li>a</li></ol>'],
      ['lines as they were written', '<pre>a\nb</pre>', '<span>a<br/>b</span>'],
      [
        'tables',
        '<table class="grid"><thead><tr><th>h</th></tr></thead><tbody><tr><td colspan="2">a</td></tr></tbody></table>',
        '<table><thead><tr><th>h</th></tr></thead><tbody><tr><td colspan="2">a</td></tr></tbody></table>',
      ],
      [
        'links, those within it too',
        '<a href="https://example.org/">a</a><a href="#x">b</a><span id="x">c</span>',
        '<a rel="noopener noreferrer" href="https://example.org/">a</a><a href="#n1">b</a><span id="n1">c</span>',
      ],
      [
        'images that it brings along',
        `<img src="data:image/png;base64,${PNG}" alt="x"/>`,
        `<img alt="" src="data:image/png;base64,${PNG}"/>`,
      ],
      ['no image from elsewhere', '<img src="https://evil.example/x.png" alt=""/>', '<em>[image]</em>'],
      [
        'no script, and no style',
        '<script>RUN</script><style>a{}</style><p style="x" onclick="RUN">a</p>',
        '<div class="paragraph">a</div>',
      ],
      ['no link that runs', '<a href="javascript:RUN">a</a>', 'a'],
      ['what is not known as its text', '<video><b>a</b></video>', '<span class="bold">a</span>'],
      ['no drawings', '<svg xmlns="http://www.w3.org/2000/svg" onload="RUN"><script>RUN</script></svg>b', 'b'],
    ] as const)
      it(`shows ${what}`, () => {
        const page = render(bundleOf(divOf(inner)))!;
        assert.deepEqual(unsafeParts(page), []);
        assert.equal(narrativeOf(page), html);
      });

    it('passes nothing on that could run, wherever it is planted', () => {
      for (const payload of PAYLOADS) {
        const planted = escaped(payload);
        const inner = `<p id="${planted}" class="${planted}">${planted}<a href="${planted}">a</a><img src="${planted}" alt="${planted}"/></p>`;
        const page = render(bundleOf(divOf(inner), payload));
        assert.ok(page !== undefined, payload);
        assert.deepEqual(unsafeParts(page), [], payload);
      }
    });

    it('is none where the Bundle is no document, or has no Composition', () => {
      const { entry, ...rest } = bundleOf(divOf('a'));
      for (const bundle of [{ ...rest, type: 'collection', entry }, { ...rest, entry: entry.slice(1) }, { ...rest }]) {
        const page = render(bundle);
        assert.ok(page === undefined || page.includes('<pre>'), 'text is shown as it is');
      }
    });

    it('is none where it is nested too deeply', () => {
      const deep = `${'<span>'.repeat(200)}a${'</span>'.repeat(200)}`;
      assert.throws(() => render(bundleOf(divOf(deep))), { name: 'UnreadableXml' });
    });
  });

describe('a FHIR document', () => {
  it('can be shown in both forms', () => {
    assert.ok(isShowable('application/fhir+xml') && isShowable('text/plain'));
  });

  it('that has an entity or a document type is not read', () => {
    const bundle = bundleOf('<!DOCTYPE a [<!ENTITY b "c">]><div>&b;</div>');
    assert.throws(() => shownPage(Buffer.from(JSON.stringify(bundle)), 'text/plain'), { name: 'UnreadableXml' });
  });
});
