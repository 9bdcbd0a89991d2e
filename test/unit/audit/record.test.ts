/** What is filled into a remembered shape is what would have been made anew. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { auditEvent, type AuditPattern, type AuditRecord } from '../../../src/audit/event.js';
import { createRecorder } from '../../../src/audit/record.js';
import { loadDefinitions } from '../../../src/fhir/definitions.js';
import { extract } from '../../../src/search/extract.js';
import { createSearchParameters } from '../../../src/search/parameters.js';

const bases = ['http://localhost:8080/fhir'];
const parameters = createSearchParameters(loadDefinitions());
const record = createRecorder(parameters, bases);

const id = fc.stringMatching(/^[A-Za-z0-9.-]{1,64}$/);
const data = fc.record(
  { type: fc.constantFrom('Patient', 'Observation', 'Binary'), id, version: fc.integer({ min: 1, max: 1_000_000 }) },
  { requiredKeys: ['type', 'id'] },
);
const unpatterned: fc.Arbitrary<Omit<AuditRecord, 'pattern'>> = fc.record(
  {
    interaction: fc.constantFrom(
      'read',
      'vread',
      'create',
      'update',
      'delete',
      'search-type',
      'search-system',
      'history-type',
    ),
    at: fc.integer({ min: 1.5e12, max: 2e12 }),
    outcome: fc.constantFrom('0', '4', '8', '12'),
    why: fc.constantFrom('forbidden', 'not-found'),
    principal: fc.constantFrom(
      { role: 'admin' },
      { name: 'clerk "1"\u00e9', role: 'writer' },
      { name: 'b', role: 'reader' },
      {
        name: 'i|s',
        role: 'reader',
        issuer: 'https://id.example.org',
        subject: 's',
        client: 'app',
        tokenId: 'a~b "1"',
      },
      { name: 'i|s', role: 'reader', issuer: 'https://id.example.org', subject: 's', tokenId: 'c', purpose: 'TREAT' },
    ),
    agent: fc.constantFrom(undefined, 'welcome', 'reports'),
    subtype: fc.constantFrom(
      undefined,
      { system: 'urn:ihe:event-type-code', code: 'ITI-65', display: 'Provide "it"' },
      { system: 'urn:ihe:event-type-code', code: 'ITI-67', display: 'Find\u2028it' },
    ),
    address: fc.constantFrom('127.0.0.1', '::1', 'FE80::1', 'unknown'),
    requestId: fc.stringMatching(/^[\w.:-]{1,64}$/),
    base: fc.constant('http://localhost:8080/fhir'),
    request: fc.string({ maxLength: 200 }),
    data,
    patients: fc.uniqueArray(id, { maxLength: 3 }),
  },
  {
    requiredKeys: ['interaction', 'at', 'outcome', 'principal', 'address', 'requestId', 'base', 'request', 'patients'],
  },
) as fc.Arbitrary<Omit<AuditRecord, 'pattern'>>;
const PATTERN: Readonly<Record<string, AuditPattern>> = {
  read: 'read',
  vread: 'read',
  create: 'create',
  update: 'update',
  delete: 'delete',
  'history-type': 'history',
};
const deeds: fc.Arbitrary<AuditRecord> = unpatterned.map(deed => ({
  ...deed,
  pattern: PATTERN[deed.interaction] ?? 'query',
}));

/** What could end a string, an object, a line, or be half of a character. */
const HOSTILE = [
  '"',
  '\\',
  '\\"',
  '","outcome":"0","x":"',
  '"}],"entity":[],"agent":[{"name":"',
  '\u0000',
  '\n\r\t\u001f\u007f',
  '\u2028\u2029',
  '\ud800',
  '\udc00\ud800',
  '\u{1f600}',
  '$&$1$`',
  '</script>',
  '__proto__',
  '',
];

const asSet = (entries: readonly unknown[]) => [...new Set(entries.map(entry => JSON.stringify(entry)))].toSorted();

describe('recording', () => {
  it('gives one change per patient, or one without any', () => {
    const deed: AuditRecord = {
      interaction: 'search-type',
      pattern: 'query',
      at: 1.7e12,
      outcome: '0',
      principal: { role: 'admin' },
      address: '::1',
      requestId: 'r',
      base: bases[0]!,
      request: 'GET /fhir/Observation',
      patients: ['a', 'b', 'c'],
    };
    assert.deepEqual(
      record(deed).map(change => change.patients),
      [['a'], ['b'], ['c']],
    );
    assert.deepEqual(
      record({ ...deed, patients: [] }).map(change => change.patients),
      [[]],
    );
  });

  const ordinary: AuditRecord = {
    interaction: 'read',
    pattern: 'read',
    at: 1.7e12,
    outcome: '0',
    principal: { name: 'clerk', role: 'writer' },
    address: '127.0.0.1',
    requestId: 'r',
    base: bases[0]!,
    request: 'GET /fhir/Patient/1',
    data: { type: 'Patient', id: '1', version: 3 },
    patients: ['1'],
  };
  const slots: Readonly<Record<string, (value: string) => Partial<AuditRecord>>> = {
    'the address': address => ({ address }),
    'the user': name => ({ principal: { name, role: 'reader' } }),
    'the request id': requestId => ({ requestId }),
    'the request': request =>
      ({ request, interaction: 'search-type', pattern: 'query', data: undefined }) as unknown as Partial<AuditRecord>,
    'the id of what was touched': value => ({ data: { type: 'Patient', id: value, version: 3 } }),
    'the id of a patient': value => ({ patients: [value] }),
    'the refusal': refusal => ({ outcome: '4', refusal }),
  };
  for (const [slot, having] of Object.entries(slots))
    it(`lets no value of ${slot} out of its place`, () => {
      for (const hostile of HOSTILE)
        for (const deed of [having(hostile), having(`a${hostile}b`), having('ordinary')].map(part => ({
          ...ordinary,
          ...part,
        }))) {
          // A recorder that knows the shape, and one that does not.
          for (const recorder of [record, createRecorder(parameters, bases)]) {
            const [change] = recorder(deed);
            const event = auditEvent(deed, deed.patients[0], change!.id);
            assert.equal(change!.text!.toString(), JSON.stringify(event));
          }
        }
    });

  it('equals making the event and extracting its entries', () => {
    fc.assert(
      fc.property(deeds, deed => {
        record(deed).forEach((change, i) => {
          const event = auditEvent(deed, deed.patients[i], change.id);
          assert.deepEqual(JSON.parse(change.text!.toString()), event);
          assert.equal(change.text!.toString(), JSON.stringify(event));
          assert.deepEqual(asSet(change.entries), asSet(extract(event, parameters, { bases })));
        });
      }),
      { numRuns: 1500 },
    );
  });
});
