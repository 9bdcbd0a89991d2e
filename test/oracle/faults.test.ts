/**
 * HL7's validator confirms our own faults: of each it has an error where the table has one, which it has not of the resource before the change.
 * Those that it does not confirm are named with the reason. Not a part of `npm test`.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'mocha';
import { changed, type Fault } from '../conformance/validation/faults/fault.js';
import { PACKAGES } from '../conformance/validation/faults/examiner.js';
import { GROUPS } from '../conformance/validation/faults/index.js';
import { MADE } from '../conformance/validation/faults/made-definitions.js';
import { askOracle, type OracleIssue, oracleScript } from '../support/oracle.js';
import { isNear } from '../support/profiles.js';
import { FATAL_TO_IT, UNCONFIRMED } from './unconfirmed.js';

const isError = ({ severity }: OracleIssue): boolean => severity === 'error' || severity === 'fatal';

/** It counts the entries, and what is in a Composition, from one where it looks for what hangs together; and tells wrong addresses at the first entry. */
const FROM_ONE = /^Bundle_BUNDLE_Entry_(?:NotFound|Orphan|Document)|^Validation_BUNDLE_Message/;
const AT_THE_FIRST = /^BUNDLE_ENTRY_URL_/;
const lessOne = (path: string): string =>
  path.replace(/\[(\d+)\]/g, (_, n: string) => `[${Math.max(0, Number(n) - 1)}]`);

/** Where it says that something is wrong, as FHIRPath. */
function placesOf({ id, expression }: OracleIssue): string[] {
  const plain = expression.replace(/\/\*.*?\*\/|\[url='[^']*'\]|\[x\]/g, '').replace(/\.ofType\(\w+\)/g, '');
  return FROM_ONE.test(id) ? [plain, lessOne(plain)] : [plain];
}

function confirms(issues: readonly OracleIssue[], expected: string): boolean {
  const [, other, place] = /^(warning |information )?\S+ (.*)$/.exec(expected)!;
  return issues.some(
    issue =>
      (other !== undefined || isError(issue)) &&
      (placesOf(issue).some(each => isNear(each, place!)) ||
        (AT_THE_FIRST.test(issue.id) && place!.includes('.entry['))),
  );
}

describe('faults of one rule each, judged by the validator of HL7', () => {
  const folder = mkdtempSync(join(tmpdir(), 'chartroom-faults-'));
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('are faults where we say, but for those that are named with a reason', function () {
    const script = oracleScript(this);
    if (GROUPS.some(({ base }) => base() === undefined)) {
      process.stderr.write('      skipped: packages of ../shared/data are missing\n');
      return this.skip();
    }
    const made = join(folder, 'made');
    mkdirSync(made);
    for (const each of MADE)
      writeFileSync(join(made, `${each.resourceType}-${each['id'] as string}.json`), JSON.stringify(each));
    const files: string[] = [];
    const write = (resource: unknown): string => {
      const file = join(folder, `${files.length}.json`);
      files.push(file);
      writeFileSync(file, JSON.stringify(resource));
      return file;
    };
    const asked: { readonly name: string; readonly before: string; readonly file: string; readonly fault: Fault }[] =
      [];
    for (const { name: group, base, faults } of GROUPS) {
      const before = write(base());
      for (const fault of faults) {
        const name = `${group}: ${fault[0]}`;
        if (!FATAL_TO_IT.has(name)) asked.push({ name, before, file: write(changed(base()!, fault[1])), fault });
      }
    }
    const packages = [...PACKAGES.map(name => name.replace(/-(?=[\d.]+$)/, '#')), made];
    const { issues } = askOracle(script, { files, packages, all: true });
    const byFile = new Map<string, OracleIssue[]>(files.map(file => [file, []]));
    for (const issue of issues) byFile.get(issue.file)?.push(issue);
    const unconfirmed: string[] = [];
    for (const { name, before, file, fault } of asked) {
      const [, , ...expected] = fault;
      const known = new Set((byFile.get(before) ?? []).map(nameOf));
      const fresh = (byFile.get(file) ?? []).filter(issue => !known.has(nameOf(issue)));
      if (!expected.every(each => confirms(fresh, each))) unconfirmed.push(name);
    }
    const others = unconfirmed.length + FATAL_TO_IT.size;
    process.stderr.write(
      `      confirmed: ${asked.length + FATAL_TO_IT.size - others} of ${asked.length + FATAL_TO_IT.size}\n`,
    );
    assert.deepEqual(unconfirmed.toSorted(), [...UNCONFIRMED.keys()].toSorted());
  });
});

const nameOf = ({ severity, expression, text }: OracleIssue): string => `${severity} ${expression} ${text}`;
