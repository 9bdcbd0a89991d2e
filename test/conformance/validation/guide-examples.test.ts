/**
 * The examples of published guides conform to what they claim: no error is found in them, but in those listed. At every change one in sixteen
 * of those that claim the same is looked at, in a full run all.
 */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, it } from 'mocha';
import type { Resource } from '../../../src/fhir/resource.js';
import { claimedCanonicals } from '../../../src/validation/claims.js';
import { FULL, sampleOf } from '../../support/depth.js';
import {
  checkerOf,
  type DefinitionSet,
  errorsOf,
  issuesOf,
  originOf,
  readArchived,
  readCore,
  readPackage,
} from '../../support/profiles.js';
import { readArchive, skipWithout } from '../../support/shared.js';

/** Examples that break what they claim, or R4: file → what is found in it. */
const WRONG: ReadonlyMap<string, string> = new Map([
  // A unit that the value set of units of vital signs does not have.
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

interface Example {
  /** The name of its file. */
  readonly at: string;
  readonly text: string;
  readonly resource: Resource;
}

const examplesOf = (entries: readonly { readonly name: string; readonly text: string }[]): Example[] =>
  entries.flatMap(({ name, text }) => {
    if (!/^package\/example\/.*\.json$/.test(name)) return [];
    const resource = JSON.parse(text) as Resource;
    return typeof resource.resourceType === 'string' ? [{ at: basename(name), text, resource }] : [];
  });

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
    let total = 0;
    let count = 0;
    let right = 0;
    const refused: string[] = [];
    for (const folder of ['ig-packages', 'ig-built']) {
      const at = skipWithout(this, 'data', folder);
      for (const file of readdirSync(at)) {
        const name = basename(file, '.tgz');
        const entries = [...readArchive(join(at, file))];
        const set = readArchived(entries, originOf(name));
        const examples = examplesOf(entries);
        total += examples.length;
        const checker = checkerOf([set, ...common.filter(({ origin }) => origin !== set.origin), core!]);
        const kindOf = ({ at: path, resource }: Example): string =>
          WRONG.has(`${name}/${path}`) ? path : [resource.resourceType, ...claimedCanonicals(resource)].join(' ');
        for (const { at: path, text, resource } of sampleOf(examples, 16, kindOf)) {
          count++;
          const issues = await issuesOf(checker, text, [], {
            profiles: claimedCanonicals(resource).map(canonical => ({ canonical, from: set.origin })),
          });
          const errors = errorsOf(issues);
          const label = `${name}/${path}`;
          const expected = WRONG.get(label);
          const told = [...new Set(errors.map(({ detail = '' }) => detail))]
            .toSorted((a, b) => a.localeCompare(b))
            .join(' ');
          if (told === (expected ?? '')) right++;
          else
            refused.push(
              `${label}\n${errors.map(({ expression, detail, text: words, diagnostics }) => `   ${expression} ${detail} ${words} ${diagnostics ?? ''}`).join('\n')}`,
            );
        }
      }
    }
    process.stderr.write(
      `      examples as expected: ${right} of ${count} that were looked at, ${WRONG.size} of them with an error\n`,
    );
    if (process.env['SHOW_MISSED']) process.stderr.write(`${refused.join('\n')}\n`);
    assert.deepEqual(refused, []);
    assert.equal(total, 989);
    assert.ok(count > total / (FULL ? 4 : 8), `${count} were looked at`);
  });
});
