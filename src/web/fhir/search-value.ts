/** Characters that mean something in the value of a parameter are escaped: https://hl7.org/fhir/R4/search.html#escaping */
export const escapedValue = (value: string): string => value.replaceAll(/[\\,$|]/g, char => `\\${char}`);
