/**
 * What the definition of an extension says of where it may stand. https://hl7.org/fhir/R4/defining-extensions.html#context
 */
import type { Origin, StructureHead } from '../fhir/structure-definition.js';
import type { ProfileContext } from './compile-context.js';
import type { ExtensionContext, ExtensionRules } from './compiled.js';
import type { ElementTree } from './element-tree.js';

export function compileExtensionRules(
  { context: contexts = [], contextInvariant = [], url }: StructureHead,
  { definition }: ElementTree,
  origin: Origin,
  context: ProfileContext,
): ExtensionRules {
  const check = (key: string, expression: string) =>
    context.compileConstraint(
      { key, severity: 'error', human: 'The extension may not stand here.', expression, source: url },
      'Element',
      origin,
    );
  return {
    modifier: definition.isModifier === true,
    contexts: contexts.map(({ type, expression }): ExtensionContext => {
      const holds = type === 'fhirpath' ? check('extension-context', `(${expression}).exists()`) : undefined;
      return holds ? { type, expression, holds } : { type, expression };
    }),
    invariants: contextInvariant.flatMap(expression => check('extension-context', expression) ?? []),
  };
}
