/** What a witness is shown of a ledger, and what is done where it does not sign (src/audit/ledger/witness.ts); https://c2sp.org/tlog-witness */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { KeeperGround } from '../../../src/audit/ledger/anchors.js';
import { LAST_WITNESSED, textNote, witnessedName } from '../../../src/audit/ledger/kept-notes.js';
import {
  anchorsOrigin,
  checkpointText,
  cosignedAt,
  leafOfNote,
  openCheckpoint,
  signNote,
} from '../../../src/audit/ledger/note.js';
import {
  allowNewLog,
  hasWitnessRefused,
  type WitnessAnswer,
  witnessedLog,
  WitnessLog,
} from '../../../src/audit/ledger/witness.js';
import { FhirError } from '../../../src/fhir/error.js';
import { treeRoot } from '../../../src/store/ledger.js';
import type { LedgerNote } from '../../../src/store/seals.js';
import { LEDGER, newLedgerKey } from '../../support/audit-trail.js';
import { notesIn } from '../../support/ledger.js';
import { TestWitness } from '../../support/witness.js';

function stage() {
  const kept = new Map<string, LedgerNote>();
  const key = { ...newLedgerKey(), made: 0 };
  const logged: unknown[] = [];
  const ground: KeeperGround = {
    log: { warn: (...told: unknown[]) => void logged.push(told[0]) },
    notes: notesIn(kept),
    ledger: LEDGER,
    key: () => key,
    ending: new AbortController().signal,
  };
  const witness = new TestWitness();
  witness.trusted = [key.text];
  /** What is done with an answer on its way. */
  let passed = (answer: WitnessAnswer): WitnessAnswer => answer;
  const opened = () => new WitnessLog({ key: witness.key, add: async body => passed(witness.add(body)) });
  let log = opened();
  const show = (number: number): Promise<void> => {
    const text = checkpointText({
      origin: `${LEDGER}/anchor`,
      size: number,
      root: Buffer.alloc(32, number),
      extensions: [],
    });
    const note = signNote(text, LEDGER, key.secret);
    const line = JSON.stringify({ note, heads: [] });
    return log.show({ note, heads: [], line, time: '' }, ground);
  };
  return {
    kept,
    logged,
    ground,
    witness,
    show,
    restart: () => void (log = opened()),
    pass: (other: typeof passed) => void (passed = other),
    key,
  };
}

const refusedAs = (detail: string) => (error: unknown) =>
  error instanceof FhirError &&
  error.kind === (detail === 'witness-refuses' ? 'unprocessable' : 'unavailable') &&
  error.issues[0]?.detail === detail;

