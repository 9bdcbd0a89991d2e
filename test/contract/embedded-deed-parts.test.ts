/** Rows of deeds of the embedded store are found across the parts of time in which their keys are kept (src/store/embedded/deed-parts.ts). */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'mocha';
import type { DeedPlace, DeedQuery, DeedRow, KeptDeedRow } from '../../src/store/deeds.js';
import { connect } from '../../src/store/embedded/connection.js';
import { PART_ROWS } from '../../src/store/embedded/deed-parts.js';
import { emptyRows, insertDeeds } from '../../src/store/embedded/deeds.js';
import { openEmbedded } from '../../src/store/embedded/index.js';
import type { Store } from '../../src/store/store.js';
import { layout } from '../support/changes.js';

const BEGIN = Date.UTC(2026, 0, 1);
const BYTES = Uint8Array.of(1, 7);
/** Of every row, of every hundredth, of one in each part, of none. */
const [EACH, HUNDREDTH, RARE, NOBODYS] = [1, 2, 3, 4];

const rowAt = (last: number, ...keys: readonly number[]): DeedRow => ({ last, events: 1, bytes: BYTES, keys });

/** Three parts and a half: two rows have each time. */
const ROWS: readonly DeedRow[] = Array.from({ length: PART_ROWS * 3 + PART_ROWS / 2 }, (_, i) =>
  rowAt(
    BEGIN + Math.floor(i / 2) * 10,
    EACH,
    1000 + (i % 7),
    ...(i % 100 === 0 ? [HUNDREDTH] : []),
    ...(i % PART_ROWS === 11 ? [RARE] : []),
  ),
);

