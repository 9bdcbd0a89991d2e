/** Patients that are JSON and no FHIR: unknown members, wrong shapes, values outside their types. */
import { type BadRequest, MARK, post } from './bad-request.js';

type Row = readonly [name: string, members: Readonly<Record<string, unknown>> | string, expression: string];

/** A member with this name and no prototype games of the object literal. */
const own = (name: string, value: string) => `{"resourceType":"Patient",${JSON.stringify(name)}:${value}}`;

const unknown: readonly Row[] = [
  ['an unknown member', { colour: MARK }, 'Patient'],
  ['a misspelt member', { birthdate: '1970-01-01' }, 'Patient'],
  ['a member of another type', { status: 'final' }, 'Patient'],
  ['__proto__', own('__proto__', '{"active":true}'), 'Patient'],
  ['__proto__ in a name', '{"resourceType":"Patient","name":[{"__proto__":{"family":"A"}}]}', 'Patient.name[0]'],
  ['constructor', own('constructor', '{"prototype":{"admin":true}}'), 'Patient'],
  ['prototype', own('prototype', '{}'), 'Patient'],
  ['toString', own('toString', `"${MARK}"`), 'Patient'],
  ['hasOwnProperty', own('hasOwnProperty', 'true'), 'Patient'],
  ['valueOf', own('valueOf', '1'), 'Patient'],
  ['toJSON', own('toJSON', '"x"'), 'Patient'],
  ['then', own('then', '"x"'), 'Patient'],
  ['length', own('length', '4'), 'Patient'],
  ['_id of a database', own('_id', '"x"'), 'Patient'],
  ['$where', own('$where', '"sleep(1000)"'), 'Patient'],
  ['$set', own('$set', '{"active":true}'), 'Patient'],
  ['a dotted name', own('name.family', '"A"'), 'Patient'],
  ['an empty name', own('', '1'), 'Patient'],
  ['a name of 10,000 characters', own(MARK.repeat(1430), '1'), 'Patient'],
  ['a name of markup', own(`<script>${MARK}</script>`, '1'), 'Patient'],
  ['fhir_comments', { fhir_comments: ['x'] }, 'Patient'],
  ['a choice without its type', { deceased: true }, 'Patient'],
  ['a choice with a wrong type', { deceasedString: 'yes' }, 'Patient'],
  ['extensions of a complex element', { _name: [{ id: 'a' }] }, 'Patient'],
];

