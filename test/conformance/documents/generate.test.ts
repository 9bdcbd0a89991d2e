/** ITI-106 Generate Metadata: https://profiles.ihe.net/ITI/MHD/4.2.3/ITI-106.html; src/features/documents/mhd/generate.ts */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type {
  Binary,
  Bundle,
  Composition,
  DocumentReference,
  FhirResource,
  List,
  Parameters,
  Patient,
} from 'fhir/r4.js';
import { it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';
import { aBinary, sha1 } from '../../support/document-reference.js';
import { readArchive, skipWithout } from '../../support/shared.js';
import { idsOf, refusal } from '../../support/talk.js';

const id = (root: string, extension: string): string => `<id root="${root}" extension="${extension}"/>`;
/** A CDA document about whoever has this identifier. */
const cda = (patient: string): string => `<?xml version="1.0" encoding="UTF-8"?>
<ClinicalDocument xmlns="urn:hl7-org:v3">
  <templateId root="2.16.840.1.113883.10.20.22.1.1" extension="2015-08-01"/>
  ${id('1.2.3.4.5', `doc-${patient}`)}
  <code code="34133-9" codeSystem="2.16.840.1.113883.6.1" displayName="Summary"/>
  <title>Summary of care</title>
  <effectiveTime value="20260102030405+0000"/>
  <confidentialityCode code="N" codeSystem="2.16.840.1.113883.5.25"/>
  <languageCode code="en-US"/>
  <recordTarget><patientRole>${id('1.2.3.9', patient)}<patient><name><given>Ann</given><family>Other</family></name></patient></patientRole></recordTarget>
  <author><time value="20260102"/><assignedAuthor>${id('1.2.3.8', 'a')}<assignedPerson><name><given>Al</given><family>Author</family></name></assignedPerson></assignedAuthor></author>
  <custodian><assignedCustodian><representedCustodianOrganization>${id('1.2.3.7', 'c')}<name>Keeper</name></representedCustodianOrganization></assignedCustodian></custodian>
  <component><structuredBody><component><section><title>A</title><text>b</text></section></component></structuredBody></component>
</ClinicalDocument>`;

onStoresInTurn('$generate-metadata', stage => {
  const generate = (document: FhirResource) =>
    stage().talk.send<Parameters>('POST', 'DocumentReference/$generate-metadata', {
      headers: { 'content-type': 'application/fhir+json' },
      body: JSON.stringify({ resourceType: 'Parameters', parameter: [{ name: 'document', resource: document }] }),
    });
  const known = (patient: string) =>
    stage().talk.update({
      resourceType: 'Patient',
      id: patient,
      identifier: [{ system: 'urn:oid:1.2.3.9', value: patient }],
    });
  const total = async () =>
    Promise.all(
      ['DocumentReference', 'Binary', 'List'].map(
        async type => (await stage().talk.search(`${type}?_summary=count`)).total,
      ),
    );

  it('publishes a CDA document with what its header says', async () => {
    const { talk } = stage();
    await known('generated');
    const text = cda('generated');
    const reply = await generate(aBinary('text/xml', text));
    assert.equal(reply.status, 200, reply.text);
    const [{ name, valueReference } = { name: '' }] = reply.body.parameter!;
    assert.equal(name, 'DocumentReference');
    const { reference } = valueReference!;
    const document = (await talk.get<DocumentReference>(reference!)).body;
    const { attachment } = document.content[0]!;
    assert.deepEqual(
      [document.subject?.reference, document.type?.coding?.[0]?.code, attachment.title, attachment.language],
      ['Patient/generated', '34133-9', 'Summary of care', 'en-US'],
    );
    assert.match(attachment.creation!, /^2026-01-02T03:04:05/);
    assert.deepEqual([attachment.contentType, attachment.hash, attachment.data], ['text/xml', sha1(text), undefined]);
    assert.ok(document.masterIdentifier?.value?.includes('doc-generated'));
    assert.deepEqual(
      document.contained?.map(({ resourceType }) => resourceType).toSorted((a, b) => (a < b ? -1 : 1)),
      ['Organization', 'Patient', 'Practitioner'],
    );
    const stored = await fetch(attachment.url!, { headers: { accept: 'text/xml' } });
    assert.equal(await stored.text(), text);
    assert.equal(idsOf(await talk.search<List>(`List?item=${reference}&code=submissionset`)).length, 1);
    const again = await generate(aBinary('text/xml', text));
    assert.deepEqual(refusal(again), { status: 409, detail: 'duplicate-unique-id' });
  });

  it('refuses what says nothing of itself, and what is of nobody here; nothing is stored', async () => {
    const before = await total();
    const refused = async (document: FhirResource) => refusal(await generate(document));
    const nothing = { status: 422, detail: 'no-metadata' };
    assert.deepEqual(await refused(aBinary('text/plain', 'Hello World')), nothing);
    assert.deepEqual(await refused(aBinary('text/xml', '<?xml version="1.0"?><a/>')), nothing);
    assert.deepEqual(await refused(aBinary('text/xml', cda('x').slice(0, 300))), nothing);
    assert.deepEqual(await refused(aBinary('text/xml', cda('nobody'))), { status: 422, detail: 'unknown-patient' });
    const collection: Bundle = { resourceType: 'Bundle', type: 'collection' };
    assert.deepEqual(await refused(collection), nothing);
    assert.deepEqual(await total(), before);
  });

  it('takes the document Bundle of the guide when its patient is known by an identifier, and not its text', async function () {
    const { talk } = stage();
    const archive = join(skipWithout(this, 'data', 'ig-packages'), 'ihe.iti.mhd-4.2.3.tgz');
    const inputs = new Map(
      [...readArchive(archive)].flatMap(({ name, text }) => {
        const [, which] = /Parameters-ex-input-(.*)\.json$/.exec(name) ?? [];
        return which === undefined ? [] : [[which, (JSON.parse(text) as Parameters).parameter![0]!.resource!]];
      }),
    );
    assert.deepEqual(refusal(await generate(inputs.get('binary') as Binary)), { status: 422, detail: 'no-metadata' });
    const bundle = inputs.get('doc-bundle') as Bundle;
    assert.deepEqual(refusal(await generate(bundle)), { status: 422, detail: 'unknown-patient' });
    const patient = bundle.entry!.find(({ resource }) => resource?.resourceType === 'Patient')!.resource as Patient;
    await known('of-the-guide');
    patient.identifier = [{ system: 'urn:oid:1.2.3.9', value: 'of-the-guide' }];
    const reply = await generate(bundle);
    assert.equal(reply.status, 200, reply.text);
    const document = (await talk.get<DocumentReference>(reply.body.parameter![0]!.valueReference!.reference!)).body;
    const { title } = bundle.entry![0]!.resource as Composition;
    const { attachment } = document.content[0]!;
    assert.deepEqual(
      [document.masterIdentifier, document.subject?.reference, attachment.title, attachment.contentType],
      [bundle.identifier, 'Patient/of-the-guide', title, 'application/fhir+json'],
    );
  });
});
