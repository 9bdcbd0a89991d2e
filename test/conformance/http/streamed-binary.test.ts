/**
 * A large Binary that is sent as a resource goes into the store as it comes, in JSON and XML, on both stores:
 * https://hl7.org/fhir/R4/binary.html
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { Binary, OperationOutcome } from 'fhir/r4.js';
import { it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';
import { exchange } from '../../support/exchange.js';

const BYTES = randomBytes(1_600_001);
const DATA = BYTES.toString('base64');
const JSON_TYPE = 'application/fhir+json';
const XML_TYPE = 'application/fhir+xml';
const json = (more: object = {}, data = DATA): string =>
  JSON.stringify({ resourceType: 'Binary', contentType: 'application/pdf', data, ...more });
const xml = (data = DATA, more = ''): string =>
  `<Binary xmlns="http://hl7.org/fhir">${more}<contentType value="application/pdf"/><data value="${data}"/></Binary>`;

onStoresInTurn(
  'a large Binary as a resource',
  stage => {
    const send = (
      method: string,
      path: string,
      type: string,
      body: string | Buffer,
      more: Record<string, string> = {},
    ) =>
      exchange(stage().server.port, {
        method,
        path: `/fhir/${path}`,
        headers: { 'content-type': type, prefer: 'return=minimal', ...more },
        body,
      });
    const read = (path: string, accept: string) =>
      exchange(stage().server.port, { method: 'GET', path: `/fhir/${path}`, headers: { accept } });
    const count = async (): Promise<number> => {
      let found = 0;
      for await (const _ of stage().server.engine.store.blobs.all()) found++;
      return found;
    };
    const detail = (body: Buffer): unknown => {
      const [issue] = (JSON.parse(body.toString()) as OperationOutcome).issue;
      return issue?.expression?.[0];
    };

    it('is larger than a resource may be otherwise, and is given back in every form', async () => {
      for (const [id, type, body, more] of [
        ['a', JSON_TYPE, json({ id: 'a', language: 'nl' }), {}],
        ['b', XML_TYPE, xml(DATA, '<id value="b"/><language value="nl"/>'), {}],
        [
          'c',
          'application/json',
          JSON.stringify({
            data: DATA,
            contentType: 'application/pdf',
            id: 'c',
            language: 'nl',
            resourceType: 'Binary',
          }),
          {},
        ],
        ['d', JSON_TYPE, gzipSync(json({ id: 'd', language: 'nl' })), { 'content-encoding': 'gzip' }],
      ] as const) {
        const made = await send('PUT', `Binary/${id}`, type, body, more);
        assert.equal(made.status, 201, made.body.toString().slice(0, 500));
        assert.ok((await read(`Binary/${id}`, '*/*')).body.equals(BYTES), id);
        const shown = JSON.parse((await read(`Binary/${id}`, JSON_TYPE)).body.toString()) as Binary;
        assert.deepEqual(
          [shown.id, shown.contentType, shown.language, shown.meta?.versionId, shown.data === DATA],
          [id, 'application/pdf', 'nl', '1', true],
        );
        assert.ok((await read(`Binary/${id}`, XML_TYPE)).body.includes(`<data value="${DATA}"/>`));
      }
    });

    it('is created, and given back where that is preferred', async () => {
      for (const [type, body] of [
        [JSON_TYPE, json({ meta: { tag: [{ system: 'urn:t', code: 'x' }] } })],
        [XML_TYPE, xml(DATA, '<meta><tag><system value="urn:t"/><code value="x"/></tag></meta>')],
      ] as const) {
        const made = await send('POST', 'Binary', type, body, { prefer: 'return=representation', accept: JSON_TYPE });
        assert.equal(made.status, 201);
        const { id, meta, data } = JSON.parse(made.body.toString()) as Binary;
        assert.deepEqual([meta?.tag?.[0]?.code, data === DATA], ['x', true]);
        assert.ok((await read(`Binary/${id}`, 'application/pdf')).body.equals(BYTES));
      }
    });

    it('makes no version where nothing has changed, and one where something has', async () => {
      const put = (more: object) => send('PUT', 'Binary/same', JSON_TYPE, json({ id: 'same', ...more }));
      assert.equal((await put({})).status, 201);
      const again = await put({});
      assert.deepEqual([again.status, again.headers.etag], [200, 'W/"1"']);
      assert.equal((await put({ language: 'de' })).headers.etag, 'W/"2"');
      assert.ok((await read('Binary/same/_history/2', '*/*')).body.equals(BYTES));
    });

    it('obeys conditions', async () => {
      const tag = 'urn:c|large';
      const body = json({ meta: { tag: [{ system: 'urn:c', code: 'large' }] } });
      const create = () => send('POST', 'Binary', JSON_TYPE, body, { 'if-none-exist': `_tag=${tag}` });
      assert.deepEqual([(await create()).status, (await create()).status], [201, 200]);
      const updated = await send('PUT', `Binary?_tag=${tag}`, JSON_TYPE, json({ language: 'fr' }));
      assert.equal(updated.status, 200, updated.body.toString());
      const put = (match: string) =>
        send('PUT', 'Binary/matched', JSON_TYPE, json({ id: 'matched' }), { 'if-match': match });
      assert.equal((await put('W/"1"')).status, 412);
    });

    it('is refused as any is, and nothing refers to what came of it', async () => {
      for (const [status, type, body, at] of [
        [400, JSON_TYPE, json({ id: 'other' }), 'Binary.id'],
        [400, JSON_TYPE, json({ id: 'bad', nothing: 1 }), 'Binary'],
        [400, JSON_TYPE, json({ id: 'bad', contentType: 'no type' }), 'Binary.contentType'],
        [400, JSON_TYPE, json({ id: 'bad' }, `${DATA}*`), 'Binary.data'],
        [400, XML_TYPE, xml(`${DATA}=`, '<id value="bad"/>'), 'Binary.data'],
        [400, XML_TYPE, xml(DATA, '<id value="bad"/>').replace('</Binary>', ''), undefined],
        [400, JSON_TYPE, json({ id: 'bad' }).slice(0, -100), undefined],
        [400, JSON_TYPE, `${json({ id: 'bad' }).slice(0, -1)},"data":"QUJD"}`, undefined],
        [413, JSON_TYPE, json({ id: 'bad' }, Buffer.alloc(6_000_000).toString('base64')), undefined],
        [413, JSON_TYPE, json({ id: 'bad', language: 'x'.repeat(1_200_000) }), 'Binary'],
      ] as const) {
        const reply = await send('PUT', 'Binary/bad', type, body, { accept: JSON_TYPE });
        assert.equal(reply.status, status, `${type} ${reply.body.toString().slice(0, 300)}`);
        if (at !== undefined) assert.equal(detail(reply.body), at);
      }
      assert.equal((await read('Binary/bad', '*/*')).status, 404);
      const { blobs } = stage().server.engine.store;
      await blobs.sweep(0, Date.now() + 60_000);
      assert.equal(await count(), 1, 'the bytes that all the others refer to');
    });
  },
  { config: { maxBody: '1100000', maxBinary: '5000000' } },
);
