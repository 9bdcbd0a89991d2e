/**
 * The search parameters of every resource type, compiled on first use: one when it is asked for, the others with all of its type.
 * https://hl7.org/fhir/R4/searchparameter-registry.html
 *
 * Left out, because they are no index: `_text`, `_content`, `_query`, `_filter`, `_list`, `_has`.  `_id` and `_lastUpdated` are there like all others.
 */
import type { Definitions, SearchParameterDefinition } from '../fhir/definitions.js';
import type { EntryValue } from './entry.js';
import { compilePath } from './path.js';
import type { Ending, PathWalk } from './path-walk.js';
import { type Nature, natureOf, readingOf } from './reading.js';
import type { Extraction } from './values.js';

export type SearchType = SearchParameterDefinition['type'];

/** A search parameter as it works on one resource type. */
export interface SearchParameter {
  readonly code: string;
  readonly type: SearchType;
  readonly url: string;
  /** Element types that it reads: `CodeableConcept`, `Period`, `canonical` … Empty for a composite. */
  readonly elements: ReadonlySet<string>;
  /** Resource types that a reference parameter can point at; empty: any. */
  readonly targets: readonly string[];
  /** The system that its `code` and `boolean` values are understood in; they are stored without a system. */
  readonly implied?: string;
  /** What its values are beyond their types (reading.ts). */
  readonly nature?: Nature;
  /** Date, number, quantity: its values can be Periods, Timings or Ranges, so that low and high differ by more than precision. */
  readonly spans: boolean;
  /** One resource can have several values. */
  readonly repeats: boolean;
  readonly sortable: boolean;
  /** Composite: the parts, in order. */
  readonly components: readonly SearchParameter[];
  /** Appends what it finds in a resource (in a component: in the composite's element). */
  readonly read: PathWalk<Extraction>;
}

export interface SearchParameters {
  /** Code → parameter, for a concrete resource type, the common ones included. Empty for an unknown type. */
  of(type: string): ReadonlyMap<string, SearchParameter>;
  get(type: string, code: string): SearchParameter | undefined;
  /** Rises whenever what `of` gives has changed (live.ts). */
  readonly generation: number;
  /** Of its parameters, those that are none of the standard's. */
  customOf(type: string): ReadonlySet<string>;
  /** Parameters whose expression leads to nothing on the type (of types compiled so far): `Type.code`. */
  readonly pathless: ReadonlySet<string>;
}

const BOOLEANS = 'http://terminology.hl7.org/CodeSystem/special-values';

/** Systems of value sets that no list can hold, and the system of all codes but `unknown` of one that has two. */
const UNLISTED: ReadonlyMap<string, string> = new Map([
  ['http://hl7.org/fhir/ValueSet/mimetypes', 'urn:ietf:bcp:13'],
  ['http://hl7.org/fhir/ValueSet/task-intent', 'http://hl7.org/fhir/request-intent'],
]);
const LANGUAGES = 'urn:ietf:bcp:47';

/**
 * `custom` parameters win over the standard's where type and code are the same. `standard`: the standard's parameters,
 * where they have been made already, so that nothing is compiled twice.
 */
