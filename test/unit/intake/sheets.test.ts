/** Separator sheets: what they say is read back, and a file is taken apart at them; src/features/intake/sheets/ */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, describe, it } from 'mocha';
import type { ScanToSee, SeenPages } from '../../../src/features/intake/pages/look-at-pages.js';
import { lookedPages, PAGE_POOL } from '../../../src/features/intake/pages/page-findings.js';
import {
  parseSheet,
  type SeparatorSheet,
  serverMark,
  sheetText,
} from '../../../src/features/intake/sheets/sheet-text.js';
import { createPool } from '../../../src/platform/pool.js';
import { depthOf, fullIt } from '../../support/depth.js';
import { createRandom } from '../../support/random.js';
import { aPdf, aTiff, WHITE_FAX } from '../../support/scans.js';
import {
  cutPage,
  holedPage,
  pageWithCode,
  sheetPage,
  streakedPage,
  turnedPage,
  WRITTEN_PAGE,
} from '../../support/separator-sheets.js';

const pool = createPool<ScanToSee, SeenPages | undefined>({ ...PAGE_POOL, time: 300_000 });
const looked = (pages: readonly string[], counted?: number) =>
  lookedPages({ bytes: aPdf(pages), contentType: 'application/pdf', pages: counted, separated: true }, { pool });
const codes = (findings: readonly { readonly code: string }[]): string[] => findings.map(({ code }) => code);

const ADA: SeparatorSheet = { patient: 'ada', encounter: 'e-1', type: 'http://loinc.org|11506-3', pages: 2 };
const BEATE: SeparatorSheet = { patient: 'beate', pages: 1 };

