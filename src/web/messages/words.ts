/**
 * The catalogue of what the console says: one file here for each part of it, each a table by key. A text has its values in braces, `{name}`; one that
 * counts has a form for each plural of its language, and counts `n`. Texts of the server and of records are not among them.
 */
export type Text = string | Readonly<Partial<Record<Intl.LDMLPluralRule, string>> & { other: string }>;
export type Catalogue = Readonly<Record<string, Text>>;
export type Say<C extends Catalogue> = (
  key: keyof C & string,
  values?: Readonly<Record<string, string | number>>,
) => string;

const LANGUAGE = 'en';
const plurals = new Intl.PluralRules(LANGUAGE);
const numbers = new Intl.NumberFormat(LANGUAGE);

export const speaker =
  <C extends Catalogue>(catalogue: C): Say<C> =>
  (key, values = {}) => {
    const text: Text = catalogue[key]!;
    const form = typeof text === 'string' ? text : (text[plurals.select(Number(values['n'] ?? 0))] ?? text.other);
    return form.replaceAll(/\{(\w+)\}/g, (whole, name: string) => {
      const value = values[name];
      return value === undefined ? whole : typeof value === 'number' ? numbers.format(value) : value;
    });
  };
