/**
 * Walks a resource along a compiled profile: each element once, in its own order where the rule lets it. It counts what is there, runs the
 * checks of each value, and hands the values of sliced elements to their slices (fillSlices.ts).
 */
import { isObject, type Json, type JsonObject, type Resource } from '../../fhir/resource.js';
import {
  type ElementForm,
  type ElementNode,
  type ElementRule,
  type KeyedRule,
  NO_MEMBERS,
  type ProfileRun,
} from './compiled.js';
import { fillSlices } from './fill-slices.js';
import type { CheckedElement, ElementPlace, ResourceSite } from '../run.js';

/** Checks of one element in one piece. */
const CHECKS_AT_ONCE = 100;

/** Runs the checks of a node on a value, and walks its children. */
export function walkNode(node: ElementNode, element: CheckedElement, run: ProfileRun): void {
  const { checks } = node;
  const some = Math.min(checks.length, CHECKS_AT_ONCE);
  for (let i = 0; i < some; i++) checks[i]!(element, run);
  for (let at = some; at < checks.length; at += CHECKS_AT_ONCE)
    run.later(() => checkSome(checks, at, element, run), true);
  if (node.always.length > 0 || node.byKey.size > 0) {
    const { value, sibling } = element;
    const object = isObject(value) ? value : sibling;
    walkChildren(node, object ?? NO_MEMBERS, element.place, element.site, run);
  }
  if (node.supported.length > 0 && run.options.mustSupport) tellAbsent(node, element, run);
}

function checkSome(checks: ElementNode['checks'], from: number, element: CheckedElement, run: ProfileRun): void {
  const end = Math.min(checks.length, from + CHECKS_AT_ONCE);
  for (let i = from; i < end && !run.stopped; i++) checks[i]!(element, run);
}

function walkChildren(
  { always, byKey }: ElementNode,
  object: JsonObject,
  above: ElementPlace,
  site: ResourceSite,
  run: ProfileRun,
): void {
  for (let i = 0; i < always.length; i++) {
    if (run.stopped) return;
    visitRule(always[i]!, object, above, site, run);
  }
  if (byKey.size === 0) return;
  for (const key in object) {
    const keyed = byKey.get(key);
    if (keyed === undefined) continue;
    if (run.stopped) return;
    visitKeyed(keyed, object, above, site, run);
  }
}

/** A rule that is asked whether the element is there or not. */
function visitRule(
  rule: ElementRule,
  object: JsonObject,
  above: ElementPlace,
  site: ResourceSite,
  run: ProfileRun,
): void {
  const form = formPresent(rule, object);
  if (form) visitElement(rule, form, object, above, site, run);
  else {
    if (rule.min > 0) reportMissing(rule, 0, above, run);
    if (rule.slicing) fillSlices(rule, rule.slicing, [], above, run);
  }
}

/** The form in which the element is there. */
function formPresent({ forms }: ElementRule, object: JsonObject): ElementForm | undefined {
  for (let i = 0; i < forms.length; i++) {
    const form = forms[i]!;
    if (object[form.key] !== undefined) return form;
    if (form.siblingKey !== undefined && object[form.siblingKey] !== undefined) return form;
  }
  return undefined;
}

function visitKeyed(
  { rule, form, beside, paired }: KeyedRule,
  object: JsonObject,
  above: ElementPlace,
  site: ResourceSite,
  run: ProfileRun,
): void {
  if (beside && paired && object[form.key] !== undefined) return;
  visitElement(rule, form, object, above, site, run);
}

