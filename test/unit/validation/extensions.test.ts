/** Extensions by their definitions. https://hl7.org/fhir/R4/defining-extensions.html */
import assert from 'node:assert/strict';
import { before, describe, it } from 'mocha';
import type { JsonObject, Resource } from '../../../src/fhir/resource.js';
import type { ProfileOptions } from '../../../src/validation/run.js';
import { brief, checkerOf, issuesOf, profileOf, readCore } from '../../support/profiles.js';
import { skipWithout } from '../../support/shared.js';

const X = 'http://a.example/x';

/** An extension with a string, that may stand in these contexts. */
const extension = (url: string, contexts: readonly JsonObject[], more: JsonObject = {}): Resource =>
  profileOf(
    'Extension',
    [
      { path: 'Extension.extension', min: 0, max: '0' },
      { path: 'Extension.url', min: 1, max: '1', fixedUri: url },
      { path: 'Extension.value[x]', min: 1, max: '1', type: [{ code: 'string' }] },
    ],
    { url, context: contexts as JsonObject[], ...more },
  );

const modifier = (): Resource => {
  const { snapshot, ...rest } = extension(X, [{ type: 'element', expression: 'Patient' }]);
  const [root, ...elements] = (snapshot as unknown as { element: JsonObject[] }).element;
  return { ...rest, snapshot: { element: [{ ...root, isModifier: true }, ...elements] } };
};

const complex = (): Resource =>
  profileOf(
    'Extension',
    [
      {
        path: 'Extension.extension',
        min: 1,
        max: '*',
        slicing: { discriminator: [{ type: 'value', path: 'url' }], rules: 'closed' },
      },
      { path: 'Extension.extension', sliceName: 'a', min: 1, max: '1' },
      { path: 'Extension.extension.url', min: 1, max: '1', fixedUri: 'a' },
      { path: 'Extension.extension.value[x]', min: 1, max: '1', type: [{ code: 'code' }] },
      { path: 'Extension.url', min: 1, max: '1', fixedUri: X },
      { path: 'Extension.value[x]', min: 0, max: '0' },
    ],
    { url: X, context: [{ type: 'element', expression: 'Element' }] },
  );

const PARTS_LEFT_OPEN: JsonObject = {
  snapshot: {
    element: [
      { path: 'Extension', min: 0, max: '*' },
      { path: 'Extension.extension', min: 0, max: '*' },
      { path: 'Extension.url', min: 1, max: '1', fixedUri: X },
      { path: 'Extension.value[x]', min: 1, max: '1', type: [{ code: 'string' }] },
    ],
  },
};

const on = (expression: string): JsonObject => ({ type: 'element', expression });
const x = (value: JsonObject = { valueString: 'a' }): JsonObject => ({ url: X, ...value });

type Row = readonly [
  what: string,
  definition: Resource | undefined,
  patient: JsonObject,
  issues: readonly string[],
  options?: Partial<ProfileOptions>,
];

