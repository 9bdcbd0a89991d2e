/**
 * Code systems, value sets and concept maps are lists of what other resources have a few of: they may be longer than any other resource, up
 * to 200,000 concepts. https://hl7.org/fhir/R4/codesystem.html
 */
const LONG_TYPES: ReadonlySet<string> = new Set(['CodeSystem', 'ValueSet', 'ConceptMap']);

const TIMES_LONGER = 12;

/** How many of something a resource of this type may have, where others may have `most`. */
export const mostOfType = (type: string, most: number): number => (LONG_TYPES.has(type) ? TIMES_LONGER * most : most);
