/** `chartroom validate` and `chartroom import --validate`: what they say of files, and their exit status. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { after, describe, it } from 'mocha';
import { manyCommands } from '../support/cli.js';

const BIN = fileURLToPath(new URL('../../../bin/chartroom.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'chartroom-validate-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string, content: string | Buffer): string => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};

const settings = { CHARTROOM_DATA: join(folder, 'data') };
const commands = manyCommands();
after(() => commands.end());

const chartroom = (args: readonly string[]) => commands.run(args, settings);

/** As a process of its own, which reads what it is given. */
function piped(args: readonly string[], input: string) {
  const env = { PATH: process.env['PATH'], ...settings };
  const { status, stdout, stderr } = spawnSync(process.execPath, [BIN, ...args], { input, env, encoding: 'utf8' });
  return { status, out: stdout, err: stderr };
}
const issuesOf = (out: string): Record<string, unknown>[] =>
  out
    .trim()
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as Record<string, unknown>);

const CLEAN = JSON.stringify({ resourceType: 'Patient', active: true });
/** An encounter that ends before it starts. */
const period = { start: '2021-01-02', end: '2021-01-01' };
const ENCOUNTER = { resourceType: 'Encounter', status: 'finished', class: { system: 'urn:c', code: 'x' }, period };
const GENDER = '{\n  "resourceType": "Patient",\n  "gender": "none"\n}';

describe('chartroom validate', () => {
  it('ends with 0 where nothing is wrong, and says how much it has looked at', async () => {
    const { status, out, err } = await chartroom(['validate', at('clean.json', CLEAN)]);
    assert.equal(status, 0, err);
    assert.match(out, /Checked 1 resources of 1 files: 0 errors, 0 warnings/);
  });

  it('ends with 1 where something is, and says where: by file, by rule, and a line for each issue', async () => {
    const file = at('gender.json', GENDER);
    const lines = at('lines.ndjson.gz', gzipSync(`${CLEAN}\n${JSON.stringify(ENCOUNTER)}\n`));
    const table = await chartroom(['validate', file, lines]);
    assert.equal(table.status, 1, table.err);
    assert.match(table.out, /Checked 3 resources of 2 files: 2 errors/);
    assert.match(table.out, /1 +error +invariant per-1/);
    const { status, out } = await chartroom(['validate', '--format', 'ndjson', file, lines]);
    assert.equal(status, 1);
    const errors = issuesOf(out).filter(({ severity }) => severity === 'error');
    assert.deepEqual(
      errors.map(issue => [issue['line'], issue['type'], issue['expression'], issue['position']]),
      [
        [undefined, 'Patient', 'Patient.gender', { line: 3, column: 3 }],
        [2, 'Encounter', 'Encounter.period', { line: 1, column: JSON.stringify(ENCOUNTER).indexOf('"period"') + 1 }],
      ],
    );
  });

  it('goes on where elements are missing or unknown', async () => {
    const file = at('sparse.json', JSON.stringify({ ...ENCOUNTER, nonsense: 1, status: undefined }));
    const { out } = await chartroom(['validate', '--format', 'ndjson', file]);
    const errors = issuesOf(out).filter(({ severity }) => severity === 'error');
    assert.deepEqual(
      errors.map(({ expression, detail }) => [expression, detail]),
      [
        ['Encounter', 'element-unknown'],
        ['Encounter.status', 'element-missing'],
        ['Encounter.period', 'invariant'],
      ],
    );
  });

  it('looks at each entry of a Bundle, with its number and place', async () => {
    const entry = [{ resource: JSON.parse(CLEAN) as object }, { resource: ENCOUNTER }];
    const file = at('bundle.json', JSON.stringify({ resourceType: 'Bundle', type: 'collection', entry }));
    const { out } = await chartroom(['validate', '--format', 'ndjson', file]);
    const error = issuesOf(out).find(({ severity }) => severity === 'error');
    assert.deepEqual([error?.['entry'], error?.['detail']], [1, 'invariant']);
  });

  it('reads JSON, XML and NDJSON from standard input', () => {
    const xml = '<Patient xmlns="http://hl7.org/fhir"><gender value="none"/></Patient>';
    for (const [input, count] of [
      [GENDER, 1],
      [xml, 1],
      [`${CLEAN}\n${CLEAN}\n`, 2],
    ] as const) {
      const { out, status } = piped(['validate', '-', '--format', 'outcome'], input);
      const outcomes = issuesOf(out);
      assert.equal(outcomes.length, count, out);
      assert.ok(outcomes.every(({ resourceType }) => resourceType === 'OperationOutcome'));
      assert.equal(status, count === 1 ? 1 : 0);
    }
  });

  it('ends with 1 for a file that holds no resource', async () => {
    for (const [name, content] of [
      ['broken.json', '{'],
      ['broken.xml', '<a/>'],
      ['broken.ndjson.gz', 'no gzip'],
    ] as const)
      assert.equal((await chartroom(['validate', at(name, content)])).status, 1, name);
  });

  it('ends with 2 where it cannot be run', async () => {
    const file = at('clean2.json', CLEAN);
    for (const args of [
      [],
      [join(folder, 'none.json')],
      [file, '--profile', 'urn:none'],
      [file, '--guide', join(folder, 'none.tgz')],
      [file, '--format', 'none'],
      [file, '--fail-on', 'none'],
    ]) {
      const { status, err } = await chartroom(['validate', ...args]);
      assert.equal(status, 2, args.join(' '));
      assert.doesNotMatch(err, / {4}at /);
    }
  });

  it('fails on warnings where it is told so', async () => {
    const file = at('warn.json', JSON.stringify({ resourceType: 'Patient', meta: { profile: ['urn:unknown'] } }));
    assert.equal((await chartroom(['validate', file])).status, 0);
    assert.equal((await chartroom(['validate', file, '--fail-on', 'warning'])).status, 1);
  });
});

describe('chartroom import --validate', () => {
  it('says what would be refused, and writes nothing', async () => {
    const file = at('import.ndjson', `${CLEAN}\n${JSON.stringify(ENCOUNTER)}\n`);
    const { status, out, err } = await chartroom(['import', '--validate', file]);
    assert.equal(status, 1, err);
    assert.match(out, /Checked 2 resources of 1 files: 1 errors/);
    const loaded = await chartroom(['import', file]);
    assert.match(loaded.out, /Loaded 1 resources .* 1 failed; 0 were loaded before/);
  });
});
