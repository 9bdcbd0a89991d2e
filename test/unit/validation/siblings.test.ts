import { describe } from 'mocha';
import type { Json } from '../../../src/fhir/resource.js';
import { patient, extended, absent, check } from '../../support/structure-rows.js';

describe('extensions and siblings', () => {
  describe('siblings with a leading underscore', () => {
    const given = (values: Json, siblings: Json): Json => patient({ name: [{ given: values, _given: siblings }] });
    check([
      ['a string', patient({ _gender: absent }), patient({ _gender: 'x' }), 'Patient.gender structure'],
      [
        'an empty object',
        patient({ gender: 'male', _gender: { id: 'a' } }),
        patient({ gender: 'male', _gender: {} }),
        'Patient.gender structure',
      ],
      [
        'null',
        patient({ gender: 'male', _gender: absent }),
        patient({ gender: 'male', _gender: null }),
        'Patient.gender structure',
      ],
      [
        'an unknown property in it',
        patient({ _gender: absent }),
        patient({ _gender: { value: 'male' } }),
        'Patient.gender structure',
      ],
      [
        'of an object',
        patient({ maritalStatus: { text: 'a' } }),
        patient({ _maritalStatus: absent }),
        'Patient structure',
      ],
      ['of an id', patient({ id: 'a' }), patient({ id: 'a', _id: absent }), 'Patient structure'],
      [
        'of the url of an extension',
        extended({ url: 'x:y', valueCode: 'a' }),
        extended({ url: 'x:y', _url: absent, valueCode: 'a' }),
        'Patient.extension[0] structure',
      ],
      [
        'of a canonical',
        { resourceType: 'QuestionnaireResponse', status: 'completed', _questionnaire: absent },
        { resourceType: 'QuestionnaireResponse', status: 'completed', _questionnaire: [absent] },
        'QuestionnaireResponse.questionnaire structure',
      ],
      [
        'padding',
        given(['a', null], [null, absent]),
        given(['a', null], [absent, null]),
        'Patient.name[0].given[1] structure',
      ],
      [
        'padding without siblings',
        given(['a'], [absent]),
        patient({ name: [{ given: ['a', null] }] }),
        'Patient.name[0].given[1] structure',
      ],
      [
        'a shorter list, which is understood',
        given(['a', 'b'], [absent]),
        given(['a', null], [absent]),
        'Patient.name[0].given[1] structure',
      ],
      [
        'a longer list',
        given(['a', 'b'], [null, absent]),
        given(['a'], [null, absent]),
        'Patient.name[0].given structure',
      ],
      [
        'only siblings',
        patient({ name: [{ _given: [absent] }] }),
        patient({ name: [{ _given: [absent, null] }] }),
        'Patient.name[0].given[1] structure',
      ],
      ['a list that is none', given(['a'], [absent]), given(['a'], absent), 'Patient.name[0].given structure'],
      [
        'a wrong value beside them',
        given(['a', null], [null, absent]),
        given([1, null], [null, 'x']),
        'Patient.name[0].given[0] structure',
        'Patient.name[0].given[1] structure',
      ],
    ]);
  });

  describe('extensions', () => {
    check([
      [
        'without a url',
        extended({ url: 'x:y', valueCode: 'a' }),
        extended({ valueCode: 'a' }),
        'Patient.extension[0].url required',
      ],
      [
        'with a value and extensions',
        extended({ url: 'x:y', extension: [{ url: 'z', valueCode: 'a' }] }),
        extended({ url: 'x:y', valueCode: 'a', extension: [{ url: 'z', valueCode: 'a' }] }),
        'Patient.extension[0] structure',
      ],
      [
        'with neither',
        extended({ url: 'x:y', _valueCode: absent }),
        extended({ url: 'x:y' }),
        'Patient.extension[0] structure',
      ],
      [
        'with two values',
        extended({ url: 'x:y', valueCode: 'a' }),
        extended({ url: 'x:y', valueCode: 'a', valueString: 'a' }),
        'Patient.extension[0].value structure',
      ],
      [
        'below extensions',
        extended({ url: 'x:y', extension: [{ url: 'z', valueCode: 'a' }] }),
        extended({ url: 'x:y', extension: [{ url: 'z', valueCode: '' }] }),
        'Patient.extension[0].extension[0].value structure',
      ],
    ]);
  });
});
