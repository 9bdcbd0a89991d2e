/** Functions of compiled invariants that ask of texts. http://hl7.org/fhirpath/N1/#string-manipulation */
import { matchesPart } from './invariant-texts.js';
import { asNumber, type CompileCall, constantText, leftToEngine, noneGiven, onlyGiven } from './native-given.js';
import type { InvariantTree } from './native-syntax.js';
import { type Native, textIn, truthNative } from './native-values.js';

/** A function of one text. */
const ofText = (test: (text: string, given: string) => boolean): CompileCall =>
  function compile(base, given, scope) {
    const argument = scope.compile(onlyGiven(given), scope);
    if (base.types.length === 0) return truthNative(() => undefined);
    if (base.kind !== 'text' || argument.kind !== 'text') return leftToEngine();
    return truthNative((env, self) => {
      const text = textIn(base.items(env, self));
      const wanted = text === undefined ? undefined : textIn(argument.items(env, self));
      return text === undefined || wanted === undefined ? undefined : test(text, wanted);
    });
  };

function matches(base: Native, given: readonly InvariantTree[]): Native {
  if (base.kind !== 'text') return leftToEngine();
  const pattern = constantText(given);
  return truthNative((env, self) => {
    const text = textIn(base.items(env, self));
    return text === undefined ? undefined : matchesPart(text, pattern, env.run);
  });
}

/** The one number that a literal is. */
const numberOf = (tree: InvariantTree | undefined): number =>
  tree?.is === 'literal' && typeof tree.value === 'number' ? tree.value : leftToEngine();

function substring(base: Native, given: readonly InvariantTree[]): Native {
  if (base.kind !== 'text' || given.length === 0 || given.length > 2) return leftToEngine();
  const start = numberOf(given[0]);
  const end = given.length === 2 ? start + numberOf(given[1]) : undefined;
  return {
    types: ['System.String'],
    kind: 'text',
    items(env, self) {
      const text = textIn(base.items(env, self));
      return text === undefined || start >= text.length ? [] : [text.slice(start, end)];
    },
  };
}

function toInteger(base: Native, given: readonly InvariantTree[]): Native {
  noneGiven(given);
  if (base.kind !== 'text') return leftToEngine();
  return asNumber((env, self) => {
    const text = textIn(base.items(env, self));
    return text !== undefined && /^[+-]?\d{1,9}$/.test(text) ? [Number(text)] : [];
  });
}

function toText(base: Native, given: readonly InvariantTree[]): Native {
  noneGiven(given);
  // Numbers print as they were written, which the engine knows.
  if (base.kind !== 'text' && base.kind !== 'date') return leftToEngine();
  return {
    types: ['System.String'],
    kind: 'text',
    items(env, self) {
      const text = textIn(base.items(env, self));
      return text === undefined ? [] : [text];
    },
  };
}

export const TEXT_CALLS: Readonly<Record<string, CompileCall>> = {
  matches,
  substring,
  toInteger,
  toString: toText,
  startsWith: ofText((text, given) => text.startsWith(given)),
  endsWith: ofText((text, given) => text.endsWith(given)),
  contains: ofText((text, given) => text.includes(given)),
  length(base, given) {
    noneGiven(given);
    if (base.kind !== 'text') return leftToEngine();
    return asNumber((env, self) => {
      const text = textIn(base.items(env, self));
      return text === undefined ? [] : [text.length];
    });
  },
};
