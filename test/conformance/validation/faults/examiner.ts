/** What $validate finds in a resource, by the guides whose faults are tried, and what R4 says. */
import type { Issue } from '../../../../src/fhir/error.js';
import type { Resource } from '../../../../src/fhir/resource.js';
import { createJudge } from '../../../../src/validation/judge.js';
import { checkFurther } from '../../../../src/validation/gate/further.js';
import { createValidation, structureStep } from '../../../../src/validation/gate/validate.js';
import { profileCheck } from '../../../../src/validation/resource-checker.js';
import {
  checkerOf,
  type DefinitionSet,
  definitions,
  findIn,
  OPTIONS,
  parsedOf,
  readCore,
  readPackage,
} from '../../../support/profiles.js';

/** Packages that the faults are of, and those that they rest on. */
export const PACKAGES = [
  'hl7.fhir.us.core-8.0.0',
  'hl7.fhir.uv.ips-1.1.0',
  'ihe.iti.pdqm-3.2.0',
  'ihe.iti.balp-1.1.4',
  'hl7.fhir.uv.extensions.r4-5.2.0',
];

export type Examine = (resource: Resource) => Promise<readonly Issue[]>;

/** `own`: definitions beside those of the packages. Undefined where a package or R4 itself is missing. */
export function createExaminer(own: readonly Resource[]): Examine | undefined {
  const read = [...PACKAGES.map(name => readPackage('ig-packages', name)), readCore()];
  if (read.includes(undefined)) return undefined;
  const sets = [{ origin: 'made', resources: own }, ...read] as DefinitionSet[];
  const judge = createJudge({
    policy: {
      base: 'enforce',
      rulesOf: () => ({ require: [], claims: 'enforce', unknownProfile: 'warn' }),
      required: [],
      options: { ...OPTIONS, unknownExtensions: 'warn', bestPractice: 'warn', htmlInStrings: 'warn' },
    },
    check: profileCheck(checkerOf(sets), definitions),
    find: findIn(sets),
    count: () => {},
  });
  const validate = createValidation([structureStep(definitions)]);
  return async resource => {
    const parsed = parsedOf(resource);
    return checkFurther(await validate(parsed), parsed, sound => judge.examined(sound, []));
  };
}
