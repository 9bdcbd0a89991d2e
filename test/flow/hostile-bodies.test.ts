/**
 * Bodies that cost more to read than to send: each is refused with a status of the client's fault (or taken), while others
 * are answered and the memory of the process stays bounded. Nothing of what is refused is stored.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { after, before, describe, it } from 'mocha';
import { storesInTurn } from '../support/both-stores.js';
import { FULL, fullIt } from '../support/depth.js';
import { type Hostile, SHAPES, XML_SHAPES } from '../support/hostile.js';
import { newStore } from '../support/server.js';
import { type Answered, type Seen, type Watched, watchServer } from '../support/watched.js';

/** Bytes: of all that a body may have in a full run, of some of it at every change. */
const SIZE = FULL ? 16_000_000 : 300_000;
/** Entries of a List, at every change some thousands. */
const LIST = FULL ? 15_000 : 4000;
/** ms of processor time that others wait: a tenth of a second is the aim, on a machine of which this is not known. */
const LONGEST = 400;
/** MB. */
const MOST_MEMORY = FULL ? 900 : 600;

const JSON_BODY = { 'content-type': 'application/fhir+json' };
const PATCH_BODY = { 'content-type': 'application/json-patch+json' };

const typeOf = (text: string): string => /"resourceType":"(\w+)"/.exec(text.slice(0, 100))?.[1] ?? 'Patient';
const inBundle = (kind: string, resource: string, url: string): string =>
  `{"resourceType":"Bundle","type":"${kind}","entry":[{"resource":${resource},"request":{"method":"PUT","url":"${url}"}}]}`;
const inXmlBundle = (kind: string, resource: string): string =>
  `<Bundle xmlns="http://hl7.org/fhir"><type value="${kind}"/><entry><resource>${resource}</resource><request><method value="PUT"/><url value="Patient/h"/></request></entry></Bundle>`;

type Send = (server: Watched, shape: Hostile, text: string) => Promise<Answered>;

const JSON_WAYS: Readonly<Record<string, Send>> = {
  'an update': ({ send }, { type }, text) => send('PUT', `/fhir/${typeOf(text)}/h`, text, { 'content-type': type }),
  'an update with gzip': ({ send }, { type }, text) =>
    send('PUT', `/fhir/${typeOf(text)}/h`, gzipSync(text), { 'content-type': type, 'content-encoding': 'gzip' }),
  'a transaction': ({ send }, _, text) =>
    send('POST', '/fhir', inBundle('transaction', text, `${typeOf(text)}/h`), JSON_BODY),
  'a batch': ({ send }, _, text) => send('POST', '/fhir', inBundle('batch', text, `${typeOf(text)}/h`), JSON_BODY),
  'a patch': ({ send }, _, text) =>
    send('PATCH', '/fhir/Patient/there', `[{"op":"add","path":"/x","value":${text}}]`, PATCH_BODY),
  'an operation': ({ send }, { type }, text) =>
    send('POST', '/fhir/Patient/there/$meta-add', text, { 'content-type': type }),
  'a Bundle itself': ({ send }, _, text) => send('POST', '/fhir', text, JSON_BODY),
};
const XML_WAYS: Readonly<Record<string, Send>> = {
  'an update': ({ send }, { type }, text) => send('PUT', '/fhir/Patient/h', text, { 'content-type': type }),
  'a transaction': ({ send }, { type }, text) =>
    send('POST', '/fhir', inXmlBundle('transaction', text), { 'content-type': type }),
};
/** At every change one way each, in turn. */
const waysOf = (ways: Readonly<Record<string, Send>>, at: number): [string, Send][] =>
  Object.entries(ways).filter((_, i, { length }) => FULL || i === at % length);

function assertSeen({ wait, memory }: Seen): void {
  assert.ok(wait < LONGEST, `others waited for ${wait.toFixed(0)} ms of processor time`);
  assert.ok(memory < MOST_MEMORY, `the process took ${memory.toFixed(0)} MB`);
}