describe('separator sheets', () => {
  after('ends the threads', () => pool.close());

  it('say what they were made for, and nothing else passes for one', () => {
    for (const said of [ADA, BEATE, { ...ADA, server: serverMark('https://example.org/fhir') }])
      assert.deepEqual(parseSheet(sheetText(said)), said);
    for (const query of [
      '',
      'patient=',
      'patient=a/b',
      'patient=a&encounter=%20',
      'patient=a&pages=0',
      'patient=a&pages=x',
      'patient=a&server=example.org',
      'patient=a&type=nobar',
      'patient=a&type=a%20b%7C',
    ])
      assert.equal(parseSheet(`urn:chartroom:separator-sheet?${query}`), undefined, query);
    assert.equal(parseSheet('https://example.org/?patient=a'), undefined);
  });

  it('part documents, whose pages are counted (S4)', async () => {
    const file = [sheetPage(ADA), WRITTEN_PAGE, WRITTEN_PAGE, cutPage(turnedPage(sheetPage(BEATE), 180)), WRITTEN_PAGE];
    const { parts = [] } = await looked(file, 5);
    assert.deepEqual(
      parts.map(({ sheet, findings }) => [sheet, codes(findings)]),
      [
        [ADA, []],
        [BEATE, []],
      ],
    );
    const again = await Promise.all(
      parts.map(({ bytes }) => lookedPages({ bytes, contentType: 'application/pdf', pages: undefined }, { pool })),
    );
    assert.deepEqual(again, [{ findings: [] }, { findings: [] }], 'its parts are files');
    const [one] = (await looked([sheetPage(ADA), WRITTEN_PAGE])).parts!;
    assert.deepEqual(codes(one!.findings), ['DQ-pages-missing']);
  });

  fullIt('that are missing, unreadable or alone are told to a person (S4)', async () => {
    const bad = await looked([WRITTEN_PAGE, holedPage(sheetPage(ADA)), WRITTEN_PAGE, sheetPage(BEATE)], 5);
    assert.deepEqual(
      bad.parts!.map(({ sheet, findings }) => [sheet, codes(findings)]),
      [
        [undefined, ['DQ-pages-missing', 'DQ-sheet-missing', 'DQ-sheet-unsure']],
        [undefined, ['DQ-pages-missing', 'DQ-sheet-unreadable']],
        [BEATE, ['DQ-pages-missing', 'DQ-pages-missing']],
      ],
    );
    const uncounted = await looked([sheetPage({ patient: 'ada' }), WRITTEN_PAGE]);
    assert.deepEqual(codes(uncounted.parts![0]!.findings), ['DQ-pages-uncounted'], 'a second person looks');
    const none = await looked([WRITTEN_PAGE, WRITTEN_PAGE]);
    assert.deepEqual([codes(none.findings), none.parts], [['DQ-sheet-missing'], undefined]);
    const long = aTiff(Array.from({ length: 201 }, () => ({ compression: 4, strip: WHITE_FAX })));
    const many = await lookedPages({ bytes: long, contentType: 'image/tiff', pages: 201, separated: true }, { pool });
    assert.deepEqual([codes(many.findings)[0], many.parts], ['DQ-not-looked-at', undefined], 'no page is lost');
  });

  fullIt('leave a file whole whose parts would be much more than it is', async () => {
    // Nothing makes it smaller.
    const digests = Array.from({ length: 5000 }, (_, at) => createHash('sha256').update(String(at)).digest('base64'));
    const shared = `%${digests.join('')}\n`;
    const partsOf = async (count: number) => {
      const pages = Array.from({ length: count }, () => `${pageWithCode(sheetText(BEATE), 150)}\n/X1 Do`);
      const file = { bytes: aPdf(pages, shared), contentType: 'application/pdf', pages: undefined, separated: true };
      const { findings, parts } = await lookedPages(file, { pool });
      return [codes(findings), parts?.length];
    };
    assert.deepEqual(await partsOf(2), [[], 2]);
    assert.deepEqual(await partsOf(8), [['DQ-not-looked-at'], undefined]);
  });

  it('of which no code is left are known by their bars: nothing after them is of whoever was before (S4)', async () => {
    const ways = [
      streakedPage(sheetPage(BEATE), 10, 40),
      streakedPage(sheetPage(BEATE), 12, 25),
      turnedPage(streakedPage(sheetPage(BEATE), 10, 40), 5),
      turnedPage(streakedPage(sheetPage(BEATE), 10, 40), 270),
    ];
    const { parts = [] } = await looked([sheetPage(ADA), WRITTEN_PAGE, WRITTEN_PAGE, ...ways]);
    assert.deepEqual(
      parts.map(({ sheet, findings }) => [sheet?.patient, codes(findings)[0]]),
      [['ada', 'DQ-sheet-unsure'], ...ways.map((_, at) => [undefined, at < 4 ? 'DQ-sheet-unreadable' : ''])],
    );
  });

  it('are no pages with codes of others: these stay whole, in a document of nobody where they are unsure', async () => {
    const foreign = Array.from({ length: 3 }, (_, at) =>
      pageWithCode('https://example.org/'.padEnd(250, 'aB3'), 40 + 20 * at),
    );
    const file = [sheetPage(ADA), WRITTEN_PAGE, ...foreign, WRITTEN_PAGE];
    const { parts = [] } = await looked(file);
    const inParts = await Promise.all(
      parts.map(({ bytes }) =>
        pool.run({ contentType: 'application/pdf', bytes: new Uint8Array(bytes) }).then(seen => seen!.total),
      ),
    );
    assert.equal(
      inParts.reduce((sum, each) => sum + each),
      file.length - 1,
      'each page but the sheet is in a document',
    );
    for (const [at, { sheet, findings }] of parts.entries()) {
      const isCut = codes(findings).includes('DQ-sheet-unsure');
      assert.equal(isCut, at < parts.length - 1, 'whoever was cut is told');
      if (at > 0) assert.deepEqual([sheet, codes(findings).includes('DQ-sheet-unreadable')], [undefined, true]);
    }
  });

  it('are read as scanners leave them, whatever is made of them (S4)', async function () {
    if (depthOf('SHEETS') === 0) this.skip();
    const random = createRandom(4);
    for (let n = 0; n < depthOf('SHEETS'); n++) {
      const expected: [patient: string | undefined, codes: string[]][] = [];
      const pages = Array.from({ length: 1 + random.below(3) }, (_, at) => {
        const count = 1 + random.below(3);
        const said = { patient: `p${n}-${at}`, pages: count };
        const kind = random.below(5);
        const plain = sheetPage(said);
        const ways = [
          plain,
          cutPage(plain),
          turnedPage(plain, 90 * (1 + random.below(3))),
          turnedPage(plain, random.below(9) - 4),
        ];
        const given = random.below(4) === 0 ? count + 1 : count;
        const counted = given === count ? [] : ['DQ-pages-more'];
        const isLost = kind === 4;
        // Whoever comes before a sheet that is lost is told of the cut, behind what is said of the own sheet.
        const before = expected.at(-1);
        if (isLost && before) before[1].splice(before[0] === undefined ? 1 : 0, 0, 'DQ-sheet-unsure');
        expected.push([isLost ? undefined : said.patient, isLost ? ['DQ-sheet-unreadable'] : counted]);
        return [isLost ? holedPage(plain) : ways[kind]!, ...Array.from({ length: given }, () => WRITTEN_PAGE)];
      });
      const { parts = [] } = await looked(pages.flat());
      assert.deepEqual(
        parts.map(({ sheet, findings }) => [sheet?.patient, codes(findings)]),
        expected,
        String(n),
      );
    }
  });
});
