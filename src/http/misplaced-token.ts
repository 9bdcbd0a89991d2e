/** Tokens that stand where they must not: in an address, which logs and histories keep. https://www.rfc-editor.org/rfc/rfc9700#section-4.3.2 */
import { FhirError } from '../fhir/error.js';
import type { Parameters } from '../interactions/interaction.js';

const ACCESS_TOKEN = 'access_token';

export const namesToken = (parameters: Parameters): boolean =>
  parameters.some(([name]) => name.toLowerCase() === ACCESS_TOKEN);

/** What stands before the query of an address, or of a line with one. */
export const withoutQuery = (text: string): string => /^[^?\n]*/.exec(text)![0];

/** Undefined: there is none. */
export const misplacedToken = (parameters: Parameters): FhirError | undefined =>
  namesToken(parameters)
    ? new FhirError('invalid', 'A token comes in the Authorization header alone, never in an address or a form.', {
        expression: `http.${ACCESS_TOKEN}`,
        detail: 'misplaced-token',
      })
    : undefined;
