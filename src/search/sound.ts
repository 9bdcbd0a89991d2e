/**
 * Phonetic codes of words, for parameters that compare by them (SearchParameter.xpathUsage `phonetic`).
 * https://hl7.org/fhir/R4/patient.html#search, https://hl7.org/fhir/R4/searchparameter-definitions.html#SearchParameter.xpathUsage
 *
 * Choices: Double Metaphone, whose two codes of a word stand for two ways of saying it; words sound alike where they share
 * one (Smith and Smyth, Smith and Schmidt). A word that it has no code for (other scripts, digits) sounds like itself. An
 * apostrophe belongs to its word, any other sign ends it.
 */
import { doubleMetaphone } from 'double-metaphone';
import { memoize } from '../platform/memoize.js';
import { normalise } from './normalise.js';
import { all, type Test, type Where } from './query.js';

/** Characters of a name that get codes; what follows them is not found. */
const MAX_SOUND_CHARACTERS = 1000;

/** The codes of every word of a text, word by word, in its order. No word is without a code. */
export const soundsOf = memoize({ results: 8192, characters: 64 }, (text): readonly (readonly string[])[] => {
  const words = normalise(text.slice(0, MAX_SOUND_CHARACTERS))
    .replaceAll(/['’ʼ`]/g, '')
    .split(/[^\p{L}\p{N}]+/u);
  return words.filter(word => word !== '').map(soundsOfWord);
});

// Codes are written in capitals, a word as it stands is not.
function soundsOfWord(word: string): readonly string[] {
  const codes = [...new Set(doubleMetaphone(word))].filter(code => code !== '');
  return codes.length > 0 ? codes : [word];
}

/** Every word of the text sounds like one of the parameter `code`; undefined: there is no word in it. */
export function soundsLike(code: string, text: string): Where | undefined {
  const words = soundsOf(text);
  if (words.length === 0) return undefined;
  return all(...words.map((codes): Where => ({ kind: 'param', code, test: soundTest(codes) })));
}

/** The sound of one word: its codes are tokens without a system. */
export const soundTest = (codes: readonly string[]): Test => ({
  kind: 'token',
  any: codes.map(code => ({ system: '', code })),
});
