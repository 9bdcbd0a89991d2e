/** What documents do to each other: MHD-8, MHD-9, MHD-10; src/features/documents/relations.ts */
import assert from 'node:assert/strict';
import type { DocumentReference, DocumentReferenceRelatesTo } from 'fhir/r4.js';
import { it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';
import { post, send, uuid } from '../../support/bundles.js';
import { aDocument, base64 } from '../../support/document-reference.js';
import { idsOf, refusal } from '../../support/talk.js';

type Code = DocumentReferenceRelatesTo['code'];

onStoresInTurn('documents that relate to others', stage => {
  const patients = ['relations-1', 'relations-2'] as const;
  const of = (patient: string) => ({ subject: { reference: `Patient/${patient}` } });
  const about = (code: Code, id: string, patient: string = patients[0]): DocumentReference =>
    aDocument(
      { contentType: 'text/plain', data: base64('x') },
      { ...of(patient), relatesTo: [{ code, target: { reference: `DocumentReference/${id}` } }] },
    );
  const first = async (more: Partial<DocumentReference> = {}): Promise<string> => {
    const { talk } = stage();
    for (const id of patients) await talk.update({ resourceType: 'Patient', id });
    const document = aDocument({ contentType: 'text/plain', data: base64('x') }, { ...of(patients[0]), ...more });
    return (await talk.create(document)).body.id;
  };
  const statusOf = async (id: string) =>
    (await stage().talk.get<DocumentReference>(`DocumentReference/${id}`)).body.status;

  it('MHD-8: replaces makes its target superseded in the same commit, with what was added to it and made from it', async () => {
    const { talk } = stage();
    const one = await first();
    const added = (await talk.create(about('appends', one))).body.id;
    const made = (await talk.create(about('transforms', added))).body.id;
    const signed = (await talk.create(about('signs', one))).body.id;
    assert.deepEqual(await Promise.all([one, added, made, signed].map(statusOf)), Array(4).fill('current'));
    const { status, body } = await talk.create(about('replaces', one));
    assert.equal(status, 201);
    const now = await Promise.all([one, added, made, signed, body.id].map(statusOf));
    assert.deepEqual(now, ['superseded', 'superseded', 'superseded', 'current', 'current']);
    const found = await talk.search(`DocumentReference?patient=${patients[0]}&status=superseded`);
    assert.ok(idsOf(found).includes(one), 'MHD-10: it is found and read as before');
    const events = await talk.search(`AuditEvent?entity=DocumentReference/${one}&subtype=patch`);
    assert.equal(idsOf(events).length, 1);
  });

  it('MHD-9: an addendum leaves its target current, and is found by it', async () => {
    const { talk } = stage();
    const one = await first();
    const { body } = await talk.create(about('appends', one));
    assert.equal(await statusOf(one), 'current');
    const query = `DocumentReference?relatesto=DocumentReference/${one}&relation=appends`;
    assert.deepEqual(idsOf(await talk.search(query)), [body.id]);
  });

  it('MHD-8: what is unknown, of another patient, or not current cannot be replaced', async () => {
    const { talk } = stage();
    const one = await first();
    const replace = async (id: string, patient?: string) => refusal(await talk.create(about('replaces', id, patient)));
    assert.deepEqual(await replace('nobody'), { status: 422, detail: 'unknown-target' });
    assert.deepEqual(await replace(one, patients[1]), { status: 422, detail: 'other-patient' });
    const wrong = await first({ status: 'entered-in-error' });
    assert.deepEqual(await replace(wrong), { status: 422, detail: 'target-not-current' });
    assert.equal((await talk.create(about('replaces', one))).status, 201);
    assert.deepEqual(await replace(one), { status: 409, detail: 'replaced-already' });
  });

  it('what comes from another server as superseded is taken with its successor, as long as it has no other', async () => {
    const { talk } = stage();
    const old = await first({ status: 'superseded' });
    assert.equal((await talk.create(about('replaces', old))).status, 201);
    assert.deepEqual(refusal(await talk.create(about('replaces', old))), { status: 409, detail: 'replaced-already' });
    const one = await first();
    const retracted = { ...about('replaces', one), status: 'entered-in-error' } as const;
    assert.equal((await talk.create(retracted)).status, 201);
    assert.equal(await statusOf(one), 'current');
  });

  it('MHD-8: an update of the successor is no second replacement', async () => {
    const { talk } = stage();
    const { body } = await talk.create(about('replaces', await first()));
    assert.equal((await talk.update({ ...body, description: 'a' })).status, 200);
  });

  it('MHD-8: a PATCH of the target in the same transaction is enough, and written once', async () => {
    const { talk } = stage();
    const one = await first();
    const value = [
      { name: 'type', valueCode: 'replace' },
      { name: 'path', valueString: 'DocumentReference.status' },
      { name: 'value', valueCode: 'superseded' },
    ];
    const patch = { resourceType: 'Parameters', parameter: [{ name: 'operation', part: value }] } as const;
    const entries = [
      post(about('replaces', one), { fullUrl: uuid(1) }),
      { resource: patch as never, request: { method: 'PATCH' as const, url: `DocumentReference/${one}` } },
    ];
    const reply = await send(talk, 'transaction', entries);
    assert.equal(reply.status, 200, reply.text);
    assert.equal(await statusOf(one), 'superseded');
  });

  it('MHD-8: of 50 who replace one document at the same time one wins, and the others are told', async () => {
    const { talk } = stage();
    const one = await first();
    const replies = await Promise.all(Array.from({ length: 50 }, () => talk.create(about('replaces', one))));
    const statuses = replies.map(({ status }) => status);
    assert.deepEqual(
      statuses.toSorted((a, b) => a - b),
      [201, ...Array<number>(49).fill(409)],
    );
    const query = `DocumentReference?relatesto=DocumentReference/${one}&relation=replaces`;
    assert.equal(idsOf(await talk.search(query)).length, 1);
  });
});
