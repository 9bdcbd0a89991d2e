/** Bodies that are no JSON, or JSON that two readers could understand differently. https://hl7.org/fhir/R4/json.html */
import { type BadRequest, LIMITS, MARK, post } from './bad-request.js';

type Row = readonly [name: string, body: string | Buffer];

const patient = (members: string) => `{"resourceType":"Patient",${members}}`;
const bytes = (...parts: (string | number[])[]) =>
  Buffer.concat(parts.map(part => (typeof part === 'string' ? Buffer.from(part) : Buffer.from(part))));

const syntax: readonly Row[] = [
  ['blanks', ' \n\t '],
  ['plain text', MARK],
  ['HTML', `<html><body>${MARK}</body></html>`],
  ['XML declared as JSON', '<Patient xmlns="http://hl7.org/fhir"/>'],
  ['an opening brace', '{'],
  ['a body that ends in a string', `{"resourceType":"Patient","gender":"${MARK}`],
  ['a body that ends in a name', '{"resourceType":"Patient","gen'],
  ['a body that ends after a colon', '{"resourceType":"Patient","gender":'],
  ['a trailing comma', patient('"active":true,')],
  ['a trailing comma in an array', patient('"name":[{"family":"A"},]')],
  ['single quotes', `{'resourceType':'Patient'}`],
  ['a name without quotes', '{resourceType:"Patient"}'],
  ['a comment', patient('/* x */"active":true')],
  ['two documents', `${patient('"active":true')}${patient('"active":true')}`],
  ['text after the document', `${patient('"active":true')} ${MARK}`],
  ['a closing brace too many', `${patient('"active":true')}}`],
  ['brackets that do not match', patient('"name":[{"family":"A"]}')],
  ['NaN', patient('"multipleBirthInteger":NaN')],
  ['Infinity', patient('"multipleBirthInteger":Infinity')],
  ['a hexadecimal number', patient('"multipleBirthInteger":0x10')],
  ['a leading zero', patient('"multipleBirthInteger":01')],
  ['a leading plus', patient('"multipleBirthInteger":+1')],
  ['a number that ends in a dot', patient('"multipleBirthInteger":1.')],
  ['a number that starts with a dot', patient('"multipleBirthInteger":.5')],
  ['an exponent without digits', patient('"multipleBirthInteger":1e')],
  ['undefined', patient('"active":undefined')],
  ['True', patient('"active":True')],
  ['an unknown escape', patient('"gender":"\\x41"')],
  ['half an escape', patient('"gender":"\\u00"')],
  ['a line break in a string', patient(`"gender":"a\n${MARK}"`)],
  ['a tab in a string', patient(`"gender":"a\t${MARK}"`)],
  ['NUL in a string', patient(`"gender":"a\0${MARK}"`)],
  ['NUL after the document', `${patient('"active":true')}\0`],
  ['a byte order mark inside', bytes(patient('"active":').slice(0, -1), [0xef, 0xbb, 0xbf], 'true}')],
  ['two byte order marks', bytes([0xef, 0xbb, 0xbf, 0xef, 0xbb, 0xbf], patient('"active":true'))],
];

const encodings: readonly Row[] = [
  ['UTF-16 with its mark', Buffer.from(`\ufeff${patient('"active":true')}`, 'utf16le')],
  ['Latin-1', Buffer.from(patient('"name":[{"family":"Müller"}]'), 'latin1')],
  ['an overlong NUL', bytes('{"resourceType":"Patient","gender":"', [0xc0, 0x80], '"}')],
  ['a surrogate in UTF-8', bytes('{"resourceType":"Patient","gender":"', [0xed, 0xa0, 0x80], '"}')],
  ['half a character at the end', bytes(patient('"active":true'), [0xe2, 0x82])],
  ['a character beyond Unicode', bytes('{"resourceType":"Patient","gender":"', [0xf4, 0x90, 0x80, 0x80], '"}')],
];

