/** What features do about writes (src/interactions/write/hooks.ts), seen by clients: in which order, with what, and when it goes wrong. */
import assert from 'node:assert/strict';
import type { AuditEvent, Basic, Binary, Bundle, FhirResource, Observation, Patient } from 'fhir/r4.js';
import { beforeEach, describe, it } from 'mocha';
import { FhirError } from '../../../src/fhir/error.js';
import { itemsOf, type JsonObject, type Resource } from '../../../src/fhir/resource.js';
import type { FeatureHook, HookedBundle, HookedWrite, Preparation } from '../../../src/interactions/write/hooks.js';
import { onStoresInTurn } from '../../support/both-stores.js';
import { done, post, put, send } from '../../support/bundles.js';
import { hookUp } from '../../support/hooked.js';
import { idsOf, refusal } from '../../support/talk.js';

const tagged = (resource: Resource, code: string): Resource => {
  const meta = (resource['meta'] ?? {}) as JsonObject;
  resource['meta'] = { ...meta, tag: [...itemsOf(meta['tag']), { system: 'urn:hooks', code }] };
  return resource;
};
const tagWith =
  (code: string) =>
  ({ resource }: HookedWrite): Preparation | undefined =>
    resource && { resource: tagged(resource, code) };
const codesOf = ({ meta }: FhirResource): (string | undefined)[] | undefined => meta?.tag?.map(({ code }) => code);
const basic = (code: string): Resource => ({ resourceType: 'Basic', code: { text: code } });
const refusing = (): never => {
  throw new FhirError('unprocessable', 'Not today.', { detail: 'not-today' });
};

let count = 0;
const fresh = (): string => `h${++count}`;

