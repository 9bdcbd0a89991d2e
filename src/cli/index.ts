/**
 * The command line: `chartroom <command> [flags]`. One file per command; this one knows their names, reads flags and
 * turns what is thrown into a sentence and an exit status (0 done, 1 failed, 2 asked wrongly). What goes wrong stands on
 * standard error, without a stack: https://clig.dev/#errors
 */
import { prepareNotes } from '../interactions/told-later.js';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { FhirError } from '../fhir/error.js';
import type { ListedGuide } from '../fhir/guide-list.js';
import type { Engine } from '../interactions/engine.js';
import { type Config, ConfigError, isMongo, loadConfig, SETTINGS } from '../platform/config.js';
import { didYouMean } from '../platform/nearest.js';
import { flagOf, type SettingTable } from '../platform/setting.js';
import { inSources } from '../platform/source-frames.js';
import { VERSION } from '../platform/version.js';
import type { Store } from '../store/store.js';
import { audit } from './audit.js';
import { backup } from './backup.js';
import { clients } from './client.js';
import { config } from './config.js';
import { decide } from './decide.js';
import { explain } from './explain.js';
import { helpOf, overview } from './help.js';
import { ig } from './ig.js';
import { importFiles } from './import.js';
import { intake } from './intake.js';
import type { Command, Invocation, Validator } from './invocation.js';
import { reindex } from './reindex.js';
import { seed } from './seed.js';
import { serve } from './serve.js';
import { user } from './user.js';
import { validateFiles } from './validate.js';
import { verify } from './verify.js';

const COMMANDS: ReadonlyMap<string, Command> = new Map(
  Object.entries<Command>({
    serve: { about: 'Serve FHIR over HTTP.', words: '', run: serve },
    seed: { about: 'Load the demo data into an empty store.', words: '', run: seed },
    import: {
      about: 'Load bundles or NDJSON (plain or .gz), files or folders.',
      words: '<file or folder>…',
      options: {
        report: { value: 'FILE', about: 'Write what failed to this file, a JSON object a line.' },
        fresh: { about: 'Start over where an earlier import was stopped.' },
        validate: { about: 'Report what would be refused, and what would be told of it; write nothing.' },
        concurrency: { value: 'N', about: 'Transactions under way at once (4).' },
      },
      run: importFiles,
    },
    intake: {
      about: 'Take what is put into a folder into a running server, and move it aside.',
      words: '<folder>',
      options: {
        server: { value: 'ADDRESS', about: 'The server [http://127.0.0.1:8080/fhir].' },
        'token-file': { value: 'FILE', about: 'File with the token to ask with.' },
        quiet: { value: 'SECONDS', about: 'For which a file has not changed before it is taken in [10].' },
        separated: { about: 'Separator sheets stand between the documents of PDF and TIFF files.' },
        once: { about: 'End when nothing is left.' },
      },
      run: intake,
    },
    reindex: {
      about: 'Write the search index of every resource anew.',
      words: '',
      options: { type: { value: 'TYPE', about: 'Of one resource type alone.' } },
      run: reindex,
    },
    backup: {
      about: 'Copy the embedded store to a new file, checked; a server may go on.',
      words: '<new file>',
      run: backup,
    },
    verify: {
      about: 'Check that versions, audit events and search index agree; on the embedded store stop the server first.',
      words: '',
      options: {
        sample: { value: 'N', about: 'Resources of each type that are looked for by what stands in them (500).' },
      },
      existing: true,
      run: verify,
    },
    audit: {
      about:
        'Ask the audit trail who saw, did, was denied and got what, export and verify it (on the embedded store stop the server first); rotate its key.',
      words: '<who-saw|what-did|denials|disclosures|breach-affected|export|verify|rotate-key> [Patient/id or file]',
      options: {
        start: { value: 'DATE', about: 'Nothing earlier.' },
        end: { value: 'DATE', about: 'Nothing later.' },
        user: { value: 'NAME', about: 'who-saw, what-did: this user or application.' },
        agent: { value: 'NAME', about: 'breach-affected: this user or application.' },
        recipient: { value: 'NAME', about: 'disclosures: to this one.' },
        purpose: { value: 'CODE', about: 'who-saw: with this purpose of use.' },
        outcome: { value: 'CODE', about: 'who-saw: 0, 4, 8 or 12.' },
        csv: { about: 'A table instead of sentences.' },
        from: { value: 'TIME', about: 'export: what was done at this date or time, or later.' },
        to: { value: 'TIME', about: 'export: what was done at this date or time, or before.' },
        texts: { about: 'export: with the texts of the AuditEvents.' },
        out: { value: 'FILE', about: 'export: to this new file; else to standard output.' },
        key: { value: 'KEY', about: 'verify: by this key of the server, or those in a file.' },
        anchor: { value: 'FILE', about: 'verify: by an anchor that was kept elsewhere.' },
        witness: {
          value: 'KEY',
          about: 'verify: by a witness that is trusted, which must have signed what it has seen.',
        },
      },
      existing: true,
      run: audit,
    },
    validate: {
      about: 'Check resources (JSON, XML, NDJSON, Bundles; plain or .gz) without a store; - is standard input.',
      words: '<file or folder or ->…',
      options: {
        profile: { value: 'CANONICAL', about: 'Check resources of its type against this profile; several by commas.' },
        guide: { value: 'PACKAGE', about: 'With these guides alone (.tgz, folder, name@version); several by commas.' },
        format: { value: 'FORMAT', about: 'table, ndjson (an issue a line) or outcome (a resource a line) [table].' },
        'fail-on': { value: 'SEVERITY', about: 'End with status 1 where there is an error, or a warning [error].' },
      },
      run: validateFiles,
    },
    ig: {
      about:
        'Add, list, remove and check implementation guides: what profiles, value sets and search parameters there are.',
      words: '<add|list|remove|verify|accept> <package>…',
      options: {
        first: { about: 'Add before the guides that are there: its versions are meant where none is named.' },
      },
      run: ig,
    },
    user: {
      about: 'Who may sign in: add, list, change; on the embedded store stop the server first.',
      words: '<add|list|disable|enable|password|role|totp> <name> …',
      options: {
        role: { value: 'ROLE', about: 'Of a user who is added, or from now on: a role of the file of roles.' },
        display: { value: 'TEXT', about: 'What pages call the user.' },
        'fhir-user': { value: 'REFERENCE', about: 'The resource that says who the user is, as in Practitioner/p1.' },
        patient: { value: 'ID', about: 'The Patient whom apps of this user see; without it the user chooses.' },
        'password-file': { value: 'FILE', about: 'File with the password, - is standard input; else one is made up.' },
        totp: { about: 'Ask for one-time codes: shows what an authenticator needs, and recovery codes.' },
      },
      run: user,
    },
    client: {
      about: 'Which applications may ask for tokens; on the embedded store stop the server first.',
      words: '<add|list|disable|enable> <file or client_id>',
      options: { 'with-secret': { about: 'Give the application that is added a secret, which is shown once.' } },
      run: clients,
    },
    explain: {
      about: 'Tell how a search is answered: the plan, the statements, what it costs.',
      words: "'Observation?code=…'",
      run: explain,
    },
    decide: {
      about: 'Tell whether somebody may ask this, by which rules, and what these reach.',
      words: "<GET|POST|PUT|PATCH|DELETE> 'Observation?code=…'",
      options: {
        as: { value: 'ROLE', about: 'Somebody with this role.' },
        user: { value: 'NAME', about: 'This user of the server.' },
        claims: { value: 'FILE', about: 'Whoever has a token with these claims, as JSON.' },
        scopes: { value: 'SCOPES', about: 'With a token of these scopes, in quotes.' },
        'for-patient': { value: 'ID', about: 'In whose name the token is.' },
      },
      run: decide,
    },
    config: {
      about: 'Print the settings in force, without secrets.',
      words: '',
      options: { markdown: { about: 'Print the table of all settings for the documentation.' } },
      run: config,
    },
  }),
);