const characters: readonly Row[] = [
  ['U+FFFE, which XML cannot carry', patient(`"gender":"${MARK}\ufffe"`)],
  ['an escaped U+FFFF', patient(`"gender":"${MARK}\\uffff"`)],
  ['an escaped NUL', patient(`"name":[{"family":"${MARK}\\u0000"}]`)],
  ['an escaped bell', patient(`"name":[{"family":"\\u0007${MARK}"}]`)],
  ['a lone high surrogate', patient('"name":[{"family":"\\ud83d"}]')],
  ['a lone low surrogate', patient('"name":[{"family":"\\ude00"}]')],
  ['surrogates in the wrong order', patient('"name":[{"family":"\\ude00\\ud83d"}]')],
  ['a lone surrogate in a name', patient('"\\ud800":1')],
];

const duplicates: readonly Row[] = [
  ['a member twice', patient(`"gender":"male","gender":"${MARK}"`)],
  ['a member twice, once escaped', patient('"gender":"male","\\u0067ender":"female"')],
  ['resourceType twice', '{"resourceType":"Patient","resourceType":"Observation"}'],
  ['an id twice', patient('"id":"a","id":"b"')],
  ['a nested member twice', patient('"name":[{"family":"A","family":"B"}]')],
  ['a member of an extension twice', patient('"extension":[{"url":"http://a.example","url":"http://b.example"}]')],
  ['__proto__ twice', patient('"__proto__":1,"__proto__":2')],
];

const numbers: readonly Row[] = [
  ['1e400', patient('"multipleBirthInteger":1e400')],
  ['-1e400', patient('"multipleBirthInteger":-1e400')],
  ['a number of 41 digits', patient(`"multipleBirthInteger":${'9'.repeat(41)}`)],
  ['a number of 100,000 digits', patient(`"multipleBirthInteger":1${'0'.repeat(100_000)}`)],
  ['a number of 10,000 decimals', patient(`"multipleBirthInteger":0.${'1'.repeat(10_000)}`)],
];

const roots: readonly Row[] = [
  ['an array', '[{"resourceType":"Patient"}]'],
  ['an empty array', '[]'],
  ['null', 'null'],
  ['true', 'true'],
  ['a string', `"${MARK}"`],
  ['a number', '42'],
  ['an empty object', '{}'],
  ['an object without resourceType', '{"active":true}'],
  ['a resourceType that is null', '{"resourceType":null}'],
  ['a resourceType that is a number', '{"resourceType":7}'],
  ['a resourceType that is an array', '{"resourceType":["Patient"]}'],
  ['an empty resourceType', '{"resourceType":""}'],
  ['a resourceType in __proto__', '{"__proto__":{"resourceType":"Patient"}}'],
];

const deep = (open: string, close: string, levels: number) => open.repeat(levels) + close.repeat(levels);
const depths: readonly Row[] = [
  ['arrays 65 deep', patient(`"name":${deep('[', ']', 65)}`)],
  ['arrays 100,000 deep', patient(`"name":${deep('[', ']', 100_000)}`)],
  ['objects 200 deep', patient(`"name":${'{"a":'.repeat(200)}1${'}'.repeat(200)}`)],
  ['extensions 100 deep', `{"resourceType":"Patient"${',"extension":[{"url":"a:b"'.repeat(100)}${'}]'.repeat(100)}}`],
  ['opening brackets alone', '['.repeat(500_000)],
];

const list = (items: number) => `[${'{"family":"A"},'.repeat(items - 1)}{"family":"A"}]`;
const lengths: readonly Row[] = [
  ['an array that is too long', patient(`"name":${list(LIMITS.maxArray + 1)}`)],
  ['a list of nulls that is too long', patient(`"name":[${'null,'.repeat(LIMITS.maxArray)}null]`)],
];

const rows = (detail: string, bodies: readonly Row[]): BadRequest[] =>
  bodies.map(([name, body]) =>
    post(`${name} as body (${detail})`, 'Patient', body, { status: 400, code: 'invalid', detail }),
  );

export const badJson: readonly BadRequest[] = [
  post('nothing as body', 'Patient', '', { status: 400, code: 'invalid', detail: 'empty-body' }),
  ...rows('json-syntax', syntax),
  ...rows('json-utf8', encodings),
  ...rows('json-character', characters),
  ...rows('json-duplicate-key', duplicates),
  ...rows('json-number', numbers),
  ...rows('json-no-resource', roots),
  ...rows('json-depth', depths),
  ...rows('json-array-length', lengths),
];
