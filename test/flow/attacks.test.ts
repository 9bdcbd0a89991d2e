/**
 * A corpus of attacks on a server process, on both stores (on one, in turn, at every change): whatever is sent, there is an answer and no fault of the
 * server's, what must be refused is, nothing is stored, nobody else waits, and memory stays bounded. At every change a
 * part of the corpus is sent, all of it in a full run. Bodies that are dear to read: hostile-bodies.test.ts; narratives
 * that run in a browser: narrative-in-a-browser.test.ts.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'mocha';
import type { Role } from '../../src/identity/principal.js';
import { ROLES } from '../support/roles.js';
import { storesInTurn } from '../support/both-stores.js';
import { FULL, turnAmong } from '../support/depth.js';
import { newStore } from '../support/server.js';
import { type Watched, watchServer } from '../support/watched.js';
import { archives } from './attack/archives.js';
import { type Attack, JSON_BODY } from './attack/attack.js';
import { bundles } from './attack/bundles.js';
import { heads, sites } from './attack/heads.js';
import { searches } from './attack/searches.js';

/** ms of processor time that others wait: a tenth of a second is the aim, on a machine of which this is not known. */
const LONGEST = 400;
/** MB. */
const MOST_MEMORY = 600;
/** Of those that take long, one of so many at every change. */
const ONE_OF = 48;

const FAMILIES: readonly (readonly [name: string, attacks: readonly Attack[], long: boolean])[] = [
  ['archives', archives, true],
  ['Bundles', bundles, true],
  ['searches', searches, true],
  ['heads of requests', heads, false],
  ['hosts and sites', sites, false],
];
const token = (role: Role): string => `token-of-the-${role}`.padEnd(24, '-');

/** What is there: a patient with observations, and bytes that are large. */
const THERE: readonly object[] = [
  { resourceType: 'Patient', id: 'there', name: [{ family: 'There' }] },
  { resourceType: 'Binary', id: 'large', contentType: 'a/b', data: Buffer.alloc(6_000_000, 7).toString('base64') },
  ...Array.from({ length: 200 }, (_, i) => ({
    resourceType: 'Observation',
    id: `o${i}`,
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code: `${i}-1` }], text: 'words' },
    subject: { reference: 'Patient/there' },
    effectiveDateTime: '2020-01-01',
    valueQuantity: { value: i, unit: 'mg', system: 'http://unitsofmeasure.org', code: 'mg' },
  })),
];

for (const store of storesInTurn(0))
  describe(`attacks (${store})`, () => {
    const folder = mkdtempSync(join(tmpdir(), 'chartroom-attacks-'));
    let open: Watched;
    let guarded: Watched;
    let stored: string;

    /** What is current, without the audit trail. */
    const count = async (): Promise<string> =>
      /"total":(\d+)/.exec((await open.send('GET', '/fhir?_summary=count')).text)?.[1] ?? 'nobody knows';

    before('starts a server that asks nobody and one that asks for tokens', async function () {
      if (process.platform !== 'linux') return this.skip();
      const tokens = join(folder, 'tokens.json');
      writeFileSync(tokens, JSON.stringify(ROLES.map(role => ({ token: token(role), name: role, role }))), {
        mode: 0o600,
      });
      open = await watchServer({ CHARTROOM_STORE: await newStore(this, store) });
      guarded = await watchServer({
        CHARTROOM_STORE: await newStore(this, store),
        CHARTROOM_AUTH: 'token',
        CHARTROOM_TOKENS: tokens,
      });
      const authorization = `Bearer ${token('admin')}`;
      const entry = THERE.map(resource => {
        const { resourceType, id } = resource as { resourceType: string; id: string };
        return { resource, request: { method: 'PUT', url: `${resourceType}/${id}` } };
      });
      const body = JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry });
      for (const { send } of [open, guarded])
        assert.equal((await send('POST', '/fhir', body, { ...JSON_BODY, authorization })).status, 200);
      stored = await count();
      assert.equal(stored, String(THERE.length));
    });
    after('stops the servers', async () => {
      await open?.stop();
      await guarded?.stop();
      rmSync(folder, { recursive: true, force: true });
    });

    for (const [family, attacks, long] of FAMILIES)
      describe(`${family} (${attacks.length})`, () => {
        let [longest, worst] = [0, ''];
        for (const [at, attack] of attacks.entries())
          if (FULL || !long || turnAmong(at, ONE_OF) === 0)
            it(attack.name, async () => {
              const { method, path, headers = {}, body, as } = attack;
              const server = as ? guarded : open;
              const sent = body?.();
              const credentials: Record<string, string> = as ? { authorization: `Bearer ${token(as)}` } : {};
              const seen = await server.watch(() => server.send(method, path, sent, { ...credentials, ...headers }));
              if (seen.wait > longest) [longest, worst] = [seen.wait, attack.name];
              assert.ok(seen.status >= 200 && seen.status < 500, `status ${seen.status}: ${seen.text.slice(0, 300)}`);
              if (attack.answered === undefined) assert.ok(seen.status >= 400, `status ${seen.status}`);
              if (attack.answered === true)
                assert.ok(seen.status < 400, `status ${seen.status}: ${seen.text.slice(0, 300)}`);
              assert.ok(seen.wait < LONGEST, `others waited for ${seen.wait.toFixed(0)} ms of processor time`);
              assert.ok(seen.memory < MOST_MEMORY, `the process took ${seen.memory.toFixed(0)} MB`);
            });

        it('leave nothing behind, and everything there', async () => {
          if (FULL && longest > 0)
            process.stderr.write(
              `      ${family} (${store}): others waited ${longest.toFixed(0)} ms at most (${worst})\n`,
            );
          assert.equal(await count(), stored);
          assert.equal((await open.send('GET', '/fhir/Patient/there')).status, 200);
          assert.equal((await open.send('GET', '/fhir/Patient/evil')).status, 404);
        });
      });
  });