export function createSearchParameters(
  definitions: Definitions,
  custom: readonly SearchParameterDefinition[] = [],
  standard?: SearchParameters,
): SearchParameters {
  const byUrl = new Map([...definitions.searchParameters, ...custom].map(definition => [definition.url, definition]));
  const whole = new Map<string, ReadonlyMap<string, SearchParameter>>();
  const dead = new Set<string>();
  const concrete = new Set(definitions.resourceTypes);
  const context: CompileContext = { definitions, byUrl: url => byUrl.get(url) };
  const isOf = (type: string) => (definition: SearchParameterDefinition) =>
    definition.base.some(base => hasBase(definitions, base, type));
  const own = standard ? custom : [...definitions.searchParameters, ...custom];
  const ownOfCode = new Map<string, SearchParameterDefinition[]>();
  for (const definition of own) ownOfCode.set(definition.code, [...(ownOfCode.get(definition.code) ?? []), definition]);
  const isCustom = new Set(custom);
  const compiled = new Map<string, Map<SearchParameterDefinition, SearchParameter | undefined>>();
  /** Once for a type, whether one or all of its parameters are asked for. */
  const compile = (type: string, definition: SearchParameterDefinition): SearchParameter | undefined => {
    let known = compiled.get(type);
    if (!known) compiled.set(type, (known = new Map()));
    if (known.has(definition) || !definition.expression) return known.get(definition);
    let parameter = compileParameter(context, definition, definition.expression, type);
    if (!parameter) dead.add(`${type}.${definition.code}`);
    else if (isCustom.has(definition)) parameter = { ...parameter, read: ignoringErrors(parameter.read) };
    known.set(definition, parameter);
    return parameter;
  };
  const of = (type: string) => {
    const known = whole.get(type);
    if (known) return known;
    const found = new Map<string, SearchParameter>(standard?.of(type));
    for (const definition of concrete.has(type) ? own.filter(isOf(type)) : []) {
      const parameter = compile(type, definition);
      if (parameter) found.set(definition.code, parameter);
    }
    whole.set(type, found);
    return found;
  };
  /** The last one wins. Of a type that nobody has searched only what is asked for is compiled. */
  const get = (type: string, code: string): SearchParameter | undefined => {
    const known = whole.get(type);
    if (known) return known.get(code);
    if (!concrete.has(type)) return undefined;
    for (const definition of (ownOfCode.get(code) ?? []).filter(isOf(type)).toReversed()) {
      const parameter = compile(type, definition);
      if (parameter) return parameter;
    }
    return standard?.get(type, code);
  };
  const customs = new Map<string, ReadonlySet<string>>();
  const customOf = (type: string): ReadonlySet<string> => {
    let codes = customs.get(type);
    if (!codes) customs.set(type, (codes = new Set(custom.filter(isOf(type)).map(({ code }) => code))));
    return codes;
  };
  return {
    of,
    get,
    generation: 0,
    customOf,
    pathless: dead,
  };
}

type ReadValues = PathWalk<Extraction>;

/** A custom expression may fail on an unexpected value: it then gives no entry, and the write succeeds. */
const ignoringErrors =
  (read: ReadValues): ReadValues =>
  (value, frame) => {
    const { length } = frame.out;
    try {
      read(value, frame);
    } catch {
      frame.out.length = length;
    }
  };

/** What compiling one parameter needs; `byUrl` finds the parts of a composite. */
export interface CompileContext {
  readonly definitions: Definitions;
  byUrl(url: string): SearchParameterDefinition | undefined;
}

/** The concrete resource types of a list of bases, which may be abstract. */
export const concreteTypes = (definitions: Definitions, bases: readonly string[]): readonly string[] =>
  definitions.resourceTypes.filter(type => bases.some(base => hasBase(definitions, base, type)));

/** Whether a type is a base, or made of it. */
export function hasBase(definitions: Definitions, base: string, type: string): boolean {
  for (let at: string | undefined = type; at !== undefined; at = definitions.types.get(at)?.base)
    if (at === base) return true;
  return false;
}

/**
 * For a focus of `type`: a resource type, or the type of a composite's element. Undefined: the expression leads to
 * nothing there that the type of the parameter can use. Throws on an expression that is none.
 */
export function compileParameter(
  context: CompileContext,
  definition: SearchParameterDefinition,
  expression: string,
  type: string,
): SearchParameter | undefined {
  if (definition.type === 'composite') return compileComposite(context, definition, expression, type);
  const endings: Ending[] = [];
  const read = compilePath<Extraction>(context.definitions, expression, type, ending => {
    const take = readingOf(context.definitions, definition, type, ending);
    if (take) endings.push(ending);
    return take;
  });
  if (!read) return undefined;
  const elements = new Set(endings.map(ending => ending.type));
  const implied = impliedSystem(context.definitions, endings);
  const nature = natureOf(context.definitions, definition, type, endings);
  return {
    code: definition.code,
    type: definition.type,
    url: definition.url,
    elements,
    targets: definition.type === 'reference' ? referenceTargets(context, definition, endings) : [],
    ...(implied === undefined ? {} : { implied }),
    ...(nature === undefined ? {} : { nature }),
    spans: ['Period', 'Timing', 'Range'].some(spanning => elements.has(spanning)),
    // The types of one choice exclude each other; two elements do not.
    repeats:
      new Set(endings.map(({ element }) => element)).size > 1 ||
      endings.some(ending => ending.repeats || MULTI_ENTRY_TYPES.has(ending.type)),
    sortable: isSortable(definition, nature),
    components: [],
    read,
  };
}

