/**
 * Our own faults: resources of US Core, IPS, PDQm, R4 and profiles made for it, each with one rule broken. Before the change no error is found, after
 * it the errors that the table names, at their places, and no other.
 */
import assert from 'node:assert/strict';
import { before, describe, it } from 'mocha';
import type { Issue } from '../../../src/fhir/error.js';
import { changed, type Fault } from './faults/fault.js';
import { createExaminer, type Examine } from './faults/examiner.js';
import { GROUPS } from './faults/index.js';
import { MADE } from './faults/made-definitions.js';

const isError = ({ severity }: Issue): boolean => severity === 'error' || severity === 'fatal';

/** As the table writes it. */
function nameOf(issue: Issue): string {
  const { severity, detail, code, expression = '', diagnostics = '' } = issue;
  const what = detail === 'invariant' ? `invariant(${diagnostics.split(' ')[0]})` : (detail ?? code);
  return `${isError(issue) ? '' : `${severity} `}${what} ${expression}`;
}

describe('faults of one rule each', () => {
  let examine: Examine | undefined;
  before(function () {
    examine = createExaminer(MADE);
    if (examine) return;
    process.stderr.write('      skipped: packages of ../shared/data are missing\n');
    this.skip();
  });

  it('are at least 200', () => {
    const names = GROUPS.flatMap(({ name, faults }) => faults.map(([rule]) => `${name}: ${rule}`));
    assert.ok(names.length >= 200, `${names.length}`);
    assert.equal(new Set(names).size, names.length);
    process.stderr.write(`      faults: ${names.length}\n`);
  });

  for (const { name, base, faults } of GROUPS)
    describe(name, () => {
      let told = new Set<string>();

      it('has no error', async () => {
        const found = await examine!(base()!);
        assert.deepEqual(found.filter(isError), []);
        told = new Set(found.map(nameOf));
      });

      for (const fault of faults) it(fault[0], () => finds(fault));

      async function finds([, change, ...expected]: Fault): Promise<void> {
        const found = await examine!(changed(base()!, change));
        const errors = found.filter(isError).map(nameOf);
        const fresh = found.map(nameOf).filter(each => !told.has(each));
        const [asErrors, asOthers] = [
          expected.filter(each => !OTHER.test(each)),
          expected.filter(each => OTHER.test(each)),
        ];
        assert.ok(expected.length > 0);
        assert.deepEqual([...new Set(errors)].toSorted(), asErrors.toSorted(), fresh.join('\n'));
        for (const each of asOthers) assert.ok(fresh.includes(each), `${each} is missing:\n${fresh.join('\n')}`);
      }
    });
});

const OTHER = /^(?:warning|information) /;
