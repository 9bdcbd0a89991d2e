/**
 * What the definition of an extension says of where it may stand. https://hl7.org/fhir/R4/defining-extensions.html#context
 *
 * Choice: a context in FHIRPath means the elements that the query finds in the resource. Published definitions ask it of the element
 * itself, too (`type = 'composed-of'`): there it holds if it gives `true`, or anything that is no boolean.
 */
import type { StructureHead } from '../../fhir/structure-definition.js';
import type { Compilation } from './compilation.js';
import type { ExtensionContext, ExtensionRules } from './compiled.js';
import { childNamed, type ElementTree } from './element-tree.js';

export function compileExtensionRules(
  { context: contexts = [], contextInvariant = [], url }: StructureHead,
  tree: ElementTree,
  { context, origin, flaws }: Pick<Compilation, 'context' | 'origin' | 'flaws'>,
): ExtensionRules {
  const check = (key: string, expression: string) =>
    context.compileConstraint(
      { key, severity: 'error', human: 'The extension may not stand here.', expression, source: url },
      'Element',
      origin,
    );
  // Definitions of guides are read as they are.
  const sound = contexts.filter(({ type, expression }) => typeof type === 'string' && typeof expression === 'string');
  if (sound.length < contexts.length) flaws.push('Not every context of the extension has a type and an expression.');
  return {
    modifier: tree.definition.isModifier === true,
    contexts: sound.map(({ type, expression }): ExtensionContext => {
      const holds = type === 'fhirpath' ? check('extension-context', standsBy(expression)) : undefined;
      return holds ? { type, expression, holds } : { type, expression };
    }),
    invariants: contextInvariant.flatMap(expression => check('extension-context', expression) ?? []),
    parts: partsOf(tree),
  };
}

function partsOf(tree: ElementTree): ReadonlySet<string> | undefined {
  const own = childNamed(tree, 'extension');
  if (own?.definition.max === '0' || own?.definition.slicing?.rules === 'closed') return undefined;
  const parts = new Set<string>();
  collectParts(tree, parts);
  return parts;
}

function collectParts(tree: ElementTree, parts: Set<string>): void {
  for (const slice of childNamed(tree, 'extension')?.slices ?? []) {
    const url = childNamed(slice, 'url')?.definition['fixedUri'];
    if (typeof url === 'string') parts.add(url);
    collectParts(slice, parts);
  }
}

const standsBy = (query: string): string =>
  `(${query}).where(($this = false).not()).exists() or %resource.select(${query}).where($this = %context).exists()`;
