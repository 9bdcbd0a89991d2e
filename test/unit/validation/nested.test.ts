import { describe } from 'mocha';
import type { Json } from '../../../src/fhir/resource.js';
import { patient, bundle, check } from '../../support/structure-rows.js';

describe('resources inside a resource', () => {
  describe('resources inside resources', () => {
    const contained = (...resources: Json[]): Json => patient({ contained: resources });
    const parameters = (resource: Json): Json => ({
      resourceType: 'Parameters',
      parameter: [{ name: 'a', part: [{ name: 'b', resource }] }],
    });
    const nested = (depth: number): Json => (depth === 0 ? patient({ active: true }) : bundle(nested(depth - 1)));
    const inner = 'Bundle.entry[0].resource'.concat('.entry[0].resource'.repeat(8));
    check([
      [
        'contained',
        contained({ resourceType: 'Organization', id: 'a', name: 'b' }),
        contained({ resourceType: 'Organization', id: 'a', nam: 'b' }),
        'Patient.contained[0] structure',
      ],
      [
        'contained in contained',
        contained({ resourceType: 'Organization', id: 'a' }),
        contained({ resourceType: 'Organization', id: 'a', contained: [{ resourceType: 'Patient', id: 'b' }] }),
        'Patient.contained[0].contained structure',
      ],
      [
        'contained with # in the id',
        contained({ resourceType: 'Organization', id: 'a' }),
        contained({ resourceType: 'Organization', id: '#a' }),
        'Patient.contained[0].id value',
      ],
      [
        'contained with one id',
        contained({ resourceType: 'Patient', id: 'a' }, { resourceType: 'Patient', id: 'b' }),
        contained(
          { resourceType: 'Patient', id: 'a' },
          { resourceType: 'Group', id: 'a', type: 'person', actual: true },
        ),
        'Patient.contained structure',
      ],
      [
        'contained within an entry',
        bundle(contained({ resourceType: 'Organization', id: 'a' })),
        bundle(contained({ resourceType: 'Organization', id: 1 })),
        'Bundle.entry[0].resource.contained[0].id structure',
      ],
      [
        'in an entry',
        bundle(patient({ gender: 'male' })),
        bundle(patient({ gender: 'x' })),
        'Bundle.entry[0].resource.gender code-invalid',
      ],
      [
        'in the outcome of an entry',
        {
          resourceType: 'Bundle',
          type: 'batch-response',
          entry: [{ response: { status: '200', outcome: patient({ active: true }) } }],
        },
        {
          resourceType: 'Bundle',
          type: 'batch-response',
          entry: [{ response: { status: '200', outcome: patient({ active: 1 }) } }],
        },
        'Bundle.entry[0].response.outcome.active structure',
      ],
      [
        'in parameters',
        parameters(patient({ active: true })),
        parameters(patient({ active: 1 })),
        'Parameters.parameter[0].part[0].resource.active structure',
      ],
      [
        'of an unknown type',
        bundle({ resourceType: 'Patient' }),
        bundle({ resourceType: 'SubscriptionStatus' }),
        'Bundle.entry[0].resource.resourceType structure',
      ],
      [
        'of an abstract type',
        bundle({ resourceType: 'Basic', code: { text: 'a' } }),
        bundle({ resourceType: 'DomainResource' }),
        'Bundle.entry[0].resource.resourceType structure',
      ],
      [
        'of a data type',
        bundle({ resourceType: 'Patient' }),
        bundle({ resourceType: 'HumanName', text: 'a' }),
        'Bundle.entry[0].resource.resourceType structure',
      ],
      ['nested too deeply', nested(8), nested(9), `${inner} structure`],
    ]);
  });
});
