/** A sample of releases is looked at by a second person, as the class of the requester says. docs/records-desk.md */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { readRequesterClasses } from '../../src/features/release/requester-classes.js';
import { needsSecondLook } from '../../src/features/release/second-look.js';
import { createPageTokenCipher } from '../../src/platform/page-token-cipher.js';
import { onStoresInTurn } from '../support/both-stores.js';
import { runOn } from '../support/records-request.js';
import { documentRead, documentsTold, storyDocument, storySearching } from '../support/release-story.js';
import { steppedTime } from '../support/stepped-time.js';
import { ADMIN, CLERK, workTokens } from '../support/work.js';

const CLASSES = new URL('../../../profiles/release/rules/requester-classes.json', import.meta.url);
const folder = mkdtempSync(join(tmpdir(), 'chartroom-sample-'));
const given = JSON.parse(readFileSync(CLASSES, 'utf8')) as Record<string, object>;
const written = (name: string, secondLook: unknown): string => {
  const path = join(folder, `${name}.json`);
  writeFileSync(path, JSON.stringify({ ...given, attorney: { ...given['attorney'], secondLook } }));
  return path;
};

describe('the second look at a release', () => {
  it('is drawn by the id of the request, as many as the class says', () => {
    const ids = Array.from({ length: 2000 }, (_, at) => `request-${at}`);
    const pageTokens = createPageTokenCipher('s'.repeat(32), { now: () => 0 });
    const isDrawn = (secondLook: number, id: string): boolean => needsSecondLook({ secondLook }, id, { pageTokens });
    const drawn = (secondLook: number): number => ids.filter(id => isDrawn(secondLook, id)).length;
    assert.deepEqual([drawn(0), drawn(100)], [0, 2000]);
    const few = drawn(10);
    assert.ok(few > 140 && few < 260, String(few));
    // Who is in a small sample is in a larger one.
    assert.ok(ids.every(id => !isDrawn(10, id) || isDrawn(30, id)));
    // By a secret: another server draws others.
    const foreign = createPageTokenCipher('t'.repeat(32), { now: () => 0 });
    assert.ok(ids.some(id => isDrawn(10, id) !== needsSecondLook({ secondLook: 10 }, id, { pageTokens: foreign })));
    assert.throws(() => readRequesterClasses(new URL(`file://${written('odd', 'all')}`)), /attorney/);
  });

  onStoresInTurn(
    'of no request of a class',
    stage => {
      it('lets who has chosen confirm, by two identifiers all the same', async () => {
        const { talk } = stage();
        const patient = 'sampled';
        const id = await storySearching(talk, patient, [storyDocument(patient, 'one', 'Words.')]);
        const chosen = await runOn(talk, `${id}/$release-select`);
        assert.equal(chosen.body.parameter!.find(({ name }) => name === 'second-person')!.valueBoolean, false);
        const read = documentsTold(chosen.body).map(each => documentRead(each));
        const [first] = read[0]!.part!;
        const identified = [{ name: 'document', part: [first!] }];
        assert.equal((await runOn(talk, `${id}/$release-confirm`, identified, CLERK)).status, 400);
        const confirmed = await runOn(talk, `${id}/$release-confirm`, read, CLERK);
        assert.equal(confirmed.status, 200, confirmed.text);
      });
    },
    {
      time: steppedTime(Date.UTC(2026, 2, 10, 12)),
      config: { auth: 'token', tokens: workTokens, requesterClasses: written('none', 0) },
      set: async ({ talk }) => {
        await talk.update({ resourceType: 'Organization', id: 'law', name: 'Doe & Partners' }, ADMIN);
      },
    },
  );
});
