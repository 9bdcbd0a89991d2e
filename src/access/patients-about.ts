/**
 * Whom a resource is about, as Consents ask it: the patients beside its row and those in whose compartment it is by another element; of a type
 * without the parameter `patient` (Bundle, Group …) those whom its text names.
 */
import type { Definitions } from '../fhir/definitions.js';
import { memoize, type MemoLimits } from '../platform/memoize.js';
import type { SearchParameters } from '../search/parameters.js';
import { any, type Where } from '../search/query.js';
import { refersTo } from '../search/separate.js';
import type { Version } from '../store/store.js';
import { ABOUT_NOBODY, linksBeside } from './patient-compartment.js';
import { patientsNamed } from './patients-named.js';
import { EACH_TYPE } from './permission.js';

/** By what it is known whom resources of a type are about. */
type HowAbout = 'row' | 'text' | 'nobody';

interface LinksBeside {
  readonly codes: readonly string[];
  refersTo(patient: string): Where;
}

/** Conditions that are kept, each for a patient. */
const EACH_PATIENT: MemoLimits = { results: 1000 };

export interface PatientsAbout {
  how(type: string): HowAbout;
  /** By what else than the parameter `patient` resources of a type are in the record of a patient: codes of parameters. */
  linksBeside(type: string): readonly string[];
  /**
   * Whether each patient whom a row is about is `allowed`. The row has its text. `matters`: of others it makes no difference; `holds`: whether a
   * condition does, by what the row is indexed by.
   */
  allowEach(row: Version, by: AskedOfPatients): boolean;
}

export interface AskedOfPatients {
  readonly matters: (patient: string) => boolean;
  readonly holds: (where: Where) => boolean;
  readonly allowed: (patient: string) => boolean;
}

export function createPatientsAbout(ground: {
  readonly definitions: Definitions;
  readonly parameters: SearchParameters;
}): PatientsAbout {
  const { definitions, parameters } = ground;
  const how = (type: string): HowAbout => {
    if (type === 'Patient') return 'row';
    if (type === 'AuditEvent' || type === 'Binary' || ABOUT_NOBODY.has(type)) return 'nobody';
    return parameters.get(type, 'patient')?.type === 'reference' ? 'row' : 'text';
  };
  const beside = memoize(EACH_TYPE, (type: string): LinksBeside => {
    const codes = linksBeside(definitions, type).filter(code => parameters.get(type, code)?.type === 'reference');
    return { codes, refersTo: memoize(EACH_PATIENT, (id: string) => refersToPatients(codes, [id])) };
  });
  return {
    how,
    linksBeside: type => beside(type).codes,
    allowEach(row, { matters, holds, allowed }) {
      const { type, patients } = row;
      const isText = how(type) === 'text';
      for (const patient of isText ? patientsNamed(row, matters) : patients) if (!allowed(patient)) return false;
      if (isText) return true;
      const links = beside(type);
      if (links.codes.length === 0) return true;
      for (const patient of patientsNamed(row, () => false))
        if (!patients.includes(patient) && matters(patient) && holds(links.refersTo(patient)) && !allowed(patient))
          return false;
      return true;
    },
  };
}

/** By one of the parameters. */
export const refersToPatients = (codes: readonly string[], patients: readonly string[]): Where =>
  any(
    ...codes.map(code =>
      refersTo(
        code,
        patients.map(id => ({ type: 'Patient', id })),
      ),
    ),
  );
