import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'mocha';
import { DEMO_FOLDER, readDemoData } from '../../../src/cli/demo-data.js';
import { fillIn, type HttpFileAnswer, type HttpFileRequest, parseHttpFile } from '../../support/http-file.js';

const SAMPLE = `# About this file
@host = http://127.0.0.1:8080
@base = {{host}}/fhir

### Create
# expect 201
# @name made
POST {{base}}/Patient
Content-Type: application/fhir+json
Prefer: return=minimal

{
  "resourceType": "Patient",

  "active": true
}

### Read it
# a remark
# expect 200
# total 3
GET {{base}}/Patient/{{made.response.body.$.id}}
If-None-Match: {{made.response.headers.ETag}}

### Upload
# expect 201
POST {{base}}/Binary
Content-Type: image/png

< ../picture.png
`;

describe('request files', () => {
  it('read into requests with variables filled in', () => {
    const [create, read, upload, ...rest] = parseHttpFile(SAMPLE);
    assert.deepEqual(rest, []);
    assert.deepEqual(create, {
      name: 'Create',
      method: 'POST',
      url: 'http://127.0.0.1:8080/fhir/Patient',
      headers: { 'Content-Type': 'application/fhir+json', Prefer: 'return=minimal' },
      body: '{\n  "resourceType": "Patient",\n\n  "active": true\n}',
      bodyFile: undefined,
      expect: 201,
      total: undefined,
      again: undefined,
      label: 'made',
    });
    assert.deepEqual([read?.method, read?.expect, read?.total, read?.body], ['GET', 200, 3, undefined]);
    assert.deepEqual([upload?.bodyFile, upload?.body], ['../picture.png', undefined]);
  });

  it('let the caller say where the server is', () => {
    const [create] = parseHttpFile(SAMPLE, { base: 'http://localhost:1/x' });
    assert.equal(create?.url, 'http://localhost:1/x/Patient');
  });

  it('fill in what earlier answers said', () => {
    const answer: HttpFileAnswer = {
      headers: { etag: 'W/"1"' },
      body: { id: 'p1', link: [{ relation: 'self' }, { relation: 'next', url: 'http://localhost/page2' }] },
    };
    const answers = new Map([['made', answer]]);
    const read = parseHttpFile(SAMPLE)[1]!;
    const filled = fillIn(read, answers);
    assert.equal(filled.url, 'http://127.0.0.1:8080/fhir/Patient/p1');
    assert.deepEqual(filled.headers, { 'If-None-Match': 'W/"1"' });
    const urlOf = (url: string) => fillIn({ ...read, url, headers: {} }, answers).url;
    assert.equal(urlOf("{{made.response.body.$.link[?(@.relation=='next')].url}}"), 'http://localhost/page2');
    assert.equal(urlOf('{{made.response.body.$.link[0].relation}}'), 'self');
    assert.throws(() => fillIn(read, new Map()), /Read it: nothing to put for \{\{made\.response\.headers\.ETag\}\}/);
    assert.throws(() => urlOf("{{made.response.body.$.link[?(@.relation=='last')].url}}"), /nothing to put/);
  });

  for (const [fault, text, message] of [
    ['an expectation that is missing', '### A\nGET http://x/\n', /Line 1 needs a comment like "# expect 200" \(A\)/],
    ['a variable that is not set', '### A\n# expect 200\nGET {{base}}/\n', /\{\{base\}\} is used and not set/],
    ['a request line that is none', '### A\n# expect 200\nhello\n', /Line 3 should be METHOD ADDRESS/],
    ['a header that is none', '### A\n# expect 200\nGET http://x/\nhello\n', /Line 4 should be a header/],
    ['text before the first request', 'hello\n### A\n# expect 200\nGET http://x/\n', /Line 1 stands before/],
  ] as const) {
    it(`refuse ${fault}`, () => {
      assert.throws(() => parseHttpFile(text), message);
    });
  }
});

describe('docs/requests', () => {
  const folder = new URL('../docs/requests/', DEMO_FOLDER);
  const files = readdirSync(folder).filter(name => name.endsWith('.http'));
  const requests = files.map((file): [string, HttpFileRequest[]] => {
    return [file, parseHttpFile(readFileSync(new URL(file, folder), 'utf8'), { base: 'http://localhost/fhir' })];
  });

  it('refer to answers and files that exist', () => {
    assert.ok(requests.flatMap(([, list]) => list).length >= 90);
    for (const [file, list] of requests) {
      const labels = new Set<string>();
      for (const request of list) {
        const used = JSON.stringify(request).matchAll(/\{\{([\w-]+)\.response\./g);
        for (const [, label] of used) assert.ok(labels.has(label!), `${file}: ${request.name} uses ${label}`);
        if (request.label !== undefined) labels.add(request.label);
        if (request.bodyFile !== undefined) assert.ok(existsSync(new URL(request.bodyFile, folder)), request.bodyFile);
      }
    }
  });

  it('name only demo resources that exist', async () => {
    const known = new Set<string>();
    for await (const item of readDemoData(DEMO_FOLDER)) {
      known.add('binary' in item ? item.binary.id : (item.resource['id'] as string));
    }
    let seen = 0;
    for (const [file, list] of requests) {
      for (const { name, url, body } of list) {
        for (const [id] of `${url} ${body}`.matchAll(/\bdemo-[a-z0-9-]+(?=[/?&\s"]|$)/g)) {
          seen += 1;
          assert.ok(known.has(id), `${file}: ${name} names ${id}`);
        }
      }
    }
    assert.ok(seen > 40, `${seen} ids`);
  });
});
