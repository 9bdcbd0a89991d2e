/** What the audit trail has of MHD's transactions: https://profiles.ihe.net/ITI/MHD/4.2.3/ITI-65.html#audit and its sisters */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { AuditEvent, Bundle, CapabilityStatement, DocumentReference, Parameters, Patient } from 'fhir/r4.js';
import { before, it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';
import { aBinary, aDocument, base64 } from '../../support/document-reference.js';
import { readArchive, skipWithout } from '../../support/shared.js';
import { aSubmission, MHD, PATIENT } from '../../support/submission.js';

const CDA = `<ClinicalDocument xmlns="urn:hl7-org:v3"><id root="1.2.3.4.6"/><title>A</title>
  <recordTarget><patientRole><id root="1.2.3.9" extension="${PATIENT}"/></patientRole></recordTarget>
  <component><structuredBody/></component></ClinicalDocument>`;
const JSON_BODY = { 'content-type': 'application/fhir+json' };

onStoresInTurn('MHD in the audit trail', stage => {
  before('stores a patient', async () => {
    const identifier = [{ system: 'urn:oid:1.2.3.9', value: PATIENT }];
    await stage().talk.update<Patient>({ resourceType: 'Patient', id: PATIENT, identifier });
  });
  /** Of one request: what each event is of, and how it is named. */
  const eventsOf = async (code: string): Promise<AuditEvent[]> =>
    (
      (await stage().talk.search<AuditEvent>(`AuditEvent?subtype=urn:ihe:event-type-code|${code}&_count=200`)).entry ??
      []
    ).map(({ resource }) => resource!);
  const dataOf = ({ entity = [] }: AuditEvent) => entity.find(({ type }) => type?.code === '2');
  const patientOf = ({ entity = [] }: AuditEvent) => entity.find(({ role }) => role?.code === '1')?.what?.reference;

  it('ITI-65 is an import, told by its SubmissionSet, and each entry is a part of it', async () => {
    const { talk } = stage();
    const reply = await talk.send<Bundle>('POST', '', {
      headers: JSON_BODY,
      body: JSON.stringify(aSubmission('minimal').bundle),
    });
    assert.equal(reply.status, 200, reply.text);
    const events = await eventsOf('ITI-65');
    const imports = events.filter(({ type }) => type.code === '110107');
    assert.equal(imports.length, 1);
    const [{ type, action, outcome, agent }] = imports as [AuditEvent];
    assert.deepEqual([type.system, action, outcome], ['http://dicom.nema.org/resources/ontology/DCM', 'C', '0']);
    const roles = agent.map(each => each.type!.coding![0]!).slice(0, 2);
    assert.deepEqual(
      roles.map(({ code, display }) => [code, display]),
      [
        ['110153', 'Source Role ID'],
        ['110152', 'Destination Role ID'],
      ],
    );
    const [list] = reply.body.entry!;
    const { what, role } = dataOf(imports[0]!)!;
    assert.deepEqual([what!.reference, role!.code, role!.display], [list!.response!.location, '20', 'Job']);
    assert.equal(patientOf(imports[0]!), `Patient/${PATIENT}`);
    const kinds = events.map(event => dataOf(event)!.what!.reference!.split('/')[0]!).toSorted();
    assert.deepEqual(kinds, ['Binary', 'DocumentReference', 'List', 'Provenance']);
  });

  it('/metadata says which actors of the guide the server is, and offers what they demand', async function () {
    const { instantiates = [], rest } = (await stage().talk.get<CapabilityStatement>('metadata')).body;
    const archive = join(skipWithout(this, 'data', 'ig-packages'), 'ihe.iti.mhd-4.2.3.tgz');
    const known = new Map(
      [...readArchive(archive)].flatMap(({ name, text }) => {
        if (!/package\/CapabilityStatement-/.test(name)) return [];
        const statement = JSON.parse(text) as CapabilityStatement;
        return [[statement.url!, statement]];
      }),
    );
    assert.equal(instantiates.length, 7);
    for (const canonical of instantiates)
      for (const { type, interaction = [], searchParam = [], operation = [] } of known.get(canonical)!.rest![0]!
        .resource ?? []) {
        const own = rest![0]!.resource!.find(each => each.type === type)!;
        for (const { code } of interaction)
          assert.ok(
            own.interaction!.some(each => each.code === code),
            `${type} ${code}`,
          );
        // The guide writes _lastupdated.
        const names = [...own.searchParam!, ...rest![0]!.searchParam!].map(({ name }) => name.toLowerCase());
        const offered = new Set(names);
        for (const { name } of searchParam)
          assert.ok(name.includes('.') || offered.has(name.toLowerCase()), `${canonical} ${type} ${name}`);
        for (const { name } of operation)
          assert.ok(
            own.operation!.some(each => each.name === name.replace(/^\$/, '')),
            `${type} $${name}`,
          );
      }
  });

  it('an ordinary transaction, search and read are not named', async () => {
    const { talk } = stage();
    const { bundle } = aSubmission('minimal');
    delete bundle.meta;
    const count = (await eventsOf('ITI-65')).length;
    assert.equal((await talk.send('POST', '', { headers: JSON_BODY, body: JSON.stringify(bundle) })).status, 200);
    assert.equal((await eventsOf('ITI-65')).length, count);
    await talk.search(`DocumentReference?patient=${PATIENT}`);
    await talk.search(`List?patient=${PATIENT}`);
    await talk.search(`List?patient=${PATIENT}&status=current&code=other`);
    assert.deepEqual([...(await eventsOf('ITI-66')), ...(await eventsOf('ITI-67'))], []);
  });

  it('ITI-66 and ITI-67 are queries, by GET and POST', async () => {
    const { talk } = stage();
    const lists = `patient=${PATIENT}&status=current&code=${encodeURIComponent(`${MHD}/CodeSystem/MHDlistTypes|submissionset`)}`;
    for (const [code, type, query] of [
      ['ITI-66', 'List', lists],
      ['ITI-67', 'DocumentReference', `patient=${PATIENT}&status=current`],
    ] as const) {
      assert.ok((await talk.search(`${type}?${query}`)).total! > 0);
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      assert.equal((await talk.send('POST', `${type}/_search`, { headers, body: query })).status, 200);
      const events = await eventsOf(code);
      assert.equal(events.length, 2);
      for (const event of events) {
        assert.deepEqual([event.action, event.type.code, patientOf(event)], ['E', 'rest', `Patient/${PATIENT}`]);
        assert.equal(dataOf(event)!.role!.code, '24');
      }
    }
    // A token may have its code alone.
    for (const code of ['folder', 'submissionset', 'folder,submissionset'])
      await talk.search(`List?patient=${PATIENT}&status=current&code=${code}`);
    assert.equal((await eventsOf('ITI-66')).length, 5);
  });

  it('ITI-68 is a read of a report', async () => {
    const { talk } = stage();
    const subject = { reference: `Patient/${PATIENT}` };
    const made = await talk.create(aDocument({ contentType: 'text/plain', data: base64('read') }, { subject }));
    assert.equal((await talk.get(made.body.content[0]!.attachment.url!, { accept: 'text/plain' })).status, 200);
    const [event] = await eventsOf('ITI-68');
    const { code, display } = dataOf(event!)!.role!;
    assert.deepEqual([event!.action, code, display, patientOf(event!)], ['R', '3', 'Report', subject.reference]);
  });

  it('ITI-105 and ITI-106 are creates of a document', async () => {
    const { talk } = stage();
    const meta = { profile: [`${MHD}/StructureDefinition/IHE.MHD.SimplifiedPublish.DocumentReference`] };
    const published: DocumentReference = aDocument(
      { contentType: 'text/plain', data: base64('x') },
      {
        ...{ meta, subject: { reference: `Patient/${PATIENT}` } },
        masterIdentifier: { system: 'urn:ietf:rfc:3986', value: `urn:uuid:${randomUUID()}` },
      },
    );
    assert.equal((await talk.create(published)).status, 201);
    const parameter = [{ name: 'document', resource: aBinary('text/xml', CDA) }];
    const generated = await talk.send<Parameters>('POST', 'DocumentReference/$generate-metadata', {
      headers: JSON_BODY,
      body: JSON.stringify({ resourceType: 'Parameters', parameter }),
    });
    assert.equal(generated.status, 200, generated.text);
    for (const code of ['ITI-105', 'ITI-106']) {
      const events = await eventsOf(code);
      const made = events.filter(event => dataOf(event)?.what?.reference?.startsWith('DocumentReference/'));
      assert.equal(made.length, 1, code);
      assert.deepEqual([made[0]!.action, patientOf(made[0]!)], ['C', `Patient/${PATIENT}`]);
      assert.ok(made[0]!.meta!.profile![0]!.endsWith('PatientCreate'));
    }
    const refused = await talk.create({ ...published, status: 'superseded' });
    assert.equal(refused.status, 422);
    assert.ok(
      (await eventsOf('ITI-105')).some(({ outcome }) => outcome === '4'),
      'failures are named, too',
    );
  });
});
