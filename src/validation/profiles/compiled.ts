/**
 * A profile (or a base definition) as it is walked: a tree of nodes that hold closures, made once by compile.ts and asked for every
 * resource by walk.ts. It holds only what somebody else does not check already: of a base definition what the gate leaves, of a profile
 * what it says beyond its base.
 */
import type { JsonObject, Resource } from '../../fhir/resource.js';
import type { Origin } from '../../fhir/structure-definition.js';
import type { CheckedElement, CheckRun, ResourceSite } from '../run.js';

/** A profile as another one, or a resource, names it. */
export interface ProfileRef {
  /** `url` or `url|version`. */
  readonly canonical: string;
  /** Undefined: it is named by a resource. */
  readonly from: Origin | undefined;
  /** Both together, for look-ups. */
  readonly key: string;
}

export const refTo = (canonical: string, from: Origin | undefined): ProfileRef => ({
  canonical,
  from,
  key: from === undefined ? canonical : `${from}\n${canonical}`,
});

/** A base definition by its type: found at first use, and kept. */
export interface TypeLink {
  readonly type: string;
  node: ElementNode | undefined;
}

export interface CompiledProfile {
  readonly usable: true;
  /** Its canonical with its version, as issues name it. */
  readonly name: string;
  readonly url: string;
  readonly origin: Origin;
  /** The type of what it constrains. */
  readonly type: string;
  readonly root: ElementNode;
  /** What its author should know, each said once for a resource that is checked against it. */
  readonly flaws: readonly string[];
  readonly extension: ExtensionRules | undefined;
}

/** Of the definition of an extension. */
export interface ExtensionRules {
  readonly modifier: boolean;
  readonly contexts: readonly ExtensionContext[];
  /** Each must hold where the extension stands. */
  readonly invariants: readonly ProfileCheck[];
  /** Urls of its parts, and of theirs. Undefined: its elements say already that it has no others. */
  readonly parts: ReadonlySet<string> | undefined;
}

export interface ExtensionContext {
  readonly type: string;
  readonly expression: string;
  /** Of the type `fhirpath`: reports an error where it does not hold. */
  readonly holds?: ProfileCheck;
}

/** A profile that nothing can be checked against. */
export interface UnusableProfile {
  readonly usable: false;
  /** Undefined: nobody knows it. */
  readonly reason: string | undefined;
}

/** One pass over one resource, as compiled profiles see it. */
export interface ProfileRun extends CheckRun {
  /** True while somebody only wants to know whether something conforms and has found that it does not. */
  readonly stopped: boolean;
  /** True while nothing is reported. */
  readonly silent: boolean;
  /** Where what the resource itself names is looked for first: where the first profile comes from that it is checked against. */
  readonly preferred: Origin | undefined;
  /** Undefined: it is being loaded. */
  profileOf(ref: ProfileRef): CompiledProfile | UnusableProfile | undefined;
  /** The node of a base definition; undefined: it is being loaded, or there is none. */
  nodeOf(link: TypeLink): ElementNode | undefined;
  /** Checks the element against the profile, once, and reports what is wrong; a profile that cannot be had is reported. */
  apply(ref: ProfileRef, element: CheckedElement): void;
  /** Whether the element conforms; undefined: not known. Reports nothing. */
  fits(ref: ProfileRef, element: CheckedElement): boolean | undefined;
  /** Runs the checks of a node, and walks its children. */
  walk(node: ElementNode, element: CheckedElement): void;
  /** Whether the rules of the node hold. Reports nothing. */
  holds(node: ElementNode, element: CheckedElement): boolean | undefined;
  /** Runs a check, and says whether it found no error. Reports nothing. */
  passes(check: ProfileCheck, element: CheckedElement): boolean | undefined;
  /** The site of a resource inside the one that is checked. */
  siteOf(resource: Resource): ResourceSite | undefined;
  /** What was asked cannot be known now. */
  doubt(): void;
  /** Does it later, with turns for others in between, where the resource is large. */
  later(work: () => void, isLong?: boolean): void;
}

export type ProfileCheck = (element: CheckedElement, run: ProfileRun) => void;

/** What is asked of one value, and of its children. */
export interface ElementNode {
  readonly checks: ProfileCheck[];
  /** Rules of children that are asked though nothing be there. */
  readonly always: ElementRule[];
  /** Rules of children, by their names in JSON (`_birthDate` too). */
  readonly byKey: Map<string, KeyedRule>;
  /** Children that the profile marks mustSupport. */
  readonly supported: ElementRule[];
}

export const emptyNode = (): ElementNode => ({ checks: [], always: [], byKey: new Map(), supported: [] });

export const isEmptyNode = ({ checks, always, byKey, supported }: ElementNode): boolean =>
  checks.length === 0 && always.length === 0 && byKey.size === 0 && supported.length === 0;

/** One element of an object, all its values. */
export interface ElementRule {
  /** Of a choice without `[x]`. */
  readonly name: string;
  /** The forms it may have in JSON; several for a choice. */
  readonly forms: readonly ElementForm[];
  readonly repeating: boolean;
  readonly min: number;
  readonly max: number;
  /** Of each value; of a contentReference the node of another element. */
  node: ElementNode;
  readonly slicing: SliceSet | undefined;
  /** The profile that says so, for issues. */
  readonly profile: string;
}

export interface ElementForm {
  readonly key: string;
  /** `_birthDate`; undefined where there can be none. */
  readonly siblingKey: string | undefined;
  /** Type of the value; `Resource` where the value says it. */
  readonly type: string;
  /** The base definition of the value's type, walked with it. Undefined in a profile: the base definition is walked on its own. */
  readonly link: TypeLink | undefined;
  /** That of what stands beside a primitive. */
  readonly besideLink: TypeLink | undefined;
}

export interface KeyedRule {
  readonly rule: ElementRule;
  readonly form: ElementForm;
  /** The key is that of the sibling; the rule has been asked already where the value is there, if `paired`. */
  readonly beside: boolean;
  readonly paired: boolean;
}

export interface SliceSet {
  readonly slices: readonly Slice[];
  readonly rules: 'closed' | 'open' | 'openAtEnd';
  readonly ordered: boolean;
  /** The slice that takes what no other does. */
  readonly rest: Slice | undefined;
}

export interface Slice {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  /** Whether a value belongs here; undefined as an answer: that is not known. Undefined itself: nobody can tell. */
  readonly test: SliceTest | undefined;
  readonly node: ElementNode;
  readonly slicing: SliceSet | undefined;
}

export type SliceTest = (element: CheckedElement, run: ProfileRun) => boolean | undefined;

export const NO_MEMBERS: JsonObject = Object.freeze({}) as JsonObject;
