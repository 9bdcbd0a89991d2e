/** docs/audit.md lists every kind of event, with the codes that it has, and a test that shows each; and each is valid R4, and what it claims. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import type { AuditEvent } from 'fhir/r4.js';
import { describe, it } from 'mocha';
import { EVERY_EVENT, type EventSample } from '../../support/every-event.js';
import { brief, checkerOf, errorsOf, issuesOf, readCore, readPackage } from '../../support/profiles.js';

const ROOT = new URL('../../../../', import.meta.url);
const read = (name: string) => readFileSync(new URL(name, ROOT), 'utf8');
const PROFILES = 'https://profiles.ihe.net/ITI/BALP/StructureDefinition/';

/** A line of the table without its last cell. */
function lineOf({ kind, event }: EventSample): string {
  const { type, subtype = [], action, outcome, meta } = event as unknown as AuditEvent;
  const profiles = (meta?.profile ?? []).map(each => each.replace(PROFILES, '').replace('IHE.BasicAudit.', ''));
  const cells = [kind, type.code, subtype.map(({ code }) => code).join(' '), action, outcome, profiles.join(' ')];
  return `| ${cells.join(' | ')} |`;
}

describe('the kinds of events', () => {
  const [, table = ''] = /<!-- events[^\n]*-->\n(.*?)<!-- \/events -->/s.exec(read('docs/audit.md')) ?? [];
  const rows = table.split('\n').filter(line => /^\| \w+: /.test(line));

  it('AUD-1: are those that docs/audit.md lists, with their codes', () => {
    const told = rows.map(row => row.slice(0, row.lastIndexOf(' | ')).concat(' |'));
    assert.deepEqual(told, EVERY_EVENT.map(lineOf));
  });

  it('AUD-1: have a test each, which asks for what it has', () => {
    for (const row of rows) {
      const cells = row.split('|').map(cell => cell.trim());
      const [, kind, type, subtypes, , , profiles, test = ''] = cells;
      const file = /`([^`]+)`/.exec(test)?.[1] ?? '';
      assert.ok(existsSync(new URL(file, ROOT)) && file.startsWith('test/'), `${kind}: ${file}`);
      const text = read(file);
      const codes = [type!, ...subtypes!.split(' '), profiles!].filter(code => code !== '');
      assert.ok(
        codes.some(code => text.includes(code)),
        `${kind}: ${file} has none of ${codes.join(' ')}`,
      );
    }
  });

  it('are what they claim, and valid R4', async function () {
    const [balp, core] = [readPackage('ig-packages', 'ihe.iti.balp-1.1.4'), readCore()];
    if (!balp || !core) {
      process.stdout.write('    The packages of IHE BALP and of R4 are not at hand.\n');
      return this.skip();
    }
    const checker = checkerOf([balp, core]);
    for (const { kind, event } of EVERY_EVENT)
      assert.deepEqual(brief(errorsOf(await issuesOf(checker, event, []))), [], kind);
  });
});
