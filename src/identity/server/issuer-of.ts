/** URL of this server as an issuer, by its FHIR base. */
export const issuerOf = (base: string): string => `${base.replace(/\/fhir$/, '')}/auth`;
