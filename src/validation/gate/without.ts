/**
 * A resource without what other checks cannot look at: elements of another shape than they should have (an object in the place of a text, one
 * value in the place of a list, a narrative that is no XHTML). What is left has the right shape, so that it can be checked; what is found where
 * something was taken away may follow from that, and is not told. Values of the wrong form (a date that is none, a code that is not
 * allowed) are for other checks as good as any text, and stay.
 */
import type { Issue } from '../../fhir/error.js';
import { stepsOf } from '../../fhir/places.js';
import { type Decimals, type Json, type JsonObject, type Parsed, type Resource } from '../../fhir/resource.js';

/** Rules of the structure after which the element is taken away. */
const TAKEN: ReadonlySet<string | undefined> = new Set(['element-form', 'element-empty', 'narrative-content']);
/** Rules after which nobody knows what the resource is. */
const FATAL: ReadonlySet<string | undefined> = new Set(['resource-type', 'resource-nesting', 'structure']);

export interface SoundPart {
  readonly parsed: Parsed;
  /** Whether an issue of what is left says something that does not follow from what was taken away. */
  readonly isOwn: (issue: Issue) => boolean;
}

/** Undefined: nothing is left that could be checked. */
export function withoutFaulty(parsed: Parsed, faults: readonly Issue[]): SoundPart | undefined {
  if (faults.some(({ detail, expression }) => FATAL.has(detail) || expression?.endsWith('.resourceType') === true))
    return undefined;
  const paths = new Set(
    faults.flatMap(({ detail, expression }) => (TAKEN.has(detail) ? (expression ?? '').replace(/\[\d+\]$/, '') : [])),
  );
  if (paths.size === 0) return { parsed, isOwn: () => true };
  const copy = new SparseCopy(parsed.resource);
  for (const path of paths) {
    const names = stepsOf(path).slice(1);
    // A resource in another one has its place in references: without it they would lead nowhere.
    if (names.length === 0 || isResource(path) || !copy.take(names)) return undefined;
  }
  return {
    parsed: {
      resource: copy.root,
      decimals: copy.decimalsOf(parsed.decimals),
      ...(parsed.large ? { large: true } : {}),
    },
    isOwn: ({ expression = '' }) => ![...paths].some(path => isWithin(path, expression) || isWithin(expression, path)),
  };
}

const isResource = (path: string): boolean => /\.(?:contained|entry|resource)$/.test(path);

/** Whether a path is that of an element, of one of its values, or of something inside it. */
const isWithin = (path: string, element: string): boolean =>
  path.startsWith(element) && (path.length === element.length || /^[.[]/.test(path.slice(element.length)));

/** A copy of what leads to what is taken away; everything else is that of the original. */
class SparseCopy {
  readonly root: Resource;
  private readonly originals = new Map<object, object>();

  constructor(original: Resource) {
    this.root = { ...original };
    this.originals.set(this.root, original);
  }

  /** Takes an element away, by names and indexes. False where they lead to nothing. */
  take(steps: readonly string[]): boolean {
    let holder: JsonObject | Json[] = this.root;
    for (const [at, step] of steps.entries()) {
      const keys = Array.isArray(holder) ? [step].filter(key => key in holder) : keysNamed(holder, step);
      if (at === steps.length - 1) {
        for (const key of keys) delete (holder as JsonObject)[key];
        // Somebody may have named it before, by another of its values.
        return true;
      }
      const inside = keys.find(key => typeof (holder as JsonObject)[key] === 'object');
      if (inside === undefined) return keys.length === 0;
      holder = this.own(holder as JsonObject, inside);
    }
    return false;
  }

  private own(holder: JsonObject, key: string): JsonObject | Json[] {
    const value = holder[key] as JsonObject | Json[];
    if (this.originals.has(value)) return value;
    const copy = Array.isArray(value) ? [...value] : { ...value };
    this.originals.set(copy, value);
    holder[key] = copy;
    return copy;
  }

  /** Number literals are found by the objects that hold them. */
  decimalsOf(decimals: Decimals | undefined): Decimals | undefined {
    if (!decimals) return undefined;
    const all: Decimals = new Map(decimals);
    for (const [copy, original] of this.originals) {
      const literals = decimals.get(original);
      if (literals) all.set(copy, literals);
    }
    return all;
  }
}

/** The keys of an element: by its name, with that of what stands beside its values; of a choice, by the name without its type. */
function keysNamed(object: JsonObject, name: string): string[] {
  const exactly = [name, `_${name}`].filter(key => key in object);
  if (exactly.length > 0) return exactly;
  return Object.keys(object).filter(key => {
    const bare = key.startsWith('_') ? key.slice(1) : key;
    return bare.startsWith(name) && /^[A-Z]/.test(bare.slice(name.length));
  });
}
