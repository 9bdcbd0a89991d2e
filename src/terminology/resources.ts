/**
 * The parts of CodeSystem and ValueSet that are read here, and where they come from.
 * https://hl7.org/fhir/R4/codesystem.html, https://hl7.org/fhir/R4/valueset.html
 *
 * Everything is optional: a stored resource may carry extensions where the standard demands a value.
 */
import type { Resource } from '../fhir/resource.js';

export interface Property {
  readonly code?: string;
  readonly valueCode?: string;
  readonly valueCoding?: { readonly system?: string; readonly code?: string };
  readonly valueString?: string;
  readonly valueInteger?: number;
  readonly valueBoolean?: boolean;
  readonly valueDateTime?: string;
  readonly valueDecimal?: number;
}

export interface Concept {
  readonly code?: string;
  readonly property?: readonly Property[];
  readonly concept?: readonly Concept[];
}

export interface CodeSystem {
  readonly resourceType: 'CodeSystem';
  readonly id?: string;
  readonly meta?: { readonly versionId?: string; readonly lastUpdated?: string };
  readonly url?: string;
  readonly version?: string;
  /** `complete`, `fragment`, `example`, `not-present`, `supplement`. */
  readonly content?: string;
  /** `is-a`, `grouped-by`, `part-of`, `classified-with`. */
  readonly hierarchyMeaning?: string;
  /** Declared properties. */
  readonly property?: readonly { readonly code?: string; readonly uri?: string }[];
  readonly concept?: readonly Concept[];
}

export interface ConceptFilterDefinition {
  readonly property?: string;
  readonly op?: string;
  readonly value?: string;
}

/** One include or exclude. */
export interface ValueSetInclude {
  readonly system?: string;
  readonly version?: string;
  readonly concept?: readonly { readonly code?: string }[];
  readonly filter?: readonly ConceptFilterDefinition[];
  readonly valueSet?: readonly (string | null)[];
}

export interface Contained {
  readonly system?: string;
  readonly code?: string;
  readonly abstract?: boolean;
  readonly contains?: readonly Contained[];
}

export interface ValueSet {
  readonly resourceType: 'ValueSet';
  readonly id?: string;
  readonly url?: string;
  readonly version?: string;
  readonly compose?: {
    readonly inactive?: boolean;
    readonly include?: readonly ValueSetInclude[];
    readonly exclude?: readonly ValueSetInclude[];
  };
  readonly expansion?: {
    readonly total?: number;
    readonly extension?: readonly { readonly url?: string; readonly valueBoolean?: boolean }[];
    readonly contains?: readonly Contained[];
  };
}

/** How a resource is asked for: by its canonical url, with the business version if one is wanted, or by its id. */
export type Canonical = { readonly url: string; readonly version?: string } | { readonly id: string };

/** A stored resource that was not parsed yet. `key` names its text for good: type, id and version. */
export interface UnparsedResource {
  readonly key: string;
  read(): Resource;
}

/**
 * Finds a stored ValueSet or CodeSystem; without a version, the newest. It is called for every test, so that a resource
 * counts as soon as it is stored, and it may leave out what the caller is not allowed to see. Giving the resource unparsed is
 * better: a code system whose index is cached is not parsed again.
 */
export type LoadCanonical = (
  type: 'ValueSet' | 'CodeSystem',
  by: Canonical,
) => Promise<Resource | UnparsedResource | undefined>;
