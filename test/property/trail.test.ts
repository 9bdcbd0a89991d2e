/**
 * The trail with its recorded events and those that were received, against a plain list of all of them: which are found, in which order,
 * by pages of any size in both directions, and how many there are.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'mocha';
import type { AuditRecord } from '../../src/audit/event.js';
import { createDeedMaker, deedOfEvent } from '../../src/audit/trail/deed.js';
import { openTrail } from '../../src/audit/trail/index.js';
import type { Resource } from '../../src/fhir/resource.js';
import { match, type Subject } from '../../src/search/match.js';
import {
  all,
  any,
  ANY_RESOURCE,
  type Cursor,
  NO_RESOURCE,
  type Query,
  type SortKey,
  type TokenValue,
  type Where,
} from '../../src/search/query.js';
import { newId } from '../../src/platform/ids.js';
import type { Deed } from '../../src/store/deeds.js';
import { encodeId } from '../../src/store/codec.js';
import { openMongo } from '../../src/store/mongo/index.js';
import { openEmbedded } from '../../src/store/embedded/index.js';
import type { Store } from '../../src/store/store.js';
import { definitions, entriesOf, layout, parameters, put } from '../support/changes.js';
import { depthOf } from '../support/depth.js';
import { createRandom } from '../support/random.js';
import { newStore, STORES } from '../support/server.js';

const START = Date.UTC(2030, 0, 1);
const PATIENTS = ['a', 'b', 'c', 'd'];
const BASE = 'http://localhost/fhir';
const random = createRandom(20_261_130);
const pick = <T>(from: readonly T[]): T => random.pick(from);
/** Few times, so that many are at the same one, and some rows of more than a second. */
const time = (): number => START + pick([0, 1, 2, 500, 999, 1000, 1001, 2500, 60_000]) + random.below(3) * 3000;

function recordAt(at: number): AuditRecord {
  const isRead = random.chance(0.5);
  const patients = isRead ? [pick(PATIENTS)] : PATIENTS.filter(() => random.chance(0.5));
  return {
    ...{ at, base: BASE, address: pick(['10.0.0.1', '10.0.0.2']), requestId: `r${random.below(1e9)}` },
    ...{
      outcome: pick(['0', '0', '4'] as const),
      principal: { name: pick(['anna', 'ben']), role: 'reader' },
      patients,
    },
    request: 'GET Patient',
    ...(isRead
      ? { interaction: 'read', pattern: 'read', data: { type: 'Patient', id: patients[0]!, version: 1 } }
      : { interaction: 'search-type', pattern: 'query' }),
  };
}

const received = (id: string): Resource => ({
  ...{ resourceType: 'AuditEvent', id, recorded: new Date(time()).toISOString(), outcome: pick(['0', '4']) },
  type: { system: 'http://terminology.hl7.org/CodeSystem/audit-event-type', code: 'rest' },
  agent: [{ requestor: true, name: pick(['anna', 'ben']), who: { identifier: { value: 'elsewhere' } } }],
  source: { observer: { display: 'elsewhere' } },
  entity: [{ what: { reference: `Patient/${pick(PATIENTS)}` } }],
});

/** One of those that are made as a whole. */
function wholeAt(at: number): Deed {
  const id = newId(at);
  const named = pick([
    { identifier: { system: 'urn:users', value: pick(PATIENTS) } },
    { type: 'Patient', identifier: { value: pick(PATIENTS) } },
    { identifier: { value: pick(PATIENTS) } },
    { reference: `Device/${pick(PATIENTS)}` },
  ]);
  const about = random.chance(0.5) ? { entity: [{ what: named }] } : {};
  const agent = [{ requestor: true, name: pick(['anna', 'ben']), who: named }];
  return deedOfEvent({ ...received(id), recorded: new Date(at).toISOString(), agent, ...about }, at);
}

