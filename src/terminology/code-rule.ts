/**
 * Code systems that are known by rule, not by list: grammars and registers without end. A rule says of each text whether it is a code.
 * https://hl7.org/fhir/R4/terminologies-systems.html#external
 *
 * Choices: the names of such codes are not checked. Of a language tag (BCP 47) the form must be right, languages of two letters must
 * be known, and regions must be those of ISO 3166 or numbers of UN M.49. A media type (BCP 13) counts by its form, since nobody may have
 * registered it yet; `xml`, `json` and `ttl` stand for the formats of FHIR. A unit counts by UCUM's grammar and table.
 */
import { isMediaType } from '../fhir/media-type.js';
import { memoize } from '../platform/memoize.js';
import { canonicalUnit, UCUM } from '../search/units.js';
import { unitDefinition } from '../search/ucum-table.js';

export interface CodeRule {
  readonly url: string;
  /** CodeSystem.name. */
  readonly name: string;
  readonly title: string;
  has(code: string): boolean;
  /** A name to show. */
  display?(code: string): string | undefined;
  /** A filter of a value set; undefined: the code system has no such property or operator. */
  filter?(property: string, op: string, value: string): ((code: string) => boolean) | undefined;
}

const LONGEST_CODE = 200;

/** https://ucum.org/ucum, https://hl7.org/fhir/R4/ucum.html. `canonical`: units of the same dimension. */
const units: CodeRule = {
  url: UCUM,
  name: 'UCUM',
  title: 'Unified Code for Units of Measure',
  has(code) {
    if (code === '' || code.length > LONGEST_CODE) return false;
    // R4's own lists have blanks inside of annotations, which mean nothing.
    const unit = code.includes('{') ? code.replaceAll(/\{[^{}]*\}/g, text => text.replaceAll(' ', '_')) : code;
    return canonicalUnit(unit) !== undefined || unitDefinition(unit) !== undefined;
  },
  filter(property, op, value) {
    const wanted = property === 'canonical' && op === '=' ? canonicalUnit(value)?.unit : undefined;
    return wanted === undefined ? undefined : code => canonicalUnit(code)?.unit === wanted;
  },
};

const LANGUAGE =
  /^(?:(?<language>[a-z]{2,3})(?:-[a-z]{3}){0,3}|[a-z]{4,8})(?:-[a-z]{4})?(?:-(?<region>[a-z]{2}|\d{3}))?(?:-(?:[a-z\d]{5,8}|\d[a-z\d]{3}))*(?:-[a-wy-z\d](?:-[a-z\d]{2,8})+)*(?:-x(?:-[a-z\d]{1,8})+)?$|^x(?:-[a-z\d]{1,8})+$/i;
/** Tags that were registered before there was a grammar. */
const GRANDFATHERED =
  /^(?:en-gb-oed|i-(?:ami|bnn|default|enochian|hak|klingon|lux|mingo|navajo|pwn|tao|tay|tsu)|sgn-(?:be-fr|be-nl|ch-de)|art-lojban|cel-gaulish|no-(?:bok|nyn)|zh-(?:guoyu|hakka|min|min-nan|xiang))$/i;

/** Neither is there in a Node without all of ICU: what is not known counts then. */
const nameOf = (type: 'language' | 'region') => {
  let names: Intl.DisplayNames | undefined;
  return (code: string): string | undefined => {
    try {
      names ??= new Intl.DisplayNames('en', { type, fallback: 'none' });
      return names.of(code);
    } catch {
      return undefined;
    }
  };
};
const languageName = nameOf('language');
const regionName = nameOf('region');

function isLanguage(code: string): boolean {
  if (code.length > LONGEST_CODE) return false;
  const found = LANGUAGE.exec(code);
  if (!found) return GRANDFATHERED.test(code);
  const { language = '', region = '' } = found.groups ?? {};
  if (language.length === 2 && languageName(language.toLowerCase()) === undefined) return false;
  return region.length !== 2 || regionName(region.toUpperCase()) !== undefined;
}

/** https://www.rfc-editor.org/rfc/rfc5646 */
const languages: CodeRule = {
  url: 'urn:ietf:bcp:47',
  name: 'TagsForIdentifyingLanguages',
  title: 'Tags for Identifying Languages (BCP 47)',
  has: isLanguage,
  display: languageName,
};

/** https://www.rfc-editor.org/rfc/rfc6838, https://hl7.org/fhir/R4/valueset-mimetypes.html */
const mediaTypes: CodeRule = {
  url: 'urn:ietf:bcp:13',
  name: 'MediaTypes',
  title: 'Media Types (BCP 13)',
  has: code => isMediaType(code) || code === 'xml' || code === 'json' || code === 'ttl',
};

/** https://www.rfc-editor.org/rfc/rfc3986 */
const uris: CodeRule = {
  url: 'urn:ietf:rfc:3986',
  name: 'UniformResourceIdentifier',
  title: 'Uniform Resource Identifiers (RFC 3986)',
  // Relative references are in it, too.
  has: code => /^[^\s<>"{}|\\^`]+$/.test(code),
};

/** Names are written in one way, whatever the case that a system of ours would take. */
const ZONE = /^[A-Z][\w+-]*(?:\/[A-Z][\w+-]*)*$/;
const isZone = memoize({ results: 2048 }, (code: string): boolean => {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: code }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
});

/** https://www.iana.org/time-zones */
const timeZones: CodeRule = {
  url: 'https://www.iana.org/time-zones',
  name: 'IANATimeZones',
  title: 'IANA Time Zones',
  has: code => code.length <= 64 && ZONE.test(code) && isZone(code),
};

export const CODE_RULES: ReadonlyMap<string, CodeRule> = new Map(
  [units, languages, mediaTypes, uris, timeZones].map(rule => [rule.url, rule]),
);
