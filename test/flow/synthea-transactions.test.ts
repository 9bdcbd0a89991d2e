/**
 * Synthea's Bundles as it writes them: hospitals and practitioners first, then one transaction a patient, whose references
 * name the others by criteria: a third of the patients, and in a full run all, and the large set, too.
 */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Bundle } from 'fhir/r4.js';
import { before, it } from 'mocha';
import { ACCOUNT_TAG } from '../../src/features/documents/intake/vocabulary.js';
import { onStoresInTurn } from '../support/both-stores.js';
import { FULL, sampleOf } from '../support/depth.js';
import { readText, shared } from '../support/shared.js';

const FOLDERS = ['synthea-seed', ...(FULL ? ['synthea-bench'] : [])];

/** Paths, what others refer to first. */
function bundles(): string[] {
  return FOLDERS.flatMap(name => {
    const folder = shared('data', name, 'bundles');
    return folder === undefined
      ? []
      : sampleOf(readdirSync(folder).toSorted(), 3, file => (file.startsWith('0-') ? file : 'patient')).map(file =>
          join(folder, file),
        );
  });
}

onStoresInTurn('the Bundles of Synthea', stage => {
  const files = bundles();
  before('asks for the reference data', function () {
    if (files.length > 0) return;
    process.stderr.write('      skipped: ../shared/data/synthea-seed is missing\n');
    this.skip();
  });

  it('are all taken, and every reference leads to a resource', async () => {
    const { talk, server } = stage();
    const sent = new Map<string, number>();
    for (const file of files) {
      const body = readText(file);
      const { entry = [] } = JSON.parse(body) as Bundle;
      for (const { resource } of entry) sent.set(resource!.resourceType, (sent.get(resource!.resourceType) ?? 0) + 1);
      const reply = await talk.send<Bundle>('POST', '', { headers: { 'content-type': 'application/fhir+json' }, body });
      assert.equal(reply.status, 200, `${file}: ${reply.text.slice(0, 1000)}`);
      const answers = reply.body.entry ?? [];
      assert.equal(answers.length, entry.length);
      assert.deepEqual(
        answers.filter(({ response }) => !/^20[01] /.test(response?.status ?? '')),
        [],
      );
    }
    assert.ok(sent.size > 10);
    const names = new Set<string>();
    const references = new Set<string>();
    const stored = new Map<string, number>();
    for await (const { row } of server.engine.store.scan()) {
      // What the server says of documents by itself was not sent.
      if (row.type === 'AuditEvent' || row.text!.includes(ACCOUNT_TAG.system)) continue;
      names.add(`${row.type}/${row.id}`);
      stored.set(row.type, (stored.get(row.type) ?? 0) + 1);
      for (const [, reference] of row.text!.toString().matchAll(/"reference":"([^"#]+)"/g)) references.add(reference!);
      assert.doesNotMatch(row.text!.toString(), /"urn:uuid:[^"]*","(?:type|display)|"reference":"urn:/);
    }
    // Organizations and practitioners stand in the large set again, under the identifiers that they have.
    for (const [type, count] of sent) if (FOLDERS.length === 1) assert.equal(stored.get(type), count, type);
    assert.ok(references.size > 1000);
    assert.deepEqual(
      [...references].filter(reference => !names.has(reference)),
      [],
    );
  });
});
