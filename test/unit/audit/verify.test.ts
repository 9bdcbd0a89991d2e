/** What docs/audit.md says that verification finds; tampering of every kind at random places is in test/property/audit-tampering. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { sealBefore } from '../../../src/audit/ledger/before.js';
import type { LedgerEntry } from '../../../src/audit/ledger/entry.js';
import type { ExportLine } from '../../../src/audit/ledger/export-line.js';
import { readKeyText, readWitnessKey, witnessKeyText } from '../../../src/audit/ledger/note.js';
import { rotationOf } from '../../../src/audit/ledger/rotation.js';
import type { VerifyOptions } from '../../../src/audit/ledger/verify.js';
import { createHash } from 'node:crypto';
import { treeRoot } from '../../../src/store/ledger.js';
import type { LedgerNote } from '../../../src/store/seals.js';
import { ended, MemoryTrail, newLedgerKey, sampleTrail, textOfExport, verifyText } from '../../support/audit-trail.js';
import { createRandom } from '../../support/random.js';
import { deedRow } from '../../../src/store/deeds.js';

const found = async (text: string | Uint8Array, options?: VerifyOptions): Promise<string[]> => {
  const { findings } = await verifyText(text, options);
  return findings.named.map(
    ({ what, where, isWarning }) => `${what} ${JSON.stringify(where)}${isWarning ? ' warning' : ''}`,
  );
};
const codes = async (text: string, options?: VerifyOptions): Promise<string[]> =>
  (await found(text, options)).map(told => told.split(' ')[0]!);

/** One stream of so many rows of one deed each, a second apart. */
function plainTrail(rows: number): { trail: MemoryTrail; stream: ReturnType<MemoryTrail['open']> } {
  const trail = new MemoryTrail(createRandom(7));
  const stream = trail.open();
  for (let at = 0; at < rows; at++) {
    trail.now += 1000;
    trail.write(stream, [trail.deed()]);
  }
  trail.sign(stream);
  return { trail, stream };
}

describe('what a witness has signed', () => {
  const witness = newLedgerKey();
  const shown = (rows = 30) => {
    const trail = sampleTrail(createRandom(5), rows);
    trail.show('w.test', witness.secret);
    return trail;
  };
  const options = { witnesses: [readWitnessKey(witnessKeyText({ ...readKeyText(witness.text)!, name: 'w.test' }))!] };

  it('is over the anchors of an export, and says when they were seen', async () => {
    const trail = shown();
    const text = textOfExport(await trail.export());
    assert.deepEqual(await found(text, options), []);
    const { seen } = await verifyText(text, options);
    const times = trail.anchors.map(({ note }) => Date.parse(note.split('\n')[3]!));
    assert.deepEqual(seen, { by: 'w.test', anchors: times.length, until: Math.max(...times) });
    assert.deepEqual(await found(text), [], 'nobody asks for a witness');
    const part = textOfExport(await trail.export({ from: trail.now - 5000 }));
    assert.deepEqual(await found(part, options), []);
  });

  it('says that another log was begun which the witness has not signed yet', async () => {
    const trail = shown();
    trail.witnessed = { ...trail.witnessed!, begun: '2026-01-31T08-15-00Z' };
    const { findings } = await verifyText(textOfExport(await trail.export()), options);
    assert.deepEqual(
      findings.named.map(({ what, isWarning }) => [what, isWarning]),
      [['restored', true]],
    );
  });

  it('says how far it goes, whenever it was signed', async () => {
    const trail = shown();
    const until = Math.max(...trail.anchors.map(({ note }) => Date.parse(note.split('\n')[3]!)));
    trail.now += 5 * 3_600_000;
    trail.anchor();
    const text = textOfExport(await trail.export());
    assert.deepEqual(await found(text, options), ['not-anchored {"id":"witness"} warning']);
    assert.equal((await verifyText(text, options)).seen?.until, until);
    // A time that there is none of is none.
    trail.show('w.test', witness.secret, 2n ** 60n);
    assert.deepEqual(await codes(textOfExport(await trail.export()), options), ['bad-signature']);
  });

  it('is missed where it is not there, of somebody else, or over other anchors', async () => {
    const trail = shown();
    const lines = await trail.export();
    const changed = (change: (line: ExportLine) => ExportLine | undefined): string =>
      textOfExport(ended(lines.flatMap(line => change(line) ?? [])));
    const without = changed(line => (line.kind === 'witnessed' ? undefined : line));
    assert.deepEqual(await codes(without, options), ['missing']);
    assert.deepEqual(await codes(without), []);
    const unsigned = changed(line =>
      line.kind === 'witnessed'
        ? { ...line, witnessed: line.witnessed.split('\n').slice(0, -2).join('\n') + '\n' }
        : line,
    );
    assert.deepEqual(await codes(unsigned, options), ['bad-signature']);
    const [first] = trail.anchors;
    const taken = changed(line => (line.kind === 'anchor' && line.anchor === first!.note ? undefined : line));
    assert.deepEqual(await codes(taken, options), ['missing']);
    const cut = changed(line => (line.kind === 'witnessed' ? { ...line, shown: [] } : line));
    assert.deepEqual(await codes(cut, options), ['altered']);
    const stream = lines.find(line => line.kind === 'checkpoint')!;
    const ofAnother = changed(line =>
      line.kind === 'witnessed' && stream.kind === 'checkpoint'
        ? { ...line, witnessed: stream.checkpoint, shown: [] }
        : line,
    );
    assert.deepEqual(await codes(ofAnother, options), ['altered']);
  });

  it('is of no other trail, of whatever time that is said to be', async () => {
    const trail = shown();
    const witnessed = (await trail.export()).find(({ kind }) => kind === 'witnessed')!;
    // Whoever has the key writes another one, and puts the line of the true one into it.
    const other = new MemoryTrail(createRandom(6));
    other.keys.splice(0, Infinity, ...trail.keys);
    other.now = trail.now;
    const stream = other.open();
    for (let at = 0; at < 30; at++) other.write(stream, [other.deed()]);
    other.sign(stream);
    other.anchor();
    for (const asked of [{}, { from: 0 }, { to: trail.now + 1000 }, { from: 0, to: trail.now + 1000 }]) {
      const lines = await other.export(asked);
      const at = lines.findIndex(({ kind }) => kind === 'anchor');
      const text = textOfExport(ended([...lines.slice(0, at), witnessed, ...lines.slice(at)]));
      assert.ok((await codes(text, options)).includes('missing'), JSON.stringify(asked));
      assert.equal((await verifyText(text, options)).seen, undefined);
    }
  });
});

