/** Compiles what an element says of each of its values: constraints, bindings, values, types, references. */
import type { ProfileElement } from '../../fhir/structure-definition.js';
import { breathe } from '../../platform/pieces.js';
import type { Compilation, Known } from './compilation.js';
import type { ProfileCheck } from './compiled.js';
import { compileReferenceCheck } from './references.js';
import { compileTypeChecks } from './type-checks.js';
import { compileValueChecks } from './value-checks.js';

/** Constraints after which it is asked how long they took. */
const CONSTRAINTS_IN_A_TURN = 200;

/** `owners`: the types of the values, or the path of their backbone element. */
export async function compileChecks(
  compilation: Compilation,
  definition: ProfileElement,
  owners: readonly string[],
  known: Known,
): Promise<ProfileCheck[]> {
  const { context, origin, name, base } = compilation;
  const checks: ProfileCheck[] = [];
  const [typePath = definition.path] = owners;
  for (const [at, constraint] of (definition.constraint ?? []).entries()) {
    if (at % CONSTRAINTS_IN_A_TURN === CONSTRAINTS_IN_A_TURN - 1) await breathe();
    if (isKnownConstraint(constraint.key, constraint.expression, constraint.source, known)) continue;
    const check = context.compileConstraint(constraint, owners.length > 1 ? 'Element' : typePath, origin);
    if (check) checks.push(check);
  }
  checks.push(...bindingChecks(compilation, definition, owners, known));
  checks.push(...codingChecks(compilation, owners));
  if (!base) checks.push(...compileValueChecks(definition, name));
  checks.push(...compileTypeChecks(definition, known.element, { context, origin, name, base }));
  const references = await compileReferenceCheck(definition, known.element, { context, origin, name, base });
  if (references) checks.push(references);
  return checks;
}

function isKnownConstraint(
  key: string,
  expression: string | undefined,
  source: string | undefined,
  { constraints }: Known,
): boolean {
  if (!constraints.has(key)) return false;
  return (
    source === undefined ||
    source.startsWith('http://hl7.org/fhir/StructureDefinition/') ||
    constraints.get(key) === expression
  );
}

const STRENGTHS: ReadonlySet<unknown> = new Set(['required', 'extensible', 'preferred', 'example']);

/**
 * R4 binds the components of vital signs to the units of vital signs, whatever they are: what goes with an oxygen saturation (its flow, the
 * device that measured) has others, as the examples of US Core have. HL7's validator does not ask for it either.
 */
const UNITS_OF_VITALS = /^http:\/\/hl7\.org\/fhir\/ValueSet\/ucum-vitals-common(?:\||$)/;

function bindingChecks(
  { context, origin, base, flaws }: Compilation,
  { binding, path }: ProfileElement,
  owners: readonly string[],
  { element }: Known,
): ProfileCheck[] {
  if (!binding || (path === 'Observation.component.value[x]' && UNITS_OF_VITALS.test(binding.valueSet ?? '')))
    return [];
  // Definitions of guides are read as they are.
  if (!STRENGTHS.has(binding.strength)) {
    flaws.push(`The binding of ${path} has no strength that R4 knows.`);
    return [];
  }
  const before = element?.binding;
  if (!base && before && before.strength === binding.strength && sameCanonical(before.valueSet, binding.valueSet))
    if ((binding.extension?.length ?? 0) <= (before.extension?.length ?? 0)) return [];
  return owners.flatMap((type): ProfileCheck[] => {
    // The gate has looked at the short lists of codes.
    const listed = binding.valueSet !== undefined && context.definitions.codeLists.has(binding.valueSet.split('|')[0]!);
    const isDone = base && type === 'code' && binding.strength === 'required' && listed;
    const check = context.compileBinding(binding, type, origin);
    if (!check) return [];
    // It has not looked for codes that are not there, where an extension says why.
    if (isDone) return [(checked, run) => (checked.value === undefined ? check(checked, run) : undefined)];
    return owners.length === 1
      ? [check]
      : [(checked, run) => (checked.type === type ? check(checked, run) : undefined)];
  });
}

const CODED: ReadonlySet<string> = new Set(['Coding', 'Quantity', 'Age', 'Count', 'Distance', 'Duration']);

/** Of the definitions of types alone: what a profile says of the element changes nothing. */
function codingChecks({ context, origin, base }: Compilation, owners: readonly string[]): ProfileCheck[] {
  const check = base && owners.some(type => CODED.has(type)) ? context.compileCoding?.(origin) : undefined;
  if (!check) return [];
  return owners.length === 1
    ? [check]
    : [(checked, run) => (CODED.has(checked.type) ? check(checked, run) : undefined)];
}

const sameCanonical = (a: string | undefined, b: string | undefined): boolean =>
  a?.split('|', 1)[0] === b?.split('|', 1)[0];
