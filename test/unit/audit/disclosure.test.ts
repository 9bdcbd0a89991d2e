/** Disclosures as events of IHE's patterns, and back: https://profiles.ihe.net/ITI/BALP */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { type Disclosure, disclosureEvent, readDisclosure } from '../../../src/audit/disclosure.js';
import type { JsonObject, Resource } from '../../../src/fhir/resource.js';
import { brief, checkerOf, errorsOf, issuesOf, readCore, readPackage } from '../../support/profiles.js';

const WHOLE: Disclosure = {
  ...{ direction: 'given', patient: 'p1', purpose: 'HLEGAL', basis: '164.512(f)(1)' },
  other: { name: 'County Court', reference: 'Organization/court', address: 'tel:+1-555-0100' },
  data: ['DocumentReference/d1/_history/2', 'Observation/o1/_history/1'],
  ...{ description: 'Discharge summary', when: '2026-01', request: 'Task/t1', suspendedUntil: '2027-01-01' },
  custodian: { name: 'anna', reference: undefined },
  authorizer: { name: 'Eve', reference: 'Patient/p1' },
};
const LEAST: Disclosure = {
  ...{ direction: 'given', patient: 'p1', purpose: 'PUBHLTH', basis: '164.512(b)', data: [], description: 'x' },
  other: { name: 'Health office', address: '1 Main Street, Springfield' },
};

const eventOf = (disclosure: Disclosure): Resource =>
  disclosureEvent(
    { disclosure, at: Date.UTC(2026, 1, 3), requestId: 'req-1', base: 'https://chart.example/fhir' },
    'event-1',
  );
const networkOf = (address: string): JsonObject =>
  (eventOf({ ...LEAST, other: { name: 'x', address } })['agent'] as JsonObject[])[1]!['network'] as JsonObject;

/** Without the members that are not there. */
const plain = (disclosure: Disclosure | undefined): unknown => JSON.parse(JSON.stringify(disclosure));

describe('events of disclosures', () => {
  for (const [what, disclosure] of Object.entries({ WHOLE, LEAST }))
    for (const direction of ['given', 'received'] as const)
      it(`are read as what was told: ${what}, ${direction}`, () => {
        const told = { ...disclosure, direction };
        assert.deepEqual(plain(readDisclosure(eventOf(told), [])), plain(told));
      });

  it('are an export or an import, by which way it went', () => {
    const codes = (['given', 'received'] as const).map(direction => {
      const { type, subtype, action } = eventOf({ ...WHOLE, direction });
      return [(type as JsonObject)['code'], (subtype as JsonObject[])[0]!['code'], action];
    });
    assert.deepEqual(codes, [
      ['110106', 'disclose', 'R'],
      ['110107', 'disclose', 'C'],
    ]);
  });

  it('are of the profiles that they claim', async function () {
    const [balp, core] = [readPackage('ig-packages', 'ihe.iti.balp-1.1.4'), readCore()];
    if (!balp || !core) {
      process.stdout.write('    The packages of IHE BALP and of R4 are not at hand.\n');
      this.skip();
    }
    const checker = checkerOf([balp, core]);
    const errors = async (event: Resource) => brief(errorsOf(await issuesOf(checker, event, [])));
    for (const disclosure of [WHOLE, LEAST])
      for (const direction of ['given', 'received'] as const)
        assert.deepEqual(await errors(eventOf({ ...disclosure, direction })), []);
    const { agent, ...event } = eventOf(WHOLE);
    assert.notDeepEqual(await errors({ ...event, agent: (agent as JsonObject[]).slice(1) }), []);
  });

  it('say by which kind of network it went', () => {
    const types = {
      '192.0.2.7': '2',
      'mailto:a@b.example': '4',
      'a@b.example': '4',
      '+49 30 123-45': '3',
      'fax:555': '3',
      'https://b.example/in': '5',
      '1 Main Street': undefined,
    };
    for (const [address, type] of Object.entries(types)) assert.equal(networkOf(address)['type'], type, address);
  });

  it('are no others', () => {
    const { subtype: _subtype, ...other } = eventOf(WHOLE);
    assert.equal(readDisclosure(other as Resource, []), undefined);
    assert.equal(readDisclosure({ resourceType: 'AuditEvent' }, []), undefined);
    assert.equal(readDisclosure({ ...eventOf(WHOLE), entity: 'nonsense', agent: [1] }, []), undefined);
  });
});
