/**
 * R4 (4.0.1) as data: types, elements, search parameters, compartments, required code lists. Read from the artefact
 * that build/definitions.ts compacts from the published definitions, in tens of milliseconds; nothing here knows a
 * resource type by name. https://hl7.org/fhir/R4/downloads.html
 */
import { readFileSync } from 'node:fs';

export interface ElementDefinition {
  /** Last part of the path; for a choice without `[x]`: `value`. */
  readonly name: string;
  /** `value[x]`: the JSON property is name + capitalised type code. */
  readonly choice?: true;
  readonly types: readonly TypeRef[];
  readonly min: number;
  /** -1: `*`. */
  readonly max: number;
  /** Name of the TypeDefinition that holds the children: of a backbone element (`Patient.contact`), or a contentReference. */
  readonly children?: string;
  readonly summary?: true;
  readonly modifier?: true;
  /** Canonical (without version) of a required binding's value set. */
  readonly required?: string;
}

export interface TypeRef {
  /** `string`, `HumanName`, `Reference`, `BackboneElement`, `Resource` …; `xhtml` for Narrative.div; FHIRPath system types are mapped to FHIR ones. */
  readonly code: string;
  /** Reference, canonical: resource type names; absent: any. */
  readonly targets?: readonly string[];
}

export interface TypeDefinition {
  /** `Patient`, `HumanName`, `Patient.contact`, `string`. */
  readonly name: string;
  readonly kind: 'resource' | 'complex' | 'primitive' | 'backbone';
  readonly base?: string;
  readonly abstract?: true;
  /** All elements, inherited ones included, in the order of the snapshot (the order of XML). */
  readonly elements: readonly ElementDefinition[];
  /** Primitives: anchored regular expression source. */
  readonly pattern?: string;
}

export interface SearchParameterDefinition {
  readonly url: string;
  readonly code: string;
  readonly type: 'number' | 'date' | 'string' | 'token' | 'reference' | 'composite' | 'quantity' | 'uri' | 'special';
  readonly base: readonly string[];
  readonly expression?: string;
  readonly target?: readonly string[];
  /** `xpathUsage` is `phonetic`: values are compared by their sound. */
  readonly phonetic?: true;
  /** Composite: canonical of each part's SearchParameter and its expression relative to ours. */
  readonly components?: readonly { readonly definition: string; readonly expression: string }[];
}

export interface CompartmentDefinition {
  readonly code: string;
  /** Resource type → search parameters through which it belongs to the compartment. */
  readonly resources: Readonly<Record<string, readonly string[]>>;
}

/** A required binding's codes, where the value set can be expanded offline and is small. */
export interface CodeList {
  /** The one code system of all codes, if there is just one. */
  readonly system?: string;
  readonly codes: readonly string[];
}

/** The artefact as JSON. */
export interface DefinitionsFile {
  readonly version: string;
  readonly types: readonly TypeDefinition[];
  readonly searchParameters: readonly SearchParameterDefinition[];
  readonly compartments: readonly CompartmentDefinition[];
  readonly codeLists: Readonly<Record<string, CodeList>>;
}

export interface Definitions {
  readonly version: string;
  readonly types: ReadonlyMap<string, TypeDefinition>;
  /** Concrete resource types, sorted. */
  readonly resourceTypes: readonly string[];
  readonly searchParameters: readonly SearchParameterDefinition[];
  readonly compartments: readonly CompartmentDefinition[];
  readonly codeLists: ReadonlyMap<string, CodeList>;
  /** JSON property name (without a leading `_`) of a type → its element and, for a choice, the type in the name. */
  property(type: string, name: string): { readonly element: ElementDefinition; readonly type?: TypeRef } | undefined;
}

const ARTEFACT = new URL('../../r4/definitions.json', import.meta.url);

let loaded: Definitions | undefined;

/** Reads the artefact once in a process. Throws if it has not been built. */
export const loadDefinitions = (): Definitions =>
  (loaded ??= definitionsFrom(JSON.parse(readFileSync(ARTEFACT, 'utf8')) as DefinitionsFile));

export function definitionsFrom(data: DefinitionsFile): Definitions {
  const types = new Map(data.types.map(type => [type.name, type]));
  const properties = new Map<string, Map<string, { element: ElementDefinition; type?: TypeRef }>>();
  const propertiesOf = (name: string) => {
    let found = properties.get(name);
    if (found) return found;
    found = new Map();
    for (const element of types.get(name)?.elements ?? []) {
      if (!element.choice) found.set(element.name, { element });
      else
        for (const type of element.types)
          found.set(element.name + type.code[0]!.toUpperCase() + type.code.slice(1), { element, type });
    }
    properties.set(name, found);
    return found;
  };
  return {
    version: data.version,
    types,
    resourceTypes: data.types
      .filter(type => type.kind === 'resource' && !type.abstract)
      .map(type => type.name)
      .toSorted(),
    searchParameters: data.searchParameters,
    compartments: data.compartments,
    codeLists: new Map(Object.entries(data.codeLists)),
    property: (type, name) => propertiesOf(type).get(name),
  };
}
