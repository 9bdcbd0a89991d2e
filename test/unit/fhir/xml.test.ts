import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, it } from 'mocha';
import { loadDefinitions } from '../../../src/fhir/definitions.js';
import { FhirError } from '../../../src/fhir/error.js';
import { type JsonLimits, parseJson } from '../../../src/fhir/json/json.js';
import { print } from '../../../src/fhir/json/print.js';
import { parseXml } from '../../../src/fhir/xml/read.js';
import { printXml, type XmlLayout } from '../../../src/fhir/xml/write.js';
import { runsOf } from '../../support/depth.js';

const definitions = loadDefinitions();
const limits: JsonLimits = { maxDepth: 64 };
const XHTML = 'xmlns="http://www.w3.org/1999/xhtml"';
const patient = (inside: string, attributes = '') =>
  `<Patient xmlns="http://hl7.org/fhir"${attributes}>${inside}</Patient>`;
const read = (xml: string | Buffer, more = limits) => parseXml(Buffer.from(xml as string), definitions, more);
const toJson = (xml: string) => {
  const { resource, decimals } = read(xml);
  return print(resource, decimals);
};
const toXml = (json: string, layout?: XmlLayout) => {
  const { resource, decimals } = parseJson(Buffer.from(json), limits);
  return printXml(resource, definitions, decimals, layout).replace(/^<\?xml version="1\.0" encoding="UTF-8"\?>\n?/, '');
};

function faultOf(run: () => unknown): FhirError | undefined {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof FhirError, String(error));
    return error;
  }
  return undefined;
}
const detailOf = (run: () => unknown) => faultOf(run)?.issues[0]?.detail ?? 'accepted';

/** XML, JSON: both directions give the other exactly. */
const pairs: [string, string, string][] = [
  ['a resource with nothing in it', '<Patient xmlns="http://hl7.org/fhir"/>', '{"resourceType":"Patient"}'],
  [
    'primitives by their type',
    patient('<id value="a"/><active value="true"/><birthDate value="1970-03"/><multipleBirthInteger value="2"/>'),
    '{"resourceType":"Patient","id":"a","active":true,"birthDate":"1970-03","multipleBirthInteger":2}',
  ],
  [
    'a single item of a repeating element as an array',
    patient('<name><family value="Ü"/><given value="1"/></name>'),
    '{"resourceType":"Patient","name":[{"family":"Ü","given":["1"]}]}',
  ],
  [
    'id and extension of a primitive',
    patient('<birthDate id="b" value="1970"><extension url="u"><valueString value="x"/></extension></birthDate>'),
    '{"resourceType":"Patient","birthDate":"1970","_birthDate":{"id":"b","extension":[{"url":"u","valueString":"x"}]}}',
  ],
  [
    'a primitive without a value',
    patient('<gender><extension url="u"><valueCode value="x"/></extension></gender>'),
    '{"resourceType":"Patient","_gender":{"extension":[{"url":"u","valueCode":"x"}]}}',
  ],
  [
    'a repeating primitive, padded with null',
    patient(
      '<name><given value="a"/><given id="i"/><given value="c"/><given id="k" value="d"/><given value="e"/></name>',
    ),
    '{"resourceType":"Patient","name":[{"given":["a",null,"c","d","e"],"_given":[null,{"id":"i"},null,{"id":"k"},null]}]}',
  ],
  [
    'a repeating primitive without any value',
    patient('<name><given id="i"/></name>'),
    '{"resourceType":"Patient","name":[{"_given":[{"id":"i"}]}]}',
  ],
  [
    'attributes id of elements and url of extensions',
    patient('<extension url="a"><valueUri id="v" value="b"/></extension><name id="n"/>'),
    '{"resourceType":"Patient","extension":[{"url":"a","valueUri":"b","_valueUri":{"id":"v"}}],"name":[{"id":"n"}]}',
  ],
  [
    'url as an element where it is one',
    '<StructureMap xmlns="http://hl7.org/fhir"><url value="u"/></StructureMap>',
    '{"resourceType":"StructureMap","url":"u"}',
  ],
  [
    'contained resources',
    patient('<contained><Organization><id value="o"/></Organization></contained><contained><Patient/></contained>'),
    '{"resourceType":"Patient","contained":[{"resourceType":"Organization","id":"o"},{"resourceType":"Patient"}]}',
  ],
  [
    'resources in a bundle and in parameters',
    '<Bundle xmlns="http://hl7.org/fhir"><type value="batch"/><entry><resource><Parameters><parameter><name value="x"/><resource><Patient><id value="p"/></Patient></resource></parameter></Parameters></resource></entry></Bundle>',
    '{"resourceType":"Bundle","type":"batch","entry":[{"resource":{"resourceType":"Parameters","parameter":[{"name":"x","resource":{"resourceType":"Patient","id":"p"}}]}}]}',
  ],
  [
    'an element whose children are defined elsewhere',
    '<Questionnaire xmlns="http://hl7.org/fhir"><item><linkId value="1"/><item><linkId value="1.1"/></item></item></Questionnaire>',
    '{"resourceType":"Questionnaire","item":[{"linkId":"1","item":[{"linkId":"1.1"}]}]}',
  ],
  [
    'digits of decimals',
    '<Observation xmlns="http://hl7.org/fhir"><valueQuantity><value value="1.00"/></valueQuantity><referenceRange><low><value value="-0.0"/></low><high><value value="1E+2"/></high></referenceRange><component><valueQuantity><value value="12345678901234567890.5"/></valueQuantity></component></Observation>',
    '{"resourceType":"Observation","valueQuantity":{"value":1.00},"referenceRange":[{"low":{"value":-0.0},"high":{"value":1E+2}}],"component":[{"valueQuantity":{"value":12345678901234567890.5}}]}',
  ],
  [
    'digits in an array of decimals and with a sibling',
    '<MolecularSequence xmlns="http://hl7.org/fhir"><quality><score><value id="s" value="5.0"/></score><roc><precision value="0.50"/><precision value="1"/><precision value="1.0"/></roc></quality></MolecularSequence>',
    '{"resourceType":"MolecularSequence","quality":[{"score":{"value":5.0,"_value":{"id":"s"}},"roc":{"precision":[0.50,1,1.0]}}]}',
  ],
  [
    'characters that XML escapes, line breaks among them',
    patient('<name><text value="&lt;&amp;&gt;&quot;\'&#9;&#10;&#13;é😀"/></name>'),
    '{"resourceType":"Patient","name":[{"text":"<&>\\"\'\\t\\n\\ré😀"}]}',
  ],
  [
    'the narrative as it was written',
    patient(
      `<text><status value="generated"/><div ${XHTML}><!-- c --><p class='a'>1 &lt; 2&#160;&amp;\n<br />é</p></div></text>`,
    ),
    `{"resourceType":"Patient","text":{"status":"generated","div":${JSON.stringify(`<div ${XHTML}><!-- c --><p class='a'>1 &lt; 2&#160;&amp;\n<br />é</p></div>`)}}}`,
  ],
];