// What reads a body knows nothing of stores.
for (const store of storesInTurn(1))
  describe(`hostile bodies (${store})`, function () {
    let server: Watched;
    before('starts the server', async function () {
      if (process.platform !== 'linux') return this.skip();
      server = await watchServer({ CHARTROOM_STORE: await newStore(this, store) });
      const there = { resourceType: 'Patient', id: 'there' };
      assert.equal((await server.send('PUT', '/fhir/Patient/there', JSON.stringify(there), JSON_BODY)).status, 201);
    });
    after('stops the server', () => server?.stop());

    for (const [shapes, ways] of [
      [SHAPES, JSON_WAYS],
      [XML_SHAPES, XML_WAYS],
    ] as const)
      for (const [at, shape] of shapes.entries())
        for (const [name, send] of waysOf(ways, at))
          it(`${shape.name}, as ${name}: keeps nobody waiting`, async () => {
            const text = shape.make(SIZE);
            const seen = await server.watch(() => send(server, shape, text));
            assert.ok(seen.status >= 200 && seen.status < 500, `status ${seen.status}`);
            assertSeen(seen);
            const left = await server.send('GET', `/fhir/${typeOf(text)}/h`);
            if (seen.status >= 400) assert.ok(left.status === 404 || left.status === 410, 'something was stored');
            else await server.send('POST', `/fhir/${typeOf(text)}/h/$purge`);
          });

    it('takes what is large and legal', async () => {
      const text = JSON.stringify({
        resourceType: 'Binary',
        id: 'b',
        contentType: 'a/b',
        data: Buffer.alloc(9_000_000, 7).toString('base64'),
      });
      const seen = await server.watch(() => server.send('PUT', '/fhir/Binary/b', text, JSON_BODY));
      assert.equal(seen.status, 201);
      assertSeen(seen);
    });

    it('takes documents with large inline bytes', async () => {
      const data = randomBytes(FULL ? 11_000_000 : 1_500_000).toString('base64');
      const contentType = 'application/octet-stream';
      const document = {
        resourceType: 'DocumentReference',
        status: 'current',
        content: [{ attachment: { contentType, data } }],
      };
      const text = JSON.stringify(document);
      const xml = `<DocumentReference xmlns="http://hl7.org/fhir"><status value="current"/><content><attachment><contentType value="${contentType}"/><data value="${data}"/></attachment></content></DocumentReference>`;
      for (const [path, body, type] of [
        ['/fhir/DocumentReference', text, 'application/fhir+json'],
        ['/fhir/DocumentReference', xml, 'application/fhir+xml'],
        [
          '/fhir',
          inBundle('transaction', text, 'DocumentReference').replace('"PUT"', '"POST"'),
          'application/fhir+json',
        ],
      ] as const) {
        const seen = await server.watch(() => server.send('POST', path, body, { 'content-type': type }));
        assert.ok(seen.status < 300, `status ${seen.status}`);
        assertSeen(seen);
      }
    });

    it('takes a List of thousands', async () => {
      const entry = Array.from({ length: LIST }, (_, i) => ({ item: { reference: `Patient/p${i}` } }));
      const list = JSON.stringify({ resourceType: 'List', id: 'l', status: 'current', mode: 'working', entry });
      const seen = await server.watch(() => server.send('PUT', '/fhir/List/l', list, JSON_BODY));
      assert.equal(seen.status, 201);
      assertSeen(seen);
      const found = await server.send('GET', `/fhir/List?item=Patient/p${LIST - 1}&_summary=count`);
      assert.match(found.text, /"total":1\b/);
    });

    fullIt('takes a code system of tens of thousands of concepts, each of which is found', async () => {
      const last = FULL ? 199_999 : 10_999;
      const concept = Array.from({ length: last + 1 }, (_, i) => ({ code: `c${i}`, display: `Concept number ${i}` }));
      const url = 'http://example.org/large';
      const head = { resourceType: 'CodeSystem', id: 'large', url, status: 'active', content: 'complete' };
      const system = JSON.stringify({ ...head, concept });
      const seen = await server.watch(() => server.send('PUT', '/fhir/CodeSystem/large', system, JSON_BODY));
      assert.equal(seen.status, 201, seen.text.slice(0, 1000));
      assertSeen(seen);
      const found = await server.send('GET', `/fhir/CodeSystem?code=c${last}&_summary=count`);
      assert.match(found.text, /"total":1\b/);
      const asked = await server.watch(() =>
        server.send('GET', `/fhir/CodeSystem/$lookup?system=${url}&code=c${last}`),
      );
      assert.match(asked.text, new RegExp(`Concept number ${last}`));
      assertSeen(asked);
    });

    it('refuses a resource of more index entries than are allowed', async () => {
      const member = Array.from({ length: 20_001 }, (_, i) => ({ entity: { reference: `Patient/p${i}` } }));
      const group = JSON.stringify({ resourceType: 'Group', id: 'g', type: 'person', actual: true, member });
      const seen = await server.watch(() => server.send('PUT', '/fhir/Group/g', group, JSON_BODY));
      assert.equal(seen.status, 413);
      assert.match(seen.text, /too-many-index-entries/);
      assertSeen(seen);
    });

    it('refuses an inflating body before it is inflated', async () => {
      const bomb = gzipSync(Buffer.alloc(60_000_000, '{},'));
      for (const [method, path, type] of [
        ['POST', '/fhir', 'application/fhir+json'],
        ['PUT', '/fhir/Patient/h', 'application/fhir+xml'],
        ['POST', '/fhir/Binary', 'application/pdf'],
      ] as const) {
        const headers = { 'content-type': type, 'content-encoding': 'gzip' };
        const seen = await server.watch(() => server.send(method, path, bomb, headers));
        assert.equal(seen.status, 413);
        assertSeen(seen);
      }
    });

    it('holds the resource of an entry to the limit of a resource', async () => {
      const data = 'x'.repeat(17 * 1024 * 1024);
      const patient = JSON.stringify({ resourceType: 'Patient', id: 'h', name: [{ text: data }] });
      for (const kind of ['transaction', 'batch']) {
        const seen = await server.watch(() =>
          server.send('POST', '/fhir', inBundle(kind, patient, 'Patient/h'), JSON_BODY),
        );
        assert.equal(seen.status, 413);
        assert.match(seen.text, /"Bundle\.entry\[0\]\.resource"/);
        assertSeen(seen);
      }
    });

    fullIt('keeps nobody waiting while criteria are held against large entries of a transaction', async () => {
      const narrative = `<div xmlns="http://www.w3.org/1999/xhtml">${'<b>x</b>'.repeat(120_000)}</div>`;
      const composition = (title: string, sections: number) => ({
        resourceType: 'Composition',
        status: 'final',
        type: { text: 'x' },
        date: '2020',
        author: [{ display: 'x' }],
        title,
        ...(sections > 0
          ? { section: Array.from({ length: sections }, () => ({ text: { status: 'generated', div: narrative } })) }
          : {}),
      });
      const entry = [
        { request: { method: 'POST', url: 'Composition' }, resource: composition('t', FULL ? 15 : 2) },
        { request: { method: 'POST', url: 'Composition', ifNoneExist: 'title=q' }, resource: composition('q', 0) },
      ];
      const bundle = JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry });
      const seen = await server.watch(() => server.send('POST', '/fhir', bundle, JSON_BODY));
      assert.equal(seen.status, 200);
      assertSeen(seen);
    });

    it('does not read a form of a hundred thousand names', async () => {
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      const form = 'a=b&'.repeat(250_000);
      const seen = await server.watch(() => server.send('POST', '/fhir/Patient/_search', form, headers));
      assert.equal(seen.status, 400);
      assert.match(seen.text, /too-costly/);
      assertSeen(seen);
    });

    fullIt('bounds what a patch makes of a resource', async () => {
      const name = Array.from({ length: 1000 }, (_, i) => ({ family: `F${i}` }));
      const patient = JSON.stringify({ resourceType: 'Patient', id: 'p', name });
      assert.equal((await server.send('PUT', '/fhir/Patient/p', patient, JSON_BODY)).status, 201);
      const patch = JSON.stringify(
        Array.from({ length: 900 }, (_, i) => ({ op: 'copy', from: '/name', path: `/x${i}` })),
      );
      const seen = await server.watch(() => server.send('PATCH', '/fhir/Patient/p', patch, PATCH_BODY));
      assert.equal(seen.status, 413);
      assertSeen(seen);
    });

    fullIt('serves many hostile bodies at once, or says when to come again', async () => {
      const shape = SHAPES.find(({ name }) => name === 'narratives of many elements');
      const text = shape!.make(SIZE);
      const seen = await server.watch(async () => {
        const all = await Promise.all(
          Array.from({ length: FULL ? 8 : 3 }, () => JSON_WAYS['an update']!(server, shape!, text)),
        );
        return { statuses: all.map(({ status }) => status) };
      });
      for (const status of seen.statuses) assert.ok(status === 400 || status === 429, `status ${status}`);
      assertSeen(seen);
    });
  });
