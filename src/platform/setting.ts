/** What a setting is: of the server (config.ts), or of a feature. */

/** One setting. */
export interface Setting<T> {
  /** Without the prefix CHARTROOM_; the flag is its kebab-case form. */
  readonly env: string;
  readonly default: T;
  readonly about: string;
  readonly secret?: true;
  /** Throws an Error that says what is allowed. */
  parse(text: string): T;
}

export const textSetting = (
  env: string,
  preset: string,
  about: string,
  extra: { secret?: true } = {},
): Setting<string> => ({
  env,
  default: preset,
  about,
  parse: value => value,
  ...extra,
});
export const wholeNumber = (env: string, preset: number, about: string, min: number, max: number): Setting<number> => ({
  env,
  default: preset,
  about,
  parse(value) {
    const number = Number(value);
    if (!/^\d+$/.test(value) || number < min || number > max) throw new Error(`a whole number from ${min} to ${max}`);
    return number;
  },
});
export const choice = <T extends string>(
  env: string,
  preset: NoInfer<T>,
  allowed: readonly T[],
  about: string,
): Setting<T> => ({
  env,
  default: preset,
  about: `${about} (${allowed.join(', ')})`,
  parse(value) {
    const found = allowed.find(option => option === value);
    if (!found) throw new Error(`one of ${allowed.join(', ')}`);
    return found;
  },
});

/** By the names that they have in the configuration file: the camelCase form of `env`. */
export type SettingTable = Readonly<Record<string, Setting<unknown>>>;

/** What is in force, by the same names. */
export type SettingValues<S extends SettingTable> = { readonly [K in keyof S]: ReturnType<S[K]['parse']> };

export const envOf = ({ env }: Pick<Setting<unknown>, 'env'>): string => `CHARTROOM_${env}`;
export const flagOf = ({ env }: Pick<Setting<unknown>, 'env'>): string => `--${env.toLowerCase().replaceAll('_', '-')}`;

/** Options of a connection string that hold or lead to a secret. */
const SECRET_OPTION = /pass|secret|token|credential|key|authmechanismproperties/i;

/** A connection string keeps all but its credentials; every other secret shows only that it is set. */
export function maskSecret(value: string): string {
  const url = /^(mongodb(?:\+srv)?:\/\/)(?:.*@)?([^?@]*)(?:\?(.*))?$/s.exec(value);
  if (!url) return '(set)';
  const options = (url[3] ?? '').split('&').filter(option => option !== '');
  const shown = options.map(option =>
    SECRET_OPTION.test(option.split('=')[0]!) ? `${option.split('=')[0]}=(set)` : option,
  );
  return `${url[1]}${url[2]}${shown.length > 0 ? `?${shown.join('&')}` : ''}`;
}
