/**
 * What it costs to know who asks, without a server around it: a token of an issuer that is known already, beside a static one (the
 * control, in the same rounds), and one that is verified. `npm run bench:tokens`
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createReadScopes } from '../../src/access/scopes.js';
import { loadDefinitions } from '../../src/fhir/definitions.js';
import { createIdentify } from '../../src/identity/identify.js';
import { readIssuers } from '../../src/identity/issuer-rules.js';
import { Issuer } from '../../src/identity/issuer.js';
import type { Identify, IdentifyingRequest } from '../../src/identity/principal.js';
import { openTokenFile } from '../../src/identity/tokens.js';
import { createOutgoing } from '../../src/outgoing/outgoing.js';
import { createLog } from '../../src/platform/log.js';
import { createMetrics } from '../../src/platform/metrics.js';
import { createSearchParameters } from '../../src/search/parameters.js';
import { openIssuer } from '../support/issuer.js';
import { lowerQuartile } from './rounds.js';

const BASE = 'https://fhir.example.org/fhir';
const STATIC = 'token-of-somebody-for-measuring';
const ROUNDS = 20;
const REQUESTS = 3000;
const FRESH = 40;
/** µs that a known token may cost with everything. */
const MOST = 20;

const definitions = loadDefinitions();
const parameters = createSearchParameters(definitions);
const readScopes = createReadScopes({ definitions, parameters, bases: [BASE] });
const outgoing = createOutgoing({ metrics: createMetrics(), log: createLog('silent') });
const folder = mkdtempSync(join(tmpdir(), 'chartroom-bench-tokens-'));
const file = join(folder, 'tokens.json');
writeFileSync(file, JSON.stringify([{ token: STATIC, name: 'a', role: 'reader' }]));
const tokens = openTokenFile(file, ['reader'], () => undefined, { every: () => () => undefined });

const requestWith = (token: string): IdentifyingRequest => {
  const authorization = `Bearer ${token}`;
  const rawHeaders = [
    'Host',
    'fhir.example.org',
    'Authorization',
    authorization,
    'Accept',
    '*/*',
    'User-Agent',
    'bench',
  ];
  return { headers: { authorization }, rawHeaders, method: 'GET', url: '/fhir/Patient', address: '192.0.2.1' };
};

async function round(identify: Identify, request: IdentifyingRequest, times = REQUESTS): Promise<number> {
  const started = performance.now();
  for (let at = 0; at < times; at++) await identify(request);
  return ((performance.now() - started) * 1000) / times;
}

for (const alg of ['RS256', 'ES256', 'ES384']) {
  const issuer = await openIssuer(() => BASE, undefined, alg);
  const [rules] = readIssuers({ issuers: issuer.url, issuerRules: '' }, ['service']);
  const ground = { now: Date.now, bases: [BASE], readScopes, tokens };
  const control = createIdentify({ ...ground, issuers: [] });
  const measured = createIdentify({ ...ground, issuers: [new Issuer(rules!, outgoing)] });
  const scope = 'openid fhirUser launch/patient patient/Patient.rs patient/Observation.rs?category=laboratory';
  const known = requestWith(await issuer.token({ claims: { scope, patient: 'p1' } }));
  await measured(known);
  const costs: { control: number; known: number }[] = [];
  for (let at = 0; at < ROUNDS; at++)
    costs.push({ control: await round(control, requestWith(STATIC)), known: await round(measured, known) });
  const fresh: number[] = [];
  for (let at = 0; at < FRESH; at++) fresh.push(await round(measured, requestWith(await issuer.token()), 1));
  const [ofControl, ofKnown] = [
    lowerQuartile(costs.map(each => each.control)),
    lowerQuartile(costs.map(each => each.known)),
  ];
  const shown = (cost: number): string => `${cost.toFixed(1)} µs, ${(cost / ofControl).toFixed(1)} ×`;
  process.stdout.write(
    `${alg}: static ${shown(ofControl)}; known ${shown(ofKnown)}${ofKnown > MOST ? ` (MORE THAN ${MOST})` : ''}; verified ${shown(lowerQuartile(fresh))}\n`,
  );
  if (ofKnown > MOST) process.exitCode = 1;
  await issuer.close();
}
outgoing.close();
rmSync(folder, { recursive: true });
