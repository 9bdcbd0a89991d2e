/**
 * What there is to say of a code beside whether it belongs to the value set: which code system it is of, where that is not said, and
 * what its code system says of one that does not belong. https://hl7.org/fhir/R4/valueset-operation-validate-code.html
 */
import { checkMember } from './check-code.js';
import {
  type CodeCheck,
  type Found,
  type Membership,
  noteForbiddenVersion,
  noteStatus,
  quietly,
} from './code-check.js';
import {
  cannotInfer,
  relativeSystem,
  systemIsSupplement,
  systemIsValueSet,
  unknownCodeIn,
  unknownSystem,
} from './code-issues.js';
import type { ValueSet } from './resources.js';
import { compareBusinessVersions } from '../fhir/business-version.js';
import { pinVersion } from './versions.js';

/** The system is that of the one code system under which the value set has the code. */
export async function withSystem(check: CodeCheck, set: ValueSet): Promise<CodeCheck | undefined> {
  const code = check.coding.code ?? '';
  const systems = new Set(
    [set, ...check.imports.values()].flatMap(({ compose }) =>
      (compose?.include ?? []).flatMap(({ system }) => system ?? []),
    ),
  );
  const having: string[] = [];
  for (const system of systems) {
    const one = { ...check, coding: { ...check.coding, system }, askedQuietly: new Map() };
    if ((await checkMember(quietly(one), set)).isMember === true) having.push(system);
  }
  const [only, ...others] = having;
  if (only !== undefined && others.length === 0) return { ...check, coding: { ...check.coding, system: only } };
  check.issues.add(cannotInfer(code, set, having));
  return undefined;
}

/** What the code system says of a code that is not in the value set, or of which that cannot be known. */
export async function lookElsewhere(
  check: CodeCheck,
  set: ValueSet,
  { found }: Membership,
): Promise<Found | undefined> {
  const { coding, issues, options, path, sources } = check;
  const { system, version } = coding;
  if (options.membershipOnly || system === undefined || system === '') return found;
  if (!/^[a-z][a-z\d+.-]*:/i.test(system)) issues.add(relativeSystem(path));
  const wanted = version ?? versionInSet(set, system);
  const concepts = await sources.concepts(system, pinVersion(options.rules, system, wanted).version);
  if (!concepts) {
    await noteUnknown(check, wanted);
    return undefined;
  }
  noteForbiddenVersion(check, concepts);
  noteStatus(check, 'CodeSystem', concepts.head, set);
  const concept = concepts.locate(coding.code ?? '');
  if (concept === undefined) issues.add(unknownCodeIn(path, coding.code ?? '', concepts));
  return { concepts, concept, set };
}

const versionInSet = ({ compose }: ValueSet, system: string): string | undefined =>
  (compose?.include ?? [])
    .flatMap(include => (include.system === system ? (include.version ?? []) : []))
    .toSorted(compareBusinessVersions)
    .at(-1);

async function noteUnknown(check: CodeCheck, version: string | undefined): Promise<void> {
  const { coding, issues, path, sources, unknown } = check;
  const system = coding.system!;
  if (await sources.valueSet(system)) return issues.add(systemIsValueSet(path, system));
  const found = await sources.codeSystem(system);
  if (found?.content === 'supplement') return issues.add(systemIsSupplement(path, found));
  const versions = await sources.versions(system);
  unknown.add(versions.length === 0 || version === undefined ? system : `${system}|${version}`);
  issues.add(unknownSystem(path, system, version, versions));
}
