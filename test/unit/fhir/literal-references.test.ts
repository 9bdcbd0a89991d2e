import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { loadDefinitions } from '../../../src/fhir/definitions.js';
import { literalReferences } from '../../../src/fhir/literal-references.js';
import type { Resource } from '../../../src/fhir/resource.js';

const definitions = loadDefinitions();
const found = (resource: Resource) =>
  literalReferences(resource, definitions).map(({ expression, text }) => [expression, text]);

describe('the literal references of a resource', () => {
  it('are found wherever a Reference can stand, with its FHIRPath', () => {
    const resource: Resource = {
      resourceType: 'Patient',
      _birthDate: { extension: [{ url: 'u', valueReference: { reference: 'Group/1' } }] },
      name: [{ _given: [null, { extension: [{ url: 'u', valueReference: { reference: 'Group/2' } }] }] }],
      identifier: [{ assigner: { reference: 'Organization/1' } }],
      managingOrganization: { reference: 'Organization/2', identifier: { assigner: { reference: 'Organization/3' } } },
      link: [{ type: 'refer', other: { reference: 'Patient/1' } }],
      contained: [{ resourceType: 'Observation', subject: { reference: 'Patient/2' } }],
    };
    assert.deepEqual(found(resource), [
      ['Patient.birthDate.extension[0].value', 'Group/1'],
      ['Patient.name[0].given[1].extension[0].value', 'Group/2'],
      ['Patient.identifier[0].assigner', 'Organization/1'],
      ['Patient.managingOrganization', 'Organization/2'],
      ['Patient.managingOrganization.identifier.assigner', 'Organization/3'],
      ['Patient.link[0].other', 'Patient/1'],
      ['Patient.contained[0].subject', 'Patient/2'],
    ]);
  });

  it('are found in elements that are defined elsewhere', () => {
    const item = { linkId: '1', item: [{ linkId: '2', answer: [{ valueReference: { reference: 'Patient/1' } }] }] };
    assert.deepEqual(found({ resourceType: 'QuestionnaireResponse', item: [item] }), [
      ['QuestionnaireResponse.item[0].item[0].answer[0].value', 'Patient/1'],
    ]);
  });

  it('are no canonicals, no identifiers, and nothing that is only named so', () => {
    const resources: Resource[] = [
      { resourceType: 'Claim', related: [{ reference: { value: '1' } }] },
      { resourceType: 'Immunization', education: [{ reference: 'Patient/1' }] },
      { resourceType: 'QuestionnaireResponse', questionnaire: 'Questionnaire/1' },
      { resourceType: 'Observation', subject: { identifier: { value: '1' }, type: 'Patient' } },
    ];
    for (const resource of resources) assert.deepEqual(found(resource), [], resource.resourceType);
  });

  it('know what they can name among the contained: that of the resource around them', () => {
    const inner = { resourceType: 'Patient', id: 'p', managingOrganization: { reference: '#o' } };
    const outer: Resource = {
      resourceType: 'Observation',
      contained: [inner, { resourceType: 'Organization', id: 'o' }],
    };
    const parameters: Resource = { resourceType: 'Parameters', parameter: [{ name: 'x', resource: outer }] };
    for (const resource of [outer, parameters])
      assert.deepEqual(
        literalReferences(resource, definitions).map(({ contained }) => [...contained]),
        [['p', 'o']],
      );
  });

  it('do not reach into the entries of a Bundle', () => {
    const entry = [{ resource: { resourceType: 'Observation', subject: { reference: 'Patient/1' } } }];
    assert.deepEqual(found({ resourceType: 'Bundle', type: 'collection', entry }), []);
  });
});
