/**
 * Bad input of every kind, against both stores: the right refusal, in words that give nothing away, and nothing stored.
 * Statuses are those of https://hl7.org/fhir/R4/http.html#Status-Codes.
 */
import { deepEqual, equal, match, notEqual, ok } from 'node:assert/strict';
import { after, before, describe, it } from 'mocha';
import { storesInTurn } from '../support/both-stores.js';
import { type Answer, converse, exchange, type Sent } from '../support/exchange.js';
import { newStore, type RunningServer, startServer } from '../support/server.js';
import { badAddresses } from './bad-input/addresses.js';
import { type BadRequest, JSON_TYPE, KNOWN, LIMITS, MARK } from './bad-input/bad-request.js';
import { badHeaders } from './bad-input/headers.js';
import { badJson } from './bad-input/json.js';
import { badResources } from './bad-input/other-values.js';
import { forgedPages } from './bad-input/pages.js';
import { badPatients } from './bad-input/patient-values.js';
import { badSearches } from './bad-input/searches.js';
import { brokenMessages } from './bad-input/sockets.js';
import { badXml } from './bad-input/xml.js';

const CORPUS: Readonly<Record<string, readonly BadRequest[]>> = {
  'bodies that are no JSON': badJson,
  'bodies that are no XML': badXml,
  'Patients that are not FHIR': badPatients,
  'other resources that are not FHIR': badResources,
  'addresses and methods': badAddresses,
  'headers, encodings and sizes': badHeaders,
  searches: badSearches,
};

interface Issue {
  readonly severity: string;
  readonly code: string;
  readonly details?: { readonly coding?: readonly { readonly code: string }[]; readonly text?: string };
  readonly expression?: readonly string[];
}

/** Issue codes that fit a status. */
const CODES: Readonly<Record<number, RegExp>> = {
  400: /^(invalid|structure|required|value|code-invalid|invariant|not-supported|too-costly|too-long)$/,
  404: /^(not-found|not-supported)$/,
  405: /^not-supported$/,
  406: /^not-supported$/,
  412: /^(conflict|multiple-matches)$/,
  413: /^too-long$/,
  415: /^not-supported$/,
  431: /^(invalid|too-long)$/,
};

