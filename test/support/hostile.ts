/** Bodies that cost more to read than to send. All are about `size` bytes long. */

const JSON_BODY = 'application/fhir+json';
const XML_BODY = 'application/fhir+xml';

export interface Hostile {
  readonly name: string;
  readonly type: string;
  make(size: number): string;
}

/** `unit(i)` again and again up to `size` characters, separated. */
function row(size: number, unit: (i: number) => string, separator = ','): string {
  const parts: string[] = [];
  for (let i = 0, length = 0; length < size; i++) {
    const part = unit(i);
    parts.push(part);
    length += part.length + separator.length;
  }
  return parts.join(separator);
}

const json = (name: string, make: (size: number) => string): Hostile => ({ name, type: JSON_BODY, make });
const patient = (members: string): string => `{"resourceType":"Patient","id":"h",${members}}`;
const coded = (i: number): string =>
  `{"code":{"coding":[{"system":"http://loinc.org","code":"c${i}"}]},"valueQuantity":{"value":${i},"unit":"mg","system":"http://unitsofmeasure.org","code":"mg"}}`;
const digits = (length: number, i: number): string => String(i).padStart(length, '7');
const div = (content: string): string => `<div xmlns="http://www.w3.org/1999/xhtml">${content}</div>`;
const narrative = (content: string): string => JSON.stringify({ status: 'generated', div: div(content) });

/** Refused, whatever their size, from a megabyte or so. */
export const SHAPES: readonly Hostile[] = [
  json('{}, again and again', size => patient(`"name":[${row(size, () => '{}')}]`)),
  json('[[[[', size => '['.repeat(size)),
  json('[],[],', size => patient(`"name":[${row(size, () => '[]')}]`)),
  json('a million names in one object', size => patient(row(size, i => `"k${i}":1`))),
  json('a million names in small objects', size => patient(`"name":[${row(size, i => `{"k${i}":1}`)}]`)),
  json('the same name again and again', size => patient(row(size, () => '"active":true'))),
  json('names that are numbers', size => patient(row(size, i => `"${i * 7}":1`))),
  json('numbers', size => patient(`"name":[${row(size, i => String(i))}]`)),
  json('numbers whose digits must be kept', size => patient(`"name":[${row(size, () => '1.0')}]`)),
  json('objects with such numbers', size => patient(`"name":[${row(size, () => '{"value":1.0}')}]`)),
  json('a number of a million digits', size => patient(`"x":${'7'.repeat(size)}`)),
  json('commas', size => ','.repeat(size)),
  json('quotes', size => '"'.repeat(size)),
  json('colons', size => ':'.repeat(size)),
  json('no JSON', size => 'x'.repeat(size)),
  json('JSON that breaks off', size => patient(`"name":[${row(size, () => '{"family":"x"}')}`)),
  json('a string that breaks off', size => `{"resourceType":"Patient","x":"${'\\u0041'.repeat(size / 6)}`),
  json('blanks and a fault', size => `${patient(`"active":true`)}${' '.repeat(size)}x`),
  json('invalid names', size => patient(`"name":[${row(size, () => '{"family":5}')}]`)),
  json(
    'an Observation of components',
    size =>
      `{"resourceType":"Observation","id":"h","status":"final","code":{"text":"x"},"component":[${row(size, coded)}]}`,
  ),
  json(
    'a Group of members',
    size =>
      `{"resourceType":"Group","id":"h","type":"person","actual":true,"member":[${row(size, i => `{"entity":{"reference":"Patient/p${i}"}}`)}]}`,
  ),
  json('contained resources', size =>
    patient(`"contained":[${row(size, i => `{"resourceType":"Basic","id":"c${i}","code":{"text":"x"}}`)}]`),
  ),
  json('extensions in extensions', size =>
    patient(
      `"extension":[${row(size, i => `{"url":"u:${i}","extension":[{"url":"v","extension":[{"url":"w","valueString":"x"}]}]}`)}]`,
    ),
  ),
  json('new code systems', size =>
    patient(`"identifier":[${row(size, i => `{"system":"http://s${i}.org","value":"v"}`)}]`),
  ),
  json('narratives of many elements', size =>
    patient(
      `"contained":[${row(size, i => `{"resourceType":"Basic","id":"c${i}","code":{"text":"x"},"text":${narrative('<b>x</b>'.repeat(120_000))}}`)}],"active":5`,
    ),
  ),
  json('escaped surrogates', size => patient(`"x":"${'\\ud83d\\ude00'.repeat(size / 12)}"`)),
  json('a narrative that is too long', size => patient(`"text":${narrative('<b>x</b>'.repeat(size / 8))}`)),
];

const xml = (name: string, make: (size: number) => string): Hostile => ({
  name: `XML: ${name}`,
  type: XML_BODY,
  make: size => `<Patient xmlns="http://hl7.org/fhir"><id value="h"/>${make(size)}</Patient>`,
});

export const XML_SHAPES: readonly Hostile[] = [
  xml('names', size => '<name><family value="x"/></name>'.repeat(size / 32)),
  xml('attributes', size => `<active ${row(size, i => `a${i}="1"`, ' ')}/>`),
  xml('the same attribute', size => `<active ${'a="1" '.repeat(size / 6)}/>`),
  xml('namespaces', size => `<active ${row(size, i => `xmlns:a${i}="u"`, ' ')}/>`),
  xml('comments', size => '<!--x-->'.repeat(size / 8)),
  xml(
    'a narrative of many elements',
    size => `<text><status value="generated"/>${div('<b>x</b>'.repeat(size / 8))}</text>`,
  ),
  xml(
    'a narrative with a prefix',
    size =>
      `<text><status value="generated"/><h:div xmlns:h="http://www.w3.org/1999/xhtml">${'<h:b>x</h:b>'.repeat(size / 12)}</h:div></text>`,
  ),
  xml('digits', size => row(size, i => `<multipleBirthInteger value="${digits(30, i)}"/>`, '')),
  xml('deep elements', size => '<extension url="a">'.repeat(size / 19)),
  xml('references', size => `<active value="${'&amp;'.repeat(size / 5)}"/>`),
];
