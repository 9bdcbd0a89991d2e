/** What a server knows of the streams of a ledger (src/audit/ledger/streams.ts): of those that are final for long one id is enough. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { lastAnchor, makeAnchor } from '../../../src/audit/ledger/anchors.js';
import { lastNote } from '../../../src/audit/ledger/kept-notes.js';
import { checkpointText, signNote, streamOrigin } from '../../../src/audit/ledger/note.js';
import { passedTime } from '../../../src/audit/ledger/passed-time.js';
import { LedgerStreams } from '../../../src/audit/ledger/streams.js';
import type { LedgerNote } from '../../../src/store/seals.js';
import type { Commit, Store } from '../../../src/store/store.js';
import { newId, timeOfId } from '../../../src/platform/ids.js';
import { LEDGER, newLedgerKey } from '../../support/audit-trail.js';
import { notesIn } from '../../support/ledger.js';

const MONTH = 30 * 24 * 3_600_000;

/** The part of a store that is asked. */
function storeOf(streams: readonly string[]) {
  const notes = new Map<string, LedgerNote>();
  const asked: (string | undefined)[] = [];
  const deeds = {
    streams: async (after = '') => {
      asked.push(after);
      return streams.filter(stream => stream > after);
    },
    heads: async () => [],
    notes: notesIn(notes),
  } as unknown as Store['deeds'];
  return { known: new LedgerStreams({ deeds, shared: false }, 'one', () => 0), notes, asked, deeds };
}

describe('streams of a ledger that are final for long', () => {
  const ids = Array.from({ length: 6 }, () => newId(Date.now()));
  const streams = [...new Set(ids)].toSorted();
  // An id is later than all before it, whatever time is asked for.
  const now = timeOfId(streams.at(-1)!)!;

  it('are forgotten up to the first one that is not', async () => {
    const { known, notes, asked } = storeOf(streams);
    const [a, b, c, d] = streams as [string, string, string, string];
    await known.noteFinal([a, b, d]);
    await known.tidy(now);
    assert.deepEqual(
      [...notes.keys()].filter(name => name === 'stream/settled'),
      [],
      'not for long yet',
    );
    await known.tidy(now + MONTH);
    assert.deepEqual([...notes.keys()].toSorted(), [`stream/final/${d}`, 'stream/settled']);
    const underWay = await known.underWay();
    assert.equal(asked.at(-1), b);
    assert.deepEqual(
      underWay.map(({ stream }) => stream),
      [c, ...streams.slice(4)],
    );
    // One that went on after all, as that of a process that was stopped.
    await known.noteOwn(a);
    assert.ok((await known.underWay()).some(({ stream }) => stream === a));
  });
});

describe('the last anchor', () => {
  const HOUR = 3_600_000;

  it('is the one that was made last, also after a clock that was ahead', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'chartroom-anchors-'));
    const { deeds } = storeOf([]);
    const [key, stream, ledger] = [newLedgerKey(), newId(0), LEDGER];
    let [size, signer] = [1, key];
    const options = {
      ...{ store: { deeds } as unknown as Store, ledger, file: join(folder, 'anchors'), keepers: [] },
      key: () => ({ ...key, made: 0 }),
      keyTexts: async () => [key.text],
      streams: { underWay: async () => [{ stream, ended: false }], noteFinal: async () => {}, tidy: async () => {} },
      checkpoints: {
        last: async () => {
          const head = { origin: streamOrigin(ledger, stream), size, root: Buffer.alloc(32, size), extensions: [] };
          return signNote(checkpointText(head), ledger, signer.secret);
        },
      },
    };
    assert.ok(await makeAnchor(options, 100 * HOUR));
    size = 2;
    assert.ok(await makeAnchor(options, HOUR));
    const kept = await lastAnchor(deeds.notes);
    assert.match(kept!.heads[0]!, /\n2\n/);
    assert.equal(await makeAnchor(options, 2 * HOUR), false, 'nothing was done since');
    [size, signer] = [3, newLedgerKey()];
    assert.equal(await makeAnchor(options, 3 * HOUR), false, 'nobody of this ledger has signed that');
    assert.equal(readFileSync(options.file, 'utf8').trim().split('\n').length, 2);
    rmSync(folder, { recursive: true });
  });
});

