/**
 * What holds for patients without a Consent that speaks of who asks, and what for: the implicit policies of IHE PCF, and everything
 * (`permit`). https://profiles.ihe.net/ITI/PCF/volume-1.html
 */
export const IMPLICIT_POLICIES = ['permit', 'all-normal', 'basic-normal', 'break-glass-only', 'deny'] as const;
export type ImplicitPolicy = (typeof IMPLICIT_POLICIES)[number];
