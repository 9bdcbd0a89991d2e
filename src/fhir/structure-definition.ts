/**
 * StructureDefinition as far as checking needs it, and how definitions are found by their canonical.
 * https://hl7.org/fhir/R4/structuredefinition.html, https://hl7.org/fhir/R4/elementdefinition.html
 *
 * The shapes are FHIR's own, less what only people read (narrative, texts, mappings).
 */
import type { Json, JsonObject, Resource } from './resource.js';

export interface StructureDefinition extends Resource {
  resourceType: 'StructureDefinition';
}

/** A StructureDefinition's head, for reading with types. */
export interface StructureHead {
  readonly id?: string;
  readonly url: string;
  readonly version?: string;
  readonly name?: string;
  readonly status?: string;
  readonly kind: 'primitive-type' | 'complex-type' | 'resource' | 'logical';
  readonly abstract?: boolean;
  /** `Patient`, `Extension`, `HumanName` …; a full url for logical models. */
  readonly type: string;
  readonly baseDefinition?: string;
  readonly derivation?: 'specialization' | 'constraint';
  /** Of an extension: where it may stand. */
  readonly context?: readonly { readonly type: string; readonly expression: string }[];
  readonly contextInvariant?: readonly string[];
  readonly snapshot?: { readonly element: readonly ProfileElement[] };
  readonly differential?: { readonly element: readonly ProfileElement[] };
}

/** One ElementDefinition. `fixed[x]`, `pattern[x]`, `minValue[x]` and `maxValue[x]` stand under their own names. */
export interface ProfileElement {
  readonly [choice: `fixed${string}` | `pattern${string}` | `minValue${string}` | `maxValue${string}`]: Json;
  readonly id?: string;
  readonly path: string;
  readonly representation?: readonly string[];
  readonly sliceName?: string;
  readonly sliceIsConstraining?: boolean;
  readonly slicing?: {
    readonly discriminator?: readonly { readonly type: string; readonly path: string }[];
    readonly ordered?: boolean;
    readonly rules?: 'closed' | 'open' | 'openAtEnd';
  };
  readonly min?: number;
  /** A number or `*`. */
  readonly max?: string;
  readonly base?: { readonly path: string; readonly min: number; readonly max: string };
  /** `#Questionnaire.item`. */
  readonly contentReference?: string;
  readonly type?: readonly ProfileType[];
  readonly maxLength?: number;
  readonly mustSupport?: boolean;
  readonly isModifier?: boolean;
  readonly isSummary?: boolean;
  readonly condition?: readonly string[];
  readonly constraint?: readonly Constraint[];
  readonly binding?: Binding;
  readonly extension?: readonly JsonObject[];
}

export interface ProfileType {
  /** A type code, or a FHIRPath system type (`http://hl7.org/fhirpath/System.String`). */
  readonly code: string;
  readonly profile?: readonly string[];
  readonly targetProfile?: readonly string[];
  readonly aggregation?: readonly string[];
  readonly versioning?: string;
  readonly extension?: readonly JsonObject[];
}

/** ElementDefinition.constraint. */
export interface Constraint {
  readonly key: string;
  readonly severity: 'error' | 'warning';
  readonly human: string;
  /** FHIRPath; a constraint without one cannot be checked here. */
  readonly expression?: string;
  /** Canonical of the definition that states it first. */
  readonly source?: string;
  readonly extension?: readonly JsonObject[];
}

/** ElementDefinition.binding. */
export interface Binding {
  readonly strength: 'required' | 'extensible' | 'preferred' | 'example';
  readonly valueSet?: string;
  /** `elementdefinition-maxValueSet` among others. */
  readonly extension?: readonly JsonObject[];
}

/** Where a definition comes from: `r4`, `stored`, or the guide as `name@version`. It decides which version an unversioned canonical means. */
export type Origin = string;

export interface FoundDefinition<T extends Resource = Resource> {
  readonly resource: T;
  readonly origin: Origin;
}

/**
 * Finds a definition by its canonical, `url` or `url|version`: what is stored comes first, then guides, then R4. Without a version, and asked
 * for from within a guide, its own version is meant, then that of its declared dependencies, then the first in the list of guides; a version
 * that is not known is never replaced by another. Undefined where there is none.
 */
export type FindDefinition = (type: string, canonical: string, from?: Origin) => Promise<FoundDefinition | undefined>;
