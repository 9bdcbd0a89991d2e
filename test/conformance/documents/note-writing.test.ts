/** Notes as clients of US Core 9 write them: USC-1 … USC-9, but for USC-3 and USC-7 (attachments.test.ts). */
import assert from 'node:assert/strict';
import type { DocumentReference, ValueSet } from 'fhir/r4.js';
import { it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';
import { aDocument, base64 } from '../../support/document-reference.js';

const NOTE = { contentType: 'text/plain;charset=utf-8', data: base64('Seen today, and well: Grüße.') };
const MEGABYTE = 1024 * 1024;
const CDA = `<?xml version="1.0"?><ClinicalDocument xmlns="urn:hl7-org:v3"><text>${'A line of the note. '.repeat(270_000)}</text></ClinicalDocument>`;

onStoresInTurn('a note that a client writes', stage => {
  const kept = async (document: DocumentReference): Promise<DocumentReference> => {
    const { status, body } = await stage().talk.create(document);
    assert.equal(status, 201);
    return (await stage().talk.get<DocumentReference>(`DocumentReference/${body.id}`)).body;
  };

  it('USC-1: is created once where If-None-Exist finds it', async () => {
    const { talk } = stage();
    const identifier = [{ system: 'urn:test:notes', value: 'usc-1' }];
    const create = () =>
      talk.create(aDocument(NOTE, { identifier }), { 'if-none-exist': 'identifier=urn:test:notes|usc-1' });
    const [first, second] = [await create(), await create()];
    assert.deepEqual([first.status, second.status], [201, 200]);
    assert.equal(second.body.id, first.body.id);
  });

  it('USC-2: is plain text, a PDF, or CDA of more than 5 MiB, inline', async () => {
    assert.ok(CDA.length > 5 * MEGABYTE);
    for (const [contentType, bytes] of [
      [NOTE.contentType, 'Seen today.'],
      ['application/pdf', '%PDF-1.4\n%%EOF\n'],
      ['application/cda+xml', CDA],
      ['text/xml', CDA],
    ] as const) {
      const { attachment } = (await kept(aDocument({ contentType, data: base64(bytes) }))).content[0]!;
      assert.deepEqual([attachment.contentType, attachment.size], [contentType, Buffer.byteLength(bytes)]);
      assert.ok(Buffer.from(attachment.data!, 'base64').equals(Buffer.from(bytes)), contentType);
    }
  });

  it('USC-4: is taken with an author and an encounter that are not here, and with a contained author', async () => {
    const author = [{ reference: 'Practitioner/not-here' }, { reference: '#me' }];
    const more = {
      contained: [{ resourceType: 'Practitioner' as const, id: 'me', name: [{ family: 'Contained' }] }],
      author,
      context: { encounter: [{ reference: 'Encounter/not-here' }] },
    };
    const document = await kept(aDocument(NOTE, more));
    assert.deepEqual(document.author, author);
    assert.deepEqual(document.context?.encounter, more.context.encounter);
    assert.equal(document.contained?.length, 1);
  });

  it('USC-5: gives relatesTo and content.format back as they were', async () => {
    const { id } = await kept(aDocument(NOTE));
    const relatesTo = [{ code: 'appends' as const, target: { reference: `DocumentReference/${id}` } }];
    const format = {
      system: 'http://ihe.net/fhir/ihe.formatcode.fhir/CodeSystem/formatcode',
      code: 'urn:ihe:iti:xds:2017:mimeTypeSufficient',
    };
    const document = await kept({ ...aDocument(NOTE), relatesTo, content: [{ attachment: NOTE, format }] });
    assert.deepEqual(document.relatesTo, relatesTo);
    assert.deepEqual(document.content[0]!.format, format);
  });

  it('USC-6: keeps that the patient has said it, and is found by it', async () => {
    const security = [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue', code: 'PATAST' }];
    const { id } = await kept(aDocument(NOTE, { meta: { security } }));
    const found = await stage().talk.search(`DocumentReference?_security=PATAST&_id=${id}`);
    assert.equal(found.entry?.length, 1);
  });

  it('USC-8: has types that a client may ask for', async () => {
    for (const direction of ['incoming', 'outgoing']) {
      const path = `ValueSet/$expand?context=DocumentReference.type&contextDirection=${direction}&count=5`;
      const { status, body } = await stage().talk.get<ValueSet>(path);
      assert.equal(status, 200);
      assert.equal(body.expansion?.contains?.length, 5);
    }
  });
});
