/** References to what is inside a resource, and what is asked of it. https://hl7.org/fhir/R4/bundle.html#references */
import assert from 'node:assert/strict';
import { before, describe, it } from 'mocha';
import type { JsonObject } from '../../../src/fhir/resource.js';
import { createTargetResolver } from '../../../src/validation/profiles/resolve.js';
import { resourceSites } from '../../../src/validation/profiles/sites.js';
import { brief, checkerOf, issuesOf, parsedOf, PROFILE, profileOf, readCore } from '../../support/profiles.js';
import { skipWithout } from '../../support/shared.js';

const A = 'urn:uuid:00000000-0000-4000-8000-00000000000a';
const BASE = 'http://a.example/fhir';

const BUNDLE: JsonObject = {
  resourceType: 'Bundle',
  type: 'collection',
  entry: [
    { fullUrl: `${BASE}/Observation/o`, resource: { resourceType: 'Observation', id: 'o' } },
    { fullUrl: `${BASE}/Patient/p`, resource: { resourceType: 'Patient', id: 'p', meta: { versionId: '1' } } },
    { fullUrl: A, resource: { resourceType: 'Patient', id: 'q' } },
    { fullUrl: `${BASE}/Group/g`, resource: { resourceType: 'Group', id: 'g', meta: { versionId: '1' } } },
    { fullUrl: `${BASE}/Group/g`, resource: { resourceType: 'Group', id: 'g', meta: { versionId: '2' } } },
    {
      fullUrl: 'urn:uuid:00000000-0000-4000-8000-00000000000b',
      resource: { resourceType: 'Observation', id: 'r', contained: [{ resourceType: 'Patient', id: 'c' }] },
    },
  ],
};

/** From the entry of a number. */
const TARGETS: readonly (readonly [from: number, reference: string, wanted: string])[] = [
  [0, 'Patient/p', 'Bundle.entry[1].resource'],
  [0, `${BASE}/Patient/p`, 'Bundle.entry[1].resource'],
  [0, 'Patient/p/_history/1', 'Bundle.entry[1].resource'],
  [0, 'Patient/p/_history/2', 'outside'],
  [0, 'http://b.example/fhir/Patient/p', 'outside'],
  [0, 'Patient/q', 'outside'],
  [0, A, 'Bundle.entry[2].resource'],
  [0, 'urn:uuid:00000000-0000-4000-8000-0000000000ff', 'missing'],
  [0, 'Group/g', 'ambiguous'],
  [0, 'Group/g/_history/2', 'Bundle.entry[4].resource'],
  // The address of the entry says no base.
  [5, 'Patient/p', 'outside'],
  [5, `${BASE}/Patient/p`, 'Bundle.entry[1].resource'],
  [5, '#c', 'Bundle.entry[5].resource.contained[0]'],
  [5, '#d', 'missing'],
  [5, '#', 'Bundle.entry[5].resource'],
];

const patient = (more: JsonObject = {}): JsonObject => ({ resourceType: 'Patient', id: 'c', ...more });
const observation = (more: JsonObject): JsonObject => ({
  resourceType: 'Observation',
  status: 'final',
  code: { text: 'a' },
  ...more,
});
const NAMED = 'http://a.example/StructureDefinition/named';
const NAMED_PATIENT = profileOf('Patient', [{ path: 'Patient.name', min: 1, max: '*' }], { url: NAMED });

const subject = (type: JsonObject): JsonObject[] => [
  { path: 'Observation.subject', min: 0, max: '1', type: [{ code: 'Reference', ...type }] },
];

