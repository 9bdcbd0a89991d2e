/** Checks against profiles, one rule each, with a resource that keeps it and one that breaks it. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'mocha';
import type { JsonObject, Resource } from '../../../src/fhir/resource.js';
import { limitIssues } from '../../../src/validation/issue-list.js';
import { brief, checkerOf, issuesOf, PROFILE, profileOf, readCore } from '../../support/profiles.js';
import { skipWithout } from '../../support/shared.js';

interface Row {
  readonly what: string;
  readonly type: string;
  readonly elements: readonly JsonObject[];
  readonly right: JsonObject;
  readonly wrong: JsonObject;
  readonly issues: readonly string[];
}

const LOINC = 'http://loinc.org';
const coded = (system: string, code: string): JsonObject => ({ coding: [{ system, code }] });

const ROWS: readonly Row[] = [
  {
    what: 'an element that is required',
    type: 'Patient',
    elements: [{ path: 'Patient.birthDate', min: 1, max: '1' }],
    right: { birthDate: '2000' },
    wrong: { active: true },
    issues: ['error profile-min Patient.birthDate'],
  },
  {
    what: 'an element that is required with extensions alone',
    type: 'Patient',
    elements: [{ path: 'Patient.birthDate', min: 1, max: '1' }],
    right: { _birthDate: { extension: [{ url: 'http://a.example/x', valueCode: 'unknown' }] } },
    wrong: { _deceasedBoolean: { extension: [{ url: 'http://a.example/x', valueCode: 'unknown' }] } },
    issues: ['error profile-min Patient.birthDate'],
  },
  {
    what: 'two values',
    type: 'Patient',
    elements: [{ path: 'Patient.name', min: 2, max: '2' }],
    right: { name: [{ family: 'A' }, { family: 'B' }] },
    wrong: { name: [{ family: 'A' }] },
    issues: ['error profile-min Patient.name'],
  },
  {
    what: 'at most one value',
    type: 'Patient',
    elements: [{ path: 'Patient.name', min: 0, max: '1' }],
    right: { name: [{ family: 'A' }] },
    wrong: { name: [{ family: 'A' }, { family: 'B' }] },
    issues: ['error profile-max Patient.name'],
  },
  {
    what: 'an element that is not allowed',
    type: 'Patient',
    elements: [{ path: 'Patient.multipleBirth[x]', min: 0, max: '0' }],
    right: { active: true },
    wrong: { multipleBirthInteger: 2 },
    issues: ['error profile-max Patient.multipleBirth'],
  },
  {
    what: 'a member of a data type',
    type: 'Patient',
    elements: [
      { path: 'Patient.name', min: 0, max: '*' },
      { path: 'Patient.name.family', min: 1, max: '1' },
    ],
    right: { name: [{ family: 'A' }] },
    wrong: { name: [{ family: 'A' }, { text: 'B' }] },
    issues: ['error profile-min Patient.name[1].family'],
  },
  {
    what: 'a member of a backbone element, deep down',
    type: 'Patient',
    elements: [
      { path: 'Patient.contact', min: 0, max: '*' },
      { path: 'Patient.contact.name', min: 0, max: '1' },
      { path: 'Patient.contact.name.given', min: 0, max: '1' },
    ],
    right: { contact: [{ name: { given: ['A'] } }] },
    wrong: { contact: [{ name: { given: ['A', 'B'] } }] },
    issues: ['error profile-max Patient.contact[0].name.given'],
  },
  {
    what: 'a fixed code',
    type: 'Patient',
    elements: [{ path: 'Patient.gender', min: 0, max: '1', fixedCode: 'female' }],
    right: { gender: 'female' },
    wrong: { gender: 'male' },
    issues: ['error fixed-value Patient.gender'],
  },
  {
    what: 'a fixed CodeableConcept, with nothing beside it',
    type: 'Observation',
    elements: [{ path: 'Observation.code', min: 1, max: '1', fixedCodeableConcept: coded(LOINC, '1-1') }],
    right: { status: 'final', code: coded(LOINC, '1-1') },
    wrong: { status: 'final', code: { ...coded(LOINC, '1-1'), text: 'a' } },
    issues: ['error fixed-value Observation.code'],
  },
  {
    what: 'a pattern, with anything beside it',
    type: 'Observation',
    elements: [{ path: 'Observation.code', min: 1, max: '1', patternCodeableConcept: coded(LOINC, '1-1') }],
    right: {
      status: 'final',
      code: { text: 'a', coding: [{ code: 'b' }, { system: LOINC, code: '1-1', display: 'c' }] },
    },
    wrong: { status: 'final', code: { coding: [{ system: LOINC }, { code: '1-1' }] } },
    issues: ['error pattern-value Observation.code'],
  },
  {
    what: 'the type of a choice',
    type: 'Observation',
    elements: [{ path: 'Observation.value[x]', min: 0, max: '1', type: [{ code: 'Quantity' }, { code: 'string' }] }],
    right: { status: 'final', code: { text: 'a' }, valueString: 'a' },
    wrong: { status: 'final', code: { text: 'a' }, valueBoolean: true },
    issues: ['error type-not-allowed Observation.value'],
  },
  {
    what: 'the greatest length, in characters',
    type: 'Patient',
    elements: [
      { path: 'Patient.name', min: 0, max: '*' },
      { path: 'Patient.name.family', min: 0, max: '1', maxLength: 2 },
    ],
    right: { name: [{ family: '😀😀' }] },
    wrong: { name: [{ family: 'abc' }] },
    issues: ['error max-length Patient.name[0].family'],
  },
  {
    what: 'the least date',
    type: 'Patient',
    elements: [{ path: 'Patient.birthDate', min: 0, max: '1', minValueDate: '2000-06-15' }],
    right: { birthDate: '2000' },
    wrong: { birthDate: '2000-06-14' },
    issues: ['error min-value Patient.birthDate'],
  },
  {
    what: 'the greatest number',
    type: 'Patient',
    elements: [{ path: 'Patient.multipleBirth[x]', min: 0, max: '1', type: [{ code: 'integer' }], maxValueInteger: 3 }],
    right: { multipleBirthInteger: 3 },
    wrong: { multipleBirthInteger: 4 },
    issues: ['error max-value Patient.multipleBirth'],
  },
  {
    what: 'the greatest quantity, in another unit',
    type: 'Observation',
    elements: [
      {
        path: 'Observation.value[x]',
        min: 0,
        max: '1',
        type: [{ code: 'Quantity' }],
        maxValueQuantity: { value: 2, system: 'http://unitsofmeasure.org', code: 'm' },
      },
    ],
    right: {
      status: 'final',
      code: { text: 'a' },
      valueQuantity: { value: 200, system: 'http://unitsofmeasure.org', code: 'cm' },
    },
    wrong: {
      status: 'final',
      code: { text: 'a' },
      valueQuantity: { value: 201, system: 'http://unitsofmeasure.org', code: 'cm' },
    },
    issues: ['error max-value Observation.value'],
  },
  {
    what: 'the type that a reference names',
    type: 'Observation',
    elements: [
      {
        path: 'Observation.subject',
        min: 0,
        max: '1',
        type: [{ code: 'Reference', targetProfile: ['http://hl7.org/fhir/StructureDefinition/Patient'] }],
      },
    ],
    right: { status: 'final', code: { text: 'a' }, subject: { reference: 'Patient/1' } },
    wrong: { status: 'final', code: { text: 'a' }, subject: { reference: 'http://a.example/Group/1' } },
    issues: ['error target-type Observation.subject'],
  },
  {
    what: 'items inside items, by contentReference',
    type: 'Questionnaire',
    elements: [
      { path: 'Questionnaire.item', min: 0, max: '*' },
      { path: 'Questionnaire.item.text', min: 1, max: '1' },
      { path: 'Questionnaire.item.item', min: 0, max: '*', contentReference: '#Questionnaire.item' },
    ],
    right: {
      status: 'draft',
      item: [{ linkId: '1', type: 'group', text: 'a', item: [{ linkId: '2', type: 'display', text: 'b' }] }],
    },
    wrong: {
      status: 'draft',
      item: [{ linkId: '1', type: 'group', text: 'a', item: [{ linkId: '2', type: 'display' }] }],
    },
    issues: ['error profile-min Questionnaire.item[0].item[0].text'],
  },
];

describe('the profile checker', function () {
  before(function () {
    skipWithout(this, 'data', 'r4-packages', 'hl7.fhir.r4.core-4.0.1.tgz');
  });

  for (const { what, type, elements, right, wrong, issues } of ROWS)
    it(`asks for ${what}`, async () => {
      const checker = checkerOf([{ origin: 'stored', resources: [profileOf(type, elements)] }, readCore()!]);
      assert.deepEqual(brief(await issuesOf(checker, { resourceType: type, ...right }, [PROFILE])), []);
      assert.deepEqual(brief(await issuesOf(checker, { resourceType: type, ...wrong }, [PROFILE])), issues);
      assert.deepEqual(brief(await issuesOf(checker, { resourceType: type, ...wrong }, [])), []);
    });

  it('compares decimals by the digits that were sent', async () => {
    const elements = [
      { path: 'Observation.value[x]', min: 0, max: '1', type: [{ code: 'Quantity' }] },
      { path: 'Observation.value[x].value', min: 0, max: '1', fixedDecimal: 0.1 },
    ];
    const checker = checkerOf([{ origin: 'stored', resources: [profileOf('Observation', elements)] }, readCore()!]);
    const text = (value: string) =>
      `{"resourceType":"Observation","status":"final","code":{"text":"a"},"valueQuantity":{"value":${value}}}`;
    assert.deepEqual(brief(await issuesOf(checker, text('0.10'), [PROFILE])), []);
    assert.deepEqual(brief(await issuesOf(checker, text('1.0e-1'), [PROFILE])), []);
    assert.deepEqual(brief(await issuesOf(checker, text('0.1000000000000000000001'), [PROFILE])), [
      'error fixed-value Observation.value.value',
    ]);
  });

  it('says of a profile that is not known that it is not checked', async () => {
    const checker = checkerOf([readCore()!]);
    assert.deepEqual(brief(await issuesOf(checker, { resourceType: 'Patient', active: true }, [PROFILE])), [
      'warning unknown-profile Patient',
    ]);
  });

  it('refuses a profile of another type', async () => {
    const checker = checkerOf([{ origin: 'stored', resources: [profileOf('Group', [])] }, readCore()!]);
    assert.deepEqual(brief(await issuesOf(checker, { resourceType: 'Patient', active: true }, [PROFILE])), [
      'error profile-type Patient',
    ]);
  });

  it('passes over a binding whose strength is none, and a context that is none, and says so', async () => {
    const binding = { strength: 'nonsense', valueSet: 'http://test.example/ValueSet/none' };
    const bound = profileOf('Patient', [{ path: 'Patient.maritalStatus', min: 0, max: '1', binding }]);
    const url = 'http://test.example/StructureDefinition/e';
    const more = { url, context: [{ type: 'element' }, { expression: 'Patient' }, { type: 'element', expression: 1 }] };
    const extension = profileOf('Extension', [], more);
    const checker = checkerOf([{ origin: 'guide', resources: [bound, extension] }, readCore()!]);
    const resource = {
      resourceType: 'Patient',
      maritalStatus: coded(LOINC, 'a'),
      extension: [{ url, valueCode: 'a' }],
    };
    const issues = await issuesOf(checker, resource, [PROFILE]);
    const flaws = issues.filter(({ text }) => text.includes('flaw'));
    assert.deepEqual(brief(flaws).toSorted(), [
      'warning not-checked Patient',
      'warning not-checked Patient.extension[0]',
    ]);
    assert.ok(issues.every(({ severity }) => severity !== 'error'));
  });

  it('gives what it finds, of which 200 issues are told, errors first, and how many more there are', async () => {
    const elements = [
      { path: 'Patient.name', min: 0, max: '*' },
      { path: 'Patient.name.family', min: 1, max: '1', mustSupport: true },
      { path: 'Patient.name.text', min: 0, max: '1', mustSupport: true },
    ];
    const checker = checkerOf([{ origin: 'stored', resources: [profileOf('Patient', elements)] }, readCore()!]);
    const name = Array.from({ length: 150 }, () => ({ use: 'usual' }));
    const found = await issuesOf(checker, { resourceType: 'Patient', name }, [PROFILE], {}, { mustSupport: true });
    assert.equal(found.length, 450);
    const issues = limitIssues(found);
    assert.equal(issues.length, 201);
    assert.equal(
      issues.findLastIndex(({ severity }) => severity === 'error'),
      149,
    );
    assert.equal(issues.at(-1)?.text, 'There are 250 more issues: correct these first.');
  });

  it('looks at 1,000 definitions of extensions, says that there are more, and leaves out nothing of R4 for them', async () => {
    const checker = checkerOf([readCore()!]);
    const extension = Array.from({ length: 1500 }, (_, at) => ({
      url: `http://a.example/x/${at}`,
      valueBoolean: true,
    }));
    const contact = [{ name: { period: { start: '2021-02-01', end: '2021-01-01' } } }];
    const found = await issuesOf(checker, { resourceType: 'Patient', extension, contact }, []);
    assert.deepEqual(brief(found), ['error invariant Patient.contact[0].name.period', 'warning not-checked Patient']);
    const fewer = await issuesOf(checker, { resourceType: 'Patient', extension: extension.slice(0, 900) }, []);
    assert.deepEqual(brief(fewer), []);
  });

  it('forgets no profile of a resource for what it names beside', async () => {
    const elements = [{ path: 'Patient.birthDate', min: 1, max: '1' }];
    const urls = Array.from({ length: 8 }, (_, at) => `${PROFILE}${at}`);
    const resources = urls.map(url => profileOf('Patient', elements, { url }));
    const checker = checkerOf([{ origin: 'stored', resources }, readCore()!]);
    for (const [at, url] of urls.entries()) {
      const extension = Array.from({ length: 700 }, (_, n) => ({
        url: `http://a.example/${at}/${n}`,
        valueBoolean: true,
      }));
      const contained = [{ resourceType: 'Basic', id: 'b', code: { text: 'a' }, extension }];
      const link = [{ url: 'http://a.example/b', valueReference: { reference: '#b' } }];
      const claimed = { resourceType: 'Patient', meta: { profile: [url] }, contained, extension: link };
      assert.deepEqual(brief(await issuesOf(checker, claimed, [])), ['error profile-min Patient.birthDate'], url);
    }
  });

  it('keeps 1,000 errors and as many others, and says how many more there are', async () => {
    const elements = [
      { path: 'Patient.name', min: 0, max: '*' },
      { path: 'Patient.name.family', min: 1, max: '1' },
    ];
    const checker = checkerOf([{ origin: 'stored', resources: [profileOf('Patient', elements)] }, readCore()!]);
    const name = Array.from({ length: 1500 }, () => ({ use: 'usual' }));
    const found = await issuesOf(checker, { resourceType: 'Patient', name }, [PROFILE]);
    assert.equal(found.length, 1001);
    assert.match(found.at(-1)!.text, /^There are 500 more issues/);
    const told = limitIssues(found);
    assert.equal(told.length, 201);
    assert.match(told.at(-1)!.text, /^There are 1300 more issues/);
    assert.deepEqual(limitIssues(told), told, 'what was cut is not cut again');
  });
});

describe('what R4 itself says of large definitions', () => {
  before(function () {
    if (!readCore()) skipWithout(this, 'data', 'r4-packages', 'hl7.fhir.r4.core-4.0.1.tgz');
  });
  const profileWith = (slices: number, last: JsonObject = {}): JsonObject => ({
    ...{ resourceType: 'StructureDefinition', url: PROFILE, name: 'Large', status: 'active', kind: 'resource' },
    ...{ abstract: false, type: 'Observation', derivation: 'constraint' },
    baseDefinition: 'http://hl7.org/fhir/StructureDefinition/Observation',
    differential: {
      element: Array.from({ length: slices }, (_, at) => ({
        ...{ id: `Observation.component:s${at}`, path: 'Observation.component', sliceName: `s${at}`, min: 0, max: '1' },
        ...(at === slices - 1 ? last : {}),
      })),
    },
  });
  const guideWith = (groupings: number, resources: number, last: JsonObject = {}): JsonObject => ({
    ...{ resourceType: 'ImplementationGuide', url: 'http://test.example/ImplementationGuide/g', name: 'Large' },
    ...{ status: 'active', packageId: 'a.guide', fhirVersion: ['4.0.1'] },
    definition: {
      grouping: Array.from({ length: groupings }, (_, at) => ({ id: `g${at}`, name: `G ${at}` })),
      resource: Array.from({ length: resources }, (_, at) => ({
        ...{ reference: { reference: `Patient/${at}` }, groupingId: `g${at % groupings}`, fhirVersion: ['4.0.1'] },
        ...(at === resources - 1 ? last : {}),
      })),
    },
  });
  const rows: [what: string, resource: JsonObject, issues: string[]][] = [
    ['a profile with 20,000 slices', profileWith(20_000), []],
    [
      'one of which is of another type',
      profileWith(20_000, { path: 'Patient.name' }),
      ['error invariant StructureDefinition.differential'],
    ],
    [
      'one of which has the id of another',
      profileWith(20_000, { id: 'Observation.component:s0' }),
      ['error invariant StructureDefinition'],
    ],
    ['a guide with 1,000 groupings and 20,000 resources', guideWith(1000, 20_000), []],
    [
      'one of which is in none',
      guideWith(1000, 20_000, { groupingId: 'g' }),
      ['error invariant ImplementationGuide.definition'],
    ],
    [
      'one of which is of another version',
      guideWith(1000, 20_000, { fhirVersion: ['3.0.1'] }),
      ['error invariant ImplementationGuide'],
    ],
  ];
  for (const [what, resource, issues] of rows)
    it(what, async () => {
      assert.deepEqual(brief(await issuesOf(checkerOf([readCore()!]), resource, [])), issues);
    });
});

describe('what a guide asks of every resource of a type', () => {
  before(function () {
    if (!readCore()) skipWithout(this, 'data', 'r4-packages', 'hl7.fhir.r4.core-4.0.1.tgz');
  });
  const guide = (profile: string): Resource => ({
    resourceType: 'ImplementationGuide',
    url: 'http://test.example/ImplementationGuide/g',
    global: [{ type: 'Patient', profile }, {}, { type: 'Patient', profile }],
  });
  const named = profileOf('Patient', [{ path: 'Patient.name', min: 1, max: '*' }]);
  const told = async (resource: JsonObject, globals: boolean, profile = PROFILE): Promise<string[]> =>
    brief(
      await issuesOf(checkerOf([{ origin: 'g', resources: [guide(profile), named] }, readCore()!]), resource, [], {
        globals,
      }),
    );

  it('is told where it is asked for', async () => {
    const patient = { resourceType: 'Patient', active: true };
    assert.deepEqual(await told(patient, true), ['error profile-min Patient.name']);
    assert.deepEqual(await told({ ...patient, name: [{ text: 'a' }] }, true), []);
    assert.deepEqual(await told(patient, false), []);
    assert.deepEqual(await told({ resourceType: 'Basic', code: { text: 'a' } }, true), []);
    assert.deepEqual(await told(patient, true, 'http://test.example/none'), ['warning unknown-profile Patient']);
  });

  it('holds in Bundles, and for nothing that is contained', async () => {
    const patient = { resourceType: 'Patient', id: 'p', active: true };
    const bundle = {
      resourceType: 'Bundle',
      type: 'collection',
      entry: [{ fullUrl: 'http://a/Patient/p', resource: patient }],
    };
    assert.deepEqual(await told(bundle, true), ['error profile-min Bundle.entry[0].resource.name']);
    const basic = { resourceType: 'Basic', code: { text: 'a' }, subject: { reference: '#p' }, contained: [patient] };
    assert.deepEqual(await told(basic, true), []);
  });
});
