/** Proofs of several processes: https://www.rfc-editor.org/rfc/rfc9449#section-11.1 */
import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { describe, it } from 'mocha';
import { createCheckProof, type ProofGround } from '../../../src/identity/dpop.js';
import { proofOf, signingKey, thumbprintOf } from '../../support/issuer.js';
import { FhirError } from '../../../src/fhir/error.js';

const NOW = Date.UTC(2026, 0, 2);
const BASE = 'https://chart.example/fhir';
const TOKEN = 'token';

const isRefusal = (error: unknown): boolean => error instanceof FhirError && error.kind === 'unauthenticated';

/** What several processes share. */
function sharedRecords(): NonNullable<ProofGround['records']> {
  const kept = new Set<string>();
  return {
    async put({ kind, id }, replaces) {
      if (replaces === null && kept.has(`${kind} ${id}`)) return undefined;
      kept.add(`${kind} ${id}`);
      return 'revision';
    },
  };
}

describe('a proof of a key', () => {
  it('is good once in all processes that share a store, and in each of those that do not', async () => {
    const key = await signingKey();
    const jkt = await thumbprintOf(key);
    const claims = { htm: 'GET', htu: `${BASE}/Patient`, iat: NOW / 1000, ath: hash('sha256', TOKEN, 'base64url') };
    const requestWith = (dpop: string) => ({
      ...{ headers: { dpop }, rawHeaders: ['DPoP', dpop], method: 'GET', url: '/fhir/Patient', address: '::1' },
    });
    const ground = { now: () => NOW, bases: [BASE] };
    const records = sharedRecords();
    const [one, other] = [createCheckProof({ ...ground, records }), createCheckProof({ ...ground, records })];
    const proof = requestWith(await proofOf(key, claims));
    await one(proof, TOKEN, jkt);
    await assert.rejects(one(proof, TOKEN, jkt), isRefusal);
    await assert.rejects(other(proof, TOKEN, jkt), isRefusal);
    await other(requestWith(await proofOf(key, claims)), TOKEN, jkt);
    await createCheckProof(ground)(proof, TOKEN, jkt);
  });
});
