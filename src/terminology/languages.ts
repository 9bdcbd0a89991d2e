/**
 * Languages of displays: what displayLanguage or Accept-Language asks for, and which text of a concept that is.
 * https://hl7.org/fhir/R4/valueset-operation-expand.html, https://www.rfc-editor.org/rfc/rfc9110#section-12.5.4
 *
 * Choices: a text in de-CH serves who asks for de, and one in de who asks for de-CH and finds nothing nearer. A text without a language
 * counts as English where English is asked for. Unless `*;q=0` says otherwise, a concept without a text in these languages has its
 * own display.
 */
import type { Concepts, Described } from './code-system.js';
import type { Coding, ListedConcept } from './resources.js';

export interface Languages {
  /** As it was asked. */
  readonly text: string;
  /** In the order of preference, without those that are not wanted. */
  readonly wanted: readonly string[];
  /** Any other language is as good as none. */
  readonly others: boolean;
}

/** Longer lists are no preference. */
const MAX_LANGUAGES = 20;

/** Undefined where nothing is asked for: no text, or `*`. */
export function parseLanguages(text: string | undefined): Languages | undefined {
  const given = text?.trim() ?? '';
  if (given === '' || given === '*') return undefined;
  const parts = given
    .split(',')
    .slice(0, MAX_LANGUAGES)
    .flatMap(part => {
      const [tag = '', ...parameters] = part.split(';').map(each => each.trim());
      const quality = Number(parameters.find(each => each.startsWith('q='))?.slice(2) ?? 1);
      return tag === '' || Number.isNaN(quality) ? [] : [{ tag, quality }];
    });
  const open = parts.find(({ tag }) => tag === '*');
  return {
    text: given,
    wanted: parts
      .filter(({ tag, quality }) => tag !== '*' && quality > 0)
      .toSorted((a, b) => b.quality - a.quality)
      .map(({ tag }) => tag),
    others: open === undefined || open.quality > 0,
  };
}

/** A text that a concept may be shown by. */
export interface DisplayText {
  readonly value: string;
  readonly language?: string | undefined;
  /** The display itself, and not a designation. */
  readonly main: boolean;
  readonly designation?: Described;
}

export const PREFERRED: Coding = {
  system: 'http://terminology.hl7.org/CodeSystem/hl7TermMaintInfra',
  code: 'preferredForLanguage',
  display: 'Preferred For Language',
};

const DISPLAY_USES: ReadonlySet<string> = new Set([
  'http://terminology.hl7.org/CodeSystem/hl7TermMaintInfra#preferredForLanguage',
  'http://terminology.hl7.org/CodeSystem/designation-usage#display',
  'http://snomed.info/sct#900000000000003001',
  'http://snomed.info/sct#900000000000013009',
]);

/** A designation of no use, or of one that says so, is a name of the concept; others are for special purposes. */
export const isName = ({ use, value }: Described): boolean =>
  value !== undefined && (use === undefined || DISPLAY_USES.has(`${use.system}#${use.code}`));

/** The names of a concept, its display first. `listed`: what the value set says of it; `language`: that of the value set. */
export function conceptNames(
  concepts: Concepts | undefined,
  concept: number | undefined,
  listed?: ListedConcept,
  language?: string,
): DisplayText[] {
  const own = concepts && concept !== undefined ? concepts.display(concept) : undefined;
  const names: DisplayText[] = [];
  if (listed?.display !== undefined) {
    const spoken = language ?? (listed.display === own ? concepts?.head.language : undefined);
    names.push({ value: listed.display, language: spoken ?? concepts?.head.language, main: true });
  }
  if (own !== undefined && own !== listed?.display)
    names.push({ value: own, language: concepts?.head.language, main: names.length === 0 });
  const described = [
    ...(concepts && concept !== undefined ? concepts.designations(concept) : []),
    ...(listed?.designation ?? []),
  ];
  for (const designation of described)
    if (isName(designation))
      names.push({ value: designation.value!, language: designation.language, main: false, designation });
  return names;
}

/** Whether a text in a language serves who wants another. */
export function speaks(language: string | undefined, wanted: string): boolean {
  const spoken = (language ?? 'en').toLowerCase();
  const asked = wanted.toLowerCase();
  if (language === undefined) return asked === 'en' || asked === 'en-us';
  return spoken === asked || spoken.startsWith(`${asked}-`);
}

/** The text to show; undefined where there is none that is wanted. */
export function chooseName(names: readonly DisplayText[], languages: Languages | undefined): DisplayText | undefined {
  if (!languages) return names.find(({ main }) => main);
  for (const wanted of [...languages.wanted, ...languages.wanted.map(tag => tag.split('-')[0]!)]) {
    const found = names.find(({ language }) => speaks(language, wanted));
    if (found) return found;
  }
  return languages.others ? names.find(({ main }) => main) : undefined;
}
