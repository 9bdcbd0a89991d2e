/**
 * Texts that are made of a form that many have, by values in its places: what a form says need not be found out anew for each of them. Of which form a row's text
 * is, is known of that very row: of a copy of which the text is another one it is not.
 */
export interface TextForm {
  /** With a mark in the place of each value. */
  readonly text: string;
  /** The mark of each value, by its name; no value is one, nor has one in it. */
  readonly marks: Readonly<Record<string, string>>;
}

export interface FilledText<Name extends string = string> {
  /** One and the same of all that have it. */
  readonly form: TextForm;
  /** As they stand in the text. */
  readonly values: Readonly<Record<Name, string>>;
  /** ms since 1970: the time that its value `recorded` says. */
  readonly at: number;
}

const known = new WeakMap<object, FilledText>();

export const noteFilled = (row: object, filled: FilledText): void => void known.set(row, filled);
export const filledTextOf = (row: object): FilledText | undefined => known.get(row);
