/** What is known while one definition is compiled, and what its base says already. */
import type { ElementDefinition } from '../../fhir/definitions.js';
import { FhirError } from '../../fhir/error.js';
import type { Origin, ProfileElement } from '../../fhir/structure-definition.js';
import { breathe } from '../../platform/pieces.js';
import type { ProfileContext } from './compile-context.js';
import type { ElementNode, ElementRule } from './compiled.js';
import type { ElementTree } from './element-tree.js';

/** What is known while one definition is compiled. */
export interface Compilation {
  readonly context: ProfileContext;
  readonly origin: Origin;
  /** The definition as issues name it. */
  readonly name: string;
  /** It is the definition of a type. */
  readonly base: boolean;
  /** Nodes of elements by their paths, for what refers to them. */
  readonly nodes: Map<string, ElementNode>;
  /** Rules that have the node of another element. */
  readonly referring: { readonly rule: ElementRule; readonly path: string }[];
  readonly flaws: string[];
  /** How much was made so far. */
  readonly work: { nodes: number };
  /** How deep in parts that are compiled for slices. */
  readonly depth: number;
}

/** Nodes after which it is asked how long they took. */
const NODES_IN_A_TURN = 20;
/** Nodes of one profile. */
const MAX_NODES = 100_000;

/** Lets others have their turn now and then. Throws FhirError `unprocessable` where there are too many. */
export async function countNode({ work }: Compilation): Promise<void> {
  work.nodes++;
  if (work.nodes % NODES_IN_A_TURN === 0) await breathe();
  if (work.nodes > MAX_NODES) throw new FhirError('unprocessable', 'The profile has too many elements and slices.');
}

/** What an element's base says of it. */
export interface Known {
  readonly element: ProfileElement | undefined;
  /** Keys of constraints that are checked elsewhere, and their expressions. */
  readonly constraints: ReadonlyMap<string, string | undefined>;
}

/** What the base element and its types say, and the sliced element above. */
export async function knownOf(
  { context, base }: Compilation,
  element: ProfileElement | undefined,
  types: readonly string[],
  sliced?: ElementTree,
): Promise<Known> {
  const constraints = new Map<string, string | undefined>();
  const add = (from: ProfileElement | undefined): void => {
    for (const { key, expression } of from?.constraint ?? []) constraints.set(key, expression);
  };
  if (!base) add(element);
  for (const type of types) {
    const definition = context.definitions.types.get(type);
    if (definition?.kind === 'complex' || definition?.kind === 'primitive')
      add((await context.baseElements(type)).get(type));
  }
  add(sliced?.definition);
  return { element, constraints };
}

export async function baseElementOf(
  { context, base }: Compilation,
  owner: string,
  { name, choice }: ElementDefinition,
): Promise<ProfileElement | undefined> {
  if (base) return undefined;
  const [type = owner] = owner.split('.', 1);
  const elements = await context.baseElements(type);
  return elements.get(`${owner}.${name}${choice ? '[x]' : ''}`);
}
