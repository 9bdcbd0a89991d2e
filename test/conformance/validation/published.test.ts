import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { loadDefinitions } from '../../../src/fhir/definitions.js';
import type { Resource } from '../../../src/fhir/resource.js';
import { validateStructure } from '../../../src/validation/gate/structure.js';
import { FULL, sampleOf } from '../../support/depth.js';
import { readArchive, readText, skipWithout } from '../../support/shared.js';

const definitions = loadDefinitions();

/** Published resources that break R4: file → every place and code. */
const FAULTY: Readonly<Record<string, readonly string[]>> = {
  // No name, no status.
  'r4-examples/ImplementationGuide-fhir.json': [
    'ImplementationGuide.name required',
    'ImplementationGuide.status required',
  ],
  'r4-examples/ig-r4.json': ['ImplementationGuide.name required', 'ImplementationGuide.status required'],
  // A digest that is not base64 of anything.
  'hl7.fhir.us.core-3.1.1/DiagnosticReport-cardiology-report.json': ['DiagnosticReport.presentedForm[0].hash value'],
  // A type of R5.
  'hl7.fhir.uv.extensions.r4-5.2.0/SearchParameter-workflow-researchStudy.json': [
    'SearchParameter.base[2] code-invalid',
  ],
  // A version after R4.
  'hl7.fhir.uv.extensions.r4-5.3.0/ImplementationGuide-hl7.fhir.uv.extensions.json': [
    'ImplementationGuide.fhirVersion[0] code-invalid',
  ],
  // A narrative without a div.
  'hl7.fhir.uv.extensions.r4-5.3.0/StructureDefinition-event-recorded.json': ['StructureDefinition.text.div required'],
  // A uri that holds a blank.
  'hl7.fhir.uv.extensions.r4-5.3.0/ValueSet-integrity-check-algorithms.json': [
    'ValueSet.compose.include[0].system value',
  ],
  // Extensions that are empty but for their url.
  'hl7.fhir.uv.ips-2.0.1/StructureDefinition-ImagingStudy-uv-ips.json': [
    'StructureDefinition.snapshot.element[28].binding.extension[0] structure',
    'StructureDefinition.differential.element[5].binding.extension[0] structure',
  ],
};

/** Files of a kind that break R4. */
const FAULTY_KINDS: readonly (readonly [RegExp, RegExp])[] = [
  // Items without a linkId.
  [/\/Questionnaire-qs1\.json$/, /^Questionnaire(\.item\[\d+\])+\.linkId required$/],
  // What the publisher found: outcomes without an issue where it found nothing, with ids as long as file names.
  [/\/validation-oo\.json$/, /^Bundle\.entry\[\d+\]\.resource\.(issue required|id value)$/],
  // Guides made without the publisher: parameters that it would translate.
  [/\/ImplementationGuide-[^/]*\.json$/, /^ImplementationGuide\.definition\.parameter\[\d+\]\.code code-invalid$/],
];

const faultsOf = (resource: Resource): string[] =>
  validateStructure(resource, definitions).map(issue => `${issue.expression} ${issue.code}`);

function check(label: string, resource: Resource): void {
  const faults = faultsOf(resource);
  const expected = FAULTY[label];
  if (expected) assert.deepEqual(faults, expected, label);
  else {
    const kind = FAULTY_KINDS.find(([file]) => file.test(label));
    assert.deepEqual(kind ? faults.filter(fault => !kind[1].test(fault)) : faults, [], label);
  }
}

/** Checks the resources of an archive; returns how many. */
function checkArchive(file: string, name: string): number {
  let count = 0;
  for (const entry of readArchive(file)) {
    if (!entry.name.endsWith('.json') || entry.name.includes('/openapi/')) continue;
    const resource = JSON.parse(entry.text) as Resource;
    if (typeof resource.resourceType !== 'string') continue;
    check(`${name}/${entry.name.split('/').at(-1)}`, resource);
    count++;
  }
  return count;
}

/** Checks every `step`th line of a folder of ndjson files; returns how many. */
function checkLines(folder: string, step: number): number {
  let count = 0;
  let line = 0;
  for (const name of readdirSync(folder))
    for (const text of readText(join(folder, name)).split('\n')) {
      if (text === '' || line++ % step > 0) continue;
      check(name, JSON.parse(text) as Resource);
      count++;
    }
  return count;
}

describe('the structure of published resources', () => {
  it('is right in a small synthetic population', function () {
    assert.equal(checkLines(skipWithout(this, 'data', 'synthea-seed', 'ndjson'), FULL ? 1 : 12), FULL ? 5386 : 449);
  });

  it('is right in every seventeenth resource of a larger one (in every hundred and fiftieth at every change)', function () {
    assert.equal(checkLines(skipWithout(this, 'data', 'synthea-bench', 'ndjson'), FULL ? 17 : 150), FULL ? 5419 : 615);
  });

  it('is right in the examples of the standard, but for those listed', function () {
    const file = skipWithout(this, 'data', 'r4-examples', 'r4-examples-instances.tar.gz');
    assert.equal(checkArchive(file, 'r4-examples'), 729);
  });

  it('is right in the resources of implementation guides, but for those listed', function () {
    let count = 0;
    for (const set of ['ig-packages', 'ig-built']) {
      const folder = skipWithout(this, 'data', set);
      for (const name of sampleOf(readdirSync(folder), 16, each => each.replace(/[-#]\d.*/, '')))
        count += checkArchive(join(folder, name), name.replace('.tgz', ''));
    }
    assert.ok(count > (FULL ? 3700 : 300), String(count));
  });
});
