/**
 * Checks extensions by their definitions: what they hold, where they stand, and whether they may change the meaning of what is around them.
 * https://hl7.org/fhir/R4/extensibility.html, https://hl7.org/fhir/R4/defining-extensions.html
 *
 * Choices: what no definition is known of is told as the settings say, where it may change meaning at least as a warning. The extensions
 * that stand for elements of other versions of FHIR are known by their address; what they hold is not checked.
 * https://hl7.org/fhir/versions.html#extensions
 */
import type { Definitions } from '../../fhir/definitions.js';
import { isObject, itemsOf, type JsonObject } from '../../fhir/resource.js';
import { type CompiledProfile, type ProfileCheck, type ProfileRun, refTo } from './compiled.js';
import { standingOf } from './extension-context.js';
import type { CheckedElement, ElementPlace, Finding } from '../run.js';

const CROSS_VERSION = /^http:\/\/hl7\.org\/fhir\/[1-6]\.\d+\/StructureDefinition\/extension-[A-Za-z]+\.\S+$/;

/** What HL7's own tools note in definitions. */
const TOOLS = 'http://hl7.org/fhir/tools/StructureDefinition/';

const isPart = ({ above }: ElementPlace): boolean =>
  above !== undefined && (above.name === 'extension' || above.name === 'modifierExtension');

function reportRelative(place: ElementPlace, run: ProfileRun): void {
  run.report(place, {
    severity: 'error',
    code: 'value',
    detail: 'extension-url',
    text: 'The url of an extension must be absolute, but for those of the parts of an extension.',
  });
}

export function createExtensionCheck(definitions: Definitions): ProfileCheck {
  return (element, run) => {
    const { value, place } = element;
    if (!isObject(value) || typeof value['url'] !== 'string') return;
    const { url } = value;
    if (!url.includes(':')) {
      // A part of a complex extension: the definition of the whole says what it may be.
      if (!isPart(place)) reportRelative(place, run);
      return;
    }
    if (CROSS_VERSION.test(url) || url.startsWith(TOOLS)) return;
    const ref = refTo(url, run.preferred);
    const found = run.profileOf(ref);
    const modifier = place.name === 'modifierExtension';
    if (found === undefined) return;
    if (!found.usable) {
      if (found.reason === undefined) reportUnknown(modifier, place, run);
      else run.apply(ref, element);
      return;
    }
    if (found.type !== 'Extension') return;
    run.apply(ref, element);
    checkModifier(found, modifier, place, run);
    checkContext(found, element, definitions, run);
    if (found.extension?.parts) checkParts(value, place, found.extension.parts, found.name, run);
  };
}

/** A relative url means a part that the definition of the whole has. */
function checkParts(
  whole: JsonObject,
  place: ElementPlace,
  parts: ReadonlySet<string>,
  name: string,
  run: ProfileRun,
): void {
  for (const [index, part] of itemsOf(whole['extension']).entries()) {
    if (!isObject(part) || typeof part['url'] !== 'string' || part['url'].includes(':')) continue;
    const at: ElementPlace = { above: place, name: 'extension', index };
    if (parts.has(part['url'])) checkParts(part, at, parts, name, run);
    else
      run.report(at, {
        severity: 'error',
        code: 'value',
        detail: 'extension-url',
        text: 'The definition of the extension has no part with this url.',
        diagnostics: name,
      });
  }
}

function reportUnknown(modifier: boolean, place: ElementPlace, run: ProfileRun): void {
  const { unknownExtensions } = run.options;
  const severity: Finding['severity'] = unknownExtensions === 'error' ? 'error' : 'warning';
  if (unknownExtensions === 'ignore' && !modifier) return;
  run.report(place, {
    severity,
    code: 'extension',
    detail: modifier ? 'modifier-extension-unknown' : 'extension-unknown',
    text: modifier
      ? 'A modifier extension whose definition is not known here changes the meaning of what it stands in; install the guide that defines it.'
      : 'The definition of this extension is not known here: it is not checked. Install the guide that defines it.',
  });
}

function checkModifier(
  { extension, name }: CompiledProfile,
  modifier: boolean,
  place: ElementPlace,
  run: ProfileRun,
): void {
  if (!extension || extension.modifier === modifier) return;
  run.report(place, {
    severity: 'error',
    code: 'structure',
    detail: 'extension-modifier',
    text: modifier
      ? 'This extension is no modifier: it must stand in extension.'
      : 'This extension is a modifier: it must stand in modifierExtension.',
    diagnostics: name,
  });
}

function checkContext(
  { extension, name }: CompiledProfile,
  { place, site }: CheckedElement,
  definitions: Definitions,
  run: ProfileRun,
): void {
  if (!extension || !place.above || (extension.contexts.length === 0 && extension.invariants.length === 0)) return;
  const standing = standingOf(place.above, site, definitions);
  if (!standing) return;
  const around: CheckedElement = {
    value: standing.value,
    sibling: standing.sibling,
    holder: site,
    key: '',
    type: standing.type,
    place: place.above,
    site,
  };
  const stands = extension.contexts.some(({ type, expression, holds }) => {
    if (type === 'extension') return standing.extension === expression.split('#', 1)[0];
    if (type === 'fhirpath') return !holds || run.passes(holds, around) !== false;
    if (expression === 'Element') return true;
    return standing.names.has(expression) || standing.names.has(plainContext(expression));
  });
  const report = (): void =>
    run.report(place, {
      severity: 'error',
      code: 'structure',
      detail: 'extension-context',
      text: `This extension may not stand here; it may stand in: ${extension.contexts.map(({ expression }) => expression).join(', ')}.`,
      diagnostics: name,
    });
  if (!stands && extension.contexts.length > 0) return report();
  for (const invariant of extension.invariants) if (run.passes(invariant, around) === false) return report();
  return undefined;
}

/** A context may be given as the canonical of a type. */
const plainContext = (expression: string): string =>
  expression.replace(/^http:\/\/hl7\.org\/fhir\/StructureDefinition\//, '');
