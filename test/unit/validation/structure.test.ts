import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { loadDefinitions } from '../../../src/fhir/definitions.js';
import type { Json, Resource } from '../../../src/fhir/resource.js';
import { validateStructure, warmValidators } from '../../../src/validation/structure.js';

const definitions = loadDefinitions();

/** `expression code` of every issue. */
const faults = (resource: Json): string[] =>
  validateStructure(resource as Resource, definitions).map(issue => `${issue.expression} ${issue.code}`);

const patient = (members: Record<string, Json>): Json => ({ resourceType: 'Patient', ...members });
const observation = (members: Record<string, Json>): Json => ({
  resourceType: 'Observation',
  status: 'final',
  code: { text: 'x' },
  ...members,
});
const extended = (extension: Json): Json => patient({ extension: [extension] });
const narrative = (div: string): Json => patient({ text: { status: 'generated', div } });
const DIV = '<div xmlns="http://www.w3.org/1999/xhtml">';
const within = (inner: string): Json => narrative(`${DIV}${inner}</div>`);
const bundle = (resource: Json): Json => ({ resourceType: 'Bundle', type: 'collection', entry: [{ resource }] });
const document = (data: string): Json => ({ resourceType: 'Binary', contentType: 'text/plain', data });
const absent: Json = { extension: [{ url: 'http://x.org/why', valueCode: 'unknown' }] };

/** What is tested, something valid, something faulty, and every issue it must give. */
type Row = readonly [what: string, valid: Json, faulty: Json, ...issues: string[]];

function check(rows: readonly Row[]): void {
  for (const [what, valid, faulty, ...issues] of rows)
    it(what, () => {
      assert.deepEqual(faults(valid), []);
      assert.deepEqual(faults(faulty), issues);
    });
}

