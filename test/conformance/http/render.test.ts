/** Binary/$render on both stores: a document as a page, decided and recorded as a read of the Binary. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AuditEvent, Binary, Bundle, OperationOutcome } from 'fhir/r4.js';
import { after, before, describe, it } from 'mocha';
import { PAGE_POLICY } from '../../../src/interactions/response/shown-page.js';
import { onStoresInTurn } from '../../support/both-stores.js';
import { DOCUMENTS } from '../../support/documents.js';
import { skipWithout } from '../../support/shared.js';
import { refusal, talkTo } from '../../support/talk.js';
import { unsafeParts } from '../../support/strict-html.js';

const NOTE = `<?xml version="1.0"?><?xml-stylesheet type="text/xsl" href="CDA.xsl"?>
<ClinicalDocument xmlns="urn:hl7-org:v3"><title>A note</title><component><structuredBody><component><section>
<title>Findings</title><text>Pulse <content styleCode="Bold">60</content>&lt;script><linkHtml href="javascript:alert(1)">x</linkHtml></text>
</section></component></structuredBody></component></ClinicalDocument>`;
const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);
const CONTENTS: Readonly<Record<string, readonly [contentType: string, content: string | Buffer]>> = {
  note: ['text/xml', NOTE],
  text: ['text/plain', 'Größe <b>1,80 m</b>\n'],
  image: ['image/png', PNG],
  hidden: ['application/octet-stream', NOTE],
  pdf: ['application/pdf', '%PDF-1.4\n'],
  xml: ['application/xml', '<a/>'],
  html: ['text/html', '<!DOCTYPE html><html><script>alert(1)</script></html>'],
  broken: ['application/xml', NOTE.replace('</section>', '')],
  laughs: ['application/xml', `<!DOCTYPE a [<!ENTITY a "b">]>${NOTE.split('?>').at(-1)}`],
};
const PDF = Buffer.from('%PDF-1.4\n%%EOF');
const holding = (attributes: string, content: string): string =>
  `<ClinicalDocument xmlns="urn:hl7-org:v3"><title>A file</title><component><nonXMLBody><text ${attributes}>${content}</text></nonXMLBody></component></ClinicalDocument>`;
const inBase64 = (mediaType: string, bytes: Buffer): string =>
  holding(`mediaType="${mediaType}" representation="B64"`, bytes.toString('base64'));
const HOLDING: Readonly<Record<string, string>> = {
  'holds-pdf': inBase64('application/pdf', PDF),
  'holds-text': holding('', 'a &lt;b>'),
  'holds-page': inBase64('image/png', Buffer.from(CONTENTS['html']![1] as string)),
  'holds-nonsense': inBase64('a&#10;b', Buffer.from([1, 2, 3])),
  'holds-nothing': holding('', '<reference value="https://example.org/a.pdf"/>'),
  'holds-packed': holding('compression="DF" representation="B64"', 'AAAA'),
  'holds-broken': holding('representation="B64"', '%%%'),
};
const DIV = '<div xmlns="http://www.w3.org/1999/xhtml"><p onclick="alert(1)">seen</p><script>alert(1)</script></div>';
const COMPOSED: Readonly<Record<string, readonly [contentType: string, content: string]>> = {
  'fhir-json': [
    'application/octet-stream',
    JSON.stringify({
      resourceType: 'Bundle',
      type: 'document',
      entry: [
        {
          fullUrl: 'urn:uuid:1',
          resource: { resourceType: 'Composition', section: [{ title: 'Findings', text: { div: DIV } }] },
        },
      ],
    }),
  ],
  'fhir-xml': [
    'application/octet-stream',
    `<Bundle xmlns="http://hl7.org/fhir"><type value="document"/><entry><resource><Composition><section><title value="Findings"/><text>${DIV}</text></section></Composition></resource></entry></Bundle>`,
  ],
};
const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';

onStoresInTurn('$render', stage => {
  const render = (id: string, headers: Readonly<Record<string, string>> = {}) =>
    stage().talk.get<OperationOutcome>(`Binary/${id}/$render`, { accept: BROWSER, ...headers });

  before('files the documents', async () => {
    const held = Object.entries(HOLDING).map(([id, text]) => [id, ['text/xml', text]] as const);
    for (const [id, [contentType, content]] of [...Object.entries({ ...CONTENTS, ...COMPOSED }), ...held]) {
      const { status } = await stage().talk.send<Binary>('PUT', `Binary/${id}`, {
        headers: { 'content-type': contentType },
        body: Buffer.from(content as string),
      });
      assert.ok(status === 200 || status === 201, id);
    }
  });

  for (const [id, says] of [
    ['note', '<h2>Findings</h2>Pulse <span class="bold">60</span>&lt;script&gt;x</section>'],
    ['hidden', '<h1>A note</h1>'],
    ['text', '<pre>Größe &lt;b&gt;1,80 m&lt;/b&gt;\n</pre>'],
    ['image', `<img alt="" src="data:image/png;base64,${PNG.toString('base64')}"/>`],
  ] as const)
    it(`gives a page of ${id}, under a policy without scripts`, async () => {
      const reply = await render(id);
      assert.equal(reply.status, 200, reply.text);
      assert.ok(reply.text.includes(says), reply.text);
      assert.deepEqual(unsafeParts(reply.text), []);
      assert.deepEqual(
        [
          'content-type',
          'content-security-policy',
          'content-disposition',
          'x-content-type-options',
          'cache-control',
        ].map(name => reply.header(name)),
        ['text/html; charset=utf-8', PAGE_POLICY, 'inline', 'nosniff', 'no-store'],
      );
    });

  it('gives a page of a FHIR document, in JSON and XML', async () => {
    for (const id of ['fhir-json', 'fhir-xml']) {
      const reply = await render(id);
      assert.equal(reply.status, 200, reply.text);
      assert.ok(reply.text.includes('<h2>Findings</h2><div class="paragraph">seen</div>'), reply.text);
      assert.deepEqual([unsafeParts(reply.text), reply.header('content-security-policy')], [[], PAGE_POLICY]);
    }
  });

  describe('with body=true', () => {
    const bodyOf = (id: string, headers: Readonly<Record<string, string>> = {}) =>
      fetch(`${stage().server.base}/Binary/${id}/$render?body=true`, { headers });

    for (const [id, contentType, bytes] of [
      ['holds-pdf', 'application/pdf', PDF],
      ['holds-text', 'text/plain', Buffer.from('a <b>')],
      ['holds-page', 'text/html', Buffer.from(CONTENTS['html']![1] as string)],
      ['holds-nonsense', 'application/octet-stream', Buffer.from([1, 2, 3])],
    ] as const)
      it(`gives the file that the document ${id}, to be saved and never run`, async () => {
        const reply = await bodyOf(id);
        assert.equal(reply.status, 200);
        assert.ok(bytes.equals(Buffer.from(await reply.arrayBuffer())));
        const { headers } = reply;
        assert.equal(headers.get('content-type')?.split(';')[0], contentType);
        assert.match(headers.get('content-disposition') ?? '', /^attachment; filename\*=UTF-8''holds-/);
        assert.equal(headers.get('content-security-policy'), "sandbox; default-src 'none'");
        assert.equal(headers.get('x-content-type-options'), 'nosniff');
      });

    it('gives a part of it', async () => {
      const reply = await bodyOf('holds-pdf', { range: 'bytes=1-3' });
      assert.deepEqual([reply.status, await reply.text()], [206, 'PDF']);
    });

    it('gives the file of an example, byte for byte', async function () {
      const folder = skipWithout(this, ...DOCUMENTS);
      const document = readFileSync(join(folder, 'ccda-unstructured-embedded-pdf.xml'));
      const { talk } = stage();
      await talk.send('PUT', 'Binary/example', { headers: { 'content-type': 'text/xml' }, body: document });
      const [, written = ''] = /<text[^>]*representation="B64"[^>]*>([^<]+)</.exec(document.toString())!;
      const reply = await bodyOf('example');
      assert.equal(reply.headers.get('content-type'), 'application/pdf');
      assert.ok(Buffer.from(written, 'base64').equals(Buffer.from(await reply.arrayBuffer())));
    });

    for (const id of ['note', 'text', 'broken', 'laughs', 'holds-nothing', 'holds-packed', 'holds-broken'])
      it(`refuses ${id} with 422`, async () => {
        const reply = await stage().talk.get<OperationOutcome>(`Binary/${id}/$render?body=true`, { accept: '*/*' });
        assert.deepEqual(refusal(reply), { status: 422, detail: 'no-body' });
      });

    it('is recorded as a read, and refuses what is no boolean', async () => {
      const { talk } = stage();
      await talk.get('Binary/holds-pdf/$render?body=true', { accept: '*/*', 'x-request-id': 'taken-out' });
      const { entry = [] } = await talk.search<AuditEvent>('AuditEvent?entity:identifier=taken-out');
      const codes = entry.map(({ resource }) => resource!.subtype?.[0]?.code);
      assert.deepEqual(new Set(codes), new Set(['operation', 'read']));
      assert.equal((await talk.get('Binary/holds-pdf/$render?body=maybe', { accept: '*/*' })).status, 400);
    });
  });

  it('gives it to whoever accepts pages, and packs a long one', async () => {
    for (const accept of ['text/html', 'text/*', '*/*'])
      assert.equal((await render('note', { accept })).status, 200, accept);
    for (const accept of ['application/fhir+json', 'application/fhir+xml', 'image/png, application/json'])
      assert.equal((await render('note', { accept })).status, 406, accept);
    const long = { headers: { 'content-type': 'text/plain' }, body: 'a line\n'.repeat(5000) };
    await stage().talk.send('PUT', 'Binary/long', long);
    const packed = await fetch(`${stage().server.base}/Binary/long/$render`, {
      headers: { 'accept-encoding': 'gzip' },
    });
    assert.equal(packed.headers.get('content-encoding'), 'gzip');
    assert.ok((await packed.text()).includes('a line\na line'));
  });

  for (const id of ['pdf', 'xml', 'html', 'broken', 'laughs'])
    it(`refuses ${id} with 422, and says what to do`, async () => {
      const reply = await render(id);
      assert.equal(reply.status, 422);
      assert.equal(reply.header('content-type')?.split(';')[0], 'application/fhir+json');
      assert.deepEqual(refusal(reply), { status: 422, detail: 'not-renderable' });
      assert.match(reply.body.issue[0]!.details?.text ?? '', /Read its bytes/);
    });

  it('is 404 for what is not there, 410 for what was deleted', async () => {
    assert.equal((await render('nothing')).status, 404);
    await stage().talk.send('PUT', 'Binary/gone', { headers: { 'content-type': 'text/plain' }, body: 'a' });
    await stage().talk.delete('Binary/gone');
    assert.equal((await render('gone')).status, 410);
  });

  it('is recorded as a read of the Binary, in the name of who asked, and as an operation', async () => {
    assert.equal((await render('note', { 'x-request-id': 'rendered' })).status, 200);
    const { entry = [] } = await stage().talk.search<AuditEvent>('AuditEvent?entity:identifier=rendered');
    const events = entry.map(({ resource }) => resource!);
    assert.deepEqual(new Set(events.map(({ subtype }) => subtype?.[0]?.code)), new Set(['operation', 'read']));
    for (const { entity = [] } of events)
      assert.ok(
        entity.some(({ what }) => what?.reference?.startsWith('Binary/note')),
        JSON.stringify(entity),
      );
  });

  it('has no place in a Bundle', async () => {
    const urls = ['Binary/note/$render', 'Binary/holds-pdf/$render?body=true'];
    const entry = urls.map(url => ({ request: { method: 'GET' as const, url } }));
    const { body } = await stage().talk.send<Bundle>('POST', '', {
      headers: { 'content-type': 'application/fhir+json' },
      body: JSON.stringify({ resourceType: 'Bundle', type: 'batch', entry }),
    });
    assert.equal(body.entry?.length, 2);
    for (const { response } of body.entry) assert.match(response?.status ?? '', /^406/);
  });
});

