import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { loadDefinitions } from '../../../src/fhir/definitions.js';
import { compartmentTypes, compartmentWhere } from '../../../src/search/compartment.js';
import { createSearchParameters } from '../../../src/search/parameters.js';
import { parseSearch } from '../../../src/search/parse.js';
import { ANY_RESOURCE, type Query, type Where } from '../../../src/search/query.js';
import { encodeDouble, nextUp } from '../../../src/store/codec.js';
import { createIndexCatalog, useEntry } from '../../../src/store/index-catalog.js';
import { createIndexLayout } from '../../../src/store/index-layout.js';
import type { KeyTest } from '../../../src/store/key.js';
import { type Order, type Plan, plan } from '../../../src/store/plan.js';

const definitions = loadDefinitions();
const parameters = createSearchParameters(definitions);
const layout = createIndexLayout(definitions.searchParameters);

const LOINC = 'http://loinc.org';
const facts = createIndexCatalog([
  { id: 's01', value: LOINC },
  { id: 's02', value: 'http://snomed.info/sct' },
  { id: 's03', value: 'urn:u' },
]);
/** What the data uses: systems, classes of ranges, targets. */
const USES: [string, string, string[]][] = [
  ['Observation', 'code', ['s01', 's02']],
  ['Observation', 'component-code', ['s01']],
  ['Observation', 'category', ['s01']],
  ['Observation', 'status', ['s00']],
  ['Observation', 'value-quantity', ['cn', 's02']],
  ['Observation', 'code-value-quantity', ['cn', 's01', 's03']],
  ['Encounter', 'status', ['s00']],
  ['Observation', 'subject', ['tPatient']],
  ['Patient', 'gender', ['s00']],
  ['Patient', 'identifier', ['s01']],
  ['Patient', 'death-date', ['cs', 'cd']],
  ['DocumentReference', 'type', ['s01']],
  ['DocumentReference', 'category', ['s01']],
  ['DocumentReference', 'status', ['s00']],
  ['DocumentReference', 'period', ['cp']],
  ['Task', 'status', ['s00']],
  ['AuditEvent', 'outcome', ['s00']],
];
for (const [type, code, uses] of USES)
  facts.add(uses.map(use => ({ id: useEntry(layout.find(type, code).prefix, use), value: '' })));
facts.add(['wOb10', 'wEn10', 'wEn99'].map(id => ({ id, value: '' })));

const CODES = new Map(
  [...new Set([...USES.map(([type]) => type), 'Encounter'])].flatMap(type =>
    [...layout.of(type).parameters.values()].map(place => [place.prefix, `{${place.code}}`] as const),
  ),
);

/** Keys with parameter names for their codes, so that the rows can be read. */
const show = (key: string) =>
  [...CODES].reduce(
    (text, [prefix, name]) => text.replace(new RegExp(`(^|>)${prefix}`), `$1${prefix.slice(0, 2)}${name}`),
    key,
  );

const bounds = (test: object) =>
  Object.entries(test)
    .filter(([name, value]) => typeof value === 'number' && name !== 'is')
    .map(([name, value]) => `${name} ${value}`)
    .join(' ');

function showTest(test: KeyTest): string {
  switch (test.is) {
    case 'all':
    case 'any':
      return `${test.is}(${test.of.map(showTest).join(', ')})`;
    case 'not':
      return `not ${showTest(test.of)}`;
    case 'key':
      return `${test.in} ${test.keys.map(show).join(' or ')}`;
    case 'range':
      return `${test.in} from ${show(test.low)}`;
    case 'contains':
      return `${test.in} ${show(test.prefix)}*${test.text}`;
    case 'span':
      return `span ${show(test.prefix)} ${bounds(test)}`;
    case 'id':
      return test.of.map(({ type, id }) => `${type}/${id}`).join(' or ');
    default:
      return `${test.is} ${bounds(test)}`.trim();
  }
}

