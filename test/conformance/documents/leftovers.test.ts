/** What was true once, or is told another way: stale writes, other addresses, digits, and what somebody may not see. */
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import type {
  Attachment,
  Bundle,
  Composition,
  DocumentReference,
  List,
  Observation,
  Parameters,
  Patient,
} from 'fhir/r4.js';
import { before, describe, it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';
import { uuid } from '../../support/bundles.js';
import { aDocument, base64 } from '../../support/document-reference.js';
import { aSubmission, MHD, PATIENT } from '../../support/submission.js';
import { newStore, startServer } from '../../support/server.js';
import { partly, restricted } from '../../support/restricted.js';
import { type Headers, refusal, type Talk, talkTo } from '../../support/talk.js';

const JSON_BODY: Headers = { 'content-type': 'application/fhir+json' };
const subject = { reference: `Patient/${PATIENT}` };
const inline = (text: string, more: Partial<DocumentReference> = {}): DocumentReference =>
  aDocument({ contentType: 'text/plain', data: base64(text) }, { subject, ...more });
const replacing = (reference: string): Partial<DocumentReference> => ({
  relatesTo: [{ code: 'replaces', target: { reference } }],
});
const submitTo = <T = Bundle>(talk: Talk, bundle: Bundle) =>
  talk.send<T>('POST', '', { headers: JSON_BODY, body: JSON.stringify(bundle) });
const published = (value: string, more: Partial<DocumentReference> = {}): DocumentReference =>
  inline(value, {
    meta: { profile: [`${MHD}/StructureDefinition/IHE.MHD.SimplifiedPublish.DocumentReference`] },
    masterIdentifier: { system: 'urn:ietf:rfc:3986', value: `urn:oid:1.2.3.77.${value}` },
    ...more,
  });

onStoresInTurn('documents that come late, or told another way', stage => {
  before('stores patients', async () => {
    for (const id of [PATIENT, 'late-other'])
      await stage().talk.update<Patient>({
        resourceType: 'Patient',
        id,
        identifier: [{ system: 'urn:oid:1.2.3.9', value: id }],
      });
  });
  const create = async (text: string, more: Partial<DocumentReference> = {}) =>
    (await stage().talk.create(inline(text, more))).body;
  const statusOf = async (id: string) =>
    (await stage().talk.get<DocumentReference>(`DocumentReference/${id}`)).body.status;

  it('a stale update does not make current again what was replaced, as long as its successor stands', async () => {
    const { talk } = stage();
    const one = await create('one');
    const two = await create('two', replacing(`DocumentReference/${one.id}`));
    const stale = { ...one, description: 'read before' };
    assert.deepEqual(refusal(await talk.update(stale)), { status: 409, detail: 'superseded-meanwhile' });
    assert.equal(await statusOf(one.id), 'superseded');
    const kept = await talk.update({ ...stale, status: 'superseded' });
    assert.equal(kept.status, 200, 'the positive control');
    assert.equal((await talk.update({ ...two, status: 'entered-in-error' })).status, 200);
    assert.equal((await talk.update(stale)).status, 200);
    assert.equal(await statusOf(one.id), 'current');
  });

  it('a successor is one however it names its target', async () => {
    const { talk } = stage();
    const one = await create('one');
    const address = `DocumentReference/${one.id}`;
    const two = await create('two', replacing(address));
    const absolute = await talk.update({ ...two, ...replacing(`${talk.base}/${address}`), description: 'a' });
    assert.equal(absolute.status, 200, absolute.text);
    assert.equal((await talk.update({ ...two, ...replacing(address), description: 'b' })).status, 200);
    const second = await talk.create(inline('three', replacing(`${talk.base}/${address}`)));
    assert.deepEqual(refusal(second), { status: 409, detail: 'replaced-already' });
  });

  it('$import takes a retraction that has only status and subject', async () => {
    const { talk } = stage();
    const { id } = await create('imported');
    const line = JSON.stringify({ resourceType: 'DocumentReference', id, status: 'entered-in-error', subject });
    const begun = await talk.send('POST', '$import', {
      headers: { 'content-type': 'application/fhir+ndjson' },
      body: line,
    });
    assert.equal(begun.status, 202, begun.text);
    while ((await talk.get(begun.header('content-location')!)).status === 202) await pause(50);
    const { status, content } = (await talk.get<DocumentReference>(`DocumentReference/${id}`)).body;
    assert.deepEqual([status, content.length], ['entered-in-error', 1]);
  });

  it('MHD-3: entries may have addresses of another server as their fullUrl, and name each other by them', async () => {
    const { talk } = stage();
    for (const relative of [false, true]) {
      const { bundle, set, attachment } = aSubmission('minimal');
      const [listed, document, bytes] = bundle.entry!;
      const root = 'http://source.example.org/fhir';
      listed!.fullUrl = `${root}/List/1`;
      document!.fullUrl = `${root}/DocumentReference/2`;
      bytes!.fullUrl = attachment.url = `${root}/Binary/3`;
      set.entry = [{ item: { reference: relative ? 'DocumentReference/2' : document!.fullUrl } }];
      const reply = await submitTo(talk, bundle);
      assert.equal(reply.status, 200, reply.text);
      const at = reply.body.entry!.map(({ response }) => response!.location!.split('/_history')[0]!);
      const stored = (await talk.get<DocumentReference>(at[1]!)).body.content[0]!.attachment.url!;
      assert.ok(stored.endsWith(`/${at[2]}`), stored);
      const [item] = (await talk.get<List>(at[0]!)).body.entry!;
      assert.equal(item!.item.reference, at[1]);
    }
  });

  it('the numbers of a document Bundle keep their digits', async () => {
    const { talk } = stage();
    const [patient, composition, observation] = [uuid(1), uuid(2), uuid(3)];
    const weight: Observation = {
      resourceType: 'Observation',
      status: 'final',
      code: { text: 'Weight' },
      valueQuantity: { value: 70 },
    };
    const made: Composition = {
      ...{ resourceType: 'Composition', status: 'final', type: { text: 'Note' }, title: 'Note' },
      ...{ date: '2026-01-02T03:04:05Z', subject: { reference: patient }, author: [{ reference: patient }] },
    };
    const person: Patient = { resourceType: 'Patient', identifier: [{ system: 'urn:oid:1.2.3.9', value: PATIENT }] };
    const bundle: Bundle = {
      ...{ resourceType: 'Bundle', type: 'document', timestamp: '2026-01-02T03:04:05Z' },
      identifier: { system: 'urn:ietf:rfc:3986', value: 'urn:oid:1.2.3.78' },
      entry: [
        { fullUrl: composition, resource: made },
        { fullUrl: patient, resource: person },
        { fullUrl: observation, resource: weight },
      ],
    };
    const parameters: Parameters = { resourceType: 'Parameters', parameter: [{ name: 'document', resource: bundle }] };
    const body = JSON.stringify(parameters).replace('"value":70}', '"value":70.00}');
    const reply = await talk.send<Parameters>('POST', 'DocumentReference/$generate-metadata', {
      headers: JSON_BODY,
      body,
    });
    assert.equal(reply.status, 200, reply.text);
    const { reference } = reply.body.parameter![0]!.valueReference!;
    const { url } = (await talk.get<DocumentReference>(reference!)).body.content[0]!.attachment;
    const { text } = await talk.get(url!, { accept: 'application/fhir+json, */*' });
    const held = (JSON.parse(text) as { data?: string }).data;
    assert.ok((held ? Buffer.from(held, 'base64').toString() : text).includes('"value":70.00}'), text);
  });

  it('ITI-105 by PUT is held against its profile like a create, and is no update of what is there', async () => {
    const { talk } = stage();
    const bad = await talk.update({ ...published('1', { docStatus: 'final' }), id: 'late-put' });
    assert.deepEqual(refusal(bad), { status: 422, detail: 'mhd-metadata' });
    const made = await talk.update({ ...published('2'), id: 'late-put' });
    assert.equal(made.status, 201, made.text);
    assert.equal(made.body.meta.profile, undefined, 'what is kept is not what the profile is of');
    const again = await talk.update({ ...published('3'), id: 'late-put' });
    assert.deepEqual(refusal(again), { status: 422, detail: 'published-by-update' });
    const stored = (await talk.get<DocumentReference>('DocumentReference/late-put')).body;
    assert.equal((await talk.update({ ...stored, description: 'a' })).status, 200);
  });
});

describe('a uniqueId that its sender may not see', () => {
  it('is taken once, and the answer does not say by whom', async function () {
    const server = restricted(await startServer({ store: await newStore(this, 'embedded') }));
    try {
      const { talk } = server;
      for (const id of [PATIENT, 'late-other']) await talk.update<Patient>({ resourceType: 'Patient', id });
      const first = await talk.create(published('9', { subject: { reference: 'Patient/late-other' } }));
      assert.equal(first.status, 201, first.text);
      const seen = await talk.create(published('9'));
      assert.ok(seen.text.includes(first.body.id), 'the positive control');
      const tag = [{ system: 'urn:t', code: 'open' }];
      await talk.update<Patient>({ resourceType: 'Patient', id: PATIENT });
      server.sees = partly('DocumentReference');
      const unseen = await talk.create(published('9', { meta: { ...published('9').meta, tag } }));
      assert.deepEqual(refusal(unseen), { status: 409, detail: 'duplicate-unique-id' });
      assert.ok(!unseen.text.includes(first.body.id), unseen.text);
      const { bundle, document } = aSubmission('minimal');
      document.masterIdentifier = published('9').masterIdentifier!;
      const submitted = await submitTo(talk, bundle);
      assert.deepEqual(refusal(submitted), { status: 409, detail: 'duplicate-unique-id' });
      assert.ok(!submitted.text.includes(first.body.id), submitted.text);
    } finally {
      await server.stop();
    }
  });
});

describe('documents of a server that has moved', () => {
  it('lead to their bytes where its former address is named, and get the new one when they are written anew', async function () {
    const store = await newStore(this, 'mongo');
    const FORMER = 'http://former.example.org/fhir';
    const old = await startServer({ store, config: { baseUrl: FORMER } });
    const first = talkTo(`http://127.0.0.1:${old.port}/fhir`);
    const { body: document } = await first.create(aDocument({ contentType: 'text/plain', data: base64('moved') }));
    const { url } = document.content[0]!.attachment;
    assert.ok(url!.startsWith(`${FORMER}/Binary/`));
    await old.stop();
    const now = await startServer({ store, config: { formerBaseUrls: FORMER } });
    try {
      const talk = talkTo(now.base);
      const binary = url!.slice(FORMER.length + 1);
      assert.deepEqual(refusal(await talk.delete(binary)), { status: 409, detail: 'binary-in-use' });
      const [{ attachment }] = document.content as [{ attachment: Attachment }];
      const { data: _, ...kept } = attachment;
      const changed = { ...document, content: [{ attachment: { ...kept, contentType: 'text/plain;charset=utf-8' } }] };
      const { body, status, text } = await talk.update(changed);
      assert.equal(status, 200, text);
      assert.equal(body.content[0]!.attachment.url, `${now.base}/${binary}`);
      const reference = `${FORMER}/DocumentReference/${document.id}`;
      const relatesTo = [{ code: 'replaces' as const, target: { reference } }];
      const next = aDocument({ contentType: 'text/plain', data: base64('after') }, { relatesTo });
      assert.equal((await talk.create(next)).status, 201);
      assert.equal((await talk.get<DocumentReference>(`DocumentReference/${document.id}`)).body.status, 'superseded');
    } finally {
      await now.stop();
    }
  });
});
