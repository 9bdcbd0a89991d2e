/** `chartroom audit export` and `verify`: of a store that is whole, and after somebody has reached past the server into its audit trail. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AuditEvent, Bundle } from 'fhir/r4.js';
import { Binary, type Document, MongoClient } from 'mongodb';
import { after, before, describe, it } from 'mocha';
import { exportAudit, verifyAudit, verifyStore } from '../../src/cli/audit-ledger.js';
import type { Invocation } from '../../src/cli/invocation.js';
import { loadConfig } from '../../src/platform/config.js';
import { connect } from '../../src/store/embedded/connection.js';
import { ledgerName } from '../../src/audit/ledger/note.js';
import type { TrailFinding } from '../../src/audit/ledger/finding.js';
import { isPlaced } from '../support/audit-tampering.js';
import { verifyText } from '../support/audit-trail.js';
import { hasTurn } from '../support/both-stores.js';
import { depthOf } from '../support/depth.js';
import { noUsers } from '../support/no-users.js';
import { createRandom } from '../support/random.js';
import { embeddedTrail, mongoTrail, undoing } from '../support/raw-trail.js';
import { STORE_TAMPERINGS } from '../support/store-tampering.js';
import { newStore, type RunningServer, startServer, STORES } from '../support/server.js';
import { talkTo } from '../support/talk.js';

type DeedDoc = Document & { _id: number; x: Binary; s?: string; f?: number };

/** The same in both languages; the row is one within the longest stream. */
interface Reach {
  readonly sql: (sequence: number) => string;
  readonly mongo: (row: DeedDoc) => { readonly update?: Document; readonly remove?: true; readonly received?: true };
  readonly finds: RegExp;
}

const SEED = 20_261_130;
const TAMPERINGS = depthOf('STORE_TAMPERINGS');
/** After so many tamperings the store is verified as it was. */
const UNTOUCHED = 8;

const textIn = ({ buffer }: Binary): string => Buffer.from(buffer).toString();
const flip = (bytes: Uint8Array): Buffer => {
  const other = Buffer.from(bytes);
  other[other.length - 1] = other.at(-1)! ^ 1;
  return other;
};

const REACHED: Readonly<Record<string, Reach>> = {
  'edits a row': {
    sql: n => `UPDATE deed SET x=CAST(substr(x,1,length(x)-1)||'!' AS BLOB) WHERE sequence=${n}`,
    mongo: ({ x }) => ({ update: { $set: { x: flip(x.buffer) } } }),
    finds: /^altered STREAM/,
  },
  'breaks off a row': {
    sql: n => `UPDATE deed SET x=substr(x,1,5) WHERE sequence=${n}`,
    mongo: ({ x }) => ({ update: { $set: { x: Buffer.from(x.buffer).subarray(0, 5) } } }),
    finds: /^(?:altered|unfounded-shape) STREAM/,
  },
  'takes a row away': {
    sql: n => `DELETE FROM deed WHERE sequence=${n}`,
    mongo: () => ({ remove: true }),
    finds: /^missing STREAM/,
  },
  'takes the seal of a row away': {
    sql: n => `UPDATE deed SET stream=NULL, first=NULL, root=NULL WHERE sequence=${n}`,
    mongo: () => ({ update: { $unset: { s: 1, f: 1, r: 1 } } }),
    finds: /^missing STREAM/,
  },
  'moves a row in time': {
    sql: n => `UPDATE deed SET last=last-86400000 WHERE sequence=${n}`,
    mongo: ({ l }) => ({ update: { $set: { l: Number(l) - 86_400_000 } } }),
    finds: /^altered STREAM/,
  },
  'edits an event that was received': {
    sql: () =>
      `UPDATE resource SET x=CAST(replace(CAST(x AS TEXT),'elsewhere','somewhere') AS BLOB) WHERE instr(x,'elsewhere')>0`,
    mongo: () => ({ received: true }),
    finds: /^altered [0-9a-z]{14}$/,
  },
  'hides a row from searches': {
    sql: n => `DELETE FROM deed_key WHERE sequence=${n}`,
    mongo: () => ({ update: { $set: { k: [] } } }),
    finds: /^hidden-from-search AuditEvent\//,
  },
  'moves what finds a row to another time': {
    sql: n => `UPDATE deed_key SET part=part+1 WHERE sequence=${n}`,
    mongo: () => ({ update: { $set: { k: [1] } } }),
    finds: /^hidden-from-search AuditEvent\//,
  },
};

