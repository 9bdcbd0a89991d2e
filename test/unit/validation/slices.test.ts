/** Slices: what tells them apart, and what is asked of them. https://hl7.org/fhir/R4/profiling.html#slicing */
import assert from 'node:assert/strict';
import { before, describe, it } from 'mocha';
import type { JsonObject, Resource } from '../../../src/fhir/resource.js';
import { brief, checkerOf, issuesOf, PROFILE, profileOf, readCore } from '../../support/profiles.js';
import { skipWithout } from '../../support/shared.js';

const LOINC = 'http://loinc.org';
const BASIC: JsonObject = { status: 'final', code: { text: 'a' } };

const telecom = (
  discriminator: JsonObject,
  slices: readonly JsonObject[],
  slicing: JsonObject = {},
  sliced: JsonObject = {},
): JsonObject[] => [
  {
    path: 'Patient.telecom',
    min: 0,
    max: '*',
    slicing: { discriminator: [discriminator], rules: 'open', ...slicing },
    ...sliced,
  },
  ...slices,
];
const slice = (path: string, sliceName: string, min: number, max: string, more: JsonObject = {}): JsonObject => ({
  path,
  sliceName,
  min,
  max,
  ...more,
});
const BY_SYSTEM = { type: 'value', path: 'system' };
const PHONE = [
  slice('Patient.telecom', 'phone', 1, '1'),
  { path: 'Patient.telecom.system', min: 1, max: '1', fixedCode: 'phone' },
  { path: 'Patient.telecom.value', min: 1, max: '1' },
];
const EMAIL = [
  slice('Patient.telecom', 'email', 0, '1'),
  { path: 'Patient.telecom.system', min: 1, max: '1', fixedCode: 'email' },
];
const phone = (value?: string): JsonObject => ({ system: 'phone', ...(value === undefined ? {} : { value }) });
const email: JsonObject = { system: 'email', value: 'a@b.example' };
const fax: JsonObject = { system: 'fax', value: '1' };

type Row = readonly [
  what: string,
  type: string,
  elements: readonly JsonObject[],
  cases: readonly (readonly [resource: JsonObject, issues: readonly string[]])[],
];

const observation = (more: JsonObject): JsonObject => ({ ...BASIC, ...more });
const value = (path: string, more: JsonObject): JsonObject => ({ path, min: 0, max: '1', ...more });