describe('references', () => {
  for (const [from, reference, wanted] of TARGETS)
    it(`leads ${reference} in entry ${from} to ${wanted}`, () => {
      const { resource } = parsedOf(BUNDLE);
      const sites = resourceSites(resource);
      const site = sites.find(({ place }) => place.above?.index === from)!;
      const target = createTargetResolver(sites).resolve(reference, site);
      const index = (n: number): string => `Bundle.entry[${n}].resource`;
      const found =
        target.kind !== 'found'
          ? target.kind
          : target.site.as === 'contained'
            ? `${index(target.site.outer!.place.above!.index)}.contained[${target.site.place.index}]`
            : index(target.site.place.above!.index);
      assert.equal(found, wanted);
    });

  describe('in profiles', () => {
    before(function () {
      skipWithout(this, 'data', 'r4-packages', 'hl7.fhir.r4.core-4.0.1.tgz');
    });
    const rows: readonly (readonly [
      what: string,
      type: JsonObject,
      resource: JsonObject,
      issues: readonly string[],
    ])[] = [
      [
        'lead to the type that R4 says',
        {},
        observation({ subject: { reference: 'Practitioner/1' } }),
        ['error target-type Observation.subject'],
      ],
      [
        'say the type that R4 says',
        {},
        observation({ subject: { type: 'Practitioner', display: 'a' } }),
        ['error target-type Observation.subject'],
      ],
      [
        'agree with the type that they say',
        {},
        observation({ subject: { type: 'Group', reference: 'Patient/1' } }),
        ['error reference-type Observation.subject'],
      ],
      [
        'lead to what conforms',
        { targetProfile: [NAMED] },
        observation({ contained: [patient({ name: [{ text: 'a' }] })], subject: { reference: '#c' } }),
        [],
      ],
      [
        'lead to what must conform',
        { targetProfile: [NAMED] },
        observation({ contained: [patient({ active: true })], subject: { reference: '#c' } }),
        ['error target-profile Observation.subject'],
      ],
      ['lead elsewhere', { targetProfile: [NAMED] }, observation({ subject: { reference: 'Patient/1' } }), []],
      [
        'may have to be contained',
        { aggregation: ['contained'], targetProfile: ['http://hl7.org/fhir/StructureDefinition/Patient'] },
        observation({ subject: { reference: 'Patient/1' } }),
        ['error reference-aggregation Observation.subject'],
      ],
      [
        'are contained',
        { aggregation: ['contained'], targetProfile: ['http://hl7.org/fhir/StructureDefinition/Patient'] },
        observation({ contained: [patient({ active: true })], subject: { reference: '#c' } }),
        [],
      ],
    ];
    for (const [what, type, resource, issues] of rows)
      it(what, async () => {
        const resources = [profileOf('Observation', subject(type)), NAMED_PATIENT];
        const checker = checkerOf([{ origin: 'stored', resources }, readCore()!]);
        assert.deepEqual(brief(await issuesOf(checker, resource, [PROFILE])), issues);
      });

    it('end where they lead in a circle', async () => {
      const circle = profileOf('Patient', [
        { path: 'Patient.link', min: 0, max: '*' },
        { path: 'Patient.link.other', min: 1, max: '1', type: [{ code: 'Reference', targetProfile: [PROFILE] }] },
      ]);
      const checker = checkerOf([{ origin: 'stored', resources: [circle] }, readCore()!]);
      const link = (id: string): JsonObject[] => [{ other: { reference: `Patient/${id}` }, type: 'seealso' }];
      const bundle = {
        resourceType: 'Bundle',
        type: 'collection',
        entry: ['a', 'b'].map((id, i) => ({
          fullUrl: `${BASE}/Patient/${id}`,
          resource: patient({ id, meta: { profile: [PROFILE] }, link: link('ba'[i]!) }),
        })),
      };
      assert.deepEqual(brief(await issuesOf(checker, bundle, [])), []);
    });

    it('take nothing for granted that turns out to be wrong', async () => {
      const circle = profileOf('Patient', [
        { path: 'Patient.link', min: 0, max: '*' },
        { path: 'Patient.link.other', min: 1, max: '1', type: [{ code: 'Reference', targetProfile: [PROFILE] }] },
        { path: 'Patient.gender', min: 0, max: '1', fixedCode: 'female' },
      ]);
      const checker = checkerOf([{ origin: 'stored', resources: [circle] }, readCore()!]);
      const entry = (id: string, other: string, more: JsonObject): JsonObject => ({
        fullUrl: `${BASE}/Patient/${id}`,
        resource: patient({ id, link: [{ other: { reference: `Patient/${other}` }, type: 'seealso' }], ...more }),
      });
      const right = { gender: 'female' };
      const claiming = { ...right, meta: { profile: [PROFILE] } };
      // The first two lead to each other, and what follows in the first breaks the profile, so that the second breaks it, too.
      const entries = [
        entry('a', 'b', { gender: 'male' }),
        entry('b', 'a', right),
        entry('c', 'a', claiming),
        entry('d', 'b', claiming),
      ];
      assert.deepEqual(
        brief(await issuesOf(checker, { resourceType: 'Bundle', type: 'collection', entry: entries }, [])),
        [
          'error target-profile Bundle.entry[2].resource.link[0].other',
          'error target-profile Bundle.entry[3].resource.link[0].other',
        ],
      );
    });
  });
});
