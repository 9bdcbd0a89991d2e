/** Parameters of operations, from URL and body, against their definition: https://hl7.org/fhir/R4/operations.html#request */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { FhirError } from '../../../../src/fhir/error.js';
import type { Json, Resource } from '../../../../src/fhir/resource.js';
import type { Engine } from '../../../../src/interactions/engine.js';
import type { Of, Parameters } from '../../../../src/interactions/interaction.js';
import { composeOperations } from '../../../../src/interactions/operations/index.js';
import { readGiven } from '../../../../src/interactions/operations/parameters.js';

const parameter = (name: string, min: number, max: string, type?: string) => ({
  name,
  use: 'in',
  min,
  max,
  ...(type === undefined ? {} : { type }),
});
const DEFINITION: Resource = {
  resourceType: 'OperationDefinition',
  id: 'try',
  code: 'try',
  affectsState: false,
  system: true,
  type: false,
  instance: true,
  resource: ['Patient'],
  parameter: [
    parameter('word', 0, '2', 'string'),
    parameter('kind', 0, '1', 'code'),
    parameter('count', 0, '1', 'positiveInt'),
    parameter('from', 0, '1', 'date'),
    parameter('sure', 0, '1', 'boolean'),
    parameter('labels', 0, '1', 'Meta'),
    parameter('resource', 0, '1', 'Resource'),
    parameter('group', 0, '*'),
    { ...parameter('return', 1, '1', 'Bundle'), use: 'out' },
  ],
};
const NEEDY: Resource = {
  ...DEFINITION,
  code: 'needy',
  affectsState: true,
  parameter: [parameter('it', 1, '1', 'uri')],
};
const WHOLE: Resource = { ...DEFINITION, code: 'whole', parameter: [parameter('labels', 1, '1', 'Meta')] };
const SPAN: Resource = {
  ...DEFINITION,
  code: 'span',
  parameter: [parameter('start', 0, '1', 'dateTime'), parameter('end', 0, '1', 'dateTime')],
};
const implementation = { run: () => assert.fail('not run') } as const;
const operations = composeOperations(
  { try: implementation, needy: implementation, whole: implementation, span: implementation },
  [DEFINITION, NEEDY, WHOLE, SPAN],
);
const engine = { operations } as unknown as Engine;

const ask = (
  operation: string,
  parameters: Parameters,
  body: Resource | undefined,
  lenient: boolean,
): Of<'operation'> => ({
  kind: 'operation',
  operation,
  safe: body === undefined,
  parameters,
  lenient,
  ...(body ? { body: { resource: body, decimals: undefined } } : {}),
});
const sent = (...list: Json[]): Resource => ({ resourceType: 'Parameters', parameter: list });
const read = (url: string, body?: Resource, { operation = 'try', lenient = false } = {}) =>
  readGiven(engine, ask(operation, [...new URLSearchParams(url)], body, lenient));
const values = (url: string, body?: Resource) => read(url, body).given.map(({ name, value }) => [name, value]);

