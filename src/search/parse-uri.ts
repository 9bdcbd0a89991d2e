/**
 * Parses the value of a uri parameter: https://hl7.org/fhir/R4/search.html#uri, #versions
 *
 * Of canonicals, and of the url of a definition, `|version` is apart, and with it `:above` and `:below` are about versions.
 */
import { FhirError } from '../fhir/error.js';
import { splitCanonical } from '../fhir/reference.js';
import { IN_URLS, IN_VERSIONS, type Separators } from './below.js';
import type { SearchParameter } from './parameters.js';
import type { Test } from './query.js';

const URL_FORM = /^[a-z][a-z0-9+.-]*:\/\//i;

/** `text` without escapes. None: nothing can match. Throws FhirError `too-costly`. */
export function parseUri(parameter: SearchParameter, mode: 'exact' | 'above' | 'below', text: string): readonly Test[] {
  const { value, version } =
    parameter.nature === 'canonical' ? splitCanonical(text) : { value: text, version: undefined };
  if (mode === 'above') needFewParts(parameter, version ?? value, version === undefined ? IN_URLS : IN_VERSIONS);
  if (version !== undefined)
    return [{ kind: 'uri', mode: 'exact', value, version, ...(mode === 'exact' ? {} : { versions: mode }) }];
  if (mode === 'exact' || URL_FORM.test(value)) return [{ kind: 'uri', mode, value }];
  // Only URLs have a path; a canonical that is none has versions all the same.
  return parameter.elements.has('canonical') ? [{ kind: 'uri', mode: 'exact', value }] : [];
}

/** Parts of a URL or version: `:above` looks up each of them. */
const MAX_URI_PARTS = 100;

/** Throws FhirError `too-costly`. */
export function needFewParts({ code }: SearchParameter, text: string, separators: Separators): void {
  let parts = 0;
  for (const character of text) if (separators.includes(character)) parts += 1;
  if (parts > MAX_URI_PARTS)
    throw new FhirError('too-costly', `The value of ${code} has more than ${MAX_URI_PARTS} parts.`, {
      expression: `http.${code}`,
    });
}
