/** What `--help` says: of the program, and of each command with its flags. https://clig.dev/#help */
import { SETTINGS } from '../platform/config.js';
import { flagOf, type Setting, type SettingTable } from '../platform/setting.js';
import { VERSION } from '../platform/version.js';
import type { Command } from './invocation.js';

const usage = (name: string, { words, options = {} }: Command): string =>
  ['chartroom', name, words, ...(Object.keys(options).length > 0 ? ['[flags]'] : [])].filter(part => part).join(' ');

/** The first as wide as it must be. */
function twoColumns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, about]) => `  ${name.padEnd(width)}  ${about}\n`).join('');
}

export function overview(commands: ReadonlyMap<string, Command>): string {
  const rows = [...commands].map(([name, command]) => [usage(name, command), command.about] as const);
  return `Chartroom ${VERSION}, a FHIR R4 server.

Usage: chartroom <command> [flags]

${twoColumns(rows)}
  chartroom <command> --help   what a command takes
  chartroom --version          the version

Every setting is a flag, too: chartroom serve --port 8081. chartroom serve --help lists them.
`;
}

/** `table`: settings of features. */
export function helpOf(name: string, command: Command, table: SettingTable): string {
  const own = Object.entries(command.options ?? {}).map(
    ([flag, { value, about }]) => [`--${flag}${value === undefined ? '' : ` ${value}`}`, about] as const,
  );
  return `${command.about}

Usage: ${usage(name, command)}
${own.length > 0 ? `\n${twoColumns(own)}` : ''}
Settings (each also as CHARTROOM_… in the environment, or in the file of --config):
${twoColumns([['--config FILE', 'JSON file of settings.'], ...settings(table)])}`;
}

const settings = (table: SettingTable): (readonly [string, string])[] =>
  Object.values<Setting<unknown>>({ ...SETTINGS, ...table }).map(setting => {
    const shown = String(setting.default);
    const { about } = setting;
    return [`${flagOf(setting)} VALUE`, shown === '' ? about : `${about} [${shown}]`] as const;
  });
