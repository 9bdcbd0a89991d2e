/** Rows of the store contract: preconditions, atomicity, messages, absence and claims, concurrency. */
import assert from 'node:assert/strict';
import { it } from 'mocha';
import type { Resource } from '../../src/fhir/resource.js';
import { referrerQueries } from '../../src/interactions/write/referrers.js';
import type { Absence, ResourceName, Store } from '../../src/store/store.js';
import { definitions, parameters, put, remove } from '../support/changes.js';
import { queryOf } from '../support/queries.js';
import { conflict } from './resource-rows.js';
import { depthOf } from '../support/depth.js';
import type { Subject } from './store-suite.js';

const CROWD = depthOf('CROWD');

const patient = (id: string, identifier = id): Resource => ({
  resourceType: 'Patient',
  id,
  identifier: [{ system: 'urn:test', value: identifier }],
});
const nobodyWith = (identifier: string, claim = `Patient|${identifier}`): Absence => ({
  uniquenessKey: claim,
  types: ['Patient'],
  where: queryOf(`Patient?identifier=urn:test|${identifier}`).where,
});
const countWith = async (store: Store, identifier: string): Promise<number> =>
  (await store.count(queryOf(`Patient?identifier=urn:test|${identifier}`))).count;
const bodies = async (store: Store, topic: string): Promise<string[]> =>
  (await store.pendingMessages(topic, 1000)).map(({ body }) => body);

/** How many of the promises were kept; every other one must be a conflict. */
async function winners(attempts: readonly Promise<void>[]): Promise<number> {
  const settled = await Promise.allSettled(attempts);
  for (const one of settled)
    if (one.status === 'rejected') assert.equal((one.reason as { kind?: string }).kind, 'conflict');
  return settled.filter(({ status }) => status === 'fulfilled').length;
}

