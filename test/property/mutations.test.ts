/**
 * Valid requests of every interaction, damaged: never a 5xx, every refusal an OperationOutcome, and in a full run no answer
 * that takes longer than a second. The requests are the same in every run; CHARTROOM_TEST_MUTATIONS is their number. A
 * failure names the smallest request that still fails.
 */
import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { after, it } from 'mocha';
import { onStoresInTurn, type Stage } from '../support/both-stores.js';
import { depthOf, FULL } from '../support/depth.js';
import { type Answer, exchange, type Sent } from '../support/exchange.js';
import { createRandom } from '../support/random.js';
import { mutate } from './mutate.js';
import { HOSPITAL, VALID } from './valid-requests.js';

const REQUESTS = depthOf('MUTATIONS');
/** Requests of one test: a full run makes a hundred thousand, which no limit of a test would suffice for. */
const PORTION = 5000;
const SEED = 20_261_129;
/** So many requests after which the hospital is made whole again. */
const ROUND = 500;
const MOST_MS = 1000;
/** Faults that one run tells of. */
const MOST_FAULTS = 20;

const requestOf = (number: number): Sent => {
  const random = createRandom(SEED + number);
  return mutate(random.pick(random.pick(VALID)), random);
};

/** As it could be sent again by hand. */
const printed = ({ method, path, headers, body = '', chunked }: Sent): string => {
  const bytes = Buffer.from(body);
  const text = bytes.toString();
  const isText = Buffer.from(text).equals(bytes) && !text.includes('\u0000');
  return JSON.stringify({
    method,
    path,
    headers,
    chunked,
    ...(isText ? { body: text } : { base64: bytes.toString('base64') }),
  });
};

const FHIR_ANSWER = /^application\/(fhir\+)?(json|xml)/;

/** What is wrong with an answer, or undefined. */
function faultOf({ status, headers, body }: Answer, { method }: Sent): string | undefined {
  if (status >= 500) return `${status} ${body.toString().slice(0, 500)}`;
  if (status < 400 || method === 'HEAD') return undefined;
  const type = headers['content-type'] ?? 'no type';
  if (!FHIR_ANSWER.test(type)) return `${status} as ${type}`;
  return body.includes('OperationOutcome') ? undefined : `${status} without OperationOutcome`;
}

/** Smaller requests with one thing less. */
function* smaller(sent: Sent): Generator<Sent> {
  const { headers = {}, path } = sent;
  for (const name of Object.keys(headers))
    yield { ...sent, headers: Object.fromEntries(Object.entries(headers).filter(([other]) => other !== name)) };
  for (const part of path.match(/[?&/][^?&/]*/g) ?? [])
    if (part !== '/fhir') yield { ...sent, path: path.replace(part, '') };
  const body = Buffer.from(sent.body ?? '');
  for (let size = body.length >> 1; size > 0; size >>= 1)
    for (let at = 0; at < body.length && body.length / size < 100; at += size)
      yield { ...sent, body: Buffer.concat([body.subarray(0, at), body.subarray(at + size)]) };
}

onStoresInTurn('damaged requests', stage => {
  const agent = new Agent({ keepAlive: true });
  after(() => agent.destroy());

  /** Sends the request; gives what is wrong with the answer and how long it took. */
  const judge = async ({ server }: Stage, sent: Sent): Promise<{ fault: string | undefined; ms: number }> => {
    const started = performance.now();
    const fault = await exchange(server.port, sent, agent).then(
      answer => faultOf(answer, sent),
      // The server may close the connection on a body that it does not want.
      (error: NodeJS.ErrnoException) => (/ECONNRESET|EPIPE/.test(error.code ?? '') ? undefined : String(error)),
    );
    return { fault, ms: performance.now() - started };
  };
  /** The least time of three: whatever else a machine does, it does not do it three times. */
  const isSlow = async (at: Stage, sent: Sent): Promise<boolean> => {
    for (let times = 0; times < 2; times++) if ((await judge(at, sent)).ms < MOST_MS) return false;
    return true;
  };
  const smallest = async (at: Stage, sent: Sent): Promise<Sent> => {
    for (const less of smaller(sent)) if ((await judge(at, less)).fault !== undefined) return smallest(at, less);
    return sent;
  };
  const makeWhole = async ({ talk }: Stage): Promise<void> => {
    for (const resource of HOSPITAL) await talk.update(resource as Parameters<typeof talk.update>[0]);
  };

  const answersAll = async (from: number, below: number): Promise<void> => {
    const at = stage();
    const faults: string[] = [];
    for (let number = from; number < below && faults.length < MOST_FAULTS; number++) {
      if (number % ROUND === 0) await makeWhole(at);
      const sent = requestOf(number);
      const { fault, ms } = await judge(at, sent);
      if (fault !== undefined) {
        const least = await smallest(at, sent);
        faults.push(`${number}: ${(await judge(at, least)).fault ?? fault}\n${printed(least)}`);
      } else if (FULL && ms > MOST_MS && (await isSlow(at, sent)))
        faults.push(`${number}: ${Math.round(ms)} ms\n${printed(sent)}`);
    }
    assert.equal(faults.join('\n\n'), '');
  };

  for (let from = 0; from < REQUESTS; from += PORTION) {
    const below = Math.min(from + PORTION, REQUESTS);
    it(`requests ${from} to ${below - 1} are answered, and none breaks the server`, () => answersAll(from, below));
  }
});
