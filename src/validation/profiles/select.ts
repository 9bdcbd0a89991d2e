/**
 * Finds the values that the path of a discriminator leads to, from a value of the sliced element.
 */
import type { Definitions } from '../../fhir/definitions.js';
import { isObject, type Json, type JsonObject } from '../../fhir/resource.js';
import type { ProfileRun } from './compiled.js';
import type { DiscriminatorStep } from './discriminator-path.js';
import { typeInReference } from './resolve.js';
import type { CheckedElement } from '../run.js';
import { propertyName } from '../gate/shape.js';

/** A step that knows the names of its element in JSON. */
type Selection =
  | { readonly kind: 'keys'; readonly keys: readonly { readonly key: string; readonly type: string }[] }
  | Exclude<DiscriminatorStep, { readonly kind: 'child' }>;

/** What is asked of a value at the end of the path; undefined: not known. */
export type SelectedTest = (selected: CheckedElement, run: ProfileRun) => boolean | undefined;

/** Asks whether some value at the end of a path passes the test. */
export type SomeSelected = (
  element: CheckedElement,
  run: ProfileRun,
  test: SelectedTest,
  /** What the test says of a resource of which only the type is known, if that. */
  outside: (type: string | undefined) => boolean | undefined,
) => boolean | undefined;

/** `owners`: the types that the sliced element may have, or the path of its backbone element. */
export function compileSelection(
  steps: readonly DiscriminatorStep[],
  owners: readonly string[],
  definitions: Definitions,
): SomeSelected {
  const selections = selectionsOf(steps, owners, definitions);
  return (element, run, test, outside) => some(element, 0, { selections, run, test, outside });
}

function selectionsOf(
  steps: readonly DiscriminatorStep[],
  owners: readonly string[],
  definitions: Definitions,
): Selection[] {
  let at = owners;
  return steps.map((step): Selection => {
    if (step.kind === 'child') {
      const keys = new Map<string, string>();
      for (const owner of at) {
        const element = definitions.types.get(owner)?.elements.find(({ name }) => name === step.name);
        for (const { code } of element?.types ?? []) keys.set(propertyName(element!, code), element!.children ?? code);
      }
      // Of a resource that is known only when it is met, the name is taken as it is.
      if (keys.size === 0) keys.set(step.name, '');
      at = [...new Set(keys.values())];
      return { kind: 'keys', keys: [...keys].map(([key, type]) => ({ key, type })) };
    }
    at = step.kind === 'type' ? [step.type] : step.kind === 'extension' ? ['Extension'] : [];
    return step;
  });
}

interface SelectionWalk {
  readonly selections: readonly Selection[];
  readonly run: ProfileRun;
  readonly test: SelectedTest;
  readonly outside: (type: string | undefined) => boolean | undefined;
}

function some(element: CheckedElement, index: number, walk: SelectionWalk): boolean | undefined {
  const selection = walk.selections[index];
  if (!selection) return walk.test(element, walk.run);
  walk.run.spend(1);
  if (selection.kind === 'resolve') return someTarget(element, index, walk);
  if (selection.kind === 'type') return element.type === selection.type ? some(element, index + 1, walk) : false;
  let { value } = element;
  if (!isObject(value)) value = element.sibling;
  if (!isObject(value)) return false;
  let answer: boolean | undefined = false;
  const ask = (next: CheckedElement): boolean => {
    const one = some(next, index + 1, walk);
    if (one === undefined) answer = undefined;
    return one === true;
  };
  if (selection.kind === 'extension') {
    const isWanted = ({ value: extension }: CheckedElement) =>
      isObject(extension) && extension['url'] === selection.url;
    return someChild(element, value, 'extension', 'Extension', next => isWanted(next) && ask(next)) || answer;
  }
  for (const { key, type } of selection.keys) if (someChild(element, value, key, type, ask)) return true;
  return answer;
}

function someChild(
  { place, site }: CheckedElement,
  object: JsonObject,
  key: string,
  type: string,
  ask: (child: CheckedElement) => boolean,
): boolean {
  const value = object[key];
  const beside = object[`_${key}`];
  if (!Array.isArray(value) && !Array.isArray(beside)) {
    if (value === undefined && beside === undefined) return false;
    const sibling = isObject(beside) ? beside : undefined;
    return ask({ value, sibling, holder: object, key, type: typeOf(value, type), place, site });
  }
  const values = Array.isArray(value) ? value : [];
  const siblings = Array.isArray(beside) ? beside : [];
  for (let i = 0; i < Math.max(values.length, siblings.length); i++) {
    const own = siblings[i];
    const sibling = isObject(own) ? own : undefined;
    const item = values[i] ?? undefined;
    if (ask({ value: item, sibling, holder: values, key: i, type: typeOf(item, type), place, site })) return true;
  }
  return false;
}

const typeOf = (value: Json | undefined, type: string): string =>
  isObject(value) && typeof value['resourceType'] === 'string' ? value['resourceType'] : type;

/** What the Reference (or canonical) leads to. */
function someTarget({ value, site }: CheckedElement, index: number, walk: SelectionWalk): boolean | undefined {
  const text = isObject(value) ? value['reference'] : value;
  if (typeof text !== 'string') {
    const named = isObject(value) ? value['type'] : undefined;
    return isLast(index, walk) && typeof named === 'string' ? walk.outside(named) : undefined;
  }
  const target = walk.run.resolve(text, site);
  if (target.kind === 'missing') return false;
  if (target.kind !== 'found') return isLast(index, walk) ? walk.outside(typeInReference(text)) : undefined;
  const { resource, place } = target.site;
  const found: CheckedElement = {
    value: resource,
    sibling: undefined,
    holder: target.site,
    key: 'resource',
    type: resource.resourceType,
    place,
    site: target.site,
  };
  return some(found, index + 1, walk);
}

const isLast = (index: number, { selections }: SelectionWalk): boolean => index === selections.length - 1;