const ROWS: readonly Row[] = [
  [
    'a fixed value, with how many and what of each',
    'Patient',
    telecom(BY_SYSTEM, [...PHONE, ...EMAIL]),
    [
      [{ telecom: [phone('1'), email, fax] }, []],
      [{ telecom: [email] }, ['error slice-min Patient.telecom']],
      [{ active: true }, ['error slice-min Patient.telecom']],
      [{ telecom: [phone('1'), phone('2')] }, ['error slice-max Patient.telecom']],
      [{ telecom: [email, phone()] }, ['error profile-min Patient.telecom[1].value']],
    ],
  ],
  [
    'a value that two slices have, of each that needs it',
    'Patient',
    telecom(BY_SYSTEM, [
      ...PHONE,
      slice('Patient.telecom', 'mobile', 1, '1'),
      { path: 'Patient.telecom.system', min: 1, max: '1', fixedCode: 'phone' },
      { path: 'Patient.telecom.use', min: 1, max: '1' },
    ]),
    [
      [{ telecom: [{ ...phone('1'), use: 'mobile' }, email] }, []],
      [{ telecom: [phone('1')] }, ['error profile-min Patient.telecom[0].use']],
      [{ telecom: [email] }, ['error slice-min Patient.telecom', 'error slice-min Patient.telecom']],
    ],
  ],
  [
    'closed rules',
    'Patient',
    telecom(BY_SYSTEM, [...PHONE, ...EMAIL], { rules: 'closed' }),
    [
      [{ telecom: [phone('1'), email] }, []],
      [{ telecom: [phone('1'), fax] }, ['error slice-closed Patient.telecom[1]']],
    ],
  ],
  [
    'rules that are open at the end',
    'Patient',
    telecom(BY_SYSTEM, [...PHONE, ...EMAIL], { rules: 'openAtEnd' }),
    [
      [{ telecom: [phone('1'), email, fax] }, []],
      [{ telecom: [phone('1'), fax, email] }, ['error slice-order Patient.telecom[2]']],
    ],
  ],
  [
    'an order',
    'Patient',
    telecom(BY_SYSTEM, [...PHONE, ...EMAIL], { ordered: true }),
    [
      [{ telecom: [phone('1'), fax, email] }, []],
      [{ telecom: [email, phone('1')] }, ['error slice-order Patient.telecom[1]']],
    ],
  ],
  [
    'the slice @default',
    'Patient',
    telecom(
      BY_SYSTEM,
      [...PHONE, slice('Patient.telecom', '@default', 0, '1'), { path: 'Patient.telecom.use', min: 1, max: '1' }],
      { rules: 'closed' },
    ),
    [
      [{ telecom: [phone('1'), { ...fax, use: 'work' }] }, []],
      [{ telecom: [phone('1'), fax] }, ['error profile-min Patient.telecom[1].use']],
    ],
  ],
  [
    'reslices, told as the slices around them',
    'Patient',
    [
      {
        path: 'Patient.telecom',
        min: 0,
        max: '*',
        slicing: { discriminator: [BY_SYSTEM, { type: 'value', path: 'use' }], rules: 'open' },
      },
      slice('Patient.telecom', 'phone', 0, '*'),
      { path: 'Patient.telecom.system', min: 1, max: '1', fixedCode: 'phone' },
      slice('Patient.telecom', 'phone/home', 1, '1'),
      { path: 'Patient.telecom.system', min: 1, max: '1', fixedCode: 'phone' },
      { path: 'Patient.telecom.use', min: 1, max: '1', fixedCode: 'home' },
    ],
    [
      [{ telecom: [{ ...phone('1'), use: 'home' }, phone('2')] }, []],
      [{ telecom: [phone('2')] }, ['error slice-min Patient.telecom']],
    ],
  ],
  [
    'a pattern above the element that tells',
    'Observation',
    [
      {
        path: 'Observation.category',
        min: 0,
        max: '*',
        slicing: {
          discriminator: [
            { type: 'value', path: 'coding.code' },
            { type: 'value', path: 'coding.system' },
          ],
          rules: 'open',
        },
      },
      slice('Observation.category', 'lab', 1, '1', {
        patternCodeableConcept: { coding: [{ system: 'http://a.example', code: 'lab' }] },
      }),
    ],
    [
      [observation({ category: [{ text: 'x' }, { coding: [{ system: 'http://a.example', code: 'lab' }] }] }), []],
      [
        observation({ category: [{ coding: [{ system: 'http://b.example', code: 'lab' }] }] }),
        ['error slice-min Observation.category'],
      ],
    ],
  ],
  [
    'the value itself',
    'Patient',
    [
      { path: 'Patient.name', min: 0, max: '*' },
      {
        path: 'Patient.name.given',
        min: 0,
        max: '*',
        slicing: { discriminator: [{ type: 'value', path: '$this' }], rules: 'open' },
      },
      slice('Patient.name.given', 'anna', 1, '1', { fixedString: 'Anna' }),
    ],
    [
      [{ name: [{ given: ['Berta', 'Anna'] }] }, []],
      [{ name: [{ given: ['Berta'] }] }, ['error slice-min Patient.name[0].given']],
    ],
  ],
  [
    'whether something is there',
    'Patient',
    telecom({ type: 'exists', path: 'period' }, [
      slice('Patient.telecom', 'past', 0, '1'),
      { path: 'Patient.telecom.period', min: 1, max: '1' },
      slice('Patient.telecom', 'now', 1, '1'),
      { path: 'Patient.telecom.period', min: 0, max: '0' },
    ]),
    [
      [{ telecom: [fax, { ...fax, period: { start: '2000' } }] }, []],
      [{ telecom: [{ ...fax, period: { start: '2000' } }] }, ['error slice-min Patient.telecom']],
    ],
  ],
  [
    'the type of a choice, without a discriminator',
    'Observation',
    [
      value('Observation.value[x]', { type: [{ code: 'Quantity' }, { code: 'string' }] }),
      slice('Observation.value[x]', 'valueQuantity', 0, '1', { type: [{ code: 'Quantity' }] }),
      { path: 'Observation.value[x].code', min: 1, max: '1' },
    ],
    [
      [observation({ valueString: 'a' }), []],
      [observation({ valueQuantity: { value: 1, system: 'http://unitsofmeasure.org', code: 'g' } }), []],
      [observation({ valueQuantity: { value: 1 } }), ['error profile-min Observation.value.code']],
    ],
  ],
  [
    'the type of a choice that must be there',
    'Observation',
    [
      value('Observation.value[x]', { slicing: { discriminator: [{ type: 'type', path: '$this' }], rules: 'open' } }),
      slice('Observation.value[x]', 'valueString', 1, '1', { type: [{ code: 'string' }] }),
    ],
    [
      [observation({ valueString: 'a' }), []],
      [observation({ valueBoolean: true }), ['error slice-min Observation.value']],
      [observation({}), ['error slice-min Observation.value']],
    ],
  ],
  [
    'a step of a type',
    'Observation',
    [
      {
        path: 'Observation.component',
        min: 0,
        max: '*',
        slicing: { discriminator: [{ type: 'value', path: 'value.ofType(Quantity).code' }], rules: 'open' },
      },
      slice('Observation.component', 'grams', 1, '1'),
      { path: 'Observation.component.value[x]', min: 1, max: '1', type: [{ code: 'Quantity' }] },
      { path: 'Observation.component.value[x].code', min: 1, max: '1', fixedCode: 'g' },
    ],
    [
      [
        observation({
          component: [
            { code: { text: 'a' }, valueQuantity: { value: 1, system: 'http://unitsofmeasure.org', code: 'g' } },
          ],
        }),
        [],
      ],
      [
        observation({ component: [{ code: { text: 'a' }, valueString: 'g' }] }),
        ['error slice-min Observation.component'],
      ],
    ],
  ],
  [
    'an extension on the way',
    'Patient',
    telecom({ type: 'value', path: "extension('http://a.example/kind').value" }, [
      slice('Patient.telecom', 'kind', 1, '1'),
      {
        path: 'Patient.telecom.extension',
        min: 1,
        max: '*',
        slicing: { discriminator: [{ type: 'value', path: 'url' }], rules: 'open' },
      },
      slice('Patient.telecom.extension', 'kind', 1, '1'),
      { path: 'Patient.telecom.extension.url', min: 1, max: '1', fixedUri: 'http://a.example/kind' },
      { path: 'Patient.telecom.extension.value[x]', min: 1, max: '1', fixedCode: 'k' },
    ]),
    [
      [{ telecom: [{ ...fax, extension: [{ url: 'http://a.example/kind', valueCode: 'k' }] }] }, []],
      [
        { telecom: [{ ...fax, extension: [{ url: 'http://a.example/kind', valueCode: 'l' }] }] },
        ['error slice-min Patient.telecom'],
      ],
    ],
  ],
  [
    'what a reference leads to',
    'Observation',
    [
      {
        path: 'Observation.hasMember',
        min: 0,
        max: '*',
        slicing: { discriminator: [{ type: 'type', path: 'resolve()' }], rules: 'open' },
      },
      slice('Observation.hasMember', 'response', 1, '1', {
        type: [{ code: 'Reference', targetProfile: ['http://hl7.org/fhir/StructureDefinition/QuestionnaireResponse'] }],
      }),
    ],
    [
      [observation({ hasMember: [{ reference: 'QuestionnaireResponse/1' }] }), []],
      [
        observation({
          contained: [{ resourceType: 'QuestionnaireResponse', id: 'a', status: 'completed' }],
          hasMember: [{ reference: '#a' }],
        }),
        [],
      ],
      [observation({ hasMember: [{ reference: 'Observation/1' }] }), ['error slice-min Observation.hasMember']],
      [observation({ hasMember: [{ display: 'a' }] }), ['warning not-checked Observation.hasMember']],
    ],
  ],
  [
    'a required binding',
    'Observation',
    [
      {
        path: 'Observation.category',
        min: 0,
        max: '*',
        slicing: { discriminator: [{ type: 'value', path: '$this' }], rules: 'open' },
      },
      slice('Observation.category', 'gender', 1, '1', {
        binding: { strength: 'required', valueSet: 'http://hl7.org/fhir/ValueSet/administrative-gender' },
      }),
    ],
    [
      [
        observation({
          category: [{ coding: [{ system: 'http://hl7.org/fhir/administrative-gender', code: 'male' }] }],
        }),
        [],
      ],
      [
        observation({ category: [{ coding: [{ system: LOINC, code: 'male' }] }] }),
        ['error slice-min Observation.category'],
      ],
    ],
  ],
  [
    'nothing: the profile has a flaw, and no resource is refused for it',
    'Patient',
    telecom({ type: 'value', path: 'rank' }, [slice('Patient.telecom', 'first', 1, '1')], { rules: 'closed' }),
    [[{ telecom: [fax] }, ['warning not-checked Patient']]],
  ],
];

describe('slices', () => {
  before(function () {
    skipWithout(this, 'data', 'r4-packages', 'hl7.fhir.r4.core-4.0.1.tgz');
  });

  for (const [what, type, elements, cases] of ROWS)
    it(`are told by ${what}`, async () => {
      const resources: Resource[] = [profileOf(type, elements)];
      const checker = checkerOf([{ origin: 'stored', resources }, readCore()!]);
      for (const [resource, issues] of cases)
        assert.deepEqual(
          brief(await issuesOf(checker, { resourceType: type, ...resource }, [PROFILE])),
          issues,
          JSON.stringify(resource),
        );
    });
});
