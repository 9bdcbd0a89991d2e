/** ITI-66 and ITI-67: finding SubmissionSets and documents by GET and POST. https://profiles.ihe.net/ITI/MHD/4.2.3/ITI-66.html, ITI-67.html */
import assert from 'node:assert/strict';
import type { Bundle, Patient, Practitioner } from 'fhir/r4.js';
import { before, it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';
import { aSubmission, PATIENT } from '../../support/submission.js';
import { idsOf } from '../../support/talk.js';

const MRN = 'urn:mhd:mrn|find-1';

/** What a consumer may ask for, with a value that finds the submission; what no value of it does. */
const LISTS: readonly (readonly [string, string])[] = [
  [
    'code=https://profiles.ihe.net/ITI/MHD/CodeSystem/MHDlistTypes|submissionset',
    'code=https://profiles.ihe.net/ITI/MHD/CodeSystem/MHDlistTypes|folder',
  ],
  ['date=2026-01-02', 'date=2027'],
  ['designationType=http://snomed.info/sct|225728007', 'designationType=http://snomed.info/sct|1'],
  ['sourceId=urn:oid:1.2.3.4', 'sourceId=urn:oid:9'],
  [`patient.identifier=${MRN}`, 'patient.identifier=urn:mhd:mrn|nobody'],
  ['source.family=Finder', 'source.family=Nobody'],
  ['source.given=Fay', 'source.given=Nobody'],
  ['status=current', 'status=retired'],
];
const DOCUMENTS: readonly (readonly [string, string])[] = [
  ['author.family=Finder', 'author.family=Nobody'],
  ['author.given=Fay', 'author.given=Nobody'],
  ['category=http://loinc.org|11369-6', 'category=http://loinc.org|1'],
  ['creation=2026-01-02', 'creation=2027'],
  ['date=2026', 'date=2027'],
  ['event=urn:event|e', 'event=urn:event|x'],
  ['facility=http://snomed.info/sct|82242000', 'facility=http://snomed.info/sct|1'],
  ['format=urn:ihe:iti:xds:2017:mimeTypeSufficient', 'format=x'],
  [`patient.identifier=${MRN}`, 'patient.identifier=urn:mhd:mrn|nobody'],
  ['period=ge2026-01-03', 'period=ge2027'],
  ['related:identifier=urn:related|r', 'related:identifier=urn:related|x'],
  [
    'security-label=http://terminology.hl7.org/CodeSystem/v3-Confidentiality|N',
    'security-label=http://terminology.hl7.org/CodeSystem/v3-Confidentiality|R',
  ],
  ['setting=http://snomed.info/sct|408467006', 'setting=http://snomed.info/sct|1'],
  ['status=current', 'status=superseded'],
  ['type=http://loinc.org|60591-5', 'type=http://loinc.org|1'],
];

onStoresInTurn('finding what was submitted', stage => {
  const identifiers = { List: '', DocumentReference: '' };
  before('submits', async () => {
    const { talk } = stage();
    const [system, value] = MRN.split('|') as [string, string];
    await talk.update<Patient>({ resourceType: 'Patient', id: PATIENT, identifier: [{ system, value }] });
    await talk.update<Practitioner>({
      resourceType: 'Practitioner',
      id: 'finder',
      name: [{ family: 'Finder', given: ['Fay'] }],
    });
    const { bundle, set, document } = aSubmission('uncontained');
    const author = { reference: 'Practitioner/finder' };
    Object.assign(set, { source: author });
    Object.assign(document, { date: '2026-01-02T03:04:05Z', author: [author] });
    Object.assign(document.context!, {
      event: [{ coding: [{ system: 'urn:event', code: 'e' }] }],
      period: { start: '2026-01-01', end: '2026-01-05' },
      related: [{ identifier: { system: 'urn:related', value: 'r' } }],
    });
    const headers = { 'content-type': 'application/fhir+json' };
    const reply = await talk.send('POST', '', { headers, body: JSON.stringify(bundle) });
    assert.equal(reply.status, 200, reply.text);
    identifiers.List = set.identifier![0]!.value!;
    identifiers.DocumentReference = document.masterIdentifier!.value!;
  });

  const found = async (type: string, query: string): Promise<number[]> => {
    const { talk } = stage();
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const posted = await talk.send<Bundle>('POST', `${type}/_search`, { headers, body: query });
    assert.equal(posted.status, 200, `${query}: ${posted.text}`);
    return [idsOf(await talk.search(`${type}?${query}`)).length, idsOf(posted.body).length];
  };
  for (const [type, rows] of [
    ['List', LISTS],
    ['DocumentReference', DOCUMENTS],
  ] as const) {
    const about = `patient=${PATIENT}`;
    for (const [met, missed] of rows)
      it(`${type}?${met}`, async () => {
        assert.deepEqual(await found(type, `${about}&${met}`), [1, 1]);
        assert.deepEqual(await found(type, `${about}&${missed}`), [0, 0]);
      });
    it(`${type}?identifier`, async () => {
      assert.deepEqual(await found(type, `identifier=urn:ietf:rfc:3986|${identifiers[type]}`), [1, 1]);
      assert.deepEqual(await found(type, 'identifier=urn:ietf:rfc:3986|urn:uuid:nobody'), [0, 0]);
    });
  }
});
