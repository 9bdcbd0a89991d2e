/**
 * What a permission of one patient reaches: their compartment (https://hl7.org/fhir/R4/compartmentdefinition-patient.html), as a
 * condition that stores answer, and as a verdict on a row that needs no parse where the patients beside it say enough.
 *
 * Choices, as SMART leaves what is outside the compartment to the server
 * (https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#clinical-scope-syntax):
 * - a type that the definition leaves out, but whose resources name a patient (Device, Task, Contract, GuidanceResponse), belongs by that;
 * - what is about nobody (ABOUT_NOBODY: who and where care is given, what it is given with, and definitions) may be read and searched;
 * - a Group belongs to none of its members, as it names the others;
 * - nothing else is reached.
 */
import type { Definitions, SearchParameterDefinition } from '../fhir/definitions.js';
import { any, type Where } from '../search/query.js';

/** Types that are about no patient. */
export const ABOUT_NOBODY: ReadonlySet<string> = new Set([
  ...[
    'Practitioner',
    'PractitionerRole',
    'Organization',
    'OrganizationAffiliation',
    'Location',
    'HealthcareService',
    'Endpoint',
  ],
  ...[
    'Medication',
    'MedicationKnowledge',
    'Substance',
    'DeviceDefinition',
    'SpecimenDefinition',
    'ObservationDefinition',
  ],
  ...[
    'CodeSystem',
    'ConceptMap',
    'NamingSystem',
    'ValueSet',
    'StructureDefinition',
    'SearchParameter',
    'OperationDefinition',
  ],
  ...[
    'CapabilityStatement',
    'CompartmentDefinition',
    'ImplementationGuide',
    'StructureMap',
    'GraphDefinition',
    'MessageDefinition',
  ],
  ...['Questionnaire', 'PlanDefinition', 'ActivityDefinition', 'Library', 'Measure'],
]);
const CLOSED_TYPES: ReadonlySet<string> = new Set(['Group']);

/** How much the patients beside a row (store/store.ts) tell of a compartment. */
interface PatientsTell {
  readonly id: string;
  /** Who is not among them is not in it either; else its parameters have to be looked at. */
  readonly everything: boolean;
}

const told = new WeakMap<Where, PatientsTell>();

/** Codes of parameters by which resources of a type belong to a patient, and how much `patients` tell of them. */
interface Belonging {
  readonly codes: readonly string[];
  readonly patients: 'nothing' | 'some' | 'everything';
}

export interface PatientCompartment {
  /** What of a type belongs to the patient; undefined: the type is not in compartments. */
  of(type: string, patient: string): Where | undefined;
}

export function createPatientCompartment(definitions: Definitions): PatientCompartment {
  const belongings = new Map<string, Belonging | undefined>();
  const belongingOf = (type: string): Belonging | undefined => {
    if (!belongings.has(type)) belongings.set(type, readBelonging(definitions, type));
    return belongings.get(type);
  };
  return {
    of(type, patient) {
      const belonging = belongingOf(type);
      if (!belonging) return undefined;
      const to = { kind: 'local', type: 'Patient', id: patient } as const;
      const links = belonging.codes.map((code): Where => ({ kind: 'param', code, test: { kind: 'reference', to } }));
      const itself: Where = { kind: 'param', code: '_id', test: { kind: 'token', any: [{ code: patient }] } };
      const where = any(...links, ...(type === 'Patient' ? [itself] : []));
      if (belonging.patients !== 'nothing')
        told.set(where, { id: patient, everything: belonging.patients === 'everything' });
      return where;
    },
  };
}

/**
 * Codes of the parameters by which resources of a type are in the compartment of a patient who is not among those beside the row: who has performed it, written
 * it, or gets it. None of a Patient (what links two of them is no record of the other) and of a Group.
 */
export function linksBeside(definitions: Definitions, type: string): readonly string[] {
  if (type === 'Patient' || CLOSED_TYPES.has(type)) return [];
  const named = definitions.compartments.find(({ code }) => code === 'Patient')?.resources[type] ?? [];
  const find = (code: string) =>
    definitions.searchParameters.find(
      each => each.code === code && each.base.includes(type) && each.type === 'reference',
    );
  const patient = find('patient');
  const elements = patient ? elementsOf(patient, type) : '';
  return named.filter(code => {
    const parameter = find(code);
    return (
      parameter !== undefined && parameter !== patient && (elements === '' || elementsOf(parameter, type) !== elements)
    );
  });
}

function readBelonging(definitions: Definitions, type: string): Belonging | undefined {
  if (CLOSED_TYPES.has(type)) return undefined;
  const named = definitions.compartments.find(({ code }) => code === 'Patient')?.resources[type] ?? [];
  const find = (code: string) =>
    definitions.searchParameters.find(
      each => each.code === code && each.base.includes(type) && each.type === 'reference',
    );
  // A Patient is the patient beside itself.
  if (type === 'Patient') return { codes: named, patients: 'some' };
  const patient = find('patient');
  if (named.length === 0) return patient && { codes: ['patient'], patients: 'everything' };
  const parameters = named.map(find);
  if (!patient) return { codes: named, patients: 'nothing' };
  const elements = elementsOf(patient, type);
  const alike = parameters.filter(
    each => each === patient || (each && elements !== '' && elementsOf(each, type) === elements),
  );
  const patients = alike.length === 0 ? 'nothing' : alike.length === named.length ? 'everything' : 'some';
  return { codes: named, patients };
}

/** The elements of a type that a parameter reads, whatever types they refer to. */
const elementsOf = ({ expression = '' }: SearchParameterDefinition, type: string): string =>
  expression
    .split('|')
    .map(part => part.trim().replace('.where(resolve() is Patient)', ''))
    .filter(part => part.startsWith(`${type}.`))
    .join('|');

/** What the patients beside a row say of a condition; undefined: they do not tell. */
export function toldByPatients(
  where: Where,
  row: { readonly id: string; readonly patients: readonly string[] },
): boolean | undefined {
  const tell = told.get(where);
  if (tell) {
    if (row.patients.includes(tell.id)) return true;
    return tell.everything ? false : undefined;
  }
  switch (where.kind) {
    case 'all':
      return tellAll(where.of, row, false);
    case 'any':
      return tellAll(where.of, row, true);
    case 'not': {
      const inner = toldByPatients(where.of, row);
      return inner === undefined ? undefined : !inner;
    }
    default:
      return undefined;
  }
}

/** Of a conjunction (`decisive` false) or a disjunction: one decisive part decides it, else all must be known. */
function tellAll(
  of: readonly Where[],
  row: { readonly id: string; readonly patients: readonly string[] },
  decisive: boolean,
): boolean | undefined {
  let known: boolean | undefined = !decisive;
  for (const part of of) {
    const tells = toldByPatients(part, row);
    if (tells === decisive) return decisive;
    if (tells === undefined) known = undefined;
  }
  return known;
}
