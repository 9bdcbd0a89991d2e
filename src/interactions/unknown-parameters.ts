/**
 * Parameters that nobody here knows: an error, or with `Prefer: handling=lenient` passed over, with a warning where the
 * answer has room for one. What changes something is never asked leniently: the parameter that is passed over may have
 * been the one that limits it. https://hl7.org/fhir/R4/search.html#errors, https://hl7.org/fhir/R4/http.html#parameters
 */
import { FhirError, type Issue } from '../fhir/error.js';
import type { Parameters } from './interaction.js';

/** How the answer is written: looked at by the HTTP layer, for every address. */
const FORMS: ReadonlySet<string> = new Set(['_format', '_pretty']);

export interface Sorted {
  /** Without those that say how the answer is written. */
  readonly known: Parameters;
  readonly ignored: readonly Issue[];
}

/** `who`: for the message, as in "A read". Throws `not-supported`. */
export function sortOut(given: Parameters, names: readonly string[], lenient: boolean, who: string): Sorted {
  const known: (readonly [string, string])[] = [];
  const ignored: Issue[] = [];
  for (const pair of given) {
    const [name] = pair;
    if (FORMS.has(name)) continue;
    if (names.includes(name)) known.push(pair);
    else {
      const error = unknownParameter(names, who, `http.${name.slice(0, 64)}`);
      if (!lenient) throw error;
      ignored.push(...asWarnings(error));
    }
  }
  return { known, ignored };
}

/** `names`: those that are known. `who`: knows them. */
export const unknownParameter = (names: readonly string[], who: string, expression: string): FhirError =>
  new FhirError(
    'not-supported',
    `${who} knows ${names.length > 0 ? names.join(', ') : 'no parameters but _format and _pretty'}, not this parameter.`,
    { expression, detail: 'unknown-parameter' },
  );

/** What is told of a parameter that was passed over. */
export const asWarnings = ({ issues }: FhirError): Issue[] =>
  issues.map(issue => ({ ...issue, severity: 'warning' as const }));
