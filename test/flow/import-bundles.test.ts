/**
 * A Bundle by `chartroom import` and the same Bundle over HTTP leave the same store, ids that the server gave aside: one server
 * gets it by the one way, another one by the other. https://hl7.org/fhir/R4/http.html#transaction
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bundle, FhirResource, Organization, Patient } from 'fhir/r4.js';
import { after, before, describe, it } from 'mocha';
import { storesInTurn } from '../support/both-stores.js';
import { entry, post, put, uuid } from '../support/bundles.js';
import { FULL, fullIt } from '../support/depth.js';
import { readExamples } from '../support/examples.js';
import { contentsOf, importInto, versionsIn } from '../support/import.js';
import { newStore, type RunningServer, startServer } from '../support/server.js';
import { readText, skipWithout } from '../support/shared.js';
import { talkTo } from '../support/talk.js';

const folder = mkdtempSync(join(tmpdir(), 'chartroom-same-'));
after(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
const fileOf = (content: string): string => {
  const path = join(folder, `${String(files++).padStart(3, '0')}.json`);
  writeFileSync(path, content);
  return path;
};
const bundle = (type: Bundle['type'], entries: readonly unknown[]): string =>
  JSON.stringify({ resourceType: 'Bundle', type, entry: entries });

const TAG = [{ system: 'urn:t', code: 'x' }];
const organization = (value: string): Organization => ({
  resourceType: 'Organization',
  identifier: [{ system: 'urn:o', value }],
  name: value,
});
const jsonPatch = (operations: unknown): FhirResource => ({
  resourceType: 'Binary',
  contentType: 'application/json-patch+json',
  data: Buffer.from(JSON.stringify(operations)).toString('base64'),
});

/** One after the other on the same store. */
const OWN: readonly (readonly [what: string, bundle: string])[] = [
  [
    'puts and conditional creates',
    bundle('transaction', [
      put({ resourceType: 'Patient', id: 'p1', active: true }),
      put({ resourceType: 'Patient', id: 'p2', active: true }),
      post(organization('a'), { ifNoneExist: 'identifier=urn:o|a' }),
    ]),
  ],
  [
    'a conditional create whose match is there',
    bundle('transaction', [post({ ...organization('a'), name: 'another' }, { ifNoneExist: 'identifier=urn:o|a' })]),
  ],
  [
    'patches, JSON and FHIRPath',
    bundle('transaction', [
      entry('PATCH', 'Patient/p1', jsonPatch([{ op: 'replace', path: '/active', value: false }])),
      entry('PATCH', 'Patient/p2', {
        resourceType: 'Parameters',
        parameter: [
          {
            name: 'operation',
            part: [
              { name: 'type', valueCode: 'add' },
              { name: 'path', valueString: 'Patient' },
              { name: 'name', valueString: 'gender' },
              { name: 'value', valueCode: 'other' },
            ],
          },
        ],
      }),
    ]),
  ],
  [
    'names of entries in references, uris and narrative',
    bundle('transaction', [
      post({ resourceType: 'Patient', name: [{ family: 'Named' }] }, { fullUrl: uuid(1) }),
      post({
        resourceType: 'Basic',
        code: { text: 'x' },
        subject: { reference: uuid(1) },
        text: {
          status: 'generated',
          div: `<div xmlns="http://www.w3.org/1999/xhtml"><a href="${uuid(1)}">who</a></div>`,
        },
        extension: [{ url: 'urn:e', valueUri: uuid(1) }],
      }),
    ]),
  ],
  [
    'conditional references, updates and deletions',
    bundle('transaction', [
      put({
        resourceType: 'Patient',
        id: 'p3',
        managingOrganization: { reference: 'Organization?identifier=urn:o|a' },
      }),
      entry('PUT', 'Organization?identifier=urn:o|b', organization('b')),
      entry('DELETE', 'Patient/p2'),
    ]),
  ],
  [
    'If-Match that holds',
    bundle('transaction', [put({ resourceType: 'Patient', id: 'p1', gender: 'male' }, { ifMatch: 'W/"2"' })]),
  ],
  [
    'If-Match that does not hold: nothing of it',
    bundle('transaction', [
      put({ resourceType: 'Patient', id: 'p1', gender: 'female' }, { ifMatch: 'W/"1"' }),
      post({ resourceType: 'Patient', meta: { tag: TAG } }),
    ]),
  ],
  [
    'If-None-Match: * of what is there: nothing of it',
    bundle('transaction', [
      put({ resourceType: 'Patient', id: 'p1', gender: 'female' }, { ifNoneMatch: '*' }),
      post({ resourceType: 'Patient', meta: { tag: TAG } }),
    ]),
  ],
  [
    'an invalid entry: nothing of it',
    bundle('transaction', [
      post({ resourceType: 'Patient', meta: { tag: TAG } }),
      post({ resourceType: 'Patient', birthDate: 'soon' }),
    ]),
  ],
  [
    'a batch, one of whose entries is invalid',
    bundle('batch', [
      post({ resourceType: 'Patient', birthDate: '1999' }),
      post({ resourceType: 'Patient', birthDate: 'soon' }),
      entry('DELETE', 'Organization?identifier=urn:o|b'),
      entry('GET', 'Patient/p1'),
    ]),
  ],
  [
    '$meta-add of an entry',
    bundle('transaction', [
      entry('POST', 'Patient/p1/$meta-add', {
        resourceType: 'Parameters',
        parameter: [{ name: 'meta', valueMeta: { tag: TAG } }],
      }),
    ]),
  ],
];

