/** The query of an address, and forms, as names and values: https://hl7.org/fhir/R4/search.html#escaping */
import { FhirError } from '../fhir/error.js';
import type { Parameters } from '../interactions/interaction.js';

/** Query parameters of the URL, decoded once, in order. Throws `invalid` for a broken escape. */
export function readQuery(search: string): Parameters {
  return decodeForm(search.startsWith('?') ? search.slice(1) : search);
}

export function decodeForm(text: string): Parameters {
  if (text === '') return [];
  try {
    return text
      .split('&')
      .filter(pair => pair !== '')
      .map(pair => {
        const at = pair.indexOf('=');
        const [name, value] = at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)];
        return [unescape(name), unescape(value)] as const;
      });
  } catch {
    throw new FhirError('invalid', 'The query holds a percent sign that is no escape.', { detail: 'bad-escape' });
  }
}
const unescape = (text: string): string => decodeURIComponent(text.replaceAll('+', ' '));

/** The last value of a parameter that may be given once. */
export const single = (parameters: Parameters, name: string): string | undefined =>
  parameters.findLast(([key]) => key === name)?.[1];
