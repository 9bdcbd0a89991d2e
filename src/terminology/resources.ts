/**
 * The parts of CodeSystem, ValueSet and ConceptMap that are read here, and where they come from.
 * https://hl7.org/fhir/R4/codesystem.html, https://hl7.org/fhir/R4/valueset.html, https://hl7.org/fhir/R4/conceptmap.html
 *
 * Everything is optional: a stored resource may carry extensions where the standard demands a value.
 */
import type { Resource } from '../fhir/resource.js';
import type { Origin } from '../fhir/structure-definition.js';

export interface Extension {
  readonly url?: string;
  readonly valueString?: string;
  readonly valueCode?: string;
  readonly valueUri?: string;
  readonly valueCanonical?: string;
  readonly valueBoolean?: boolean;
  readonly valueInteger?: number;
  readonly valueDecimal?: number;
  readonly extension?: readonly Extension[];
}

export interface Coding {
  readonly system?: string;
  readonly version?: string;
  readonly code?: string;
  readonly display?: string;
}

export interface Property {
  readonly code?: string;
  readonly valueCode?: string;
  readonly valueCoding?: Coding;
  readonly valueString?: string;
  readonly valueInteger?: number;
  readonly valueBoolean?: boolean;
  readonly valueDateTime?: string;
  readonly valueDecimal?: number;
}

export interface Designation {
  readonly extension?: readonly Extension[];
  readonly language?: string;
  readonly use?: Coding;
  readonly value?: string;
}

export interface Concept {
  readonly extension?: readonly Extension[];
  readonly code?: string;
  readonly display?: string;
  readonly definition?: string;
  readonly designation?: readonly Designation[];
  readonly property?: readonly Property[];
  readonly concept?: readonly Concept[];
}

/** What CodeSystem and ValueSet say of themselves. */
export interface ResourceHead {
  readonly id?: string;
  readonly meta?: { readonly versionId?: string; readonly lastUpdated?: string };
  readonly language?: string;
  readonly extension?: readonly Extension[];
  readonly url?: string;
  readonly version?: string;
  readonly name?: string;
  readonly title?: string;
  readonly status?: string;
  readonly experimental?: boolean;
}

export interface PropertyDefinition {
  readonly code?: string;
  readonly uri?: string;
  /** `code`, `Coding`, `string`, `integer`, `boolean`, `dateTime`, `decimal`. */
  readonly type?: string;
}

export interface CodeSystem extends ResourceHead {
  readonly resourceType: 'CodeSystem';
  readonly caseSensitive?: boolean;
  /** Canonical of the value set that is the whole code system. */
  readonly valueSet?: string;
  /** `complete`, `fragment`, `example`, `not-present`, `supplement`. */
  readonly content?: string;
  /** Canonical of the code system that it adds something to. */
  readonly supplements?: string;
  /** `is-a`, `grouped-by`, `part-of`, `classified-with`. */
  readonly hierarchyMeaning?: string;
  /** Declared properties. */
  readonly property?: readonly PropertyDefinition[];
  readonly concept?: readonly Concept[];
}

export interface ConceptFilterDefinition {
  readonly extension?: readonly Extension[];
  readonly property?: string;
  readonly op?: string;
  readonly _op?: { readonly extension?: readonly Extension[] };
  readonly value?: string;
}

/** A concept that an include lists. */
export interface ListedConcept {
  readonly extension?: readonly Extension[];
  readonly code?: string;
  readonly display?: string;
  readonly designation?: readonly Designation[];
}

/** One include or exclude. */
export interface ValueSetInclude {
  readonly system?: string;
  readonly version?: string;
  readonly concept?: readonly ListedConcept[];
  readonly filter?: readonly ConceptFilterDefinition[];
  readonly valueSet?: readonly (string | null)[];
}

export interface Contained extends ListedConcept {
  readonly system?: string;
  readonly version?: string;
  readonly abstract?: boolean;
  readonly inactive?: boolean;
  readonly contains?: readonly Contained[];
}

export interface ValueSet extends ResourceHead {
  readonly resourceType: 'ValueSet';
  /** Others that it names by `#id`. */
  readonly contained?: readonly { readonly resourceType?: string; readonly id?: string }[];
  readonly compose?: {
    readonly extension?: readonly Extension[];
    readonly inactive?: boolean;
    readonly include?: readonly ValueSetInclude[];
    readonly exclude?: readonly ValueSetInclude[];
  };
  readonly expansion?: {
    readonly total?: number;
    readonly extension?: readonly Extension[];
    readonly contains?: readonly Contained[];
  };
}

export interface MapTarget {
  readonly code?: string;
  readonly display?: string;
  /** `equivalent`, `wider`, `narrower`, `unmatched` … */
  readonly equivalence?: string;
  /** It counts only where other elements have these values. */
  readonly dependsOn?: readonly { readonly property?: string; readonly value?: string }[];
}

export interface MapElement {
  readonly code?: string;
  readonly display?: string;
  readonly target?: readonly MapTarget[];
}

export interface MapGroup {
  readonly source?: string;
  readonly sourceVersion?: string;
  readonly target?: string;
  readonly targetVersion?: string;
  readonly element?: readonly MapElement[];
  readonly unmapped?: {
    /** `provided`, `fixed`, `other-map`. */
    readonly mode?: string;
    readonly code?: string;
    readonly display?: string;
    readonly url?: string;
  };
}

export interface ConceptMap extends ResourceHead {
  readonly resourceType: 'ConceptMap';
  readonly sourceUri?: string;
  readonly sourceCanonical?: string;
  readonly targetUri?: string;
  readonly targetCanonical?: string;
  readonly group?: readonly MapGroup[];
}

export type TerminologyResource = CodeSystem | ValueSet | ConceptMap;
export type TerminologyType = TerminologyResource['resourceType'];

/** The value of an extension, as far as it is a text. */
export const extensionText = (extensions: readonly Extension[] | undefined, url: string): string | undefined => {
  const found = extensions?.find(each => each.url === url);
  return found?.valueCode ?? found?.valueString ?? found?.valueCanonical ?? found?.valueUri;
};

/** `url|version`, or the url where there is no version. */
export const canonicalOf = ({
  url,
  version,
}: {
  readonly url?: string | undefined;
  readonly version?: string | undefined;
}): string => (version === undefined ? (url ?? '') : `${url ?? ''}|${version}`);

/**
 * How a resource is asked for: by its canonical url, with the business version if one is wanted, or by its id. `from`: within which
 * definition, which decides what a canonical without a version means.
 */
export type Canonical =
  | { readonly url: string; readonly version?: string; readonly from?: Origin | undefined }
  | { readonly id: string };

/** A stored resource that was not parsed yet. `key` names its text for good: type, id and version. */
export interface UnparsedResource {
  readonly key: string;
  /** A long text is read in pieces. */
  read(): Promise<Resource>;
  /** The guide that it is from. */
  readonly origin?: Origin;
}

/**
 * Finds a stored ValueSet, CodeSystem or ConceptMap; without a version, the newest. It is called for every test, so that a resource
 * counts as soon as it is stored; what it gives may be shared, and nobody may change it. It may leave out what the caller is not allowed to see. Giving the resource unparsed is
 * better: a code system whose index is cached is not parsed again.
 */
export type LoadCanonical = (type: TerminologyType, by: Canonical) => Promise<Resource | UnparsedResource | undefined>;

/** Finds all stored resources with a url, or, of ConceptMaps, those from or to a code system; at most some of them. */
export type ListCanonicals = (
  type: TerminologyType,
  by: { readonly url: string } | { readonly maps: string },
) => Promise<readonly (Resource | UnparsedResource)[]>;
