/**
 * Extracts what an element gives to a search parameter beyond the conversion of its type (values.ts): phonetic codes, media types,
 * the version beside the url of a definition, a resource inside a Bundle.
 *
 * Choices:
 * - https://hl7.org/fhir/R4/references.html#canonical: a canonical is read with its version apart; so is the `url` of a
 *   resource that has a `version`, whose entry holds both.
 * - a `url` in a parameter of type reference (that of an attachment) is a literal reference, relative or not.
 * - https://hl7.org/fhir/R4/search.html#mimetype: a code bound to media types is a token and, beside it, its base part.
 * - https://hl7.org/fhir/R4/bundle.html#search: the first entry of a Bundle is itself what `composition` and `message`
 *   search, and is found as the resource that it is a copy of, too. One of another type than the parameter's is passed over.
 */
import type { Definitions, SearchParameterDefinition } from '../fhir/definitions.js';
import { type Json, isObject } from '../fhir/resource.js';
import { baseOfMediaType } from './media-type.js';
import type { Ending, PathWalk } from './path-walk.js';
import { soundsOf } from './sound.js';
import { conversion, type Extraction } from './values.js';

/** What the values of a parameter are, where that is more than their types: it decides what a search value means. */
export type Nature = 'sound' | 'media-type' | 'canonical';

const MEDIA_TYPES = 'http://hl7.org/fhir/ValueSet/mimetypes';
const CANONICALS: ReadonlySet<string> = new Set(['canonical', 'uri']);

const isMediaTypeCode = ({ type, element }: Ending): boolean => type === 'code' && element?.required === MEDIA_TYPES;

/** The ending is the resource's own url, and the resource has a version. */
function isOwnUrl(definitions: Definitions, focus: string, { element }: Ending): boolean {
  const elements = definitions.types.get(focus)?.elements ?? [];
  const own = (name: string) => elements.find(each => each.name === name);
  return element !== undefined && own('url') === element && own('version') !== undefined;
}

/** Undefined: its values are what their types say. `focus`: the type that the expression starts from. */
export function natureOf(
  definitions: Definitions,
  { type, phonetic }: SearchParameterDefinition,
  focus: string,
  endings: readonly Ending[],
): Nature | undefined {
  if (type === 'string' && phonetic) return 'sound';
  if (type === 'token' && endings.length > 0 && endings.every(isMediaTypeCode)) return 'media-type';
  if (type === 'reference' && endings.some(ending => CANONICALS.has(ending.type))) return 'canonical';
  const versioned = (ending: Ending) => ending.type === 'canonical' || isOwnUrl(definitions, focus, ending);
  return type === 'uri' && endings.some(versioned) ? 'canonical' : undefined;
}

/** What takes the values of an ending; undefined: they mean nothing to this type of parameter. */
export function readingOf(
  definitions: Definitions,
  definition: SearchParameterDefinition,
  focus: string,
  ending: Ending,
): PathWalk<Extraction> | undefined {
  const convert = conversion(definition.type, ending.type);
  if (!convert) return undefined;
  if (definition.type === 'string' && definition.phonetic) return bySound(convert);
  if (definition.type === 'token' && isMediaTypeCode(ending)) return withMediaType(convert);
  if (definition.type === 'uri' && isOwnUrl(definitions, focus, ending)) return withOwnVersion;
  if (ending.type === 'Resource') return onlyTypes(definition.target ?? [], convert);
  return convert;
}

/** In the place of its strings, the sounds of their words. */
const bySound =
  (convert: PathWalk<Extraction>): PathWalk<Extraction> =>
  (value, frame) => {
    const strings: Extraction['out'] = [];
    convert(value, { ...frame, out: strings });
    for (const string of strings)
      if (string.kind === 'string')
        for (const codes of soundsOf(string.norm))
          for (const code of codes) frame.out.push({ kind: 'token', system: '', code });
  };

const withMediaType =
  (convert: PathWalk<Extraction>): PathWalk<Extraction> =>
  (value, frame) => {
    convert(value, frame);
    const type = typeof value === 'string' ? baseOfMediaType(value) : '';
    if (type !== '') frame.out.push({ kind: 'media-type', type });
  };

const withOwnVersion: PathWalk<Extraction> = (value, { out, root }) => {
  if (typeof value !== 'string' || value === '') return;
  const { version } = root;
  out.push({ kind: 'uri', value, ...(typeof version === 'string' && version !== '' ? { version } : {}) });
};

const onlyTypes =
  (types: readonly string[], convert: PathWalk<Extraction>): PathWalk<Extraction> =>
  (value: Json, frame) => {
    const type = isObject(value) ? value['resourceType'] : undefined;
    if (typeof type === 'string' && (types.length === 0 || types.includes(type))) convert(value, frame);
  };