describe('rows of deeds in parts of time', () => {
  const folder = mkdtempSync(join(tmpdir(), 'chartroom-test-'));
  const file = join(folder, 'store.db');
  let store: Store | undefined;
  const opened = async (): Promise<Store> => (store = await openEmbedded({ file, layout }));
  const raw = <T>(use: (connection: ReturnType<typeof connect>) => T): T => {
    const connection = connect(file);
    try {
      return use(connection);
    } finally {
      connection.close();
    }
  };
  const parts = (): number[][] =>
    raw(connection =>
      connection.prepare('SELECT part,count(DISTINCT sequence) FROM deed_key GROUP BY part ORDER BY part').all(),
    ) as number[][];

  before(async () => {
    const made = await opened();
    await made.migrate();
    await made.close();
    store = undefined;
    raw(connection => connection.atomic(() => insertDeeds(connection, ROWS)));
  });
  afterEach(async () => {
    await store?.close();
    store = undefined;
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** Page by page. */
  async function found(query: Omit<DeedQuery, 'limit'>, limit: number): Promise<KeptDeedRow[]> {
    const { deeds } = store ?? (await opened());
    const rows: KeptDeedRow[] = [];
    for (let place: DeedPlace | undefined; ; ) {
      const page = await deeds.find({ ...query, after: place, limit });
      rows.push(...page);
      const last = page.at(-1);
      if (!last || page.length < limit) return rows;
      place = [last.last, last.sequence];
    }
  }
  /** What a walk through all rows gives. */
  const recounted = ({ keys = [], from = 0, to = Infinity, oldestFirst }: Omit<DeedQuery, 'limit'>): number[] => {
    const numbers = ROWS.flatMap(({ last, keys: own }, i) =>
      last >= from && last <= to && keys.every(list => list.some(key => own.includes(key))) ? [i + 1] : [],
    );
    return oldestFirst ? numbers : numbers.toReversed();
  };

  it('are kept in parts of as many rows', () => {
    const counted = parts();
    assert.deepEqual(
      counted.map(([part]) => part),
      [0, 1, 2, 3],
    );
    assert.equal(
      counted.reduce((sum, [, rows]) => sum + rows!, 0),
      ROWS.length,
    );
    for (const [, rows] of counted.slice(0, 3)) assert.ok(Math.abs(rows! - PART_ROWS) <= 2, String(rows));
  });

  it('are found by their keys in both orders, within any times, page by page', async () => {
    const borders = [1, 2, 3].map(part => ROWS[PART_ROWS * part]!.last);
    const spans = [
      {},
      { from: borders[0]! - 25, to: borders[0]! + 25 },
      { from: borders[1]! },
      { to: borders[1]! - 10 },
      { from: borders[0]! + 5, to: borders[2]! - 5 },
      { from: borders[2]! + 1_000_000_000 },
      { to: BEGIN - 1 },
      // Times that nothing has: of a condition that nothing can match.
      { from: Infinity, to: -Infinity },
      { from: -Infinity, to: Infinity },
    ];
    for (const span of spans)
      for (const keys of [[[RARE]], [[HUNDREDTH]], [[RARE, HUNDREDTH]], [[HUNDREDTH], [1000, 1003]], [[NOBODYS]]])
        for (const order of [{}, { oldestFirst: true } as const]) {
          const query = { keys, ...span, ...order };
          for (const limit of [1000, 7]) {
            const rows = await found(query, limit);
            assert.deepEqual(
              rows.map(({ sequence }) => sequence),
              recounted(query),
              JSON.stringify([query, limit]),
            );
          }
        }
    const newest = await found({ keys: [[EACH]], from: borders[2]! - 15 }, 5000);
    assert.equal(newest.length, recounted({ keys: [[EACH]], from: borders[2]! - 15 }).length, 'the control');
  });

  it('of a clock that was set back are found among those of their time', async () => {
    const last = ROWS[PART_ROWS + 400]!.last;
    raw(connection => connection.atomic(() => insertDeeds(connection, [rowAt(last, NOBODYS, EACH)])));
    const sequence = ROWS.length + 1;
    assert.deepEqual(
      (await found({ keys: [[NOBODYS]] }, 10)).map(each => each.sequence),
      [sequence],
    );
    const around = await found({ keys: [[EACH]], from: last, to: last }, 10);
    assert.deepEqual(
      around.map(each => each.sequence).toSorted((a, b) => a - b),
      [PART_ROWS + 401, PART_ROWS + 402, sequence],
    );
    raw(connection =>
      connection.atomic(() =>
        emptyRows(connection, [{ sequence, last, bytes: Uint8Array.of(0), keys: [NOBODYS, EACH] }]),
      ),
    );
    assert.deepEqual(await found({ keys: [[NOBODYS]] }, 10), [], 'and go with their keys');
  });

  it('of a file of before are one part, behind which the next one begins', async () => {
    raw(connection => {
      connection.exec('DELETE FROM deed WHERE sequence>40000; DROP TABLE deed_part');
      connection.exec('ALTER TABLE deed_key RENAME TO parted');
      connection.exec(
        'CREATE TABLE deed_key(key INT NOT NULL, last INT NOT NULL, sequence INT NOT NULL, PRIMARY KEY(key, last, sequence)) WITHOUT ROWID',
      );
      connection.exec(
        'INSERT INTO deed_key SELECT key,last,sequence FROM parted WHERE sequence<=40000; DROP TABLE parted',
      );
      connection.exec('PRAGMA user_version=13');
    });
    const later = await opened();
    await later.migrate();
    const earlier = recounted({ keys: [[RARE]] }).filter(number => number <= 40_000);
    assert.deepEqual(
      (await found({ keys: [[RARE]] }, 2)).map(({ sequence }) => sequence),
      earlier,
    );
    await later.close();
    store = undefined;
    const last = ROWS.at(-1)!.last + 10;
    raw(connection => connection.atomic(() => insertDeeds(connection, [rowAt(last, RARE)])));
    assert.deepEqual(parts(), [
      [0, 40_000],
      [1, 1],
    ]);
    assert.equal((await found({ keys: [[RARE]] }, 2)).length, earlier.length + 1);
  });
});
