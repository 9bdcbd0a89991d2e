/** FHIRPath Patch on the document itself: https://hl7.org/fhir/R4/fhirpatch.html */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { loadDefinitions } from '../../../../src/fhir/definitions.js';
import { FhirError } from '../../../../src/fhir/error.js';
import { locate } from '../../../../src/fhir/patch/fhirpath-location.js';
import { applyFhirPathPatch } from '../../../../src/fhir/patch/fhirpath-patch.js';
import { parseAnyJson } from '../../../../src/fhir/json/json.js';
import { print } from '../../../../src/fhir/json/print.js';
import type { Json } from '../../../../src/fhir/resource.js';
import { runsOf } from '../../../support/depth.js';

const definitions = loadDefinitions();
const read = (text: string) => parseAnyJson(Buffer.from(text), { maxDepth: 64 });

/** An operation in few words: `value` and the rest of its parts as JSON text, so that digits count. */
function operation(type: string, path: string, ...parts: readonly string[]): string {
  const first = `{"name":"type","valueCode":"${type}"},{"name":"path","valueString":${JSON.stringify(path)}}`;
  return `{"name":"operation","part":[${[first, ...parts].join()}]}`;
}
const named = (name: string) => `{"name":"name","valueString":"${name}"}`;
const integer = (name: string, value: number) => `{"name":"${name}","valueInteger":${value}}`;
const value = (type: string, json: string) => `{"name":"value","value${type}":${json}}`;
const parts = (...inner: readonly string[]) => `{"name":"value","part":[${inner.join()}]}`;

const parametersOf = (operations: readonly string[]) =>
  read(`{"resourceType":"Parameters","parameter":[${operations.join()}]}`);

async function patched(document: string, ...operations: readonly string[]): Promise<string> {
  const result = await applyFhirPathPatch(read(document), parametersOf(operations), definitions);
  return print(result.value, result.decimals);
}

async function refusalOf(run: () => Promise<unknown>): Promise<string> {
  try {
    await run();
  } catch (error) {
    assert.ok(error instanceof FhirError, String(error));
    return `${error.status} ${error.issues[0]?.detail}`;
  }
  return 'accepted';
}

const PATIENT =
  '{"resourceType":"Patient","name":[{"family":"A","given":["x","y",null],"_given":[null,{"id":"g"},{"id":"h"}]},{"given":["z"]}],"birthDate":"2000-01-01","_birthDate":{"id":"b"},"deceasedBoolean":true}';
const OBSERVATION =
  '{"resourceType":"Observation","status":"final","code":{"text":"c"},"valueQuantity":{"value":1.00,"unit":"kg"},"component":[{"code":{"text":"a"},"valueQuantity":{"value":2.50}},{"code":{"text":"b"},"valueQuantity":{"value":3.0}}],"extension":[{"url":"http://a.example","valueDecimal":1.10}]}';

