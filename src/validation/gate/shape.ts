/**
 * Maps elements to their JSON form, for the generator of the gate and for explain.ts.
 * https://hl7.org/fhir/R4/json.html
 */
import type { ElementDefinition, TypeDefinition } from '../../fhir/definitions.js';

export const isRepeating = (element: ElementDefinition): boolean => element.max !== 1;

/** JSON property of an element, or of one type of a choice. */
export const propertyName = (element: ElementDefinition, code: string): string =>
  element.choice ? element.name + code.charAt(0).toUpperCase() + code.slice(1) : element.name;

/**
 * True where `_property` may carry id and extensions: primitives, but not those that are attributes in XML
 * (Element.id, Extension.url), not Resource.id, and not the XHTML of a narrative.
 */
export const hasSibling = (owner: string, element: ElementDefinition, type: TypeDefinition | undefined): boolean =>
  type?.kind === 'primitive' &&
  type.name !== 'xhtml' &&
  element.name !== 'id' &&
  !(owner === 'Extension' && element.name === 'url');

/** The canonical of the code list that restricts a `code` element. Coding and CodeableConcept are left to the terminology. */
export const codeListOf = (element: ElementDefinition, code: string): string | undefined =>
  code === 'code' && !element.choice ? element.required : undefined;

/** Least and greatest value of the integer types; both are of 32 bits. */
export const INTEGER_RANGES: Readonly<Record<string, readonly [number, number]>> = {
  integer: [-2_147_483_648, 2_147_483_647],
  unsignedInt: [0, 2_147_483_647],
  positiveInt: [1, 2_147_483_647],
};