const shapes: readonly Row[] = [
  ['null', { active: null }, 'Patient.active'],
  ['a boolean as text', { active: 'true' }, 'Patient.active'],
  ['a boolean as number', { active: 1 }, 'Patient.active'],
  ['a boolean as array', { active: [true] }, 'Patient.active'],
  ['a boolean as object', { active: {} }, 'Patient.active'],
  ['a code as number', { gender: 1 }, 'Patient.gender'],
  ['a code as object', { gender: { $gt: '' } }, 'Patient.gender'],
  ['a date as number', { birthDate: 19700101 }, 'Patient.birthDate'],
  ['an empty string', { birthDate: '' }, 'Patient.birthDate'],
  ['an object in place of an array', { name: { family: 'A' } }, 'Patient.name'],
  ['a string in place of an array', { name: MARK }, 'Patient.name'],
  ['an empty array', { name: [] }, 'Patient.name'],
  ['an array of null', { name: [null] }, 'Patient.name[0]'],
  ['an array of strings', { name: [MARK] }, 'Patient.name[0]'],
  ['an array of arrays', { name: [[{ family: 'A' }]] }, 'Patient.name[0]'],
  ['an empty object', { name: [{}] }, 'Patient.name[0]'],
  ['a later bad item', { name: [{ family: 'A' }, { family: 7 }] }, 'Patient.name[1].family'],
  ['a string in place of a list of strings', { name: [{ given: MARK }] }, 'Patient.name[0].given'],
  ['a list of null', { name: [{ given: [null] }] }, 'Patient.name[0].given[0]'],
  ['a list of numbers', { name: [{ given: [1] }] }, 'Patient.name[0].given[0]'],
  ['an empty list of strings', { name: [{ given: [] }] }, 'Patient.name[0].given'],
  ['siblings longer than the list', { name: [{ given: ['A'], _given: [null, { id: 'a' }] }] }, 'Patient.name[0].given'],
  ['a sibling that is text', { _birthDate: MARK }, 'Patient.birthDate'],
  ['a sibling that is empty', { _birthDate: {} }, 'Patient.birthDate'],
  ['a sibling that is an array', { _birthDate: [{ id: 'a' }] }, 'Patient.birthDate'],
  ['two types of one choice', { deceasedBoolean: true, deceasedDateTime: '2020' }, 'Patient.deceased'],
  ['a reference as text', { generalPractitioner: ['Practitioner/1'] }, 'Patient.generalPractitioner[0]'],
  [
    'a reference that is a number',
    { managingOrganization: { reference: 1 } },
    'Patient.managingOrganization.reference',
  ],
  ['an operator as identifier', { identifier: [{ value: { $ne: null } }] }, 'Patient.identifier[0].value'],
  ['meta as text', { meta: MARK }, 'Patient.meta'],
  ['tags as object', { meta: { tag: {} } }, 'Patient.meta.tag'],
  ['contained as object', { contained: {} }, 'Patient.contained'],
  ['contained text', { contained: ['x'] }, 'Patient.contained[0]'],
  [
    'contained in contained',
    { contained: [{ resourceType: 'Patient', id: 'a', contained: [{ resourceType: 'Patient', id: 'b' }] }] },
    'Patient.contained[0].contained',
  ],
  [
    'two contained with one id',
    {
      contained: [
        { resourceType: 'Patient', id: 'a' },
        { resourceType: 'Patient', id: 'a' },
      ],
    },
    'Patient.contained',
  ],
  ['a contained resource of no type', { contained: [{ resourceType: MARK }] }, 'Patient.contained[0].resourceType'],
  [
    'an abstract contained resource',
    { contained: [{ resourceType: 'Resource' }] },
    'Patient.contained[0].resourceType',
  ],
  [
    'an extension of value and extensions',
    extension({ valueString: 'a', extension: [{ url: 'http://example.org/b', valueString: 'b' }] }),
    'Patient.extension[0]',
  ],
  ['an extension of nothing', extension({}), 'Patient.extension[0]'],
  ['an extension of two values', extension({ valueString: 'a', valueCode: 'b' }), 'Patient.extension[0].value'],
  ['an extension of an unknown type', extension({ valueFoo: 1 }), 'Patient.extension[0]'],
];

const required: readonly Row[] = [
  ['an extension without url', { extension: [{ valueString: 'a' }] }, 'Patient.extension[0].url'],
  ['a narrative without div', { text: { status: 'generated' } }, 'Patient.text.div'],
  ['a link without other', { link: [{ type: 'refer' }] }, 'Patient.link[0].other'],
  ['a link without type', { link: [{ other: { reference: 'Patient/1' } }] }, 'Patient.link[0].type'],
  ['a language without code', { communication: [{ preferred: true }] }, 'Patient.communication[0].language'],
  ['a contained resource without type', { contained: [{ id: 'a' }] }, 'Patient.contained[0].resourceType'],
];

const codes: readonly Row[] = [
  ['a code in upper case', { gender: 'Male' }, 'Patient.gender'],
  ['an unknown code', { gender: MARK }, 'Patient.gender'],
  ['a code with a blank', { gender: 'male ' }, 'Patient.gender'],
  ['an unknown use of a name', { name: [{ use: MARK }] }, 'Patient.name[0].use'],
  ['an unknown system of a contact', { telecom: [{ system: MARK }] }, 'Patient.telecom[0].system'],
  ['an unknown kind of link', { link: [{ other: { reference: 'Patient/1' }, type: MARK }] }, 'Patient.link[0].type'],
  [
    'an unknown status of a narrative',
    { text: { status: MARK, div: '<div xmlns="http://www.w3.org/1999/xhtml">x</div>' } },
    'Patient.text.status',
  ],
];

const dates: readonly Row[] = [
  '1970-13-01',
  '1970-00-10',
  '1970-02-30',
  '1900-02-29',
  '1970-04-31',
  '1970-01-00',
  '1970-01-32',
  '1970-1-1',
  '70-01-01',
  '01.02.1970',
  '19700101',
  '0000-01-01',
  '1970-01-01T00:00:00Z',
  '1970-01-01 ',
  MARK,
].map(text => [`the birth date ${text.replace(MARK, 'in words')}`, { birthDate: text }, 'Patient.birthDate']);

