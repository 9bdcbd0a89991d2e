/** Faults of R4 itself: people, values, narratives, extensions, what is contained. */
import { createHash } from 'node:crypto';
import type { JsonObject } from '../../../../src/fhir/resource.js';
import { type FaultGroup, GONE, group } from './fault.js';

export const DIV = 'xmlns="http://www.w3.org/1999/xhtml"';
export const NARRATIVE: JsonObject = { status: 'generated', div: `<div ${DIV}>x</div>` };
const EXTENSION = 'http://hl7.org/fhir/StructureDefinition';

const BYTES = Buffer.from('hello');
const PHOTO: JsonObject = {
  contentType: 'image/png',
  data: BYTES.toString('base64'),
  size: BYTES.length,
  hash: createHash('sha1').update(BYTES).digest('base64'),
};

const patient = (): JsonObject => ({
  resourceType: 'Patient',
  id: 'p',
  meta: { tag: [{ system: 'http://example.org/tags', code: 'a' }] },
  language: 'en',
  text: NARRATIVE,
  contained: [{ resourceType: 'Organization', id: 'o', name: 'x' }],
  extension: [{ url: `${EXTENSION}/patient-birthPlace`, valueAddress: { city: 'x' } }],
  identifier: [{ use: 'usual', system: 'http://example.org/ids', value: '1', period: { start: '2020', end: '2021' } }],
  active: true,
  name: [{ use: 'official', family: 'x', given: ['y'] }],
  telecom: [{ system: 'phone', value: '1', rank: 1 }],
  gender: 'female',
  birthDate: '1970-02-28',
  deceasedBoolean: false,
  maritalStatus: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-MaritalStatus', code: 'M' }] },
  photo: [PHOTO],
  contact: [{ name: { family: 'z' } }],
  communication: [{ language: { coding: [{ system: 'urn:ietf:bcp:47', code: 'fr' }] } }],
  managingOrganization: { reference: '#o' },
  link: [{ other: { reference: 'Patient/q' }, type: 'seealso' }],
});

