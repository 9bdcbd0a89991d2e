/** Vital signs conform to R4's profiles: https://hl7.org/fhir/R4/observation-vitalsigns.html */
import assert from 'node:assert/strict';
import { before, describe, it } from 'mocha';
import type { JsonObject } from '../../../src/fhir/resource.js';
import { brief, checkerOf, errorsOf, issuesOf, readCore } from '../../support/profiles.js';
import { skipWithout } from '../../support/shared.js';

const loinc = (code: string): JsonObject => ({ coding: [{ system: 'http://loinc.org', code }] });
const quantity = (code: string): JsonObject => ({ value: 1, unit: 'a', system: 'http://unitsofmeasure.org', code });
const category = (code: string): JsonObject[] => [
  { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code }] },
];
const vital = (more: JsonObject): JsonObject => ({
  resourceType: 'Observation',
  status: 'final',
  category: category('vital-signs'),
  subject: { display: 'a' },
  effectiveDateTime: '2026-01-01',
  ...more,
});
const heart = (more: JsonObject = {}): JsonObject =>
  vital({ code: loinc('8867-4'), valueQuantity: quantity('/min'), ...more });
const pressures = [
  { code: loinc('8480-6'), valueQuantity: quantity('mm[Hg]') },
  { code: loinc('8462-4'), valueQuantity: quantity('mm[Hg]') },
];
const saturation = (component: JsonObject): JsonObject =>
  vital({ code: loinc('2708-6'), valueQuantity: quantity('%'), component: [component] });

describe('a vital sign', () => {
  before(function () {
    skipWithout(this, 'data', 'r4-packages', 'hl7.fhir.r4.core-4.0.1.tgz');
  });
  const told = async (resource: JsonObject, globals = true): Promise<string[]> =>
    brief(errorsOf(await issuesOf(checkerOf([readCore()!]), resource, [], { globals })));

  const { subject: _, ...without } = heart();
  const rows: [what: string, resource: JsonObject, issues: string[]][] = [
    ['conforms to the profile of its code', heart(), []],
    ['has the unit of it', heart({ valueQuantity: quantity('mm[Hg]') }), ['error fixed-value Observation.value.code']],
    ['has a subject', without, ['error profile-min Observation.subject']],
    ['is none by its code alone', heart({ category: category('exam'), valueQuantity: quantity('kg') }), []],
    ['is none with another code', vital({ code: loinc('1-8'), valueQuantity: quantity('kg') }), []],
    ['with both pressures is a blood pressure', vital({ code: loinc('85354-9'), component: pressures }), []],
    [
      'with both pressures has the code of a blood pressure',
      vital({ code: loinc('76534-7'), component: pressures }),
      ['error slice-min Observation.code.coding'],
    ],
    [
      'may have components in units that no vital sign has',
      saturation({ code: loinc('3151-8'), valueQuantity: quantity('L/min') }),
      [],
    ],
    [
      'may have components that are concepts',
      saturation({ code: loinc('3151-8'), valueCodeableConcept: loinc('1-8') }),
      [],
    ],
  ];
  for (const [what, resource, issues] of rows)
    it(what, async () => {
      assert.deepEqual(await told(resource), issues);
      assert.deepEqual(await told(resource, false), []);
    });

  it('is one in a Bundle, too', async () => {
    const entry = [{ fullUrl: 'http://a.example/Observation/a', resource: { ...without, id: 'a' } }];
    assert.deepEqual(await told({ resourceType: 'Bundle', type: 'collection', entry }), [
      'error profile-min Bundle.entry[0].resource.subject',
    ]);
  });
});
