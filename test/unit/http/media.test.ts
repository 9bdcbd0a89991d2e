/** https://hl7.org/fhir/R4/http.html#mime-type */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { FhirError } from '../../../src/fhir/error.js';
import { fileEnding, isMediaType, wantedForm } from '../../../src/fhir/media-type.js';
import { bodyFormat, contentTypes, notAcceptable, responseFormat } from '../../../src/http/media.js';

const refused = (kind: string) => (error: unknown) => error instanceof FhirError && error.kind === kind;

describe('content negotiation', () => {
  const answers: [accept: string | undefined, format: string | undefined, expected: 'json' | 'xml'][] = [
    [undefined, undefined, 'json'],
    ['', undefined, 'json'],
    ['*/*', undefined, 'json'],
    ['application/fhir+xml', undefined, 'xml'],
    ['application/fhir+json', 'xml', 'xml'],
    ['text/html,application/xhtml+xml,*/*;q=0.8', undefined, 'json'],
    ['application/fhir+json;q=0.5, application/fhir+xml;q=0.9', undefined, 'xml'],
    ['application/fhir+json;q=0, application/fhir+xml', undefined, 'xml'],
    ['application/fhir+xml; fhirVersion=4.0', undefined, 'xml'],
    ['application/fhir+json; fhirVersion="4.0.1"', undefined, 'json'],
    ['application/fhir+xml; fhirVersion=5.0, application/fhir+json', undefined, 'json'],
    ['text/turtle, application/xml;q=0.1', undefined, 'xml'],
    ['text/plain', 'application/fhir json', 'json'],
    ['APPLICATION/FHIR+XML', undefined, 'xml'],
  ];
  for (const [accept, format, expected] of answers)
    it(`answers ${expected} to Accept ${accept} and _format ${format}`, () =>
      assert.equal(responseFormat(accept, format), expected));

  const unacceptable: [accept: string | undefined, format: string | undefined][] = [
    ['text/turtle', undefined],
    ['application/pdf', undefined],
    ['application/fhir+json; fhirVersion=3.0', undefined],
    ['*/*', 'ttl'],
    ['*/*', ''],
    ['constructor', undefined],
    ['*/*', 'toString'],
    ['application/fhir+json;q=0', undefined],
  ];
  for (const [accept, format] of unacceptable)
    it(`refuses Accept ${accept} and _format ${format} with 406`, () => {
      assert.equal(responseFormat(accept, format), undefined);
      const { kind, issues } = notAcceptable(format);
      assert.deepEqual(
        [kind, issues[0]?.expression],
        ['not-acceptable', format === undefined ? 'http.Accept' : 'http._format'],
      );
    });

  it('knows the formats of bodies', () => {
    assert.equal(bodyFormat('application/fhir+json; charset=UTF-8'), 'json');
    assert.equal(bodyFormat('text/xml'), 'xml');
    for (const other of ['application/pdf', 'json', 'constructor', '', undefined])
      assert.equal(bodyFormat(other), undefined);
    assert.throws(() => bodyFormat('application/fhir+json; charset=latin1'), refused('unsupported-media-type'));
    assert.throws(() => bodyFormat('application/fhir+json; fhirVersion=3.0'), refused('unsupported-media-type'));
  });

  it('gives a Binary as the bytes or the resource that Accept asks for', () => {
    const rows: [accept: string | undefined, stored: string, form: 'content' | 'resource' | 'neither'][] = [
      [undefined, 'application/pdf', 'content'],
      ['*/*', 'application/json', 'content'],
      ['application/pdf', 'application/pdf; version=1', 'content'],
      ['application/pdf', 'Application/PDF', 'content'],
      ['image/*', 'image/png', 'content'],
      ['image/*', 'application/pdf', 'neither'],
      ['application/octet-stream', 'application/pdf', 'neither'],
      ['application/pdf;q=0', 'application/pdf', 'neither'],
      ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'application/pdf', 'content'],
      ['image/png, application/fhir+json', 'application/pdf', 'resource'],
      ['image/png, application/fhir+json', 'image/png', 'content'],
      ['application/fhir+json;q=0.5, application/pdf', 'application/pdf', 'content'],
      ['application/fhir+json, application/pdf', 'application/pdf', 'resource'],
      ['application/fhir+xml', 'application/fhir+xml', 'resource'],
      ['application/json', 'application/json', 'content'],
      ['application/json', 'application/pdf', 'resource'],
      ['application/json, text/plain, */*', 'application/pdf', 'resource'],
      ['text/json', 'text/json', 'content'],
      ['application/xml', 'application/xml', 'content'],
      ['application/xml', 'text/xml', 'content'],
      ['text/xml', 'application/xml; charset=utf-8', 'content'],
      ['text/xml', 'application/pdf', 'resource'],
    ];
    for (const [accept, stored, form] of rows) {
      const types = contentTypes(accept, undefined);
      const given = types ? (wantedForm(types, stored) ?? 'neither') : 'resource';
      assert.equal(given, form, `${accept} of ${stored}`);
    }
    assert.equal(contentTypes('*/*', 'json'), undefined);
  });

  it('ends the name of a file as its type says', () => {
    for (const [type, ending] of [
      ['application/pdf', 'pdf'],
      ['Text/XML; charset=utf-8', 'xml'],
      ['application/hl7-cda+xml', 'xml'],
      ['application/vnd.some+json', 'json'],
      ['application/x-unknown', 'bin'],
      ['constructor', 'bin'],
    ] as const)
      assert.equal(fileEnding(type), ending, type);
    assert.ok(isMediaType('application/dicom') && fileEnding('application/dicom') === 'dcm');
  });
});
