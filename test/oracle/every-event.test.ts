/**
 * One event of every kind that the server records (docs/audit.md), judged by HL7's validator against the profiles of IHE BALP that it claims and
 * against R4. Not a part of `npm test`: see written.test.ts.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'mocha';
import { EVERY_EVENT } from '../support/every-event.js';
import { askOracle, oracleScript } from '../support/oracle.js';

const BALP = 'ihe.iti.balp#1.1.4';

describe('one event of every kind, judged by the validator of HL7', () => {
  const folder = mkdtempSync(join(tmpdir(), 'chartroom-events-'));
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('has no errors, and the validator finds one that was put there', function () {
    const script = oracleScript(this);
    const files = EVERY_EVENT.map(({ kind, event }, at) => {
      const file = join(folder, `${at}-${kind.replaceAll(/\W+/g, '-')}.json`);
      writeFileSync(file, JSON.stringify({ ...event, id: `event-${at}` }));
      return file;
    });
    const sample = EVERY_EVENT.find(({ kind }) => kind === 'request: read')!.event;
    const control = join(folder, 'control.json');
    writeFileSync(control, JSON.stringify({ ...sample, entity: [] }));
    const { issues, summary } = askOracle(script, { files: [...files, control], packages: [BALP] });
    assert.deepEqual(
      issues.filter(({ file }) => !file.includes('control.json')),
      [],
    );
    assert.match(summary, / 1 with errors/);
  });
});