function showDriver({ driver }: Plan): string {
  switch (driver.by) {
    case 'key':
      return `${driver.in} ${driver.keys.map(show).join(' or ')}${driver.openBefore === undefined ? '' : ` open before ${driver.openBefore}`}`;
    case 'range':
      return driver.ranges.map(({ low }) => `${driver.in} from ${show(low)}`).join(' or ');
    case 'id':
      return driver.of.map(({ type, id }) => `${type}/${id}`).join(' or ');
    case 'type':
      return `ids of ${driver.type}`;
    case 'updated':
      return `updated ${driver.types.join()}`;
    case 'sort-string':
      return `sorted ${show(driver.prefix)}`;
    case 'nothing':
      return 'nothing';
  }
}

const showOrder = (order: Order) =>
  `${order.descending ? '-' : ''}${order.by}${'prefix' in order ? ` ${show(order.prefix)}` : ''}`;

function query(search: string, types?: readonly string[]): Query {
  const [type, text = ''] = search.split('?');
  const searched = types ?? [type!];
  const parsed = parseSearch(
    {
      types: searched,
      parameters: [...new URLSearchParams(text)],
      lenient: false,
      bases: ['http://here/fhir'],
      now: 0,
    },
    parameters,
    definitions,
  );
  return { types: searched, where: parsed.where, sort: parsed.sort, limit: 50 };
}

interface Row {
  readonly search: string;
  readonly types?: readonly string[];
  readonly driver: string;
  readonly filter?: readonly string[];
  readonly order: string;
  /** The order needs a sort step. */
  readonly sorted?: true;
  /** Other drivers, taken where they have few candidates. */
  readonly others?: readonly string[];
}