describe('a witness', () => {
  it('signs a log that grows, of whatever size', async () => {
    const { ground, witness, show } = stage();
    for (let number = 1; number <= 21; number++) {
      await show(number);
      const { note, shown } = (await witnessedLog(ground.notes))!;
      const { checkpoint } = openCheckpoint(note, []);
      assert.deepEqual([checkpoint.size, shown.length], [number, number]);
      assert.deepEqual(checkpoint.root, treeRoot(shown.map(leafOfNote)));
      assert.ok(cosignedAt(note, witness.key));
    }
    assert.equal(witness.asked, 21, 'it is asked once each time');
  });

  it('whose answer was not heard, or who has forgotten all, is told from where it knows', async () => {
    const { ground, witness, show, pass, restart } = stage();
    await show(1);
    pass(() => ({ status: 502, contentType: '', text: '' }));
    await assert.rejects(show(2), refusedAs('status-502'));
    pass(answer => answer);
    restart();
    await show(2);
    await show(3);
    assert.equal((await witnessedLog(ground.notes))!.shown.length, 3, 'none of them twice');
    witness.heads.clear();
    await show(4);
    assert.equal(witness.heads.get(anchorsOrigin(LEDGER))?.size, 4);
  });

  it('does not sign what was written anew', async () => {
    const { kept, ground, show, restart } = stage();
    for (const number of [1, 2, 3]) await show(number);
    restart();
    const before = kept.get(LAST_WITNESSED);
    await ground.notes.keep([textNote(witnessedName(1), JSON.stringify({ note: 'another', heads: [] }))]);
    await assert.rejects(show(4), refusedAs('witness-refuses'));
    assert.equal(kept.get(LAST_WITNESSED), before, 'what it has signed stays');
    // Less than it has seen: an older copy of the store.
    restart();
    for (const name of [witnessedName(1), witnessedName(2), witnessedName(3), LAST_WITNESSED]) kept.delete(name);
    await assert.rejects(show(5), refusedAs('witness-refuses'));
  });

  it('is shown another log where somebody has accepted an older copy of the store, and no other time', async () => {
    const { kept, ground, witness, show, restart, logged } = stage();
    for (const number of [1, 2, 3]) await show(number);
    restart();
    // An older copy of the store: it knows two, and the witness three.
    kept.delete(witnessedName(2));
    const { note } = (await witnessedLog(ground.notes))!;
    for (let i = 0; i < 2; i++) await assert.rejects(show(4), refusedAs('witness-refuses'));
    assert.ok(await hasWitnessRefused(ground.notes));
    assert.equal((await witnessedLog(ground.notes))!.note, note);
    await allowNewLog(ground.notes, Date.UTC(2026, 0, 31, 8, 15));
    assert.ok(!(await hasWitnessRefused(ground.notes)));
    const origin = `${LEDGER}/anchors/2026-01-31T08-15-00Z`;
    await show(5);
    assert.deepEqual(logged, [{ origin }]);
    const signed = (await witnessedLog(ground.notes))!;
    assert.equal(openCheckpoint(signed.note, []).checkpoint.origin, origin);
    assert.ok(cosignedAt(signed.note, witness.key));
    assert.equal(signed.shown.length, witness.heads.get(origin)?.size, 'what is known of before is in it');
    assert.ok(signed.shown.length >= 3);
    assert.equal(witness.heads.get(anchorsOrigin(LEDGER))?.size, 3, 'the first one stays with the witness as it was');
    restart();
    await show(6);
    assert.equal(logged.length, 1);
    // Once more, without being accepted: the same as the first time.
    kept.delete(witnessedName(signed.shown.length));
    kept.delete(witnessedName(signed.shown.length - 1));
    restart();
    await assert.rejects(show(7), refusedAs('witness-refuses'));
    assert.ok(await hasWitnessRefused(ground.notes));
  });

  it('that was accepted and grows all the same goes on with its log', async () => {
    const { ground, witness, show } = stage();
    await show(1);
    await allowNewLog(ground.notes, Date.UTC(2026, 0, 31));
    await show(2);
    assert.deepEqual([...witness.heads.keys()], [anchorsOrigin(LEDGER)]);
  });

  it('that signs after it was accepted refuses what is changed later, and no log is begun', async () => {
    const { kept, ground, witness, show, restart, logged } = stage();
    await show(1);
    await allowNewLog(ground.notes, Date.UTC(2026, 0, 31));
    for (const number of [2, 3, 4]) await show(number);
    for (const at of [2, 3]) kept.delete(witnessedName(at));
    restart();
    await assert.rejects(show(5), refusedAs('witness-refuses'));
    assert.ok(await hasWitnessRefused(ground.notes));
    assert.deepEqual([[...witness.heads.keys()], logged], [[anchorsOrigin(LEDGER)], []]);
  });

  it('that does not know the log that was begun yet is not shown a third one', async () => {
    const { kept, ground, witness, show, restart, pass } = stage();
    for (const number of [1, 2, 3]) await show(number);
    kept.delete(witnessedName(2));
    restart();
    await allowNewLog(ground.notes, Date.UTC(2026, 0, 31));
    assert.equal((await witnessedLog(ground.notes))!.begun, undefined);
    pass(answer => (answer.status === 200 ? { status: 404, contentType: '', text: '' } : answer));
    await assert.rejects(show(4), refusedAs('status-404'));
    // Whoever verifies is told meanwhile.
    assert.equal((await witnessedLog(ground.notes))!.begun, '2026-01-31T00-00-00Z');
    pass(() => ({ status: 422, contentType: '', text: '' }));
    await assert.rejects(show(4), refusedAs('witness-refuses'));
    assert.equal(witness.heads.size, 2);
    pass(answer => answer);
    await show(4);
    assert.deepEqual([witness.heads.size, (await witnessedLog(ground.notes))!.begun], [2, undefined]);
  });

  it('that signs again has not refused', async () => {
    const { ground, show, pass } = stage();
    await show(1);
    pass(() => ({ status: 422, contentType: '', text: '' }));
    await assert.rejects(show(2), refusedAs('witness-refuses'));
    assert.ok(await hasWitnessRefused(ground.notes));
    pass(answer => answer);
    await show(2);
    assert.ok(!(await hasWitnessRefused(ground.notes)));
  });

  it('that another process asks at the same time does not refuse for good', async () => {
    const { ground, show, pass } = stage();
    await show(1);
    await show(2);
    const conflict = (size: number) => ({ status: 409, contentType: 'text/x.tlog.size', text: `${size}\n` });
    const answers = [conflict(1), conflict(2), conflict(3)];
    pass(answer => answers.shift() ?? answer);
    await show(3);
    assert.deepEqual(answers, [], 'it is asked again from where it is then');
    // What the other one has shown is in the store by then.
    const line = JSON.stringify({ note: 'of another process', heads: [] });
    pass(() => {
      void ground.notes.keep([textNote(witnessedName(4), line)]);
      return conflict(5);
    });
    await assert.rejects(show(4), refusedAs('status-409'));
    assert.ok(!(await hasWitnessRefused(ground.notes)));
    pass(() => conflict(7));
    await assert.rejects(show(5), refusedAs('witness-refuses'));
  });

  it('is not believed when it is somebody else, or does not know the log', async () => {
    const { ground, witness, show, pass, key } = stage();
    const other = new TestWitness();
    other.trusted = [key.text];
    pass(answer => ({ ...answer, text: answer.text.replaceAll('w1', 'w2') }));
    await assert.rejects(show(1), refusedAs('witness-key'));
    pass(answer => ({ ...answer, text: answer.text.slice(0, -12) }));
    witness.heads.clear();
    await assert.rejects(show(1), refusedAs('witness-key'));
    assert.equal(await witnessedLog(ground.notes), undefined);
    pass(answer => answer);
    witness.trusted = [];
    await assert.rejects(show(1), refusedAs('status-404'));
  });
});