/** R4's `combo-` parameters have no values of their own: they are two others together. */
const isSortable = ({ type, code }: SearchParameterDefinition, nature: Nature | undefined): boolean =>
  type !== 'reference' && type !== 'special' && nature !== 'sound' && !code.startsWith('combo-');

/** Element types of which one value can give several entries. */
const MULTI_ENTRY_TYPES: ReadonlySet<string> = new Set(['CodeableConcept', 'HumanName', 'Address']);

/** What an element allows, narrowed by `resolve() is …` and by what the parameter declares. */
function referenceTargets(
  { definitions }: CompileContext,
  definition: SearchParameterDefinition,
  endings: readonly Ending[],
): readonly string[] {
  const targets = new Set<string>();
  for (const ending of endings) {
    if (ending.only !== undefined) targets.add(ending.only);
    else {
      const allowed = ending.element?.types.find(({ code }) => code === ending.type)?.targets ?? [];
      const declared = definition.target ?? [];
      const both = allowed.filter(target => declared.includes(target));
      const chosen = both.length > 0 ? both : allowed.length > 0 ? allowed : declared;
      // One ending without a limit lifts it for all.
      if (chosen.length === 0) return [];
      for (const target of chosen) targets.add(target);
    }
  }
  // R4 often means "any" and names nearly every type.
  const everything = targets.has('Resource') || targets.size > definitions.resourceTypes.length * 0.9;
  return everything ? [] : [...targets].toSorted();
}

/** The one system of all elements that carry bare codes; undefined where there is none or several. */
function impliedSystem(definitions: Definitions, endings: readonly Ending[]): string | undefined {
  const systems = new Set<string | undefined>();
  for (const { type, element } of endings) {
    if (type === 'boolean') systems.add(BOOLEANS);
    if (type === 'code') {
      const valueSet = element?.required ?? '';
      const language = element?.name === 'language' ? LANGUAGES : undefined;
      systems.add(definitions.codeLists.get(valueSet)?.system ?? UNLISTED.get(valueSet) ?? language);
    }
  }
  const [only] = systems;
  return systems.size === 1 ? only : undefined;
}

/** R4 4.0.1 exchanged the expressions of the two parts: the reference is read from `code`, the code from `target`. */
const ERRATA: ReadonlyMap<string, string> = new Map([
  ['http://hl7.org/fhir/SearchParameter/DocumentReference-relationship#code', 'target'],
  ['http://hl7.org/fhir/SearchParameter/DocumentReference-relationship#target', 'code'],
]);

/** Entries that no search without a modifier or chain finds. */
const BY_MODIFIER: ReadonlySet<string> = new Set(['text', 'of-type', 'media-type', 'held']);

function compileComposite(
  context: CompileContext,
  definition: SearchParameterDefinition,
  expression: string,
  type: string,
): SearchParameter | undefined {
  let components: readonly SearchParameter[] = [];
  const read = compilePath<Extraction>(context.definitions, expression, type, focus => {
    const parts = (definition.components ?? []).map(component => {
      const part = context.byUrl(component.definition.split('|', 1)[0]!);
      const corrected = ERRATA.get(`${definition.url}#${component.expression}`) ?? component.expression;
      return part && compileParameter(context, part, corrected, focus.type);
    });
    if (parts.length === 0 || parts.some(part => part === undefined)) return undefined;
    const found = parts as readonly SearchParameter[];
    if (components.length === 0) components = found;
    return (value, frame) => {
      const values = found.map(part => {
        const out: EntryValue[] = [];
        part.read(value, { ...frame, out });
        // No modifier reaches into a composite: what only modifiers search is left out.
        return out.filter(({ kind }) => !BY_MODIFIER.has(kind));
      });
      if (values.every(part => part.length > 0)) frame.out.push({ kind: 'composite', parts: values });
    };
  });
  if (!read) return undefined;
  return {
    code: definition.code,
    type: 'composite',
    url: definition.url,
    elements: new Set(),
    targets: [],
    spans: false,
    repeats: true,
    sortable: false,
    components,
    read,
  };
}