describe('parameters of an operation', () => {
  it('come from the URL, then from the body', () => {
    const body = sent({ name: 'word', valueString: 'b' }, { name: 'labels', valueMeta: { tag: [] } });
    assert.deepEqual(values('word=a', body), [
      ['word', 'a'],
      ['word', 'b'],
      ['labels', { tag: [] }],
    ]);
  });

  it('may come as another primitive type that says the same', () => {
    const body = sent(
      { name: 'kind', valueString: 'x' },
      { name: 'count', valueInteger: 3 },
      { name: 'sure', valueBoolean: true },
    );
    assert.deepEqual(values('', body), [
      ['kind', 'x'],
      ['count', '3'],
      ['sure', 'true'],
    ]);
  });

  it('may be one resource alone in the body, or have parts', () => {
    const patient: Resource = { resourceType: 'Patient', id: 'p' };
    assert.deepEqual(values('', patient), [['resource', patient]]);
    assert.deepEqual(values('', sent({ name: 'resource', resource: patient })), [['resource', patient]]);
    const group = { name: 'group', part: [{ name: 'x', valueCode: 'y' }] };
    assert.deepEqual(values('', sent(group)), [['group', group]]);
  });

  const refused: [what: string, url: string, body: Resource | undefined, expression: string, operation?: string][] = [
    ['a name that is not known, in the URL', 'nothing=1', undefined, 'http.nothing'],
    [
      'a name that is not known, in the body',
      '',
      sent({ name: 'word', valueString: 'a' }, { name: 'x', valueCode: 'y' }),
      'Parameters.parameter[1]',
    ],
    ['what it only answers', 'return=1', undefined, 'http.return'],
    ['one too many', 'kind=a&kind=b', undefined, 'http.kind'],
    [
      'one too many, in the body',
      'word=a',
      sent({ name: 'word', valueString: 'b' }, { name: 'word', valueString: 'c' }),
      'Parameters.parameter[1]',
    ],
    ['too few', '', undefined, 'Parameters.parameter', 'needy'],
    ['an empty value', 'word=', undefined, 'http.word'],
    ['a code with blanks around it', 'kind=+a', undefined, 'http.kind'],
    ['a count of nothing', 'count=0', undefined, 'http.count'],
    ['a count with a sign', 'count=-1', undefined, 'http.count'],
    ['a date that is none', 'from=never', undefined, 'http.from'],
    ['a truth that is none', 'sure=yes', undefined, 'http.sure'],
    ['an object in a URL', 'labels=a', undefined, 'http.labels'],
    ['parts in a URL', 'group=a', undefined, 'http.group'],
    ['a text for an object', '', sent({ name: 'labels', valueString: 'a' }), 'Parameters.parameter[0]'],
    ['an object for a text', '', sent({ name: 'word', valueMeta: {} }), 'Parameters.parameter[0]'],
    ['no value', '', sent({ name: 'word' }), 'Parameters.parameter[0]'],
    ['another resource where none is taken', '', { resourceType: 'Patient' }, 'resourceType', 'needy'],
  ];
  for (const [what, url, body, expression, operation] of refused)
    it(`refuse ${what}, and say where it is`, () =>
      assert.throws(
        () => read(url, body, operation === undefined ? {} : { operation }),
        (error: unknown) =>
          error instanceof FhirError && error.status === 400 && error.issues[0]?.expression === expression,
      ));

  it('that are not known are passed over with a warning where the client asks for it and nothing is changed', () => {
    const body = sent({ name: 'x', valueCode: 'y' });
    const { given, ignored } = read('word=a&nothing=1', body, { lenient: true });
    assert.deepEqual(
      given.map(({ name }) => name),
      ['word'],
    );
    assert.deepEqual(
      ignored.map(({ severity }) => severity),
      ['warning', 'warning'],
    );
    assert.throws(() => read('it=urn:x&nothing=1', undefined, { operation: 'needy', lenient: true }), FhirError);
  });

  it('say how it is asked: by GET only where it changes nothing and all that it needs fits into a URL', () => {
    assert.deepEqual(operations.get('try')?.methods, ['GET', 'POST']);
    assert.deepEqual(operations.get('needy')?.methods, ['POST']);
    assert.deepEqual(operations.get('whole')?.methods, ['POST']);
    assert.deepEqual(operations.get('needy')?.effect, 'changes');
    assert.deepEqual(operations.get('try')?.levels, ['system', 'instance']);
    assert.deepEqual(operations.get('try')?.types, ['Patient']);
  });

  it('cannot be read where there is no definition', () =>
    assert.throws(() => composeOperations({ other: implementation }, [DEFINITION]), /no OperationDefinition/));

  it('have no time that ends before it begins, in any operation', () => {
    const span = (url: string, body?: Resource) => read(url, body, { operation: 'span' }).given.length;
    for (const url of ['start=2026&end=2026-01', 'start=2026-01-02&end=2026-01-02', 'start=2030', 'end=1900'])
      assert.ok(span(url) > 0, url);
    const end = { name: 'end', valueDateTime: '2025-12-31' };
    for (const [url, body, at] of [
      ['start=2026-01-02&end=2026-01-01', undefined, 'http.end'],
      ['start=2026-01-01T10:00:00Z&end=2026-01-01T09:59:59Z', undefined, 'http.end'],
      ['', sent({ name: 'start', valueDateTime: '2026' }, end), 'Parameters.parameter[1]'],
    ] as const)
      assert.throws(
        () => span(url, body),
        (error: unknown) =>
          error instanceof FhirError && error.issues[0]?.expression === at && /before start/.test(error.message),
      );
  });
});
