/** docs/requests/*.http against a fresh server with demo data, on both stores: each answers what it says. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { Bundle } from 'fhir/r4.js';
import { it } from 'mocha';
import { loadDemo } from '../../src/cli/seed.js';
import { onStoresInTurn, type Stage } from '../support/both-stores.js';
import { fillIn, type HttpFileAnswer, type HttpFileRequest, parseHttpFile } from '../support/http-file.js';

const FOLDER = new URL('../../../docs/requests/', import.meta.url);

async function play({ talk }: Stage, request: HttpFileRequest): Promise<HttpFileAnswer> {
  const body = request.bodyFile === undefined ? request.body : readFileSync(new URL(request.bodyFile, FOLDER));
  const ask = () =>
    talk.send<Bundle>(request.method, request.url, {
      headers: {
        accept: '*/*',
        ...Object.fromEntries(Object.entries(request.headers).map(([k, v]) => [k.toLowerCase(), v])),
      },
      ...(body === undefined ? {} : { body }),
    });
  let reply = await ask();
  for (; reply.status === request.again; reply = await ask()) await pause(30);
  assert.equal(reply.status, request.expect, `${request.name}: ${reply.text.slice(0, 500)}`);
  const json = reply.header('content-type')?.startsWith('application/fhir+json') && reply.text !== '';
  if (request.total !== undefined) {
    const total = json ? reply.body.total : Number(/<total value="(\d+)"\/>/.exec(reply.text)?.[1]);
    assert.equal(total, request.total, request.name);
  }
  const headers = Object.fromEntries(
    ['location', 'content-location', 'etag', 'last-modified'].map(name => [name, reply.header(name)]),
  );
  return { headers, body: json ? reply.body : undefined };
}

onStoresInTurn(
  'docs/requests',
  stage => {
    for (const file of readdirSync(FOLDER).toSorted())
      it(`${file} answers what it says`, async () => {
        const text = readFileSync(new URL(file, FOLDER), 'utf8');
        const answers = new Map<string, HttpFileAnswer>();
        for (const request of parseHttpFile(text, { base: stage().talk.base })) {
          const answer = await play(stage(), fillIn(request, answers));
          if (request.label !== undefined) answers.set(request.label, answer);
        }
      });
  },
  { set: async ({ server }) => assert.ok((await loadDemo(server.engine)) > 100) },
);
