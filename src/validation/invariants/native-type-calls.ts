/** Functions of compiled invariants that ask of types. http://hl7.org/fhirpath/N1/#types */
import { isObject, type JsonObject } from '../../fhir/resource.js';
import { typeOfReferred } from './invariant-functions.js';
import { type CompileCall, leftToEngine, noneGiven, onlyGiven } from './native-given.js';
import type { InvariantTree } from './native-syntax.js';
import { type ItemsOf, type Native, type NativeScope, NO_ITEMS, truthNative } from './native-values.js';

function typeNamed(tree: InvariantTree): string {
  if (tree.is !== 'member') return leftToEngine();
  if (!tree.of) return /^[a-zA-Z]\w*$/.test(tree.name) ? tree.name : leftToEngine();
  return tree.of.is === 'member' && !tree.of.of && tree.of.name === 'FHIR' ? tree.name : leftToEngine();
}

/** The items of a type. Types of FHIRPath itself (String, Boolean) are converted to by the engine. */
function narrowed(base: Native, tree: InvariantTree, scope: NativeScope): Native {
  const type = typeNamed(tree);
  if (base.narrow) return scope.types.isA(type, type) ? base.narrow(type) : leftToEngine();
  if (base.types.length === 0) return NO_ITEMS;
  if (base.types.length !== 1) return leftToEngine();
  const fits = scope.types.isA(base.types[0]!, type);
  if (fits === undefined || base.types[0]!.startsWith('System.')) return leftToEngine();
  if (fits) return base;
  // A resource may be of the type although its elements do not say so.
  return base.types[0] === 'Resource' || base.types[0] === 'DomainResource' ? leftToEngine() : NO_ITEMS;
}

/** Types of FHIRPath itself, of which no element of a resource is. */
const SYSTEM_TYPES: ReadonlySet<string> = new Set([
  'Boolean',
  'String',
  'Integer',
  'Decimal',
  'Date',
  'DateTime',
  'Time',
]);

function is(base: Native, given: readonly InvariantTree[], scope: NativeScope): Native {
  const tree = onlyGiven(given);
  const ofElements = !base.types.some(type => type.startsWith('System.'));
  const system = ofElements && tree.is === 'member' && !tree.of && SYSTEM_TYPES.has(tree.name);
  const those = system ? NO_ITEMS : narrowed(base, tree, scope);
  if (base.isFocus && those.types.length === 0) return truthNative(() => false, false);
  return truthNative((env, self) => {
    const items = base.items(env, self);
    if (items.length === 0) return undefined;
    if (items.length > 1) throw new TypeError('One item is expected.');
    return those === base || those.items(env, self).length > 0;
  });
}

function as(base: Native, given: readonly InvariantTree[], scope: NativeScope): Native {
  const those = narrowed(base, onlyGiven(given), scope);
  return {
    ...those,
    items(env, self) {
      if (base.items(env, self).length > 1) throw new TypeError('One item is expected.');
      return those.items(env, self);
    },
  };
}

/** What a reference leads to; of what lies elsewhere the type that its text says. */
function resolveItems(base: Native, given: readonly InvariantTree[], { types }: NativeScope): Native {
  noneGiven(given);
  if (base.types.join() !== 'Reference') return leftToEngine();
  const items: ItemsOf = (env, self) =>
    base.items(env, self).flatMap(item => {
      const type = isObject(item) ? typeOfReferred(item, env.element.site, env.run) : undefined;
      if (type === 'unknown') env.unknown = true;
      return type === undefined || type === 'unknown' ? [] : [{ resourceType: type }];
    });
  const narrow = (wanted: string): Native => ({
    types: [wanted],
    kind: undefined,
    typeOnly: true,
    items: (env, self) =>
      items(env, self).filter(item => types.isA((item as JsonObject)['resourceType'] as string, wanted) === true),
  });
  return { types: ['Resource'], kind: undefined, typeOnly: true, items, narrow };
}

export const TYPE_CALLS: Readonly<Record<string, CompileCall>> = {
  is,
  as,
  resolve: resolveItems,
  ofType: (base, given, scope) => narrowed(base, onlyGiven(given), scope),
};
