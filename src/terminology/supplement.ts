/**
 * Code system supplements: designations, properties and extensions that another CodeSystem adds to concepts.
 * https://hl7.org/fhir/R4/codesystem.html#supplements
 *
 * Choice: a supplement counts where a value set names it (extension valueset-supplement) or the question does (useSupplement), and
 * nowhere else. One that is named and cannot be used is an error.
 */
import { parseCanonical } from '../fhir/reference.js';
import { MAX_SUPPLEMENTS, refuseMoreThan } from './budget.js';
import type { Sources } from './canonical-resources.js';
import { inPieces } from '../platform/pieces.js';
import { type Concepts, indexing } from './code-system.js';
import { canonicalOf, type CodeSystem, extensionText, type ValueSet } from './resources.js';
import { supplementMissing } from './tx-issue.js';

const NEEDED = 'http://hl7.org/fhir/StructureDefinition/valueset-supplement';

/** Supplements that a value set needs. */
export const supplementsOf = ({ extension }: ValueSet): string[] =>
  (extension ?? []).filter(({ url }) => url === NEEDED).flatMap(each => extensionText([each], NEEDED) ?? []);

export interface Supplements {
  /** The same sources, in which code systems have what the supplements add. */
  readonly sources: Sources;
  /** Throws `invalid` where one that was named belongs to no code system that was read. */
  refuseUnused(): void;
}

/** `named`: canonicals. Throws `invalid` where one is not known. */
export async function withSupplements(sources: Sources, named: readonly string[]): Promise<Supplements> {
  const wanted = [...new Set(named)];
  refuseMoreThan(MAX_SUPPLEMENTS, wanted.length, 'Supplements of one question', 'ValueSet.extension');
  if (wanted.length === 0) return { sources, refuseUnused: () => {} };
  const found = new Map<string, CodeSystem>();
  for (const canonical of wanted) {
    const supplement = await sources.codeSystem(canonical);
    if (supplement?.content === 'supplement') found.set(canonical, supplement);
  }
  const missing = wanted.filter(each => !found.has(each));
  if (missing.length > 0) throw supplementMissing(missing);
  const used = new Set<string>();
  const read = new Map<string, Promise<Concepts | undefined>>();

  async function readConcepts(url: string, version?: string): Promise<Concepts | undefined> {
    const system = await sources.concepts(url, version);
    if (!system) return undefined;
    const mine = [...found].filter(([, supplement]) => adds(supplement, system));
    if (mine.length === 0) return system;
    for (const [canonical] of mine) used.add(canonical);
    return supplemented(
      await sources.detailed(system),
      mine.map(([, supplement]) => supplement),
    );
  }

  function concepts(url: string, version?: string): Promise<Concepts | undefined> {
    const key = JSON.stringify([url, version]);
    const known = read.get(key) ?? readConcepts(url, version);
    read.set(key, known);
    return known;
  }

  return {
    sources: { ...sources, concepts },
    refuseUnused() {
      const unused = wanted.filter(each => !used.has(each));
      if (unused.length > 0) throw supplementMissing(unused);
    },
  };
}

function adds({ supplements = '' }: CodeSystem, { url, version }: Concepts): boolean {
  const of = parseCanonical(supplements);
  return of.url === url && (of.version === undefined || of.version === version);
}

async function supplemented(system: Concepts, supplements: readonly CodeSystem[]): Promise<Concepts> {
  const added: { readonly canonical: string; readonly concepts: Concepts }[] = [];
  for (const each of supplements)
    added.push({ canonical: canonicalOf(each), concepts: await inPieces(indexing(each)) });
  /** What each of them says of a concept. */
  const all = <T>(concept: number, read: (concepts: Concepts, at: number, canonical: string) => readonly T[]): T[] =>
    added.flatMap(({ canonical, concepts }) => {
      const at = concepts.find(system.codes[concept]!);
      return at === undefined ? [] : read(concepts, at, canonical);
    });
  const properties = (concept: number) => [
    ...system.properties(concept),
    ...all(concept, (concepts, at) => concepts.properties(at)),
  ];
  return {
    ...system,
    supplements: added.map(({ canonical }) => canonical),
    declared: [...system.declared, ...supplements.flatMap(each => each.property ?? [])],
    properties,
    property: name =>
      system.property(name) || added.some(({ concepts }) => concepts.property(name))
        ? concept => properties(concept).filter(({ code }) => code === name)
        : undefined,
    designations: concept => [
      ...system.designations(concept),
      ...all(concept, (concepts, at, source) => concepts.designations(at).map(each => ({ ...each, source }))),
    ],
    extensions: concept => [...system.extensions(concept), ...all(concept, (concepts, at) => concepts.extensions(at))],
  };
}
