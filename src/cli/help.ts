/** What `--help` says: of the program, and of each command with its flags. https://clig.dev/#help */
import { flagOf, SETTINGS, type Config } from '../platform/config.js';
import { VERSION } from '../platform/version.js';
import type { Command } from './invocation.js';

const usage = (name: string, { words, options = {} }: Command): string =>
  ['chartroom', name, words, ...(Object.keys(options).length > 0 ? ['[flags]'] : [])].filter(part => part).join(' ');

/** Two columns, the first as wide as it must be. */
function table(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, about]) => `  ${name.padEnd(width)}  ${about}\n`).join('');
}

export function overview(commands: ReadonlyMap<string, Command>): string {
  const rows = [...commands].map(([name, command]) => [usage(name, command), command.about] as const);
  return `Chartroom ${VERSION}, a FHIR R4 server.

Usage: chartroom <command> [flags]

${table(rows)}
  chartroom <command> --help   what a command takes
  chartroom --version          the version

Every setting is a flag, too: chartroom serve --port 8081. chartroom serve --help lists them.
`;
}

export function helpOf(name: string, command: Command): string {
  const own = Object.entries(command.options ?? {}).map(
    ([flag, { value, about }]) => [`--${flag}${value === undefined ? '' : ` ${value}`}`, about] as const,
  );
  return `${command.about}

Usage: ${usage(name, command)}
${own.length > 0 ? `\n${table(own)}` : ''}
Settings (each also as CHARTROOM_… in the environment, or in the file of --config):
${table([['--config FILE', 'JSON file of settings.'], ...settings()])}`;
}

const settings = (): (readonly [string, string])[] =>
  (Object.keys(SETTINGS) as (keyof Config)[]).map(name => {
    const { about, default: preset } = SETTINGS[name];
    const shown = String(preset);
    return [`${flagOf(name)} VALUE`, shown === '' ? about : `${about} [${shown}]`] as const;
  });
