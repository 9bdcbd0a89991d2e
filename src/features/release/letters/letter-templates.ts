/**
 * Templates of the letters of the records desk: a file for each language in profiles/release/letters, named by its code as in BCP 47, with every kind of letter.
 * What stands at their places is said by whoever writes a letter (letter.ts).
 */
import { readdirSync, readFileSync } from 'node:fs';
import { isObject, type Json } from '../../../fhir/resource.js';

/** Words with places as `{requester}`. It is left out where one of its places has nothing, and where `if` names a place that has nothing. */
export type LetterParagraph = string | { readonly if: string; readonly text: string };

export interface LetterTemplate {
  readonly title: string;
  readonly paragraphs: readonly LetterParagraph[];
}

/** By language, then by kind of letter. */
export type LetterTemplates = ReadonlyMap<string, ReadonlyMap<string, LetterTemplate>>;

const isParagraph = (value: Json): boolean =>
  typeof value === 'string' ||
  (isObject(value) && typeof value['if'] === 'string' && typeof value['text'] === 'string');

const isTemplate = (value: Json): boolean =>
  isObject(value) &&
  typeof value['title'] === 'string' &&
  Array.isArray(value['paragraphs']) &&
  value['paragraphs'].every(isParagraph);

/** Throws an Error that names the file, and the letter in it, that has not the form; and where a language lacks a letter that English has. */
export function readLetterTemplates(folder: URL): LetterTemplates {
  const files = readdirSync(folder).filter(name => name.endsWith('.json'));
  const languages = files.map(name => {
    const letters = JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as Json;
    if (!isObject(letters)) throw new Error(`${name}: letters are an object.`);
    for (const [kind, letter] of Object.entries(letters))
      if (!isTemplate(letter)) throw new Error(`${name}: the letter ${kind} has not the form of one.`);
    return [
      name.slice(0, -'.json'.length),
      new Map(Object.entries(letters as unknown as Record<string, LetterTemplate>)),
    ] as const;
  });
  const templates = new Map(languages);
  for (const kind of templates.get('en')?.keys() ?? []) {
    const lacking = languages.find(([, letters]) => !letters.has(kind));
    if (lacking) throw new Error(`${lacking[0]}.json: there is no letter ${kind}.`);
  }
  return templates;
}

/** The language of the templates that does for one that is wanted: it, or what it is a variety of; undefined: there is none. */
export const languageFor = (templates: LetterTemplates, wanted: string): string | undefined =>
  [wanted, wanted.split('-')[0]!].find(each => templates.has(each));
