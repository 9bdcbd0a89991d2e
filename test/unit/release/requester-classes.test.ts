/** Classes of requesters: 45 CFR 164 as rows, whoever wrote the file. https://www.ecfr.gov/current/title-45/part-164/subpart-E */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, it } from 'mocha';
import { readRequesterClasses } from '../../../src/features/release/requester-classes.js';

const file = new URL('../../../../profiles/release/rules/requester-classes.json', import.meta.url);
const classes = readRequesterClasses(file);

/** Class → what it needs, whether only the minimum necessary is given, whether an accounting tells of it. */
const ROWS: readonly (readonly [code: string, needs: string, minimum: boolean, accounted: boolean])[] = [
  ['patient', 'identity', false, false],
  ['representative', 'authority', false, false],
  ['directed', 'directive', false, false],
  ['treating-provider', 'nothing', false, false],
  ['payer', 'nothing', true, false],
  ['operations', 'nothing', true, false],
  ['attorney', 'authorization', false, false],
  ['insurer', 'authorization', false, false],
  ['employer', 'authorization', false, false],
  ['subpoena', 'assurance', true, true],
  ['court-order', 'order', false, true],
  ['law-enforcement', 'nothing', true, true],
  ['public-health', 'nothing', true, true],
  ['coroner', 'nothing', true, true],
  ['workers-compensation', 'nothing', true, true],
  ['research-waiver', 'nothing', true, true],
];

describe('classes of requesters', () => {
  it('are those of the rule', () => {
    assert.deepEqual(
      [...classes].map(([code, each]) => [code, each.needs, each.minimumNecessary, each.accounted]),
      ROWS,
    );
    for (const [code, { paragraph }] of classes) assert.match(paragraph, /^164\.5\d\d(?:\([A-Za-z0-9]{1,6}\))*$/, code);
  });

  it('are refused where they have not the form', () => {
    const at = join(mkdtempSync(join(tmpdir(), 'chartroom-classes-')), 'classes.json');
    const text = readFileSync(file, 'utf8');
    const wrong = [
      '[]',
      '{"a":{}}',
      text.replace('"needs": "order"', '"needs": "luck"'),
      text.replace('true', '"yes"'),
    ];
    for (const each of wrong) {
      writeFileSync(at, each);
      assert.throws(() => readRequesterClasses(pathToFileURL(at)), /class/i);
    }
  });
});
