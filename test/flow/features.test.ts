/**
 * The example of a feature (test/sample/welcome.ts) in a whole server, on both stores: what it brings is there, is decided and recorded
 * like everything else; and what becomes of routes that go wrong.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AuditEvent, CapabilityStatement, Group, OperationOutcome, Parameters, Patient, Task } from 'fhir/r4.js';
import { describe, it } from 'mocha';
import { FhirError } from '../../src/fhir/error.js';
import type { OperationImplementation, OutsideAnswer, OutsideRoute } from '../../src/interactions/engine.js';
import type { Feature } from '../../src/interactions/feature.js';
import type { FeatureJob } from '../../src/interactions/jobs.js';
import { onStoresInTurn } from '../support/both-stores.js';
import { done, post, send } from '../support/bundles.js';
import { loggedBy } from '../support/hooked.js';
import { newStore, startServer } from '../support/server.js';
import { type Headers, idsOf, talkTo } from '../support/talk.js';
import { welcome } from '../sample/welcome.js';

const folder = mkdtempSync(join(tmpdir(), 'chartroom-features-'));
const tokens = join(folder, 'tokens.json');
const ROLES = ['admin', 'writer', 'reader'] as const;
writeFileSync(tokens, JSON.stringify(ROLES.map(role => ({ token: `token-of-the-${role}`, name: role, role }))));
const bearer = (role: string): Headers => ({ authorization: `Bearer token-of-the-${role}` });

const route = (path: `/${string}`, more: Partial<OutsideRoute>): OutsideRoute => ({
  path,
  methods: ['GET'],
  who: 'anybody',
  recorded: 'as-performed',
  answer: () => ({}),
  ...more,
});
const nonsense = (answer: unknown) => (): OutsideAnswer => answer as OutsideAnswer;
const faulty: readonly OutsideRoute[] = [
  route('/faulty/throws', {
    answer() {
      throw new Error('Mrs. Secret');
    },
  }),
  route('/faulty/hangs', { patience: 1, answer: () => new Promise(() => undefined) }),
  route('/faulty/nothing', { answer: nonsense(undefined) }),
  route('/faulty/status', { answer: nonsense({ status: 'fine' }) }),
  route('/faulty/header', { answer: nonsense({ headers: { 'X-Broken': 'a\r\nb' } }) }),
  route('/faulty/body', { answer: nonsense({ body: { secret: 1 } }) }),
];
const echo = route('/echo', {
  methods: ['POST'],
  who: { screen: 'echo' },
  recorded: 'each-call',
  maxBody: 10,
  async answer({ body, header, parameters }) {
    const text = String(await body());
    if (text === 'no') throw new FhirError('unprocessable', 'No.', { detail: 'no' });
    return { status: 201, body: JSON.stringify([text, header('x-test'), parameters()]) };
  },
});
/** Each says which it is, and what its address says. */
const named = (
  ['/named/{id}', '/named/{id}/{part}', '/named/{id}/parts', '/named/all', '/named/first/{part}'] as const
).map(path => route(path, { answer: ({ path: values }) => ({ body: JSON.stringify([path, values]) }) }));
const routes: Feature = {
  name: 'routes',
  open: () => ({
    routes: [...faulty, ...named, echo],
    duties: { writer: { screens: ['echo'] } },
    subtypes: { '/echo': { system: 'urn:routes', code: 'ECHO', display: 'Said again' } },
  }),
};
/** Adds to each Group a List, which the trail calls by a name of its own. */
const lists: Feature = {
  name: 'lists',
  open: () => ({
    hooks: [
      {
        types: ['Group'],
        prepare: () => ({
          companions: [
            {
              kind: 'create',
              type: 'List',
              body: { resource: { resourceType: 'List', status: 'current', mode: 'working' }, decimals: undefined },
            },
          ],
        }),
      },
    ],
    subtypes: { create: { system: 'urn:lists', code: 'LIST', display: 'A list made' } },
  }),
};