for (const store of storesInTurn(1))
  describe(`a Bundle by import and over HTTP (${store})`, function () {
    const servers: RunningServer[] = [];
    const start = async (test: Mocha.Context) => {
      const server = await startServer({ store: await newStore(test, store) });
      servers.push(server);
      return server;
    };
    after(() => Promise.all(servers.map(server => server.stop())));

    async function sameAfter(test: Mocha.Context, bodies: readonly string[]): Promise<RunningServer> {
      const [asked, imported] = [await start(test), await start(test)];
      const talk = talkTo(asked.base);
      for (const body of bodies) {
        const reply = await talk.send('POST', '', { headers: { 'content-type': 'application/fhir+json' }, body });
        await importInto(imported.engine, [fileOf(body)]);
        const [there, here] = [await versionsIn(asked.engine), await versionsIn(imported.engine)];
        assert.deepEqual(here, there, `${reply.text.slice(0, 500)}\n${body.slice(0, 500)}`);
      }
      assert.deepEqual(await contentsOf(imported.engine), await contentsOf(asked.engine));
      return imported;
    }

    it('says the same of every kind of entry', async function () {
      const { engine, base } = await sameAfter(
        this,
        OWN.map(([, body]) => body),
      );
      const { Organization, Patient } = await versionsIn(engine);
      assert.ok(Organization! > 1 && Patient! > 6, 'there is something to compare');
      assert.equal((await talkTo(base).search('Patient?_tag=x')).total, 1);
    });

    fullIt('says the same of the records of Synthea', async function () {
      const bundles = skipWithout(this, 'data', 'synthea-seed', 'bundles');
      const bodies = readdirSync(bundles)
        .toSorted()
        .map(name => readText(join(bundles, name)));
      await sameAfter(this, bodies.slice(0, FULL ? undefined : store === 'embedded' ? 3 : 1));
    });

    if (FULL || store === 'embedded')
      fullIt("says the same of the standard's examples of requests", async function () {
        const archive = skipWithout(this, 'data', 'r4-examples', 'r4-examples-instances.tar.gz');
        const requests = readExamples(archive).filter(
          ({ resourceType, type }) => resourceType === 'Bundle' && (type === 'batch' || type === 'transaction'),
        );
        assert.ok(requests.length > 3);
        await sameAfter(
          this,
          requests.map(each => JSON.stringify(each)),
        );
      });

    describe('what is no request', () => {
      let server: RunningServer;
      before(async function () {
        server = await start(this);
      });
      const load = (body: string, options = {}) => importInto(server.engine, [fileOf(body)], options);

      it('is put under its id or created; references between entries are resolved', async () => {
        const status = await load(
          bundle('collection', [
            { fullUrl: uuid(2), resource: { resourceType: 'Patient', id: 'kept', active: true } },
            { fullUrl: uuid(3), resource: { ...organization('c') } },
            { resource: { resourceType: 'Patient', id: 'bad', birthDate: 'soon' } },
            {
              resource: {
                resourceType: 'Basic',
                id: 'b',
                code: { text: 'x' },
                subject: { reference: uuid(2) },
                author: { reference: uuid(3) },
              },
            },
          ]),
        );
        assert.equal(status, 1, 'one is invalid');
        const talk = talkTo(server.base);
        assert.equal((await talk.get('Patient/bad')).status, 404);
        const { body } = await talk.get<{ subject: { reference: string }; author: { reference: string } } & Patient>(
          'Basic/b',
        );
        assert.equal(body.subject.reference, 'Patient/kept');
        assert.equal((await talk.get(body.author.reference)).status, 200);
      });

      it('is loaded without what a search says about itself', async () => {
        assert.equal(
          await load(
            bundle('searchset', [
              { resource: { resourceType: 'Patient', id: 'found' }, search: { mode: 'match' } },
              {
                resource: { resourceType: 'OperationOutcome', issue: [{ severity: 'warning', code: 'informational' }] },
                search: { mode: 'outcome' },
              },
            ]),
          ),
          0,
        );
        assert.equal((await talkTo(server.base).get('Patient/found')).status, 200);
      });

      it('is the newest version of what a history has several of', async () => {
        const version = (gender: string): unknown => ({
          resource: { resourceType: 'Patient', id: 'old', gender },
          request: { method: 'PUT', url: 'Patient/old' },
          response: { status: '200' },
        });
        assert.equal(await load(bundle('history', [version('other'), version('male')])), 0);
        const { body } = await talkTo(server.base).get<Patient>('Patient/old');
        assert.deepEqual([body.gender, body.meta?.versionId], ['other', '1']);
      });

      it('is one resource where it is a document', async () => {
        const document = {
          resourceType: 'Bundle',
          id: 'doc',
          type: 'document',
          entry: [{ resource: { resourceType: 'Patient', id: 'inner' } }],
        };
        await load(JSON.stringify(document));
        assert.equal((await talkTo(server.base).get('Patient/inner')).status, 404);
      });

      it('is not created again when the same file comes again, unless it must', async () => {
        const body = bundle('collection', [{ resource: { resourceType: 'Patient', name: [{ family: 'Once' }] } }]);
        const talk = talkTo(server.base);
        const total = async () => (await talk.search('Patient?family=Once')).total;
        assert.deepEqual([await load(body), await total()], [0, 1]);
        assert.deepEqual([await load(body), await total()], [0, 1]);
        assert.deepEqual([await load(body, { fresh: true }), await total()], [0, 2]);
        assert.deepEqual([await load(body), await total()], [0, 2]);
      });
    });

    it('waits for what it refers to, in whatever order files and lines come', async function () {
      const { engine, base } = await start(this);
      const reference = (value: string) => ({ reference: `Organization?identifier=urn:o|${value}` });
      const patient = (id: string, value: string): Patient => ({
        resourceType: 'Patient',
        id,
        managingOrganization: reference(value),
      });
      const first = fileOf(
        bundle('transaction', [
          put(patient('w1', 'late')),
          post(organization('early'), { ifNoneExist: 'identifier=urn:o|early' }),
        ]),
      );
      const batch = fileOf(bundle('batch', [put({ resourceType: 'Patient', id: 'w2' }), post(organization('late'))]));
      const lines = join(folder, 'lines.ndjson');
      writeFileSync(
        lines,
        [patient('w3', 'early'), { resourceType: 'Patient', id: 'w4' }, patient('w5', 'never')]
          .map(each => JSON.stringify(each))
          .join('\n'),
      );
      assert.equal(await importInto(engine, [lines, first, batch]), 1, 'one waits for ever');
      const talk = talkTo(base);
      const found = await Promise.all(
        ['w1', 'w2', 'w3', 'w4', 'w5'].map(async id => (await talk.get(`Patient/${id}`)).status),
      );
      assert.deepEqual(found, [200, 200, 200, 200, 404]);
      assert.match(
        (await talk.get<Patient>('Patient/w1')).body.managingOrganization?.reference ?? '',
        /^Organization\//,
      );
      assert.deepEqual(await versionsIn(engine), { Organization: 2, Patient: 4 });
      await talk.create({ ...organization('never') });
      assert.equal(await importInto(engine, [lines, first, batch]), 0, 'what failed alone is tried again');
      assert.deepEqual(await versionsIn(engine), { Organization: 3, Patient: 5 });
    });
  });
