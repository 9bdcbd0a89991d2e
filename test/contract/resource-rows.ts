/** Rows of the store contract: single resources, their versions, tombstones and exact bytes. */
import assert from 'node:assert/strict';
import { it } from 'mocha';
import type { Resource } from '../../src/fhir/resource.js';
import { put, remove } from '../support/changes.js';
import type { Subject } from './store-suite.js';

const patient = (id: string, content: object = {}): Resource => ({ resourceType: 'Patient', id, ...content });

/** A conflict, and nothing else. */
export const conflict = { name: 'FhirError', kind: 'conflict' };

export function resourceRows(subject: Subject): void {
  it('has nothing under an id that was never used', async () => {
    assert.equal(await subject.store.read('Patient', 'nobody'), undefined);
    assert.equal(await subject.store.read('Patient', 'nobody', 1), undefined);
  });

  it('reads back what a creation has written, byte for byte', async () => {
    const { store } = subject;
    const created = put(patient('bytes', { name: [{ family: 'Ærøskøbing 李 🩺' }] }), { updated: 1_700_000_000_123 });
    const text = Buffer.from(
      `{"resourceType":"Patient", "id":"bytes",\n "multipleBirthInteger": 1.0E2, "x":"\\u0000 🩺\\ud800"}`,
    );
    await store.commit({ changes: [{ ...created, text, patients: ['bytes', 'other'] }] });
    const read = await store.read('Patient', 'bytes');
    assert.ok(Buffer.isBuffer(read?.text));
    assert.deepEqual(read, {
      type: 'Patient',
      id: 'bytes',
      version: 1,
      updated: 1_700_000_000_123,
      method: 'POST',
      text,
      patients: ['bytes', 'other'],
    });
  });

  it('leaves the text that it was given as it was', async () => {
    const change = put(patient('mine'));
    const before = Buffer.from(change.text!);
    await subject.store.commit({ changes: [change] });
    assert.deepEqual(change.text, before);
  });

  it('keeps the same id of two types apart', async () => {
    const { store } = subject;
    await store.commit({ changes: [put(patient('twin')), put({ resourceType: 'Group', id: 'twin' })] });
    assert.equal((await store.read('Patient', 'twin'))?.type, 'Patient');
    assert.equal((await store.read('Group', 'twin'))?.type, 'Group');
    assert.equal(await store.read('Person', 'twin'), undefined);
  });

  for (const id of [
    'a',
    'A-b.9',
    '0k3v9x2m1c7abc',
    'b0a1c2d3-0000-4000-8000-00000000000f',
    'B0A1C2D3-0000-4000-8000-00000000000F',
    'x'.repeat(64),
  ])
    it(`finds the id ${id} under exactly its own spelling`, async () => {
      const { store } = subject;
      await store.commit({ changes: [put(patient(id))] });
      assert.equal((await store.read('Patient', id))?.id, id);
      const other = id === id.toUpperCase() ? id.toLowerCase() : id.toUpperCase();
      assert.notEqual((await store.read('Patient', other))?.id, id);
    });

  it('keeps every version with its time, method, patients and blob links', async () => {
    const { store } = subject;
    const first = put(patient('long-lived', { gender: 'male' }), { updated: 1000 });
    await store.commit({ changes: [first] });
    const links = [{ at: 17, ...(await store.blobs.put(Buffer.from('bytes'))) }];
    const second = {
      ...put(patient('long-lived', { gender: 'female' }), { replaces: first, updated: 2000 }),
      blobs: links,
    };
    await store.commit({ changes: [second] });
    const third = {
      ...put(patient('long-lived'), { replaces: second, updated: 3000 }),
      method: 'PATCH' as const,
      patients: [],
    };
    await store.commit({ changes: [third] });
    assert.deepEqual((await store.read('Patient', 'long-lived', 1))?.text, first.text);
    const old = await store.read('Patient', 'long-lived', 2);
    assert.deepEqual(
      [old?.version, old?.updated, old?.method, old?.blobs, old?.patients, old?.text],
      [2, 2000, 'PUT', links, ['long-lived'], second.text],
    );
    const current = await store.read('Patient', 'long-lived');
    assert.deepEqual(
      [current?.version, current?.method, current?.blobs, current?.patients],
      [3, 'PATCH', undefined, []],
    );
    assert.deepEqual(await store.read('Patient', 'long-lived', 3), current);
    assert.equal(await store.read('Patient', 'long-lived', 4), undefined);
  });

  it('shows a deletion as a tombstone and keeps the versions before it', async () => {
    const { store } = subject;
    const first = put(patient('gone'), { updated: 1000 });
    await store.commit({ changes: [first] });
    await store.commit({ changes: [remove(first, 2000)] });
    const tombstone = await store.read('Patient', 'gone');
    assert.deepEqual(tombstone, {
      type: 'Patient',
      id: 'gone',
      version: 2,
      updated: 2000,
      method: 'DELETE',
      patients: ['gone'],
    });
    assert.deepEqual(await store.read('Patient', 'gone', 2), tombstone);
    assert.deepEqual((await store.read('Patient', 'gone', 1))?.text, first.text);
  });

  it('brings a deleted resource back as its next version', async () => {
    const { store } = subject;
    const first = put(patient('lazarus'));
    await store.commit({ changes: [first] });
    const deletion = remove(first);
    await store.commit({ changes: [deletion] });
    await assert.rejects(store.commit({ changes: [put(patient('lazarus'))] }), conflict);
    await store.commit({ changes: [put(patient('lazarus', { active: true }), { replaces: deletion })] });
    assert.equal((await store.read('Patient', 'lazarus'))?.version, 3);
    const { count } = await store.count({
      types: ['Patient'],
      where: { kind: 'param', code: '_id', test: { kind: 'token', any: [{ code: 'lazarus' }] } },
    });
    assert.equal(count, 1);
  });

  it('keeps a resource of some megabytes', async () => {
    const { store } = subject;
    const change = put(patient('large', { text: { status: 'generated', div: 'ä'.repeat(3_000_000) } }));
    await store.commit({ changes: [change] });
    assert.ok((await store.read('Patient', 'large'))?.text?.equals(change.text!));
  });
}