onStoresInTurn('hooks', stage => {
  const hook = (features: Readonly<Record<string, FeatureHook>>) => hookUp(stage().server, features);
  beforeEach(() => void hook({}));
  const eventsAbout = async (name: string) =>
    (await stage().talk.search<AuditEvent>(`AuditEvent?entity=${name}&_sort=_lastUpdated`)).entry?.map(
      ({ resource }) => `${resource?.subtype?.[0]?.code} ${resource?.outcome}`,
    );

  describe('prepare', () => {
    it('changes what is stored, one after the other, for their types or for all', async () => {
      hook({
        first: { types: ['Patient'], prepare: tagWith('first') },
        second: { prepare: tagWith('second') },
        other: { types: ['Group'], prepare: tagWith('other') },
      });
      const { talk } = stage();
      const { body, status } = await talk.create<Patient>({ resourceType: 'Patient', active: true });
      assert.deepEqual([status, codesOf(body)], [201, ['first', 'second']]);
      assert.deepEqual(codesOf((await talk.get<Patient>(`Patient/${body.id}`)).body), ['first', 'second']);
      assert.ok(idsOf(await talk.search('Patient?_tag=urn:hooks|second')).includes(body.id));
      assert.deepEqual(codesOf((await talk.create<Basic>(basic('x') as unknown as Basic)).body), ['second']);
    });

    it('keeps the digits of the numbers that it leaves alone', async () => {
      hook({ tagger: { prepare: tagWith('t') } });
      const text =
        '{"resourceType":"Observation","status":"final","code":{"text":"x"},"component":[{"code":{"text":"a"},"valueQuantity":{"value":1.500}},{"code":{"text":"b"},"valueQuantity":{"value":2.500}}]}';
      const changeSecond = ({ resource }: HookedWrite): Preparation => {
        const component = (resource as unknown as Observation).component!;
        component[1]!.valueQuantity!.value = 3;
        return { resource: resource! };
      };
      hook({ tagger: { prepare: tagWith('t') }, changer: { types: ['Observation'], prepare: changeSecond } });
      const headers = { 'content-type': 'application/fhir+json' };
      const reply = await stage().talk.send('POST', 'Observation', { headers, body: text });
      assert.equal(reply.status, 201, reply.text);
      assert.match(reply.text, /"value":1\.500\b/);
      assert.match(reply.text, /"value":3\}/);
    });

    it('leaves the text alone where it changes nothing', async () => {
      hook({ watcher: { prepare: ({ resource }) => void tagged(resource!, 'of the copy') } });
      const headers = { 'content-type': 'application/fhir+json' };
      const body = '{"resourceType":"Patient", "active" :true}';
      const reply = await stage().talk.send<Patient>('POST', 'Patient', { headers, body });
      assert.match(reply.text, /, "active" :true\}$/);
      assert.equal(codesOf(reply.body), undefined);
    });

    it('sees what is replaced, who writes and how', async () => {
      const seen: unknown[] = [];
      hook({
        watcher: {
          types: ['Patient'],
          check({ interaction, principal, type, id, before, resource }) {
            seen.push([interaction, principal.role, type, id, before?.version, resource?.['active']]);
          },
        },
      });
      const { talk } = stage();
      const id = fresh();
      const headers = { 'content-type': 'application/json-patch+json' };
      await talk.update<Patient>({ resourceType: 'Patient', id, active: true });
      await talk.update<Patient>({ resourceType: 'Patient', id, active: false });
      const operations = [{ op: 'replace', path: '/active', value: true }];
      await talk.send('PATCH', `Patient/${id}`, { headers, body: JSON.stringify(operations) });
      await talk.delete(`Patient/${id}`);
      assert.deepEqual(seen, [
        ['update', 'admin', 'Patient', id, undefined, true],
        ['update', 'admin', 'Patient', id, 1, false],
        ['patch', 'admin', 'Patient', id, 2, true],
        ['delete', 'admin', 'Patient', id, 3, undefined],
      ]);
    });

    it('sees an upload without its bytes, and may label it', async () => {
      const seen: unknown[] = [];
      hook({
        tagger: { types: ['Binary'], prepare: write => (seen.push(write.resource?.['data']), tagWith('up')(write)) },
      });
      const { talk } = stage();
      const headers = { 'content-type': 'text/plain' };
      const made = await talk.send('POST', 'Binary', { headers, body: 'some bytes' });
      assert.equal(made.status, 201, made.text);
      const [, id = ''] = /Binary\/([^/]+)/.exec(made.header('location') ?? '') ?? [];
      const { body } = await talk.get<Binary>(`Binary/${id}`);
      assert.deepEqual([body.data, codesOf(body), seen], [btoa('some bytes'), ['up'], [undefined]]);
    });
  });

  describe('check', () => {
    it('refuses a write with its own error, which is recorded', async () => {
      const lines = hook({ strict: { types: ['Patient'], check: refusing } });
      const id = fresh();
      const { talk } = stage();
      const reply = await talk.update<Patient>({ resourceType: 'Patient', id });
      assert.deepEqual(refusal(reply), { status: 422, detail: 'not-today' });
      assert.equal((await talk.get(`Patient/${id}`)).status, 404);
      assert.deepEqual(await eventsAbout(`Patient/${id}`), ['update 4', 'read 4']);
      assert.deepEqual(lines, []);
    });

    it('refuses a deletion, also a conditional one and $purge', async () => {
      const { talk } = stage();
      const id = fresh();
      await talk.update<Patient>({ resourceType: 'Patient', id, identifier: [{ system: 'urn:hooks', value: id }] });
      hook({ hold: { types: ['Patient'], check: ({ resource }) => (resource ? undefined : refusing()) } });
      for (const [method, path] of [
        ['DELETE', `Patient/${id}`],
        ['DELETE', `Patient?identifier=urn:hooks|${id}`],
        ['POST', `Patient/${id}/$purge`],
      ] as const)
        assert.equal((await talk.send(method, path)).status, 422, path);
      assert.equal((await talk.get(`Patient/${id}`)).status, 200);
    });

    it('is asked again about what somebody else has written meanwhile', async () => {
      const { talk } = stage();
      const id = fresh();
      const patient = (active: boolean): Patient => ({ resourceType: 'Patient', id, active });
      const seen: unknown[] = [];
      await talk.update(patient(true));
      hook({
        watcher: {
          types: ['Patient'],
          async check({ before, interaction, resource }) {
            if (resource?.['language'] !== 'en') return;
            seen.push([interaction, before?.version]);
            if (seen.length === 1) await done(send(talk, 'transaction', [put(patient(false))]));
          },
        },
      });
      const reply = await talk.update<Patient>({ ...patient(true), language: 'en' });
      assert.equal(reply.body.meta.versionId, '3', reply.text);
      assert.deepEqual(seen, [
        ['update', 1],
        ['update', 2],
      ]);
    });
  });

  describe('bundle', () => {
    it('sees a transaction before its entries run, and may refuse it', async () => {
      const seen: HookedBundle[] = [];
      hook({ reader: { bundle: bundle => void seen.push(bundle) } });
      const { talk } = stage();
      const body: Bundle = {
        resourceType: 'Bundle',
        type: 'transaction',
        meta: { profile: ['http://example.org/profile'] },
        entry: [
          put({ resourceType: 'Patient', id: fresh() }),
          post({ resourceType: 'Patient' }, { fullUrl: 'urn:uuid:x' }),
        ],
      };
      const headers = { 'content-type': 'application/fhir+json' };
      const sent = () => talk.send('POST', '', { headers, body: JSON.stringify(body) });
      assert.equal((await sent()).status, 200);
      const [{ profiles, entries } = { profiles: [], entries: [] }, ...more] = seen;
      assert.deepEqual([profiles, more], [['http://example.org/profile'], []]);
      assert.deepEqual(
        entries.map(({ fullUrl, ask: { kind } }) => [kind, fullUrl]),
        [
          ['update', undefined],
          ['create', 'urn:uuid:x'],
        ],
      );
      hook({ strict: { bundle: refusing } });
      const before = (await talk.search('Patient?_summary=count')).total;
      assert.deepEqual(refusal(await sent()), { status: 422, detail: 'not-today' });
      assert.equal((await talk.search('Patient?_summary=count')).total, before);
      await done(send(talk, 'batch', [post({ resourceType: 'Patient' })]));
    });
  });

  it('committed comes when the change is there, and cannot fail it', async () => {
    const { talk } = stage();
    const id = fresh();
    const seen: unknown[] = [];
    const lines = hook({
      bad: {
        types: ['Patient'],
        committed() {
          throw new Error('secret');
        },
      },
      late: { types: ['Patient'], patience: 1, committed: () => new Promise(() => undefined) },
      good: {
        types: ['Patient'],
        async committed([change]) {
          seen.push((await talk.get<Patient>(`Patient/${change!.id}`)).body.meta?.versionId);
        },
      },
    });
    assert.equal((await talk.update<Patient>({ resourceType: 'Patient', id })).status, 201);
    assert.deepEqual(seen, ['1']);
    assert.deepEqual(
      lines.map(({ feature, moment }) => [feature, moment]),
      [
        ['bad', 'committed'],
        ['late', 'committed'],
      ],
    );
  });

  describe('that go wrong fail their write alone, and are named in the log:', () => {
    const throwing = (): never => {
      throw new TypeError('Mrs. Secret has a secret');
    };
    const nonsense = (value: unknown) => () => value as undefined;
    const companion = (value: unknown) => nonsense({ companions: [value] });
    const rows: readonly (readonly [what: string, hook: FeatureHook, moment: string])[] = [
      ['a prepare that throws', { prepare: throwing }, 'prepare'],
      ['a prepare that rejects', { prepare: async () => throwing() }, 'prepare'],
      ['a prepare that hangs', { patience: 1, prepare: () => new Promise(() => undefined) }, 'prepare'],
      ['a prepare that gives a text', { prepare: nonsense('yes') }, 'prepare'],
      ['a prepare that gives null', { prepare: nonsense(null) }, 'prepare'],
      ['a prepare that gives a resource that is none', { prepare: nonsense({ resource: 'x' }) }, 'prepare'],
      [
        'a prepare that gives what is not R4',
        { prepare: nonsense({ resource: { resourceType: 'Patient', x: 1 } }) },
        'prepare',
      ],
      ['a prepare that gives a circle', { prepare: circle }, 'prepare'],
      ['a prepare that gives another type', { prepare: nonsense({ resource: basic('x') }) }, 'prepare'],
      [
        'a prepare that gives another id',
        { prepare: ({ resource }) => ({ resource: { ...resource!, id: 'y' } }) },
        'prepare',
      ],
      ['companions that are no list', { prepare: nonsense({ companions: {} }) }, 'prepare'],
      ['a companion that is nothing', { prepare: companion(null) }, 'prepare'],
      ['a companion that reads', { prepare: companion({ kind: 'read', type: 'Basic', id: 'x' }) }, 'prepare'],
      ['a companion without a body', { prepare: companion({ kind: 'create', type: 'Basic' }) }, 'prepare'],
      ['a companion of no type', { prepare: companion({ kind: 'delete', type: 'Unicorn', id: 'x' }) }, 'prepare'],
      ['a companion that means no resource', { prepare: companion({ kind: 'delete', type: 'Basic' }) }, 'prepare'],
      [
        'a companion that is not R4',
        { prepare: companion({ kind: 'create', type: 'Basic', body: { resource: { resourceType: 'Basic' } } }) },
        'prepare',
      ],
      [
        'a companion that writes the same',
        {
          prepare: ({ id, resource }) =>
            resource?.['language'] === 'en'
              ? undefined
              : {
                  companions: [
                    {
                      kind: 'update',
                      type: 'Patient',
                      id,
                      body: { resource: { resourceType: 'Patient', id, language: 'en' }, decimals: undefined },
                    },
                  ],
                },
        },
        'prepare',
      ],
      ['messages that are no list', { prepare: nonsense({ messages: 'x' }) }, 'prepare'],
      ['a message without a topic', { prepare: nonsense({ messages: [{ body: 'x' }] }) }, 'prepare'],
      [
        'a message of no time',
        { prepare: nonsense({ messages: [{ topic: 'x', body: 'x', notBefore: 'x' }] }) },
        'prepare',
      ],
      ['a message that is no text', { prepare: nonsense({ messages: [{ topic: 'x', body: {} }] }) }, 'prepare'],
      [
        'a message without end',
        { prepare: nonsense({ messages: [{ topic: 'x', body: 'x'.repeat(1024 * 1024 + 1) }] }) },
        'prepare',
      ],
      [
        'companions without end',
        {
          prepare: () => ({
            companions: [
              { kind: 'create', type: 'Patient', body: { resource: { resourceType: 'Patient' }, decimals: undefined } },
            ],
          }),
        },
        'prepare',
      ],
      ['a check that throws', { check: throwing }, 'check'],
      ['a check that hangs', { patience: 1, check: () => new Promise(() => undefined) }, 'check'],
      ['a check that says no in its own way', { check: nonsense(false) }, 'check'],
    ];
    for (const [what, bad, moment] of rows)
      it(what, async () => {
        const { talk } = stage();
        const id = fresh();
        const lines = hook({ broken: { types: ['Patient'], ...bad } });
        const reply = await talk.update<Patient>({ resourceType: 'Patient', id });
        assert.deepEqual(refusal(reply), { status: 500, detail: 'fault' });
        assert.ok(!reply.text.includes('ecret'), reply.text);
        assert.deepEqual(
          lines.map(line => [line.feature, line.moment]),
          [['broken', moment]],
        );
        assert.ok(!JSON.stringify(lines).includes('ecret'));
        assert.equal((await talk.get(`Patient/${id}`)).status, 404);
        assert.deepEqual(await eventsAbout(`Patient/${id}`), ['update 12', 'read 4']);
        assert.equal((await talk.create<Basic>(basic('x') as unknown as Basic)).status, 201);
      });

    it('a bundle that throws', async () => {
      const lines = hook({ broken: { bundle: throwing } });
      const reply = await send(stage().talk, 'transaction', [post({ resourceType: 'Patient' })]);
      assert.deepEqual(refusal(reply), { status: 500, detail: 'fault' });
      assert.deepEqual(
        lines.map(({ feature, moment }) => [feature, moment]),
        [['broken', 'bundle']],
      );
    });
  });
});

function circle({ resource }: HookedWrite): Preparation {
  const name: JsonObject = { family: 'x' };
  name['extension'] = [{ url: 'urn:x', valueHumanName: name }];
  return { resource: { ...resource!, name: [name] } };
}
