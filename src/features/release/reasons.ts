/** The words of the reasons against a release: profiles/release/rules/reasons.json. */
import { readFileSync } from 'node:fs';
import { isObject, type Json } from '../../fhir/resource.js';
import { RELEASE_REASONS, type ReleaseReason } from './selection.js';

/** By reason, then by language; English among them. */
export type ReasonWords = ReadonlyMap<ReleaseReason, Readonly<Record<string, string>>>;

/** Throws an Error that names the reason that has no words. */
export function readReasonWords(file: URL): ReasonWords {
  const value = JSON.parse(readFileSync(file, 'utf8')) as Json;
  return new Map(
    RELEASE_REASONS.map(reason => {
      const words = isObject(value) ? value[reason] : undefined;
      if (!isObject(words) || typeof words['en'] !== 'string' || !Object.values(words).every(isText))
        throw new Error(`The reason ${reason} against a release has no words.`);
      return [reason, words as Readonly<Record<string, string>>];
    }),
  );
}

const isText = (value: Json | undefined): boolean => typeof value === 'string' && value !== '';