describe('XML and JSON of a resource', () => {
  for (const [name, xml, json] of pairs) {
    it(`reads ${name}`, () => assert.equal(toJson(xml), json));
    it(`writes ${name}`, () => assert.equal(toXml(json), xml));
  }

  it('finds XML in any layout', () => {
    const xml = `\uFEFF<?xml version="1.0" encoding="utf-8"?>\r\n<!-- a comment -->\n<f:Patient xmlns:f="http://hl7.org/fhir"
      xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="http://hl7.org/fhir fhir-all.xsd">
      <f:id value='a'/> <!-- another --> <f:active value="false"></f:active><![CDATA[ ]]>
    </f:Patient>\n`;
    assert.equal(toJson(xml), '{"resourceType":"Patient","id":"a","active":false}');
  });

  it('reads elements in any order and writes them in theirs', () => {
    const xml = patient('<gender value="male"/><name id="1"/><id value="a"/><name id="2"/>');
    assert.equal(toXml(toJson(xml)), patient('<id value="a"/><name id="1"/><name id="2"/><gender value="male"/>'));
  });

  it('takes a plus from integers, which JSON does not know', () =>
    assert.equal(
      toJson(patient('<multipleBirthInteger value="+2"/>')),
      '{"resourceType":"Patient","multipleBirthInteger":2}',
    ));

  it('keeps the text of an integer that is not written as one, for validation to see', () => {
    const { resource, decimals } = read(patient('<multipleBirthInteger value="1.0"/>'));
    assert.equal(decimals?.get(resource)?.['multipleBirthInteger'], '1.0');
  });

  it('writes the namespace onto a div that had it from outside', () => {
    const xml = `<Patient xmlns="http://hl7.org/fhir" xmlns:h="http://www.w3.org/1999/xhtml"><text><h:div><h:p title="a&quot;">&lt;<h:br/></h:p></h:div></text></Patient>`;
    const div = `<div ${XHTML}><p title="a&quot;">&lt;<br/></p></div>`;
    assert.deepEqual(read(xml).resource['text'], { div });
    assert.deepEqual(
      read(xml.replace('<h:div>', `<div ${XHTML}>`).replace('</h:div>', '</div>')).resource['text'],
      { div },
      'a prefix inside alone',
    );
    assert.equal(
      toXml('{"resourceType":"Patient","text":{"div":"<div><p>a</p></div>"}}'),
      patient(`<text><div ${XHTML}><p>a</p></div></text>`),
    );
  });

  it('indents by two blanks and leaves the narrative alone', () =>
    assert.equal(
      printXml(
        {
          resourceType: 'Patient',
          text: { div: `<div ${XHTML}><b>a</b></div>` },
          name: [{ given: ['b'] }],
          contained: [{ resourceType: 'Patient', id: 'c' }],
        },
        definitions,
        undefined,
        { pretty: true },
      ),
      `<?xml version="1.0" encoding="UTF-8"?>
<Patient xmlns="http://hl7.org/fhir">
  <text>
    <div ${XHTML}><b>a</b></div>
  </text>
  <contained>
    <Patient>
      <id value="c"/>
    </Patient>
  </contained>
  <name>
    <given value="b"/>
  </name>
</Patient>`,
    ));
});

