/** The rules of the structure of resources, as `details.coding` of their faults names them. https://hl7.org/fhir/R4/validation.html */
/** The code of R4 for each rule of the structure. */
export const STRUCTURE_CODES = {
  /** A JSON type, an array or an object that should be another one. */
  'element-form': 'structure',
  'element-empty': 'structure',
  'element-unknown': 'structure',
  'element-choice': 'structure',
  'element-missing': 'required',
  'extension-content': 'structure',
  'resource-type': 'structure',
  'resource-nesting': 'structure',
  'contained-id': 'structure',
  'narrative-content': 'value',
  'value-form': 'value',
  'binding-required': 'code-invalid',
  /** Something that nobody could name. */
  structure: 'structure',
} as const;

/** A rule of the structure. */
export type StructureRule = keyof typeof STRUCTURE_CODES;
