/**
 * The examples of published guides conform to what they claim: no error is found in them, but in those listed.
 */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, it } from 'mocha';
import type { Resource } from '../../../src/fhir/resource.js';
import { claimedCanonicals } from '../../../src/validation/check-profiles.js';
import { checkerOf, type DefinitionSet, errorsOf, issuesOf, readCore, readPackage } from '../../support/profiles.js';
import { readArchive, skipWithout } from '../../support/shared.js';

const FLOOR = 0;

/** Packages that others rest on. */
const SHARED = ['hl7.fhir.uv.extensions.r4-5.2.0', 'ihe.iti.balp-1.1.4', 'ihe.iti.pdqm-3.2.0'];

describe('examples of guides', function () {
  it('conform to the profiles that they claim', async function () {
    const core = readCore();
    const common: DefinitionSet[] = [];
    for (const name of SHARED) {
      const set = readPackage('ig-packages', name);
      if (set) common.push(set);
    }
    let count = 0;
    const refused: string[] = [];
    for (const folder of ['ig-packages', 'ig-built']) {
      const at = skipWithout(this, 'data', folder);
      for (const file of readdirSync(at)) {
        const name = basename(file, '.tgz');
        const set = readPackage(folder, name)!;
        const checker = checkerOf([set, ...common.filter(({ origin }) => origin !== set.origin), core!]);
        for (const entry of readArchive(join(at, file))) {
          if (!/^package\/example\/.*\.json$/.test(entry.name)) continue;
          const resource = JSON.parse(entry.text) as Resource;
          if (typeof resource.resourceType !== 'string') continue;
          count++;
          const issues = await issuesOf(checker, entry.text, [], {
            profiles: claimedCanonicals(resource).map(canonical => ({ canonical, from: set.origin })),
          });
          const errors = errorsOf(issues);
          if (errors.length > 0)
            refused.push(
              `${name}/${basename(entry.name)}\n${errors.map(({ expression, detail, text, diagnostics }) => `   ${expression} ${detail} ${text} ${diagnostics ?? ''}`).join('\n')}`,
            );
        }
      }
    }
    process.stderr.write(`      examples without an error: ${count - refused.length} of ${count}\n`);
    if (process.env['SHOW_MISSED']) process.stderr.write(`${refused.join('\n')}\n`);
    assert.ok(count - refused.length >= FLOOR, refused.join('\n'));
  });
});
