/**
 * Compiles the simple invariants, which are nearly all of R4's, to closures that read the JSON itself: they take a hundredth of the
 * time that the engine takes, need not load it, and take no more steps than they count. What an expression gives is what the engine
 * gives (test/property/invariants.test.ts compares); what lies outside of this part of FHIRPath is left to the engine.
 * http://hl7.org/fhirpath/N1/, https://hl7.org/fhir/R4/fhirpath.html
 */
import type { ElementStep, NativeTypes, PrimitiveKind } from './native-types.js';
import { compileCall } from './native-calls.js';
import { compileOperator } from './native-operators.js';
import { type InvariantTree, readInvariant } from './native-syntax.js';
import {
  BarePrimitive,
  NO_ITEMS,
  type Native,
  type NativeEnvironment,
  type NativeItem,
  type NativeScope,
  systemTypeOf,
} from './native-values.js';
import type { NativeRule } from './native-rules.js';

/** An expression as a rule for elements of a type in resources of a type; undefined: it is left to the engine. */
export function compileNative(
  expression: string,
  types: NativeTypes,
  place: { readonly element: string; readonly resource: string; readonly root: string },
): NativeRule | undefined {
  try {
    const scope: NativeScope = { types, focus: focusNative(place.element, types), compile: compileTree, place };
    const native = compileTree(readInvariant(expression), scope);
    const truth = native.truth;
    if (truth) return (env, self) => truth(env, self) === true;
    const { items } = native;
    return (env, self) => {
      const found = items(env, self);
      return found.length === 1 ? found[0] !== false : found.length > 0;
    };
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Whether the expression names the resource around the element, whose type then matters. */
export const usesResource = (expression: string): boolean => /%(resource|rootResource)\b/.test(expression);

const focusNative = (type: string, types: NativeTypes): Native => ({
  types: [type],
  kind: types.kindOf(type),
  items: (_, self) => [self],
  exists: () => true,
  isFocus: true,
});

function compileTree(tree: InvariantTree, scope: NativeScope): Native {
  switch (tree.is) {
    case 'literal': {
      const { value } = tree;
      const items = [value];
      const { kind, type } = systemTypeOf(value);
      return { types: [type], kind, items: () => items, constants: items };
    }
    case 'nothing':
      return NO_ITEMS;
    case 'this':
      return scope.focus;
    case 'variable':
      return compileVariable(tree.name, scope);
    case 'member':
      return compileMember(tree, scope);
    case 'call':
      return compileCall(tree, scope);
    case 'index':
      return compileIndex(tree, scope);
    case 'operator':
      return compileOperator(tree, scope);
  }
}

const URLS: Readonly<Record<string, string>> = {
  ucum: 'http://unitsofmeasure.org',
  sct: 'http://snomed.info/sct',
  loinc: 'http://loinc.org',
};

function compileVariable(name: string, { place, types }: NativeScope): Native {
  const resource = (type: string, items: Native['items']): Native => ({ types: [type], kind: undefined, items });
  if (name === 'resource') return resource(place.resource, env => [env.element.site.resource]);
  if (name === 'rootResource') return resource(place.root, env => [env.rootResource]);
  if (name === 'context') {
    const kind = types.kindOf(place.element);
    return { types: [place.element], kind, items: env => [env.focus] };
  }
  const url =
    (URLS[name] ?? /^vs-[\w-]+$/.test(name))
      ? (URLS[name] ?? `http://hl7.org/fhir/ValueSet/${name.slice(3)}`)
      : undefined;
  if (url === undefined) throw new SyntaxError('A variable that is not known here.');
  const items = [url];
  return { types: ['System.String'], kind: 'text', items: () => items, constants: items };
}

function compileIndex({ of, at }: Extract<InvariantTree, { is: 'index' }>, scope: NativeScope): Native {
  if (at.is !== 'literal' || typeof at.value !== 'number') throw new SyntaxError('The index must be a number.');
  const base = scope.compile(of, scope);
  const index = at.value;
  return {
    types: base.types,
    kind: base.kind,
    items: (env, self) => base.items(env, self).slice(index, index + 1),
  };
}

function compileMember({ of, name }: Extract<InvariantTree, { is: 'member' }>, scope: NativeScope): Native {
  const { types } = scope;
  const base = of ? scope.compile(of, scope) : scope.focus;
  // `Patient.name` begins at the resource itself.
  if (!of && base.types.length === 1 && types.isA(base.types[0]!, name)) return base;
  return memberOfNative(base, name, scope);
}

/**
 * The values of an element. A resource has passed the gate, so that what its types do not know is never there; the items of a choice
 * have an element if one of their types has it.
 */
function memberOfNative(base: Native, name: string, { types }: NativeScope): Native {
  if (base.typeOnly) throw new SyntaxError('Of these resources only the type is known.');
  const steps = base.types.flatMap(type => types.step(type, name) ?? []);
  if (steps.length === 0) {
    // Resources have more elements than all of them have; primitives have their id and extensions elsewhere.
    if (base.types.some(type => type === 'Resource' || type === 'DomainResource' || type.startsWith('System.')))
      throw new SyntaxError('An element that is not known here.');
    return NO_ITEMS;
  }
  if (base.types.some(type => types.kindOf(type)) && (name === 'id' || name === 'extension'))
    throw new SyntaxError('What stands beside a primitive is left to the engine.');
  const step = steps.length === 1 ? steps[0]! : joinedStep(steps);
  const joined = steps.length === 1 ? undefined : valueTypesOf(steps);
  const native = (properties: ReadonlyMap<string, string>): Native => {
    const [first, ...more] = [...properties.keys()];
    const read = more.length === 0 ? readOne(first!, step.primitive) : readChoice(properties, step.primitive);
    const has = more.length === 0 ? hasOne(first!, step.primitive) : hasChoice(properties, step.primitive);
    const valueTypes = joined ?? [...new Set(properties.values())];
    return {
      types: valueTypes,
      kind: kindOfAll(valueTypes, types),
      items: base.isFocus
        ? (env, self) => {
            const out: NativeItem[] = [];
            if (isNavigable(self)) read(self, out);
            return counted(out, env);
          }
        : (env, self) => {
            const out: NativeItem[] = [];
            for (const item of base.items(env, self)) if (isNavigable(item)) read(item, out);
            return counted(out, env);
          },
      exists: base.isFocus
        ? (_, self) => isNavigable(self) && has(self)
        : (env, self) => {
            if (base.exists && !base.exists(env, self)) return false;
            return base.items(env, self).some(item => isNavigable(item) && has(item));
          },
      ...(properties.size > 1 || valueTypes.join() === 'Resource'
        ? { narrow: narrowTo(properties, native, types) }
        : {}),
    };
  };
  return native(step.properties);
}

/** The same element of several types: it may not be a choice. */
function joinedStep(steps: readonly ElementStep[]): ElementStep {
  const names = new Set(steps.flatMap(({ properties }) => [...properties.keys()]));
  if (names.size > 1) throw new SyntaxError('A choice of several types.');
  return { primitive: steps.some(({ primitive }) => primitive), properties: steps[0]!.properties };
}

const valueTypesOf = (steps: readonly ElementStep[]): readonly string[] => [
  ...new Set(steps.flatMap(({ properties }) => [...properties.values()])),
];

/** `ofType` of a choice reads the properties of that type alone; of resources, those that are of it. */
function narrowTo(
  properties: ReadonlyMap<string, string>,
  native: (properties: ReadonlyMap<string, string>) => Native,
  types: NativeTypes,
): (type: string) => Native {
  return wanted => {
    if (properties.size > 1) {
      const kept = [...properties].filter(([, type]) => types.isA(type, wanted));
      return kept.length > 0 ? native(new Map(kept)) : NO_ITEMS;
    }
    const all = native(properties);
    return {
      types: [wanted],
      kind: undefined,
      items: (env, self) =>
        all.items(env, self).filter(item => {
          const type = isNavigable(item) ? item['resourceType'] : undefined;
          return typeof type === 'string' && types.isA(type, wanted) === true;
        }),
    };
  };
}

const kindOfAll = (names: readonly string[], types: NativeTypes): PrimitiveKind | undefined => {
  const kinds = new Set(names.map(name => types.kindOf(name)));
  return kinds.size === 1 ? [...kinds][0] : undefined;
};

/** A few items cost less than to count them. */
const FEW = 8;

function counted(items: readonly NativeItem[], { run }: NativeEnvironment): readonly NativeItem[] {
  if (items.length > FEW) run.spend(items.length);
  return items;
}

type JsonRecord = Readonly<Record<string, NativeItem | readonly NativeItem[] | undefined>>;

const isNavigable = (item: NativeItem): item is NativeItem & JsonRecord =>
  typeof item === 'object' && item !== null && !(item instanceof BarePrimitive);

function readOne(name: string, primitive: boolean): (item: JsonRecord, out: NativeItem[]) => void {
  const beside = `_${name}`;
  return (item, out) => {
    const value = item[name];
    const sibling = primitive ? (item[beside] as JsonRecord | JsonRecord[] | undefined) : undefined;
    if (Array.isArray(value)) pushAll(value, sibling as JsonRecord[] | undefined, out);
    else if (value !== undefined) out.push(value as NativeItem);
    else if (Array.isArray(sibling)) pushAll([], sibling, out);
    else if (sibling !== undefined) out.push(new BarePrimitive(sibling));
  };
}

function pushAll(values: NativeItem[], siblings: readonly (JsonRecord | null)[] | undefined, out: NativeItem[]): void {
  const length = Math.max(values.length, siblings?.length ?? 0);
  for (let at = 0; at < length; at++) {
    const value = values[at] ?? null;
    if (value !== null) out.push(value);
    else out.push(new BarePrimitive(siblings?.[at] ?? {}));
  }
}

const hasOne = (name: string, primitive: boolean): ((item: JsonRecord) => boolean) => {
  const beside = `_${name}`;
  return primitive ? item => item[name] !== undefined || item[beside] !== undefined : item => item[name] !== undefined;
};

/** A choice has up to fifty properties, and an object has few: those are looked up. */
function readChoice(
  properties: ReadonlyMap<string, string>,
  primitive: boolean,
): (item: JsonRecord, out: NativeItem[]) => void {
  const readers = new Map([...properties.keys()].map(name => [name, readOne(name, primitive)]));
  return (item, out) => {
    for (const key in item) {
      const read = readers.get(key.startsWith('_') ? key.slice(1) : key);
      if (!read) continue;
      read(item, out);
      return;
    }
  };
}

function hasChoice(properties: ReadonlyMap<string, string>, primitive: boolean): (item: JsonRecord) => boolean {
  const keys = new Set([...properties.keys()].flatMap(name => (primitive ? [name, `_${name}`] : [name])));
  return item => {
    for (const key in item) if (keys.has(key)) return true;
    return false;
  };
}
