/** Parameters of the URL that no operation looks at: the HTTP layer answers them. https://hl7.org/fhir/R4/http.html#parameters */
export const PRESENTATION: ReadonlySet<string> = new Set(['_format', '_pretty']);
