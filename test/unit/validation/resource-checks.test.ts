/** The checks of resources by their type: which are asked, and that whatever is asked of them they answer. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { loadDefinitions } from '../../../src/fhir/definitions.js';
import type { Json, JsonObject, Resource } from '../../../src/fhir/resource.js';
import { createResourceChecks } from '../../../src/validation/content/resource-checks.js';
import { resourceSites } from '../../../src/validation/profiles/sites.js';
import { createRandom, type Random } from '../../support/random.js';
import { runCheck } from '../../support/resource-check.js';

const definitions = loadDefinitions();
const checksOf = createResourceChecks({ find: async () => undefined, definitions, lookAtSystem: () => undefined });

const QUESTIONNAIRE: JsonObject = {
  resourceType: 'Questionnaire',
  id: 'q',
  item: [
    {
      linkId: 'g',
      type: 'group',
      item: [
        {
          linkId: 'a',
          type: 'choice',
          required: true,
          answerOption: [{ valueCoding: { system: 'urn:s', code: 'c' } }],
        },
        {
          linkId: 'b',
          type: 'string',
          maxLength: 3,
          enableWhen: [{ question: 'a', operator: 'exists', answerBoolean: true }],
        },
      ],
    },
    { linkId: 'v', type: 'choice', answerValueSet: '#v' },
  ],
};

const RESOURCES: readonly JsonObject[] = [
  {
    resourceType: 'QuestionnaireResponse',
    status: 'completed',
    questionnaire: '#q',
    contained: [
      QUESTIONNAIRE,
      { resourceType: 'ValueSet', id: 'v', compose: { include: [{ system: 'urn:s', concept: [{ code: 'c' }] }] } },
    ],
    item: [
      {
        linkId: 'g',
        item: [
          { linkId: 'a', answer: [{ valueCoding: { system: 'urn:s', code: 'c' } }] },
          { linkId: 'b', answer: [{ valueString: 'abc', item: [] }] },
        ],
      },
      { linkId: 'v', answer: [{ valueCoding: { system: 'urn:s', code: 'c' } }] },
    ],
  },
  {
    resourceType: 'Bundle',
    type: 'document',
    link: [{ relation: 'self', url: 'http://a' }],
    entry: [
      {
        fullUrl: 'http://a/Composition/c',
        resource: {
          resourceType: 'Composition',
          id: 'c',
          subject: { reference: 'Patient/p' },
          author: [{ reference: 'Patient/p' }],
          section: [
            { entry: [{ reference: 'urn:uuid:8ce7db7b-9b9b-41ae-b1d7-3f2d1c728a13' }], section: [{ focus: {} }] },
          ],
        },
      },
      {
        fullUrl: 'http://a/Patient/p',
        resource: { resourceType: 'Patient', id: 'p', photo: [{ data: 'YWJj', size: 3, hash: 'a' }] },
      },
      {
        fullUrl: 'urn:uuid:8ce7db7b-9b9b-41ae-b1d7-3f2d1c728a13',
        resource: {
          resourceType: 'Observation',
          text: { div: '<div><a href="#a" id="a">b</a></div>' },
          note: [{ text: '<b>' }],
        },
        request: { method: 'POST', url: 'Observation' },
        search: { mode: 'match' },
      },
    ],
  },
];

const JUNK: readonly Json[] = [null, 1, 'x', true, [], {}, '#a', 'urn:uuid:x', { reference: 'x' }, [{}], [null], [[]]];

type Slot = readonly [holder: JsonObject | Json[], key: string];

function slotsOf(value: JsonObject | Json[]): Slot[] {
  return Object.keys(value)
    .filter(key => key !== 'resourceType')
    .flatMap(key => {
      const inner = (value as JsonObject)[key]!;
      const own: Slot = [value, key];
      return typeof inner === 'object' && inner !== null ? [own, ...slotsOf(inner)] : [own];
    });
}

/** Some values are taken out, exchanged for junk or for others. */
function damaged(resource: JsonObject, random: Random): JsonObject {
  const copy = structuredClone(resource);
  for (let left = 1 + random.below(4); left > 0; left--) {
    const slots = slotsOf(copy);
    if (slots.length === 0) break;
    const [holder, key] = random.pick(slots);
    const [other, otherKey] = random.pick(slots);
    const kind = random.below(3);
    if (kind === 0) delete (holder as JsonObject)[key];
    else
      (holder as JsonObject)[key] =
        kind === 1 ? random.pick(JUNK) : structuredClone((other as JsonObject)[otherKey] ?? null);
  }
  return copy;
}

describe('checks of resources by their type', () => {
  it('ask all of their values, and Bundles and responses of more', () => {
    assert.equal(checksOf('Patient').length, 1);
    assert.equal(checksOf('Bundle').length, 2);
    assert.equal(checksOf('QuestionnaireResponse').length, 2);
    assert.equal(checksOf('Patient')[0], checksOf('Bundle')[0]);
  });

  it('find nothing in what is right, but what they are to find', async () => {
    const found: string[] = [];
    for (const resource of RESOURCES)
      for (const type of new Set(resourceSites(resource as Resource).map(site => site.resource.resourceType)))
        for (const check of checksOf(type))
          for (const { detail, expression } of await runCheck(check, type, resource, {
            options: { htmlInStrings: 'warn' },
          }))
            found.push(`${detail} ${expression}`);
    assert.deepEqual(found, [
      'attachment-data Bundle.entry[1].resource.photo[0].hash',
      'html-in-string Bundle.entry[2].resource.note[0].text',
    ]);
  });

  it('answer whatever they are given', async () => {
    const random = createRandom(16);
    for (let at = 0; at < 600; at++) {
      const resource = damaged(random.pick(RESOURCES), random);
      for (const type of new Set(resourceSites(resource as Resource).map(site => site.resource.resourceType)))
        for (const check of checksOf(type))
          await runCheck(check, type, resource, { options: { htmlInStrings: 'error' } });
    }
  });
});
