/**
 * Examples of published guides in which one rule of a claimed profile is broken: the expected issue is found at the right place, and the
 * original has none there. Their README (../shared/data/profile-faults) says what counts.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'mocha';
import type { Issue } from '../../../src/fhir/error.js';
import { brief, checkerOf, errorsOf, isNear, issuesOf, readCore, readPackage } from '../../support/profiles.js';
import { readArchive, shared, skipWithout } from '../../support/shared.js';

interface Fault {
  readonly file: string;
  readonly origin: string;
  readonly profile: string;
  readonly rule: string;
  readonly expression: string;
  readonly oracleErrors: readonly { readonly expression: string; readonly text: string }[];
}

/** The packages whose examples were broken, and those that they depend on. */
const PACKAGES = [
  'hl7.fhir.us.core-6.1.0',
  'ihe.iti.mhd-4.2.3',
  'ihe.iti.balp-1.1.4',
  'hl7.fhir.uv.extensions.r4-5.2.0',
];
const FLOOR = 130;

describe('seeded faults of profiles', function () {
  const originals = new Map<string, string>();
  before(function () {
    skipWithout(this, 'data', 'profile-faults');
    for (const name of PACKAGES)
      for (const entry of readArchive(shared('data', 'ig-packages', `${name}.tgz`)!))
        if (entry.name.endsWith('.json')) originals.set(`${name}/${entry.name.split('/').at(-1)!}`, entry.text);
  });

  it('are found at their places', async function () {
    const folder = skipWithout(this, 'data', 'profile-faults');
    const checker = checkerOf([...PACKAGES.map(name => readPackage('ig-packages', name)!), readCore()!]);
    const faults = readFileSync(join(folder, 'faults.ndjson'), 'utf8')
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as Fault);
    const missed: string[] = [];
    for (const fault of faults) {
      const errors = await errorsIn(readFileSync(join(folder, fault.file), 'utf8'), fault.profile);
      const original = await errorsIn(originals.get(fault.origin) ?? '{"resourceType":"Basic"}', fault.profile);
      const known = new Set(original.map(({ expression, text }) => `${expression} ${text}`));
      const fresh = errors.filter(({ expression, text }) => !known.has(`${expression} ${text}`));
      const hit = fault.oracleErrors.some(({ expression }) =>
        fresh.some(issue => isNear(issue.expression ?? '', expression)),
      );
      if (!hit)
        missed.push(
          `${fault.file} ${fault.rule} ${fault.expression}\n   wanted ${fault.oracleErrors.map(each => `${each.expression}: ${each.text.slice(0, 140)}`).join('\n      or ')}\n   found ${brief(fresh).join('; ')}`,
        );
    }
    const found = faults.length - missed.length;
    process.stderr.write(`      faults found: ${found} of ${faults.length}\n`);
    if (process.env['SHOW_MISSED']) process.stderr.write(`${missed.join('\n')}\n`);
    assert.ok(found >= FLOOR, `${found} faults are found; missed:\n${missed.join('\n')}`);

    async function errorsIn(text: string, profile: string): Promise<readonly Issue[]> {
      return errorsOf(await issuesOf(checker, text, [profile], {}, { unknownExtensions: 'error' }));
    }
  });
});