for (const store of STORES)
  describe(`the audit trail of a ${store} store, verified`, () => {
    const data = mkdtempSync(join(tmpdir(), 'chartroom-audit-'));
    let url = '';
    let server: RunningServer;

    const invocation = (words: string[], options: Invocation['options'] = {}): Invocation => ({
      ...{ config: { ...loadConfig({ flags: {}, env: {} }), data }, words, options, openUsers: noUsers },
      backUp: async () => {},
      acceptGuides: async () => {},
      openValidator: () => Promise.reject(new Error('no validator')),
      open: async () => ({ ...server.engine, store: { ...server.engine.store, close: async () => {} } }),
    });
    /** Status, and what was printed. */
    const printed = async (run: () => Promise<number>): Promise<readonly [number, string]> => {
      const write = process.stdout.write.bind(process.stdout);
      let text = '';
      process.stdout.write = (part: string | Uint8Array) => (text += String(part)) !== '';
      const status = await run().finally(() => (process.stdout.write = write));
      return [status, text];
    };
    const verified = async (): Promise<readonly TrailFinding[]> =>
      (await verifyStore(server.engine, data)).findings.named;
    const told = async (): Promise<string[]> =>
      (await verified())
        .filter(({ isWarning }) => !isWarning)
        .map(({ what, where }) => `${what} ${where.stream === undefined ? (where.id ?? '') : 'STREAM'}`);

    before(async function () {
      url = await newStore(this, store);
      const config = { data };
      server = await startServer({ store: url, config });
      const talk = talkTo(server.base);
      for (let at = 0; at < 3; at++) {
        await talk.update({ resourceType: 'Patient', id: `p${at}`, active: true });
        await talk.get(`Patient/p${at}`);
        await talk.get('Patient?active=true');
      }
      await talk.create({
        resourceType: 'AuditEvent',
        type: { system: 'http://terminology.hl7.org/CodeSystem/audit-event-type', code: 'rest' },
        recorded: '2026-01-01T00:00:00Z',
        agent: [{ requestor: true, who: { identifier: { value: 'elsewhere' } } }],
        source: { observer: { identifier: { value: 'elsewhere' } } },
      });
      await server.stop();
      server = await startServer({ store: url, config });
    });
    after(async () => {
      await server?.stop();
      rmSync(data, { recursive: true, force: true });
    });

    it('is whole, and so is its export, which the trail tells of with its hash', async () => {
      assert.deepEqual(await told(), []);
      const [status, text] = await printed(() => verifyAudit(invocation([])));
      assert.equal(status, 0, text);
      assert.doesNotMatch(text, /others have sent/);
      assert.match(text, /^The audit trail of http.* as it is kept\.\n[1-9]\d* deeds in [1-9]/);
      const out = join(data, 'trail.ndjson');
      assert.equal(await exportAudit(invocation([], { out, texts: true })), 0);
      const bytes = readFileSync(out);
      const [ofFile, said] = await printed(() =>
        verifyAudit(invocation([out], { key: server.engine.ledger.key.text })),
      );
      assert.equal(ofFile, 0, said);
      const { counts } = await verifyText(bytes);
      assert.ok(counts.events >= 10 && counts.checkpoints > 0, JSON.stringify(counts));
      const { body } = await talkTo(server.base).get<Bundle<AuditEvent>>(
        'AuditEvent?type=http://dicom.nema.org/resources/ontology/DCM|110106&subtype=110101',
      );
      const details = body.entry!.map(({ resource }) => resource!.entity![0]!.detail!);
      assert.deepEqual(
        details.map(([hash]) => [hash!.type, hash!.valueString]),
        [['sha-256', createHash('sha256').update(bytes).digest('hex')]],
      );
      // Nothing is written over.
      await assert.rejects(exportAudit(invocation([], { out })), { code: 'EEXIST' });
      assert.deepEqual(readFileSync(out), bytes);
    });

    it('says what it was asked wrongly, and leaves nothing', async () => {
      const out = join(data, 'none.ndjson');
      for (const [run, words, options] of [
        [exportAudit, ['file'], {}],
        [exportAudit, [], { out, from: 'yesterday' }],
        [exportAudit, [], { out, from: '2026-02-01', to: '2026-01-01' }],
        [exportAudit, [], { out, key: 'k' }],
        [verifyAudit, ['a', 'b'], {}],
        [verifyAudit, [], { out }],
        [verifyAudit, [], { key: 'none' }],
      ] as const)
        await assert.rejects(async () => run(invocation([...words], options)), { name: 'ConfigError' }, words.join());
      const failing = { ...invocation([], { out }), open: () => Promise.reject(new Error('away')) };
      await assert.rejects(exportAudit(failing), /away/);
      assert.equal(existsSync(out), false);
    });

    for (const [what, { sql, mongo, finds }] of Object.entries(REACHED).filter((_, at) => hasTurn(at, store)))
      it(`is found out where somebody ${what}`, async () => {
        if (store === 'embedded') {
          const raw = connect(join(data, 'chartroom.db'));
          raw.exec('CREATE TABLE kept_deed AS SELECT * FROM deed; CREATE TABLE kept_key AS SELECT * FROM deed_key');
          const [row] = raw.prepare('SELECT sequence FROM deed WHERE stream IS NOT NULL AND first=3').all();
          raw.exec(sql(Number(row![0])));
          const found = await told();
          raw.exec(
            `UPDATE resource SET x=CAST(replace(CAST(x AS TEXT),'somewhere','elsewhere') AS BLOB); DELETE FROM deed; INSERT INTO deed SELECT * FROM kept_deed; DELETE FROM deed_key; INSERT INTO deed_key SELECT * FROM kept_key; DROP TABLE kept_deed; DROP TABLE kept_key`,
          );
          raw.close();
          assert.ok(
            found.some(one => finds.test(one)),
            found.join('; '),
          );
        } else {
          const client = new MongoClient(url);
          const deed = client.db().collection<DeedDoc>('deed');
          const row = (await deed.findOne({ f: 3 }))!;
          const { update, remove, received } = mongo(row);
          const resource = client.db().collection<Document & { x: Binary }>('resource');
          const sent = (await resource.find().toArray()).find(({ x }) => textIn(x).includes('elsewhere'))!;
          if (remove) await deed.deleteOne({ _id: row._id });
          else if (received)
            await resource.updateOne(
              { _id: sent._id },
              { $set: { x: new Binary(Buffer.from(textIn(sent.x).replaceAll('elsewhere', 'somewhere'))) } },
            );
          else await deed.updateOne({ _id: row._id }, update!);
          const found = await told();
          await deed.replaceOne({ _id: row._id }, row, { upsert: true });
          await resource.updateOne({ _id: sent._id }, { $set: { x: sent.x } });
          await client.close();
          assert.ok(
            found.some(one => finds.test(one)),
            found.join('; '),
          );
        }
        assert.deepEqual(await told(), []);
      });

    /** Until the server has nothing to write by itself. */
    const settle = async (): Promise<void> => {
      await talkTo(server.base).get('Patient/p0');
      await server.engine.ledger.upkeep();
      await server.engine.ledger.look();
    };

    it('is whole where what is older was sealed after an event had come in', async () => {
      await settle();
      assert.deepEqual(await told(), []);
    });

    it(`is found out at its place, whatever of ${TAMPERINGS} tamperings by chance it is`, async () => {
      const random = createRandom(SEED + store.length);
      const raw = store === 'embedded' ? embeddedTrail(join(data, 'chartroom.db')) : await mongoTrail(url);
      try {
        await settle();
        const trail = await raw.read();
        const ledger = ledgerName(server.engine.settings.base);
        const kinds = Object.entries(STORE_TAMPERINGS);
        const offset = random.below(kinds.length);
        for (let at = 0; at < TAMPERINGS; at++) {
          const [name, tamper] = kinds[(at + offset) % kinds.length]!;
          const { changes, ...expected } = tamper({ trail, random, ledger });
          await raw.write(changes);
          const blamed = (await verified()).filter(({ isWarning }) => !isWarning);
          await raw.write(undoing(trail, changes));
          const said = `${name}, ${at} of seed ${SEED}: ${JSON.stringify(expected)} ${JSON.stringify(blamed.slice(0, 5))}`;
          assert.ok(
            blamed.some(found => expected.codes.includes(found.what) && isPlaced(found, expected)),
            said,
          );
          if (expected.stream !== undefined)
            assert.ok(
              blamed.every(({ where }) => where.stream === undefined || where.stream === expected.stream),
              `blames others: ${said}`,
            );
          if (at % UNTOUCHED === 0) assert.deepEqual(await told(), [], `an untouched one, after ${said}`);
        }
      } finally {
        await raw.close();
      }
    });
  });
