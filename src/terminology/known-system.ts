/**
 * What is known of a code system while resources are checked: whether it has a code, whether that is in use, and its names.
 * https://hl7.org/fhir/R4/codesystem.html
 */
import type { Sources } from './canonical-resources.js';
import type { Concepts } from './code-system.js';
import { isName } from './languages.js';
import { canonicalOf } from './resources.js';

export interface KnownSystem {
  /**
   * `complete`: what it does not have is no code. `part`: a fragment. `unknown`: it is not known, or not its concepts, or not this
   * version. `not-a-system`: the address of a value set or of a supplement.
   */
  readonly kind: 'complete' | 'part' | 'unknown' | 'not-a-system';
  /** With the version that is known. */
  readonly canonical: string;
  /** A concept, for what follows; undefined: it has no such code, or nothing is known of it. */
  locate(code: string): number | undefined;
  isActive(concept: number): boolean;
  /** Whether a text is a name of the concept, whatever its case and white space; true where no name is known. Undefined: `details` are needed. */
  isNamed(concept: number, display: string): boolean | undefined;
  /** Whether it has the code: of one that is known by rule, without keeping what was asked. */
  has(code: string): boolean;
  /** The type that it gives a property of its concepts; undefined: it declares none of that name. */
  typeOfProperty(name: string): string | undefined;
  /** Reads the designations, so that `isNamed` is never undefined. */
  readDetails(): Promise<void>;
  /** Codes that are kept with it. */
  readonly weight: number;
}

const squeezed = (text: string): string => text.toLowerCase().replaceAll(/\s+/g, ' ').trim();

/** `version`: the one that a code says. */
export async function readKnownSystem(sources: Sources, url: string, version?: string): Promise<KnownSystem> {
  const canonical = canonicalOf({ url, version });
  const concepts = await sources.concepts(url, version);
  // What says that it supplements another code system has no codes of its own, whatever else it says.
  if (concepts?.head.supplements !== undefined) return unknownSystemAt(canonical, 'not-a-system');
  if (concepts) return systemWith(sources, concepts);
  const isOther =
    version === undefined &&
    ((await sources.codeSystem(url))?.content === 'supplement' || (await sources.valueSet(url)) !== undefined);
  return unknownSystemAt(canonical, isOther ? 'not-a-system' : 'unknown');
}

export const unknownSystemAt = (canonical: string, kind: 'unknown' | 'not-a-system'): KnownSystem => ({
  kind,
  canonical,
  locate: () => undefined,
  isActive: () => true,
  isNamed: () => true,
  has: () => false,
  typeOfProperty: () => undefined,
  readDetails: () => Promise.resolve(),
  weight: 1,
});

function systemWith(sources: Sources, concepts: Concepts): KnownSystem {
  const { rule } = concepts;
  const canonical = canonicalOf({ url: concepts.url, version: rule ? undefined : concepts.version });
  if (rule) return { ...unknownSystemAt(canonical, 'unknown'), kind: 'complete', has: code => rule.has(code) };
  let detailed: Concepts | undefined;
  return {
    kind: concepts.head.content === 'fragment' ? 'part' : 'complete',
    canonical,
    locate: code => concepts.locate(code),
    isActive: concept => concepts.isActive(concept),
    has: code => concepts.locate(code) !== undefined,
    typeOfProperty: name => concepts.declared.find(({ code }) => code === name)?.type,
    isNamed(concept, display) {
      const own = concepts.display(concept);
      if (own === display) return true;
      const asked = squeezed(display);
      if (own !== undefined && squeezed(own) === asked) return true;
      if (!detailed) return undefined;
      const names = detailed.designations(concept).filter(isName);
      if (own === undefined && names.length === 0) return true;
      return names.some(({ value }) => squeezed(value ?? '') === asked);
    },
    async readDetails() {
      detailed ??= await sources.detailed(concepts);
    },
    weight: concepts.codes.length,
  };
}
