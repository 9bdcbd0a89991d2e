/** Binary as bytes and as a resource, on both stores: https://hl7.org/fhir/R4/binary.html#rest */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import type { Binary, DocumentReference, OperationOutcome } from 'fhir/r4.js';
import { it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';
import { refusal } from '../../support/talk.js';

const FHIR_JSON = 'application/fhir+json; charset=utf-8';
const PDF = Buffer.concat([Buffer.from('%PDF-1.4\n'), randomBytes(50_000)]);

onStoresInTurn(
  'Binary',
  stage => {
    const bytes = async (path: string, accept: string) => {
      const response = await fetch(`${stage().server.base}/${path}`, { headers: { accept } });
      return { response, body: Buffer.from(await response.arrayBuffer()) };
    };
    const upload = (method: string, path: string, body: Buffer, headers: Record<string, string>) =>
      stage().talk.send<Binary>(method, path, { headers: { prefer: 'return=minimal', ...headers }, body });

    it('takes bytes under their media type and gives the same bytes back', async () => {
      const created = await upload('POST', 'Binary', PDF, { 'content-type': 'application/pdf' });
      assert.deepEqual([created.status, created.header('etag')], [201, 'W/"1"']);
      const id = /Binary\/([^/]+)\/_history\/1$/.exec(created.header('location') ?? '')?.[1];
      assert.ok(id);
      for (const accept of [
        'application/pdf',
        '*/*',
        'application/*',
        'application/pdf, application/fhir+json;q=0.1',
      ]) {
        const { response, body } = await bytes(`Binary/${id}`, accept);
        assert.equal(response.status, 200, accept);
        assert.equal(response.headers.get('content-type'), 'application/pdf');
        assert.equal(response.headers.get('content-length'), String(PDF.length));
        assert.equal(response.headers.get('content-disposition'), `attachment; filename*=UTF-8''${id}.pdf`);
        assert.match(response.headers.get('content-security-policy') ?? '', /sandbox/);
        assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
        assert.ok(body.equals(PDF), accept);
      }
      const version = await bytes(`Binary/${id}/_history/1`, 'application/pdf');
      assert.ok(version.body.equals(PDF));
    });

    it('shows the same bytes as base64 in JSON and XML', async () => {
      const { talk } = stage();
      await upload('PUT', 'Binary/doc', PDF, { 'content-type': 'application/pdf' });
      const { body, status } = await talk.get<Binary>('Binary/doc');
      assert.equal(status, 200);
      assert.equal(body.contentType, 'application/pdf');
      assert.ok(Buffer.from(body.data ?? '', 'base64').equals(PDF));
      const xml = await talk.get('Binary/doc', { accept: 'application/fhir+xml' });
      assert.equal(xml.header('content-type'), 'application/fhir+xml; charset=utf-8');
      assert.ok(xml.text.includes(`<data value="${PDF.toString('base64')}"/>`));
    });

    it('takes a Binary as a resource and gives its bytes', async () => {
      const { talk } = stage();
      const text = Buffer.from('Größe 1,80 m\n');
      const resource: Binary = {
        resourceType: 'Binary',
        id: 'text',
        contentType: 'text/plain; charset=utf-8',
        data: text.toString('base64'),
      };
      assert.equal((await talk.update(resource)).status, 201);
      const { response, body } = await bytes('Binary/text', 'text/plain');
      assert.equal(response.headers.get('content-type'), 'text/plain; charset=utf-8');
      assert.ok(body.equals(text));
      assert.equal((await talk.get<Binary>('Binary/text')).body.data, resource.data);
    });

    it('keeps X-Security-Context as securityContext, and refuses one that is no reference', async () => {
      const { talk } = stage();
      const type = { 'content-type': 'text/plain' };
      const headers = { ...type, 'x-security-context': 'DocumentReference/d' };
      assert.equal((await upload('PUT', 'Binary/guarded', Buffer.from('x'), headers)).status, 201);
      const { body } = await talk.get<Binary>('Binary/guarded');
      assert.deepEqual(body.securityContext, { reference: 'DocumentReference/d' });
      const bad = await upload('POST', 'Binary', Buffer.from('x'), { ...type, 'x-security-context': 'http://x/y' });
      assert.equal(refusal(bad).status, 400);
    });

    it('keeps every version of the bytes, and nothing of a deleted one', async () => {
      const { talk } = stage();
      const put = (text: string) => upload('PUT', 'Binary/v', Buffer.from(text), { 'content-type': 'text/plain' });
      assert.equal((await put('one')).status, 201);
      assert.equal((await put('two')).status, 200);
      assert.equal((await bytes('Binary/v/_history/1', 'text/plain')).body.toString(), 'one');
      assert.equal((await bytes('Binary/v', 'text/plain')).body.toString(), 'two');
      assert.equal((await talk.delete('Binary/v')).status, 204);
      assert.equal((await bytes('Binary/v', 'text/plain')).response.status, 410);
    });

    it('names the stored type where Accept takes neither that nor the resource', async () => {
      await upload('PUT', 'Binary/p', PDF, { 'content-type': 'application/pdf' });
      for (const accept of ['application/octet-stream', 'text/html', 'image/png', 'image/*', 'application/pdf;q=0']) {
        const reply = await stage().talk.get<OperationOutcome>('Binary/p', { accept });
        assert.deepEqual([refusal(reply).status, reply.header('content-type')], [406, FHIR_JSON], accept);
        assert.match(reply.text, /This Binary is application\/pdf/, accept);
      }
      for (const accept of ['text/html,*/*;q=0.1', 'application/*', 'image/png, application/pdf;q=0.1']) {
        const { response, body } = await bytes('Binary/p', accept);
        assert.deepEqual([response.status, response.headers.get('content-type')], [200, 'application/pdf'], accept);
        assert.ok(body.equals(PDF), accept);
      }
    });

    it('returns 413 for more bytes than allowed, said or not', async () => {
      const large = Buffer.alloc(400_000);
      const said = await upload('PUT', 'Binary/large', large, { 'content-type': 'application/pdf' });
      assert.equal(refusal(said).status, 413);
      assert.equal((await stage().talk.get('Binary/large')).status, 404);
    });

    it('keeps long attachments of other resources exactly', async () => {
      const { talk } = stage();
      const data = PDF.toString('base64');
      const hash = createHash('sha1').update(PDF).digest('base64');
      const document: DocumentReference = {
        resourceType: 'DocumentReference',
        id: 'd',
        status: 'current',
        content: [
          { attachment: { contentType: 'application/pdf', data, hash } },
          { attachment: { contentType: 'application/pdf', data, title: 'again' } },
        ],
      };
      await talk.update(document);
      const { body } = await talk.get<DocumentReference>('DocumentReference/d');
      for (const [at, { attachment }] of document.content.entries()) {
        const { url, ...given } = body.content[at]!.attachment;
        assert.ok(url);
        assert.deepEqual(given, { ...attachment, hash, size: PDF.length });
      }
      const found = await talk.search<DocumentReference>('DocumentReference?_id=d');
      assert.deepEqual(found.entry?.[0]?.resource?.content, body.content);
      const past = await talk.get<DocumentReference>('DocumentReference/d/_history/1');
      assert.deepEqual(past.body.content, body.content);
    });
  },
  { config: { maxBinary: '300000' } },
);
