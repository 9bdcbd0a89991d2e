/**
 * Whether a narrative is divided by languages as a profile asks for: https://hl7.org/fhir/extensions/StructureDefinition-narrative-language-control.html
 *
 * A section is a `div` directly in the outermost one that says its language (https://hl7.org/fhir/R5/narrative.html#lang). The extension
 * names languages that must have a section; `_no`: there is none, `_yes`: there is one, `_resource`: there is one for the language of the
 * resource, where that is said.
 */
import { SaxesParser } from 'saxes';
import { isObject } from '../../fhir/resource.js';
import type { ProfileElement } from '../../fhir/structure-definition.js';
import type { ProfileCheck } from './compiled.js';

const LANGUAGE_CONTROL = 'http://hl7.org/fhir/StructureDefinition/narrative-language-control';
/** Characters that are read for one step. */
const CHARACTERS_OF_A_SECTION_STEP = 20;

/** Undefined where the element asks for nothing of the kind. */
export function sectionCheck({ extension = [] }: ProfileElement, profile: string): ProfileCheck | undefined {
  const wanted = extension.flatMap(({ url, valueCode }) =>
    url === LANGUAGE_CONTROL && typeof valueCode === 'string' ? valueCode : [],
  );
  if (wanted.length === 0) return undefined;
  return ({ value, place, site }, run) => {
    const div = isObject(value) ? value['div'] : undefined;
    if (typeof div !== 'string') return;
    run.spend(Math.ceil(div.length / CHARACTERS_OF_A_SECTION_STEP));
    const found = languagesOfSections(div);
    const { language } = site.resource;
    for (const each of wanted) {
      const text = faultOfSections(each, found, typeof language === 'string' ? language : undefined);
      if (text !== undefined)
        run.report(place, {
          severity: 'error',
          code: 'business-rule',
          detail: 'narrative-language',
          text,
          diagnostics: profile,
        });
    }
  };
}

function faultOfSections(wanted: string, found: ReadonlySet<string>, own: string | undefined): string | undefined {
  if (wanted === '_no')
    return found.size === 0
      ? undefined
      : 'The narrative must have no sections for languages: the profile forbids them.';
  if (wanted === '_yes')
    return found.size > 0 ? undefined : 'The narrative must have sections for languages: div elements with lang.';
  const language = wanted === '_resource' ? own : wanted;
  return language === undefined || found.has(language)
    ? undefined
    : `The narrative must have a section for the language of ${wanted === '_resource' ? 'the resource' : 'the profile'}: a div with lang.`;
}

/** Languages of the sections of a narrative, which is well-formed. */
function languagesOfSections(div: string): ReadonlySet<string> {
  const found = new Set<string>();
  const parser = new SaxesParser({ xmlns: false, position: false });
  let depth = 0;
  parser.on('error', () => {});
  parser.on('opentag', ({ name, attributes }) => {
    depth++;
    const language = attributes['xml:lang'] ?? attributes['lang'];
    if (depth === 2 && name === 'div' && language) found.add(language);
  });
  parser.on('closetag', () => depth--);
  parser.write(div).close();
  return found;
}
