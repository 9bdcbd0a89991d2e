/**
 * StructureDefinitions, SearchParameters and CompartmentDefinitions as published → the compact shapes of
 * src/fhir/definitions.ts. https://hl7.org/fhir/R4/structuredefinition.html, https://hl7.org/fhir/R4/elementdefinition.html
 *
 * Choices: primitives keep `id` and `extension` (what a `_property` may hold) and drop `value`, whose regular expression
 * becomes the type's pattern. Profiles on types (SimpleQuantity) are not types of their own. FHIRPath system types become
 * the FHIR type that the definition names beside them, with Resource.id as `id`, which the specification says in prose.
 */
import type {
  CompartmentDefinition,
  ElementDefinition,
  SearchParameterDefinition,
  TypeDefinition,
  TypeRef,
} from '../src/fhir/definitions.js';

/** The part of a published StructureDefinition that is read here. */
export interface Structure {
  readonly resourceType: 'StructureDefinition';
  readonly name: string;
  readonly type: string;
  readonly kind: string;
  readonly abstract: boolean;
  readonly derivation?: string;
  readonly baseDefinition?: string;
  readonly snapshot: { readonly element: readonly SnapshotElement[] };
}

export interface SnapshotElement {
  readonly path: string;
  readonly min: number;
  readonly max: string;
  readonly type?: readonly {
    readonly code: string;
    readonly targetProfile?: readonly string[];
    readonly extension?: readonly { readonly url: string; readonly valueUrl?: string; readonly valueString?: string }[];
  }[];
  readonly contentReference?: string;
  readonly isSummary?: boolean;
  readonly isModifier?: boolean;
  readonly binding?: { readonly strength: string; readonly valueSet?: string };
}

const BASE = 'http://hl7.org/fhir/StructureDefinition/';
const lastPart = (url: string): string => url.slice(url.lastIndexOf('/') + 1);

/**
 * Patterns that are not taken as published. base64Binary's takes exponential time on hostile text; the groups of four
 * are counted in code. The one of string and markdown is written for XML Schema, where `\S` holds every space beyond
 * ASCII; in JavaScript it would refuse the no-break space. This one says what the prose says: no control characters.
 */
const PATTERNS: Readonly<Record<string, string>> = {
  base64Binary: '[\\s0-9a-zA-Z+/=]+',
  string: '[^\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f]+',
  markdown: '[^\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f]+',
};

/** True for the definition of a type or resource itself: no profile, no logical model. */
export const isType = (structure: Structure): boolean =>
  structure.kind !== 'logical' && structure.derivation !== 'constraint';

/** One published definition → the type and one type for each of its backbone elements. */
export function compactType(structure: Structure): TypeDefinition[] {
  const [root, ...rest] = structure.snapshot.element;
  if (!root) throw new Error(`${structure.name} has no snapshot.`);
  const primitive = structure.kind === 'primitive-type';
  const children = new Map<string, SnapshotElement[]>();
  for (const element of rest) {
    if (primitive && element.path.endsWith('.value')) continue;
    const parent = element.path.slice(0, element.path.lastIndexOf('.'));
    const siblings = children.get(parent);
    if (siblings) siblings.push(element);
    else children.set(parent, [element]);
  }
  const pattern = primitive ? patternOf(structure) : undefined;
  return [...new Set([root.path, ...children.keys()])].map((path): TypeDefinition => {
    const elements = (children.get(path) ?? []).map(element =>
      compactElement(structure, element, children.has(element.path)),
    );
    if (path !== root.path) {
      const own = rest.find(element => element.path === path);
      return { name: path, kind: 'backbone', base: own?.type?.[0]?.code ?? 'BackboneElement', elements };
    }
    return {
      name: path,
      kind: primitive ? 'primitive' : structure.kind === 'resource' ? 'resource' : 'complex',
      ...(structure.baseDefinition ? { base: lastPart(structure.baseDefinition) } : {}),
      ...(structure.abstract ? { abstract: true } : {}),
      elements,
      ...(pattern ? { pattern: `^(?:${pattern})$` } : {}),
    };
  });
}

