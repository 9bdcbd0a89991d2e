/** HL7's own validator (../shared/oracle), offline: what it says of files. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { skipWithout } from './shared.js';

export interface OracleIssue {
  readonly file: string;
  readonly severity: string;
  readonly id: string;
  readonly expression: string;
  readonly text: string;
}

/** The script that runs it; skips the running test, saying why, where it, Java or Maven is missing. */
export function oracleScript(test: Mocha.Context): string {
  const script = skipWithout(test, 'oracle', 'validate');
  if (spawnSync('javac', ['-version']).status === 0 && spawnSync('mvn', ['-v']).status === 0) return script;
  process.stderr.write('      skipped: the validator needs Java 17 (javac) and Maven (mvn) on the PATH\n');
  return test.skip();
}

export interface OracleQuestion {
  readonly files: readonly string[];
  /** `name#version`, or folders with definitions. */
  readonly packages: readonly string[];
  /** Issues of every severity, also those that only say what is not at hand offline. Default: errors alone. */
  readonly all?: boolean;
}

/** Its issues, and the line that it ends with: how many files have errors. */
export function askOracle(
  script: string,
  { files, packages, all = false }: OracleQuestion,
): { readonly issues: readonly OracleIssue[]; readonly summary: string } {
  const words = [script, '--packages', packages.join(','), ...(all ? ['--all'] : []), '-'];
  const run = spawnSync('bash', words, { input: files.join('\n'), encoding: 'utf8', maxBuffer: 256 * 1024 * 1024 });
  const summary = run.stderr.trim().split('\n').at(-1) ?? '';
  assert.match(summary, new RegExp(`^${files.length} files, `), run.stderr.slice(-2000));
  const lines = run.stdout.split('\n').filter(line => line.startsWith('{'));
  return { issues: lines.map(line => JSON.parse(line) as OracleIssue), summary };
}
