/**
 * The audit events that servers wrote while tests asked them for everything that is told (docs/audit.md), attacked them, and used the console, one of each form, judged by HL7's
 * validator against the profiles of IHE BALP that they claim and against R4. Not a part of `npm test`: see written.test.ts.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, describe, it } from 'mocha';
import { askOracle, oracleScript } from '../support/oracle.js';

const BALP = 'ihe.iti.balp#1.1.4';
/** Of each kind of event at least one, what features make of them, what attackers do, and what people do at the console. */
const TOLD = Object.entries({
  flow: [
    ...[
      'audit',
      'denials',
      'disclosures',
      'happenings',
      'lives',
      'restricted',
      'backup',
      'break-glass',
      'damaged-bytes',
    ],
    ...['audit-retention', 'ledger-forks', 'smart', 'custody', 'intake', 'machine-text'],
    ...['release-delivery', 'release-link'],
  ],
  attack: ['consents', 'paths', 'scopes', 'tokens'],
  browser: ['administration', 'audit', 'intake', 'release', 'stories'],
}).flatMap(([folder, names]) => names.map(name => `../${folder}/${name}.test.js`));

describe('the events of whole trails, judged by the validator of HL7', () => {
  const folder = mkdtempSync(join(tmpdir(), 'chartroom-trails-'));
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('AUD-1: have no errors, and the validator finds one that was put there', function () {
    const script = oracleScript(this);
    const files = TOLD.map(name => fileURLToPath(new URL(name, import.meta.url)));
    const mocha = fileURLToPath(new URL('../../../node_modules/mocha/bin/mocha.js', import.meta.url));
    // At full depth they ask for more of the same, for an hour.
    const { CHARTROOM_TEST_DEPTH: _, ...everyday } = process.env;
    const env = { ...everyday, CHARTROOM_TEST_EVENTS: folder };
    const run = spawnSync(process.execPath, [mocha, '--timeout', '120000', ...files], { env, encoding: 'utf8' });
    const names = readdirSync(folder);
    assert.ok(names.length > 100, `${names.length} forms of events: ${run.stdout.slice(-2000)}`);
    const kinds = new Set(names.map(name => name.split('-')[0]));
    for (const kind of ['rest', '110100', '110106', '110107', '110113', '110114']) assert.ok(kinds.has(kind), kind);
    const control = join(folder, 'control.json');
    writeFileSync(control, JSON.stringify({ resourceType: 'AuditEvent' }));
    const all = [...names.map(name => join(folder, name)), control];
    const { issues, summary } = askOracle(script, { files: all, packages: [BALP] });
    assert.deepEqual(
      issues.filter(({ file }) => !file.includes('control.json')),
      [],
    );
    assert.match(summary, / 1 with errors/);
    process.stdout.write(`      ${names.length} forms of events\n`);
  });
});