describe('reading XML', () => {
  const extensions = (levels: number) =>
    patient(`${'<extension url="u">'.repeat(levels)}${'</extension>'.repeat(levels)}`);
  const utf16 = Buffer.from(patient('<active value="true"/>'), 'utf16le');
  const rows: [string, string | Buffer, string][] = [
    ['a positive control', patient('<active value="true"/>'), 'accepted'],
    ['a document type', `<!DOCTYPE Patient>${patient('')}`, 'xml-doctype'],
    [
      'entities of its own',
      `<!DOCTYPE Patient [<!ENTITY a "b"><!ENTITY c SYSTEM "file:///etc/passwd">]>${patient('<id value="&a;"/>')}`,
      'xml-doctype',
    ],
    ['an entity of HTML', patient(`<text><div ${XHTML}>&nbsp;</div></text>`), 'xml-syntax'],
    ['a processing instruction', `<?xml-stylesheet href="a"?>${patient('')}`, 'xml-instruction'],
    ['a processing instruction in a div', patient(`<text><div ${XHTML}><?php ?></div></text>`), 'xml-instruction'],
    ['XML 1.1', `<?xml version="1.1"?>${patient('<id value="&#1;"/>')}`, 'xml-version'],
    ['a control character', patient('<id value="&#1;"/>'), 'xml-syntax'],
    ['Latin-1 in its declaration', `<?xml version="1.0" encoding="ISO-8859-1"?>${patient('')}`, 'xml-encoding'],
    ['UTF-16', utf16, 'xml-encoding'],
    ['UTF-16 with a byte order mark', Buffer.concat([Buffer.from([0xff, 0xfe]), utf16]), 'xml-encoding'],
    ['bytes that are no UTF-8', Buffer.from(patient('<id value="ü"/>'), 'latin1'), 'xml-utf8'],
    ['an empty body', '', 'xml-syntax'],
    ['JSON', '{"resourceType":"Patient"}', 'xml-syntax'],
    ['tags that do not match', '<Patient xmlns="http://hl7.org/fhir"><id value="a"></Patient>', 'xml-syntax'],
    ['two roots', patient('') + patient(''), 'xml-syntax'],
    ['an attribute given twice', patient('<id value="a" value="b"/>'), 'xml-syntax'],
    ['a prefix without a namespace', patient('<x:id value="a"/>'), 'xml-syntax'],
    ['no namespace', '<Patient><id value="a"/></Patient>', 'xml-namespace'],
    ['another namespace', '<Patient xmlns="urn:hl7-org:v3"/>', 'xml-namespace'],
    ['an element of another namespace', patient('<id xmlns="urn:x" value="a"/>'), 'xml-namespace'],
    ['a root in the namespace of XHTML', `<Patient ${XHTML}/>`, 'xml-no-resource'],
    ['a div in the namespace of FHIR', patient('<text><div>a</div></text>'), 'xml-element'],
    [
      'a div of FHIR elements',
      patient(`<text><div ${XHTML}><id xmlns="http://hl7.org/fhir"/></div></text>`),
      'xml-namespace',
    ],
    ['an unknown root', '<Patientt xmlns="http://hl7.org/fhir"/>', 'xml-no-resource'],
    ['an abstract root', '<DomainResource xmlns="http://hl7.org/fhir"/>', 'xml-no-resource'],
    ['a data type as root', '<HumanName xmlns="http://hl7.org/fhir"/>', 'xml-no-resource'],
    ['an unknown element', patient('<colour value="a"/>'), 'xml-element'],
    ['a choice without its type', patient('<deceased value="true"/>'), 'xml-element'],
    ['an element named like a sibling', patient('<_id value="a"/>'), 'xml-element'],
    ['an id as an element of a data type', patient('<name><id value="a"/></name>'), 'xml-element'],
    ['an element inside a primitive', patient('<id><value value="a"/></id>'), 'xml-element'],
    ['resourceType as an element', patient('<resourceType value="a"/>'), 'xml-element'],
    ['__proto__ as an element', patient('<__proto__ value="a"/>'), 'xml-element'],
    ['constructor as an attribute', patient('<name constructor="a"/>'), 'xml-attribute'],
    ['an id as attribute of a resource', patient('', ' id="a"'), 'xml-attribute'],
    ['a value of something complex', patient('<name value="a"/>'), 'xml-attribute'],
    ['another attribute', patient('<id value="a" lang="b"/>'), 'xml-attribute'],
    ['a url of something else', patient('<name url="a"/>'), 'xml-attribute'],
    ['text between elements', patient('<active value="true"/>x'), 'xml-text'],
    ['character data between elements', patient('<![CDATA[x]]>'), 'xml-text'],
    ['a second value', patient('<gender value="male"/><gender value="male"/>'), 'xml-repeated'],
    ['a second value without a value', patient('<gender id="a"/><gender value="male"/>'), 'xml-repeated'],
    ['two resources in one element', patient('<contained><Patient/><Patient/></contained>'), 'xml-repeated'],
    ['an element without a resource', patient('<contained/>'), 'xml-empty'],
    ['a primitive with nothing in it', patient('<gender/>'), 'xml-empty'],
    ['yes for a boolean', patient('<active value="yes"/>'), 'xml-value'],
    ['a word for an integer', patient('<multipleBirthInteger value="two"/>'), 'xml-value'],
    ['an integer with a leading zero', patient('<multipleBirthInteger value="02"/>'), 'xml-value'],
    [
      'NaN',
      '<Observation xmlns="http://hl7.org/fhir"><valueQuantity><value value="NaN"/></valueQuantity></Observation>',
      'xml-value',
    ],
    [
      '1e400',
      '<Observation xmlns="http://hl7.org/fhir"><valueQuantity><value value="1e400"/></valueQuantity></Observation>',
      'xml-value',
    ],
    ['a hundred elements beside one another', patient('<name id="a"/>'.repeat(100)), 'accepted'],
    ['31 extensions in one another', extensions(31), 'accepted'],
    ['32 extensions in one another', extensions(32), 'xml-depth'],
    [
      'a million elements in one another',
      `<Patient xmlns="http://hl7.org/fhir">${'<extension>'.repeat(1e6)}`,
      'xml-depth',
    ],
    ['a deep div', patient(`<text><div ${XHTML}>${'<b>'.repeat(100)}${'</b>'.repeat(100)}</div></text>`), 'xml-depth'],
  ];
  for (const [name, body, expected] of rows)
    it(expected === 'accepted' ? `accepts ${name}` : `refuses ${name} as ${expected}`, () => {
      assert.equal(
        detailOf(() => read(body)),
        expected,
      );
      if (expected !== 'accepted')
        assert.equal(faultOf(() => read(body))?.status, expected === 'xml-encoding' ? 415 : 400);
    });

  it('refuses more repetitions than the limit', () => {
    const xml = patient('<name id="1"/><name id="2"/>');
    assert.equal(
      detailOf(() => read(xml, { maxDepth: 64, maxArray: 2 })),
      'accepted',
    );
    assert.equal(
      detailOf(() => read(xml, { maxDepth: 64, maxArray: 1 })),
      'xml-array-length',
    );
  });

  it('gives what JSON of the same depth can be read as', () => {
    const { resource } = read(extensions(31));
    assert.deepEqual(parseJson(Buffer.from(print(resource)), limits).resource, resource);
  });

  const paths: [string, string][] = [
    [patient('<name/><name><given value="a"/><given/></name>'), 'Patient.name[1].given[1]'],
    [patient('<deceasedBoolean value="x"/>'), 'Patient.deceased'],
    [patient('<contained><Patient><name><x/></name></Patient></contained>'), 'Patient.contained[0].name[0]'],
  ];
  for (const [xml, path] of paths)
    it(`says that the fault is at ${path}`, () => {
      const issue = faultOf(() => read(xml))?.issues[0];
      assert.equal(issue?.expression, path);
      assert.match(issue?.text ?? '', /line 1, column \d+/);
    });

  it('says nothing of the content', () => {
    const fault = faultOf(() => read(patient('<name><family value="Doe"/></name><active value="Doe"/>')));
    assert.doesNotMatch(JSON.stringify([fault?.message, fault?.issues]), /Doe/);
    const syntax = faultOf(() => read(patient('<name><family value="&Doe;"/></name>')));
    assert.doesNotMatch(JSON.stringify([syntax?.message, syntax?.issues, String(syntax?.cause)]), /Doe/);
  });
});

