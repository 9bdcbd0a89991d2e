/**
 * What all checks of one resource share. A check sees one element and reports what is wrong with it; it never waits. What it needs and is
 * not at hand (a profile that was not compiled yet, a value set that was not expanded yet) it asks for with `need`, and goes on as though
 * nothing were wrong there: when all has been loaded the whole check runs again.
 */
import type { Issue } from '../fhir/error.js';
import type { Decimals, Json, JsonObject, Resource } from '../fhir/resource.js';
import type { Origin } from '../fhir/structure-definition.js';

/** Where a value stands. It is written out only for an issue. */
export interface ElementPlace {
  readonly above: ElementPlace | undefined;
  /** Name of the element, of a choice without its type: `value`; of a resource at the top its type. */
  readonly name: string;
  /** In a repeating element; -1 elsewhere. */
  readonly index: number;
}

/** FHIRPath of the place: `Patient.name[0].given[1]`. */
export function fhirPathOf({ above, name, index }: ElementPlace): string {
  const own = index < 0 ? name : `${name}[${index}]`;
  return above ? `${fhirPathOf(above)}.${own}` : own;
}

/** A resource that is checked, alone or inside others. */
export interface ResourceSite {
  readonly resource: Resource;
  readonly place: ElementPlace;
  /** Undefined: it is the outermost. */
  readonly outer: ResourceSite | undefined;
  /** How it stands in `outer`. */
  readonly as: 'root' | 'contained' | 'entry' | 'part';
  /** Of an entry of a Bundle. */
  readonly fullUrl: string | undefined;
}

export interface CheckedElement {
  /** Undefined: a primitive that has extensions alone. */
  readonly value: Json | undefined;
  /** Id and extensions of a primitive: `_birthDate`. */
  readonly sibling: JsonObject | undefined;
  /** The object (or array) that holds the value, and under which key: its number literal is looked up by them. */
  readonly holder: object;
  readonly key: string | number;
  /** The value's type: `Patient`, `HumanName`, `code`; of a backbone element its path, `Patient.contact`. */
  readonly type: string;
  readonly place: ElementPlace;
  readonly site: ResourceSite;
}

/** What a check found. Texts name the rule and the remedy, and hold no value of the resource. */
export interface Finding {
  readonly severity: 'error' | 'warning' | 'information';
  /** https://hl7.org/fhir/R4/valueset-issue-type.html */
  readonly code: string;
  /** `profile-min`, `invariant`, `binding-required` … */
  readonly detail: string;
  readonly text: string;
  /** Key of the invariant, or canonical with version of the profile. */
  readonly diagnostics?: string;
}

export interface ProfileOptions {
  /** What is said of an extension whose definition is not known. */
  readonly unknownExtensions: 'ignore' | 'warn' | 'error';
  /** What is said where an invariant that is marked as best practice does not hold. */
  readonly bestPractice: 'ignore' | 'warn' | 'error';
  /** What is said of strings that have HTML tags in them. */
  readonly htmlInStrings: 'ignore' | 'warn' | 'error';
  /** What is said of addresses that are reserved for examples. */
  readonly exampleUrls: 'ignore' | 'warn' | 'error';
  /** Whether elements that a profile marks mustSupport and that are absent are told, as information. */
  readonly mustSupport: boolean;
}

/** What a reference leads to, as far as that can be known without the store. */
export type ResolvedTarget =
  | { readonly kind: 'found'; readonly site: ResourceSite }
  /** It must be there (`#id`, a urn of this Bundle) and is not; or several are. */
  | { readonly kind: 'missing' | 'ambiguous' }
  /** It leads elsewhere. */
  | { readonly kind: 'outside' };

/** One pass over one resource. */
export interface CheckRun {
  readonly decimals: Decimals | undefined;
  readonly options: ProfileOptions;
  report(place: ElementPlace, finding: Finding): void;
  /**
   * `key` begins with what is needed (`type`, `value set`, `profile` …); the same is loaded once. `load` throws nothing: what cannot be had
   * is kept as such, and the next pass says so.
   */
  need(key: string, load: () => Promise<void>): void;
  /** Throws FhirError `too-costly` when the steps of this resource are used up. */
  spend(steps: number): void;
  /**
   * Whether something that takes so many steps to compile may be compiled at once; else it is asked for with `need`, so that others have
   * their turn in between.
   */
  compilesNow(steps: number): boolean;
  /** Whether steps are counted apart: those of R4's own invariants have a budget of their own, so that the resource is still walked. */
  apart: boolean;
  resolve(reference: string, from: ResourceSite): ResolvedTarget;
  /** Whether the element conforms to a profile, without reporting; undefined: that is not known (yet). */
  conforms(element: CheckedElement, profile: string, from: Origin): boolean | undefined;
  /** Whether a code, Coding or CodeableConcept is in a value set; undefined: that is not known (yet). */
  isMember(value: Json, valueSet: string, from: Origin): boolean | undefined;
}

/** One rule of one element of a profile, compiled. */
export type ElementCheck = (element: CheckedElement, run: CheckRun) => void;

/** A finding as an issue of an OperationOutcome. */
export const issueAt = (place: ElementPlace, { severity, code, detail, text, diagnostics }: Finding): Issue => ({
  severity,
  code,
  text,
  expression: fhirPathOf(place),
  detail,
  ...(diagnostics === undefined ? {} : { diagnostics }),
});