function visitElement(
  rule: ElementRule,
  form: ElementForm,
  object: JsonObject,
  above: ElementPlace,
  site: ResourceSite,
  run: ProfileRun,
): void {
  const value = object[form.key];
  const sibling = form.siblingKey === undefined ? undefined : object[form.siblingKey];
  if (!rule.repeating) {
    if (rule.max === 0) return reportTooMany(rule, above, run);
    const beside = isObject(sibling) ? sibling : undefined;
    const element = visitValue(rule, form, object, form.key, value, beside, -1, above, site, run);
    if (rule.slicing) fillSlices(rule, rule.slicing, [element], above, run);
    return;
  }
  const values = Array.isArray(value) ? value : [];
  const siblings = Array.isArray(sibling) ? sibling : [];
  const count = Math.max(values.length, siblings.length);
  if (count > rule.max) reportTooMany(rule, above, run);
  if (count < rule.min) reportMissing(rule, count, above, run);
  const elements: CheckedElement[] | undefined = rule.slicing ? [] : undefined;
  for (let i = 0; i < count; i++) {
    if (run.stopped) return;
    const beside = siblings[i];
    const own = isObject(beside) ? beside : undefined;
    const element = visitValue(rule, form, values, i, values[i] ?? undefined, own, i, above, site, run);
    elements?.push(element);
  }
  if (elements) fillSlices(rule, rule.slicing!, elements, above, run);
}

/** `index`: in a repeating element, else -1. */
function visitValue(
  rule: ElementRule,
  form: ElementForm,
  holder: object,
  key: string | number,
  value: Json | undefined,
  sibling: JsonObject | undefined,
  index: number,
  above: ElementPlace,
  site: ResourceSite,
  run: ProfileRun,
): CheckedElement {
  run.spend(1);
  const place: ElementPlace = { above, name: rule.name, index };
  const { type } = form;
  if (type === 'Resource' && isObject(value))
    return visitResource(rule, holder, key, value as Resource, place, site, run);
  const element: CheckedElement = { value, sibling, holder, key, type, place, site };
  if (index >= 0) run.later(() => walkLinked(rule, form, element, run));
  else walkLinked(rule, form, element, run);
  return element;
}

/** What is asked of the element is asked of it in the resource around; what is inside belongs to the resource that it is. */
function visitResource(
  { node }: ElementRule,
  holder: object,
  key: string | number,
  value: Resource,
  place: ElementPlace,
  site: ResourceSite,
  run: ProfileRun,
): CheckedElement {
  const element: CheckedElement = { value, sibling: undefined, holder, key, type: value.resourceType, place, site };
  for (const check of node.checks) check(element, run);
  walkChildren(node, value, place, run.siteOf(value) ?? site, run);
  return element;
}

function walkLinked(
  { node }: ElementRule,
  { link: own, besideLink }: ElementForm,
  element: CheckedElement,
  run: ProfileRun,
): void {
  walkNode(node, element, run);
  const link = own ?? (element.sibling === undefined ? undefined : besideLink);
  if (!link) return;
  const typeNode = link.node ?? run.nodeOf(link);
  if (typeNode) walkNode(typeNode, element, run);
}

const timesText = (count: number): string => (count === 1 ? 'once' : `${count} times`);

function reportMissing({ name, min, profile }: ElementRule, count: number, above: ElementPlace, run: ProfileRun): void {
  run.report(
    { above, name, index: -1 },
    {
      severity: 'error',
      code: 'required',
      detail: 'profile-min',
      text:
        count === 0 && min === 1
          ? `${name} is missing: the profile requires it.`
          : `${name} must be there at least ${timesText(min)}; it is there ${count === 0 ? 'not at all' : timesText(count)}.`,
      diagnostics: profile,
    },
  );
}

function reportTooMany({ name, max, profile }: ElementRule, above: ElementPlace, run: ProfileRun): void {
  run.report(
    { above, name, index: -1 },
    {
      severity: 'error',
      code: 'structure',
      detail: 'profile-max',
      text:
        max === 0
          ? `${name} must not be there: the profile does not allow it.`
          : `${name} must be there at most ${timesText(max)}.`,
      diagnostics: profile,
    },
  );
}

/** Elements that a profile marks mustSupport, and that are not there, are worth a look. */
function tellAbsent({ supported }: ElementNode, { value, sibling, place }: CheckedElement, run: ProfileRun): void {
  const object = isObject(value) ? value : (sibling ?? NO_MEMBERS);
  for (const rule of supported)
    if (!formPresent(rule, object))
      run.report(
        { above: place, name: rule.name, index: -1 },
        {
          severity: 'information',
          code: 'informational',
          detail: 'must-support',
          text: `${rule.name} is not there; the profile marks it mustSupport.`,
          diagnostics: rule.profile,
        },
      );
}
