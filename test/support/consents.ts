/** Consents, and whoever asks beside them, for tests. */
import type { Consent, ConsentProvision } from 'fhir/r4.js';
import type { Principal } from '../../src/identity/principal.js';
import type { Identify } from '../../src/identity/principal.js';
import { FhirError } from '../../src/fhir/error.js';

/** One of each role that the server brings along, by what they are called, and a patient with this id. */
export const staffAnd = (patient: string) =>
  ({
    owner: { name: 'owner', role: 'admin' },
    administrator: { name: 'administrator', role: 'administrator' },
    officer: { name: 'officer', role: 'privacy-officer' },
    clinician: { name: 'clinician', role: 'clinician' },
    specialist: { name: 'specialist', role: 'records-specialist' },
    service: { name: 'service', role: 'service' },
    patient: { name: 'patient', role: 'patient', patient, fhirUser: `Patient/${patient}` },
  }) as const;

const coding = (system: string) => (code: string) => ({ system, code });
export const purpose = coding('http://terminology.hl7.org/CodeSystem/v3-ActReason');
export const confidential = coding('http://terminology.hl7.org/CodeSystem/v3-Confidentiality');
export const actCode = coding('http://terminology.hl7.org/CodeSystem/v3-ActCode');
export const action = (code: string) => ({
  coding: [coding('http://terminology.hl7.org/CodeSystem/consentaction')(code)],
});
export const actor = (reference: string, role = 'IRCP') => ({
  role: { coding: [coding('http://terminology.hl7.org/CodeSystem/v3-ParticipationType')(role)] },
  reference: { reference },
});
export const TPO = ['TREAT', 'HPAYMT', 'HOPERAT'].map(purpose);

/** An active Consent about privacy, as PCF has them. */
export const privacyConsent = (
  id: string,
  patient: string,
  provision: ConsentProvision | undefined,
  more: Omit<Partial<Consent>, 'id'> = {},
): Consent & { id: string } => ({
  resourceType: 'Consent',
  id,
  status: 'active',
  scope: { coding: [coding('http://terminology.hl7.org/CodeSystem/consentscope')('patient-privacy')] },
  category: [{ coding: [coding('http://loinc.org')('59284-0')] }],
  patient: { reference: `Patient/${patient}` },
  dateTime: '2026-01-01',
  performer: [{ reference: `Patient/${patient}` }],
  policy: [{ uri: 'http://example.org/policy' }],
  ...(provision ? { provision } : {}),
  ...more,
});

/** The bearer token is the name of one of these. */
export const identifyAs =
  (principals: Readonly<Record<string, Principal>>): Identify =>
  async ({ headers: { authorization } }) => {
    const name = typeof authorization === 'string' ? authorization.slice('Bearer '.length) : '';
    const principal = principals[name];
    if (!principal) throw new FhirError('unauthenticated', 'Nobody.');
    return principal;
  };

export const as = (who: string) => ({ authorization: `Bearer ${who}` });