const identified = (code: string, value: TokenValue): Where => ({
  ...{ kind: 'param', code },
  test: { kind: 'reference', to: { kind: 'identifier', value } },
});
const token = (code: string, value: string): Where => ({
  kind: 'param',
  code,
  test: { kind: 'token', any: [{ code: value }] },
});
const about = (code: string, id: string): Where => ({
  kind: 'param',
  code,
  test: { kind: 'reference', to: { kind: 'local', type: 'Patient', id } },
});
const amongDevices = (code: string, ...ids: readonly string[]): Where => ({
  ...{ kind: 'param', code },
  test: { kind: 'reference', to: { kind: 'among', type: 'Device', ids: new Set(ids) } },
});
const CONDITIONS: readonly (() => Where)[] = [
  () => ANY_RESOURCE,
  () => about('patient', pick(PATIENTS)),
  () => about('entity', pick(PATIENTS)),
  () => token('outcome', pick(['0', '4'])),
  () => token('subtype', pick(['read', 'search-type'])),
  () => ({ kind: 'not', of: about('patient', pick(PATIENTS)) }),
  () => ({ kind: 'present', code: 'patient' }),
  () => ({ kind: 'param', code: 'agent-name', test: { kind: 'string', mode: 'exact', value: pick(['anna', 'ben']) } }),
  () => ({
    kind: 'param',
    code: 'agent',
    test: { kind: 'reference', to: { kind: 'identifier', value: { code: pick(['anna', '10.0.0.1', 'elsewhere']) } } },
  }),
  () => ({ kind: 'param', code: 'date', test: { kind: 'date', any: [{ lowMin: time(), highMax: time() + 4000 }] } }),
  () => ({ kind: 'param', code: '_lastUpdated', test: { kind: 'date', any: [{ highMin: time() }] } }),
  () => all(about('patient', pick(PATIENTS)), token('outcome', '4')),
  () => any(about('patient', 'a'), about('entity', 'b'), token('outcome', '4')),
  () => any(about('patient', 'a'), { kind: 'present', code: 'agent-name' }),
  () =>
    any(
      { kind: 'of', type: 'Patient', where: ANY_RESOURCE },
      { kind: 'of', type: 'AuditEvent', where: about('patient', 'c') },
    ),
  () => ({ kind: 'not', of: { kind: 'of', type: 'Patient', where: ANY_RESOURCE } }),
  () => NO_RESOURCE,
  () => all(about('patient', 'a'), NO_RESOURCE),
  () => identified(pick(['agent', 'entity', 'patient']), { code: pick(PATIENTS) }),
  () => identified(pick(['agent', 'entity', 'patient']), { system: pick(['urn:users', '']), code: pick(PATIENTS) }),
  () => identified(pick(['agent', 'entity', 'patient', 'source']), { system: 'urn:users' }),
  () => identified('source', { code: BASE }),
  () => any(identified('agent', { code: 'a' }), amongDevices('agent', 'b', 'c')),
  () => all(amongDevices(pick(['agent', 'entity']), 'a', 'b'), token('outcome', '4')),
  () => ({ kind: 'param', code: 'address', test: { kind: 'string', mode: 'starts', value: '10.0.0.' } }),
  () => ({
    kind: 'param',
    code: 'patient',
    test: { kind: 'reference', to: { kind: 'among', type: 'Patient', ids: new Set(pick([[], ['a'], ['b', 'd']])) } },
  }),
];
const SORTS: readonly (readonly SortKey[])[] = [
  [],
  ...['date', '_lastUpdated', '_id', 'agent-name'].flatMap(code => [
    [{ code, descending: false }],
    [{ code, descending: true }],
  ]),
];
const BY_BOTH: readonly (readonly SortKey[])[] = ['date', '_lastUpdated'].flatMap(code =>
  [false, true].flatMap(descending =>
    [false, true].map(idsDescend => [
      { code, descending },
      { code: '_id', descending: idsDescend },
    ]),
  ),
);

/** Pages of a query, one after the other, in the order of the rows. */
async function walk(store: Store, query: Omit<Query, 'limit'>, limit: number, back = false): Promise<string[]> {
  const names: string[] = [];
  let place: Cursor | undefined;
  if (back) {
    const whole = await store.find({ ...query, limit: 1000 });
    place = whole.cursors.at(-1);
    names.push(...whole.rows.slice(-1).map(({ id }) => id));
  }
  for (;;) {
    const here = place === undefined ? {} : back ? { before: place } : { after: place };
    const { rows, cursors, more } = await store.find({ ...query, limit, ...here });
    const ids = rows.map(({ id }) => id);
    if (back) names.unshift(...ids);
    else names.push(...ids);
    place = back ? cursors[0] : cursors.at(-1);
    if (!more || !place) return names;
  }
}

