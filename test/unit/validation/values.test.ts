import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { Json, Resource } from '../../../src/fhir/resource.js';
import { validateStructure } from '../../../src/validation/gate/structure.js';
import {
  definitions,
  faults,
  patient,
  observation,
  extended,
  bundle,
  binary,
  check,
} from '../../support/structure-rows.js';

describe('the values of a resource', () => {
  describe('values', () => {
    const dated = (birthDate: string): Json => patient({ birthDate });
    const timed = (effectiveDateTime: string): Json => observation({ effectiveDateTime });
    const instant = (issued: string): Json => observation({ issued });
    const whole = (valueInteger: number): Json => observation({ valueInteger });
    const position = (multipleBirthInteger: number): Json => patient({ multipleBirthInteger });
    const rank = (value: number): Json => patient({ telecom: [{ rank: value }] });
    const size = (value: number): Json => patient({ photo: [{ size: value }] });
    const id = (text: string): Json => patient({ id: text });
    const named = (text: string): Json => patient({ name: [{ text }] });
    const noted = (text: string): Json => observation({ note: [{ text }] });
    const linked = (valueUri: string): Json => extended({ url: 'http://x.org/a', valueUri });
    const MB = 1024 * 1024;
    check([
      ['a string over 1 MB', named('a'.repeat(MB)), named('a'.repeat(MB + 1)), 'Patient.name[0].text value'],
      [
        'a string over 1 MB of characters beyond the basic plane',
        named('😀'.repeat(MB)),
        named(`${'😀'.repeat(MB)}a`),
        'Patient.name[0].text value',
      ],
      ['markdown over 1 MB', noted('a'.repeat(MB)), noted('a'.repeat(MB + 1)), 'Observation.note[0].text value'],
      ['a uri over 1 MB', linked('u'.repeat(MB)), linked('u'.repeat(MB + 1)), 'Patient.extension[0].value value'],
      ['a date of another form', dated('2023-02-03'), dated('2023-2-3'), 'Patient.birthDate value'],
      ['a day that February lacks', dated('2023-02-28'), dated('2023-02-30'), 'Patient.birthDate value'],
      ['29 February of a common year', dated('2024-02-29'), dated('2023-02-29'), 'Patient.birthDate value'],
      ['29 February of 1900', dated('2000-02-29'), dated('1900-02-29'), 'Patient.birthDate value'],
      ['31 April', dated('2023-05-31'), dated('2023-04-31'), 'Patient.birthDate value'],
      ['a thirteenth month', dated('2023-12'), dated('2023-13'), 'Patient.birthDate value'],
      [
        'an impossible day with a time',
        timed('2023-03-01T00:00:00Z'),
        timed('2023-02-29T00:00:00Z'),
        'Observation.effective value',
      ],
      [
        'a time without a zone',
        timed('2023-03-01T10:00:00+01:00'),
        timed('2023-03-01T10:00:00'),
        'Observation.effective value',
      ],
      [
        'an instant without a time',
        instant('2023-03-01T10:00:00.123Z'),
        instant('2023-03-01'),
        'Observation.issued value',
      ],
      [
        'an instant on an impossible day',
        instant('2023-06-30T10:00:00Z'),
        instant('2023-06-31T10:00:00Z'),
        'Observation.issued value',
      ],
      ['a fraction for an integer', whole(1), whole(1.5), 'Observation.value value'],
      ['an integer of more than 32 bits', whole(2_147_483_647), whole(2_147_483_648), 'Observation.value value'],
      ['an integer far below', whole(-2_147_483_648), whole(-2_147_483_649), 'Observation.value value'],
      ['0 for a positive integer', rank(1), rank(0), 'Patient.telecom[0].rank value'],
      ['-1 for an unsigned integer', size(0), size(-1), 'Patient.photo[0].size value'],
      ['an integer choice', position(2), position(0.5), 'Patient.multipleBirth value'],
      [
        'an infinite number',
        observation({ valueQuantity: { value: 1e300 } }),
        observation({ valueQuantity: { value: Number.POSITIVE_INFINITY } }),
        'Observation.value.value value',
      ],
      ['an id with an underscore', id('a.B-1'), id('a_1'), 'Patient.id value'],
      ['an id of 65 characters', id('a'.repeat(64)), id('a'.repeat(65)), 'Patient.id value'],
      ['an id that ends in a line break', id('a'), id('a\n'), 'Patient.id value'],
      [
        'a uri with a blank',
        patient({ implicitRules: 'http://x.org/a' }),
        patient({ implicitRules: 'http://x.org/a b' }),
        'Patient.implicitRules value',
      ],
      ['a code with two blanks', patient({ language: 'en' }), patient({ language: 'e  n' }), 'Patient.language value'],
      [
        'a control character',
        patient({ name: [{ text: 'a\u00a0\t\n\u{1f600}b' }] }),
        patient({ name: [{ text: 'a\u0001b' }] }),
        'Patient.name[0].text value',
      ],
      [
        'a code outside its list',
        patient({ gender: 'female' }),
        patient({ gender: 'femal' }),
        'Patient.gender code-invalid',
      ],
      ['a code of another case', observation({}), observation({ status: 'Final' }), 'Observation.status code-invalid'],
      [
        'a code in a list',
        {
          resourceType: 'SearchParameter',
          url: 'x:y',
          name: 'a',
          status: 'draft',
          description: 'a',
          code: 'a',
          base: ['Patient'],
          type: 'token',
        },
        {
          resourceType: 'SearchParameter',
          url: 'x:y',
          name: 'a',
          status: 'draft',
          description: 'a',
          code: 'a',
          base: ['Patient', 'Patients'],
          type: 'token',
        },
        'SearchParameter.base[1] code-invalid',
      ],
    ]);

    it('lists the codes that are allowed', () => {
      const [issue] = validateStructure(patient({ gender: 'x' }) as Resource, definitions);
      assert.equal(issue?.text, 'gender must be one of male, female, other, unknown.');
      const [long] = validateStructure(
        bundle({ resourceType: 'List', status: 'x', mode: 'working' }) as Resource,
        definitions,
      );
      assert.equal(long?.expression, 'Bundle.entry[0].resource.status');
    });

    const whole64 = Buffer.alloc(3000, 0xfb).toString('base64');
    check([
      ['base64 with a wrong character', binary('QUJD'), binary('%%%%'), 'Binary.data value'],
      ['base64 of a wrong length', binary('QUI='), binary('QUI'), 'Binary.data value'],
      ['base64 with inner padding', binary('QQ=='), binary('QQ==QUJD'), 'Binary.data value'],
      ['base64 of URLs', binary('QU+/'), binary('QU-_'), 'Binary.data value'],
      [
        'long base64 with a wrong character',
        binary(whole64),
        binary(`${whole64.slice(0, -4)}A%AA`),
        'Binary.data value',
      ],
      [
        'long base64 of URLs',
        binary(whole64),
        binary(whole64.replaceAll('+', '-').replaceAll('/', '_')),
        'Binary.data value',
      ],
      ['base64 in lines', binary('QUJD\r\nQUJD'), binary('QUJD\r\nQUJ'), 'Binary.data value'],
      [
        'base64 in an attachment',
        patient({ photo: [{ data: 'QUJD' }] }),
        patient({ photo: [{ data: 'QUJ%' }] }),
        'Patient.photo[0].data value',
      ],
      [
        'base64 in an extension, which once took exponential time',
        extended({ url: 'x:y', valueBase64Binary: 'QUJD' }),
        extended({ url: 'x:y', valueBase64Binary: `${'AAAA '.repeat(5000)}!` }),
        'Patient.extension[0].value value',
      ],
    ]);
  });

  describe('literals that parsing makes whole', () => {
    const literal = (resource: Json, parent: object, key: string, text: string): string[] =>
      validateStructure(resource as Resource, definitions, new Map([[parent, { [key]: text }]])).map(
        issue => `${issue.expression} ${issue.code}`,
      );

    it('refuses an integer written with a fraction or an exponent', () => {
      for (const text of ['1.0', '1e2', '1E0']) {
        const resource = observation({ valueInteger: 1 }) as Resource;
        assert.deepEqual(literal(resource, resource, 'valueInteger', text), ['Observation.value value'], text);
      }
      const resource = observation({
        valueSampledData: { origin: { value: 1 }, period: 1, dimensions: 1 },
      }) as Resource;
      assert.deepEqual(literal(resource, resource['valueSampledData'] as object, 'dimensions', '1.0'), [
        'Observation.value.dimensions value',
      ]);
    });

    it('keeps the digits of decimals', () => {
      const resource = observation({ valueQuantity: { value: 1 } }) as Resource;
      assert.deepEqual(literal(resource, resource['valueQuantity'] as object, 'value', '1.00'), []);
      // In a list of decimals the key is an index.
      const list: Json = { coordinateSystem: 1, roc: [{ score: [1], sensitivity: [1] }] };
      assert.deepEqual(faults({ resourceType: 'MolecularSequence', coordinateSystem: 1 }), []);
      const roc = { resourceType: 'MolecularSequence', coordinateSystem: 1, quality: [{ type: 'snp', ...list }] };
      assert.deepEqual(faults(roc), [
        'MolecularSequence.quality[0] structure',
        'MolecularSequence.quality[0].roc structure',
      ]);
      const scores: Json = [1];
      const right: Json = {
        resourceType: 'MolecularSequence',
        coordinateSystem: 1,
        quality: [{ type: 'snp', roc: { sensitivity: scores, score: [3] } }],
      };
      assert.deepEqual(faults(right), []);
      assert.deepEqual(literal(right, scores, '0', '1.0'), []);
      const ranks = [3];
      const wrong: Json = {
        resourceType: 'MolecularSequence',
        coordinateSystem: 1,
        quality: [{ type: 'snp', roc: { score: ranks } }],
      };
      assert.deepEqual(literal(wrong, ranks, '0', '3.0'), ['MolecularSequence.quality[0].roc.score[0] value']);
    });
  });
});
