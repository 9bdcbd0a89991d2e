/** What a resource says: narrative and the texts that people read. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { loadDefinitions } from '../../../src/fhir/definitions.js';
import type { Resource } from '../../../src/fhir/resource.js';
import { textOfXhtml } from '../../../src/fhir/xml/xhtml-text.js';
import { VALUE_BOUNDARY, parseWords, containsWords } from '../../../src/search/words.js';
import { MAX_WORDS, wordsOf } from '../../../src/search/words-of.js';

const definitions = loadDefinitions();
const said = (resource: Resource) => wordsOf(resource, definitions);
const div = (inner: string) => `<div xmlns="http://www.w3.org/1999/xhtml">${inner}</div>`;

describe('the text of a narrative', () => {
  const rows: readonly (readonly [html: string, text: string])[] = [
    ['<p title="no">a</p><p>b</p>', 'a b'],
    ['H<sub>2</sub>O <b>bo</b>ld', 'H2O bold'],
    ['a<br/>b', 'a b'],
    ['<td>1</td><td>2</td>', '1 2'],
    ['a &amp; b &lt;c&gt; &#233;&#xE9;&#x1F600;', 'a & b <c> éé😀'],
    ['&nbsp; &#x110000; &#99999999;', '&nbsp; &#99999999;'],
    ['a<!-- no > -->b', 'ab'],
    ['<![CDATA[x < y]]>', 'x < y'],
    ['<a href="a>b" title=\'c>d\'>e</a>', 'e'],
  ];
  for (const [html, text] of rows)
    it(`${html} is ${text}`, () => assert.equal(textOfXhtml(div(html)).replace(/\s+/g, ' ').trim(), text));

  it('is read as far as it goes where it is not well-formed', () => {
    for (const html of ['<', '<!--', '<![CDATA[', 'a<b c="', 'a<b', '</', '<>'])
      assert.equal(typeof textOfXhtml(html), 'string');
  });

  it('takes time in proportion to its length', () => {
    for (const piece of ['<', '<a "', "<a '", '&', '&#', '<!--', '<![CDATA['])
      assert.equal(typeof textOfXhtml(piece.repeat(200_000)), 'string');
  });
});

describe('what a resource says', () => {
  const patient: Resource = {
    resourceType: 'Patient',
    id: 'idword',
    meta: { versionId: '1', profile: ['http://profileword'], tag: [{ code: 'tagcode', display: 'Tag display' }] },
    language: 'langword',
    text: { status: 'generated', div: div('<p>Narrative <b>word</b>s</p>') },
    contained: [{ resourceType: 'Organization', id: 'x', name: 'Contained Hospital' }],
    extension: [
      { url: 'http://extensionurl', valueString: 'Extension string' },
      { url: 'http://b', extension: [{ url: 'inner', valueMarkdown: 'nested *markdown*' }] },
    ],
    identifier: [{ system: 'http://system', value: 'identifiervalue', type: { text: 'Medical record number' } }],
    active: true,
    name: [
      { family: 'Müller', given: ['Ana', null], _given: [null, { extension: [{ url: 'u', valueString: 'Sibling' }] }] },
    ],
    telecom: [{ system: 'phone', value: '555-1234' }],
    gender: 'genderword',
    birthDate: '1980-01-01',
    address: [{ line: ['Main Street 1'], city: 'Boston' }],
    photo: [{ contentType: 'image/png', data: 'ZGF0YXdvcmQ=', title: 'Portrait' }],
    managingOrganization: { reference: 'Organization/referenceword', display: 'Managing House' },
  };

  it('is in its narrative', () => assert.deepEqual(said(patient).text, ['narrative', 'words']));

  it('is the narrative and all texts for people', () => {
    const { text, content } = said(patient);
    assert.deepEqual(content.slice(0, text.length + 1), [...text, VALUE_BOUNDARY]);
    for (const value of [
      'narrative',
      '"tag display"',
      '"contained hospital"',
      '"extension string"',
      '"nested markdown"',
      '"medical record number"',
      'muller ana',
      'sibling',
      '"555 1234"',
      '"main street 1" boston',
      'portrait',
      '"managing house"',
    ])
      assert.ok(containsWords(parseWords('_content', value), content), value);
  });

  it('is no id, code, URL, date, identifier, base64', () => {
    const { content } = said(patient);
    for (const value of [
      'idword',
      'profileword',
      'tagcode',
      'langword',
      'generated',
      'extensionurl',
      'http',
      'system',
      'identifiervalue',
      'true',
      'phone',
      'genderword',
      '1980',
      'png',
      'zgf0yxdvcmq',
      'organization',
      'referenceword',
    ])
      assert.ok(!content.includes(value), value);
  });

  it('is in texts, units and notes of an Observation', () => {
    const { text, content } = said({
      resourceType: 'Observation',
      status: 'final',
      code: {
        coding: [{ system: 'http://loinc.org', version: '2.73', code: '8480-6', display: 'Systolic' }],
        text: 'Systolic',
      },
      valueQuantity: { value: 120, unit: 'mmHg', code: 'mm[Hg]' },
      component: [{ code: { text: 'Part' }, valueString: 'string value' }],
      note: [{ text: 'a *note*' }],
      referenceRange: [{ text: 'normal range' }],
    });
    assert.deepEqual(text, []);
    assert.deepEqual(
      content.join(' '),
      ['systolic', 'mmhg', 'part', 'string value', 'a note', 'normal range'].join(` ${VALUE_BOUNDARY} `),
    );
  });

  it('is in the sections of a document, and of enclosed resources it is no narrative', () => {
    const composition: Resource = {
      resourceType: 'Composition',
      section: [
        {
          title: 'Titleword',
          text: { status: 'generated', div: div('Sectionword') },
          section: [{ text: { div: div('Deep') } }],
        },
      ],
    };
    assert.deepEqual(said(composition).text, ['sectionword', VALUE_BOUNDARY, 'deep']);
    const bundle = said({
      resourceType: 'Bundle',
      type: 'document',
      entry: [{ fullUrl: 'urn:x', resource: composition }],
    });
    assert.deepEqual(bundle.text, []);
    assert.deepEqual(bundle.content.join(' '), ['titleword', 'sectionword', 'deep'].join(` ${VALUE_BOUNDARY} `));
  });

  it('is nothing for AuditEvents', () =>
    assert.deepEqual(said({ resourceType: 'AuditEvent', outcomeDesc: 'words' }), { text: [], content: [] }));

  it('passes over what has no place in the type', () =>
    assert.deepEqual(
      said({
        resourceType: 'Basic',
        name: 'x',
        text: 'y',
        code: ['z', { text: 'kept' }],
        contained: [null, 1, { resourceType: '__proto__', text: 'n' }],
      }).content,
      ['kept'],
    ));

  it('ends at its limits', () => {
    const many = said({ resourceType: 'Basic', code: { text: 'w '.repeat(MAX_WORDS + 10) } });
    assert.equal(many.content.length, MAX_WORDS);
    const long = said({ resourceType: 'Basic', code: { text: `${'x'.repeat(64)} `.repeat(40_000) } });
    assert.ok(long.content.length < 16_000);
    const both = said({
      resourceType: 'Basic',
      text: { status: 'generated', div: div('t '.repeat(MAX_WORDS + 10)) },
      code: { text: 'others' },
    });
    assert.equal(both.text.length, MAX_WORDS);
    assert.deepEqual(both.content.slice(MAX_WORDS), [VALUE_BOUNDARY, 'others']);
  });
});