/** What commands do with the store of a configuration. */
export interface Opening {
  /** Opens the engine. */
  readonly open: (config: Config) => Promise<Engine>;
  /** What checks resources without a store, with the guides of a folder. */
  readonly openValidator: (config: Config, guides: string) => Promise<Validator>;
  /** Copies the embedded store to a new file. */
  readonly backUp: (config: Config, to: string) => Promise<void>;
  /** The users of a store that is open, and all roles that they may have. */
  readonly openUsers: (config: Config, store: Store) => ReturnType<Invocation['openUsers']>;
  /** Notes in the store which guides every process must have. */
  readonly acceptGuides: (config: Config, guides: readonly ListedGuide[]) => Promise<void>;
}

/** Runs one command; gives the exit status. `table`: settings of features. */
export async function run(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  { open, openValidator, backUp, openUsers, acceptGuides }: Opening,
  table: SettingTable,
): Promise<number> {
  endQuietlyWithoutReader();
  try {
    const [name = 'help', ...rest] = argv;
    if (['--version', '-v', 'version'].includes(name)) return say(`chartroom ${VERSION} (Node ${process.version})\n`);
    if (['--help', '-h', 'help'].includes(name)) return help(rest, table);
    const command = commandOf(name);
    if (rest.some(word => word === '--help' || word === '-h')) return say(helpOf(name, command, table));
    const flags = new Map(
      Object.entries({ ...SETTINGS, ...table }).map(([key, setting]) => [key, flagOf(setting).slice(2)]),
    );
    const { values, positionals } = readFlags(name, command, [...flags.values()], rest);
    const settings = loadConfig({ flags: settingsOf(values, flags), env }, table);
    const invocation: Invocation = {
      config: settings,
      words: positionals,
      options: values,
      open: async examines => {
        if (command.existing) checkStore(settings);
        return open(examines ? { ...settings, ...examines } : settings);
      },
      openValidator: guides => openValidator(settings, guides),
      backUp: async to => {
        checkStore(settings);
        prepareNotes(settings.data);
        await backUp(settings, to);
      },
      openUsers: ({ store }) => openUsers(settings, store),
      acceptGuides: guides => acceptGuides(settings, guides),
    };
    return await command.run(invocation);
  } catch (error) {
    process.stderr.write(`${sentence(error)}\n`);
    if (/^(?:debug|trace)$/.test(env['CHARTROOM_LOG'] ?? ''))
      process.stderr.write(`${inSources((error as Error).stack ?? '')}\n`);
    return error instanceof ConfigError ? 2 : 1;
  }
}

