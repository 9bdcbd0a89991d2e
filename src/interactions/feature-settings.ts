/** Settings of features: the same kind as those of the server (platform/config.ts), read, checked, shown and documented with them. */
import { SETTINGS } from '../platform/config.js';
import type { Setting, SettingTable, SettingValues } from '../platform/setting.js';

/** What a feature makes its settings of: it knows nothing of the platform itself. */
export { choice, textSetting, wholeNumber } from '../platform/setting.js';

interface HasSettings {
  readonly name: string;
  readonly settings?: SettingTable;
}

/** The settings of all features. Throws for a name that is none, or that of another setting. */
export function composeSettings(features: readonly HasSettings[]): SettingTable {
  const table: Record<string, Setting<unknown>> = {};
  for (const { name: owner, settings = {} } of features)
    for (const [name, setting] of Object.entries(settings)) {
      const env = name.replaceAll(/[A-Z]/g, '_$&').toUpperCase();
      if (!/^[a-z][A-Za-z0-9]*$/.test(name) || setting.env !== env)
        throw new Error(`The setting ${name} of ${owner} is to be called the same in the environment: ${env}.`);
      if (name === 'config' || Object.hasOwn(SETTINGS, name) || Object.hasOwn(table, name))
        throw new Error(`The setting ${name} of ${owner} is there already.`);
      table[name] = setting;
    }
  return table;
}

/** Those of one feature. Whoever opens it without having read them (tests do) gets what they are by default. */
export function settingsFor(
  { settings = {} }: HasSettings,
  values: Readonly<Record<string, unknown>>,
): SettingValues<SettingTable> {
  const own = Object.entries(settings).map(([name, setting]) => [name, values[name] ?? setting.default]);
  return Object.fromEntries(own) as SettingValues<SettingTable>;
}