describe('damaged XML', () => {
  const parts = [
    '',
    '<',
    '>',
    '/',
    '"',
    '&',
    ' ',
    '<!--',
    ']]>',
    '<![CDATA[',
    'xmlns="a"',
    'x:',
    'value="',
    '\u0000',
    'é',
    '<?x?>',
  ];
  it('is refused with a FhirError, or read as something that both formats can say', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...pairs.map(([, xml]) => xml)),
        fc.array(fc.tuple(fc.nat(), fc.nat(6), fc.constantFrom(...parts)), { minLength: 1, maxLength: 3 }),
        (xml, changes) => {
          let damaged = xml;
          for (const [at, cut, put] of changes) {
            const from = at % (damaged.length + 1);
            damaged = damaged.slice(0, from) + put + damaged.slice(from + cut);
          }
          if (detailOf(() => read(damaged)) !== 'accepted') return;
          const { resource, decimals } = read(damaged);
          const again = read(printXml(resource, definitions, decimals));
          assert.deepEqual(again.resource, resource);
          assert.equal(print(again.resource, again.decimals), print(resource, decimals));
        },
      ),
      { numRuns: runsOf(1000) },
    );
  });
});

describe('writing XML', () => {
  const rows: [string, string, string | undefined][] = [
    ['a positive control', '{"resourceType":"Patient","id":"a"}', undefined],
    ['an unknown property', '{"resourceType":"Patient","name":[{"colour":1}]}', 'Patient.name[0]'],
    ['__proto__', '{"resourceType":"Patient","__proto__":{}}', 'Patient'],
    ['resourceType of a data type', '{"resourceType":"Patient","name":[{"resourceType":"a"}]}', 'Patient.name[0]'],
    [
      'an unknown resource type',
      '{"resourceType":"Patient","contained":[{"resourceType":"X"}]}',
      'Patient.contained[0]',
    ],
    ['an object for a primitive', '{"resourceType":"Patient","gender":{}}', 'Patient.gender'],
    ['a primitive for an object', '{"resourceType":"Patient","name":["a"]}', 'Patient.name[0]'],
    ['a value for an array', '{"resourceType":"Patient","name":{}}', 'Patient.name'],
    ['null', '{"resourceType":"Patient","gender":null}', 'Patient.gender'],
    ['an id with a sibling', '{"resourceType":"Patient","name":[{"id":"a","_id":{"id":"b"}}]}', 'Patient.name[0].id'],
    ['a character that XML does not have', '{"resourceType":"Patient","id":"\uFFFE"}', 'Patient'],
    [
      'a div that is not well-formed',
      '{"resourceType":"Patient","text":{"div":"<div>&nbsp;</div>"}}',
      'Patient.text.div',
    ],
    [
      'a div that closes what is around it',
      '{"resourceType":"Patient","text":{"div":"<div/></text><id/>"}}',
      'Patient.text.div',
    ],
    ['a deep div', `{"resourceType":"Patient","text":{"div":"${'<div>'.repeat(1e6)}"}}`, 'Patient.text.div'],
    [
      'a div with a sibling',
      `{"resourceType":"Patient","text":{"div":${JSON.stringify(`<div ${XHTML}/>`)},"_div":{"id":"a"}}}`,
      'Patient.text.div',
    ],
    [
      'a div with other vocabularies',
      '{"resourceType":"Patient","text":{"div":"<div><svg xmlns=\\"http://www.w3.org/2000/svg\\"/></div>"}}',
      'Patient.text.div',
    ],
    ['text for a div', '{"resourceType":"Patient","text":{"div":"a"}}', 'Patient.text.div'],
    [
      'a div with a document type',
      '{"resourceType":"Patient","text":{"div":"<!DOCTYPE a><div/>"}}',
      'Patient.text.div',
    ],
  ];
  for (const [name, json, path] of rows)
    it(path === undefined ? `writes ${name}` : `answers 406 and points to JSON for ${name}`, () => {
      const fault = faultOf(() => toXml(json));
      assert.equal(fault?.issues[0]?.expression, path);
      if (path !== undefined) {
        assert.equal(fault?.status, 406);
        assert.match(fault?.message ?? '', /Ask for application\/fhir\+json/);
      }
    });
});