function patternOf(structure: Structure): string | undefined {
  const value = structure.snapshot.element.find(element => element.path.endsWith('.value'));
  const published = value?.type?.[0]?.extension?.find(extension => extension.url === `${BASE}regex`)?.valueString;
  return PATTERNS[structure.name] ?? published;
}

function compactElement(structure: Structure, element: SnapshotElement, hasChildren: boolean): ElementDefinition {
  const name = lastPart(element.path.replaceAll('.', '/'));
  const choice = name.endsWith('[x]');
  const content = element.contentReference?.slice(element.contentReference.indexOf('#') + 1);
  const children = content ?? (hasChildren ? element.path : undefined);
  const { binding } = element;
  return {
    name: choice ? name.slice(0, -3) : name,
    ...(choice ? { choice: true } : {}),
    types: content
      ? [{ code: 'BackboneElement' }]
      : (element.type ?? []).map(type => compactRef(structure, element.path, type)),
    min: element.min,
    max: element.max === '*' ? -1 : Number(element.max),
    ...(children ? { children } : {}),
    ...(element.isSummary ? { summary: true } : {}),
    ...(element.isModifier ? { modifier: true } : {}),
    ...(binding?.strength === 'required' && binding.valueSet ? { required: binding.valueSet.split('|')[0]! } : {}),
  };
}

function compactRef(structure: Structure, path: string, type: NonNullable<SnapshotElement['type']>[number]): TypeRef {
  if (type.code.startsWith('http://hl7.org/fhirpath/System.')) {
    if (structure.kind === 'resource' && path === `${structure.name}.id`) return { code: 'id' };
    const named = type.extension?.find(extension => extension.url === `${BASE}structuredefinition-fhir-type`);
    return { code: named?.valueUrl ?? named?.valueString ?? 'string' };
  }
  const targets = (type.targetProfile ?? []).map(lastPart);
  return { code: type.code, ...(targets.length > 0 && !targets.includes('Resource') ? { targets } : {}) };
}

/** All types of a set of definitions, in the order given. */
export const compactTypes = (structures: readonly Structure[]): TypeDefinition[] =>
  structures.filter(isType).flatMap(compactType);

/** The part of a published SearchParameter that is read here. */
export interface PublishedParameter {
  readonly resourceType: 'SearchParameter';
  readonly url: string;
  readonly code: string;
  readonly type: SearchParameterDefinition['type'];
  readonly base: readonly string[];
  readonly expression?: string;
  readonly xpathUsage?: string;
  readonly target?: readonly string[];
  readonly component?: readonly { readonly definition: string; readonly expression: string }[];
}

export const compactParameter = (published: PublishedParameter): SearchParameterDefinition => ({
  url: published.url,
  code: published.code,
  type: published.type,
  base: published.base,
  ...(published.expression ? { expression: published.expression } : {}),
  ...(published.target ? { target: published.target } : {}),
  ...(published.xpathUsage === 'phonetic' ? { phonetic: true } : {}),
  ...(published.component
    ? { components: published.component.map(({ definition, expression }) => ({ definition, expression })) }
    : {}),
});

/** The part of a published CompartmentDefinition that is read here. */
export interface PublishedCompartment {
  readonly resourceType: 'CompartmentDefinition';
  readonly code: string;
  readonly resource: readonly { readonly code: string; readonly param?: readonly string[] }[];
}

/** Types without a parameter are not in the compartment and are left out. */
export const compactCompartment = (published: PublishedCompartment): CompartmentDefinition => ({
  code: published.code,
  resources: Object.fromEntries(
    published.resource.filter(({ param }) => param?.length).map(({ code, param }) => [code, param ?? []]),
  ),
});
