/** Faults that HL7's validator does not confirm (`group: rule`), and why they are faults all the same. */

const OFFLINE = 'It needs a terminology server to know.';
const RESLICES = 'It does not slice slices again. https://hl7.org/fhir/R4/profiling.html#reslicing';
const DATES =
  'It does not compare dates with the limits that a profile sets. https://hl7.org/fhir/R4/elementdefinition-definitions.html#ElementDefinition.minValue_x_';
const SETTING = 'What is unknown is told where that is set; it is set to allow everything from example.org.';

/** It ends with an exception on these: they are not asked. */
export const FATAL_TO_IT: ReadonlyMap<string, string> = new Map([
  ['narrative of R4: it says something (txt-2)', 'R4 says so in an invariant of Narrative.div.'],
  ['ValueSet of R4: codes have a system (vsd-2)', 'R4 says so in an invariant of ValueSet.compose.include.'],
]);

export const UNCONFIRMED: ReadonlyMap<string, string> = new Map([
  ['MedicationRequest of US Core: a dose has a unit of UCUM (max value set)', OFFLINE],
  ['expected date of delivery of IPS: the method is one of these', OFFLINE],
  ['Patient of R4: a language spoken is one of BCP 47 (max value set)', OFFLINE],
  ['bindings: extensible: a code of the set where there is one', OFFLINE],
  ['bindings: preferred: a code of the set is better', OFFLINE],
  [
    'blood pressure of US Core: the subject is a Patient, also by its type',
    'Reference.type is the type of the target. https://hl7.org/fhir/R4/references-definitions.html#Reference.type',
  ],
  ['Patient of R4: a list is not empty', 'An array cannot be empty. https://hl7.org/fhir/R4/json.html#primitive'],
  [
    'Patient of R4: a system is absolute',
    'It has a warning that the code system is unknown. https://hl7.org/fhir/R4/datatypes-definitions.html#Coding.system',
  ],
  ['what is contained in R4: it contains nothing (dom-2)', 'It says so of the resource as a whole.'],
  ['what is contained in R4: an id is there once', 'It says so of the second one.'],
  ['extensions in R4: it is known', SETTING],
  ['extensions in R4: a modifier is known', SETTING],
  [
    'slices that are open at the end: others at the end',
    'It takes openAtEnd for open. https://hl7.org/fhir/R4/valueset-resource-slicing-rules.html',
  ],
  ['values: a date is late', DATES],
  ['values: a date is early', DATES],
  ['slices of a slice: an official one', RESLICES],
  ['slices of a slice: one official one', RESLICES],
]);
