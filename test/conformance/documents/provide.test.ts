/** ITI-65 Provide Document Bundle: https://profiles.ihe.net/ITI/MHD/4.2.3/ITI-65.html; MHD-1 … MHD-8, src/features/documents/mhd/ */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { Bundle, DocumentReference, List, OperationOutcome, Patient } from 'fhir/r4.js';
import { before, describe, it } from 'mocha';
import type { Resource } from '../../../src/fhir/resource.js';
import { printXml } from '../../../src/fhir/xml/write.js';
import { onStoresInTurn } from '../../support/both-stores.js';
import { base64, sha1 } from '../../support/document-reference.js';
import { readArchive, skipWithout } from '../../support/shared.js';
import type { Reply } from '../../support/talk.js';
import { aSubmission, MHD, type Parts, PATIENT } from '../../support/submission.js';
import { COMPREHENSIVE, FAULTS, patchOf } from './submission-faults.js';

interface Fault {
  readonly expression: string | undefined;
  readonly detail: string | undefined;
  readonly ihe: string | undefined;
}
const faultsOf = (reply: Reply<unknown>): Fault[] =>
  (reply.body as OperationOutcome).issue.map(({ expression, details }) => ({
    expression: expression?.[0],
    detail: details?.coding?.find(({ system }) => system === 'urn:chartroom:outcome-detail')?.code,
    ihe: details?.coding?.find(({ system }) => system === 'urn:ihe:iti:mhd:error')?.code,
  }));