const ROWS: readonly Row[] = [
  ['are right where they stand at their type', extension(X, [on('Patient')]), { extension: [x()] }, []],
  [
    'have the types of their definitions',
    extension(X, [on('Patient')]),
    { extension: [x({ valueBoolean: true })] },
    ['error type-not-allowed Patient.extension[0].value'],
  ],
  ['may stand at a path', extension(X, [on('Patient.name')]), { name: [{ extension: [x()] }] }, []],
  ['may stand in a data type', extension(X, [on('HumanName')]), { name: [{ extension: [x()] }] }, []],
  [
    'may stand at a path of a data type',
    extension(X, [on('HumanName.given')]),
    { name: [{ given: ['a'], _given: [{ extension: [x()] }] }] },
    [],
  ],
  [
    'may stand at a primitive type',
    extension(X, [on('string')]),
    { name: [{ given: ['a'], _given: [{ extension: [x()] }] }] },
    [],
  ],
  [
    'may stand at a choice',
    extension(X, [on('Patient.deceased[x]')]),
    { deceasedBoolean: true, _deceasedBoolean: { extension: [x()] } },
    [],
  ],
  ['may stand anywhere', extension(X, [on('Element')]), { contact: [{ name: { extension: [x()] } }] }, []],
  ['may stand at all resources', extension(X, [on('DomainResource')]), { extension: [x()] }, []],
  [
    'may not stand elsewhere',
    extension(X, [on('Patient.name'), on('Address')]),
    { contact: [{ name: { extension: [x()] } }] },
    ['error extension-context Patient.contact[0].name.extension[0]'],
  ],
  [
    'may not stand in an extension if that is not said',
    extension(X, [on('Patient')]),
    { extension: [{ url: 'http://a.example/other', extension: [x()] }] },
    ['error extension-context Patient.extension[0].extension[0]'],
  ],
  [
    'may stand in the extension that is named',
    extension(X, [{ type: 'extension', expression: 'http://a.example/other' }]),
    { extension: [{ url: 'http://a.example/other', extension: [x()] }] },
    [],
  ],
  [
    'may stand in the elements of a query of the resource',
    extension(X, [{ type: 'fhirpath', expression: 'Patient.contact.name | Patient.address' }]),
    { contact: [{ name: { family: 'a', extension: [x()] } }], name: [{ family: 'a' }] },
    [],
  ],
  [
    'may not stand in other elements than those of a query',
    extension(X, [{ type: 'fhirpath', expression: 'Patient.contact.name | Patient.address' }]),
    { contact: [{ name: { family: 'a' } }], name: [{ family: 'a', extension: [x()] }] },
    ['error extension-context Patient.name[0].extension[0]'],
  ],
  [
    'may stand where a condition of the element holds',
    extension(X, [{ type: 'fhirpath', expression: "use.exists() and use = 'old'" }]),
    { name: [{ use: 'old', extension: [x()] }] },
    [],
  ],
  [
    'may not stand where a condition of the element does not hold',
    extension(X, [{ type: 'fhirpath', expression: "use.exists() and use = 'old'" }]),
    { name: [{ use: 'usual', extension: [x()] }] },
    ['error extension-context Patient.name[0].extension[0]'],
  ],
  [
    'may ask that something holds where they stand',
    extension(X, [on('Patient')], { contextInvariant: ['active.exists()'] }),
    { extension: [x()] },
    ['error extension-context Patient.extension[0]'],
  ],
  [
    'may ask that something holds where they stand, and it does',
    extension(X, [on('Patient')], { contextInvariant: ['active.exists()'] }),
    { active: true, extension: [x()] },
    [],
  ],
  ['have parts', complex(), { extension: [x({ extension: [{ url: 'a', valueCode: 'b' }] })] }, []],
  [
    'have no other parts',
    complex(),
    {
      extension: [
        x({
          extension: [
            { url: 'a', valueCode: 'b' },
            { url: 'c', valueCode: 'b' },
          ],
        }),
      ],
    },
    ['error slice-closed Patient.extension[0].extension[1]'],
  ],
  [
    'have no parts by a relative url that their definition does not have',
    extension(X, [on('Patient')], PARTS_LEFT_OPEN),
    { extension: [x({ extension: [{ url: 'a', valueString: 'b' }] })] },
    ['error profile-min Patient.extension[0].value', 'error extension-url Patient.extension[0].extension[0]'],
  ],
  [
    'have extensions among their parts',
    extension(X, [on('Patient')], PARTS_LEFT_OPEN),
    {
      extension: [x({ valueString: 'a' }), { url: 'http://a.example/y', extension: [{ url: 'a', valueString: 'b' }] }],
    },
    [],
  ],
  ['that are modifiers stand among modifiers', modifier(), { modifierExtension: [x()] }, []],
  [
    'that are modifiers stand nowhere else',
    modifier(),
    { extension: [x()] },
    ['error extension-modifier Patient.extension[0]'],
  ],
  [
    'that are no modifiers do not stand among them',
    extension(X, [on('Patient')]),
    { modifierExtension: [x()] },
    ['error extension-modifier Patient.modifierExtension[0]'],
  ],
  [
    'need an absolute url',
    undefined,
    { extension: [{ url: 'x', valueString: 'a' }] },
    ['error extension-url Patient.extension[0]'],
  ],
  ['may be unknown', undefined, { extension: [x()] }, []],
  [
    'may be told when they are unknown',
    undefined,
    { extension: [x()] },
    ['warning extension-unknown Patient.extension[0]'],
    { unknownExtensions: 'warn' },
  ],
  [
    'may have to be known',
    undefined,
    { extension: [x()] },
    ['error extension-unknown Patient.extension[0]'],
    { unknownExtensions: 'error' },
  ],
  [
    'that may change meaning are told when they are unknown',
    undefined,
    { modifierExtension: [x()] },
    ['warning modifier-extension-unknown Patient.modifierExtension[0]'],
  ],
  [
    'of other versions of FHIR are known by their address',
    undefined,
    { extension: [{ url: 'http://hl7.org/fhir/5.0/StructureDefinition/extension-Patient.nothing', valueString: 'a' }] },
    [],
    { unknownExtensions: 'error' },
  ],
];

describe('extensions', () => {
  before(function () {
    skipWithout(this, 'data', 'r4-packages', 'hl7.fhir.r4.core-4.0.1.tgz');
  });

  for (const [what, definition, patient, issues, options] of ROWS)
    it(what, async () => {
      const checker = checkerOf([{ origin: 'stored', resources: definition ? [definition] : [] }, readCore()!]);
      const found = await issuesOf(checker, { resourceType: 'Patient', ...patient }, [], {}, options);
      assert.deepEqual(brief(found), issues);
    });
});
