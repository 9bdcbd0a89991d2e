/**
 * The official validator cases (../shared/data/validator-cases), by the checks of resources alone: no clean case is refused, and the faults that
 * these checks are for are found at the places where they are expected, or one element above or below.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { loadDefinitions } from '../../../src/fhir/definitions.js';
import type { Resource } from '../../../src/fhir/resource.js';
import type { FindDefinition } from '../../../src/fhir/structure-definition.js';
import { parseXml } from '../../../src/fhir/xml/read.js';
import { createResourceChecks } from '../../../src/validation/content/resource-checks.js';
import { resourceSites } from '../../../src/validation/profiles/sites.js';
import { runCheck } from '../../support/resource-check.js';
import { skipWithout } from '../../support/shared.js';

interface ValidatorCase {
  readonly name: string;
  readonly file: string;
  readonly load: readonly string[];
  readonly 'security-checks'?: boolean;
  readonly base?: { readonly errors: number; readonly at: readonly { readonly expression: string }[] };
}

/** Cases with faults that are found here. */
const FOUND = `
StructureDefinition-Slice23
abstract-question-type-included-qr
attachment-content-type-qr
attachment-max-size-qr
attachment-with-wrong-size
bundle-dual-target
bundle-duplicate-ids-not
bundle-id-2
bundle-id-4
bundle-ihe-good
bundle-india
bundle-india-bad
bundle-urn
capstmt
ch/mixed-valueset-dr
choice-answer-option-exclusive-qr
choice-answer-option-qr
cs-bad-props
date-time-min-max-qr
decimal-invalid-type-qr
decimal-min-max-qr
group-with-string-invalid-nesting-link-id-qr
group-with-string-invalid-nesting-qr
group-with-string-qr
integer-min-max-qr
open-choice-invalid-type-qr
pat-security-bad-string
qr
quantity-min-max-incompat-units-qr
quantity-min-max-qr
quantity-qr
quantity-units-invalid-qr
quantity-units-not-in-value-set-qr
questionnaireResponse-enableWhen-test-fail
relative_reference_to_fullUrl.id_in_Composition
sp-diff-base
sp-diff-type
string-draft-downgrade-qr
string-min-occurs-qr
string-regex-qr
text-invalid-type-qr
time-qr
url-invalid-type-qr
url-value-qr
vs-canonical-bad-2
vs-canonical-urn
vs-canonical-urn-bad
vs-params-2
vs-params-3
vs-params-4
`;

/**
 * Cases whose faults are found, and none at an expected place: HL7's validator tells every wrong fullUrl at the first entry, and extensions of a
 * primitive as if they were those of the element around it.
 */
const ELSEWHERE: readonly string[] = [
  ...['relative_reference_to_fullUrl.id_in_Composition', 'vs-params-2', 'vs-params-3', 'vs-params-4'],
];

const definitions = loadDefinitions();

/** The same element, one above, or one below. */
const isNear = (one: string, other: string): boolean =>
  one === other || parentOf(one) === other || parentOf(other) === one;

const parentOf = (expression: string): string => expression.slice(0, Math.max(0, expression.lastIndexOf('.')));

describe('official validator cases, by the checks of resources', function () {
  it('have the faults that are expected, and clean ones have none', async function () {
    const folder = skipWithout(this, 'data', 'validator-cases');
    const { cases } = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as { cases: ValidatorCase[] };
    const read = (file: string): Resource => {
      const bytes = readFileSync(join(folder, 'files', file));
      if (file.endsWith('.xml')) return parseXml(bytes, definitions, { maxDepth: 200 }).resource;
      return JSON.parse(bytes.toString('utf8').replace(/^\uFEFF/, '')) as Resource;
    };
    const readable = (file: string): Resource[] => {
      try {
        return [read(file)];
      } catch {
        // Some are meant to be broken.
        return [];
      }
    };
    const found: string[] = [];
    const elsewhere: string[] = [];
    for (const { name, file, load, base, 'security-checks': security } of cases) {
      const [resource] = readable(file);
      if (!resource || !base) continue;
      const loaded = load.flatMap(readable);
      const find: FindDefinition = async (type, canonical) => {
        const known = loaded.find(({ resourceType, url }) => resourceType === type && url === canonical.split('|')[0]);
        return known && { resource: known, origin: name };
      };
      const checksOf = createResourceChecks({ find, definitions, lookAtSystem: () => undefined });
      const errors: string[] = [];
      for (const type of new Set(resourceSites(resource).map(site => site.resource.resourceType)))
        for (const check of checksOf(type))
          for (const { severity, expression } of await runCheck(check, type, resource, {
            options: { htmlInStrings: security ? 'error' : 'warn' },
          }))
            if (severity === 'error') errors.push(expression);
      if (errors.length === 0) continue;
      assert.ok(base.errors > 0, `${name}: ${errors.join(', ')}`);
      found.push(name);
      if (!base.at.some(({ expression }) => errors.some(each => isNear(each, expression)))) elsewhere.push(name);
    }
    if (process.env['SHOW_MISSED']) process.stderr.write(`${found.join('\n')}\n`);
    assert.deepEqual(found.toSorted(), FOUND.trim().split('\n').toSorted());
    assert.deepEqual(elsewhere, ELSEWHERE);
  });
});