export function commitRows(subject: Subject): void {
  it('refuses to create what exists, and leaves it alone', async () => {
    const { store } = subject;
    const first = put(patient('taken'));
    await store.commit({ changes: [first] });
    await assert.rejects(store.commit({ changes: [put({ ...patient('taken'), active: true })] }), conflict);
    assert.deepEqual((await store.read('Patient', 'taken'))?.text, first.text);
  });

  it('refuses to replace a version that is not current, or a resource that never was', async () => {
    const { store } = subject;
    const first = put(patient('moved'));
    await store.commit({ changes: [first] });
    const second = put(patient('moved'), { replaces: first });
    await store.commit({ changes: [second] });
    await assert.rejects(store.commit({ changes: [put(patient('moved', 'late'), { replaces: first })] }), conflict);
    await assert.rejects(store.commit({ changes: [remove(first)] }), conflict);
    await assert.rejects(
      store.commit({ changes: [put(patient('phantom'), { replaces: put(patient('phantom')) })] }),
      conflict,
    );
    assert.deepEqual((await store.read('Patient', 'moved'))?.text, second.text);
    assert.equal(await store.read('Patient', 'phantom'), undefined);
    assert.equal(await countWith(store, 'late'), 0);
  });

  it('writes several changes, messages and settlements as one', async () => {
    const { store } = subject;
    await store.commit({ changes: [], messages: [{ topic: 'one', body: 'earlier' }] });
    const [earlier] = await store.pendingMessages('one', 10);
    const changes = [put(patient('a1')), put(patient('a2')), put({ resourceType: 'Group', id: 'a1' })];
    await store.commit({ changes, messages: [{ topic: 'one', body: 'later' }], acknowledges: [earlier!.sequence] });
    for (const { type, id } of changes) assert.ok(await store.read(type, id));
    assert.deepEqual(await bodies(store, 'one'), ['later']);
  });

  it('writes nothing at all where one of several preconditions fails', async () => {
    const { store } = subject;
    const old = put(patient('b-old'));
    await store.commit({ changes: [old], messages: [{ topic: 'b', body: 'kept' }] });
    const [kept] = await store.pendingMessages('b', 10);
    const failing = {
      changes: [put(patient('b1')), put(patient('b-old', 'b-new'), { replaces: old }), put(patient('taken', 'b-new'))],
      messages: [{ topic: 'b', body: 'never' }],
      settles: [kept!.sequence],
    };
    await assert.rejects(store.commit(failing), conflict);
    assert.equal(await store.read('Patient', 'b1'), undefined);
    assert.equal((await store.read('Patient', 'b-old'))?.version, 1);
    assert.equal(await store.read('Patient', 'b-old', 2), undefined);
    assert.equal(await countWith(store, 'b1'), 0);
    assert.equal(await countWith(store, 'b-new'), 0);
    assert.equal(await countWith(store, 'b-old'), 1);
    assert.deepEqual(await bodies(store, 'b'), ['kept']);
    assert.deepEqual((await store.history({ type: 'Patient', id: 'b1', limit: 10 })).rows, []);
  });

  it('goes on after a commit that failed', async () => {
    const { store } = subject;
    await assert.rejects(store.commit({ changes: [put(patient('taken'))] }), conflict);
    await store.commit({ changes: [put(patient('after-failure'))] });
    assert.equal(await countWith(store, 'after-failure'), 1);
  });

  it('keeps those of many concurrent commits that can be kept, whatever the others do', async () => {
    const { store } = subject;
    const attempts = Array.from({ length: 60 }, (_, i) =>
      store.commit({ changes: [put(patient(i % 3 === 0 ? 'taken' : `c${i}`))] }),
    );
    assert.equal(await winners(attempts), 40);
    for (let i = 0; i < 60; i++) assert.equal((await store.read('Patient', `c${i}`)) !== undefined, i % 3 !== 0);
  });

  it(`gives every version of one resource to exactly one of ${CROWD} concurrent writers`, async () => {
    const { store } = subject;
    await store.commit({ changes: [put(patient('hot'))] });
    const won: number[] = [];
    const writer = async (name: number): Promise<void> => {
      for (;;) {
        const current = await store.read('Patient', 'hot');
        const next = put(patient('hot', `hot-${name}`), { replaces: current! });
        try {
          await store.commit({ changes: [next] });
          won.push(next.version);
          return;
        } catch (error) {
          assert.equal((error as { kind?: string }).kind, 'conflict');
        }
      }
    };
    await Promise.all(Array.from({ length: CROWD }, (_, i) => writer(i)));
    assert.deepEqual(
      won.toSorted((a, b) => a - b),
      Array.from({ length: CROWD }, (_, i) => i + 2),
    );
    const history = await store.history({ type: 'Patient', id: 'hot', limit: 100 });
    assert.deepEqual(
      history.rows.map(row => row.version),
      Array.from({ length: CROWD + 1 }, (_, i) => CROWD + 1 - i),
    );
    assert.equal((await store.count(queryOf('Patient?identifier=urn:test|hot-0,urn:test|hot-1'))).count <= 1, true);
  });

  it('delivers the messages of a topic in order, and not those that were settled', async () => {
    const { store } = subject;
    for (const body of ['1', '2', '3', '4'])
      await store.commit({
        changes: [],
        messages: [
          { topic: 'm', body },
          { topic: 'other', body },
        ],
      });
    const waiting = await store.pendingMessages('m', 3);
    assert.deepEqual(
      waiting.map(({ topic, body }) => [topic, body]),
      [
        ['m', '1'],
        ['m', '2'],
        ['m', '3'],
      ],
    );
    await store.commit({ changes: [], acknowledges: [waiting[0]!.sequence, waiting[2]!.sequence] });
    assert.deepEqual(await bodies(store, 'm'), ['2', '4']);
    assert.deepEqual(await bodies(store, 'other'), ['1', '2', '3', '4']);
    await store.commit({ changes: [], messages: [{ topic: 'm', body: '5' }] });
    const sequences = (await store.pendingMessages('m', 10)).map(({ sequence }) => sequence);
    assert.deepEqual(
      sequences,
      sequences.toSorted((a, b) => a - b),
    );
    assert.deepEqual(await bodies(store, 'm'), ['2', '4', '5']);
  });

  it('never gives a sequence number twice, even after all messages were settled', async () => {
    const { store } = subject;
    const seen = new Set<number>();
    for (let i = 0; i < 5; i++) {
      await store.commit({ changes: [], messages: [{ topic: 'fleeting', body: `${i}` }] });
      const [message] = await store.pendingMessages('fleeting', 10);
      assert.ok(message);
      assert.equal(message.body, `${i}`);
      assert.equal(seen.has(message.sequence), false);
      seen.add(message.sequence);
      await store.commit({ changes: [], acknowledges: [message.sequence] });
    }
  });

  it('creates only where nothing matches', async () => {
    const { store } = subject;
    await store.commit({ changes: [put(patient('n1', 'only'))], mustNotMatch: [nobodyWith('only')] });
    await assert.rejects(
      store.commit({ changes: [put(patient('n2', 'only'))], mustNotMatch: [nobodyWith('only')] }),
      conflict,
    );
    assert.equal(await store.read('Patient', 'n2'), undefined);
    const current = await store.read('Patient', 'n1');
    await store.commit({ changes: [remove(current!)] });
    await store.commit({ changes: [put(patient('n3', 'only'))], mustNotMatch: [nobodyWith('only')] });
    assert.equal(await countWith(store, 'only'), 1);
  });

  it(`lets exactly one of ${CROWD} concurrent commits with equal claims win`, async () => {
    const { store } = subject;
    const attempts = Array.from({ length: CROWD }, (_, i) =>
      store.commit({ changes: [put(patient(`claim${i}`, 'claimed'))], mustNotMatch: [nobodyWith('claimed')] }),
    );
    assert.equal(await winners(attempts), 1);
    assert.equal(await countWith(store, 'claimed'), 1);
  });

  it('lets commits with different claims pass beside one another', async () => {
    const { store } = subject;
    const attempts = Array.from({ length: CROWD }, (_, i) =>
      store.commit({ changes: [put(patient(`free${i}`, `free-${i}`))], mustNotMatch: [nobodyWith(`free-${i}`)] }),
    );
    assert.equal(await winners(attempts), CROWD);
  });

  it('commits only where nothing of several types, in several indexes, matches', async () => {
    const { store } = subject;
    const device = { resourceType: 'Device', id: 'absent', owner: { reference: 'Organization/absent' } };
    const about = {
      resourceType: 'Observation',
      id: 'absent',
      status: 'final',
      subject: { reference: 'Device/absent' },
    };
    await store.commit({ changes: [put(device), put(about)] });
    const takeAway = async (type: string, id: string, except: readonly ResourceName[] = []) => {
      const absent = referrerQueries({ definitions, parameters }, [{ type, id }], except).map((query, i) => ({
        uniquenessKey: `${type} ${i}`,
        ...query,
      }));
      await store.commit({ changes: [remove((await store.read(type, id))!)], mustNotMatch: absent });
    };
    await assert.rejects(takeAway('Device', 'absent'), conflict);
    await takeAway('Device', 'absent', [{ type: 'Observation', id: 'absent' }]);
    assert.equal((await store.read('Device', 'absent'))?.text, undefined);
  });

  it('commits only where what must be there is there', async () => {
    const { store } = subject;
    await store.commit({ changes: [put(patient('leaned-on'))] });
    const present = [{ type: 'Patient', id: 'leaned-on' }];
    await store.commit({ changes: [put(patient('leans1'))], mustExist: present });
    const never = [...present, { type: 'Patient', id: 'never-was' }];
    await assert.rejects(store.commit({ changes: [put(patient('leans2'))], mustExist: never }), conflict);
    await store.commit({ changes: [remove((await store.read('Patient', 'leaned-on'))!)] });
    await assert.rejects(store.commit({ changes: [put(patient('leans3'))], mustExist: present }), conflict);
    assert.equal(await store.read('Patient', 'leans3'), undefined);
  });

  it('commits only where what must be there is still that version', async () => {
    const { store } = subject;
    const first = put(patient('stands'));
    await store.commit({ changes: [first] });
    const standing = { type: 'Patient', id: 'stands', version: 1 };
    await store.commit({ changes: [put(patient('stands1'))], mustExist: [standing] });
    await store.commit({ changes: [], mustExist: [standing] });
    await assert.rejects(
      store.commit({ changes: [put(patient('stands2'))], mustExist: [{ ...standing, version: 2 }] }),
      conflict,
    );
    await store.commit({ changes: [put(patient('stands'), { replaces: first })] });
    for (const present of [[standing], [{ type: 'Patient', id: 'stands1' }, standing]])
      await assert.rejects(store.commit({ changes: [put(patient('stands3'))], mustExist: present }), conflict);
    assert.equal(await store.read('Patient', 'stands3'), undefined);
    await store.commit({ changes: [put(patient('stands3'))], mustExist: [{ ...standing, version: 2 }] });
  });

  it('lets no two commits each write what the other leans on', async () => {
    const { store } = subject;
    for (let round = 0; round < 10; round++) {
      const [a, b] = [put(patient(`skew${round}a`)), put(patient(`skew${round}b`))];
      await store.commit({ changes: [a, b] });
      const over = (one: typeof a, other: typeof a) =>
        store.commit({
          changes: [put(patient(one.id), { replaces: one })],
          mustExist: [{ type: other.type, id: other.id, version: 1 }],
        });
      assert.equal(await winners([over(a, b), over(b, a)]), 1);
    }
  });

  it('lets no reference to a resource slip past its deletion, nor the other way round', async () => {
    const { store } = subject;
    for (let round = 0; round < depthOf('RACES'); round++) {
      const target = { type: 'Patient', id: `raced${round}` };
      await store.commit({ changes: [put(patient(target.id))] });
      const current = (await store.read('Patient', target.id))!;
      const absent = referrerQueries({ definitions, parameters }, [target], []).map((query, i) => ({
        uniquenessKey: `${target.id} ${i}`,
        ...query,
      }));
      const creations = Array.from({ length: 8 }, (_, i) => () => {
        const about = { subject: { reference: `Patient/${target.id}` } };
        const observation = { resourceType: 'Observation', id: `race${round}-${i}`, status: 'final', ...about };
        return store.commit({ changes: [put(observation)], mustExist: [target] });
      });
      const attempts = [
        ...creations.slice(0, 4),
        () => store.commit({ changes: [remove(current)], mustNotMatch: absent }),
        ...creations.slice(4),
      ];
      const won = await winners(attempts.map(attempt => attempt()));
      const alive = (await store.read('Patient', target.id))?.text !== undefined;
      assert.equal(won, alive ? 8 : 1, 'either all that refer, or the deletion');
    }
  });

  const holding = (id: string, ...blobs: ({ hash: string; size: number } | undefined)[]) => ({
    ...put(patient(id)),
    blobs: blobs.map(blob => ({ at: 1, ...blob! })),
  });

  it('erases all versions but the tombstone, and bytes that no other resource refers to', async () => {
    const { store } = subject;
    const [own, shared] = await Promise.all(
      ['own', 'shared'].map(text => store.blobs.put(Buffer.from(text.repeat(9)))),
    );
    const first = holding('erased', own, shared);
    await store.commit({ changes: [first, holding('erased-not', shared)] });
    const second = put(patient('erased', 'later'), { replaces: first });
    await store.commit({ changes: [second] });
    await store.commit({ changes: [{ ...remove(second), erases: true }] });
    const { rows } = await store.history({ type: 'Patient', id: 'erased', limit: 10 });
    assert.deepEqual(
      rows.map(({ version, method, text, blobs }) => ({ version, method, text, blobs })),
      [{ version: 3, method: 'DELETE', text: undefined, blobs: undefined }],
    );
    for (const version of [1, 2]) assert.equal(await store.read('Patient', 'erased', version), undefined);
    assert.equal(await countWith(store, 'later'), 0);
    assert.equal(await store.blobs.get(own!.hash), undefined);
    assert.ok(await store.blobs.get(shared!.hash));
    await store.commit({ changes: [put(patient('erased'), { replaces: rows[0]! })] });
    assert.equal((await store.read('Patient', 'erased'))?.version, 4);
  });

  it('keeps bytes for what refers to them at the moment when they are erased, or refuses it', async () => {
    const { store } = subject;
    // Large enough for chunks in both stores.
    const sizes = [100, 1_200_000];
    for (let round = 0; round < depthOf('RACES'); round++) {
      const bytes = Buffer.alloc(sizes[round % 2]!, `${round} `);
      const blob = await store.blobs.put(bytes);
      const first = holding(`gone${round}`, blob);
      await store.commit({ changes: [first] });
      const others = [0, 1, 2].map(i => holding(`stays${round}-${i}`, blob));
      const results = await Promise.allSettled([
        store.commit({ changes: [others[0]!] }),
        store.commit({ changes: [{ ...remove(first), erases: true }] }),
        ...others.slice(1).map(change => store.commit({ changes: [change] })),
      ]);
      assert.equal(results[1].status, 'fulfilled');
      for (const result of results)
        if (result.status === 'rejected') assert.equal((result.reason as { kind?: string }).kind, 'conflict');
      const kept = results.filter(({ status }) => status === 'fulfilled').length - 1;
      const found = await store.blobs.get(blob.hash);
      assert.equal(found !== undefined, kept > 0, 'the bytes are there if anything refers to them');
      if (found) {
        const parts: Buffer[] = [];
        for await (const part of found.bytes) parts.push(part);
        assert.ok(bytes.equals(Buffer.concat(parts)));
      }
      await store.blobs.put(bytes);
      await store.commit({ changes: [holding(`again${round}`, blob)] });
    }
    const never = { hash: '0'.repeat(64), size: 1 };
    await assert.rejects(store.commit({ changes: [holding('no-bytes', never)] }), { kind: 'conflict' });
    assert.equal(await store.read('Patient', 'no-bytes'), undefined);
  });

  it('erases in one commit what another of its changes still refers to, but for the bytes', async () => {
    const { store } = subject;
    const blob = await store.blobs.put(Buffer.from('handed on'));
    const first = holding('hands-on', blob);
    await store.commit({ changes: [first] });
    const takes = holding('takes-over', blob);
    await store.commit({ changes: [{ ...remove(first), erases: true }, takes] });
    assert.ok(await store.blobs.get(blob.hash));
    await store.commit({ changes: [{ ...remove(takes), erases: true }] });
    assert.equal(await store.blobs.get(blob.hash), undefined);
  });

  it('sees a match whose code system was met for the first time in a commit just before', async () => {
    const { store } = subject;
    const fresh = (id: string): Resource => ({ ...patient(id), identifier: [{ system: 'urn:fresh', value: 'f' }] });
    const absent = [{ uniquenessKey: 'fresh', types: ['Patient'], where: queryOf('Patient?identifier=f').where }];
    const attempts = [1, 2, 3].map(i => store.commit({ changes: [put(fresh(`fresh${i}`))], mustNotMatch: absent }));
    assert.equal(await winners(attempts), 1);
  });

  it('holds many creations when it answers', async () => {
    const { store } = subject;
    const changes = Array.from({ length: 30 }, (_, i) =>
      put({ resourceType: 'AuditEvent', id: `audit${i}`, recorded: '2024-01-01T00:00:00Z' }),
    );
    await store.commit({ changes });
    for (const { id } of changes) assert.ok(await store.read('AuditEvent', id));
    assert.equal((await store.count(queryOf('AuditEvent?date=2024'))).count, 30);
  });

  it('holds everything acknowledged after it was opened again', async () => {
    await subject.store.commit({ changes: [put(patient('durable'))], messages: [{ topic: 'durable', body: 'x' }] });
    const store = await subject.reopen();
    assert.equal((await store.read('Patient', 'durable'))?.version, 1);
    assert.equal(await countWith(store, 'durable'), 1);
    assert.deepEqual(await bodies(store, 'durable'), ['x']);
    await store.commit({ changes: [put(patient('after-reopen'))], messages: [{ topic: 'durable', body: 'y' }] });
    assert.deepEqual(await bodies(store, 'durable'), ['x', 'y']);
    assert.equal(await countWith(store, 'after-reopen'), 1);
  });
}
