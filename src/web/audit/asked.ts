/** What a question to the trail is asked with, in the body of a request: no name of a person stands in an address. */
import type { Parameters, ParametersParameter } from 'fhir/r4';

/** Days, `YYYY-MM-DD`, of UTC; empty: without an end to that side. */
export interface AskedDays {
  readonly start: string;
  readonly end: string;
}

/** `count`: lines of a page. `others`: parameters before the days. */
export function parametersOf(
  { start, end }: AskedDays,
  count?: number,
  others: readonly ParametersParameter[] = [],
): Parameters {
  const parameter = [
    ...others,
    ...(start === '' ? [] : [{ name: 'start', valueDateTime: start }]),
    ...(end === '' ? [] : [{ name: 'end', valueDateTime: end }]),
    ...(count === undefined ? [] : [{ name: '_count', valueInteger: count }]),
  ];
  return { resourceType: 'Parameters', ...(parameter.length > 0 ? { parameter } : {}) };
}
