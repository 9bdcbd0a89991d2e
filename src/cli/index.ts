/**
 * The command line: `chartroom <command> [flags]`. One file per command; this one knows their names, reads flags and
 * turns what is thrown into one clear line and an exit status (0 done, 1 failed, 2 asked wrongly).
 */
import { parseArgs } from 'node:util';
import { FhirError } from '../fhir/error.js';
import type { Engine } from '../interactions/interaction.js';
import { type Config, ConfigError, flagOf, loadConfig, SETTINGS } from '../platform/config.js';
import { backup } from './backup.js';
import { config } from './config.js';
import { explain } from './explain.js';
import { importFiles } from './import.js';
import type { Invocation } from './invocation.js';
import { reindex } from './reindex.js';
import { seed } from './seed.js';
import { serve } from './serve.js';
import { verify } from './verify.js';

interface Command {
  readonly about: string;
  readonly usage: string;
  readonly options?: Readonly<Record<string, { readonly type: 'string' | 'boolean' }>>;
  readonly run: (invocation: Invocation) => Promise<number>;
}

const COMMANDS: ReadonlyMap<string, Command> = new Map(
  Object.entries<Command>({
    serve: { about: 'Serve FHIR over HTTP.', usage: 'chartroom serve', run: serve },
    seed: { about: 'Load the demo data into an empty store.', usage: 'chartroom seed', run: seed },
    import: {
      about: 'Load bundles or NDJSON (plain or .gz), files or folders.',
      usage: 'chartroom import <file or folder>… [--report FILE] [--fresh] [--concurrency N]',
      options: { report: { type: 'string' }, fresh: { type: 'boolean' }, concurrency: { type: 'string' } },
      run: importFiles,
    },
    reindex: {
      about: 'Write the search index of every resource anew.',
      usage: 'chartroom reindex [--type TYPE]',
      options: { type: { type: 'string' } },
      run: reindex,
    },
    backup: {
      about: 'Copy the embedded store to a new file, checked; stop the server first.',
      usage: 'chartroom backup <new file>',
      run: backup,
    },
    verify: {
      about: 'Check that versions, audit events and search index agree; on the embedded store stop the server first.',
      usage: 'chartroom verify [--sample N]',
      options: { sample: { type: 'string' } },
      run: verify,
    },
    explain: {
      about: 'Tell how a search is answered: the plan, the statements, what it costs.',
      usage: "chartroom explain 'Observation?code=…'",
      run: explain,
    },
    config: {
      about: 'Print the settings in force, without secrets.',
      usage: 'chartroom config [--markdown]',
      options: { markdown: { type: 'boolean' } },
      run: config,
    },
  }),
);

/** Runs one command; gives the exit status. `open` opens the engine of a configuration. */
export async function run(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  open: (config: Config) => Promise<Engine>,
): Promise<number> {
  const [name = 'help', ...rest] = argv;
  const command = COMMANDS.get(name);
  if (!command) {
    process.stdout.write(help());
    return name === 'help' || name === '--help' || name === '-h' ? 0 : 2;
  }
  try {
    const { values, positionals } = readFlags(command, rest);
    const settings = loadConfig({ flags: settingsOf(values), env });
    return await command.run({ config: settings, words: positionals, options: values, open: () => open(settings) });
  } catch (error) {
    process.stderr.write(`${explainError(error)}\n`);
    return error instanceof ConfigError ? 2 : 1;
  }
}

const SETTING_NAMES = Object.keys(SETTINGS) as (keyof Config)[];

function readFlags(command: Command, argv: readonly string[]) {
  const flags = Object.fromEntries(SETTING_NAMES.map(name => [flagOf(name).slice(2), { type: 'string' as const }]));
  try {
    return parseArgs({
      args: [...argv],
      options: { ...flags, config: { type: 'string' }, ...command.options },
      allowPositionals: true,
    });
  } catch (error) {
    throw new ConfigError(`${(error as Error).message}\nUsage: ${command.usage}`, { cause: error });
  }
}

function settingsOf(values: Readonly<Record<string, string | boolean | undefined>>) {
  const found: Partial<Record<keyof Config | 'config', string>> = {};
  for (const name of [...SETTING_NAMES, 'config' as const]) {
    const value = values[name === 'config' ? name : flagOf(name).slice(2)];
    if (typeof value === 'string') found[name] = value;
  }
  return found;
}

function explainError(error: unknown): string {
  if (error instanceof ConfigError) return error.message;
  if (error instanceof FhirError) return error.issues.map(issue => issue.text).join('\n');
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function help(): string {
  const width = Math.max(...[...COMMANDS.values()].map(({ usage }) => usage.length));
  const lines = [...COMMANDS.values()].map(({ usage, about }) => `  ${usage.padEnd(width)}  ${about}`);
  return `Chartroom, a FHIR R4 server.\n\n${lines.join('\n')}\n\nEvery setting is a flag too (--port 8081): see chartroom config.\n`;
}
