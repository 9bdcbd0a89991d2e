/** What is a FHIR Binary among JSON and XML, told by its first bytes: https://hl7.org/fhir/R4/binary.html#rest */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { isFhirBinary, SNIFFED } from '../../../src/http/sniff.js';

const LONG = 'A'.repeat(SNIFFED);

describe('a body of ordinary JSON or XML', () => {
  for (const text of [
    '<Binary xmlns="http://hl7.org/fhir"/>',
    "<Binary\n  xmlns = 'http://hl7.org/fhir'><contentType/></Binary>",
    '<?xml version="1.0"?><!-- <a> --><?pi ?>\n <Binary xmlns="http://hl7.org/fhir">',
    '\uFEFF<Binary xmlns="http://hl7.org/fhir">',
    '<f:Binary xmlns:f="http://hl7.org/fhir">',
    '<a.b:Binary xmlns:x="urn:x" xmlns:a.b="http://hl7.org/fhir">',
    `<Binary xmlns="http://hl7.org/fhir"><data value="${LONG}"/>`,
  ])
    it(`is a Binary: ${text.slice(0, 60)}`, () => assert.ok(isFhirBinary('xml', Buffer.from(text))));

  for (const text of [
    '',
    ' ',
    'Binary',
    '<',
    '<Binary/>',
    '<Binary xmlns="urn:hl7-org:v3"/>',
    '<ClinicalDocument xmlns="urn:hl7-org:v3"/>',
    '<Patient xmlns="http://hl7.org/fhir"/>',
    '<BinaryX xmlns="http://hl7.org/fhir"/>',
    '<xBinary xmlns="http://hl7.org/fhir"/>',
    '<f:Binary xmlns="http://hl7.org/fhir"/>',
    '<Binary xmlns:f="http://hl7.org/fhir"/>',
    '<Binary xmlns="http://hl7.org/fhir',
    '<a><Binary xmlns="http://hl7.org/fhir"/></a>',
    '<!-- <Binary xmlns="http://hl7.org/fhir"/>',
    '<!-- <Binary xmlns="http://hl7.org/fhir"/> --><a/>',
    '<!DOCTYPE a><Binary xmlns="http://hl7.org/fhir"/>',
    `<!--${LONG}--><Binary xmlns="http://hl7.org/fhir"/>`,
    '{"resourceType":"Binary"}',
  ])
    it(`is content: ${text.slice(0, 60)}`, () => assert.ok(!isFhirBinary('xml', Buffer.from(text))));

  it('in another encoding than UTF-8 is content', () =>
    assert.ok(!isFhirBinary('xml', Buffer.from('\uFEFF<Binary xmlns="http://hl7.org/fhir"/>', 'utf16le'))));

  for (const text of [
    '{"resourceType":"Binary"}',
    ' \n{ "id" : "a\\"}", "meta":{"tag":[{"code":"}]"}]}, "x":[1,2,{"y":"]"}], "n":-1.5e3, "b":true , "resourceType" : "Binary"',
    '\uFEFF{"resourceType":"Binary"',
    '{"contentType":"a/b","data":"QQ==","id":"x","resourceType":"Binary"}',
    `{"contentType":"a/b","data":"${LONG}","resourceType":"Binary"}`,
  ])
    it(`is a Binary: ${text.slice(0, 60)}`, () => assert.ok(isFhirBinary('json', Buffer.from(text))));

  for (const text of [
    '',
    'null',
    '[]',
    '[{"resourceType":"Binary"}]',
    '"Binary"',
    '{}',
    '{"a":{"resourceType":"Binary"}}',
    '{"a":"\\"resourceType\\":\\"Binary\\""}',
    '{"resourceType":"Patient"}',
    '{"resourceType":"BinaryX"}',
    '{"resourceType":["Binary"]}',
    '{"resourcetype":"Binary"}',
    '{"data":"QQ=="}',
    `{"name":"x","data":"${LONG}"`,
    `{"data":["${LONG}"`,
    `{"items":"${LONG}"`,
    '{resourceType:"Binary"}',
    `${' '.repeat(300)}{"a":1}`,
    '<Binary xmlns="http://hl7.org/fhir"/>',
  ])
    it(`is content: ${text.slice(0, 60)}`, () => assert.ok(!isFhirBinary('json', Buffer.from(text))));
});
