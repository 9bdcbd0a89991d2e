/** Links to released records: what uses them up, what ends them, and who may ask how often. docs/records-desk.md */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'mocha';
import { healthLinkAddress } from '../../../src/features/release/delivery/health-link-route.js';
import {
  keepLink,
  keepTicket,
  type ReleaseLink,
  revokeLinks,
  takeTicket,
  tryLink,
} from '../../../src/features/release/delivery/links.js';
import { FhirError } from '../../../src/fhir/error.js';
import { createUseLimit, type LinkRecords } from '../../../src/interactions/handing-out.js';
import type { KeptRecord } from '../../../src/store/records.js';
import { FULL } from '../../support/depth.js';

/** As the store keeps them. */
function recordsInMemory(): LinkRecords {
  const kept = new Map<string, KeptRecord>();
  let revisions = 0;
  const get = (kind: string, id: string): Promise<KeptRecord | undefined> => Promise.resolve(kept.get(`${kind}/${id}`));
  return {
    get,
    put(record, replaces) {
      const name = `${record.kind}/${record.id}`;
      if (replaces !== undefined && (kept.get(name)?.revision ?? null) !== replaces) return Promise.resolve(undefined);
      const revision = String(++revisions);
      kept.set(name, { ...record, revision });
      return Promise.resolve(revision);
    },
    async take(kind, id) {
      const record = await get(kind, id);
      kept.delete(`${kind}/${id}`);
      return record;
    },
    remove(group) {
      const gone = [...kept].filter(([, record]) => record.group === group);
      for (const [name] of gone) kept.delete(name);
      return Promise.resolve(gone.length);
    },
  };
}

const NOW = Date.UTC(2026, 2, 10);
const LINK: ReleaseLink = {
  ...{ form: 'manifest', hash: '00', size: 1, contentType: 'application/jose', fileName: 'records.jose' },
  ...{ document: 'package', patient: 'asked-for', delivery: 'told', expires: NOW + 1000 },
  ...{ mostTries: 1, tries: 1, downloads: 5 },
};
const used = async (records: LinkRecords, token: string, form = LINK.form) => {
  const use = await tryLink(records, { token, passcode: '', form, now: NOW });
  assert.ok(use.may);
  return use;
};
const throttled = (error: unknown): boolean => error instanceof FhirError && error.kind === 'throttled';

describe('links to released records', () => {
  it('without a passcode lose downloads alone, also where many ask at once', async () => {
    for (const form of ['manifest', 'direct'] as const) {
      const records = recordsInMemory();
      const token = await keepLink(records, { ...LINK, form }, NOW);
      await Promise.all([1, 2, 3, 4].map(() => used(records, token, form)));
      const { link } = await used(records, token, form);
      assert.deepEqual([link.tries, link.downloads], [1, 0]);
      const over = await tryLink(records, { token, passcode: '', form: 'direct', now: NOW });
      assert.equal(over.may, false);
    }
  });

  it('give their file by a ticket while they are there, also where it was kept as they were revoked', async () => {
    const records = recordsInMemory();
    const use = await used(records, await keepLink(records, LINK, NOW));
    await keepTicket(records, 'before', use);
    await keepTicket(records, 'control', use);
    assert.equal((await takeTicket(records, 'control', NOW))?.document, 'package');
    assert.equal(await takeTicket(records, 'control', NOW), undefined);
    assert.equal(await revokeLinks(records, 'told'), 2);
    await keepTicket(records, 'after', use);
    for (const ticket of ['before', 'after']) assert.equal(await takeTicket(records, ticket, NOW), undefined);
  });

  it('take no try where nobody looked at the passcode', async function () {
    // Fifty hashes take seconds of a core.
    if (!FULL) return this.skip();
    const records = recordsInMemory();
    const token = await keepLink(records, { ...LINK, form: 'page', mostTries: 9, tries: 9, passcode: 'none' }, NOW);
    const ask = (of: string) => tryLink(records, { token: of, passcode: 'x', form: 'page', now: NOW });
    await ask('unknown');
    const others = Array.from({ length: 60 }, () => ask('unknown').catch(throttled));
    await assert.rejects(ask(token), throttled);
    assert.ok((await Promise.all(others)).some(each => each === true));
    const left = await records.get('release-link', createHash('sha256').update(token).digest('hex'));
    assert.equal((JSON.parse(left!.value) as ReleaseLink).tries, 9);
  });

  it('have addresses that fit into a QR code', () => {
    const token = 'x'.repeat(43);
    const base = (length: number): string => `https://${'h'.repeat(length - 8 - 4 - 5)}.org/fhir`;
    const room = 128 - '/health-links/'.length - token.length + '/fhir'.length;
    assert.equal(healthLinkAddress(base(room), token).length, 128);
    assert.throws(
      () => healthLinkAddress(base(room + 1), token),
      (error: unknown) => error instanceof FhirError && error.kind === 'unprocessable',
    );
  });

  it('are used so often in a minute from one address, at all processes together', async () => {
    const records = recordsInMemory();
    let time = NOW;
    const store = { records };
    const limit = () => createUseLimit({ kind: 'uses', most: 3, now: () => time });
    const [one, other] = [limit(), limit()];
    const from = (address: string) => ({ address, engine: { store } }) as unknown as Parameters<typeof one>[0];
    for (const count of [one, other, one]) await count(from('192.0.2.1'));
    await assert.rejects(one(from('192.0.2.1')), throttled);
    await assert.rejects(other(from('192.0.2.1')), throttled);
    await other(from('192.0.2.2'));
    time += 60_000;
    await one(from('192.0.2.1'));
  });
});
