/** Letters as data: every kind in every language, with the same places; files that are none are refused. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, it } from 'mocha';
import { letterParagraphs } from '../../../src/features/release/letters/letter.js';
import { languageFor, readLetterTemplates } from '../../../src/features/release/letters/letter-templates.js';
import { groundsOf, readRefusalGrounds } from '../../../src/features/release/letters/refusal-grounds.js';

const profiles = new URL('../../../../profiles/release/', import.meta.url);
const templates = readLetterTemplates(new URL('letters/', profiles));
const folderWith = (files: Readonly<Record<string, string>>): URL => {
  const folder = mkdtempSync(join(tmpdir(), 'chartroom-letters-'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return pathToFileURL(`${folder}/`);
};

describe('letters', () => {
  it('are there in every language, with the same places', () => {
    const english = templates.get('en')!;
    assert.deepEqual([...templates.keys()].toSorted(), ['en', 'es']);
    const shape = (kind: string, language: string) =>
      templates
        .get(language)!
        .get(kind)!
        .paragraphs.map(each => {
          const text = typeof each === 'string' ? each : `${each.if}: ${each.text}`;
          return [typeof each === 'string' ? '' : each.if, ...[...text.matchAll(/\{\w+\}/g)].map(String).toSorted()];
        });
    for (const kind of english.keys()) assert.deepEqual(shape(kind, 'es'), shape(kind, 'en'), kind);
    assert.ok(english.size >= 6);
  });

  it('are found by what a language is a variety of', () =>
    assert.deepEqual(
      ['es', 'es-MX', 'en-US', 'fr', ''].map(each => languageFor(templates, each)),
      ['es', 'es', 'en', undefined, undefined],
    ));

  it('leave out what has nothing to say, and fill each place once', () => {
    const paragraphs = [
      'To {who}',
      '{list}',
      '{none}',
      'a {none} b',
      { if: 'who', text: 'Yes.' },
      { if: 'none', text: 'No.' },
    ];
    const places = { who: '{list} $& {who}', list: ['one', '{who}'], none: '' };
    assert.deepEqual(letterParagraphs({ title: '', paragraphs }, places), [
      'To {list} $& {who}',
      ['one', '{who}'],
      'Yes.',
    ]);
  });

  it('are refused where they have not the form', () => {
    const good = '{"a": {"title": "A", "paragraphs": ["b", {"if": "c", "text": "d"}]}}';
    assert.equal(readLetterTemplates(folderWith({ 'en.json': good, 'note.md': 'x' })).get('en')!.size, 1);
    for (const wrong of [
      '[]',
      '{"a": {}}',
      good.replace('"A"', '1'),
      good.replace('"b"', '1'),
      good.replace('"if"', '"of"'),
    ])
      assert.throws(() => readLetterTemplates(folderWith({ 'en.json': wrong })), /en\.json/, wrong);
    assert.throws(() => readLetterTemplates(folderWith({ 'en.json': good, 'es.json': '{}' })), /es\.json.* a\./);
  });
});

describe('grounds of refusals', () => {
  const file = new URL('rules/refusal-grounds.json', profiles);
  const grounds = readRefusalGrounds(file);

  it('are those of 45 CFR 164.524(a) and 171, reviewable as the rule has it', () => {
    const reviewable = [...grounds]
      .filter(([, each]) => each.reviewable)
      .map(([code, { paragraph }]) => [code, paragraph]);
    assert.deepEqual(reviewable, [
      ['danger', '45 CFR 164.524(a)(3)(i)'],
      ['names-another', '45 CFR 164.524(a)(3)(ii)'],
      ['representative-harm', '45 CFR 164.524(a)(3)(iii)'],
    ]);
    const exceptions = [...grounds.values()].flatMap(
      ({ paragraph }) => /^45 CFR 171\.(\d+)$/.exec(paragraph)?.[1] ?? [],
    );
    assert.deepEqual(exceptions, ['201', '202', '203', '204', '205', '206', '301', '302', '303', '403']);
    for (const code of groundsOf(grounds, 'delay'))
      assert.match(grounds.get(code)!.paragraph, / 171\.|\(b\)\(2\)\(ii\)$/, code);
    for (const { display } of grounds.values()) assert.deepEqual(Object.keys(display), ['en', 'es']);
  });

  it('are refused where they have not the form', () => {
    const text = readFileSync(file, 'utf8');
    const read = (wrong: string) => readRefusalGrounds(new URL('g.json', folderWith({ 'g.json': wrong })));
    assert.equal(read(text).size, grounds.size);
    for (const wrong of [
      '[]',
      '{}',
      text.replace('true', '"yes"'),
      text.replace('"denial"', '"luck"'),
      text.replace('"en"', '"de"'),
    ])
      assert.throws(() => read(wrong), /ground/i);
  });
});
