/**
 * The examples of published guides conform to what they claim: no error is found in them, but in those listed.
 */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, it } from 'mocha';
import type { Resource } from '../../../src/fhir/resource.js';
import { claimedCanonicals } from '../../../src/validation/claims.js';
import { checkerOf, type DefinitionSet, errorsOf, issuesOf, readCore, readPackage } from '../../support/profiles.js';
import { readArchive, skipWithout } from '../../support/shared.js';

/** Examples that break what they claim, or R4: file → what is found in it. */
const WRONG: ReadonlyMap<string, string> = new Map([
  // A unit that the value set of units of vital signs does not have.
  ['hl7.fhir.us.core-3.1.1/Observation-satO2-fiO2.json', 'binding-required'],
  // A code that the code system of R4 does not have.
  ['hl7.fhir.uv.smart-app-launch-2.2.0/Bundle-example1.json', 'unknown-code'],
  // The address of an entry has another id than its resource.
  ['hl7.fhir.us.core-3.1.1/Bundle-66c8856b-ba11-4876-8aa8-467aad8c11a2.json', 'full-url'],
  ['hl7.fhir.us.core-6.1.0/Bundle-66c8856b-ba11-4876-8aa8-467aad8c11a2.json', 'full-url'],
  ['hl7.fhir.us.core-6.1.0/Bundle-docref-example-2.json', 'full-url'],
  // A fullUrl that is relative.
  ['hl7.fhir.us.core-3.1.1/Bundle-uscore-mo3.json', 'full-url'],
  // Relative references between entries whose fullUrls are urns.
  ['hl7.fhir.uv.ips-1.1.0/Bundle-IPS-examples-Bundle-01.json', 'entry-unlinked reference-missing'],
  ['hl7.fhir.uv.ips-1.1.0/Bundle-bundle-minimal.json', 'entry-unlinked reference-missing'],
  ['hl7.fhir.uv.ips-1.1.0/Bundle-IPS-examples-Bundle-with-immunization.json', 'entry-unlinked reference-missing'],
]);

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
    let right = 0;
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
          const label = `${name}/${basename(entry.name)}`;
          const expected = WRONG.get(label);
          const told = [...new Set(errors.map(({ detail = '' }) => detail))]
            .toSorted((a, b) => a.localeCompare(b))
            .join(' ');
          if (told === (expected ?? '')) right++;
          else
            refused.push(
              `${label}\n${errors.map(({ expression, detail, text, diagnostics }) => `   ${expression} ${detail} ${text} ${diagnostics ?? ''}`).join('\n')}`,
            );
        }
      }
    }
    process.stderr.write(`      examples as expected: ${right} of ${count}, ${WRONG.size} of them with an error\n`);
    if (process.env['SHOW_MISSED']) process.stderr.write(`${refused.join('\n')}\n`);
    assert.deepEqual(refused, []);
    assert.equal(count, 989);
  });
});