onStoresInTurn(
  'a feature',
  stage => {
    const as = (role: string) => talkTo(stage().server.base, bearer(role));
    const outside = (path: string, role?: string, options: RequestInit = {}) =>
      fetch(`http://127.0.0.1:${stage().server.port}${path}`, {
        ...options,
        headers: { ...(role ? bearer(role) : {}), ...(options.headers as Headers | undefined) },
      });
    /** The newest events, and the features that they name. */
    const events = async (query: string) =>
      (await as('admin').search<AuditEvent>(`AuditEvent?${query}&_sort=-date`)).entry?.map(({ resource }) => [
        resource?.subtype?.[0]?.code,
        resource?.outcome,
        resource?.agent.find(({ requestor }) => requestor)?.name,
        resource?.agent.find(({ who }) => who?.identifier?.system === 'urn:chartroom:feature')?.name,
      ]);
    const newcomer = async (): Promise<string> => {
      const { body, status, text } = await as('writer').create<Patient>({ resourceType: 'Patient' });
      assert.equal(status, 201, text);
      return body.id;
    };

    it('adds to writes what it wants, in the name of who wrote and in its own', async () => {
      const id = await newcomer();
      const [task = '', ...more] = idsOf(await as('reader').search<Task>(`Task?patient=${id}`));
      assert.deepEqual(more, []);
      assert.deepEqual(await events(`entity=Task/${task}`), [['create', '0', 'writer', 'welcome']]);
      assert.deepEqual((await events(`entity=Patient/${id}&action=C`))?.toSorted(), [
        ['create', '0', 'writer', undefined],
        ['create', '0', 'writer', 'welcome'],
      ]);
      const { body } = await as('writer').update<Patient>({ resourceType: 'Patient', id, active: true });
      assert.equal(body.meta.versionId, '2');
      assert.equal(idsOf(await as('reader').search(`Task?patient=${id}`)).length, 1);
    });

    it('does so in a transaction, each entry by itself', async () => {
      const made = await done(
        send(
          as('writer'),
          'transaction',
          [1, 2].map(() => post({ resourceType: 'Patient' })),
        ),
      );
      for (const { response } of made) {
        const [, id = ''] = /Patient\/([^/]+)/.exec(response?.location ?? '') ?? [];
        assert.equal(idsOf(await as('reader').search(`Task?patient=${id}`)).length, 1);
      }
    });

    it('has its operation, which /metadata names', async () => {
      const id = await newcomer();
      const { body } = await as('reader').get<Parameters>(`Patient/${id}/$welcome-calls`);
      assert.deepEqual(body.parameter, [{ name: 'calls', valueInteger: 1 }]);
      const { body: statement } = await as('reader').get<CapabilityStatement>('metadata');
      const offered = statement.rest?.[0]?.resource?.filter(({ operation = [] }) =>
        operation.some(({ name }) => name === 'welcome-calls'),
      );
      assert.deepEqual(
        offered?.map(({ type }) => type),
        ['Patient'],
      );
      assert.equal((await as('reader').get(`OperationDefinition/welcome-calls`)).status, 200);
    });

    it('has its route, for those who may, on their behalf', async () => {
      const id = await newcomer();
      const answer = await outside(`/welcome/${id}`, 'reader');
      assert.deepEqual(
        [answer.status, answer.headers.get('content-type'), await answer.text()],
        [200, 'text/plain', '1 to ring up'],
      );
      assert.equal(answer.headers.get('cache-control'), 'no-store');
      assert.deepEqual((await events('action=E&_count=1'))?.[0], ['search-type', '0', 'reader', 'welcome']);
      const head = await outside(`/welcome/${id}`, 'reader', { method: 'HEAD' });
      assert.deepEqual([head.status, head.headers.get('content-length'), await head.text()], [200, '12', '']);
    });

    it('keeps from its route who may not, and records that', async () => {
      assert.equal((await outside('/welcome/1')).status, 401);
      assert.deepEqual((await events('outcome=4&_count=1'))?.[0], ['110122', '4', undefined, 'welcome']);
      assert.equal((await outside('/echo', 'reader', { method: 'POST', body: 'x' })).status, 403);
      assert.deepEqual((await events('outcome=8&_count=1'))?.[0], ['AuthZ-Role', '8', 'reader', 'routes']);
      const foreign = { method: 'POST', body: 'x', headers: { origin: 'http://elsewhere.example' } };
      assert.equal((await outside('/echo', 'writer', foreign)).status, 403);
      assert.deepEqual((await events('outcome=8&_count=1'))?.[0], ['AuthZ-Role', '8', 'writer', 'routes']);
    });

    it('refuses methods, bodies and questions that its route does not take', async () => {
      const put = await outside('/welcome/1', 'reader', { method: 'PUT', body: 'x' });
      assert.deepEqual([put.status, put.headers.get('allow')], [405, 'GET, POST, HEAD']);
      assert.equal((await outside('/echo?a=%', 'writer', { method: 'POST', body: 'x' })).status, 400);
      assert.equal((await outside('/echo', 'writer', { method: 'POST', body: 'more than ten' })).status, 413);
    });

    describe('has routes with parameters, after those of fixed words:', () => {
      const rows: readonly (readonly [asked: string, answer: number | readonly [string, Record<string, string>]])[] = [
        ['/named/1', ['/named/{id}', { id: '1' }]],
        ['/Named/A-b.C/', ['/named/{id}', { id: 'A-b.C' }]],
        ['/named/a%2Fb%20%C3%A4', ['/named/{id}', { id: 'a/b ä' }]],
        ['/named/all', ['/named/all', {}]],
        ['/named/1/2', ['/named/{id}/{part}', { id: '1', part: '2' }]],
        ['/named/1/Parts', ['/named/{id}/parts', { id: '1' }]],
        ['/named/first/parts', ['/named/first/{part}', { part: 'parts' }]],
        ['/named/__proto__', ['/named/{id}', { id: '__proto__' }]],
        [`/named/${'x'.repeat(256)}`, ['/named/{id}', { id: 'x'.repeat(256) }]],
        [`/named/${'x'.repeat(257)}`, 400],
        ['/named/%', 400],
        ['/named/%ff', 400],
        ['/named/a%00', 400],
        ['/named/', 404],
        ['/named//1', 404],
        ['/named/1/2/3', 404],
      ];
      for (const [asked, expected] of rows)
        it(asked.slice(0, 40), async () => {
          const answer = await outside(asked);
          const body = await answer.json();
          assert.deepEqual(answer.status === 200 ? body : answer.status, expected);
        });
    });

    it('has each call of a route recorded that asks for it, with what became of it, and without its query', async () => {
      const call = (body: string) =>
        outside('/echo?a=secret', 'writer', { method: 'POST', body, headers: { 'x-test': 'given' } });
      const answer = await call('text');
      assert.deepEqual([answer.status, await answer.json()], [201, ['text', 'given', [['a', 'secret']]]]);
      const refused = await call('no');
      assert.equal(refused.status, 422);
      const { entry = [] } = await as('admin').search<AuditEvent>('AuditEvent?subtype=operation&_sort=-date&_count=2');
      assert.deepEqual(
        entry.map(({ resource }) => [resource?.outcome, atob(resource?.entity?.[0]?.query ?? '')]),
        [
          ['4', 'POST /echo'],
          ['0', 'POST /echo'],
        ],
      );
    });

    it('has what it does called by the names that it declares, in events that are found by them, and nothing else', async () => {
      const id = await newcomer();
      await as('reader').get(`Patient/${id}/$welcome-calls`);
      await as('reader').get(`Patient/${id}`);
      await as('writer').create<Group>({ resourceType: 'Group', type: 'person', actual: true });
      await outside('/echo', 'writer', { method: 'POST', body: 'x' });
      const subtypesOf = async (query: string) =>
        (await as('admin').search<AuditEvent>(`AuditEvent?${query}&_sort=-date&_count=1`)).entry?.map(({ resource }) =>
          resource?.subtype?.map(({ system, code, display }) => [
            system?.replace(/^http:.*\//, ''),
            code,
            display ?? '',
          ]),
        );
      const rest = (code: string) => ['restful-interaction', code, ''];
      assert.deepEqual(await subtypesOf(`entity=Patient/${id}&subtype=operation`), [
        [rest('operation'), ['urn:chartroom:operation', 'welcome-calls', ''], ['urn:sample', 'calls', 'Calls counted']],
      ]);
      assert.deepEqual(await subtypesOf('subtype=urn:lists|LIST'), [
        [rest('create'), ['urn:lists', 'LIST', 'A list made']],
      ]);
      assert.deepEqual(await subtypesOf('subtype=urn:routes|ECHO'), [
        [rest('operation'), ['urn:routes', 'ECHO', 'Said again']],
      ]);
      for (const query of [
        `entity=Patient/${id}&subtype=read`,
        `entity:Patient=${id}&subtype=create&agent-name=writer`,
      ])
        assert.deepEqual(
          (await subtypesOf(query))?.map(subtypes => subtypes?.length),
          [1],
          query,
        );
    });

    it('counts what it counts', async () => {
      const count = async () => {
        const text = await (await outside('/metrics')).text();
        return Number(/^chartroom_welcome_calls_total (\d+)$/m.exec(text)?.[1]);
      };
      const before = await count();
      await newcomer();
      assert.equal(await count(), before + 1);
    });

    describe('whose route goes wrong is named in the log, and tells nothing:', () => {
      for (const { path } of faulty)
        it(path, async () => {
          const lines = loggedBy(stage().server);
          const answer = await outside(path);
          const outcome = (await answer.json()) as OperationOutcome;
          assert.deepEqual([answer.status, outcome.resourceType], [500, 'OperationOutcome']);
          assert.ok(!JSON.stringify([outcome, lines]).includes('ecret'));
          assert.deepEqual(
            lines.map(({ feature, moment }) => [feature, moment]),
            [['routes', 'route']],
          );
          assert.equal((await outside('/healthz')).status, 200);
        });
    });
  },
  { config: { auth: 'token', tokens, metrics: 'open', welcomeText: 'to ring up' }, features: [welcome, routes, lists] },
);

const nothing: OperationImplementation = {
  run: async () => ({ result: { status: 200, patients: [] } }),
};

const job = (kind: string): FeatureJob => ({ kind, step: () => ({ state: 0, last: true }) });

describe('features that cannot be', () => {
  const empty = (name: string, more: Partial<ReturnType<Feature['open']>> = {}): Feature => ({
    name,
    open: () => more,
  });
  const rows: readonly (readonly [what: string, features: readonly Feature[], why: RegExp])[] = [
    ['two with one name', [empty('one'), empty('one')], /name one/],
    ['one with a strange name', [empty('One feature')], /name One feature/],
    ['an operation that is there', [empty('one', { operations: { meta: nothing } })], /\$meta of one is there/],
    [
      'an operation without a definition',
      [empty('one', { operations: { nothing } })],
      /\$nothing has no OperationDefinition/,
    ],
    [
      'a duty of something else',
      [empty('one', { duties: { reader: { operations: ['purge'] } } })],
      /duty of one is purge, which is not its own/,
    ],
    ['a duty of a role that is none', [empty('one', { duties: { owner: {} } })], /role owner, which is none/],
    [
      'a subtype of what it does not have',
      [empty('one', { subtypes: { purge: { system: 'urn:a', code: 'a', display: 'a' } } })],
      /subtype of one is of purge/,
    ],
    ...(['system', 'code', 'display'] as const).map(
      part =>
        [
          `a subtype without a ${part}`,
          [empty('one', { subtypes: { create: { system: 'urn:a', code: 'a', display: 'a', [part]: ' ' } } })],
          /subtype of one for create must have/,
        ] as const,
    ),
    ['a hook of no type', [empty('one', { hooks: [{ types: ['Unicorn'], check: () => undefined }] })], /Unicorn/],
    ['a route of the server', [empty('one', { routes: [route('/metrics', {})] })], /\/metrics of one/],
    ['two routes with one address', [empty('one', { routes: [echo, echo] })], /\/echo of one/],
    ['a route of the server in other letters', [empty('one', { routes: [route('/Metrics', {})] })], /\/Metrics of one/],
    ['a route that is a pattern', [empty('one', { routes: [route('/:any', {})] })], /\/:any of one/],
    ['a route that could be all', [empty('one', { routes: [route('/{any}', {})] })], /\/\{any\} of one/],
    ['a parameter twice', [empty('one', { routes: [route('/a/{b}/{b}', {})] })], /\/a\/\{b\}\/\{b\} of one/],
    [
      'two routes that mean the same',
      [empty('one', { routes: [route('/a/{b}', {}), route('/A/{c}', {})] })],
      /\/A\/\{c\} of one/,
    ],
    ['a job with a strange name', [empty('one', { jobs: [job('One job')] })], /One job of one/],
    ['a job of the server', [empty('one', { jobs: [job('reindex')] })], /reindex of one/],
    ['two jobs with one name', [empty('one', { jobs: [job('a')] }), empty('two', { jobs: [job('a')] })], /a of two/],
    ['a route below FHIR', [empty('one', { routes: [route('/fhir/x', {})] })], /\/fhir\/x of one/],
  ];
  for (const [what, features, why] of rows)
    it(`${what}: the server does not start`, async function () {
      await assert.rejects(startServer({ store: await newStore(this, 'embedded'), features }), why);
    });
});