describe('keepers of anchors', () => {
  const HOUR = 3_600_000;

  it('get each, or one a day, whatever the clock has been meanwhile', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'chartroom-keepers-'));
    const { deeds } = storeOf([]);
    const [key, stream] = [newLedgerKey(), newId(0)];
    const sent: string[] = [];
    let size = 0;
    const keep = async () => {};
    const options = {
      store: {
        deeds,
        commit: async ({ messages = [] }: Commit) => void sent.push(...messages.map(({ topic }) => topic)),
      } as unknown as Store,
      ...{ ledger: LEDGER, file: join(folder, 'anchors') },
      keepers: [
        { way: 'url', every: 0, keep },
        { way: 'mail', every: 24 * HOUR, keep },
      ],
      key: () => ({ ...key, made: 0 }),
      keyTexts: async () => [key.text],
      streams: { underWay: async () => [{ stream, ended: false }], noteFinal: async () => {}, tidy: async () => {} },
      checkpoints: {
        last: async () => {
          const root = Buffer.alloc(32, size);
          const text = checkpointText({ origin: streamOrigin(LEDGER, stream), size, root, extensions: [] });
          return signNote(text, LEDGER, key.secret);
        },
      },
    };
    const given: string[] = [];
    for (const hour of [0, 1, 23, 24, 25, 100, 47, 48, 71]) {
      size += 1;
      sent.length = 0;
      assert.ok(await makeAnchor(options, hour * HOUR));
      given.push(
        `${hour}: ${sent.map(topic => topic.replace('audit-anchor-', '').replace('audit-anchor', 'url')).join(' ')}`,
      );
    }
    const once = [1, 23, 25, 48].map(hour => `${hour}: url`);
    const both = [0, 24, 100, 47, 71].map(hour => `${hour}: url mail`);
    assert.deepEqual(given.toSorted(), [...once, ...both].toSorted());
    rmSync(folder, { recursive: true });
  });
});

describe('the time that is believed', () => {
  const HOUR = 3_600_000;
  const NOW = Date.parse('2026-11-30T00:00:00Z');
  const AHEAD = Date.parse('2040-01-01T00:00:00Z');
  /** A store whose newest deeds are of these times. */
  const deedsOf = (...times: readonly number[]): Store['deeds'] =>
    ({
      ...storeOf([]).deeds,
      find: async ({ to }: { to: number }) =>
        times.filter(last => last <= to).flatMap((last, i, all) => (i === all.length - 1 ? [{ last }] : [])),
    }) as unknown as Store['deeds'];

  it('is that of the clock, as long as it is not far ahead of the trail', async () => {
    const deeds = deedsOf(NOW - 2 * HOUR, NOW + HOUR);
    assert.deepEqual(await passedTime({ deeds }, { now: NOW, started: NOW, ran: 1 }), { time: NOW, isAhead: false });
    for (const now of [NOW + 20 * HOUR, NOW + 40 * HOUR, NOW])
      assert.deepEqual(await passedTime({ deeds }, { now, started: NOW, ran: 1 }), { time: now, isAhead: false });
    assert.equal(await lastNote(deeds.notes, 'time-passed'), String(NOW + 40 * HOUR), 'set back, it is not forgotten');
    const none = { deeds: deedsOf() };
    assert.deepEqual(await passedTime(none, { now: NOW, started: NOW, ran: 1 }), { time: NOW, isAhead: false });
  });

  it('goes on with what processes ran where the clock is, also after another start', async () => {
    const deeds = deedsOf(NOW, AHEAD + HOUR);
    const ask = (now: number, ran: number) => passedTime({ deeds }, { now, started: AHEAD, ran });
    assert.deepEqual(await ask(AHEAD, 0), { time: NOW, isAhead: true });
    assert.deepEqual(await ask(AHEAD + HOUR, HOUR), { time: NOW + 2 * HOUR, isAhead: true });
    const later = await passedTime({ deeds }, { now: AHEAD + 2 * HOUR, started: AHEAD + 2 * HOUR, ran: HOUR });
    assert.deepEqual(later, { time: NOW + 4 * HOUR, isAhead: true });
    assert.deepEqual(await ask(NOW + 5 * HOUR, HOUR), { time: NOW + 5 * HOUR, isAhead: false }, 'it is set');
  });
});
