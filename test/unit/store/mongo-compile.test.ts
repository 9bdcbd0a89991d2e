/** Plans as MongoDB queries: what is sent for the shapes that matter. Filter, hint and order are one decision. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { compile, compileMatch, type Compiled } from '../../../src/store/mongo/compile.js';
import { NO_DATE } from '../../../src/store/key.js';
import type { Plan } from '../../../src/store/plan.js';

const base: Plan = { driver: { by: 'nothing' }, filter: [], order: [], ordered: true, limit: 2 };
const BY_DATE = [
  { by: 'date', descending: true },
  { by: 'n', descending: true },
] as const;
const OLDEST = [
  { by: 'date', descending: false },
  { by: 'n', descending: false },
] as const;
const NEWEST = [{ by: 'n', descending: true }] as const;
const point = (...keys: string[]): Plan['driver'] => ({ by: 'key', in: 'byDate', keys });

type Expected = readonly { readonly filters: readonly unknown[]; readonly sort: readonly unknown[] }[];

function assertLegs(plan: Partial<Plan>, hint: string, legs: Expected): void {
  const compiled = compile({ ...base, ...plan });
  assert.deepEqual(compiled, { by: 'scans', hint, scans: legs });
}

const DESCENDING = [
  ['d', -1],
  ['n', -1],
] as const;

describe('MongoDB queries', () => {
  it('sends nothing where nothing can match', () => {
    assert.equal(compile(base), undefined);
    assert.equal(compileMatch(base), undefined);
  });

  it('reads a point in the order of its index, newest first, with bounds on the date', () => {
    const filter = [{ is: 'date', lowMin: 10, lowMax: 20 }] as const;
    assertLegs({ driver: point('pX>ObA09|1'), filter, order: BY_DATE }, 'k', [
      { filters: [{ k: 'pX>ObA09|1', d: { $gte: 10, $lte: 20 } }], sort: DESCENDING },
    ]);
  });

  it('filters by other arrays as they are, and by the array of the driver in an expression', () => {
    const filter = [
      { is: 'key', in: 'filterOnly', keys: ['Obst|final', 'Obst|amended'] },
      { is: 'key', in: 'byDate', keys: ['Ob'] },
      { is: 'range', in: 'filterOnly', low: 'Obvqa', high: 'Obvqb' },
      { is: 'range', in: 'byDate', low: 'a', high: 'b' },
    ] as const;
    assertLegs({ driver: point('K'), filter, order: BY_DATE }, 'k', [
      {
        filters: [
          {
            k: 'K',
            $and: [
              { f: { $in: ['Obst|final', 'Obst|amended'] } },
              { $expr: { $in: ['Ob', '$k'] } },
              { f: { $elemMatch: { $gte: 'Obvqa', $lt: 'Obvqb' } } },
              {
                $expr: {
                  $anyElementTrue: [
                    { $map: { input: '$k', in: { $and: [{ $gte: ['$$this', 'a'] }, { $lt: ['$$this', 'b'] }] } } },
                  ],
                },
              },
            ],
          },
        ],
        sort: DESCENDING,
      },
    ]);
  });

  it('puts negations and alternatives where they cannot become index bounds', () => {
    const filter = [
      { is: 'not', of: { is: 'key', in: 'byArrival', keys: ['G'] } },
      {
        is: 'any',
        of: [
          { is: 'date', highMin: 5 },
          { is: 'date', lowMax: 3 },
        ],
      },
    ] as const;
    assertLegs({ driver: point('K'), filter, order: BY_DATE }, 'k', [
      {
        filters: [
          {
            k: 'K',
            $and: [
              { $nor: [{ g: 'G' }] },
              {
                $nor: [{ $nor: [{ d: { $gte: NO_DATE + 1 }, e: { $gte: 5 } }, { d: { $gte: NO_DATE + 1, $lte: 3 } }] }],
              },
            ],
          },
        ],
        sort: DESCENDING,
      },
    ]);
  });

  it('continues at a cursor by one scan for the rest of the date and one for what lies beyond', () => {
    const filter = [{ is: 'date', lowMin: 10 }] as const;
    assertLegs({ driver: point('K'), filter, order: BY_DATE, after: [15, 7] }, 'k', [
      {
        filters: [
          {
            $or: [
              { k: 'K', d: { $gte: 10, $lt: 15 } },
              { k: 'K', d: 15, n: { $lt: 7 } },
            ],
          },
        ],
        sort: DESCENDING,
      },
    ]);
  });

  it('continues with several points by scans of each of them', () => {
    const compiled = compile({ ...base, driver: point('A', 'B'), order: BY_DATE, after: [15, 7] });
    assert.deepEqual(compiled?.by === 'scans' && compiled.scans[0]?.filters, [
      {
        $or: [
          { k: 'A', d: { $lt: 15 } },
          { k: 'A', d: 15, n: { $lt: 7 } },
          { k: 'B', d: { $lt: 15 } },
          { k: 'B', d: 15, n: { $lt: 7 } },
        ],
      },
    ]);
  });

  it('asks for resources without a date last, in ascending order too', () => {
    assertLegs({ driver: point('K'), order: OLDEST }, 'k', [
      {
        filters: [{ k: 'K', d: { $gte: NO_DATE + 1 } }],
        sort: [
          ['d', 1],
          ['n', 1],
        ],
      },
      { filters: [{ k: 'K', d: NO_DATE }], sort: [['n', 1]] },
    ]);
    assertLegs({ driver: point('K'), order: OLDEST, after: [null, 7] }, 'k', [
      { filters: [{ k: 'K', d: NO_DATE, n: { $gt: 7 } }], sort: [['n', 1]] },
    ]);
    assertLegs({ driver: point('K'), order: OLDEST, before: [null, 7] }, 'k', [
      { filters: [{ k: 'K', d: NO_DATE, n: { $lt: 7 } }], sort: [['n', -1]] },
      {
        filters: [{ k: 'K', d: { $gte: NO_DATE + 1 } }],
        sort: [
          ['d', -1],
          ['n', -1],
        ],
      },
    ]);
  });

  it('cuts more than 200 points into chunks, whose scans can be merged', () => {
    const keys = Array.from({ length: 450 }, (_, i) => `p${i}`);
    const compiled = compile({ ...base, driver: point(...keys), order: BY_DATE });
    assert.ok(compiled?.by === 'scans');
    assert.deepEqual(
      compiled.scans[0]!.filters.map(filter => (filter['k'] as { $in: string[] }).$in.length),
      [200, 200, 50],
    );
    const scans = (found: Compiled | undefined): number[] =>
      found?.by === 'scans' ? found.scans[0]!.filters.map(filter => (filter['$or'] as unknown[]).length) : [];
    assert.deepEqual(
      scans(compile({ ...base, driver: point(...keys), order: BY_DATE, after: [1, 1] })),
      [200, 200, 200, 200, 100],
    );
  });

  it('asks for the ranges of an array one by one, with both bounds on the same key', () => {
    const ranges = [
      { low: 'Pafa:a', high: 'Pafa:b' },
      { low: 'Pafa:x', high: 'Pafa:y' },
    ];
    const one = { g: { $elemMatch: { $gte: 'Pafa:a', $lt: 'Pafa:b' } } };
    const two = { g: { $elemMatch: { $gte: 'Pafa:x', $lt: 'Pafa:y' } } };
    const plan = { order: NEWEST, ordered: false } as const;
    assertLegs({ ...plan, driver: { by: 'range', in: 'byArrival', ranges: ranges.slice(0, 1) } }, 'g', [
      { filters: [one], sort: [['n', -1]] },
    ]);
    assertLegs({ ...plan, driver: { by: 'range', in: 'byArrival', ranges } }, 'g', [
      { filters: [{ $or: [one, two] }], sort: [['n', -1]] },
    ]);
    assertLegs({ ...plan, driver: { by: 'range', in: 'byArrival', ranges }, after: [7] }, 'g', [
      { filters: [{ $or: [one, two], $and: [{ $or: [{ n: { $lt: 7 } }] }] }], sort: [['n', -1]] },
    ]);
  });

  it('leaves tombstones out where the driver meets them', () => {
    const order = [{ by: 'updated', descending: true }, ...NEWEST] as const;
    assertLegs(
      { driver: { by: 'updated', types: ['Patient', 'Task'] }, filter: [{ is: 'updated', min: 5 }], order },
      'tu',
      [
        {
          filters: [{ t: { $in: ['Pa', 'Ta'] }, z: null, u: { $gte: 5 } }],
          sort: [
            ['u', -1],
            ['n', -1],
          ],
        },
      ],
    );
    assertLegs({ driver: { by: 'id', of: [{ type: 'Patient', id: 'a' }] }, order: NEWEST, ordered: false }, '_id_', [
      { filters: [{ _id: 'Pa.a', z: null }], sort: [['n', -1]] },
    ]);
  });

  it('sorts by a string in its partial index, those without one last', () => {
    const order = [{ by: 'sort-string', prefix: 'Pafa', descending: true }, ...NEWEST] as const;
    assertLegs({ driver: { by: 'sort-string', type: 'Patient', prefix: 'Pafa' }, order }, 's_Pafa', [
      {
        filters: [{ t: 'Pa', z: null, 's.Pafa': { $gte: '' } }],
        sort: [
          ['s.Pafa', -1],
          ['n', -1],
        ],
      },
      { filters: [{ t: 'Pa', z: null, 's.Pafa': null }], sort: [['n', -1]] },
    ]);
  });

  it('sorts by other keys in small documents, a mark before each value saying whether it is missing', () => {
    const order = [
      { by: 'key', in: 'filterOnly', prefix: 'Coon<', descending: false },
      { by: 'n', descending: false },
    ] as const;
    const compiled = compile({ ...base, driver: point('Co'), order, ordered: false, after: ['Coon<5', 7] });
    assert.ok(compiled?.by === 'pipeline');
    assert.equal(compiled.hint, 'k');
    assert.deepEqual(compiled.match, { k: 'Co' });
    assert.deepEqual(compiled.stages[2], {
      $match: {
        $or: [
          { m0: { $gt: 0 } },
          { m0: 0, o0: { $gt: 'Coon<5' } },
          { m0: 0, o0: 'Coon<5', m1: { $gt: 0 } },
          { m0: 0, o0: 'Coon<5', m1: 0, o1: { $gt: 7 } },
        ],
      },
    });
    assert.deepEqual(compiled.stages[3], { $sort: { m0: 1, o0: 1, m1: 1, o1: 1 } });
  });

  it('sorts by several keys in small documents where one after the first may be missing', () => {
    const name = { by: 'sort-string', prefix: 'Pafa', descending: false } as const;
    const date = { by: 'date', descending: true } as const;
    assert.equal(compile({ ...base, driver: point('Pa'), order: [date, name, ...NEWEST] })?.by, 'pipeline');
    assert.equal(compile({ ...base, driver: point('Pa'), order: [name, date, ...NEWEST] })?.by, 'scans');
  });

  it('counts a point with bounds on the date by its index alone', () => {
    assert.deepEqual(compileMatch({ driver: point('K'), filter: [{ is: 'date', lowMin: 1, lowMax: 2 }] }), {
      hint: 'k',
      match: { k: 'K', d: { $gte: 1, $lte: 2 } },
    });
  });

  it('takes the characters of a searched text for themselves', () => {
    const filter = [{ is: 'contains', in: 'byArrival', prefix: 'Pafa:', text: 'a.*(b' }] as const;
    assert.deepEqual(compileMatch({ driver: point('Pa'), filter })?.match, {
      k: 'Pa',
      $and: [{ g: { $regex: '^Pafa:.*a\\.\\*\\(b', $options: 's' } }],
    });
  });
});