/** Throws ConfigError where the folder of the embedded store has none: an empty one that is made agrees with itself. */
function checkStore(settings: Config): void {
  if (isMongo(settings) || existsSync(join(settings.data, 'chartroom.db'))) return;
  throw new ConfigError(`There is no store in ${resolve(settings.data)}: CHARTROOM_DATA (or --data) names its folder.`);
}

function say(text: string): number {
  process.stdout.write(text);
  return 0;
}

function help([name]: readonly string[], table: SettingTable): number {
  return say(name === undefined || name.startsWith('-') ? overview(COMMANDS) : helpOf(name, commandOf(name), table));
}

/** `chartroom explain … | head` ends like every other command whose reader has gone. */
function endQuietlyWithoutReader(): void {
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
}

function commandOf(name: string): Command {
  const command = COMMANDS.get(name);
  if (command) return command;
  const names = [...COMMANDS.keys()];
  const what = name.startsWith('-')
    ? `Flags follow a command, as in chartroom serve ${name}.`
    : `There is no command "${name}".${didYouMean(name, names)}`;
  throw new ConfigError(`${what} Commands: ${names.join(', ')}. See chartroom --help.`);
}

/** `settings`: their flags. */
function readFlags(name: string, command: Command, settings: readonly string[], argv: readonly string[]) {
  const own = Object.entries(command.options ?? {}).map(
    ([flag, { value }]) => [flag, { type: value === undefined ? ('boolean' as const) : ('string' as const) }] as const,
  );
  const taken = settings.find(flag => Object.hasOwn(command.options ?? {}, flag));
  if (taken !== undefined) throw new Error(`--${taken} is a flag of chartroom ${name}, and cannot be a setting.`);
  const flags = settings.map(flag => [flag, { type: 'string' as const }] as const);
  const options = Object.fromEntries([...flags, ['config', { type: 'string' as const }] as const, ...own]);
  const wrong = (text: string) => new ConfigError(`${text} See chartroom ${name} --help.`);
  const { values, positionals, tokens } = parseArgs({
    args: [...argv],
    options,
    allowPositionals: true,
    strict: false,
    tokens: true,
  });
  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    const known = Object.hasOwn(options, token.name) ? options[token.name] : undefined;
    if (!known)
      throw wrong(
        `chartroom ${name} has no flag ${token.rawName}.${didYouMean(token.name, Object.keys(options), '--')}`,
      );
    if (known.type === 'string' && (token.value === undefined || (!token.inlineValue && token.value.startsWith('--'))))
      throw wrong(`The flag ${token.rawName} needs a value.`);
    if (known.type === 'boolean' && token.value !== undefined) throw wrong(`The flag ${token.rawName} takes no value.`);
  }
  if (command.words === '' && positionals.length > 0)
    throw wrong(`chartroom ${name} takes no further words; "${positionals[0]}" is one.`);
  return { values: values as Readonly<Record<string, string | boolean | undefined>>, positionals };
}

/** `flags`: of each setting, by its name. */
function settingsOf(
  values: Readonly<Record<string, string | boolean | undefined>>,
  flags: ReadonlyMap<string, string>,
): Readonly<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const [name, flag] of [...flags, ['config', 'config'] as const]) {
    const value = values[flag];
    if (typeof value === 'string') found[name] = value;
  }
  return found;
}

/** What the operating system refused, in words; the path stands with it. */
const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission is denied',
  EPERM: 'permission is denied',
  ENOENT: 'it does not exist',
  ENOTDIR: 'a part of the path is no folder',
  EISDIR: 'it is a folder',
  EEXIST: 'it exists already',
  ENOSPC: 'the disk is full',
  EROFS: 'the file system is read-only',
  EMFILE: 'too many files are open',
};

/** The error as one sentence or more, for a person at a terminal. */
function sentence(error: unknown): string {
  if (error instanceof ConfigError) return error.message;
  if (error instanceof FhirError) return error.issues.map(issue => issue.text).join('\n');
  const { code = '', path, message } = error as NodeJS.ErrnoException;
  const reason = REASONS[code];
  if (reason !== undefined)
    return path === undefined ? `A file cannot be used: ${reason}.` : `${path} cannot be used: ${reason}.`;
  return `Something went wrong: ${message === undefined ? String(error) : message.split('\n', 1)[0]}`;
}