export const R4: readonly FaultGroup[] = [
  group('Patient of R4', patient, [
    ['an element that R4 does not have', { colour: 'red' }, 'element-unknown Patient'],
    ['a boolean is no text', { active: 'true' }, 'element-form Patient.active'],
    ['one gender', { gender: ['female'] }, 'element-form Patient.gender'],
    ['a gender is one of four', { gender: 'woman' }, 'binding-required Patient.gender'],
    ['a date has a month of the year', { birthDate: '1970-13-01' }, 'value-form Patient.birthDate'],
    ['a date has a day of the month', { birthDate: '1970-02-30' }, 'value-form Patient.birthDate'],
    ['a date has no time', { birthDate: '1970-02-28T00:00:00Z' }, 'value-form Patient.birthDate'],
    [
      'a time has a zone',
      { deceasedBoolean: GONE, deceasedDateTime: '2020-01-01T10:00:00' },
      'value-form Patient.deceased',
    ],
    ['one choice of a type', { deceasedDateTime: '2020' }, 'element-choice Patient.deceased'],
    ['a type that the choice does not have', { deceasedBoolean: GONE, deceasedString: 'x' }, 'element-unknown Patient'],
    ['a rank is positive', { 'telecom[0].rank': 0 }, 'value-form Patient.telecom[0].rank'],
    ['a rank is no fraction', { 'telecom[0].rank': 1.5 }, 'value-form Patient.telecom[0].rank'],
    ['an id has its characters', { id: 'a b' }, 'value-form Patient.id'],
    ['an id is short', { id: 'a'.repeat(65) }, 'value-form Patient.id'],
    ['a text is not empty', { 'name[0].family': '' }, 'element-empty Patient.name[0].family'],
    ['a list is not empty', { 'name[0].given': [] }, 'element-empty Patient.name[0].given'],
    ['an element is not empty (ele-1)', { 'contact[0].name': {} }, 'element-empty Patient.contact[0].name'],
    ['a link has a type', { 'link[0].type': GONE }, 'element-missing Patient.link[0].type'],
    ['a telecom has a system (cpt-2)', { 'telecom[0].system': GONE }, 'invariant(cpt-2) Patient.telecom[0]'],
    [
      'a period ends after it starts (per-1)',
      { 'identifier[0].period.end': '2019' },
      'invariant(per-1) Patient.identifier[0].period',
    ],
    ['a contact is told of (pat-1)', { 'contact[0]': { gender: 'male' } }, 'invariant(pat-1) Patient.contact[0]'],
    ['a language is one of BCP 47', { language: 'no language' }, 'binding-required Patient.language'],
    [
      'a language spoken is one of BCP 47 (max value set)',
      { 'communication[0].language.coding[0].code': 'no language' },
      'binding-required Patient.communication[0].language',
      'unknown-code Patient.communication[0].language.coding[0].code',
    ],
    [
      'a marital status is one of these',
      { 'maritalStatus.coding[0].code': 'never' },
      'unknown-code Patient.maritalStatus.coding[0].code',
    ],
    [
      'a display is that of the code',
      { 'maritalStatus.coding[0].display': 'Divorced' },
      'warning wrong-display Patient.maritalStatus.coding[0].display',
    ],
    [
      'a reference leads to an organization',
      { managingOrganization: { reference: 'Patient/x' } },
      'invariant(dom-3) Patient',
      'target-type Patient.managingOrganization',
    ],
    [
      'a reference leads where its type says',
      { generalPractitioner: [{ reference: 'Practitioner/1', type: 'Organization' }] },
      'reference-type Patient.generalPractitioner[0]',
    ],
    [
      'a reference elsewhere leads to an organization',
      { managingOrganization: { reference: 'http://example.org/fhir/Device/1' }, contained: GONE },
      'target-type Patient.managingOrganization',
    ],
    ['a system is an address', { 'identifier[0].system': 'ids of ours' }, 'value-form Patient.identifier[0].system'],
    [
      'a system is absolute',
      { 'maritalStatus.coding[0].system': 'MaritalStatus' },
      'relative-system Patient.maritalStatus.coding[0].system',
    ],
    ['a urn:uuid is one', { 'identifier[0].system': 'urn:uuid:123' }, 'uri-form Patient.identifier[0].system'],
    ['a urn:oid is one', { 'identifier[0].system': 'urn:oid:9.9.x' }, 'uri-form Patient.identifier[0].system'],
    ['a text has no HTML', { 'name[0].family': '<b>x</b>' }, 'warning html-in-string Patient.name[0].family'],
  ]),

  group('attachment of R4', patient, [
    ['its size is that of the data', { 'photo[0].size': 6 }, 'attachment-data Patient.photo[0].size'],
    [
      'its hash is that of the data',
      { 'photo[0].hash': createHash('sha1').update('other').digest('base64') },
      'attachment-data Patient.photo[0].hash',
    ],
    ['data has a type (att-1)', { 'photo[0].contentType': GONE }, 'invariant(att-1) Patient.photo[0]'],
    ['data is base64', { 'photo[0]': { contentType: 'image/png', data: '*' } }, 'value-form Patient.photo[0].data'],
    ['a type is a media type', { 'photo[0].contentType': 'picture' }, 'binding-required Patient.photo[0].contentType'],
    [
      'a size is not negative',
      { 'photo[0]': { url: 'http://example.org/photo', size: -1 } },
      'value-form Patient.photo[0].size',
    ],
  ]),

  group('what is contained in R4', patient, [
    [
      'it contains nothing (dom-2)',
      {
        'contained[0].contained': [{ resourceType: 'Organization', id: 'n', name: 'x' }],
        'contained[0].partOf': { reference: '#n' },
      },
      'resource-nesting Patient.contained[0].contained',
    ],
    ['it is referred to (dom-3)', { managingOrganization: GONE }, 'invariant(dom-3) Patient'],
    ['it has no version (dom-4)', { 'contained[0].meta': { versionId: '1' } }, 'invariant(dom-4) Patient'],
    [
      'it has no time (dom-4)',
      { 'contained[0].meta': { lastUpdated: '2020-01-01T00:00:00Z' } },
      'invariant(dom-4) Patient',
    ],
    [
      'it has no label (dom-5)',
      {
        'contained[0].meta': {
          security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'N' }],
        },
      },
      'invariant(dom-5) Patient',
    ],
    [
      'what is referred to is there (ref-1)',
      { generalPractitioner: [{ reference: '#none' }] },
      'invariant(ref-1) Patient.generalPractitioner[0]',
    ],
    [
      'what is referred to is of the type',
      { 'contained[0]': { resourceType: 'Practitioner', id: 'o', name: [{ family: 'x' }] } },
      'target-type Patient.managingOrganization',
    ],
    ['it is valid itself', { 'contained[0].active': 'yes' }, 'element-form Patient.contained[0].active'],
    [
      'its rules count, too (org-1)',
      { 'contained[0].name': GONE, 'contained[0].active': true },
      'invariant(org-1) Patient.contained[0]',
    ],
    ['it has an id', { 'contained[0].id': GONE, managingOrganization: GONE }, 'contained-id Patient.contained[0]'],
    [
      'an id is there once',
      { 'contained[1]': { resourceType: 'Organization', id: 'o', name: 'y' } },
      'contained-id Patient.contained',
    ],
  ]),

  group('narrative of R4', patient, [
    [
      'no scripts (txt-1)',
      { 'text.div': `<div ${DIV}><script>x</script></div>` },
      'narrative-content Patient.text.div',
    ],
    [
      'no handlers (txt-1)',
      { 'text.div': `<div ${DIV}><p onclick="x">x</p></div>` },
      'narrative-content Patient.text.div',
    ],
    ['it is of XHTML', { 'text.div': '<div>x</div>' }, 'narrative-content Patient.text.div'],
    ['it is well-formed', { 'text.div': `<div ${DIV}><p>x</div>` }, 'narrative-content Patient.text.div'],
    ['it is a div', { 'text.div': `<p ${DIV}>x</p>` }, 'narrative-content Patient.text.div'],
    ['it says something (txt-2)', { 'text.div': `<div ${DIV}> </div>` }, 'warning invariant(txt-2) Patient.text.div'],
    ['it has a status', { 'text.status': GONE }, 'element-missing Patient.text.status'],
    ['its status is one of four', { 'text.status': 'done' }, 'binding-required Patient.text.status'],
    [
      'its links lead to what is there',
      { 'text.div': `<div ${DIV}><a href="#nowhere">x</a></div>` },
      'warning narrative-link Patient.text.div',
    ],
    ['it should be there (dom-6)', { text: GONE }, 'warning invariant(dom-6) Patient'],
  ]),

  group('extensions in R4', patient, [
    ['it has an address', { 'extension[0].url': GONE }, 'element-missing Patient.extension[0].url'],
    ['its address is absolute', { 'extension[0].url': 'birthPlace' }, 'extension-url Patient.extension[0]'],
    [
      'it is known',
      { 'extension[0].url': 'http://example.org/unknown' },
      'warning extension-unknown Patient.extension[0]',
    ],
    [
      'a modifier is known',
      { modifierExtension: [{ url: 'http://example.org/unknown', valueBoolean: true }] },
      'warning modifier-extension-unknown Patient.modifierExtension[0]',
    ],
    [
      'it has a value or parts (ext-1)',
      { 'extension[0].valueAddress': GONE },
      'extension-content Patient.extension[0]',
      'invariant(ext-1) Patient.extension[0]',
      'profile-min Patient.extension[0].value',
    ],
    [
      'it has the type of its definition',
      { 'extension[0].valueAddress': GONE, 'extension[0].valueString': 'x' },
      'type-not-allowed Patient.extension[0].value',
    ],
    [
      'it stands where it may',
      {
        extension: GONE,
        'name[0].extension': [{ url: `${EXTENSION}/patient-birthPlace`, valueAddress: { city: 'x' } }],
      },
      'extension-context Patient.name[0].extension[0]',
    ],
    [
      'what is no modifier does not stand as one',
      { extension: GONE, modifierExtension: [{ url: `${EXTENSION}/patient-birthPlace`, valueAddress: { city: 'x' } }] },
      'extension-modifier Patient.modifierExtension[0]',
    ],
    [
      'its value is one of its value set',
      {
        birthDate: GONE,
        _birthDate: { extension: [{ url: `${EXTENSION}/data-absent-reason`, valueCode: 'nonsense' }] },
      },
      'binding-required Patient.birthDate.extension[0].value',
    ],
    [
      'its parts are those of its definition',
      { 'extension[0]': { url: `${EXTENSION}/patient-nationality`, extension: [{ url: 'other', valueString: 'x' }] } },
      'extension-url Patient.extension[0].extension[0]',
    ],
    [
      'it does not stand beside a null of nothing',
      { 'name[0]._given': [{ extension: [{ url: `${EXTENSION}/patient-birthPlace` }] }] },
      'extension-content Patient.name[0].given[0].extension[0]',
      'invariant(ext-1) Patient.name[0].given[0].extension[0]',
      'profile-min Patient.name[0].given[0].extension[0].value',
      'extension-context Patient.name[0].given[0].extension[0]',
    ],
  ]),
];