onStoresInTurn('ITI-65', stage => {
  const submit = (bundle: Bundle, format: 'json' | 'xml' = 'json') =>
    stage().talk.send<Bundle>('POST', '', {
      headers: { 'content-type': `application/fhir+${format}` },
      body: format === 'json' ? JSON.stringify(bundle) : inXml(bundle),
    });
  const inXml = (bundle: Bundle): string => printXml(bundle as unknown as Resource, stage().server.engine.definitions);
  const held = async (): Promise<unknown> => {
    const { engine } = stage().server;
    const blobs: string[] = [];
    for await (const hash of engine.store.blobs.all()) blobs.push(hash);
    const sizes = new Map(await engine.store.sizes());
    sizes.delete('AuditEvent');
    return { blobs: blobs.toSorted(), sizes: [...sizes].toSorted(([a], [b]) => (a < b ? -1 : 1)) };
  };
  before('stores patients', async () => {
    const { talk } = stage();
    for (const id of [PATIENT, 'mhd-other', 'ex-patient'])
      await talk.update<Patient>({ resourceType: 'Patient', id, identifier: [{ system: 'urn:mrn', value: id }] });
    await talk.update<Patient>({ resourceType: 'Patient', id: 'mhd-inactive', active: false });
    const attachment = { contentType: 'text/plain', data: base64('x') };
    for (const [id, patient, status] of [
      ['mhd-of-other', 'mhd-other', 'current'],
      ['mhd-own', PATIENT, 'current'],
      ['mhd-retracted', PATIENT, 'entered-in-error'],
    ] as const)
      await talk.update<DocumentReference>({
        resourceType: 'DocumentReference',
        id,
        status,
        subject: { reference: `Patient/${patient}` },
        content: [{ attachment }],
      });
  });

  it('MHD-5: a submission is stored, and answered entry by entry, in each of its levels', async () => {
    for (const level of ['minimal', 'uncontained', 'comprehensive'] as const) {
      const { bundle } = aSubmission(level);
      const reply = await submit(bundle);
      assert.equal(reply.status, 200, reply.text);
      const { entry = [], type } = reply.body;
      assert.deepEqual([type, entry.length], ['transaction-response', 3]);
      for (const [at, { response }] of entry.entries()) {
        assert.match(response!.status, /^201/);
        assert.match(response!.location!, new RegExp(`${bundle.entry![at]!.resource!.resourceType}/`));
        assert.ok(response!.etag && response!.lastModified);
      }
      const { talk } = stage();
      const { content } = (await talk.get<DocumentReference>(entry[1]!.response!.location!)).body;
      const bytes = await fetch(content[0]!.attachment.url!, { headers: { accept: 'text/plain' } });
      assert.equal(await bytes.text(), 'Hello World');
    }
  });

  it('MHD-7: identifiers are told apart by use and by type, whichever was sent', async () => {
    const { bundle, set } = aSubmission('minimal');
    const { value } = set.identifier![0]!;
    const coding = [{ system: `${MHD}/CodeSystem/IHE.MHD.MHDIdentifierType`, code: 'uniqueId' }];
    set.identifier = [{ system: 'urn:ietf:rfc:3986', value: value!, type: { coding } }];
    assert.equal((await submit(bundle)).status, 200);
    const found = await stage().talk.search<List>(`List?identifier=${value}`);
    const [identifier] = found.entry![0]!.resource!.identifier!;
    assert.deepEqual([identifier?.use, identifier?.type?.coding], ['usual', coding]);
    const other = aSubmission('minimal');
    assert.equal((await submit(other.bundle)).status, 200);
    const stored = await stage().talk.search<List>(`List?identifier=${other.set.identifier![0]!.value}`);
    assert.deepEqual(stored.entry![0]!.resource!.identifier![0]!.type?.coding, coding);
  });

  it('MHD-4: a patient who is named by an identifier is looked up', async () => {
    const { bundle, set, document } = aSubmission('minimal');
    set.subject = document.subject = { identifier: { system: 'urn:mrn', value: PATIENT } };
    const reply = await submit(bundle);
    assert.equal(reply.status, 200, reply.text);
    const stored = await stage().talk.get<DocumentReference>(reply.body.entry![1]!.response!.location!);
    assert.equal(stored.body.subject?.reference, `Patient/${PATIENT}`);
  });

  it('MHD-8: a submission replaces a document, with the PATCH entry and without', async () => {
    for (const patched of [true, false]) {
      const first = await submit(aSubmission('minimal').bundle);
      const id = first.body.entry![1]!.response!.location!.split('/')[1]!;
      const { bundle, document } = aSubmission('minimal');
      document.relatesTo = [{ code: 'replaces', target: { reference: `DocumentReference/${id}` } }];
      if (patched)
        bundle.entry!.push({ ...patchOf('superseded'), request: { method: 'PATCH', url: `DocumentReference/${id}` } });
      const reply = await submit(bundle);
      assert.equal(reply.status, 200, reply.text);
      const { body } = await stage().talk.get<DocumentReference>(`DocumentReference/${id}`);
      assert.equal(body.status, 'superseded');
    }
  });

  it('the same uniqueId again: 409 with the address of the first, 422 with other bytes, and one of many at the same time', async () => {
    const { bundle, binary, attachment } = aSubmission('minimal');
    const sent = () => submit(structuredClone(bundle));
    const replies = await Promise.all(Array.from({ length: 8 }, sent));
    const won = replies.filter(({ status }) => status === 200);
    assert.equal(won.length, 1);
    const address = won[0]!.body.entry![1]!.response!.location!.split('/_history')[0]!;
    for (const reply of replies.filter(({ status }) => status !== 200)) {
      assert.equal(reply.status, 409, reply.text);
      const [fault] = faultsOf(reply);
      assert.deepEqual([fault?.detail, fault?.ihe], ['duplicate-unique-id', 'XDSDuplicateUniqueIdInRegistry']);
      assert.ok(reply.text.includes(address));
    }
    binary.data = base64('Hello other');
    attachment.hash = sha1('Hello other');
    const other = await sent();
    assert.deepEqual([other.status, faultsOf(other)[0]?.ihe], [422, 'XDSNonIdenticalHash'], other.text);
  });

  describe('refuses, with nothing stored,', () => {
    const refuses = async ({ bundle }: Parts, expected: Fault): Promise<void> => {
      const sizes = await held();
      for (const format of ['json', 'xml'] as const) {
        const reply = await submit(bundle, format);
        assert.equal(reply.status, 422, reply.text);
        const found = faultsOf(reply);
        assert.ok(
          found.some(fault => JSON.stringify(fault) === JSON.stringify(expected)),
          `${format}: ${JSON.stringify(expected)} is none of ${JSON.stringify(found)}`,
        );
      }
      assert.deepEqual(await held(), sizes);
    };
    for (const [title, change, fault] of FAULTS)
      it(title, async () => {
        const parts = aSubmission('minimal');
        change(parts);
        const [expression, detail, ihe] = fault.split(' ');
        await refuses(parts, { expression, detail, ihe });
      });
    for (const [title, change, expression] of COMPREHENSIVE)
      it(`Comprehensive metadata: ${title}`, async () => {
        const parts = aSubmission('comprehensive');
        change(parts);
        await refuses(parts, { expression, detail: 'mhd-metadata', ihe: 'XDSRegistryMetadataError' });
        const minimal = aSubmission('minimal');
        assert.equal((await submit(minimal.bundle)).status, 200, 'the positive control');
      });
    it('several faults, each of them told', async () => {
      const parts = aSubmission('minimal');
      delete parts.set.date;
      parts.attachment.size = 3;
      parts.document.docStatus = 'final';
      const reply = await submit(parts.bundle);
      assert.equal(faultsOf(reply).length, 3, reply.text);
    });
  });

  it('an ordinary transaction is none of its business', async () => {
    const { bundle, set } = aSubmission('minimal');
    delete bundle.meta;
    delete set.date;
    assert.equal((await submit(bundle)).status, 200);
  });

  describe('the examples of the guide', () => {
    const examples = new Map<string, Bundle | DocumentReference>();
    before(async function () {
      const folder = skipWithout(this, 'data', 'ig-packages');
      for (const { name, text } of readArchive(join(folder, 'ihe.iti.mhd-4.2.3.tgz')))
        if (name.includes('/example/'))
          examples.set(name.split('/').at(-1)!.replace('.json', ''), JSON.parse(text) as Bundle);
      const { talk } = stage();
      for (const id of ['ex-DocumentReferenceComprehensive', 'ex-documentreference']) {
        const attachment = { contentType: 'text/plain', data: base64(id) };
        const subject = { reference: 'Patient/ex-patient' };
        await talk.update<DocumentReference>({
          resourceType: 'DocumentReference',
          id,
          status: 'current',
          subject,
          content: [{ attachment }],
        });
      }
    });
    /** They share one uniqueId. */
    const example = (name: string, at: number): Bundle => {
      const text = JSON.stringify(examples.get(`Bundle-ex-${name}`));
      assert.ok(text, name);
      return JSON.parse(text.replaceAll('50220.62012', `50220.${at}`)) as Bundle;
    };
    const provided = (name: string, at = 0) => submit(example(name, at));

    for (const [at, name] of [
      'comprehensiveProvideDocumentBundleSimple',
      'comprehensiveProvideDocumentBundleComplete',
      'minimalProvideDocumentBundleSimple',
      'minimalProvideDocumentBundleSimpleContained',
      'unContainedComprehensiveProvideDocumentBundleComplete',
    ].entries())
      it(`takes ${name}`, async () => {
        for (const format of ['json', 'xml'] as const) {
          const given = JSON.stringify(example(name, at));
          const again = given.replaceAll(/(urn:oid:[\d.]+\d)/g, '$1.2');
          const sent = JSON.parse(format === 'json' ? given : again) as Bundle;
          const reply = await submit(sent, format);
          assert.equal(reply.status, 200, reply.text);
          assert.equal(reply.body.entry?.length, sent.entry?.length);
        }
      });

    it('takes the FHIR document when its patient is here', async () => {
      const name = 'comprehensiveProvideDocumentBundleDocument';
      const refused = await provided(name);
      assert.deepEqual([refused.status, faultsOf(refused)[0]?.ihe], [422, 'XDSUnknownPatientId']);
      const text = JSON.stringify(example(name, 0)).replaceAll(
        'http://example.org/fhir/Patient/fdoc-patient',
        'Patient/ex-patient',
      );
      const reply = await submit(JSON.parse(text) as Bundle);
      assert.equal(reply.status, 200, reply.text);
    });

    it('refuses the three that are wrong, saying why', async () => {
      const replaced = await provided('comprehensiveProvideDocumentBundleReplace', 50);
      assert.deepEqual([replaced.status, faultsOf(replaced)[0]?.detail], [422, 'size-mismatch']);
      assert.match(replaced.text, /\b24\b.*\b23\b/);
      const twice = await provided('comprehensiveProvideDocumentBundleMultiple', 51);
      assert.equal(twice.status, 422);
      assert.ok(
        faultsOf(twice).some(({ ihe }) => ihe === 'XDSRegistryDuplicateUniqueIdInMessage'),
        twice.text,
      );
      const folder = await provided('ProvideDocumentBundle-addToFolder', 52);
      assert.ok(folder.status >= 400 && folder.status < 500, folder.text);
      assert.match(folder.text, /entry\[2\]/);
    });
  });
});