describe('FHIRPath Patch', () => {
  const rows: [string, string, string[], string][] = [
    [
      'an element of a list',
      PATIENT,
      [operation('delete', 'Patient.name[1]')],
      PATIENT.replace(',{"given":["z"]}', ''),
    ],
    [
      'a primitive with what stands beside it',
      PATIENT,
      [operation('delete', 'Patient.birthDate')],
      PATIENT.replace('"birthDate":"2000-01-01","_birthDate":{"id":"b"},', ''),
    ],
    [
      'an item of a list of primitives: both arrays stay in step',
      PATIENT,
      [operation('delete', 'Patient.name[0].given[0]')],
      PATIENT.replace('["x","y",null],"_given":[null,', '["y",null],"_given":['),
    ],
    [
      'an item without a value, and its neighbour moves',
      PATIENT,
      [
        operation('delete', 'Patient.name[0].given[2]'),
        operation('move', 'Patient.name[0].given', integer('source', 1), integer('destination', 0)),
      ],
      PATIENT.replace('["x","y",null],"_given":[null,{"id":"g"},{"id":"h"}]', '["y","x"],"_given":[{"id":"g"},null]'),
    ],
    [
      'the last thing beside a primitive',
      PATIENT,
      [operation('delete', 'Patient.birthDate.id')],
      PATIENT.replace(',"_birthDate":{"id":"b"}', ''),
    ],
    [
      'what a path chooses by a condition',
      PATIENT,
      [operation('replace', "Patient.name.where(family = 'A').given.first()", value('String', '"new"'))],
      PATIENT.replace('"x"', '"new"'),
    ],
    [
      'a primitive, whose extensions go with it',
      PATIENT,
      [operation('replace', 'Patient.birthDate', value('Date', '"1999"'))],
      PATIENT.replace('"birthDate":"2000-01-01","_birthDate":{"id":"b"}', '"birthDate":"1999"'),
    ],
    [
      'a primitive by one that has an extension',
      PATIENT,
      [operation('replace', 'Patient.birthDate', '{"name":"value","valueDate":"1999","_valueDate":{"id":"n"}}')],
      PATIENT.replace('"2000-01-01","_birthDate":{"id":"b"}', '"1999","_birthDate":{"id":"n"}'),
    ],
    [
      'beside a primitive that has nothing there',
      PATIENT,
      [
        operation(
          'add',
          'Patient.name[0].given[0]',
          named('extension'),
          value('Extension', '{"url":"http://a.example","valueDecimal":1.50}'),
        ),
      ],
      PATIENT.replace('"_given":[null,', '"_given":[{"extension":[{"url":"http://a.example","valueDecimal":1.50}]},'),
    ],
    [
      'a choice by its element: the type is that of the value',
      '{"resourceType":"Observation"}',
      [operation('add', 'Observation', named('value'), value('Quantity', '{"value":1.0}'))],
      '{"resourceType":"Observation","valueQuantity":{"value":1.0}}',
    ],
    [
      'a choice by its property',
      '{"resourceType":"Observation"}',
      [operation('add', 'Observation', named('valueString'), value('String', '"a"'))],
      '{"resourceType":"Observation","valueString":"a"}',
    ],
    [
      'a choice by one of another type',
      OBSERVATION,
      [operation('replace', 'Observation.value', value('String', '"a"'))],
      `${OBSERVATION.replace('"valueQuantity":{"value":1.00,"unit":"kg"},', '').slice(0, -1)},"valueString":"a"}`,
    ],
    [
      'digits, in place, moved and given',
      OBSERVATION,
      [
        operation('move', 'Observation.component', integer('source', 1), integer('destination', 0)),
        operation('replace', 'Observation.component[1].value.value', value('Decimal', '9.90')),
      ],
      OBSERVATION.replace(
        /"component":.*\}\],"ext/,
        '"component":[{"code":{"text":"b"},"valueQuantity":{"value":3.0}},{"code":{"text":"a"},"valueQuantity":{"value":9.90}}],"ext',
      ),
    ],
    [
      'where a decimal is compared by its value',
      OBSERVATION,
      [operation('delete', 'Observation.component.where(value.value = 2.5)')],
      OBSERVATION.replace('{"code":{"text":"a"},"valueQuantity":{"value":2.50}},', ''),
    ],
    [
      'an extension by its url',
      OBSERVATION,
      [operation('replace', "Observation.extension('http://a.example').value", value('Decimal', '2.20'))],
      OBSERVATION.replace('1.10', '2.20'),
    ],
    [
      'anonymous types, nested, with lists and choices',
      '{"resourceType":"Observation"}',
      [
        operation(
          'add',
          'Observation',
          named('component'),
          parts(
            '{"name":"code","valueCodeableConcept":{"text":"a"}}',
            '{"name":"value","valueQuantity":{"value":1.50}}',
            '{"name":"referenceRange","part":[{"name":"text","valueString":"r"}]}',
            '{"name":"referenceRange","part":[{"name":"text","valueString":"s"}]}',
          ),
        ),
      ],
      '{"resourceType":"Observation","component":[{"code":{"text":"a"},"valueQuantity":{"value":1.50},"referenceRange":[{"text":"r"},{"text":"s"}]}]}',
    ],
    [
      'a resource inside',
      '{"resourceType":"Patient"}',
      [
        operation(
          'add',
          'Patient',
          named('contained'),
          '{"name":"value","resource":{"resourceType":"Organization","id":"o"}}',
        ),
        operation('add', 'Patient.contained[0]', named('name'), value('String', '"O"')),
      ],
      '{"resourceType":"Patient","contained":[{"resourceType":"Organization","id":"o","name":"O"}]}',
    ],
    [
      'an item at the end of a list',
      PATIENT,
      [operation('insert', 'Patient.name[1].given', integer('index', 1), value('String', '"last"'))],
      PATIENT.replace('["z"]', '["z","last"]'),
    ],
    [
      'a narrative, whose div is no operator here',
      '{"resourceType":"Patient","text":{"status":"generated","div":"<div/>"}}',
      [operation('replace', "Patient.text.where(status != ' .div ').div", value('String', '"<div>a</div>"'))],
      '{"resourceType":"Patient","text":{"status":"generated","div":"<div>a</div>"}}',
    ],
    ['nothing, which is no error to delete', PATIENT, [operation('delete', 'Patient.gender')], PATIENT],
    [
      'an element, and what becomes empty by it',
      '{"resourceType":"Patient","contact":[{"name":{"text":"a"}}]}',
      [operation('delete', 'Patient.contact.name.text')],
      '{"resourceType":"Patient"}',
    ],
  ];
  for (const [title, document, operations, expected] of rows)
    it(`changes ${title}`, async () => assert.equal(await patched(document, ...operations), expected));

  const text = value('String', '"a"');
  const refused: [string, string, string, string][] = [
    ['a positive control', PATIENT, operation('add', 'Patient.name[1]', named('family'), text), 'accepted'],
    ['an unknown type', PATIENT, operation('upsert', 'Patient'), '400 patch-malformed'],
    ['a type of Object.prototype', PATIENT, operation('constructor', 'Patient'), '400 patch-malformed'],
    ['another name than operation', PATIENT, '{"name":"op","part":[]}', '400 patch-malformed'],
    ['no parts', PATIENT, '{"name":"operation"}', '400 patch-malformed'],
    ['no path', PATIENT, '{"name":"operation","part":[{"name":"type","valueCode":"delete"}]}', '400 patch-malformed'],
    [
      'a part twice',
      PATIENT,
      operation('delete', 'Patient.name[0]', '{"name":"path","valueString":"Patient"}'),
      '400 patch-malformed',
    ],
    [
      'a part that does not belong there',
      PATIENT,
      operation('delete', 'Patient.name[0]', integer('index', 0)),
      '400 patch-malformed',
    ],
    ['add without a name', PATIENT, operation('add', 'Patient', text), '400 patch-malformed'],
    ['add without a value', PATIENT, operation('add', 'Patient', named('name')), '400 patch-malformed'],
    [
      'a value that is empty',
      PATIENT,
      operation('add', 'Patient', named('contact'), '{"name":"value"}'),
      '400 patch-malformed',
    ],
    [
      'a value with an empty part',
      PATIENT,
      operation('add', 'Patient', named('contact'), parts('{"name":"gender"}')),
      '400 patch-malformed',
    ],
    [
      'an index that is no integer',
      PATIENT,
      operation('insert', 'Patient.name', integer('index', 0.5), text),
      '400 patch-malformed',
    ],
    [
      'an index as a text',
      PATIENT,
      operation('insert', 'Patient.name', '{"name":"index","valueString":"0"}', text),
      '400 patch-malformed',
    ],
    ['a path that is no FHIRPath', PATIENT, operation('delete', 'Patient.name['), '400 patch-malformed'],
    ['an empty path', PATIENT, operation('delete', ''), '400 patch-malformed'],
    [
      'a path that is too long',
      PATIENT,
      operation('delete', `Patient.name${'.first()'.repeat(200)}`),
      '400 patch-malformed',
    ],
    [
      'a regular expression',
      PATIENT,
      operation('delete', "Patient.name.where(family.matches('(a+)+$'))"),
      '400 patch-malformed',
    ],
    [
      'a function behind a comment',
      PATIENT,
      operation('delete', "Patient.name/*'*/.repeat(given)/*'*/"),
      '400 patch-malformed',
    ],
    ['resolve()', PATIENT, operation('delete', 'Patient.link.other.resolve().name'), '400 patch-malformed'],
    ['a variable', PATIENT, operation('delete', '%context.name[0]'), '400 patch-malformed'],
    ['a computed value', PATIENT, operation('replace', 'Patient.name[0].family.lower()', text), '422 patch-path'],
    ['a literal', PATIENT, operation('replace', '1', text), '422 patch-path'],
    ['a path that cannot be evaluated', PATIENT, operation('delete', 'Patient.name.single()'), '422 patch-path'],
    ['a path to nothing', PATIENT, operation('replace', 'Patient.gender', text), '422 patch-path'],
    ['a path from another type', PATIENT, operation('replace', 'Observation.name', text), '422 patch-path'],
    ['a path to several', PATIENT, operation('delete', 'Patient.name'), '422 patch-path'],
    ['add to several', PATIENT, operation('add', 'Patient.name', named('family'), text), '422 patch-path'],
    ['replace of the resource', PATIENT, operation('replace', 'Patient', text), '422 patch-path'],
    ['delete of the resource', PATIENT, operation('delete', 'Patient'), '422 patch-path'],
    [
      'an element that is there',
      PATIENT,
      operation('add', 'Patient.name[0]', named('family'), text),
      '422 patch-present',
    ],
    [
      'a choice that is there, of another type',
      PATIENT,
      operation('add', 'Patient', named('deceased'), value('DateTime', '"2001"')),
      '422 patch-present',
    ],
    ['an unknown element', PATIENT, operation('add', 'Patient', named('colour'), text), '422 patch-element'],
    [
      'an element of Object.prototype',
      PATIENT,
      operation('add', 'Patient', named('__proto__'), text),
      '422 patch-element',
    ],
    [
      'a type that the choice does not have',
      PATIENT,
      operation('add', 'Patient', named('deceased'), value('Quantity', '{}')),
      '422 patch-element',
    ],
    [
      'a choice replaced by such a type',
      PATIENT,
      operation('replace', 'Patient.deceased', value('Quantity', '{}')),
      '422 patch-element',
    ],
    [
      'an unknown element of an anonymous type',
      PATIENT,
      operation('add', 'Patient', named('contact'), parts('{"name":"colour","valueString":"a"}')),
      '422 patch-element',
    ],
    [
      'insert into what is no list',
      PATIENT,
      operation('insert', 'Patient.birthDate', integer('index', 0), text),
      '422 patch-path',
    ],
    [
      'insert into one item of a list',
      PATIENT,
      operation('insert', 'Patient.name[0]', integer('index', 0), text),
      '422 patch-path',
    ],
    [
      'insert into two lists',
      PATIENT,
      operation('insert', 'Patient.name.given', integer('index', 0), text),
      '422 patch-path',
    ],
    [
      'insert behind the end',
      PATIENT,
      operation('insert', 'Patient.name', integer('index', 3), text),
      '422 patch-path',
    ],
    [
      'insert before the start',
      PATIENT,
      operation('insert', 'Patient.name', integer('index', -1), text),
      '422 patch-path',
    ],
    [
      'move from behind the end',
      PATIENT,
      operation('move', 'Patient.name', integer('source', 2), integer('destination', 0)),
      '422 patch-path',
    ],
    [
      'move to behind the end',
      PATIENT,
      operation('move', 'Patient.name', integer('source', 0), integer('destination', 2)),
      '422 patch-path',
    ],
  ];
  for (const [title, document, patch, expected] of refused)
    it(`${title}: ${expected}`, async () => assert.equal(await refusalOf(() => patched(document, patch)), expected));

  it('finds the JSON property of every choice of every resource type', () => {
    let found = 0;
    for (const type of definitions.resourceTypes)
      for (const { name, choice, types } of definitions.types.get(type)!.elements)
        for (const { code } of choice ? types : []) {
          const property = name + code[0]!.toUpperCase() + code.slice(1);
          const item = definitions.types.get(code)?.kind === 'primitive' ? '1' : { id: 'a' };
          assert.deepEqual(
            locate({ resourceType: type, [property]: item }, `${type}.${name}`),
            [[{ property }]],
            property,
          );
          found++;
        }
    assert.ok(found > 150, `${found} choices`);
  });

  it('names the operation in the issue, and nothing of the content', async () => {
    const secret = operation(
      'add',
      "Patient.name.where(family = 'Secret')",
      named('family'),
      value('String', '"Secret"'),
    );
    const run = patched(PATIENT, operation('delete', 'Patient.gender'), secret);
    await assert.rejects(run, (error: FhirError) => {
      assert.equal(error.issues[0]?.expression, 'Parameters.parameter[1]');
      assert.doesNotMatch(JSON.stringify(error.issues), /Secret/);
      return true;
    });
  });

  it('refuses more operations than allowed, and many on a large resource', async () => {
    const many = Array.from({ length: 1001 }, () => operation('delete', 'Patient.gender'));
    assert.equal(await refusalOf(() => patched(PATIENT, ...many)), '400 too-costly');
    const long = Array.from({ length: 110 }, () => operation('delete', `Patient.name${'.first()'.repeat(60)}`));
    assert.equal(await refusalOf(() => patched(PATIENT, ...long)), '400 too-costly');
    const wide = parts(...Array.from({ length: 1001 }, () => '{"name":"telecom","valueContactPoint":{"value":"a"}}'));
    assert.equal(
      await refusalOf(() => patched(PATIENT, operation('add', 'Patient', named('contact'), wide))),
      '400 too-costly',
    );
    const large = JSON.stringify({
      resourceType: 'Patient',
      name: Array.from({ length: 150_000 }, () => ({ text: 'a' })),
    });
    const few = Array.from({ length: 7 }, () => operation('delete', 'Patient.gender'));
    assert.equal(await refusalOf(() => patched(large, ...few)), '400 too-costly');
  });

  it('lets others have their turn between two operations', async () => {
    let turns = 0;
    const again = (): NodeJS.Immediate => setImmediate(() => (turns++, (next = again())));
    let next = again();
    await patched(PATIENT, ...Array.from({ length: 100 }, () => operation('delete', 'Patient.gender')));
    clearImmediate(next);
    assert.ok(turns > 5, `${turns} turns`);
  });

  it('throws nothing but FhirError and leaves its input alone, whatever the parameters', async () => {
    const part = fc.record(
      {
        name: fc.constantFrom('type', 'path', 'name', 'value', 'index', 'source', 'destination', 'x'),
        valueString: fc.constantFrom(
          'Patient',
          'Patient.name',
          'name[0]',
          'given',
          'a',
          '',
          '1',
          'Patient.name.given[1]',
        ),
        valueCode: fc.constantFrom('add', 'delete', 'move', 'replace', 'insert'),
        valueInteger: fc.integer({ min: -1, max: 3 }),
        part: fc.jsonValue({ maxDepth: 2 }),
      },
      { requiredKeys: ['name'] },
    );
    const whole = fc
      .tuple(
        fc.constantFrom('add', 'insert', 'delete', 'replace', 'move'),
        fc.constantFrom(
          'Patient',
          'Patient.name',
          'Patient.name[0]',
          'Patient.name[0].given',
          'Patient.name[0].given[1]',
          'Patient.deceased',
          'Patient.birthDate',
        ),
        fc.constantFrom('name', 'given', 'id', 'extension', 'deceased', 'contact'),
        fc.jsonValue({ maxDepth: 2 }),
      )
      .map(
        ([type, path, name, json]) =>
          JSON.parse(
            operation(
              type,
              path,
              ...(type === 'add' ? [named(name)] : []),
              ...(type === 'insert' ? [integer('index', 1)] : []),
              ...(type === 'move' ? [integer('source', 0), integer('destination', 1)] : []),
              ...(['add', 'insert', 'replace'].includes(type) ? [value('String', JSON.stringify(json))] : []),
            ),
          ) as Json,
      );
    const broken = fc.record({
      name: fc.constant('operation'),
      part: fc.array(part, { maxLength: 4 }),
    }) as fc.Arbitrary<Json>;
    const document = read(PATIENT);
    const before = JSON.stringify(document.value);
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(whole, whole, broken), { maxLength: 3 }), async operations => {
        const parameters = { value: { resourceType: 'Parameters', parameter: operations } };
        const outcome = await refusalOf(() => applyFhirPathPatch(document, parameters, definitions));
        if (outcome === 'accepted') accepted++;
        assert.match(outcome, /^(accepted|400 patch-malformed|422 patch-(path|element|present|depth))$/);
        assert.equal(JSON.stringify(document.value), before);
      }),
      { numRuns: runsOf(150) },
    );
    assert.ok(accepted > runsOf(20), `${accepted} patches were accepted`);
  });
});
