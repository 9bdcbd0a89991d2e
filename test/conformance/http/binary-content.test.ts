/**
 * What is sent to Binary as JSON or XML and is no resource, what is given back, and types that are none, on both stores:
 * https://hl7.org/fhir/R4/binary.html#rest, https://hl7.org/fhir/R4/http.html#return
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { Binary, OperationOutcome } from 'fhir/r4.js';
import { it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';
import { exchange } from '../../support/exchange.js';
import { refusal } from '../../support/talk.js';

const CDA = '<?xml version="1.0"?>\n<ClinicalDocument xmlns="urn:hl7-org:v3">\r\n<title>ä</title></ClinicalDocument>\n';
const TYPES = ['application/xml', 'text/xml', 'application/json', 'text/json', 'application/xml; charset=utf-8'];
const FHIR = { 'content-type': 'application/fhir+json' };

onStoresInTurn('content of a Binary', stage => {
  const send = (method: string, path: string, headers: Record<string, string>, body?: Buffer) =>
    exchange(stage().server.port, { method, path: `/fhir/${path}`, headers, ...(body ? { body } : {}) });
  const upload = (type: string, body: Buffer | string, headers: Record<string, string> = {}) =>
    send('POST', 'Binary', { 'content-type': type, ...headers }, Buffer.from(body));
  const back = async (location: unknown, accept = '*/*') => {
    const path = /Binary\/[^/]+/.exec(String(location))?.[0] ?? assert.fail('no location');
    return send('GET', path, { accept });
  };

  it('is kept byte for byte, whatever JSON or XML it is', async () => {
    const bodies = [
      CDA,
      '<Patient xmlns="http://hl7.org/fhir"/>',
      '<Binary/>',
      '{"resourceType":"Patient"}',
      '{"a": 1.0,\n "a": 2}',
      '[1,2]',
      'neither',
      Buffer.from(CDA, 'utf16le'),
      randomBytes(300_000),
      Buffer.concat([Buffer.from('<a>'), Buffer.alloc(300_000, 'b')]),
    ];
    for (const type of TYPES)
      for (const body of bodies) {
        const made = await upload(type, body);
        assert.equal(made.status, 201, `${type} ${body.toString().slice(0, 40)} ${made.body.toString()}`);
        const read = await back(made.headers.location);
        assert.deepEqual([read.status, read.headers['content-type']], [200, type]);
        assert.ok(read.body.equals(Buffer.from(body)), type);
      }
  });

  it('is kept as it is when it comes compressed, or in chunks', async () => {
    const body = Buffer.concat([Buffer.from(CDA), randomBytes(200_000)]);
    const zipped = await upload('text/xml', gzipSync(body), { 'content-encoding': 'gzip' });
    assert.ok((await back(zipped.headers.location)).body.equals(body));
    const headers = { 'content-type': 'text/xml' };
    const chunked = await exchange(stage().server.port, {
      method: 'POST',
      path: '/fhir/Binary',
      headers,
      body,
      chunked: true,
    });
    assert.ok((await back(chunked.headers.location)).body.equals(body));
  });

  it('is a resource where the root is a Binary of FHIR, and always under the types of FHIR', async () => {
    const data = Buffer.alloc(100_000, 'x').toString('base64');
    const json = JSON.stringify({ contentType: 'text/plain', data, resourceType: 'Binary' });
    const xml = `<Binary xmlns="http://hl7.org/fhir"><contentType value="text/plain"/><data value="${data}"/></Binary>`;
    for (const [type, body] of [
      ['application/json', json],
      ['text/json', json],
      ['application/xml', xml],
      ['text/xml', xml],
      ['application/fhir+json', json],
      ['application/fhir+xml', xml],
    ] as const)
      for (const zip of [false, true]) {
        const sent = zip ? gzipSync(body) : body;
        const made = await upload(type, sent, zip ? { 'content-encoding': 'gzip' } : {});
        assert.equal(made.status, 201, type);
        const read = await back(made.headers.location);
        assert.deepEqual([read.headers['content-type'], read.body.length], ['text/plain', 100_000], type);
      }
    for (const [type, body] of [
      ['application/fhir+xml', CDA],
      ['application/fhir+json', '{"resourceType":"Patient"}'],
      ['application/json', '{"resourceType":"Binary","contentType":"text/plain","nothing":1}'],
      ['text/xml', '<Binary xmlns="http://hl7.org/fhir"><nothing/></Binary>'],
    ] as const)
      assert.equal((await upload(type, body)).status, 400, type);
  });

  it('other resources are no content, whatever their type says', async () => {
    for (const type of ['application/xml', 'text/xml', 'application/json'])
      assert.equal((await send('POST', 'Patient', { 'content-type': type }, Buffer.from(CDA))).status, 400, type);
  });

  it('is given back as Prefer says', async () => {
    for (const [method, path] of [
      ['POST', 'Binary'],
      ['PUT', 'Binary/preferred'],
      ['PUT', 'Binary/preferred'],
    ] as const) {
      const ask = (prefer: string) =>
        send(method, path, { 'content-type': 'image/png', prefer: `return=${prefer}` }, Buffer.from(prefer));
      const whole = await ask('representation');
      const { contentType, data, meta, id } = JSON.parse(whole.body.toString()) as Binary;
      assert.deepEqual([contentType, Buffer.from(data ?? '', 'base64').toString()], ['image/png', 'representation']);
      assert.ok(String(whole.headers.location).endsWith(`Binary/${id}/_history/${meta?.versionId}`));
      const outcome = JSON.parse((await ask('OperationOutcome')).body.toString()) as OperationOutcome;
      assert.equal(outcome.resourceType, 'OperationOutcome');
      assert.equal((await ask('minimal')).body.length, 0);
    }
    const headers = { 'content-type': 'text/xml', accept: 'application/fhir+xml', prefer: 'return=representation' };
    const xml = await send('POST', 'Binary', headers, Buffer.from(CDA));
    assert.match(xml.body.toString(), /<Binary xmlns="http:\/\/hl7.org\/fhir">.*<contentType value="text\/xml"\/>/s);
  });

  it('has a media type, or is refused', async () => {
    const bad = [
      'тест/тест',
      'text',
      'text/',
      '/plain',
      'text/plain\r\nX-Injected: 1',
      'text/plain\u0000',
      'text/plain; a="\u0001"',
      'text/plain; a="ä"',
      'text/"plain"',
      'text/plain; a="b',
      `text/${'a'.repeat(300)}`,
      'text plain',
      'a/b/c',
    ];
    for (const contentType of bad) {
      const body = JSON.stringify({ resourceType: 'Binary', id: 'bad', contentType, data: 'QQ==' });
      for (const [method, path] of [
        ['POST', 'Binary'],
        ['PUT', 'Binary/bad'],
      ] as const) {
        const reply = await stage().talk.send<OperationOutcome>(method, path, { headers: FHIR, body });
        assert.equal(refusal(reply).status, 400, contentType);
        assert.ok(!reply.text.includes('X-Injected'));
      }
      const entry = [{ request: { method: 'POST', url: 'Binary' }, resource: JSON.parse(body) as unknown }];
      const bundle = JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry });
      assert.equal((await stage().talk.send('POST', '', { headers: FHIR, body: bundle })).status, 400, contentType);
    }
    for (const type of ['text', 'text/', 'text/plain; a="b', `text/${'a'.repeat(300)}`, 'a/b/c'])
      assert.equal((await upload(type, 'x')).status, 400, type);
    const good = [
      'text/plain',
      'application/vnd.oasis.opendocument.text',
      'text/plain; a="b; \\"c"',
      'image/svg+xml;a=b',
    ];
    for (const contentType of good) {
      const made = await stage().talk.create<Binary>({ resourceType: 'Binary', contentType, data: 'QQ==' });
      assert.equal((await back(made.header('location'))).headers['content-type'], contentType);
    }
  });

  it('whose type is none, stored before that was looked at, is given out as octets', async () => {
    const { engine } = stage().server;
    const text = JSON.stringify({ resourceType: 'Binary', id: 'old', contentType: 'тест/тест\r\n', data: 'QQ==' });
    const version = { type: 'Binary', id: 'old', version: 1, updated: engine.clock.now(), method: 'PUT' as const };
    await engine.store.commit({
      changes: [{ ...version, text: Buffer.from(text), entries: [], patients: [] }],
    });
    for (const path of ['Binary/old', 'Binary/old/_history/1'])
      for (const accept of ['*/*', 'application/*', 'application/xml', 'application/octet-stream']) {
        const read = await send('GET', path, { accept });
        assert.equal(read.status, 200, accept);
        if (accept !== 'application/xml')
          assert.deepEqual([read.headers['content-type'], read.body.toString()], ['application/octet-stream', 'A']);
      }
  });
});