for (const name of STORES)
  describe(`the trail beside a plain list (${name})`, () => {
    let store: Store;
    let close: () => Promise<void>;
    const subjects: Subject[] = [];

    before(async function () {
      const url = await newStore(this, name);
      const kept =
        name === 'mongo' ? await openMongo({ url, layout }) : await openEmbedded({ file: ':memory:', layout });
      await kept.migrate();
      close = () => kept.close();
      const settings = { bases: [BASE], fullText: false };
      ({ store } = openTrail(kept, { definitions, parameters, settings, queryTimeout: 60_000 }));
      const deedOf = createDeedMaker();
      await Promise.all(
        Array.from({ length: 120 }, (_, i) =>
          store.commit(
            i % 3 === 0
              ? { changes: [put(received(`received${i}`), { updated: time() })] }
              : { changes: [], deeds: [i % 3 === 1 ? deedOf(recordAt(time())) : wholeAt(time())] },
          ),
        ),
      );
      for await (const { row } of store.scan({ type: 'AuditEvent' })) {
        const { id, updated, text } = row;
        subjects.push({
          type: 'AuditEvent',
          id,
          updated,
          entries: entriesOf(JSON.parse(text!.toString()) as Resource),
        });
      }
    });
    after(() => close());

    it('has them all, each once, and finds each by its id', async () => {
      assert.equal(new Set(subjects.map(({ id }) => id)).size, subjects.length);
      assert.ok(subjects.length > 100);
      assert.equal((await store.sizes()).get('AuditEvent'), subjects.length);
      assert.equal((await store.count({ types: ['AuditEvent'], where: ANY_RESOURCE })).count, subjects.length);
      for (const { id } of subjects) assert.equal((await store.read('AuditEvent', id))?.id, id);
      assert.equal(await store.read('AuditEvent', 'nobody-1'), undefined);
    });

    it('finds the same, in order, by pages in both directions', async () => {
      for (let round = 0; round < depthOf('TRAIL'); round++) {
        const where = pick(CONDITIONS)();
        const sort = pick(round % 3 === 1 ? BY_BOTH : SORTS);
        const query = { types: ['AuditEvent'], where, sort };
        const wanted = subjects.filter(subject => match(where, subject)).map(({ id }) => id);
        const asked = JSON.stringify([where, sort]);
        const found = await walk(store, query, 1 + random.below(9));
        assert.deepEqual(found.toSorted(), wanted.toSorted(), asked);
        assert.deepEqual(await walk(store, query, 1 + random.below(9)), found, asked);
        if (found.length > 0)
          assert.deepEqual(await walk(store, query, 1 + random.below(9), true), found, `back: ${asked}`);
        assert.equal((await store.count({ types: ['AuditEvent'], where })).count, wanted.length, asked);
        const { found: names } = await store.findIds({ types: ['AuditEvent'], where }, 1000);
        assert.deepEqual(names.map(({ id }) => id).toSorted(), wanted.toSorted(), asked);
        const [key, second] = sort;
        if (key?.code !== 'date' && key?.code !== '_lastUpdated') continue;
        const timeOf = (id: string): number => {
          const subject = subjects.find(each => each.id === id)!;
          const recorded = subject.entries.find(({ parameter }) => parameter === 'date');
          return key.code === 'date' ? (recorded as { low: number }).low : subject.updated;
        };
        const times = found.map(timeOf);
        const sorted = times.toSorted((x, y) => (key.descending ? y - x : x - y));
        assert.deepEqual(times, sorted, asked);
        if (!second) continue;
        const keys = found.map((id, i) => ({ time: times[i]!, key: encodeId('AuditEvent', id) }));
        const byBoth = keys.toSorted(
          (x, y) =>
            (key.descending ? y.time - x.time : x.time - y.time) ||
            (x.key < y.key ? -1 : 1) * (second.descending ? -1 : 1),
        );
        assert.deepEqual(keys, byBoth, asked);
      }
    });

    it('finds whom events name by an identifier, whichever part they had', async () => {
      for (const code of ['agent', 'entity', 'patient'])
        for (const value of PATIENTS) {
          const where = identified(code, { code: value });
          const wanted = subjects.filter(subject => match(where, subject)).map(({ id }) => id);
          assert.ok(wanted.length > 0, `${code} ${value}`);
          const { found } = await store.findIds({ types: ['AuditEvent'], where }, 1000);
          assert.deepEqual(found.map(({ id }) => id).toSorted(), wanted.toSorted(), `${code} ${value}`);
        }
    });

    it('has their history by pages in both directions', async () => {
      for (const oldestFirst of [undefined, true] as const) {
        const query = { type: 'AuditEvent', ...(oldestFirst ? { oldestFirst } : {}) };
        const whole = await store.history({ ...query, limit: 1000 });
        assert.deepEqual(whole.rows.map(({ id }) => id).toSorted(), subjects.map(({ id }) => id).toSorted());
        const found: string[] = [];
        for (let place: Cursor | undefined; ; ) {
          const page = await store.history({ ...query, limit: 7, ...(place ? { after: place } : {}) });
          found.push(...page.rows.map(({ id }) => id));
          place = page.cursors.at(-1);
          if (!page.more || !place) break;
        }
        assert.deepEqual(
          found,
          whole.rows.map(({ id }) => id),
        );
        const back = await store.history({ ...query, limit: 7, before: whole.cursors[10]! });
        assert.deepEqual(
          back.rows.map(({ id }) => id),
          found.slice(3, 10),
        );
        assert.equal(await store.countHistory(query), subjects.length);
      }
    });
  });