const DATED = '-date -n';
const ID = 'abcdefghij1234';
const rows: Row[] = [
  { search: 'Observation', driver: 'byDate Ob', order: DATED },
  { search: `Observation?_id=${ID}`, driver: `Observation/${ID}`, order: '-n', sorted: true },
  { search: `Observation?patient=${ID}`, driver: `byDate p${ID}>Ob`, order: DATED },
  { search: `Observation?subject=Patient/${ID}`, driver: `byDate p${ID}>Ob`, order: DATED },
  {
    search: `Observation?patient=${ID}&code=${LOINC}|85354-9&_sort=-date`,
    driver: `byDate p${ID}>Ob{code}01|85354-9`,
    order: DATED,
  },
  {
    search: `Observation?patient=${ID}&code=85354-9`,
    driver: `byDate p${ID}>Ob{code}01|85354-9 or p${ID}>Ob{code}02|85354-9`,
    order: DATED,
  },
  {
    search: `Observation?patient=${ID}&code=${LOINC}|1,${LOINC}|2&category=vital-signs&status=final`,
    driver: `byDate p${ID}>Ob{code}01|1 or p${ID}>Ob{code}01|2`,
    filter: ['byArrival Ob{category}01|vital-signs', 'byDate Ob{status}00|final'],
    order: DATED,
  },
  {
    search: `Observation?patient=${ID}&date=eq1970-01-01&_sort=date`,
    driver: `byDate p${ID}>Ob`,
    filter: ['date lowMin 0 lowMax 86399999 highMax 86399999'],
    order: 'date n',
  },
  {
    search: 'Observation?date=gt1970-01-01',
    driver: 'byDate Ob',
    // 1023: the longest date of the type, rounded up to a power of two.
    filter: ['date lowMin 86398977 highMin 86400000'],
    order: DATED,
  },
  {
    search: `Observation?code=${LOINC}|8480-6&value-quantity=gt5`,
    driver: 'byDate Ob{code}01|8480-6',
    filter: [`byArrival from Ob{value-quantity}n${encodeDouble(nextUp(5))}`],
    order: DATED,
    others: [`byArrival from Ob{value-quantity}n${encodeDouble(nextUp(5))}`],
  },
  {
    search: `Observation?code=${LOINC}|`,
    driver: 'byDate Ob',
    filter: ['byDate from Ob{code}01|'],
    order: DATED,
    others: ['byDate from Ob{code}01|'],
  },
  {
    search: `Observation?code-value-quantity=${LOINC}|1$gt5|urn:u|mg`,
    driver: 'byDate Ob',
    filter: [
      'byArrival from Ob{code-value-quantity}01|1\u0001n',
      'filterOnly from Ob{code-value-quantity}01|1\u0001c03|mg',
    ],
    order: DATED,
    others: ['byArrival from Ob{code-value-quantity}01|1\u0001n'],
  },
  {
    search: `Observation?code=${LOINC}|1&status=final&_sort=-_lastUpdated`,
    driver: 'updated Observation',
    filter: ['byDate Ob{code}01|1', 'byDate Ob{status}00|final'],
    order: '-updated -n',
    others: ['byDate Ob{code}01|1', 'byDate Ob{status}00|final'],
  },
  {
    search: `Observation?category=${LOINC}|laboratory&_sort=-date`,
    driver: 'byDate Ob',
    filter: ['byArrival Ob{category}01|laboratory'],
    order: DATED,
    others: ['byArrival Ob{category}01|laboratory'],
  },
  {
    search: `Observation?category=${LOINC}|laboratory&_sort=value-date`,
    driver: 'byArrival Ob{category}01|laboratory',
    order: 'key Ob{value-date}< n',
    sorted: true,
  },
  {
    search: `Observation?status=final&_lastUpdated=gt1970-01-01`,
    driver: 'byDate Ob{status}00|final',
    filter: ['updated min 86400000'],
    order: DATED,
    others: ['updated Observation'],
  },
  { search: 'Observation?code=urn:never-seen|1', driver: 'nothing', order: '-n' },
  {
    search: `Observation?encounter=${ID}&patient=p1`,
    driver: `byArrival rEn${ID}>Ob{encounter}`,
    filter: ['byDate p.p1>Ob'],
    order: '-n',
  },
  {
    search: `Observation?performer=Organization/${ID}&patient=p1`,
    driver: 'byDate p.p1>Ob',
    filter: [`byArrival rOr${ID}>Ob{performer}`],
    order: DATED,
  },
  {
    search: `Observation?code:not=${LOINC}|1`,
    driver: 'byDate Ob',
    filter: ['not byDate Ob{code}01|1'],
    order: DATED,
  },
  {
    search: 'Observation?performer:missing=true',
    driver: 'byDate Ob',
    filter: ['not filterOnly Ob{performer}!'],
    order: DATED,
  },
  { search: 'Observation?encounter:missing=true', driver: 'byDate -Ob', order: DATED },
  { search: 'Observation?encounter:missing=false', driver: 'byDate Ob', filter: ['not byDate -Ob'], order: DATED },
  { search: 'Observation?date:missing=true', driver: 'byDate -Ob', order: DATED },
  {
    search: `Observation?combo-code=${LOINC}|1`,
    driver: 'byDate Ob{code}01|1 or Ob{component-code}01|1',
    order: DATED,
  },
  {
    search: 'Encounter?date=gt1970-01-01',
    driver: `byDate En open before ${86_400_000 - 1023}`,
    filter: ['date highMin 86400000'],
    order: DATED,
  },
  {
    search: 'Encounter?date=lt1970-01-02&_sort=date',
    driver: 'byDate En',
    filter: ['date lowMax 86399999'],
    order: 'date n',
  },
  {
    search: 'Encounter?status=finished&date=gt1970-01-01',
    driver: `byDate En{status}00|finished open before ${86_400_000 - 1023}`,
    filter: ['date highMin 86400000'],
    order: DATED,
  },
  {
    search: 'Encounter?patient=p1&date=gt1970-01-01',
    driver: 'byDate p.p1>En',
    filter: ['date highMin 86400000'],
    order: DATED,
  },
  { search: 'Patient?identifier=x', driver: 'byArrival Pa{identifier}01|x', order: '-n' },
  {
    search: 'Patient?family=Smi',
    driver: 'byDate Pa',
    filter: ['byArrival from Pa{family}:smi'],
    order: DATED,
    others: ['byArrival from Pa{family}:smi'],
  },
  {
    search: 'Patient?family=Smi&gender=female',
    driver: 'byDate Pa',
    filter: ['byArrival from Pa{family}:smi', 'byDate Pa{gender}00|female'],
    order: DATED,
    others: ['byArrival from Pa{family}:smi', 'byDate Pa{gender}00|female'],
  },
  {
    search: 'Patient?gender=female&_sort=family',
    driver: 'sorted Pa{family}',
    filter: ['byDate Pa{gender}00|female'],
    order: 'sort-string Pa{family} n',
    others: ['byDate Pa{gender}00|female'],
  },
  { search: 'Patient?_sort=-birthdate', driver: 'byDate Pa', order: DATED },
  { search: 'Patient?_sort=_id', driver: 'ids of Patient', order: 'id n' },
  {
    search: 'Patient?death-date=lt1970-01-02',
    driver: 'byDate Pa',
    filter: ['any(byArrival from Pa{death-date}d'],
    order: DATED,
    others: [
      `byArrival from Pa{death-date}d${encodeDouble(-Infinity)} or byArrival from Pa{death-date}s${encodeDouble(-Infinity)}`,
    ],
  },
  { search: 'DocumentReference?type=x&_sort=-date', driver: 'byDate Dc{type}01|x', order: DATED },
  {
    search: `DocumentReference?patient=${ID}&type=x&category=y&status=current`,
    driver: `byDate p${ID}>Dc{type}01|x`,
    filter: ['byDate Dc{category}01|y', 'byDate Dc{status}00|current'],
    order: DATED,
  },
  { search: 'Task?status=requested', driver: 'byDate Ta{status}00|requested', order: DATED },
  { search: 'AuditEvent?outcome=8&_sort=-date', driver: 'byDate Au{outcome}00|8', order: DATED },
  {
    search: 'Observation?_lastUpdated=gt1970-01-01',
    driver: 'updated Observation',
    filter: ['updated min 86400000'],
    order: '-updated -n',
  },
  { search: 'Observation?_sort=_lastUpdated', driver: 'updated Observation', order: 'updated n' },
  {
    search: '?_sort=-_lastUpdated',
    types: ['Patient', 'Task'],
    driver: 'updated Patient,Task',
    order: '-updated -n',
  },
  { search: '?', types: ['Patient', 'Task'], driver: 'byDate Pa or Ta', order: DATED },
  { search: '?_id=a', types: ['Patient', 'Task'], driver: 'Patient/a or Task/a', order: '-n', sorted: true },
  {
    search: '?patient=p1',
    types: ['Observation', 'DocumentReference'],
    driver: 'byDate p.p1>Dc or p.p1>Ob',
    order: DATED,
  },
];