describe('the structure of a resource', () => {
  describe('properties', () => {
    check([
      ['unknown', patient({ birthDate: '2000' }), patient({ brithDate: '2000' }), 'Patient structure'],
      [
        'unknown in a data type',
        patient({ name: [{ text: 'a' }, { family: 'b' }] }),
        patient({ name: [{ text: 'a' }, { familly: 'b' }] }),
        'Patient.name[1] structure',
      ],
      [
        'unknown in a backbone element',
        patient({ contact: [{ gender: 'male' }] }),
        patient({ contact: [{ sex: 'male' }] }),
        'Patient.contact[0] structure',
      ],
      [
        'unknown below a content reference',
        {
          resourceType: 'Questionnaire',
          status: 'draft',
          item: [{ linkId: '1', type: 'group', item: [{ linkId: '2', type: 'string' }] }],
        },
        {
          resourceType: 'Questionnaire',
          status: 'draft',
          item: [{ linkId: '1', type: 'group', item: [{ linkID: '2', type: 'string' }] }],
        },
        'Questionnaire.item[0].item[0] structure',
        'Questionnaire.item[0].item[0].linkId required',
      ],
      [
        'of later releases',
        patient({ meta: { source: 'http://x.org' } }),
        patient({ meta: { project: 'a' } }),
        'Patient.meta structure',
      ],
      [
        'of the prototype',
        patient({ active: true }),
        JSON.parse('{"resourceType":"Patient","__proto__":{"active":true},"constructor":"x"}') as Json,
        'Patient structure',
        'Patient structure',
      ],
      [
        'resourceType inside an element',
        patient({ name: [{ text: 'a' }] }),
        patient({ name: [{ text: 'a', resourceType: 'HumanName' }] }),
        'Patient.name[0] structure',
      ],
    ]);

    it('names the element that was probably meant', () => {
      const text = (resource: Json): string | undefined =>
        validateStructure(resource as Resource, definitions)[0]?.text;
      assert.match(
        text(patient({ brithDate: '2000' })) ?? '',
        /^Patient has no property brithDate; did you mean birthDate\.$/,
      );
      assert.match(text(observation({ valueQuantitiy: { value: 1 } })) ?? '', /did you mean valueQuantity/);
      assert.match(text(observation({ value: 1 })) ?? '', /the name of value\[x\] ends with its type/);
      assert.match(text({ resourceType: 'Pateint' }) ?? '', /did you mean Patient/);
    });

    it('never repeats a value, nor a property that could not be an element', () => {
      const secret = 'Mary Jane 1970-13-41';
      const issues = validateStructure(
        patient({
          [secret]: 1,
          gender: secret,
          birthDate: secret,
          active: secret,
          id: secret,
          name: [{ use: secret, given: secret }],
          photo: [{ data: `${secret}!` }],
          text: { status: secret, div: `<p>${secret}` },
        }) as Resource,
        definitions,
      );
      assert.equal(issues.length, 10);
      assert.doesNotMatch(JSON.stringify(issues), /Mary|1970/);
    });
  });

  describe('JSON types', () => {
    check([
      [
        'a list that is none',
        patient({ name: [{ text: 'a' }] }),
        patient({ name: { text: 'a' } }),
        'Patient.name structure',
      ],
      [
        'a primitive list that is none',
        patient({ name: [{ given: ['a'] }] }),
        patient({ name: [{ given: 'a' }] }),
        'Patient.name[0].given structure',
      ],
      [
        'a list of lists',
        patient({ name: [{ text: 'a' }] }),
        patient({ name: [[{ text: 'a' }]] }),
        'Patient.name[0] structure',
      ],
      [
        'a list where one is allowed',
        patient({ birthDate: '2000' }),
        patient({ birthDate: ['2000'] }),
        'Patient.birthDate structure',
      ],
      [
        'a list of objects where one is allowed',
        patient({ maritalStatus: { text: 'a' } }),
        patient({ maritalStatus: [{ text: 'a' }] }),
        'Patient.maritalStatus structure',
      ],
      [
        'a string for an object',
        patient({ maritalStatus: { text: 'a' } }),
        patient({ maritalStatus: 'a' }),
        'Patient.maritalStatus structure',
      ],
      [
        'a number for a string',
        patient({ birthDate: '2000' }),
        patient({ birthDate: 2000 }),
        'Patient.birthDate structure',
      ],
      ['a string for a boolean', patient({ active: true }), patient({ active: 'true' }), 'Patient.active structure'],
      [
        'a string for a decimal',
        observation({ valueQuantity: { value: 1.5 } }),
        observation({ valueQuantity: { value: '1.5' } }),
        'Observation.value.value structure',
      ],
      [
        'a string for an integer',
        observation({ valueInteger: -1 }),
        observation({ valueInteger: '1' }),
        'Observation.value structure',
      ],
      ['null for a value', patient({ active: false }), patient({ active: null }), 'Patient.active structure'],
      [
        'null for an object',
        patient({ maritalStatus: { text: 'a' } }),
        patient({ maritalStatus: null }),
        'Patient.maritalStatus structure',
      ],
      [
        'null in a list of objects',
        patient({ name: [{ text: 'a' }] }),
        patient({ name: [{ text: 'a' }, null] }),
        'Patient.name[1] structure',
      ],
      ['null for a resource', bundle(patient({ active: true })), bundle(null), 'Bundle.entry[0].resource structure'],
    ]);
  });

  describe('emptiness', () => {
    check([
      ['list', patient({ name: [{ text: 'a' }] }), patient({ name: [] }), 'Patient.name structure'],
      [
        'primitive list',
        patient({ name: [{ given: ['a'] }] }),
        patient({ name: [{ given: [] }] }),
        'Patient.name[0].given structure',
      ],
      [
        'object',
        patient({ maritalStatus: { text: 'a' } }),
        patient({ maritalStatus: {} }),
        'Patient.maritalStatus structure',
      ],
      [
        'string',
        patient({ name: [{ family: 'a' }] }),
        patient({ name: [{ family: '' }] }),
        'Patient.name[0].family structure',
      ],
      [
        'uri, whose pattern would allow it',
        patient({ implicitRules: 'x:y' }),
        patient({ implicitRules: '' }),
        'Patient.implicitRules structure',
      ],
      ['code of a list', patient({ gender: 'other' }), patient({ gender: '' }), 'Patient.gender structure'],
      ['base64', document('AAAA'), document(''), 'Binary.data structure'],
    ]);
  });

  describe('required elements', () => {
    check([
      [
        'a primitive',
        observation({}),
        { resourceType: 'Observation', code: { text: 'x' } },
        'Observation.status required',
      ],
      ['an object', observation({}), { resourceType: 'Observation', status: 'final' }, 'Observation.code required'],
      [
        'a primitive given by extensions',
        { resourceType: 'Observation', _status: absent, code: { text: 'x' } },
        { resourceType: 'Observation', code: { text: 'x' } },
        'Observation.status required',
      ],
      [
        'in a backbone element',
        patient({ link: [{ other: { reference: 'Patient/a' }, type: 'refer' }] }),
        patient({ link: [{ type: 'refer' }] }),
        'Patient.link[0].other required',
      ],
      [
        'a choice',
        {
          resourceType: 'MedicationStatement',
          status: 'active',
          medicationCodeableConcept: { text: 'a' },
          subject: { reference: 'Patient/a' },
        },
        { resourceType: 'MedicationStatement', status: 'active', subject: { reference: 'Patient/a' } },
        'MedicationStatement.medication required',
      ],
      ['resourceType', patient({ id: 'a' }), { id: 'a' }, 'Resource.resourceType required'],
      [
        'resourceType of an entry',
        bundle(patient({ id: 'a' })),
        bundle({ id: 'a' }),
        'Bundle.entry[0].resource.resourceType required',
      ],
    ]);
  });

  describe('choices', () => {
    check([
      [
        'of two types',
        observation({ valueString: 'a' }),
        observation({ valueString: 'a', valueBoolean: true }),
        'Observation.value structure',
      ],
      [
        'of two types, one by extensions',
        observation({ valueString: 'a', _valueString: absent }),
        observation({ valueString: 'a', _valueBoolean: absent }),
        'Observation.value structure',
      ],
      [
        'of two kinds beside one another',
        observation({ valueString: 'a', effectiveDateTime: '2020' }),
        observation({ effectivePeriod: { start: '2020' }, effectiveDateTime: '2020' }),
        'Observation.effective structure',
      ],
      [
        'of a type that is not allowed',
        observation({ valueQuantity: { value: 1 } }),
        observation({ valueMoney: { value: 1 } }),
        'Observation structure',
      ],
    ]);
  });

  describe('values', () => {
    const dated = (birthDate: string): Json => patient({ birthDate });
    const timed = (effectiveDateTime: string): Json => observation({ effectiveDateTime });
    const instant = (issued: string): Json => observation({ issued });
    const whole = (valueInteger: number): Json => observation({ valueInteger });
    const position = (multipleBirthInteger: number): Json => patient({ multipleBirthInteger });
    const rank = (value: number): Json => patient({ telecom: [{ rank: value }] });
    const size = (value: number): Json => patient({ photo: [{ size: value }] });
    const id = (text: string): Json => patient({ id: text });
    check([
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
      ['base64 with a wrong character', document('QUJD'), document('%%%%'), 'Binary.data value'],
      ['base64 of a wrong length', document('QUI='), document('QUI'), 'Binary.data value'],
      ['base64 with inner padding', document('QQ=='), document('QQ==QUJD'), 'Binary.data value'],
      ['base64 of URLs', document('QU+/'), document('QU-_'), 'Binary.data value'],
      [
        'long base64 with a wrong character',
        document(whole64),
        document(`${whole64.slice(0, -4)}A%AA`),
        'Binary.data value',
      ],
      [
        'long base64 of URLs',
        document(whole64),
        document(whole64.replaceAll('+', '-').replaceAll('/', '_')),
        'Binary.data value',
      ],
      ['base64 in lines', document('QUJD\r\nQUJD'), document('QUJD\r\nQUJ'), 'Binary.data value'],
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

  describe('siblings with a leading underscore', () => {
    const given = (given: Json, siblings: Json): Json => patient({ name: [{ given, _given: siblings }] });
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

  describe('narratives', () => {
    const div = 'Patient.text.div value';
    check([
      ['not closed', within('<p>a</p>'), within('<p>a'), div],
      ['without the namespace', within('a'), narrative('<div>a</div>'), div],
      ['of another root', within('a'), narrative('<p xmlns="http://www.w3.org/1999/xhtml">a</p>'), div],
      ['with text around it', within('a'), narrative(`${DIV}a</div>b`), div],
      ['of no markup', within('a'), narrative('a'), div],
      ['with entities of HTML', within('&#160;&lt;&amp;'), within('&nbsp;'), div],
      ['with a document type', within('a'), narrative(`<!DOCTYPE div [<!ENTITY a "b">]>${DIV}a</div>`), div],
      ['with an XML declaration', within('a'), narrative(`<?xml version="1.0"?>${DIV}a</div>`), div],
      ['with a processing instruction', within('<!-- a -->'), within('<?php a ?>'), div],
      ['with a script', within('<b>a</b>'), within('<script>a()</script>'), div],
      [
        'with a frame',
        within('<table><tbody><tr><td colspan="2">a</td></tr></tbody></table>'),
        within('<iframe src="http://x.org"/>'),
        div,
      ],
      ['with a form', within('<ul><li>a</li></ul>'), within('<form action="http://x.org"/>'), div],
      ['with an object', within('<img src="#a" alt="a"/>'), within('<object data="http://x.org"/>'), div],
      [
        'with a foreign namespace',
        within('<img src="http://x.org/a.png" alt="a"/>'),
        within('<svg xmlns="http://www.w3.org/2000/svg"/>'),
        div,
      ],
      ['with an event handler', within('<p class="a" id="b" title="c">a</p>'), within('<p onclick="a()">a</p>'), div],
      [
        'with a script for a link',
        within('<a href="http://x.org">a</a>'),
        within('<a href="javascript:a()">a</a>'),
        div,
      ],
      [
        'with a script hidden by blanks',
        within('<a name="b">a</a>'),
        within('<a href=" java&#10;script:a()">a</a>'),
        div,
      ],
      [
        'with a page for a link',
        within('<img src="data:image/png;base64,AAAA" alt="a"/>'),
        within('<a href="data:text/html,a">a</a>'),
        div,
      ],
      [
        'with a drawing that may hold scripts',
        within('<a href="mailto:a@x.org">a</a>'),
        within('<img src="data:image/svg+xml,a"/>'),
        div,
      ],
      [
        'with an active style',
        within('<p style="color: red; background: url(data:image/png;base64,AA)">a</p>'),
        within('<p style="width: expression(a())">a</p>'),
        div,
      ],
      [
        'with a script in a style',
        within('<p style="background: url(a.png)">a</p>'),
        within('<p style="background: url(\'javascript:a()\')">a</p>'),
        div,
      ],
      ['without div', within('a'), patient({ text: { status: 'generated' } }), 'Patient.text.div required'],
      ['of a number', within('a'), patient({ text: { status: 'generated', div: 1 } }), 'Patient.text.div structure'],
      [
        'with extensions for the div',
        within('a'),
        patient({ text: { status: 'generated', div: `${DIV}a</div>`, _div: absent } }),
        'Patient.text structure',
      ],
    ]);
  });

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

  it('reports every fault of a resource', () => {
    assert.deepEqual(
      faults({
        resourceType: 'Observation',
        id: 'a b',
        status: 'x',
        valueString: '',
        valueBoolean: 'y',
        subject: {},
        extra: 1,
      }),
      [
        ...['Observation.id value', 'Observation.status code-invalid', 'Observation.value structure'],
        ...['Observation.value structure', 'Observation.value structure', 'Observation.subject structure'],
        ...['Observation structure', 'Observation.code required'],
      ],
    );
  });

  it('stops at 50 issues, however many faults there are', () => {
    const names = Array.from({ length: 100_000 }, () => ({ x: 1 }));
    assert.equal(validateStructure(patient({ name: names }) as Resource, definitions).length, 50);
    const given = Array.from({ length: 100_000 }, () => 1);
    assert.equal(validateStructure(patient({ name: [{ given }] }) as Resource, definitions).length, 50);
    const keys = Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [`x${index}`, 1]));
    assert.equal(validateStructure(patient(keys) as Resource, definitions).length, 50);
  });

  it('can be warmed for types', () => {
    warmValidators();
    warmValidators(['Claim']);
    assert.deepEqual(faults(patient({ active: true })), []);
  });
});
