/** What comes in: filled in from the document itself, checked by a second person; src/features/documents/intake/ */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { DocumentReference, FhirResource, OperationOutcome, Patient, Task } from 'fhir/r4.js';
import { before, describe, it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';
import { aBinary, aDocument, base64 } from '../../support/document-reference.js';
import { aPdf, aPng } from '../../support/scans.js';
import { MHD, PATIENT } from '../../support/submission.js';
import { refusal, talkTo } from '../../support/talk.js';
import { bearerOf, tokenFile } from '../../support/tokens.js';

const OUTCOME = { prefer: 'return=OperationOutcome' };
const target = (patient: string): string =>
  `<recordTarget><patientRole><id root="1.2.3.9" extension="${patient}"/></patientRole></recordTarget>`;
const cda = (targets: string): string => `<?xml version="1.0"?><ClinicalDocument xmlns="urn:hl7-org:v3">
  <templateId root="2.16.840.1.113883.10.20.22.1.1" extension="2015-08-01"/><id root="1.2.3.4" extension="${randomUUID()}"/>
  <code code="34133-9" codeSystem="2.16.840.1.113883.6.1"/><title>Summary of care</title>
  <effectiveTime value="20260102030405+0000"/><languageCode code="en-US"/>${targets}
  <author><time value="20260102"/><assignedAuthor><id root="1.2.3.8"/><assignedPerson><name><family>Author</family></name></assignedPerson></assignedAuthor></author>
  <component><structuredBody/></component></ClinicalDocument>`;
const inline = (
  contentType: string,
  bytes: string | Buffer,
  more: Partial<DocumentReference> = {},
): DocumentReference =>
  aDocument({ contentType, data: base64(bytes) }, { subject: { reference: `Patient/${PATIENT}` }, ...more });
const scanned = (contentType: string, bytes: Buffer): DocumentReference =>
  inline(contentType, bytes, {
    meta: { profile: [`${MHD}/StructureDefinition/IHE.MHD.SimplifiedPublish.DocumentReference`] },
    masterIdentifier: { system: 'urn:ietf:rfc:3986', value: `urn:uuid:${randomUUID()}` },
  });
const warningsIn = (body: unknown): (string | undefined)[] =>
  (body as OperationOutcome).issue
    .filter(({ severity }) => severity === 'warning')
    .map(({ details }) => details?.coding?.find(({ system }) => system === 'urn:chartroom:outcome-detail')?.code)
    // The guide is not installed.
    .filter(code => code !== 'unknown-profile');

onStoresInTurn('documents that come in', stage => {
  before('stores patients', async () => {
    for (const id of [PATIENT, 'intake-other'])
      await stage().talk.update<Patient>({
        resourceType: 'Patient',
        id,
        identifier: [{ system: 'urn:oid:1.2.3.9', value: id }],
      });
  });
  const read = async (id: string) => (await stage().talk.get<DocumentReference>(`DocumentReference/${id}`)).body;
  const idOf = (location: string | undefined): string => /DocumentReference\/([^/]+)/.exec(location ?? '')![1]!;
  const tasksOf = async (id: string): Promise<Task[]> =>
    ((await stage().talk.search<Task>(`Task?focus=DocumentReference/${id}&_sort=_lastUpdated`)).entry ?? []).map(
      ({ resource }) => resource!,
    );

  describe('are described', () => {
    it('by themselves, where their sender says nothing', async () => {
      const { talk } = stage();
      const text = cda(target(PATIENT));
      const { subject: _, ...bare } = inline('text/xml', text);
      const { body } = await talk.create<DocumentReference>(bare);
      const [{ attachment, format }] = body.content as [DocumentReference['content'][0]];
      assert.deepEqual(
        [body.subject?.reference, body.type?.coding?.[0]?.code, attachment.title, attachment.language],
        [`Patient/${PATIENT}`, '34133-9', 'Summary of care', 'en-US'],
      );
      assert.match(attachment.creation!, /^2026-01-02T03:04:05/);
      assert.ok(format?.code);
      assert.match(JSON.stringify(body.masterIdentifier), /1\.2\.3\.4/);
      assert.deepEqual(body.author, [{ reference: '#c1' }]);
      assert.deepEqual(
        (await read(body.id)).contained?.map(({ id }) => id),
        ['c1', 'c2'],
      );
    });

    it('by their sender, as far as he says something', async () => {
      const { talk } = stage();
      const contained: FhirResource[] = [{ resourceType: 'Practitioner', id: 'c1' }];
      const said = {
        ...{ type: { text: 'Note' }, author: [{ reference: '#c1' }], contained },
        masterIdentifier: { value: 'mine' },
      };
      const document = inline('text/xml', cda(target(PATIENT)), said);
      document.content[0]!.attachment.title = 'Mine';
      const { body } = await talk.create(document);
      assert.deepEqual(
        [body.type, body.author, body.masterIdentifier, body.content[0]!.attachment.title],
        [said.type, said.author, said.masterIdentifier, 'Mine'],
      );
      assert.equal(body.content[0]!.attachment.language, 'en-US', 'the positive control');
      assert.deepEqual(
        body.contained?.map(({ id }) => id),
        ['c1', 'cc2'],
      );
    });

    it('as far as it is true of any document: a period that ends before it begins is none', async () => {
      const times = '<effectiveTime><low value="20260105"/><high value="20260101"/></effectiveTime>';
      const event = `<documentationOf><serviceEvent>${times}</serviceEvent></documentationOf>`;
      const reply = await stage().talk.create(inline('text/xml', cda(target(PATIENT) + event)));
      assert.equal(reply.status, 201, reply.text);
      const { context, content } = reply.body;
      assert.deepEqual([context?.period, content[0]!.attachment.title], [undefined, 'Summary of care']);
    });

    it('where the bytes are a Binary that is here, and with a uniqueId where nothing is known', async () => {
      const { talk } = stage();
      const { body: binary } = await talk.create(aBinary('text/xml', cda(target(PATIENT))));
      const linked = await talk.create(aDocument({ url: `Binary/${binary.id}` }));
      assert.equal(linked.body.content[0]!.attachment.title, 'Summary of care');
      const plain = await talk.create(inline('text/plain', 'words'));
      assert.match(plain.body.masterIdentifier!.value!, /^urn:uuid:/);
      const put = await talk.update({ ...inline('text/plain', 'words'), id: 'intake-put' });
      assert.equal(put.body.masterIdentifier, undefined, 'an update says all there is');
    });
  });

  it('of another patient are stored, with a warning and a Task', async () => {
    const { talk } = stage();
    const right = await talk.create(inline('text/xml', cda(target(PATIENT))), OUTCOME);
    assert.deepEqual(warningsIn(right.body), [], 'the positive control');
    assert.deepEqual(await tasksOf(idOf(right.header('location'))), []);
    const wrong = await talk.create(inline('text/xml', cda(target('intake-other'))), OUTCOME);
    assert.equal(wrong.status, 201, wrong.text);
    assert.deepEqual(warningsIn(wrong.body), ['patient-contradicts']);
    const [task] = await tasksOf(idOf(wrong.header('location')));
    assert.deepEqual(
      [task!.status, task!.code!.coding![0]!.code, task!.input![0]!.type.coding![0]!.code],
      ['requested', 'document-qc', 'patient-contradicts'],
    );
  });

  it('about several patients are of none by themselves, and not published by ITI-106', async () => {
    const { talk } = stage();
    const text = cda(target(PATIENT) + target('intake-other'));
    const { body } = await talk.create(aDocument({ contentType: 'text/xml', data: base64(text) }));
    assert.equal(body.subject, undefined);
    const parameter = [{ name: 'document', resource: aBinary('text/xml', text) }];
    const generated = await talk.send('POST', 'DocumentReference/$generate-metadata', {
      headers: { 'content-type': 'application/fhir+json' },
      body: JSON.stringify({ resourceType: 'Parameters', parameter }),
    });
    assert.deepEqual(refusal(generated), { status: 422, detail: 'several-patients' });
  });

  describe('as scans (ITI-105)', () => {
    const page = (tag: string) => aPdf([`BT /F1 12 Tf 50 700 Td (${tag} ${randomUUID()}) Tj ET`]);
    const publish = async (bytes: Buffer, contentType = 'application/pdf') => {
      const reply = await stage().talk.create(scanned(contentType, bytes), OUTCOME);
      assert.equal(reply.status, 201, reply.text);
      const id = idOf(reply.header('location'));
      return { id, warnings: warningsIn(reply.body), tasks: await tasksOf(id) };
    };
    const close = (task: Task, status: Task['status'], reason?: string) => {
      const coding = [{ system: 'urn:chartroom:document-qc', code: reason! }];
      const done = { ...task, id: task.id!, status, ...(reason ? { statusReason: { coding } } : {}) };
      return stage().talk.update(done);
    };

    it('are preliminary, and final when somebody has checked them', async () => {
      const { id, warnings, tasks } = await publish(page('one'));
      assert.deepEqual([(await read(id)).docStatus, warnings, tasks.length], ['preliminary', [], 1]);
      assert.equal(tasks[0]!.for?.reference, `Patient/${PATIENT}`);
      assert.equal((await close(tasks[0]!, 'completed')).status, 200);
      assert.equal((await read(id)).docStatus, 'final');
    });

    it('are rejected for a reason: of a wrong patient retracted, else to be scanned anew', async () => {
      const one = await publish(page('one'));
      assert.deepEqual(refusal(await close(one.tasks[0]!, 'rejected')), { status: 422, detail: 'no-reject-reason' });
      assert.equal((await close(one.tasks[0]!, 'rejected', 'wrong-patient')).status, 200);
      const { status, docStatus, content } = await read(one.id);
      assert.deepEqual([status, docStatus, content.length], ['entered-in-error', 'entered-in-error', 1]);
      const two = await publish(page('two'));
      assert.equal((await close(two.tasks[0]!, 'failed', 'illegible')).status, 200);
      assert.equal((await read(two.id)).docStatus, 'preliminary');
      const [, again] = await tasksOf(two.id);
      assert.deepEqual(
        [again!.code!.coding![0]!.code, again!.reasonCode!.coding![0]!.code, again!.partOf![0]!.reference],
        ['document-rework', 'illegible', `Task/${two.tasks[0]!.id}`],
      );
    });

    it('have their blank pages and duplicates named', async () => {
      const bytes = aPdf([`BT /F1 12 Tf 50 700 Td (${randomUUID()}) Tj ET`, '', 'q Q']);
      const first = await publish(bytes);
      assert.deepEqual(first.warnings, ['blank-page', 'blank-page']);
      assert.deepEqual(
        first.tasks[0]!.input!.map(({ valuePositiveInt }) => valuePositiveInt),
        [2, 3],
      );
      const second = await publish(bytes);
      assert.ok(second.warnings.includes('duplicate-document'));
      const named = second.tasks[0]!.input!.map(({ valueReference }) => valueReference?.reference);
      assert.ok(named.includes(`DocumentReference/${first.id}`));
      assert.deepEqual((await publish(aPng(200, 300), 'image/png')).warnings, ['blank-page']);
    });

    it('are none where they are written: text and CDA', async () => {
      const reply = await stage().talk.create(scanned('text/plain', Buffer.from(randomUUID())));
      assert.equal(reply.body.docStatus, undefined);
      assert.deepEqual(await tasksOf(reply.body.id), []);
    });
  });
});

const tokens = tokenFile({ admin: 'admin', sender: 'writer', checker: 'writer' });
onStoresInTurn(
  'scans, with a sample of none',
  stage => {
    const as = (name: string) => talkTo(stage().server.base, bearerOf(name));
    it('are final, unless something is noticed; and whoever sent one does not check it', async () => {
      await as('admin').update<Patient>({ resourceType: 'Patient', id: PATIENT });
      const clean = aPdf([`BT /F1 12 Tf 50 700 Td (${randomUUID()}) Tj ET`]);
      const { body } = await as('sender').create(scanned('application/pdf', clean));
      assert.equal(body.docStatus, 'final');
      const blank = await as('sender').create(scanned('application/pdf', aPdf([''])));
      assert.equal(blank.body.docStatus, 'preliminary', blank.text);
      const query = `Task?focus=DocumentReference/${blank.body.id}`;
      const [{ resource: task }] = (await as('admin').search<Task>(query)).entry as [
        { resource: Task & { id: string } },
      ];
      const done = { ...task, status: 'completed' as const };
      assert.deepEqual(refusal(await as('sender').update(done)), { status: 422, detail: 'same-person' });
      assert.equal((await as('checker').update(done)).status, 200);
    });
  },
  { config: { tokens, auth: 'token', qcSample: '0' } },
);
