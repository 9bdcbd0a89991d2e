/** Settings for people: what is in force, as `chartroom config` prints it, and the table of docs/running.md. */
import { type Config, SETTINGS } from './config.js';
import { envOf, flagOf, maskSecret, type Setting, type SettingTable } from './setting.js';

/** The settings in force, secrets masked, ready to print. */
export function describeConfig({ ofFeatures, ...own }: Config): { name: string; value: string; about: string }[] {
  const values: Readonly<Record<string, unknown>> = { ...own, ...ofFeatures.values };
  return Object.entries<Setting<unknown>>({ ...SETTINGS, ...ofFeatures.table }).map(([name, setting]) => {
    const shown = String(values[name]);
    const secret = setting.secret && shown !== '' && shown !== setting.default;
    return { name: envOf(setting), value: secret ? maskSecret(shown) : shown, about: setting.about };
  });
}

/** The table of docs/running.md, as Markdown. `table`: settings of features. */
export function configTable(table: SettingTable): string {
  const rows = Object.values<Setting<unknown>>({ ...SETTINGS, ...table }).map(setting => {
    const shown = String(setting.default);
    const escaped = setting.about.replaceAll('|', '\\|');
    return `| \`${envOf(setting)}\` | \`${flagOf(setting)}\` | ${shown === '' ? '' : `\`${shown}\``} | ${escaped} |`;
  });
  return ['| environment | flag | default | |', '|---|---|---|---|', ...rows].join('\n');
}
