/**
 * Documents as they are in the world, each sent in every form and read in every form, byte by byte, on both stores:
 * https://hl7.org/fhir/R4/binary.html, https://hl7.org/fhir/R4/datatypes.html#Attachment (at every change some of each type).
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Binary, DocumentReference } from 'fhir/r4.js';
import { it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';
import { sampleOf } from '../../support/depth.js';
import { exchange } from '../../support/exchange.js';
import { readArchiveBytes, skipWithout } from '../../support/shared.js';

interface Payload {
  readonly name: string;
  readonly type: string;
  readonly bytes: Buffer;
}

interface Listed {
  readonly file: string;
  readonly contentType: string;
}

/** Skips where one of the two sets is missing. */
function payloads(test: Mocha.Context): readonly Payload[] {
  const documents = skipWithout(test, 'data', 'documents');
  const examples = skipWithout(test, 'data', 'ccda-hl7-examples');
  const listed = JSON.parse(readFileSync(join(documents, 'index.json'), 'utf8')) as Listed[];
  const found: Payload[] = listed.map(({ file, contentType }) => ({
    name: file,
    type: contentType,
    bytes: readFileSync(join(documents, file)),
  }));
  for (const file of readdirSync(examples).filter(name => /\.(tgz|tar\.gz)$/.test(name)))
    for (const { name, bytes } of readArchiveBytes(join(examples, file)))
      if (name.toLowerCase().endsWith('.xml'))
        found.push({ name, type: found.length % 2 ? 'text/xml' : 'application/xml', bytes: Buffer.from(bytes) });
  assert.ok(found.length >= 478, `only ${found.length}`);
  return sampleOf(found, 128, ({ type }) => type);
}

const binaryXml = (type: string, data: string): string =>
  `<Binary xmlns="http://hl7.org/fhir"><contentType value="${type}"/><data value="${data}"/></Binary>`;
const dataIn = (xml: string): string => /<data value="([^"]*)"\/>/.exec(xml)?.[1] ?? assert.fail('no data');

onStoresInTurn('documents of the world', stage => {
  const send = (method: string, path: string, headers: Record<string, string>, body?: Buffer | string) =>
    exchange(stage().server.port, { method, path: `/fhir/${path}`, headers, ...(body === undefined ? {} : { body }) });
  const create = async (type: string, contentType: string, body: Buffer | string): Promise<string> => {
    const made = await send('POST', type, { 'content-type': contentType, prefer: 'return=minimal' }, body);
    assert.equal(made.status, 201, made.body.toString());
    return /\w+\/[^/]+(?=\/_history)/.exec(String(made.headers.location))![0];
  };
  const same = async (at: string, { name, type, bytes }: Payload): Promise<void> => {
    for (const accept of ['*/*', type]) {
      const read = await send('GET', at, { accept });
      assert.deepEqual([read.status, read.headers['content-type']], [200, type], `${name} as ${accept}`);
      assert.ok(read.body.equals(bytes), `${name} as ${accept}`);
    }
    const json = await send('GET', at, { accept: 'application/fhir+json' });
    const { contentType, data = '' } = JSON.parse(json.body.toString()) as Binary;
    assert.ok(contentType === type && Buffer.from(data, 'base64').equals(bytes), `${name} as JSON`);
    const xml = await send('GET', at, { accept: 'application/fhir+xml' });
    assert.ok(Buffer.from(dataIn(xml.body.toString()), 'base64').equals(bytes), `${name} as XML`);
  };

  it('sent raw, as JSON, as XML and inline are what they were', async function () {
    for (const payload of payloads(this)) {
      const { type, bytes, name } = payload;
      const data = bytes.toString('base64');
      await same(await create('Binary', type, bytes), payload);
      const resource = JSON.stringify({ resourceType: 'Binary', contentType: type, data });
      for (const media of ['application/fhir+json', 'application/json'])
        await same(await create('Binary', media, resource), payload);
      for (const media of ['application/fhir+xml', 'text/xml'])
        await same(await create('Binary', media, binaryXml(type, data)), payload);
      const content = [{ attachment: { contentType: type, data } }];
      const document = { resourceType: 'DocumentReference', status: 'current', content };
      const at = await create('DocumentReference', 'application/fhir+json', JSON.stringify(document));
      const read = await send('GET', at, { accept: 'application/fhir+json' });
      const kept = JSON.parse(read.body.toString()) as DocumentReference;
      assert.equal(kept.content[0]?.attachment.data, data, `${name} inline`);
      const xml = await send('GET', at, { accept: 'application/fhir+xml' });
      assert.equal(dataIn(xml.body.toString()), data, `${name} inline as XML`);
    }
  });
});
