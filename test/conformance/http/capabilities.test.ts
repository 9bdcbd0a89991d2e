/**
 * /metadata tells the truth: every interaction and search parameter that it lists works, for every type; what it does
 * not list is refused. The whole sweep on one store in a full run, a sample of it else and on the other.
 * https://hl7.org/fhir/R4/capabilitystatement.html
 */
import assert from 'node:assert/strict';
import type { CapabilityStatement, CapabilityStatementRestResource } from 'fhir/r4.js';
import { it } from 'mocha';
import type { SearchParameter } from '../../../src/search/parameters.js';
import { onStoresInTurn, type Stage } from '../../support/both-stores.js';
import { sampleOf } from '../../support/depth.js';
import { refusal } from '../../support/talk.js';

const PLAUSIBLE = {
  string: 'a',
  token: 'a',
  reference: 'a',
  date: '2020-02',
  number: '1',
  quantity: '1',
  uri: 'http://a.example/b',
  special: '52|5|1|km',
};

const valueOf = ({ type, components }: SearchParameter): string =>
  type === 'composite' ? components.map(valueOf).join('$') : PLAUSIBLE[type];

async function statement({ talk }: Stage): Promise<CapabilityStatement> {
  const reply = await talk.get<CapabilityStatement>('metadata');
  assert.equal(reply.status, 200);
  return reply.body;
}

/** Runs a few at a time. */
async function each<T>(items: readonly T[], run: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  await Promise.all(
    Array.from({ length: 16 }, async () => {
      for (const item of queue) await run(item);
    }),
  );
}

/**
 * A part on MongoDB: the parameters are the same, and the sweep is long. At every change a part of each type on the other,
 * too.
 */
const sampled = <T>({ server }: Stage, items: readonly T[], typeOf: (item: T) => string): readonly T[] =>
  server.engine.store.name === 'embedded' ? sampleOf(items, 18, typeOf) : items.filter((_, at) => at % 40 === 0);

onStoresInTurn('/metadata', stage => {
  const resources = async (): Promise<CapabilityStatementRestResource[]> =>
    (await statement(stage())).rest?.[0]?.resource ?? [];

  it('lists every resource type of R4 with its interactions', async () => {
    const listed = await resources();
    const known = stage().server.engine.definitions.resourceTypes;
    assert.deepEqual(listed.map(({ type }) => type).toSorted(), known.toSorted());
    assert.equal(listed.length, 146);
    for (const { type, interaction } of listed)
      assert.deepEqual(
        interaction?.map(({ code }) => code),
        [
          'read',
          'vread',
          ...(type === 'AuditEvent' ? [] : ['update', 'patch', 'delete']),
          'history-instance',
          'history-type',
          'create',
          'search-type',
        ],
        type,
      );
  });

  it('says that browsers of other origins may not call, as none is configured', async () =>
    assert.equal((await statement(stage())).rest?.[0]?.security?.cors, false));

  it('needs nobody to say who they are, and needs no audit event', async () => {
    const { talk } = stage();
    const before = (await talk.search('AuditEvent?_summary=count')).total;
    await talk.get('metadata');
    assert.equal((await talk.search('AuditEvent?_summary=count')).total, (before ?? 0) + 1, 'only that of the count');
  });

  it('a search by every parameter that it lists answers 200', async () => {
    const { talk, server } = stage();
    const all = (await resources()).flatMap(({ type, searchParam }) =>
      (searchParam ?? []).map(({ name }) => [type, name]),
    );
    assert.ok(all.length > 2000);
    const failed: string[] = [];
    await each(
      sampled(stage(), all, ([type = '']) => type),
      async ([type = '', name = '']) => {
        const parameter = server.engine.parameters.get(type, name);
        assert.ok(parameter, `${type}.${name}`);
        const query = `${type}?${name}=${encodeURIComponent(valueOf(parameter))}`;
        const reply = await talk.get(query);
        if (reply.status !== 200) failed.push(`${query}: ${reply.status} ${reply.text}`);
      },
    );
    assert.deepEqual(failed, []);
  });

  it('a system search by every parameter that it lists for all types answers 200', async () => {
    const { talk, server } = stage();
    const listed = ((await statement(stage())).rest?.[0]?.searchParam ?? []).filter(({ definition }) => definition);
    assert.ok(listed.some(({ name }) => name === '_lastUpdated'));
    for (const { name } of listed) {
      const parameter = server.engine.parameters.get('Basic', name);
      assert.ok(parameter, name);
      const reply = await talk.get(`?_type=Patient,Basic&${name}=${encodeURIComponent(valueOf(parameter))}`);
      assert.equal(reply.status, 200, reply.text);
    }
  });

  it('every interaction that it lists is there for every type, and no other', async () => {
    const { talk } = stage();
    await each(
      sampled(stage(), await resources(), ({ type }) => (type === 'AuditEvent' ? type : '')),
      async ({ type, interaction }) => {
        const listed = new Set<string>(interaction?.map(({ code }) => code));
        const body = JSON.stringify({ resourceType: type, id: 'x', nothing: 1 });
        const options = { headers: { 'content-type': 'application/fhir+json' }, body };
        const attempts: [code: string, method: string, path: string, status: number][] = [
          ['read', 'GET', `${type}/none`, 404],
          ['vread', 'GET', `${type}/none/_history/1`, 404],
          ['history-instance', 'GET', `${type}/none/_history`, 404],
          ['history-type', 'GET', `${type}/_history?_count=1`, 200],
          ['search-type', 'GET', `${type}?_count=1`, 200],
          ['create', 'POST', type, 400],
          ['update', 'PUT', `${type}/x`, 400],
          ['delete', 'DELETE', `${type}/none`, 204],
          ['patch', 'PATCH', `${type}/none`, 404],
        ];
        for (const [code, method, path, status] of attempts) {
          const reply = await talk.send(method, path, method.startsWith('P') ? options : {});
          assert.equal(reply.status, listed.has(code) ? status : 405, `${method} ${path}: ${reply.text}`);
        }
      },
    );
  });

  it('refuses what it does not list', async () => {
    const { talk } = stage();
    for (const query of ['Patient?_query=a', 'Patient?_contained=true', 'Patient?_containedType=container'])
      assert.equal(refusal(await talk.get(query)).status, 400, query);
  });

  it('lists what a search can include, and takes each of it', async () => {
    const { talk } = stage();
    const all = (await resources()).flatMap(({ type, searchInclude = [], searchRevInclude = [] }) => [
      ...searchInclude.map(value => `${type}?_include=${value}`),
      ...searchRevInclude.map(value => `${type}?_revinclude=${value}`),
    ]);
    assert.ok(all.includes('Observation?_include=Observation:patient'));
    assert.ok(all.includes('Patient?_revinclude=Observation:patient'));
    assert.ok(all.length > 1500, `only ${all.length}`);
    await each(
      sampled(stage(), all, query => query.split('?')[0]!),
      async query => {
        const reply = await talk.get(`${query}&_id=nobody`);
        assert.equal(reply.status, 200, `${query}: ${reply.text}`);
      },
    );
  });

  it('lists the five compartments', async () =>
    assert.deepEqual(
      (await statement(stage())).rest?.[0]?.compartment,
      ['device', 'encounter', 'patient', 'practitioner', 'relatedperson'].map(
        name => `http://hl7.org/fhir/CompartmentDefinition/${name}`,
      ),
    ));
});