const times: readonly Row[] = [
  '2020-01-01T25:00:00Z',
  '2020-01-01T10:60:00Z',
  '2020-01-01T10:00:00',
  '2020-01-01T10:00Z',
  '2020-01-01T10Z',
  '2020-01-01 10:00:00Z',
  '2020-02-30T10:00:00Z',
  '2020-01-01T10:00:00+15:00',
  '2020-01-01T10:00:00.Z',
  'now',
].map(text => [`the time of death ${text}`, { deceasedDateTime: text }, 'Patient.deceased']);

const values: readonly Row[] = [
  ...dates,
  ...times,
  ...[0, -1, 1.5, 2_147_483_648, 1e300].map(
    (rank): Row => [`the rank ${rank}`, { telecom: [{ rank }] }, 'Patient.telecom[0].rank'],
  ),
  ['an integer as 1.0', own('multipleBirthInteger', '1.0'), 'Patient.multipleBirth'],
  ['an integer as 1e0', own('multipleBirthInteger', '1e0'), 'Patient.multipleBirth'],
  ['an id with a blank', { id: 'a b' }, 'Patient.id'],
  ['an id of 65 characters', { id: 'a'.repeat(65) }, 'Patient.id'],
  ['an id with a slash', { id: `../${MARK}` }, 'Patient.id'],
  ['a URL with blanks', { implicitRules: `http://example.org/${MARK} b` }, 'Patient.implicitRules'],
  ['a language with two blanks', { language: 'en  GB' }, 'Patient.language'],
  ['a time stamp in words', { meta: { lastUpdated: 'yesterday' } }, 'Patient.meta.lastUpdated'],
  ['a time stamp that is a date', { meta: { lastUpdated: '2020-01-01' } }, 'Patient.meta.lastUpdated'],
  ['a version with a slash', { meta: { versionId: 'a/b' } }, 'Patient.meta.versionId'],
  ...['!!!', 'AAA', 'A===', 'AA=A', 'AA-_', `${MARK}#`].map(
    (data, index): Row => [`broken base64 (${index + 1})`, { photo: [{ data }] }, 'Patient.photo[0].data'],
  ),
];

const div = (content: string) => `<div xmlns="http://www.w3.org/1999/xhtml">${content}</div>`;
const narratives: readonly Row[] = Object.entries({
  'a script': div(`<script>${MARK}</script>`),
  'an event handler': div(`<p onclick="${MARK}()">x</p>`),
  'a javascript link': div('<a href="javascript:alert(1)">x</a>'),
  'a javascript link with blanks': div('<a href=" java&#x0A;script:alert(1)">x</a>'),
  'an iframe': div('<iframe src="http://example.org"></iframe>'),
  'an SVG with a script': div('<svg xmlns="http://www.w3.org/2000/svg"><script>x</script></svg>'),
  'a form': div('<form action="http://example.org"><input/></form>'),
  'an object': div('<object data="x"></object>'),
  'a style that runs code': div('<p style="width:expression(alert(1))">x</p>'),
  'a style sheet': div('<style>p{}</style>'),
  'an unclosed element': div('<p>x'),
  'an entity of HTML': div('a&nbsp;b'),
  'an unknown entity': div('&xxe;'),
  'a document type': `<!DOCTYPE div [<!ENTITY a "${MARK}">]>${div('&a;')}`,
  'another root': '<p xmlns="http://www.w3.org/1999/xhtml">x</p>',
  'no namespace': '<div>x</div>',
  'text without markup': MARK,
  'two roots': div('a') + div('b'),
}).map(([name, markup]) => [
  `${name} in the narrative`,
  { text: { status: 'generated', div: markup } },
  'Patient.text.div',
]);

function extension(members: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return { extension: [{ url: 'http://example.org/a', ...members }] };
}

const rows = (code: string, list: readonly Row[]): BadRequest[] =>
  list.map(([name, members, expression]) =>
    post(
      `${name} in a Patient`,
      'Patient',
      typeof members === 'string' ? members : { resourceType: 'Patient', ...members },
      { status: 400, code, expression },
    ),
  );

export const badPatients: readonly BadRequest[] = [
  ...rows('structure', unknown),
  ...rows('structure', shapes),
  ...rows('required', required),
  ...rows('code-invalid', codes),
  ...rows('value', values),
  ...rows('value', narratives),
];