const folder = mkdtempSync(join(tmpdir(), 'chartroom-render-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const fileOf = (name: string, content: unknown): string => {
  writeFileSync(join(folder, name), JSON.stringify(content), { mode: 0o600 });
  return join(folder, name);
};
const tokenOf = (role: string) => `token-of-the-${role}`.padEnd(24, '-');
const reading = [{ type: 'Binary', letters: 'rs' }];
const ROLES = {
  admin: {
    types: [
      { type: '*', letters: 'cruds' },
      { type: 'AuditEvent', letters: 'crs' },
    ],
    operations: ['*'],
    screens: ['*'],
  },
  viewer: { types: reading, operations: ['render'] },
  bytes: { types: reading },
  pages: { types: [{ type: 'Patient', letters: 'rs' }], operations: ['render'] },
};
const roles = Object.keys(ROLES);

onStoresInTurn(
  '$render by roles',
  stage => {
    const as = (role: string) =>
      talkTo(stage().server.base, { authorization: `Bearer ${tokenOf(role)}`, accept: '*/*' });
    before(async () => {
      const made = await as('admin').send('PUT', 'Binary/r', { headers: { 'content-type': 'text/plain' }, body: 'a' });
      assert.ok(made.status === 200 || made.status === 201);
    });

    for (const [role, status] of [
      ['admin', 200],
      ['viewer', 200],
      // The operation without the right to read, and the right to read without the operation.
      ['pages', 403],
      ['bytes', 403],
    ] as const)
      it(`answers ${status} to ${role}`, async () => {
        const reply = await as(role).get('Binary/r/$render');
        assert.equal(reply.status, status, reply.text);
        assert.equal(reply.text.includes('<pre>a</pre>'), status === 200);
      });
  },
  {
    config: {
      auth: 'token',
      roles: fileOf('roles.json', ROLES),
      tokens: fileOf(
        'tokens.json',
        roles.map(role => ({ token: tokenOf(role), name: role, role })),
      ),
    },
  },
);
