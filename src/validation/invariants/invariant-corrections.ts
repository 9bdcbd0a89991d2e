/**
 * Invariants whose published expressions do not say what their own texts say, with what is evaluated instead. Each is taken from a
 * later publication of the same rule, or from what its text says; the expression as published is the key, so that a corrected
 * publication is left alone. https://hl7.org/fhir/R4/, https://hl7.org/fhir/R4B/, https://hl7.org/fhir/R5/
 *
 * An expression without a result (an empty collection) does not hold, so that rules which forget the case that nothing is there
 * would refuse valid resources.
 */
import type { Constraint } from '../../fhir/structure-definition.js';

interface Correction {
  readonly published: string;
  readonly instead: string;
  readonly because: string;
}

export const INVARIANT_CORRECTIONS: readonly Correction[] = [
  {
    published: "fullUrl.contains('/_history/').not()",
    instead: "fullUrl.exists() implies fullUrl.contains('/_history/').not()",
    because: 'bdl-8 gives nothing where an entry has no fullUrl, which is optional. R4B, R5.',
  },
  {
    published:
      "reference.startsWith('#').not() or (reference.substring(1).trace('url') in %rootResource.contained.id.trace('ids'))",
    instead:
      "reference.hasValue() implies (reference.startsWith('#').not() or (reference.substring(1).trace('url') in %rootResource.contained.id.trace('ids')) or (reference = '#' and %rootResource != %resource))",
    because:
      'ref-1 gives nothing for a logical reference, and refuses `#`, by which a contained resource names its container. R5.',
  },
  {
    published: "offset.empty() or (when.exists() and ((when in ('C' | 'CM' | 'CD' | 'CV')).not()))",
    instead: "offset.empty() or (when.exists() and when.select($this in ('C' | 'CM' | 'CD' | 'CV')).allFalse())",
    because: 'tim-9 takes `when`, which repeats, for one value. R5.',
  },
  {
    published:
      "Appointment.cancelationReason.exists() implies (Appointment.status='no-show' or Appointment.status='cancelled')",
    instead:
      "Appointment.cancelationReason.exists() implies (Appointment.status='noshow' or Appointment.status='cancelled')",
    because: 'app-4 names a status that the value set does not have: it is `noshow`. R4B, R5.',
  },
  {
    published: 'probability is decimal implies (probability as decimal) <= 100',
    instead: 'probability.exists($this is decimal) implies (probability as decimal) <= 100',
    because: 'ras-2 gives nothing where there is no probability. R4B.',
  },
  {
    published: 'enableWhen.count() > 2 implies enableBehavior.exists()',
    instead: 'enableWhen.count() > 1 implies enableBehavior.exists()',
    because: 'que-12 says "more than one" and counts more than two. R4B, R5.',
  },
  {
    published: "operator = 'exists' implies (answer is Boolean)",
    instead: "operator = 'exists' implies (answer is boolean)",
    because: 'que-7 asks for a type of FHIRPath, which no element of a resource has. R4B, R5.',
  },
  {
    published: "name.matches('[A-Z]([A-Za-z0-9_]){0,254}')",
    instead: "name.exists() implies name.matches('^[A-Z]([A-Za-z0-9_]){0,254}$')",
    because: 'vsd-0 and its likes give nothing without a name, which is optional, and mean the whole name. R4B, R5.',
  },
  {
    published: 'low.empty() or high.empty() or (low <= high)',
    instead:
      'low.value.empty() or high.value.empty() or (low.lowBoundary().comparable(high.highBoundary()).not()) or (low.lowBoundary() <= high.highBoundary())',
    because: 'rng-2 gives nothing, or fails, where the units cannot be compared or there is no value. R5.',
  },
  {
    published: 'text.`div`.exists()',
    instead: '%rootResource != %resource or text.`div`.exists()',
    because:
      'dom-6 asks contained resources for a narrative, which they should not have (dom-1 of STU3, references.html#contained).',
  },
  {
    published: '($this as dateTime).toString().length() >= 8',
    instead: '$this is dateTime implies $this.toString().length() >= 8',
    because: 'vs-1 and us-core-1 give nothing for a Period, which is allowed. US Core 4.0.',
  },
  {
    published:
      "clinicalStatus.exists() or verificationStatus.coding.where(system='http://terminology.hl7.org/CodeSystem/condition-ver-status' and code = 'entered-in-error').exists() or category.select($this='problem-list-item').empty()",
    instead:
      "clinicalStatus.exists() or verificationStatus.coding.where(system='http://terminology.hl7.org/CodeSystem/condition-ver-status' and code = 'entered-in-error').exists() or category.coding.where(system='http://terminology.hl7.org/CodeSystem/condition-category' and code='problem-list-item').empty()",
    because: 'con-3 compares a CodeableConcept with a text, so that it asks every Condition for a clinicalStatus. R4B.',
  },
  {
    published: 'telecom or endpoint',
    instead: 'telecom.exists() or endpoint.exists()',
    because: 'pd-1 takes several telecoms for one boolean. US Core 7.0.',
  },
  {
    published: 'practitioner or organization or healthcareService or location',
    instead: 'practitioner.exists() or organization.exists() or healthcareService.exists() or location.exists()',
    because: 'us-core-13 takes several locations for one boolean. US Core 7.0.',
  },
  {
    published: '(component.empty() and hasMember.empty()) implies (dataAbsentReason or value)',
    instead: '(component.empty() and hasMember.empty()) implies (dataAbsentReason.exists() or value.exists())',
    because: 'ipa-obs-1 takes a value that is false for a missing one. US Core 4.0 (us-core-2).',
  },
];

const EXPRESSIONS: ReadonlyMap<string, string> = new Map(
  INVARIANT_CORRECTIONS.map(({ published, instead }) => [published, instead]),
);

/** The published pattern of eld-19 and eld-20 means the whole path. */
const WHOLE_PATHS: ReadonlySet<string> = new Set(['eld-19', 'eld-20']);

/** The expression to evaluate; undefined where the constraint has none. */
export function correctedExpression({ key, expression }: Constraint): string | undefined {
  if (expression === undefined) return undefined;
  // The same rules about narratives have one expression; what txt-2 says is a check of its own.
  if (key === 'txt-2' && expression === 'htmlChecks()') return 'htmlChecks2()';
  if (WHOLE_PATHS.has(key)) return expression.replace(/^path\.matches\('\^?(.*?)\$?'\)$/, "path.matches('^$1$$')");
  return EXPRESSIONS.get(expression) ?? withFhirTypes(expression);
}

/** A text, or a cast to a type of FHIRPath's own: `as String`, `ofType(String)`. */
const CAST =
  /'(?:[^'\\]|\\.)*'|(\b(?:as|is)\s+|\b(?:as|is|ofType)\(\s*)(String|Boolean|Integer|Decimal|Date|DateTime|Time)\b(?!\s*\.)/g;

/**
 * Authors write `as String` of elements of FHIR, whose type is `string`: that is what it means, as HL7's validator has it. Strictly read it would
 * never give anything, as no element has a type of FHIRPath's own.
 */
const withFhirTypes = (expression: string): string =>
  expression.replaceAll(CAST, (all: string, before?: string, type?: string) =>
    before === undefined || type === undefined ? all : `${before}${type[0]!.toLowerCase()}${type.slice(1)}`,
  );