describe('an export of the trail', () => {
  const trail = sampleTrail(createRandom(1), 30);

  it('is not blamed as it is, whole or of a time, with texts or without', async () => {
    const middle = trail.now - 8000;
    const keys = trail.keys.map(({ text }) => text);
    const anchors = [trail.anchors[0]!, { note: trail.anchors.at(-1)!.note }];
    for (const asked of [{}, { texts: true }]) {
      const { findings, counts } = await verifyText(textOfExport(await trail.export(asked)), { keys, anchors });
      assert.deepEqual(findings.named, []);
      assert.equal(counts.streams, 3);
      assert.ok(counts.deeds > 100 && counts.events > counts.deeds && counts.checkpoints > 5 && counts.anchors > 2);
    }
    for (const asked of [{ from: middle }, { to: middle }, { from: middle, to: middle + 1000 }]) {
      const { findings, counts } = await verifyText(textOfExport(await trail.export(asked)), { keys });
      assert.deepEqual(findings.named, []);
      assert.ok(counts.rows > 0);
    }
  });

  it('is not blamed for other line ends, another order of members, or an empty line', async () => {
    const text = textOfExport(await trail.export());
    assert.deepEqual(await found(text.replaceAll('\n', '\r\n')), ['malformed {"line":1} warning']);
    assert.deepEqual(await found(`${text}\n\n`), []);
    const turned = text.replace(/\{"rows":(\d+),"events":(\d+),/, '{"events":$2,"rows":$1,');
    assert.notEqual(turned, text);
    assert.deepEqual(await found(turned), []);
  });

  it('is none where it does not begin as one', async () => {
    for (const text of [
      '',
      'hello\n',
      '{"chartroom":"audit-export","version":2}\n',
      '\ufeff{}',
      Buffer.from([0xff, 0x0a]),
    ]) {
      const { header } = await verifyText(text);
      assert.equal(header, undefined);
    }
  });

  it('names the deed that was edited by the hashes beside it, and goes on behind it', async () => {
    const { trail: long } = plainTrail(600);
    const lines = await long.export();
    const rows = lines.flatMap((line, at) => (line.kind === 'row' ? [at] : []));
    const edited = [100, 101, 300, 550].reduce<ExportLine[]>((all, index) => {
      const { row } = all[rows[index]!] as ExportLine & { kind: 'row' };
      const deeds = [Buffer.from(long.deed(row.last).bytes).toString('base64')];
      return all.with(rows[index]!, { kind: 'row', row: { ...row, deeds } });
    }, lines);
    const told = await found(textOfExport(ended(edited)));
    assert.deepEqual(told.filter(one => /"index":(100|101|300|550)\b/.test(one)).length, 4);
    assert.equal(told.length, 5, 'and what comes behind the last cannot be checked');
    assert.match(told.at(-1)!, /^not-anchored .*"index":551.* warning/);
  });

  it('tells of a clock that ran backwards, but not of deeds that took minutes', async () => {
    const { trail: late, stream } = plainTrail(3);
    late.now -= 500_000;
    late.write(stream, [late.deed()]);
    late.sign(stream);
    assert.deepEqual(await codes(textOfExport(await late.export())), []);
    late.now -= 5_000_000;
    late.write(stream, [late.deed()]);
    late.sign(stream);
    assert.deepEqual(await found(textOfExport(await late.export())), [
      `clock-backwards ${JSON.stringify({ stream: stream.id, index: 5 })}`,
    ]);
  });

  it('warns of what is not signed yet, and blames what should have been', async () => {
    const { trail: open, stream } = plainTrail(3);
    open.write(stream, [open.deed()]);
    assert.deepEqual(await found(textOfExport(await open.export())), [
      `not-anchored ${JSON.stringify({ stream: stream.id, index: 4, to: 4 })} warning`,
    ]);
    open.entry(stream, { what: 'closed' });
    assert.deepEqual(await codes(textOfExport(await open.export())), ['missing']);
    open.write(stream, [open.deed()]);
    open.sign(stream);
    assert.deepEqual(await codes(textOfExport(await open.export())), ['inserted']);
  });

  it('trusts a key that a trusted one has named, and no other', async () => {
    const { trail: turned, stream } = plainTrail(3);
    const [old, next] = [turned.keys[0]!, newLedgerKey()];
    turned.entry(stream, rotationOf(old.text, next.text, [old.secret, next.secret]));
    turned.keys.push(next);
    turned.sign(stream, next);
    turned.open();
    turned.sign(turned.streams[1]!);
    const text = textOfExport(await turned.export());
    assert.deepEqual(await found(text, { keys: [old.text] }), []);
    assert.deepEqual(await codes(text, { keys: [next.text] }), ['unknown-key']);
    turned.entry(stream, { ...rotationOf(old.text, next.text, [old.secret, old.secret]) });
    turned.sign(stream, next);
    assert.deepEqual(await codes(textOfExport(await turned.export()), { keys: [old.text] }), ['bad-signature']);
  });

  it('needs no deeds that the ledger says were removed, and misses others', async () => {
    const { trail: long, stream } = plainTrail(300);
    const root = treeRoot(stream.leaves.slice(0, 256)).toString('base64');
    const remove = (): void =>
      stream.rows.splice(0, 256).forEach(({ first, last, root: sealed }, at) => {
        stream.rows.splice(at, 0, { first, last, root: sealed, hashes: stream.leaves[first]! });
      });
    remove();
    assert.match((await found(textOfExport(await long.export())))[0]!, /^missing .*"index":0,"to":255/);
    long.entry(stream, { what: 'removed', stream: stream.id, from: 0, to: 256, root });
    long.sign(stream);
    assert.deepEqual(await codes(textOfExport(await long.export())), []);
  });

  it('is held against anchors that were kept elsewhere', async () => {
    const text = textOfExport(await trail.export());
    const [first] = trail.anchors;
    const other = newLedgerKey();
    const strange = sampleTrail(createRandom(3), 10).anchors[0]!;
    assert.deepEqual(await found(text, { anchors: [strange] }), ['bad-signature {"id":"anchor 1"}']);
    const heads = [...first!.heads.slice(1), first!.heads[0]!.replace(/\n\d+\n/, '\n1\n')];
    assert.deepEqual(await found(text, { anchors: [{ note: first!.note, heads }] }), ['altered {"id":"anchor 1"}']);
    assert.deepEqual(await codes(text, { keys: [other.text] }), ['unknown-key']);
    // One that is younger than the export knows of more.
    const lines = await trail.export();
    trail.now += 60_000;
    trail.write(trail.streams.at(-1)!, [trail.deed()]);
    trail.anchor();
    const younger = trail.anchors.pop()!;
    assert.deepEqual(await found(textOfExport(lines), { anchors: [younger] }), []);
    assert.deepEqual(await found(textOfExport(lines), { anchors: [{ note: younger.note }] }), [
      'not-anchored {"id":"anchor"} warning',
    ]);
  });
});

describe('events that others have sent', () => {
  const eventAt = (id: string, at: number): string =>
    JSON.stringify({ resourceType: 'AuditEvent', id, meta: { lastUpdated: new Date(at).toISOString() }, outcome: '0' });

  it('are vouched for by what the ledger says again of deeds that were removed', async () => {
    const { trail, stream } = plainTrail(3);
    const text = eventAt('sent-1', trail.now);
    const hash = createHash('sha256').update(text).digest('hex');
    trail.received.push(text);
    assert.deepEqual(await codes(textOfExport(await trail.export())), ['not-anchored'], 'a positive control');
    trail.entry(stream, { what: 'received', events: [{ id: 'sent-1', hash }] });
    trail.sign(stream);
    assert.deepEqual(await codes(textOfExport(await trail.export())), []);
    trail.received[0] = text.replace('"0"', '"8"');
    assert.deepEqual(await codes(textOfExport(await trail.export())), ['altered']);
    trail.received.pop();
    assert.deepEqual(await codes(textOfExport(await trail.export())), ['missing']);
  });

  it('AUD-5: are put in where no deed tells of them and the ledger says what was there before, and where they stand twice', async () => {
    const { trail, stream } = plainTrail(3);
    const until = new Date(trail.now).toISOString();
    const root = createHash('sha256').digest('base64');
    trail.now += 1000;
    const text = eventAt('sent-1', trail.now);
    trail.write(stream, [trail.receipt(text)]);
    trail.sign(stream);
    trail.received.push(text, eventAt('made-up', trail.now));
    trail.now += 120_000;
    assert.deepEqual(
      await codes(textOfExport(await trail.export())),
      ['not-anchored'],
      'it may be older than the ledger',
    );
    trail.entry(stream, { what: 'before', rows: 0, events: 0, root, until });
    trail.sign(stream);
    const [place] = await found(textOfExport(await trail.export()));
    assert.match(place!, /^inserted \{"id":"made-up","line":\d+\}$/);
    trail.received[1] = text;
    assert.deepEqual(await codes(textOfExport(await trail.export())), ['inserted']);
    trail.received[1] = eventAt('came meanwhile', trail.now - 1000);
    assert.deepEqual(await codes(textOfExport(await trail.export())), ['not-anchored'], 'its deed is behind the end');
    // Whoever puts one in may say that the export was made earlier: what is sealed says how late it was.
    const made = trail.now - 600_000;
    trail.received[1] = eventAt('made-up', trail.now - 100_000);
    assert.deepEqual(await codes(textOfExport(await trail.export({ made }))), ['inserted']);
  });

  it('are none of before the ledger where a row of then has a time far ahead', async () => {
    const { trail, stream } = plainTrail(3);
    const ahead = trail.deed(trail.now + 10 * 365 * 86_400_000);
    const { bytes } = deedRow([ahead]);
    trail.shapes.set(ahead.shape.id, ahead.shape);
    trail.old.push({ last: ahead.at, bytes, deeds: [ahead] });
    const notes = new Map<string, LedgerNote>();
    const said: LedgerEntry[] = [];
    const deeds = {
      shapes: async () => [...trail.shapes.values()],
      unsealed: async () => [{ last: ahead.at, sequence: 1, bytes, events: 1, altered: false }],
      notes: {
        find: async ({ prefix }: { prefix: string }) => [...notes.values()].filter(({ name }) => name === prefix),
        keep: async (kept: readonly LedgerNote[]) => kept.forEach(note => notes.set(note.name, note)),
        drop: async () => {},
      },
    };
    const store = { deeds, horizon: () => Infinity, find: async () => ({ rows: [], cursors: [], more: false }) };
    await sealBefore({
      ...{ store: store as unknown as Parameters<typeof sealBefore>[0]['store'], now: trail.now },
      say: async entries => void said.push(...entries),
      goesOn: async () => true,
    });
    trail.entry(stream, said[0]!);
    trail.now += 1000;
    const text = eventAt('sent-2', trail.now);
    trail.write(stream, [trail.receipt(text)]);
    trail.sign(stream);
    trail.received.push(text);
    assert.deepEqual(await found(textOfExport(await trail.export())), []);
    trail.old.push({ ...trail.old[0]!, last: ahead.at + 1000 });
    assert.ok((await codes(textOfExport(await trail.export()))).includes('inserted'), 'rows later than those');
  });
});
