/** Rows of the store contract: full text. What words mean is said by search/words.ts; a store may find too much, never too little. */
import assert from 'node:assert/strict';
import { before, it } from 'mocha';
import type { FhirError } from '../../src/fhir/error.js';
import type { Resource } from '../../src/fhir/resource.js';
import { type Among, parseWords, containsWords } from '../../src/search/words.js';
import { wordsOf } from '../../src/search/words-of.js';
import type { Change, Version } from '../../src/store/store.js';
import { definitions, entriesOf, put, remove } from '../support/changes.js';
import { createRandom } from '../support/random.js';
import { depthOf } from '../support/depth.js';
import type { Subject } from './store-suite.js';

const narrative = (text: string) => ({
  text: { status: 'generated', div: `<div xmlns="http://www.w3.org/1999/xhtml">${text}</div>` },
});
const condition = (id: string, text: string, content: object = {}): Resource => ({
  resourceType: 'Condition',
  id,
  code: { text },
  ...content,
});

const TEXTS: Readonly<Record<string, Resource>> = {
  failure: condition('failure', 'Heart failure', narrative('Chronic congestion of the lung')),
  attack: condition('attack', 'Attack of the heart', narrative('Acute heart attack')),
  liver: condition('liver', 'Liver metastases'),
  bone: condition('bone', 'Bone', { note: [{ text: 'Metastases, none; heart sound' }] }),
  apart: condition('apart', 'ends with heart', { note: [{ text: 'failure begins' }] }),
  covid: condition('covid', 'COVID-19'),
  cyrillic: condition('cyrillic', 'Инфаркт миокарда'),
  arabic: condition('arabic', 'داء السُّكَّري'),
  chinese: condition('chinese', '左肺炎，重症'),
  japanese: condition('japanese', '急性データ'),
  hindi: condition('hindi', 'मधुमेह रोग'),
  korean: condition('korean', '심부전 환자'),
  thai: condition('thai', 'โรคหัวใจ'),
  greek: condition('greek', 'ΚΑΡΔΙΑΚΉ ΝΌΣΟΣ'),
  deseret: condition('deseret', '𐐀𐐁 𐐂'),
  accents: condition('accents', 'Ménière’s Straße'),
  long: condition('long', `${'x'.repeat(63)}yz ${'𐐨'.repeat(70)}`),
  silent: { resourceType: 'Condition', id: 'silent' },
  elsewhere: { resourceType: 'Patient', id: 'elsewhere', name: [{ family: 'Heart' }] },
};
/** Of which each value must find exactly these. */
const ROWS: readonly (readonly [among: Among, value: string, ids: string])[] = [
  ['content', 'heart', 'apart attack bone elsewhere failure'],
  ['content', 'HEART', 'apart attack bone elsewhere failure'],
  ['text', 'heart', 'attack'],
  ['text', 'liver', ''],
  ['content', 'congestion', 'failure'],
  ['text', 'congestion', 'failure'],
  ['content', 'heart failure', 'apart failure'],
  ['content', 'heart and lung', 'failure'],
  ['text', 'heart lung', ''],
  ['content', 'liver or bone', 'bone liver'],
  ['content', 'liver,bone', 'bone liver'],
  ['content', '(liver or bone) and metastases and not none', 'liver'],
  ['content', 'metastases -none', 'liver'],
  ['content', 'heart -(failure or attack)', 'bone elsewhere'],
  ['content', '"heart failure"', 'failure'],
  ['content', '"heart attack"', 'attack'],
  ['text', '"heart attack" or congestion', 'attack failure'],
  ['content', '"failure heart"', ''],
  ['content', 'heart -"heart failure"', 'apart attack bone elsewhere'],
  ['content', 'meta*', 'bone liver'],
  ['content', 'he* fail*', 'apart failure'],
  ['content', 'he* -att* -sou*', 'apart elsewhere failure'],
  ['text', 'con*', 'failure'],
  ['content', 'met* or "heart failure" or attac*', 'attack bone failure liver'],
  ['content', 'covid-19', 'covid'],
  ['content', '"covid"', 'covid'],
  ['content', 'инфаркт', 'cyrillic'],
  ['content', 'ИНФ*', 'cyrillic'],
  ['content', 'السكري', 'arabic'],
  ['content', '肺炎', 'chinese'],
  ['content', '炎肺', ''],
  ['content', '症', 'chinese'],
  ['content', 'データ', 'japanese'],
  ['content', 'मधुमेह', 'hindi'],
  ['content', '심부전', 'korean'],
  ['content', 'หัวใจ', 'thai'],
  ['content', 'νόσος', 'greek'],
  ['content', '𐐀𐐁*', 'deseret'],
  ['content', '𐐪', 'deseret'],
  ['content', 'menieres', ''],
  ['content', 'meniere strasse', 'accents'],
  ['content', 'x'.repeat(63), ''],
  ['content', `${'x'.repeat(63)}y`, 'long'],
  ['content', `${'x'.repeat(63)}yother`, 'long'],
  ['content', `${'x'.repeat(60)}*`, 'long'],
  ['content', '𐐨'.repeat(90), 'long'],
  ['content', 'nobody', ''],
];

