/** The elements of authorizations and their words: profiles/release/rules/authorization.json. */
import { readFileSync } from 'node:fs';
import { isObject, itemsOf, type Json } from '../../fhir/resource.js';
import { CHECKED_ELEMENTS } from './authorization.js';
import type { RequestNeed } from './requester-classes.js';

export interface PermitRule {
  readonly element: string;
  /** Of which paragraph it is. */
  readonly paragraph: string;
  /** By language. */
  readonly display: Readonly<Record<string, string>>;
  readonly remedy: Readonly<Record<string, string>>;
  readonly of: readonly RequestNeed[];
}

/** By element, in their order. */
export type PermitRules = ReadonlyMap<string, PermitRule>;

const isWords = (value: Json | undefined): boolean =>
  isObject(value) && typeof value['en'] === 'string' && Object.values(value).every(each => typeof each === 'string');

/** Throws an Error that names the element that nothing checks, or that has not the form. */
export function readPermitRules(file: URL): PermitRules {
  const rules = itemsOf(JSON.parse(readFileSync(file, 'utf8')) as Json);
  return new Map(
    rules.map(rule => {
      const name = isObject(rule) ? rule['element'] : undefined;
      if (
        !isObject(rule) ||
        typeof name !== 'string' ||
        !CHECKED_ELEMENTS.includes(name) ||
        typeof rule['paragraph'] !== 'string' ||
        !isWords(rule['display']) ||
        !isWords(rule['remedy']) ||
        itemsOf(rule['of']).length === 0
      )
        throw new Error(
          `The element ${typeof name === 'string' ? name : '?'} of authorizations has not the form of one.`,
        );
      return [name, rule as unknown as PermitRule];
    }),
  );
}

/** What a need asks for. */
export const permitElements = (rules: PermitRules, need: RequestNeed): readonly string[] =>
  [...rules.values()].filter(({ of }) => of.includes(need)).map(({ element }) => element);

/** In a language, or in English. */
export const wordsFor = (words: Readonly<Record<string, string>>, language: string): string =>
  (Object.hasOwn(words, language) ? words[language] : undefined) ?? words['en']!;
