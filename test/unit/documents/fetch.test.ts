/** Documents that lie elsewhere: whom is asked, and how much one request may fetch. src/features/documents/fetch.ts */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { createFetch } from '../../../src/features/documents/fetch.js';
import type { Outgoing } from '../../../src/outgoing/client.js';

const MB = 1024 * 1024;

function elsewhere(size: number, status = 200) {
  const asked: string[] = [];
  const client: Pick<Outgoing, 'ask' | 'check'> = {
    ask: async url => {
      asked.push(url);
      return { status, headers: { 'content-type': 'text/plain; charset=utf-8' }, url, body: Buffer.alloc(size) };
    },
    check: url => {
      if (!url.startsWith('https://listed.example.org/')) throw new Error('not listed');
    },
  };
  return { asked, fetch: createFetch('listed.example.org', () => client as Outgoing) };
}

function request(requestId: string) {
  const rooms: number[] = [];
  return { rooms, requestId, room: async (bytes: number) => void rooms.push(bytes) };
}

describe('documents elsewhere', () => {
  it('are fetched from listed hosts alone, when there is room for them', async () => {
    const { asked, fetch } = elsewhere(3);
    const one = request('one');
    assert.equal(await fetch(one, 'https://other.example.org/a'), undefined);
    assert.deepEqual([asked, one.rooms], [[], []]);
    assert.deepEqual(await fetch(one, 'https://listed.example.org/a'), { contentType: 'text/plain', data: 'AAAA' });
    assert.deepEqual(one.rooms, [200 * MB]);
    const full = { ...one, room: () => Promise.reject(new Error('no room')) };
    await assert.rejects(fetch(full, 'https://listed.example.org/b'), /no room/);
    assert.equal(asked.length, 1, 'nothing is asked for without room');
  });

  it('have 200 MB a request, whatever other requests fetch', async () => {
    const { fetch } = elsewhere(80 * MB);
    const url = 'https://listed.example.org/a';
    await fetch(request('one'), url);
    await fetch(request('one'), url);
    await assert.rejects(fetch(request('one'), url), /200 MB/);
    assert.ok(await fetch(request('two'), url), 'the positive control');
  });

  it('that the other server refuses are refused', async () => {
    const { fetch } = elsewhere(3, 404);
    await assert.rejects(fetch(request('one'), 'https://listed.example.org/a'), /the other server says 404/);
  });
});
