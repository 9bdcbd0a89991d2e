/** ITI-105 Simplified Publish: https://profiles.ihe.net/ITI/MHD/4.2.3/ITI-105.html; src/features/documents/mhd/publish.ts */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { DocumentReference, List } from 'fhir/r4.js';
import { it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';
import { aDocument, base64, sha1 } from '../../support/document-reference.js';
import { MHD } from '../../support/submission.js';
import { idsOf, refusal } from '../../support/talk.js';

const TEXT = 'Hello World';
const toPublish = (more: Partial<DocumentReference> = {}): DocumentReference =>
  aDocument(
    { contentType: 'text/plain', data: base64(TEXT) },
    {
      meta: { profile: [`${MHD}/StructureDefinition/IHE.MHD.SimplifiedPublish.DocumentReference`] },
      masterIdentifier: { system: 'urn:ietf:rfc:3986', value: `urn:uuid:${randomUUID()}` },
      subject: { reference: 'Patient/published' },
      ...more,
    },
  );

onStoresInTurn('ITI-105', stage => {
  it('keeps the bytes as a Binary, and writes the SubmissionSet', async () => {
    const { talk } = stage();
    await talk.update({ resourceType: 'Patient', id: 'published' });
    const { status, body } = await talk.create(toPublish());
    assert.equal(status, 201);
    const stored = (await talk.get<DocumentReference>(`DocumentReference/${body.id}`)).body;
    const { data, url, size, hash } = stored.content[0]!.attachment;
    assert.deepEqual([data, size, hash], [undefined, TEXT.length, sha1(TEXT)]);
    assert.equal(await (await fetch(url!, { headers: { accept: 'text/plain' } })).text(), TEXT);
    assert.equal(stored.identifier?.[0]?.use, 'official');
    const lists = await talk.search<List>(
      `List?item=DocumentReference/${body.id}&patient=published&code=submissionset`,
    );
    assert.equal(idsOf(lists).length, 1);
    const { date, identifier, extension } = lists.entry![0]!.resource!;
    assert.ok(date && extension?.[0]?.valueIdentifier?.value);
    assert.match(identifier![0]!.value!, /^urn:oid:2\.25\.\d+$/);
  });

  it('keeps long bytes with the Binary alone', async () => {
    const { talk } = stage();
    await talk.update({ resourceType: 'Patient', id: 'published' });
    const long = TEXT.repeat(1000);
    const { attachment } = aDocument({ contentType: 'text/plain', data: base64(long) }).content[0]!;
    const { status, body } = await talk.create(toPublish({ content: [{ attachment }] }));
    assert.equal(status, 201);
    const { data, url } = body.content[0]!.attachment;
    assert.equal(data, undefined);
    assert.equal(await (await fetch(url!, { headers: { accept: 'text/plain' } })).text(), long);
  });

  it('refuses what the profile does not allow, and the same document again; nothing is stored', async () => {
    const { talk } = stage();
    const count = async () =>
      Promise.all(
        ['DocumentReference', 'Binary', 'List'].map(async type => (await talk.search(`${type}?_summary=count`)).total),
      );
    const once = toPublish();
    assert.equal((await talk.create(once)).status, 201);
    const before = await count();
    assert.deepEqual(refusal(await talk.create(once)), { status: 409, detail: 'duplicate-unique-id' });
    for (const [at, more] of [
      ['masterIdentifier', { masterIdentifier: undefined }],
      ['identifier', { identifier: [{ value: 'x' }] }],
      ['status', { status: 'superseded' }],
      ['docStatus', { docStatus: 'final' }],
      ['subject', { subject: undefined }],
      ['content[0].attachment.data', { content: [{ attachment: { contentType: 'text/plain' } }] }],
    ] as const) {
      const reply = await talk.create(toPublish(more as Partial<DocumentReference>));
      assert.deepEqual(refusal(reply), { status: 422, detail: 'mhd-metadata' }, at);
      assert.ok(reply.text.includes(`DocumentReference.${at}"`), reply.text);
    }
    assert.deepEqual(await count(), before);
  });
});
