/** XML bodies that are refused. https://hl7.org/fhir/R4/xml.html, https://hl7.org/fhir/R4/security.html#narrative */
import { type BadRequest, LIMITS, MARK, XML_TYPE } from './bad-request.js';

type Row = readonly [name: string, body: string | Buffer, detail: string];

const patient = (content: string) => `<Patient xmlns="http://hl7.org/fhir">${content}</Patient>`;
const bomb = (levels: number) => {
  const entities = Array.from(
    { length: levels },
    (_, level) => `<!ENTITY e${level + 1} "${`&e${level};`.repeat(10)}">`,
  ).join('');
  return `<!DOCTYPE Patient [<!ENTITY e0 "${MARK}">${entities}]>${patient(`<language value="&e${levels};"/>`)}`;
};

const rows: readonly Row[] = [
  ['blanks', '  ', 'xml-syntax'],
  ['plain text', MARK, 'xml-syntax'],
  ['JSON declared as XML', '{"resourceType":"Patient"}', 'xml-syntax'],
  ['an unclosed root', '<Patient xmlns="http://hl7.org/fhir">', 'xml-syntax'],
  ['an unclosed element', patient('<name>'), 'xml-syntax'],
  ['crossed elements', patient('<name><family value="a"></name></family>'), 'xml-syntax'],
  ['two roots', patient('') + patient(''), 'xml-syntax'],
  ['an attribute twice', patient('<active value="true" value="false"/>'), 'xml-syntax'],
  ['an attribute without quotes', patient('<active value=true/>'), 'xml-syntax'],
  ['a bare ampersand', patient(`<language value="a & ${MARK}"/>`), 'xml-syntax'],
  ['a less-than sign in a value', patient('<language value="<"/>'), 'xml-syntax'],
  ['an unknown entity', patient('<language value="&nosuch;"/>'), 'xml-syntax'],
  ['an entity of HTML', patient('<language value="&nbsp;"/>'), 'xml-syntax'],
  ['a reference to NUL', patient('<language value="&#0;"/>'), 'xml-syntax'],
  ['a reference to a surrogate', patient('<language value="&#xD800;"/>'), 'xml-syntax'],
  ['NUL', patient('<language value="\0"/>'), 'xml-syntax'],
  ['an undeclared prefix', patient('<x:active value="true"/>'), 'xml-syntax'],
  ['a declaration in the middle', `${patient('')}<?xml version="1.0"?>`, 'xml-syntax'],
  ['a document type', `<!DOCTYPE Patient>${patient('')}`, 'xml-doctype'],
  ['a bomb of entities', bomb(12), 'xml-doctype'],
  [
    'a quadratic bomb',
    `<!DOCTYPE a [<!ENTITY e "${'x'.repeat(50_000)}">]>${patient('&e;'.repeat(1000))}`,
    'xml-doctype',
  ],
  [
    'an external entity',
    `<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]>${patient('<language value="&e;"/>')}`,
    'xml-doctype',
  ],
  ['an external document type', `<!DOCTYPE a SYSTEM "http://127.0.0.1:1/${MARK}">${patient('')}`, 'xml-doctype'],
  ['a parameter entity', `<!DOCTYPE a [<!ENTITY % p SYSTEM "http://127.0.0.1:1/x"> %p;]>${patient('')}`, 'xml-doctype'],
  ['XML 1.1', `<?xml version="1.1"?>${patient('')}`, 'xml-version'],
  [
    'a style sheet',
    `<?xml-stylesheet href="http://example.org/a.xsl"?>${patient('<active value="true"/>')}`,
    'xml-instruction',
  ],
  ['no namespace', '<Patient/>', 'xml-namespace'],
  ['another namespace', '<Patient xmlns="http://example.org/fhir"/>', 'xml-namespace'],
  ['a namespace with a slash too many', '<Patient xmlns="http://hl7.org/fhir/"/>', 'xml-namespace'],
  ['a child of another namespace', patient('<active xmlns="urn:x" value="true"/>'), 'xml-namespace'],
  [
    'XInclude',
    patient('<include xmlns="http://www.w3.org/2001/XInclude" href="file:///etc/passwd"/>'),
    'xml-namespace',
  ],
  ['an unknown root', `<${MARK} xmlns="http://hl7.org/fhir"/>`.replace(MARK, 'Patientt'), 'xml-no-resource'],
  ['a data type as root', '<HumanName xmlns="http://hl7.org/fhir"/>', 'xml-no-resource'],
  ['an attribute of the root', `<Patient xmlns="http://hl7.org/fhir" id="${MARK}"/>`, 'xml-attribute'],
  ['an unknown element', patient('<colour value="x"/>'), 'xml-element'],
  ['__proto__', patient('<__proto__ value="x"/>'), 'xml-element'],
  ['constructor', patient('<constructor value="x"/>'), 'xml-element'],
  ['resourceType as element', patient('<resourceType value="Patient"/>'), 'xml-element'],
  ['an element in the wrong case', patient('<Active value="true"/>'), 'xml-element'],
  ['an unknown attribute', patient(`<active value="true" colour="${MARK}"/>`), 'xml-attribute'],
  ['a value of a complex element', patient(`<name value="${MARK}"/>`), 'xml-attribute'],
  ['text between elements', patient(MARK), 'xml-text'],
  ['text in CDATA', patient(`<![CDATA[${MARK}]]>`), 'xml-text'],
  ['text in a value element', patient(`<active>${MARK}</active>`), 'xml-text'],
  ['an element twice', patient('<active value="true"/><active value="false"/>'), 'xml-repeated'],
  ['an element without value', patient('<active/>'), 'xml-empty'],
  ['a boolean that is none', patient(`<active value="${MARK}"/>`), 'xml-value'],
  ['an integer in words', patient(`<multipleBirthInteger value="${MARK}"/>`), 'xml-value'],
  ['1e400', patient('<multipleBirthInteger value="1e400"/>'), 'xml-value'],
  ['a number of 41 digits', patient(`<multipleBirthInteger value="${'9'.repeat(41)}"/>`), 'xml-value'],
  ['extensions 100 deep', patient('<extension url="a:b">'.repeat(100) + '</extension>'.repeat(100)), 'xml-depth'],
  ['elements 100,000 deep', `${patient('').slice(0, -10)}${'<extension url="a:b">'.repeat(30_000)}`, 'xml-depth'],
  [
    'a list that is too long',
    patient('<name><family value="a"/></name>'.repeat(LIMITS.maxArray + 1)),
    'xml-array-length',
  ],
  ['bytes that are no UTF-8', Buffer.from(patient('<language value="ü"/>'), 'latin1'), 'xml-utf8'],
];