/** What must never be seen from outside: stacks, file names, words of drivers and of the language. */
const INSIDES =
  /\bat [\w.<>]+ \(|\.[jt]s:\d+|node_modules|node:internal|Mongo|E11000|SQLITE|sqlite|SyntaxError|TypeError|RangeError|ERR_[A-Z]|Cannot read|undefined|\[object|wiredTiger/;

function checkRefusal(answer: Answer, status: number): readonly Issue[] {
  const text = answer.body.toString();
  if (text === '') return [];
  match(String(answer.headers['content-type']), /^application\/fhir\+json/);
  const outcome = JSON.parse(text) as { resourceType: string; issue: readonly Issue[] };
  equal(outcome.resourceType, 'OperationOutcome');
  ok(outcome.issue.length > 0, 'an OperationOutcome has issues');
  for (const { severity, code, details } of outcome.issue) {
    equal(severity, 'error');
    match(code, CODES[status] ?? /^$/, `issue code ${code} fits ${status}`);
    ok(details?.text, 'an issue says in words what is wrong');
  }
  return outcome.issue;
}

/** No fault of ours, nothing of the inside, nothing of the bad value. */
function checkDiscretion(answer: Answer): void {
  ok(answer.status < 500, `status ${answer.status}`);
  const { body, headers } = answer;
  if (answer.status >= 400) {
    const text = body.toString();
    ok(!INSIDES.test(text), 'the answer shows nothing of the inside');
    ok(!text.includes(MARK), 'the answer does not repeat the bad value');
    ok(text.length < 60_000, 'the answer is short');
  }
  ok(!JSON.stringify(headers).includes(MARK), 'no header repeats the bad value');
}

function checkAnswer(answer: Answer, bad: BadRequest): void {
  equal(answer.status, bad.status, `${answer.status} ${answer.body.toString().slice(0, 300)}`);
  checkDiscretion(answer);
  if (bad.status < 400) {
    if (bad.total === undefined) return;
    const bundle = JSON.parse(answer.body.toString()) as { total: number; entry?: unknown[] };
    equal(bundle.total, bad.total);
    equal(bundle.entry?.length ?? 0, bad.total);
    return;
  }
  const [first, ...others] = checkRefusal(answer, bad.status);
  ok(first, 'the answer is an OperationOutcome');
  if (bad.code !== undefined) equal(first.code, bad.code, first.details?.text);
  if (bad.detail !== undefined) equal(first.details?.coding?.[0]?.code, bad.detail);
  const expressions = [first, ...others].flatMap(issue => issue.expression ?? []);
  if (bad.expression !== undefined)
    ok(expressions.includes(bad.expression), `${bad.expression} is named, not ${expressions.join(', ')}`);
}

for (const store of storesInTurn(1))
  describe(`bad input (${store} store)`, () => {
    let server: RunningServer;
    let earlier: ReadonlyMap<string, number>;
    const send = (sent: Sent) => exchange(server.port, sent);

    /** Current resources by type; the audit trail grows with every refusal. */
    const stored = async () =>
      new Map([...(await server.engine.store.sizes())].filter(([type]) => type !== 'AuditEvent'));
    const readKnown = () => send({ method: 'GET', path: '/fhir/Patient/known' });

    before(async function () {
      const config = {
        maxBody: String(LIMITS.maxBody),
        maxBinary: String(LIMITS.maxBinary),
        maxArray: String(LIMITS.maxArray),
      };
      server = await startServer({ store: await newStore(this, store), config });
      for (const id of ['known', 'second', 'third']) {
        const body = JSON.stringify(id === 'known' ? KNOWN : { resourceType: 'Patient', id });
        const { status } = await send({ method: 'PUT', path: `/fhir/Patient/${id}`, headers: JSON_TYPE, body });
        equal(status, 201);
      }
      earlier = await stored();
      equal(earlier.get('Patient'), 3);
    });
    after(() => server?.stop());

    for (const [title, requests] of Object.entries(CORPUS))
      describe(title, () => {
        for (const bad of requests)
          it(`${bad.name} → ${bad.status}`, async () => {
            checkAnswer(await send(bad), bad);
          });
      });

    describe('forged pages', () => {
      let token: string;
      before(async () => {
        const { body } = await send({ method: 'GET', path: '/fhir/Patient?_count=1' });
        const { link } = JSON.parse(body.toString()) as { link: { relation: string; url: string }[] };
        const next = new URL(link.find(({ relation }) => relation === 'next')?.url ?? '');
        equal((await send({ method: 'GET', path: next.pathname + next.search })).status, 200);
        token = next.searchParams.get('_page') ?? '';
        notEqual(token, '');
      });
      for (const { name, forge } of forgedPages)
        it(`${name} → 400`, async () => {
          const answer = await send({ method: 'GET', path: `/fhir${forge(token)}` });
          checkAnswer(answer, {
            name,
            method: 'GET',
            path: '',
            status: 400,
            code: 'invalid',
            expression: 'http._page',
          });
        });
    });

    describe('broken messages', () => {
      for (const { name, bytes, status, hangUp } of brokenMessages)
        it(`${name} → ${status.map(code => code || 'closed').join(' or ')}`, async () => {
          const answer = await converse(server.port, bytes, hangUp);
          ok(status.includes(answer?.status ?? 0), `answered ${answer?.status}: ${answer?.body.toString()}`);
          if (!answer) return;
          checkDiscretion(answer);
          checkRefusal(answer, answer.status);
        });
    });

    describe('afterwards', () => {
      it('nothing was stored', async () => {
        deepEqual(await stored(), earlier);
        const { rows } = await server.engine.store.history({ type: 'Patient', limit: 10 });
        equal(rows.length, 3, 'no version was added');
      });
      it('the server answers as before', async () => {
        const { status, headers, body } = await readKnown();
        equal(status, 200);
        equal(headers.etag, 'W/"1"');
        equal((JSON.parse(body.toString()) as { birthDate: string }).birthDate, KNOWN.birthDate);
      });
      it('refusals are in the audit trail', async () => {
        const { body } = await send({ method: 'GET', path: '/fhir/AuditEvent?outcome=4&_summary=count' });
        ok((JSON.parse(body.toString()) as { total: number }).total > 300);
      });
    });
  });