describe('the plan of a query', () => {
  for (const { search, types, driver, filter = [], order, sorted, others = [] } of rows)
    it(`${search || 'every resource'}${types ? ` (${types.join()})` : ''}: ${driver}`, () => {
      const planned = plan(layout, query(search, types), facts);
      assert.equal(
        showDriver(planned).replace(/(n)k0F-*|(d)-+[^ ]*/g, m => m),
        showDriver(planned),
      );
      assert.ok(showDriver(planned).startsWith(driver), showDriver(planned));
      const shown = planned.filter.map(showTest);
      assert.equal(shown.length, filter.length, shown.join('; '));
      for (const [i, text] of filter.entries()) assert.ok(shown[i]!.startsWith(text), shown[i]);
      assert.equal(planned.order.map(showOrder).join(' '), order);
      assert.equal(planned.ordered, sorted === undefined);
      const ways = (planned.others ?? []).map(way => showDriver({ ...planned, ...way }));
      assert.equal(ways.length, others.length, ways.join('; '));
      for (const [i, text] of others.entries()) assert.ok(ways[i]!.startsWith(text), ways[i]);
    });

  it('finds a compartment of several parameters by one list of points', () => {
    const [subject, performer] = ['subject', 'performer'].map(code => query(`Observation?${code}=Patient/p1`).where);
    const where: Where = {
      kind: 'all',
      of: [{ kind: 'any', of: [subject!, performer!] }, query('Observation?code=1').where],
    };
    const planned = plan(layout, { ...query('Observation'), where }, facts);
    assert.equal(showDriver(planned), 'byDate p.p1>Ob or rPa.p1>Ob{performer}');
    assert.deepEqual(planned.filter.map(showTest), ['byDate Ob{code}01|1 or Ob{code}02|1']);
    assert.ok(planned.ordered);
  });

  it('finds all that belongs to a patient by one list of points, the Patient included', () => {
    const owner = { type: 'Patient', id: 'p1' };
    const types = compartmentTypes(definitions, 'Patient')!;
    const where = compartmentWhere(definitions, parameters, owner, types);
    const { driver, filter, others } = plan(layout, { types, where, sort: [], limit: 10 }, facts);
    assert.ok(driver.by === 'key' && driver.in === 'byDate');
    assert.ok(driver.keys.includes('p.p1>Pa') && driver.keys.includes('p.p1>Ob'));
    assert.ok(driver.keys.every(key => key.startsWith('p.p1>') || key.startsWith('rPa.p1>')));
    assert.deepEqual([filter, others], [[], undefined]);
  });

  it('puts a hull of the bounds beside alternatives on the main date, for the index', () => {
    const { filter } = plan(layout, query('Observation?date=ge1970-01-02'), facts);
    assert.equal(filter.length, 2);
    assert.equal(filter[0]!.is, 'date');
    assert.equal(filter[1]!.is, 'any');
  });

  it('merges at most 200 scans for patients and codes, else drives by patient alone', () => {
    const ids = Array.from({ length: 150 }, (_, i) => `p${i}`).join(',');
    const planned = plan(layout, query(`Observation?patient=${ids}&code=${LOINC}|1,${LOINC}|2`), facts);
    assert.ok(planned.driver.by === 'key' && planned.driver.keys.length === 150);
    assert.equal(planned.filter.length, 1);
  });

  it('orders pages by the query alone, whatever the data uses', () => {
    const empty = createIndexCatalog();
    for (const { search, types } of rows) {
      const [one, other] = [empty, facts].map(known => plan(layout, query(search, types), known));
      if (one!.driver.by !== 'nothing' && other!.driver.by !== 'nothing') assert.deepEqual(one!.order, other!.order);
    }
  });

  it('refuses a cursor of another order as expired', () => {
    assert.throws(() => plan(layout, { ...query('Observation'), after: [1] }, facts), { kind: 'expired' });
  });

  const refused: [string, Query][] = [
    [
      'chains',
      { ...query('Observation'), where: { kind: 'chain', code: 'subject', to: 'Patient', where: ANY_RESOURCE } },
    ],
    ['parameters that do not exist', { ...query('Patient'), where: { kind: 'present', code: 'sauce' } }],
    ['an order by references', { ...query('Observation'), sort: [{ code: 'encounter', descending: false }] }],
    [
      'an order of several types by a code',
      { ...query('?', ['Patient', 'Task']), sort: [{ code: '_tag', descending: false }] },
    ],
  ];
  for (const [name, bad] of refused)
    it(`refuses ${name}`, () => assert.throws(() => plan(layout, bad, facts), { kind: 'not-supported' }));

  it('finds nothing where a condition can never hold, and everything where none is left', () => {
    const nothing: Where = { kind: 'any', of: [] };
    assert.equal(plan(layout, { ...query('Patient'), where: nothing }, facts).driver.by, 'nothing');
    const everything: Where = { kind: 'not', of: nothing };
    assert.deepEqual(plan(layout, { ...query('Patient'), where: everything }, facts).filter, []);
  });
});