/** Well-formed, and refused by validation: [name, content, code, expression]. */
const invalid: readonly (readonly [string, string, string, string])[] = [
  ['an unknown code', `<gender value="${MARK}"/>`, 'code-invalid', 'Patient.gender'],
  ['an impossible date', '<birthDate value="1970-02-30"/>', 'value', 'Patient.birthDate'],
  ['an empty value', '<language value=""/>', 'structure', 'Patient.language'],
  [
    'a script in the narrative',
    `<text><status value="generated"/><div xmlns="http://www.w3.org/1999/xhtml"><script>${MARK}</script></div></text>`,
    'value',
    'Patient.text.div',
  ],
  [
    'a link without type',
    '<link><other><reference value="Patient/1"/></other></link>',
    'required',
    'Patient.link[0].type',
  ],
];

const xml = (name: string, body: string | Buffer) =>
  ({ name: `${name} (XML)`, method: 'POST', path: '/fhir/Patient', headers: XML_TYPE, body }) as const;

export const badXml: readonly BadRequest[] = [
  { ...xml('nothing', ''), status: 400, code: 'invalid', detail: 'empty-body' },
  ...rows.map(([name, body, detail]) => ({ ...xml(name, body), status: 400, code: 'invalid', detail })),
  ...invalid.map(([name, content, code, expression]) => ({
    ...xml(name, patient(content)),
    status: 400,
    code,
    expression,
  })),
  { ...xml('UTF-16', Buffer.from(`\ufeff${patient('')}`, 'utf16le')), status: 415, code: 'not-supported' },
  {
    ...xml('another encoding', `<?xml version="1.0" encoding="ISO-8859-1"?>${patient('')}`),
    status: 415,
    code: 'not-supported',
  },
  {
    ...xml(
      'an Observation sent to Patient',
      '<Observation xmlns="http://hl7.org/fhir"><status value="final"/></Observation>',
    ),
    status: 400,
    code: 'invalid',
    expression: 'resourceType',
  },
];