const IDS = Object.keys(TEXTS);
const TYPES = ['Condition', 'Patient'];

export function wordRows(subject: Subject): void {
  /** What the store finds, all of it; what it is not sure of is decided by the words. */
  async function sayers(
    among: Among,
    value: string,
    of: Readonly<Record<string, Resource>> = TEXTS,
    types: readonly string[] = TYPES,
  ): Promise<string[]> {
    const words = parseWords(`_${among}`, value);
    const { found, complete, sure } = await subject.store.searchText({ types, among, words }, 1000);
    assert.ok(complete);
    const ids = found.map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length, 'each once');
    if (sure) return ids.toSorted();
    return ids.filter(id => of[id] && containsWords(words, wordsOf(of[id], definitions)[among])).toSorted();
  }
  /** Of one resource, whatever the others say. */
  const finds = async (id: string, value: string, among: Among = 'content'): Promise<boolean> => {
    const words = parseWords(`_${among}`, value);
    const { found } = await subject.store.searchText({ types: TYPES, among, words }, 1000);
    return found.some(one => one.id === id);
  };

  before('writes what is said', async () => {
    await subject.store.commit({ changes: Object.values(TEXTS).map(resource => put(resource)) });
  });

  for (const [among, value, ids] of ROWS)
    it(`finds _${among}=${value.length > 60 ? `${value.slice(0, 20)}…` : value}`, async () => {
      assert.equal((await sayers(among, value)).join(' '), ids);
    });

  it('finds those that do not say something, the silent among them', async () => {
    const expected = (value: string): string[] =>
      IDS.filter(id =>
        containsWords(parseWords('_content', value), wordsOf(TEXTS[id]!, definitions).content),
      ).toSorted();
    for (const value of ['-heart', 'not (heart or liver)', '-"heart failure"', '-he* or bone', '-heart or -bone']) {
      const found = await sayers('content', value);
      assert.deepEqual(found, expected(value), value);
      assert.ok(found.includes('silent'));
    }
  });

  it('finds resources of the types asked for alone', async () => {
    assert.deepEqual(await sayers('content', 'heart', TEXTS, ['Patient']), ['elsewhere']);
    assert.deepEqual(await sayers('content', '-liver', TEXTS, ['Patient']), ['elsewhere']);
    assert.deepEqual(await sayers('content', 'heart', TEXTS, ['Observation']), []);
    assert.ok((await sayers('content', 'he*', TEXTS, definitions.resourceTypes)).includes('elsewhere'));
    const { found } = await subject.store.searchText(
      {
        types: definitions.resourceTypes,
        among: 'content',
        words: parseWords('_content', 'heart liver*,"heart failure"'),
      },
      10,
    );
    assert.ok(found.every(({ type }) => type === 'Condition'));
  });

  it('gives no more than the limit, and says when there are more', async () => {
    const query = { types: TYPES, among: 'content', words: parseWords('_content', 'heart') } as const;
    for (const [limit, complete] of [
      [1, false],
      [4, false],
      [5, true],
      [100, true],
    ] as const) {
      const { found, complete: all } = await subject.store.searchText(query, limit);
      assert.deepEqual([found.length, all], [Math.min(limit, 5), complete]);
    }
    const negative = { ...query, words: parseWords('_content', '-zebra') };
    const { found, complete } = await subject.store.searchText(negative, 3);
    assert.deepEqual([found.length, complete], [3, false]);
  });

  it('is sure of words, alternatives, beginnings and exclusions', async () => {
    for (const value of ['heart', 'heart failure', 'liver or bone', 'meta*', 'he* failure', 'heart -failure']) {
      const words = parseWords('_content', value);
      assert.ok((await subject.store.searchText({ types: TYPES, among: 'content', words }, 1000)).sure, value);
    }
  });

  it('follows an update, a deletion and a return', async () => {
    const { store } = subject;
    const first = put(condition('moving', 'firstword common', narrative('firststory')));
    await store.commit({ changes: [first] });
    assert.deepEqual([await finds('moving', 'firstword'), await finds('moving', 'firststory', 'text')], [true, true]);
    const second = put(condition('moving', 'secondword common'), { replaces: first });
    await store.commit({ changes: [second] });
    assert.deepEqual(
      [
        await finds('moving', 'firstword'),
        await finds('moving', 'firststory', 'text'),
        await finds('moving', 'secondword'),
        await finds('moving', 'common'),
      ],
      [false, false, true, true],
    );
    const deletion = remove(second);
    await store.commit({ changes: [deletion] });
    assert.deepEqual([await finds('moving', 'secondword'), await finds('moving', '-nothing')], [false, false]);
    await store.commit({ changes: [put(condition('moving', 'thirdword'), { replaces: deletion })] });
    assert.deepEqual([await finds('moving', 'thirdword'), await finds('moving', 'secondword')], [true, false]);
  });

  it('forgets the words of a resource that comes without any, and takes them up again', async () => {
    const { store } = subject;
    const first = put(condition('hushed', 'loudword'));
    await store.commit({ changes: [first] });
    const { words: _, ...second } = put(condition('hushed', 'loudword'), { replaces: first });
    await store.commit({ changes: [second] });
    assert.equal(await finds('hushed', 'loudword'), false);
    await store.commit({ changes: [put(condition('hushed', 'loudword'), { replaces: second })] });
    assert.equal(await finds('hushed', 'loudword'), true);
  });

  it('keeps nothing of a commit that fails', async () => {
    const { store } = subject;
    const first = put(condition('contested', 'originalword'));
    await store.commit({ changes: [first] });
    const stale: Change = { ...first, version: 7 };
    const changes = [
      put(condition('innocent', 'rivalword')),
      put(condition('contested', 'rivalword'), { replaces: stale }),
    ];
    await assert.rejects(store.commit({ changes }), { kind: 'conflict' });
    assert.deepEqual(
      [
        await finds('innocent', 'rivalword'),
        await finds('contested', 'rivalword'),
        await finds('contested', 'originalword'),
      ],
      [false, false, true],
    );
  });

  it('renews words with the keys, of what is still current alone', async () => {
    const { store } = subject;
    const { words: _, ...unsaid } = put(condition('renewed', 'renewedword'));
    const outdated = put(condition('outdated', 'oldword'));
    const gone = put(condition('gone', 'goneword'));
    const hushing = put(condition('hushing', 'hushword'));
    await store.commit({ changes: [unsaid, outdated, gone, hushing] });
    await store.commit({
      changes: [put(condition('outdated', 'newword'), { replaces: outdated }), remove(gone)],
    });
    assert.equal(await finds('renewed', 'renewedword'), false);
    const words = wordsOf(condition('renewed', 'renewedword'), definitions);
    const entries = entriesOf(condition('renewed', 'renewedword'));
    const renewed = await store.reindex([
      { row: unsaid, entries, words },
      { row: outdated, entries, words },
      { row: gone, entries, words },
      { row: hushing, entries },
    ]);
    assert.equal(renewed, 2);
    assert.deepEqual(
      [
        await finds('renewed', 'renewedword'),
        await finds('outdated', 'renewedword'),
        await finds('outdated', 'newword'),
        await finds('gone', 'renewedword'),
        await finds('hushing', 'hushword'),
      ],
      [true, false, true, false, false],
    );
    await store.commit({ changes: [remove(unsaid)] });
    assert.equal(await finds('renewed', 'renewedword'), false);
  });

  it('renews words beside changes of the same resources', async () => {
    const { store } = subject;
    let current = Array.from({ length: 20 }, (_, i) => put(condition(`busy${i}`, 'round0')));
    await store.commit({ changes: current });
    for (let round = 1; round <= 5; round++) {
      const next = current.map(was => put(condition(was.id, `round${round}`), { replaces: was }));
      const old = { entries: current[0]!.entries, words: wordsOf(condition('x', `round${round - 1}`), definitions) };
      await Promise.all([
        ...next.map(change => store.commit({ changes: [change] })),
        store.reindex(current.map(row => ({ row, ...old }))),
      ]);
      current = next;
      const words = parseWords('_content', `round${round}`);
      assert.equal((await store.searchText({ types: ['Condition'], among: 'content', words }, 100)).found.length, 20);
      const earlier = parseWords('_content', `round${round - 1}`);
      assert.equal(
        (await store.searchText({ types: ['Condition'], among: 'content', words: earlier }, 100)).found.length,
        0,
      );
    }
  });

  it('does not take the words before a reindex for those after it', async () => {
    const { store } = subject;
    await store.commit({ changes: [put(condition('reread', 'steadyword'))] });
    const row = (await store.read('Condition', 'reread'))!;
    await store.reindex([{ row, entries: entriesOf(condition('reread', 'steadyword')) }]);
    assert.equal(await finds('reread', 'steadyword'), false);
    const update = (replaces: Version) =>
      store.commit({ changes: [put(condition('reread', 'steadyword'), { replaces })] });
    await update(row).catch(async (error: FhirError) => {
      assert.equal(error.kind, 'conflict');
      await update((await store.read('Condition', 'reread'))!);
    });
    assert.equal(await finds('reread', 'steadyword'), true);
    const { words: _, ...silent } = put(condition('reread', 'steadyword'), {
      replaces: (await store.read('Condition', 'reread'))!,
    });
    await store.commit({ changes: [silent] });
    assert.equal(await finds('reread', 'steadyword'), false);
  });

  it('keeps words through an update that leaves them as they are', async () => {
    const { store } = subject;
    await store.commit({ changes: [put(condition('steady', 'constantword'))] });
    for (let i = 0; i < 3; i++) {
      const replaces = (await store.read('Condition', 'steady'))!;
      await store.commit({
        changes: [put(condition('steady', 'constantword', { recordedDate: `202${i}` }), { replaces })],
      });
    }
    assert.equal(await finds('steady', 'constantword'), true);
    await store.commit({ changes: [remove((await store.read('Condition', 'steady'))!)] });
    assert.equal(await finds('steady', 'constantword'), false);
  });

  it('has no words of what comes without', async () => {
    const { words: _, ...change } = put({ resourceType: 'AuditEvent', id: 'event', outcomeDesc: 'eventword' });
    await subject.store.commit({ changes: [change] });
    const words = parseWords('_content', 'eventword');
    assert.deepEqual(
      (await subject.store.searchText({ types: ['AuditEvent'], among: 'content', words }, 10)).found,
      [],
    );
  });

  it('finds a resource of very many words by any of them', async () => {
    const { store } = subject;
    const many = Array.from({ length: 20_000 }, (_, i) => `term${i}`);
    const first = put(condition('verbose', many.join(' ')));
    await store.commit({ changes: [first] });
    for (const value of ['term0', 'term19999', '"term777 term778"', 'term1999*'])
      assert.ok(await finds('verbose', value), value);
    await store.commit({ changes: [remove(first)] });
    assert.equal(await finds('verbose', 'term19999'), false);
  });

  it('still knows everything when it is opened again', async () => {
    await subject.reopen();
    assert.equal((await sayers('content', '"heart failure"')).join(' '), 'failure');
  });

  it('agrees with the meaning of words over random texts that change', async () => {
    const { store } = subject;
    const random = createRandom(4711);
    const vocabulary = ['aa', 'ab', 'abc', 'b', 'ba', 'cc', 'ca', 'dd', 'é', '肺', '炎'];
    const text = () => Array.from({ length: random.below(6) }, () => random.pick(vocabulary)).join(' ');
    const resource = (id: string): Resource => ({
      resourceType: 'Basic',
      id,
      ...(random.chance(0.5) ? narrative(text()) : {}),
      code: { text: text(), coding: [{ display: text() }] },
    });
    const all = new Map<string, { change: Change; resource: Resource }>();
    for (let i = 0; i < 60; i++) {
      const one = resource(`random${i}`);
      all.set(`random${i}`, { change: put(one), resource: one });
    }
    await store.commit({ changes: [...all.values()].map(({ change }) => change) });
    for (let i = 0; i < 60; i++) {
      const id = `random${i}`;
      const was = all.get(id)!;
      if (i % 3 === 0) {
        const next = resource(id);
        const change = put(next, { replaces: was.change });
        await store.commit({ changes: [change] });
        all.set(id, { change, resource: next });
      } else if (i % 7 === 1) {
        await store.commit({ changes: [remove(was.change)] });
        all.delete(id);
      }
    }
    const term = (depth: number): string => {
      const chance = random.next();
      const minus = random.chance(0.25) ? '-' : '';
      if (depth > 0 && chance < 0.25) return `${minus}(${expression(depth - 1)})`;
      if (chance < 0.45) return `${minus}"${random.pick(vocabulary)} ${random.pick(vocabulary)}"`;
      if (chance < 0.6) return `${minus}${random.pick(['ab', 'aa', 'ca'])}*`;
      return `${minus}${random.pick(vocabulary)}`;
    };
    const expression = (depth: number): string =>
      Array.from({ length: 1 + random.below(3) }, () => term(depth)).join(random.pick([' ', ' or ']));
    let hits = 0;
    for (let i = 0; i < depthOf('WORDS'); i++) {
      const value = expression(2);
      const among = random.pick(['text', 'content'] as const);
      const words = parseWords(`_${among}`, value);
      const expected = [...all.values()]
        .filter(one => containsWords(words, wordsOf(one.resource, definitions)[among]))
        .map(({ change }) => change.id)
        .toSorted();
      const { found, complete, sure } = await store.searchText({ types: ['Basic'], among, words }, 1000);
      const ids = found.map(({ id }) => id).toSorted();
      assert.ok(complete);
      const decided = sure ? ids : ids.filter(id => expected.includes(id));
      assert.deepEqual(decided, expected, `${among}: ${value}`);
      hits += expected.length > 0 && expected.length < all.size ? 1 : 0;
    }
    assert.ok(hits > depthOf('WORDS') / 2, `${hits} searches tell one from the other`);
  });
}
