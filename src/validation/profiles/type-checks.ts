/**
 * Checks of the types that a profile leaves of a choice, and of the profiles that the values of a type must conform to.
 * https://hl7.org/fhir/R4/elementdefinition-definitions.html#ElementDefinition.type
 */
import type { Origin, ProfileElement } from '../../fhir/structure-definition.js';
import { coreTypeOf, type ProfileContext, profilesOfType } from './compile-context.js';
import { type ProfileCheck, type ProfileRef, refTo } from './compiled.js';

export interface TypeChecking {
  readonly context: ProfileContext;
  readonly origin: Origin;
  /** The profile as issues name it. */
  readonly name: string;
  /** It is the definition of a type: the gate has looked at the types. */
  readonly base: boolean;
}

/** `before`: what the base says of the element. */
export function compileTypeChecks(
  definition: ProfileElement,
  before: ProfileElement | undefined,
  { context, origin, name, base }: TypeChecking,
): ProfileCheck[] {
  const checks: ProfileCheck[] = [];
  const codes = (definition.type ?? []).map(({ code }) => code);
  const baseCodes = (before?.type ?? []).map(({ code }) => code);
  if (!base && codes.length > 0 && baseCodes.some(code => !codes.includes(code))) {
    const anyResource = codes.includes('Resource') || codes.includes('DomainResource');
    if (!anyResource) checks.push(allowedTypes(new Set(codes), name));
  }
  for (const type of definition.type ?? []) {
    const { code } = type;
    const profiles = profilesOfType(type).filter(each => coreTypeOf(each, context.definitions) !== code);
    const known = before?.type?.find(each => each.code === code)?.profile ?? [];
    if (profiles.every(each => known.includes(each))) continue;
    const refs = profiles.map(each => refTo(each, origin));
    checks.push(conformance(code, refs, name));
  }
  return checks;
}

function allowedTypes(codes: ReadonlySet<string>, profile: string): ProfileCheck {
  const listed = [...codes].join(', ');
  return ({ type, place }, run) => {
    if (codes.has(type) || type.includes('.')) return;
    run.report(place, {
      severity: 'error',
      code: 'structure',
      detail: 'type-not-allowed',
      text: `${place.name} must be of another type: the profile allows ${listed}.`,
      diagnostics: profile,
    });
  };
}

/** Values of the type must conform to one of the profiles at least. */
function conformance(code: string, refs: readonly ProfileRef[], profile: string): ProfileCheck {
  const [only] = refs;
  const any = code === 'Resource' || code === 'DomainResource';
  return (element, run) => {
    if (element.value === undefined || (!any && element.type !== code && !element.type.includes('.'))) return;
    if (refs.length === 1) return run.apply(only!, element);
    let doubtful = false;
    for (const ref of refs) {
      const fits = run.fits(ref, element);
      if (fits === true) return undefined;
      if (fits === undefined) doubtful = true;
    }
    const { place } = element;
    if (doubtful) {
      run.doubt();
      return undefined;
    }
    return run.report(place, {
      severity: 'error',
      code: 'structure',
      detail: 'type-profile',
      text: `${place.name} must conform to one of the profiles that the profile allows here; it conforms to none.`,
      diagnostics: profile,
    });
  };
}
