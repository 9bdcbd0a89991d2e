/** What resources are checked with: the terminology, the profiles and who judges by them. */
import type { Validator } from '../cli/invocation.js';
import { type Definitions, loadDefinitions } from '../fhir/definitions.js';
import { STORED } from '../fhir/find-definition.js';
import type { Guides } from '../fhir/guides.js';
import type { FindDefinition, FoundDefinition } from '../fhir/structure-definition.js';
import type { StoredDefinitions } from '../conformance/stored-definitions.js';
import type { Engine } from '../interactions/engine.js';
import type { OpenedRemote } from '../interactions/remote-terminology.js';
import type { Config } from '../platform/config.js';
import { createLog } from '../platform/log.js';
import { createMetrics, type Metrics } from '../platform/metrics.js';
import { createMemberships, type Memberships } from '../terminology/membership.js';
import { createTerminology, type TerminologyOptions } from '../terminology/terminology.js';
import { createBindings } from '../validation/binding.js';
import { createProfileChecker } from '../validation/check-profiles.js';
import { createDefinitionAdvice } from '../validation/definition-advice.js';
import { ISSUE_DETAILS } from '../validation/issue-list.js';
import { type GlobalProfiles, globalProfilesOf } from '../validation/global-profiles.js';
import { createJudge } from '../validation/judge.js';
import { checkRequired, readPolicy, type ValidationPolicy } from '../validation/policy.js';
import { checkerParts, profileCheck } from '../validation/resource-checker.js';
import { createValidation, structureStep } from '../validation/gate/validate.js';
import { openDefinitions } from './definitions.js';
import { engineSettings } from './settings.js';

interface CheckerParts {
  readonly find: FindDefinition;
  readonly definitions: Definitions;
  readonly memberships: Memberships;
  /** What is kept of definitions is forgotten when it hears that some have changed. */
  readonly stored?: StoredDefinitions;
  readonly guides: Guides;
}

/** What is asked of resources beyond their structure. `required`: throws ConfigError where a profile that is required is not known. */
export function openJudge(policy: ValidationPolicy, { validationIssues }: Metrics, parts: CheckerParts) {
  const { find, definitions, memberships, stored, guides } = parts;
  const generation = (): number => stored?.generationOf('StructureDefinition', 'Questionnaire') ?? 0;
  const globals = globalsOf(guides, stored);
  const ofChecker = checkerParts({ find, definitions, bindings: createBindings(memberships), generation, globals });
  const judge = createJudge({
    policy,
    find,
    check: profileCheck(createProfileChecker(ofChecker), definitions),
    advise: createDefinitionAdvice(ofChecker),
    count(issues) {
      for (const { severity, detail = '' } of issues)
        validationIssues.inc({ severity, detail: ISSUE_DETAILS.has(detail) ? detail : 'other' });
    },
  });
  return { judge, findDefinition: find, required: () => checkRequired(policy, find) };
}

/** What ImplementationGuides ask of every resource of a type: those that are stored, then those of the guides, which are read when somebody asks. */
function globalsOf(guides: Guides, stored: StoredDefinitions | undefined): () => Promise<GlobalProfiles> {
  let ofGuides: readonly FoundDefinition[] | undefined;
  const readAll = (): FoundDefinition[] =>
    guides.rows('ImplementationGuide').flatMap(({ guide, row }) => {
      const resource = guide.definitions.read(row);
      return resource ? [{ resource, origin: guide.origin }] : [];
    });
  return async () => {
    const ofStore = ((await stored?.guides()) ?? []).map(resource => ({ resource, origin: STORED }));
    return globalProfilesOf([...ofStore, ...(ofGuides ??= readAll())]);
  };
}

type Canonicals = ReturnType<StoredDefinitions['canonicals']>;

/** `elsewhere`: another server. `anew`: reads canonicals without keeping them. */
export function openTerminology(
  definitions: StoredDefinitions,
  options: TerminologyOptions,
  elsewhere: OpenedRemote | undefined,
  anew?: (canonicals: Canonicals) => Canonicals,
): Pick<Engine, 'terminology' | 'memberships' | 'remoteTime'> {
  const canonicals = definitions.canonicals();
  const { load, list } = anew?.(canonicals) ?? canonicals;
  const terminology = createTerminology(load, { list, ...options });
  const memberships = createMemberships({
    sources: from => terminology.resources.once(undefined, from),
    ofStandard: () => terminology.resources.ofStandard(),
    remote: elsewhere?.remote,
    generation: () => definitions.generationOf('ValueSet', 'CodeSystem', 'ConceptMap'),
  });
  return { terminology, memberships, remoteTime: elsewhere?.time };
}

/** What checks resources without a store, with the guides of a folder. */
export async function openValidator(config: Config, folder: string): Promise<Validator> {
  const definitions = loadDefinitions();
  const policy = readPolicy(config, definitions.resourceTypes);
  const { guides, findWith, terminologyParts } = await openDefinitions(
    { ...config, guides: folder },
    createLog(config.log),
  );
  const { bases } = engineSettings(config, 0);
  const { resources } = createTerminology(async () => undefined, { bases, ...terminologyParts });
  const memberships = createMemberships({
    sources: from => resources.once(undefined, from),
    ofStandard: () => resources.ofStandard(),
  });
  const { required: _required, ...checked } = openJudge(policy, createMetrics(), {
    find: findWith(),
    definitions,
    memberships,
    guides,
  });
  return { definitions, ...checked, validate: createValidation([structureStep(definitions)]) };
}
