/** The forms that the elements of a profile may have in JSON, and the types of their values. */
import type { ElementDefinition } from '../../fhir/definitions.js';
import type { ProfileElement } from '../../fhir/structure-definition.js';
import type { Compilation } from './compilation.js';
import type { ProfileContext } from './compile-context.js';
import type { ElementForm } from './compiled.js';
import { hasSibling, propertyName } from '../gate/shape.js';

/** The element of a type that a tree stands for: `value[x]`, `valueQuantity`. */
export function elementUnder(
  { context: { definitions } }: Compilation,
  name: string,
  owners: readonly string[],
): { readonly owner: string; readonly element: ElementDefinition; readonly only: string | undefined } | undefined {
  const plain = name.endsWith('[x]') ? name.slice(0, -3) : name;
  for (const owner of owners) {
    const element = definitions.types.get(owner)?.elements.find(each => each.name === plain);
    if (element) return { owner, element, only: undefined };
    const property = definitions.property(owner, name);
    if (property) return { owner, element: property.element, only: property.type?.code };
  }
  return undefined;
}

export function formsOf(
  { context, base }: Compilation,
  owner: string,
  element: ElementDefinition,
  only: string | undefined,
): ElementForm[] {
  const { types } = context.definitions;
  const forms: ElementForm[] = [];
  for (const { code } of element.types) {
    if (only !== undefined && code !== only) continue;
    const key = propertyName(element, code);
    const type = types.get(code);
    const complex = type?.kind === 'complex' && element.children === undefined && code !== 'BackboneElement';
    forms.push({
      key,
      siblingKey: hasSibling(owner, element, type) ? `_${key}` : undefined,
      type: element.children ?? (type?.kind === 'backbone' ? type.name : backboneOf(types, owner, element, code)),
      link: base && complex ? context.linkTo(code) : undefined,
      besideLink: base && type?.kind === 'primitive' ? context.linkTo('Element') : undefined,
    });
  }
  return forms;
}

/** Children of a backbone element are found by its path. */
function backboneOf(
  types: ProfileContext['definitions']['types'],
  owner: string,
  { name }: ElementDefinition,
  code: string,
): string {
  const path = `${owner}.${name}`;
  return (code === 'BackboneElement' || code === 'Element') && types.has(path) ? path : code;
}

export function maxOf({ max }: ProfileElement, element: ElementDefinition): number {
  if (max === undefined || max === '*') return Infinity;
  const most = Number(max);
  return element.max !== -1 && most >= element.max ? Infinity : most;
}

/** The types that the values may have by the profile. */
export function ownersOfValues({ type }: ProfileElement, types: readonly string[]): string[] {
  const all = [...new Set(types)];
  const named = new Set(type?.map(({ code }) => code));
  if (all.length === 1 && all[0] === 'Resource') return named.size > 0 ? [...named] : all;
  const both = all.filter(code => named.has(code));
  return both.length > 0 ? both : all;
}
