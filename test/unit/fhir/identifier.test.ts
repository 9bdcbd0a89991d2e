/** Which identifier of a person is told; src/fhir/identifier.ts */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { identifierToTell } from '../../../src/fhir/identifier.js';

const ofType = (code: string) => ({
  type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code }] },
});
const MEMBER = { system: 'urn:insurer', value: 'M-1' };
const RECORD = { system: 'urn:hospital', value: 'R-1', ...ofType('MR') };

describe('the identifier that is told', () => {
  it('is the number of the record, and never that of social security, nor an old one', () => {
    const secret = [
      { system: 'http://hl7.org/fhir/sid/us-ssn', value: '999-00-0001' },
      { system: 'urn:oid:2.16.840.1.113883.4.1', value: '999-00-0001' },
      { system: 'urn:state', value: '999-00-0001', ...ofType('SS') },
      { ...RECORD, use: 'old', value: 'R-0' },
      { value: 'without a system' },
    ];
    assert.equal(identifierToTell(secret), undefined);
    assert.deepEqual(identifierToTell([...secret, MEMBER]), MEMBER);
    assert.deepEqual(identifierToTell([...secret, MEMBER, RECORD]), RECORD);
  });
});
